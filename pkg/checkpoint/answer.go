package checkpoint

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// Place is a position in the input, always between two records. It has the
// fields of reader.Position and converts to and from it.
type Place struct {
	Source int   // index into the sources, 0-based
	Offset int64 // bytes of decoded input before it, in this source
	Line   int64 // lines before it, in this source
}

// Span says which stretch of the input a batch is.
type Span struct {
	Seq        int64 // 1 for the run's first batch
	Start, End Place
	Hash       uint64 // of the span's decoded bytes
	Records    int    // all of them, also those that are not sent
	Cut        bool   // ended by an end of the input
}

// Counts are records by what became of them.
type Counts struct {
	Accepted  int64 `json:"accepted"`
	Rejected  int64 `json:"rejected"`
	Failed    int64 `json:"failed"`
	Invalid   int64 `json:"invalid"`
	Duplicate int64 `json:"duplicate"`
	Skipped   int64 `json:"skipped"`
}

// Sum is the number of records.
func (c Counts) Sum() int64 {
	return c.Accepted + c.Rejected + c.Failed + c.Invalid + c.Duplicate + c.Skipped
}

// Add adds d to c.
func (c *Counts) Add(d Counts) {
	c.Accepted += d.Accepted
	c.Rejected += d.Rejected
	c.Failed += d.Failed
	c.Invalid += d.Invalid
	c.Duplicate += d.Duplicate
	c.Skipped += d.Skipped
}

// Tally counts records that were not accepted for the same reason. Reason must
// not hold an identity.
type Tally struct {
	Status string `json:"status"`
	Reason string `json:"reason"`
	Code   int    `json:"code,omitempty"`
	Count  int64  `json:"count"`
}

// maxRecords is more records than a batch can have: one holds at most 1 MiB of
// them, at 64 bytes or more each.
const maxRecords = 1 << 20

// Answer is what settles: the records of a batch that one answer decided.
type Answer struct {
	Span
	// Index holds the positions of the decided records in the span, rising; nil
	// means every record of it.
	Index   []int
	Counts  Counts
	Tallies []Tally

	rowsLen int64  // bytes of the report rows
	rowsCRC uint32 // CRC-32C of them
}

// appendAnswer appends the journal's words for a:
//
//	seq start end hash records flags which counts rows-bytes rows-crc [tallies]
//
// where a place is source:offset:line, which is * or ranges like 0-49,51, and
// counts are in the order of Counts' fields.
func appendAnswer(dst []byte, a *Answer) ([]byte, error) {
	dst = strconv.AppendInt(dst, a.Seq, 10)
	dst = appendPlace(append(dst, ' '), a.Start)
	dst = appendPlace(append(dst, ' '), a.End)
	dst = appendHex(append(dst, ' '), a.Hash, 16)
	dst = strconv.AppendInt(append(dst, ' '), int64(a.Records), 10)
	if a.Cut {
		dst = append(dst, " c "...)
	} else {
		dst = append(dst, " - "...)
	}
	dst = appendRanges(dst, a.Index)
	c := &a.Counts
	sep := byte(' ')
	for _, n := range [...]int64{c.Accepted, c.Rejected, c.Failed, c.Invalid, c.Duplicate, c.Skipped} {
		dst = strconv.AppendInt(append(dst, sep), n, 10)
		sep = ','
	}
	dst = strconv.AppendInt(append(dst, ' '), a.rowsLen, 10)
	dst = appendHex(append(dst, ' '), uint64(a.rowsCRC), 8)
	if len(a.Tallies) == 0 {
		return dst, nil
	}
	words, err := json.Marshal(a.Tallies)
	if err != nil {
		return nil, fmt.Errorf("encoding tallies: %w", err)
	}
	return append(append(dst, ' '), words...), nil
}

// parseAnswer is the inverse of appendAnswer.
func parseAnswer(words []byte) (Answer, error) {
	s := scanner{rest: words}
	var a Answer
	a.Seq = s.number(' ')
	a.Start = s.place()
	a.End = s.place()
	a.Hash = s.hex(16)
	a.Records = int(min(s.number(' '), maxRecords+1))
	if a.Records > maxRecords {
		return a, errWords
	}
	if len(s.rest) < 2 || s.rest[0] != '-' && s.rest[0] != 'c' {
		return a, errWords
	}
	a.Cut = s.rest[0] == 'c'
	s.rest = s.rest[1:]
	s.space()
	a.Index = s.ranges(a.Records)
	c := &a.Counts
	for _, n := range [...]*int64{&c.Accepted, &c.Rejected, &c.Failed, &c.Invalid, &c.Duplicate} {
		*n = s.number(',')
	}
	c.Skipped = s.number(' ')
	a.rowsLen = s.number(' ')
	a.rowsCRC = uint32(s.hex(8))
	if s.err == nil && len(s.rest) > 0 {
		if err := json.Unmarshal(s.rest, &a.Tallies); err != nil {
			return a, fmt.Errorf("decoding tallies: %w", err)
		}
	}
	if s.err == nil && a.Counts.Sum() != int64(a.decided()) {
		s.err = errWords
	}
	return a, s.err
}

// decided is the number of records that the answer decided.
func (a *Answer) decided() int {
	if a.Index == nil {
		return a.Records
	}
	return len(a.Index)
}

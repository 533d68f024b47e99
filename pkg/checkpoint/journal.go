package checkpoint

import (
	"bufio"
	"bytes"
	"errors"
	"hash/crc32"
	"io"
	"strconv"
)

// The journal is text, one entry a line:
//
//	crc n kind words
//
// crc is the CRC-32C of the rest of the line in eight hexadecimal digits, n
// the entry's number from 1 (so that a line that is missing shows), kind one
// letter. Answers have words of their own (appendAnswer), the others JSON.
const (
	kindHeader  = 'h' // Header: the first entry of every journal
	kindStart   = 's' // Start: a process took the run up
	kindAnswer  = 'a' // Answer
	kindMark    = 'm' // mark: a sync follows
	kindEnd     = 'e' // end: the input was read to its end, everything is settled
	kindRewrite = 'w' // rewrite: the report was written anew
)

// maxEntry bounds a line, in bytes; a header with thousands of sources and an
// answer with 1,000 ranges stay far below it.
const maxEntry = 16 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// entry is one line of the journal, without its checksum and number.
type entry struct {
	n      int64
	kind   byte
	words  []byte // valid until the next entry is read
	offset int64  // where the line starts in the file
	next   int64  // where the line behind it starts
}

// appendEntryHead begins a line in dst, which is empty: the caller appends the
// words and seals it.
func appendEntryHead(dst []byte, n int64, kind byte) []byte {
	dst = append(dst, "00000000 "...)
	dst = strconv.AppendInt(dst, n, 10)
	return append(dst, ' ', kind, ' ')
}

// sealEntry puts the checksum into the line and ends it.
func sealEntry(line []byte) []byte {
	appendHex(line[:0], uint64(crc32.Checksum(line[9:], castagnoli)), 8)
	return append(line, '\n')
}

// parseEntry takes one line, without its line end, apart.
func parseEntry(line []byte) (entry, bool) {
	if len(line) < 14 || line[8] != ' ' {
		return entry{}, false
	}
	s := scanner{rest: line[:9]}
	sum := s.hex(8)
	if s.err != nil || uint32(sum) != crc32.Checksum(line[9:], castagnoli) {
		return entry{}, false
	}
	s.rest = line[9:]
	n := s.number(' ')
	if s.err != nil || len(s.rest) < 3 || s.rest[1] != ' ' {
		return entry{}, false
	}
	return entry{n: n, kind: s.rest[0], words: s.rest[2:]}, true
}

// journalReader reads entries until the first line that is none.
type journalReader struct {
	r      *bufio.Reader
	long   []byte
	offset int64
	n      int64
}

func newJournalReader(r io.Reader) *journalReader {
	return &journalReader{r: bufio.NewReaderSize(r, 64<<10)}
}

// errTorn is a line that is not whole: the journal ends before it, or it is
// damaged; which of the two it is, load decides.
var errTorn = errors.New("torn entry")

// next returns the next entry, io.EOF at a clean end, errTorn at a line that
// is no entry or not the next one. Other errors are the file's.
func (j *journalReader) next() (entry, error) {
	line, err := j.line()
	if err != nil {
		return entry{}, err
	}
	e, ok := parseEntry(line)
	if !ok || e.n != j.n+1 {
		return entry{}, errTorn
	}
	j.n = e.n
	e.offset = j.offset
	j.offset += int64(len(line)) + 1
	e.next = j.offset
	return e, nil
}

// line returns the next line without its end.
func (j *journalReader) line() ([]byte, error) {
	line, err := j.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		j.long = j.long[:0]
		for errors.Is(err, bufio.ErrBufferFull) && len(j.long) < maxEntry {
			j.long = append(j.long, line...)
			line, err = j.r.ReadSlice('\n')
		}
		j.long = append(j.long, line...)
		line = j.long
	}
	switch {
	case err == nil:
		return line[:len(line)-1], nil
	case errors.Is(err, io.EOF) && len(line) == 0:
		return nil, io.EOF
	case errors.Is(err, io.EOF), errors.Is(err, bufio.ErrBufferFull):
		return nil, errTorn
	}
	return nil, err
}

// scanOn calls see with every whole entry behind a torn one, in spite of its
// number: what stands there tells whether the torn one was synced once.
func (j *journalReader) scanOn(see func(entry)) error {
	for {
		line, err := j.line()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, errTorn):
			return nil
		case err != nil:
			return err
		}
		if e, ok := parseEntry(bytes.TrimLeft(line, "\x00")); ok {
			see(e)
		}
	}
}

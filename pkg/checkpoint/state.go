package checkpoint

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/zeebo/xxh3"
)

// anchorEvery is how many batches lie between two anchors: 32 bytes of memory
// for 102,400 identities at the usual batch size.
const anchorEvery = 1024

// maxReasons bounds the distinct reasons that are counted one by one.
const maxReasons = 1000

// anchor is the proof of a prefix: the chain over the spans 1 to Seq.
type anchor struct {
	seq   int64
	chain uint64
	end   Place
}

// open is a batch above the watermark of which something is settled.
type open struct {
	span    Span
	settled []uint64 // bitmap; nil while nothing is and once everything is
	left    int
}

// state is what the journal's answers add up to. It is the same code that
// counts while running and when a journal is read back.
type state struct {
	watermark int64 // batches 1 to watermark are whole
	chain     uint64
	end       Place // where the watermark's span ends
	highest   int64 // the highest batch that has anything settled
	records   int64 // settled records
	counts    Counts
	anchors   []anchor
	open      map[int64]*open
	cuts      map[int64]int // batches cut by an end of the input: their records
	reasons   map[Tally]int64
	reportLen int64 // bytes of the report that answers account for, header included
}

func newState(headerLen int64) *state {
	return &state{
		open: map[int64]*open{}, cuts: map[int64]int{}, reasons: map[Tally]int64{},
		reportLen: headerLen,
	}
}

// admits tells why an answer can't be added: it is none, or it contradicts an
// earlier one, which no crash can bring about.
func (s *state) admits(a *Answer) error {
	if a.Records < 1 || a.Records > maxRecords || a.Index != nil && len(a.Index) == 0 || a.Counts.Sum() != int64(a.decided()) {
		return fmt.Errorf("an answer to batch %d does not add up", a.Seq)
	}
	for k, i := range a.Index {
		if i < 0 || i >= a.Records || k > 0 && i <= a.Index[k-1] {
			return fmt.Errorf("an answer to batch %d has its records out of order", a.Seq)
		}
	}
	o := s.open[a.Seq]
	switch {
	case a.Seq <= s.watermark || o != nil && o.has(a):
		return fmt.Errorf("records of batch %d are settled twice", a.Seq)
	case o != nil && o.span != a.Span:
		return fmt.Errorf("batch %d has two different spans", a.Seq)
	}
	return nil
}

// has tells whether any record of the answer is settled already.
func (o *open) has(a *Answer) bool {
	if a.Index == nil || o.left == 0 {
		return o.left < o.span.Records
	}
	for _, i := range a.Index {
		if i/64 < len(o.settled) && o.settled[i/64]>>(i%64)&1 == 1 {
			return true
		}
	}
	return false
}

// apply adds an answer, if it can be added.
func (s *state) apply(a *Answer) error {
	if err := s.admits(a); err != nil {
		return err
	}
	o := s.open[a.Seq]
	if o == nil {
		o = &open{span: a.Span, left: a.Records}
		s.open[a.Seq] = o
		if a.Cut {
			s.cuts[a.Seq] = a.Records
		}
	}
	o.settle(a)
	s.highest = max(s.highest, a.Seq)
	s.records += int64(a.decided())
	s.counts.Add(a.Counts)
	s.reportLen += a.rowsLen
	s.tally(a.Tallies)
	s.advance()
	return nil
}

func (o *open) settle(a *Answer) {
	o.left -= a.decided()
	if o.left == 0 {
		o.settled = nil
		return
	}
	if o.settled == nil {
		o.settled = make([]uint64, (a.Records+63)/64)
	}
	for _, i := range a.Index {
		o.settled[i/64] |= 1 << (i % 64)
	}
}

// advance moves the watermark over the batches that have become whole.
func (s *state) advance() {
	for {
		o := s.open[s.watermark+1]
		if o == nil || o.left > 0 {
			return
		}
		delete(s.open, s.watermark+1)
		s.watermark++
		s.chain = link(s.chain, o.span)
		s.end = o.span.End
		if s.watermark%anchorEvery == 0 {
			s.anchors = append(s.anchors, anchor{s.watermark, s.chain, s.end})
		}
	}
}

// link is the chain's next value: a hash over the one before and the span.
func link(chain uint64, sp Span) uint64 {
	var b [48]byte
	binary.LittleEndian.PutUint64(b[0:], chain)
	binary.LittleEndian.PutUint64(b[8:], sp.Hash)
	binary.LittleEndian.PutUint64(b[16:], uint64(sp.End.Source))
	binary.LittleEndian.PutUint64(b[24:], uint64(sp.End.Offset))
	binary.LittleEndian.PutUint64(b[32:], uint64(sp.End.Line))
	binary.LittleEndian.PutUint64(b[40:], uint64(sp.Records))
	return xxh3.Hash(b[:])
}

func (s *state) tally(ts []Tally) {
	for _, t := range ts {
		n := t.Count
		t.Count = 0
		if _, known := s.reasons[t]; !known && len(s.reasons) >= maxReasons {
			t.Reason, t.Code = "other reasons", 0
		}
		s.reasons[t] += n
	}
}

// tallies are the reasons, the most frequent first.
func (s *state) tallies() []Tally {
	ts := make([]Tally, 0, len(s.reasons))
	for t, n := range s.reasons {
		if n > 0 {
			t.Count = n
			ts = append(ts, t)
		}
	}
	slices.SortFunc(ts, func(a, b Tally) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Status, b.Status),
			cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Code, b.Code))
	})
	return ts
}

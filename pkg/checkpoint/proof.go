package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// Proof checks, batch by batch in order, that the input is the one that the
// run has settled records of.
type Proof struct {
	st       *Store
	chain    uint64
	next     int64
	from     int64    // watermark when the proof began
	highest  int64    // the highest batch that has anything settled
	end      Place    // the watermark's
	final    uint64   // the watermark's chain
	anchors  []anchor // those still to come
	recent   []Span   // what was read since the last anchor
	lastLine int64
	open     map[int64]open
}

// Prove begins a proof. With skip the prefix up to the watermark is taken as
// proved (the file was not touched) and Check begins behind it.
func (st *Store) Prove(skip bool) *Proof {
	st.mu.Lock()
	defer st.mu.Unlock()
	p := &Proof{
		st: st, next: 1, from: st.s.watermark, highest: st.s.highest,
		end: st.s.end, final: st.s.chain, anchors: st.s.anchors, open: map[int64]open{},
	}
	for seq, o := range st.s.open {
		copied := *o
		copied.settled = slices.Clone(o.settled)
		p.open[seq] = copied
	}
	if skip {
		p.next, p.chain, p.anchors = p.from+1, p.final, nil
	}
	return p
}

// Done reports whether everything that has anything settled is proved.
func (p *Proof) Done() bool { return p.next > p.highest }

// Check takes the next span of the input. It returns which of its records are
// still unsettled: all is true for all of them, else the positions, rising,
// none for a batch that is whole. The error is a *ChangedError where the span
// is not the one that was settled.
func (p *Proof) Check(sp Span) (rest []int, all bool, err error) {
	if sp.Seq != p.next {
		return nil, false, fmt.Errorf("batch %d came where %d was due", sp.Seq, p.next)
	}
	p.next++
	p.lastLine = sp.End.Line
	if sp.Seq <= p.from {
		return nil, false, p.chained(sp)
	}
	o, known := p.open[sp.Seq]
	if !known {
		return nil, true, nil
	}
	if !o.span.same(sp) {
		return nil, false, changed(sp, sp)
	}
	for i := range sp.Records {
		if o.left > 0 && o.settled[i/64]>>(i%64)&1 == 0 {
			rest = append(rest, i)
		}
	}
	return rest, false, nil
}

// same tells whether two spans are the same stretch of the same input.
func (sp Span) same(other Span) bool {
	return sp.Hash == other.Hash && sp.End == other.End && sp.Records == other.Records
}

// changed is the error for a change between two spans of the input.
func changed(first, last Span) error {
	from := first.Start.Line + 1
	if first.Start.Source != last.End.Source {
		from = 1 // the lines of the source that is named
	}
	return &ChangedError{Source: last.End.Source, From: from, To: max(last.End.Line, from)}
}

// chained adds a span to the chain and compares at anchors and at the end.
func (p *Proof) chained(sp Span) error {
	p.chain = link(p.chain, sp)
	p.recent = append(p.recent, sp)
	want := p.final
	switch {
	case len(p.anchors) > 0 && p.anchors[0].seq == sp.Seq:
		want, p.anchors = p.anchors[0].chain, p.anchors[1:]
	case sp.Seq < p.from:
		return nil
	}
	if p.chain == want {
		p.recent = p.recent[:0]
		return nil
	}
	if err := p.locate(); err != nil {
		return err
	}
	return changed(p.recent[0], p.recent[len(p.recent)-1])
}

// Short is the error for an input that ends before everything is proved.
func (p *Proof) Short(source int) error {
	if err := p.locate(); err != nil {
		return err
	}
	return &ChangedError{Source: source, From: p.lastLine}
}

// locate returns a *ChangedError for the first of the recent spans that
// differs from the journal's, so that the message can say where. It returns nil
// if none does.
func (p *Proof) locate() error {
	if len(p.recent) == 0 {
		return nil
	}
	f, err := p.st.o.FS.Open(p.st.o.path(JournalFile))
	if err != nil {
		return fmt.Errorf("opening the journal: %w", err)
	}
	defer f.Close()
	first := len(p.recent)
	for j := newJournalReader(f); ; {
		e, err := j.next()
		if errors.Is(err, io.EOF) || errors.Is(err, errTorn) {
			break
		}
		if err != nil {
			return fmt.Errorf("reading the journal: %w", err)
		}
		if e.kind != kindAnswer {
			continue
		}
		a, err := parseAnswer(e.words)
		if err != nil {
			break // the part behind it tells nothing: say what is known
		}
		if i := a.Seq - p.recent[0].Seq; i >= 0 && i < int64(first) && !a.same(p.recent[i]) {
			first = int(i)
		}
	}
	if first == len(p.recent) {
		return nil
	}
	return changed(p.recent[first], p.recent[first])
}

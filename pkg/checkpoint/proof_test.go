package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/bulkdemerge/bulkdemerge/internal/vfs/crashfs"
)

// longRun settles batches 1 to n of four lines each, all but those of which
// part is settled only; it returns the store, reopened.
func longRun(t *testing.T, n int64, part map[int64][]int) *Store {
	t.Helper()
	fsys := crashfs.New()
	st, err := Create(testOptions(fsys), testHeader)
	if err != nil {
		t.Fatal(err)
	}
	for _, sp := range longInput(n) {
		a := &Answer{Span: sp, Index: part[sp.Seq], Counts: Counts{Accepted: 4}}
		if a.Index != nil {
			a.Counts.Accepted = int64(len(a.Index))
		}
		if err := st.Settle(a, []byte("row\n")); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(st.Sync(nil), st.Close()); err != nil {
		t.Fatal(err)
	}
	if st, err = Open(testOptions(fsys)); err != nil {
		t.Fatal(err)
	}
	return st
}

func longInput(n int64) []Span {
	var spans []Span
	var at Place
	for seq := int64(1); seq <= n; seq++ {
		end := Place{Offset: at.Offset + 40, Line: at.Line + 4}
		spans = append(spans, Span{Seq: seq, Start: at, End: end, Hash: uint64(seq * seq), Records: 4})
		at = end
	}
	return spans
}

// prove runs a proof over an input as the pipeline does.
func prove(p *Proof, input []Span) error {
	for _, sp := range input {
		if p.Done() {
			return nil
		}
		if _, _, err := p.Check(sp); err != nil {
			return err
		}
	}
	if !p.Done() {
		return p.Short(0)
	}
	return nil
}

// TestChanged changes every part of the input's proof and looks at the lines
// that the error names.
func TestChanged(t *testing.T) {
	const whole, highest = 2*anchorEvery + 100, 2*anchorEvery + 104
	st := longRun(t, highest, map[int64][]int{whole + 1: {1, 2}, whole + 3: {0}})
	if v := st.View(); v.Watermark != whole || v.Highest != highest || len(st.s.anchors) != 2 {
		t.Fatalf("%+v, %d anchors", v, len(st.s.anchors))
	}
	if err := prove(st.Prove(false), longInput(highest+9)); err != nil {
		t.Errorf("the same input: %v", err)
	}
	for _, seq := range []int64{
		1, 2, 77, anchorEvery - 1, anchorEvery, anchorEvery + 1, 2 * anchorEvery, 2*anchorEvery + 1,
		whole - 1, whole, whole + 1, whole + 2, whole + 3, highest,
	} {
		for what, change := range map[string]func(*Span){
			"bytes":   func(sp *Span) { sp.Hash++ },
			"length":  func(sp *Span) { sp.End.Offset++ },
			"records": func(sp *Span) { sp.Records++ },
		} {
			input := longInput(highest + 9)
			change(&input[seq-1])
			err := prove(st.Prove(false), input)
			c, ok := errors.AsType[*ChangedError](err)
			if !ok || c.From != seq*4-3 || c.To != seq*4 || c.Source != 0 || c.Hint() == "" {
				t.Errorf("%s of batch %d changed: %v", what, seq, err)
			}
		}
	}
	// All that follows moves along when a line is put in.
	input := longInput(highest + 9)
	for i := 99; i < len(input); i++ {
		input[i].Hash += 7
		input[i].End.Line++
	}
	if c, ok := errors.AsType[*ChangedError](prove(st.Prove(false), input)); !ok || c.From != 397 {
		t.Errorf("a line put in: %v", c)
	}
}

// TestShort: an input that ends early names the place: the first span that
// differs, or the end.
func TestShort(t *testing.T) {
	const highest = anchorEvery + 10
	st := longRun(t, highest, map[int64][]int{anchorEvery + 9: {3}})
	for _, n := range []int64{0, 1, 5, anchorEvery, anchorEvery + 3, anchorEvery + 8, highest - 1} {
		c, ok := errors.AsType[*ChangedError](prove(st.Prove(false), longInput(n)))
		if !ok || c.To != 0 || c.From != 4*n || c.Error() == "" {
			t.Errorf("%d batches: %v", n, c)
		}
		if n == 0 {
			continue
		}
		input := longInput(n)
		last := &input[n-1]
		last.Records, last.End.Offset, last.End.Line, last.Hash = 2, last.End.Offset-20, last.End.Line-2, 1
		c, ok = errors.AsType[*ChangedError](prove(st.Prove(false), input))
		if !ok || c.From != 4*n-3 || c.To != 4*n-2 {
			t.Errorf("%d batches, the last one cut off: %v", n, c)
		}
	}
}

// TestChangedAcrossSources: a span over two files names lines of the second.
func TestChangedAcrossSources(t *testing.T) {
	st := longRun(t, 3, nil)
	input := longInput(3)
	input[1].End = Place{Source: 1, Offset: 5, Line: 2}
	c, ok := errors.AsType[*ChangedError](prove(st.Prove(false), input))
	if !ok || c.Source != 1 || c.From != 1 || c.To != 2 {
		t.Errorf("%v", c)
	}
}

// TestRest: what is unsettled is what the proof says.
func TestRest(t *testing.T) {
	st := longRun(t, 6, map[int64][]int{4: {1, 2}, 6: {0}})
	for _, skip := range []bool{false, true} {
		p := st.Prove(skip)
		input := longInput(9)
		if skip {
			input = input[3:]
		}
		got := ""
		for _, sp := range input {
			if p.Done() {
				break
			}
			rest, all, err := p.Check(sp)
			if err != nil {
				t.Fatal(err)
			}
			got += fmt.Sprint(sp.Seq, rest, all, " ")
		}
		want := "4 [0 3] false 5 [] false 6 [1 2 3] false "
		if !skip {
			want = "1 [] false 2 [] false 3 [] false " + want
		}
		if got != want {
			t.Errorf("skip %v: %s, want %s", skip, got, want)
		}
		if _, _, err := p.Check(Span{Seq: 99}); err == nil {
			t.Error("a batch out of turn passes")
		}
	}
	gap := longRun(t, 1, nil)
	a := &Answer{Span: longInput(3)[2], Counts: Counts{Accepted: 4}}
	if err := gap.Settle(a, nil); err != nil {
		t.Fatal(err)
	}
	p := gap.Prove(true)
	if rest, all, err := p.Check(longInput(2)[1]); rest != nil || !all || err != nil {
		t.Errorf("a batch of which nothing is settled: %v, %v, %v", rest, all, err)
	}
	if p := longRun(t, 0, nil).Prove(false); !p.Done() {
		t.Error("a run without answers has something to prove")
	}
}

// TestProofUnreadable: a journal that fails while the place is looked for is
// said, not taken for a change.
func TestProofUnreadable(t *testing.T) {
	st := longRun(t, 3, nil)
	fsys, ok := st.o.FS.(*crashfs.FS)
	if !ok {
		t.Fatal("another file system")
	}
	p := st.Prove(false)
	input := longInput(3)
	input[0].Hash++
	fsys.Put("run/"+JournalFile, nil)
	err := prove(p, input)
	if _, is := errors.AsType[*ChangedError](err); is || err == nil || errors.Is(err, io.EOF) {
		t.Errorf("%v", err)
	}
	fsys.Put("run/"+JournalFile, []byte("nothing"))
	c, is := errors.AsType[*ChangedError](prove(st.Prove(false), input))
	if !is || c.From != 1 || c.To != 12 {
		t.Errorf("a journal that tells nothing: %v", c)
	}
}

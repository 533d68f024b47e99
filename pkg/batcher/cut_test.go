package batcher

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/zeebo/xxh3"
	"pgregory.net/rapid"

	"github.com/bulkdemerge/bulkdemerge/pkg/reader"
)

// noCut is for one block a source.
func noCut() bool { return false }

// plain is an input of one source with one line for each identity.
func plain(ids ...string) input {
	in := input{sources: [][]line{nil}, tails: []string{""}}
	for _, id := range ids {
		in.sources[0] = append(in.sources[0], line{id: id, raw: id + "\n"})
	}
	return in
}

func numbers(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprint(i)
	}
	return ids
}

// shape is the batches in short: records/sends each, with a ! where cut.
func shape(batches []*Batch) string {
	var s []string
	for _, b := range batches {
		one := fmt.Sprintf("%d/%d", len(b.Records), b.Sends)
		if b.Cut {
			one += "!"
		}
		s = append(s, one)
	}
	return strings.Join(s, " ")
}

func TestCuts(t *testing.T) {
	long := strings.Repeat("x", 2000) // kept as 1,025 bytes, so 1,089 held
	tests := []struct {
		name string
		ids  []string
		o    Options
		cuts map[int64]int
		want string
	}{
		{"default size", numbers(250), Options{}, nil, "100/100 100/100 50/50!"},
		{"ends with the batch", numbers(200), Options{}, nil, "100/100 100/100"},
		{"nothing", nil, Options{}, nil, ""},
		{"size 1", numbers(3), Options{BatchSize: 1}, nil, "1/1 1/1 1/1"},
		{"the others ride along", []string{"", "a", "", "a", "b", "", "c"}, Options{BatchSize: 2, Dedupe: true}, nil, "5/2 2/1!"},
		{"nothing to send", []string{"", ""}, Options{}, nil, "2/0!"},
		{"an earlier end", numbers(250), Options{}, map[int64]int{2: 7}, "100/100 7/7! 100/100 43/43!"},
		{"an earlier end without anything to send", append([]string{"", ""}, numbers(5)...), Options{}, map[int64]int{1: 2}, "2/0! 5/5!"},
		{"an earlier end that never came", numbers(150), Options{}, map[int64]int{1: 120, 2: 60}, "100/100 50/50!"},
		{"held: empty records", make([]string, 20_000), Options{}, nil, "16384/0 3616/0!"},
		{"held: long records", strings.Fields(strings.Repeat(long+" ", 1000)), Options{}, nil, "963/0 37/0!"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := New(&fakeSource{err: io.EOF, blocks: plain(tt.ids...).blocks(noCut)}, tt.o)
			defer b.Close()
			b.CutAt(func(seq int64) (int, bool) { n, ok := tt.cuts[seq]; return n, ok })
			if got := shape(collect(t, b, io.EOF)); got != tt.want {
				t.Errorf("batches %s, want %s", got, tt.want)
			}
		})
	}
}

// TestBrokenSource: what was whole before damage comes as a batch that is cut,
// then the error. A stop makes no cut: where it comes is a matter of time.
func TestBrokenSource(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{&reader.DamageError{Source: "a"}, "10/10 3/3!"},
		{errors.New("stopped"), "10/10"},
	} {
		b := New(&fakeSource{err: tt.err, blocks: plain(numbers(13)...).blocks(noCut)}, Options{BatchSize: 10})
		if got := shape(collect(t, b, tt.err)); got != tt.want {
			t.Errorf("%v: batches %s, want %s", tt.err, got, tt.want)
		}
		b.Close()
	}
}

// TestSpansSources pins which bytes belong to which span where sources meet:
// what stands behind a source's last record and before the next one's first
// belongs to the batch that follows, and to none if none does.
func TestSpansSources(t *testing.T) {
	in := input{
		sources: [][]line{{{id: "a", before: "id\n", raw: "a\n"}}, {}, {{id: "b", before: "ID\n\n", raw: "b\n"}}},
		tails:   []string{"\n\n", "id\n", "\n"},
	}
	b := New(&fakeSource{err: io.EOF, blocks: in.blocks(noCut)}, Options{BatchSize: 1})
	defer b.Close()
	batches := collect(t, b, io.EOF)
	want := []struct {
		end  reader.Position
		span string
	}{
		{reader.Position{Source: 0, Offset: 5, Line: 2}, "id\na\n"},
		{reader.Position{Source: 2, Offset: 6, Line: 3}, "\n\nid\nID\n\nb\n"},
	}
	if len(batches) != len(want) {
		t.Fatalf("%d batches, want %d", len(batches), len(want))
	}
	for i, w := range want {
		if got := batches[i]; got.End != w.end || got.Hash != xxh3.HashString(w.span) {
			t.Errorf("batch %d ends at %+v, want %+v with the hash of %q", i+1, got.End, w.end, w.span)
		}
	}
}

// TestGrownInput: an input that ended earlier once, with the cut known, gives
// the same batches as then, and goes on behind them.
func TestGrownInput(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := genInput(t)
		o := Options{BatchSize: rapid.IntRange(1, 20).Draw(t, "size"), Dedupe: rapid.Bool().Draw(t, "dedupe")}
		last := len(in.sources) - 1
		short := input{sources: append([][]line{}, in.sources...), tails: append([]string{}, in.tails...)}
		short.sources[last] = in.sources[last][:rapid.IntRange(0, len(in.sources[last])).Draw(t, "lines then")]
		if len(short.sources[last]) < len(in.sources[last]) {
			short.tails[last] = ""
		}
		cuts := map[int64]int{}
		run := func(in input) []*Batch {
			cut := func() bool { return rapid.IntRange(0, 9).Draw(t, "cut") == 0 }
			b := New(&fakeSource{err: io.EOF, blocks: in.blocks(cut)}, o)
			defer b.Close()
			b.CutAt(func(seq int64) (int, bool) { n, ok := cuts[seq]; return n, ok })
			return collect(t, b, io.EOF)
		}
		before := run(short)
		for _, batch := range before {
			if batch.Cut {
				cuts[batch.Seq] = len(batch.Records)
			}
		}
		after := run(in)
		for i, want := range before {
			if !same(after[i], want) {
				t.Fatalf("batch %d was %+v, is %+v", i+1, want, after[i])
			}
		}
		pos := reader.Position{}
		for _, batch := range after {
			if batch.Start != pos || batch.Hash != xxh3.HashString(in.span(batch.Start, batch.End)) {
				t.Fatalf("batch %d: start %+v, want %+v, or the wrong hash", batch.Seq, batch.Start, pos)
			}
			pos = batch.End
		}
	})
}

// same compares what a settled batch is recognised by.
func same(a, b *Batch) bool {
	return a.Seq == b.Seq && a.Start == b.Start && a.End == b.End && a.Hash == b.Hash && a.Cut == b.Cut &&
		a.Sends == b.Sends && len(a.Records) == len(b.Records)
}

// TestStart seeks to the end of each batch and gets the batches behind it.
func TestStart(t *testing.T) {
	in := input{sources: [][]line{plain(numbers(25)...).sources[0], plain(numbers(9)...).sources[0]}, tails: []string{"\n", ""}}
	o := Options{BatchSize: 4}
	whole := collect(t, New(&fakeSource{err: io.EOF, blocks: in.blocks(noCut)}, o), io.EOF)
	for i, from := range whole {
		b := New(&fakeSource{err: io.EOF, blocks: after(in.blocks(noCut), from.End)}, o)
		b.Start(from.End, from.Seq+1)
		got := collect(t, b, io.EOF)
		if len(got) != len(whole)-i-1 {
			t.Fatalf("from batch %d on: %d batches, want %d", i+2, len(got), len(whole)-i-1)
		}
		for j := range got {
			if want := whole[i+1+j]; !same(got[j], want) {
				t.Fatalf("from batch %d on: %+v, want %+v", i+2, got[j], want)
			}
		}
	}
}

// after is what a reader that seeks to p hands out.
func after(blocks []*reader.Block, p reader.Position) []*reader.Block {
	for len(blocks) > 0 && blocks[0].Source < p.Source {
		blocks = blocks[1:]
	}
	first := blocks[0]
	skip := int(p.Offset - first.Offset)
	lines := int(p.Line - first.Line)
	rest := &reader.Block{Source: p.Source, Offset: p.Offset, Line: p.Line, Data: first.Data[skip:]}
	for _, r := range first.Records {
		if r.End > skip {
			r.End -= skip
			r.Lines -= lines
			rest.Records = append(rest.Records, r)
		}
	}
	return append([]*reader.Block{rest}, blocks[1:]...)
}

// TestClipped: what is too long is not held whole, whatever becomes of it, but
// is seen to be cut.
func TestClipped(t *testing.T) {
	skip, invalid := strings.Repeat("s", 3000), strings.Repeat("i", 3000)
	b := New(&fakeSource{err: io.EOF, blocks: plain(skip, invalid).blocks(noCut)}, Options{Skip: []string{skip}})
	defer b.Close()
	got := collect(t, b, io.EOF)[0].Records
	for i, want := range []string{skip[:1025], invalid[:1025]} {
		if string(got[i].Identity) != want {
			t.Errorf("%s record holds %d bytes, want %d", got[i].Class, len(got[i].Identity), len(want))
		}
	}
	if got[0].Class != Skipped || got[1].Reason != ReasonTooLong {
		t.Errorf("classes %s and %s", got[0].Class, got[1].Class)
	}
}

func TestBatchSizeOutOfRange(t *testing.T) {
	for _, size := range []int{-1, 101} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("batch size %d was taken", size)
				}
			}()
			New(nil, Options{BatchSize: size})
		}()
	}
}

// TestNoAllocations: once batches come back, a record costs none.
func TestNoAllocations(t *testing.T) {
	for _, dedupe := range []bool{false, true} {
		b := New(newEndless(4, 1<<40), Options{Trim: true, Dedupe: dedupe, Skip: []string{"none"}})
		defer b.Close()
		next := func() {
			batch, err := b.Next()
			if err != nil {
				t.Fatal(err)
			}
			b.Release(batch)
		}
		for range 2000 {
			next()
		}
		if n := testing.AllocsPerRun(2000, next); n > 0 { // of the set that grows, less than one a batch
			t.Errorf("dedupe %v: %v allocations a batch", dedupe, n)
		}
	}
}

// TestReleaseKeepsBounded: batches that were large are not hoarded.
func TestReleaseKeepsBounded(t *testing.T) {
	b := New(&fakeSource{err: io.EOF, blocks: plain(make([]string, 200_000)...).blocks(noCut)}, Options{})
	for _, batch := range collect(t, b, io.EOF) {
		b.Release(batch)
	}
	held := 0
	for _, batch := range b.free {
		held += batch.memory()
	}
	if held > maxFree || held != b.freeBytes || held == 0 {
		t.Errorf("%d bytes kept, %d counted, at most %d wanted", held, b.freeBytes, maxFree)
	}
}

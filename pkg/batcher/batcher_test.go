package batcher

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/zeebo/xxh3"
	"pgregory.net/rapid"

	"github.com/bulkdemerge/bulkdemerge/pkg/reader"
)

// line is one record of a test input: what the reader would say about it.
type line struct {
	id      string
	before  string // bytes before the record that belong to none: blank lines, a header
	raw     string // the record's bytes, its line end included
	problem reader.Problem
}

// input is a test input: sources of lines, each with bytes behind the last.
type input struct {
	sources [][]line
	tails   []string
}

// data is the decoded bytes of a source.
func (in input) data(source int) string {
	var s strings.Builder
	for _, l := range in.sources[source] {
		s.WriteString(l.before + l.raw)
	}
	return s.String() + in.tails[source]
}

// blocks cuts the input as a reader might: cut says, for each end of a record
// and for each byte between records, whether a block ends there.
func (in input) blocks(cut func() bool) []*reader.Block {
	var out []*reader.Block
	for source, lines := range in.sources {
		block := &reader.Block{Source: source}
		next := func() {
			out = append(out, block)
			block = &reader.Block{
				Source: source,
				Offset: block.Offset + int64(len(block.Data)),
				Line:   block.Line + int64(bytes.Count(block.Data, []byte("\n"))),
			}
		}
		put := func(s string) {
			for i := range s {
				block.Data = append(block.Data, s[i])
				if cut() {
					next()
				}
			}
		}
		for _, l := range lines {
			put(l.before)
			start := block.Line + int64(bytes.Count(block.Data, []byte("\n"))) + 1
			block.Data = append(block.Data, l.raw...)
			r := reader.Record{
				Line: start, End: len(block.Data), Lines: bytes.Count(block.Data, []byte("\n")), Problem: l.problem,
			}
			if l.problem == reader.None {
				r.Identity = []byte(l.id)
			}
			block.Records = append(block.Records, r)
			if cut() {
				next()
			}
		}
		put(in.tails[source])
		next()
	}
	return out
}

// fakeSource hands out blocks, and scribbles over those that come back, so
// that a batch that still points into one is found out.
type fakeSource struct {
	mu     sync.Mutex
	blocks []*reader.Block
	err    error
	out    int
}

func (s *fakeSource) Next() (*reader.Block, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.blocks) == 0 {
		return nil, s.err
	}
	block := s.blocks[0]
	s.blocks = s.blocks[1:]
	s.out++
	return block, nil
}

func (s *fakeSource) Release(b *reader.Block) {
	s.mu.Lock()
	s.out--
	s.mu.Unlock()
	for i := range b.Data {
		b.Data[i] = 0xff
	}
	for i := range b.Records {
		for j := range b.Records[i].Identity {
			b.Records[i].Identity[j] = 0xff
		}
		b.Records[i] = reader.Record{Line: -1}
	}
}

// collect runs a batcher to its end.
func collect(t interface{ Fatalf(string, ...any) }, b *Batcher, want error) []*Batch {
	var out []*Batch
	for {
		batch, err := b.Next()
		if err != nil {
			if !errors.Is(err, want) {
				t.Fatalf("Next: %v, want %v", err, want)
			}
			if _, again := b.Next(); !errors.Is(again, want) {
				t.Fatalf("Next after the end: %v, want %v", again, want)
			}
			return out
		}
		out = append(out, batch)
	}
}

// reference classifies as the package promises to, the slow way.
func reference(l line, o Options, seen map[string]bool) (id string, class Class, reason string) {
	if l.problem != reader.None {
		return "", Invalid, l.problem.Reason()
	}
	id = l.id
	if o.Trim {
		id = strings.TrimSpace(id)
	}
	kept := id[:min(len(id), 1025)]
	switch {
	case slices.Contains(o.Skip, id):
		return kept, Skipped, ""
	case id == "":
		return "", Invalid, "empty"
	case len(id) > 1024:
		return kept, Invalid, "longer than 1,024 bytes"
	case !utf8.ValidString(id):
		return id, Invalid, "not valid UTF-8"
	case strings.ContainsFunc(id, unicode.IsControl):
		return id, Invalid, "control character"
	case o.Dedupe && seen[id]:
		return id, Duplicate, ""
	}
	seen[id] = true
	return id, Send, ""
}

var idGen = rapid.OneOf(
	rapid.StringMatching(`[a-c]{1,2}`),
	rapid.StringMatching(`[aAbB]{1,3}`),
	rapid.StringMatching(`client-[0-9]{1,20}`),
	rapid.StringMatching(`[ \t\x{a0}]?[a-z]{0,3}[ \t\x{2003}]?`),
	rapid.String(),
	rapid.Custom(func(t *rapid.T) string { return string(rapid.SliceOfN(rapid.Byte(), 0, 12).Draw(t, "bytes")) }),
	rapid.Custom(func(t *rapid.T) string {
		return strings.Repeat("é", rapid.IntRange(508, 516).Draw(t, "half")) + rapid.SampledFrom([]string{"", "x"}).Draw(t, "odd")
	}),
)

func genInput(t *rapid.T) input {
	var in input
	for range rapid.IntRange(1, 3).Draw(t, "sources") {
		var lines []line
		for range rapid.IntRange(0, 60).Draw(t, "lines") {
			l := line{
				id:     idGen.Draw(t, "id"),
				before: rapid.SampledFrom([]string{"", "", "", "\n", "\n\n", "# header\n"}).Draw(t, "before"),
			}
			l.raw = rapid.SampledFrom([]string{l.id + "\n", "\"" + l.id + "\"\r\n", "x\ny\n"}).Draw(t, "raw")
			if rapid.IntRange(0, 9).Draw(t, "bad") == 0 {
				l.problem = rapid.SampledFrom([]reader.Problem{reader.TooLong, reader.BadQuote}).Draw(t, "problem")
			}
			lines = append(lines, l)
		}
		in.sources = append(in.sources, lines)
		in.tails = append(in.tails, rapid.SampledFrom([]string{"", "\n", "\n\n\n"}).Draw(t, "tail"))
	}
	return in
}

// TestBatches holds the package against a map and a few loops, whatever the
// records, the blocks and the options.
func TestBatches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := genInput(t)
		o := Options{
			BatchSize: rapid.IntRange(1, 100).Draw(t, "size"),
			Trim:      rapid.Bool().Draw(t, "trim"),
			Dedupe:    rapid.Bool().Draw(t, "dedupe"),
			Skip:      rapid.SampledFrom([][]string{nil, {"a"}, {"", "ab"}}).Draw(t, "skip"),
		}
		odds := rapid.IntRange(0, 30).Draw(t, "one cut in")
		src := &fakeSource{err: io.EOF, blocks: in.blocks(func() bool { return odds > 0 && rapid.IntRange(0, odds).Draw(t, "cut") == 0 })}
		b := New(src, o)
		defer b.Close()
		batches := collect(t, b, io.EOF)
		if src.out != 0 {
			t.Fatalf("%d blocks not released", src.out)
		}
		checkSpans(t, in, batches, o)
		checkRecords(t, in, batches, o, b)

		whole := New(&fakeSource{err: io.EOF, blocks: in.blocks(func() bool { return false })}, o)
		defer whole.Close()
		for i, other := range collect(t, whole, io.EOF) {
			if got := batches[i]; got.End != other.End || got.Hash != other.Hash || got.Cut != other.Cut {
				t.Fatalf("batch %d depends on where blocks end:\n%+v\n%+v", i+1, got, other)
			}
		}
	})
}

func checkSpans(t *rapid.T, in input, batches []*Batch, o Options) {
	var pos reader.Position
	for i, batch := range batches {
		if batch.Seq != int64(i+1) || batch.Start != pos {
			t.Fatalf("batch %d has number %d and starts at %+v, want %+v", i+1, batch.Seq, batch.Start, pos)
		}
		pos = batch.End
		if want := in.span(batch.Start, batch.End); batch.Hash != xxh3.HashString(want) {
			t.Fatalf("batch %d: the hash is not that of %q", batch.Seq, want)
		}
		if want := int64(strings.Count(in.data(pos.Source)[:pos.Offset], "\n")); pos.Line != want {
			t.Fatalf("batch %d ends behind line %d, want %d", batch.Seq, pos.Line, want)
		}
		sends := 0
		for _, r := range batch.Records {
			if r.Class == Send {
				sends++
			}
		}
		last := i == len(batches)-1
		if sends != batch.Sends || sends > o.BatchSize || (sends < o.BatchSize) != batch.Cut || batch.Cut && !last {
			t.Fatalf("batch %d of %d: %d sends counted as %d, size %d, cut %v",
				batch.Seq, len(batches), sends, batch.Sends, o.BatchSize, batch.Cut)
		}
	}
}

// span is the bytes between two positions.
func (in input) span(from, to reader.Position) string {
	if from.Source == to.Source {
		return in.data(to.Source)[from.Offset:to.Offset]
	}
	s := in.data(from.Source)[from.Offset:]
	for i := from.Source + 1; i < to.Source; i++ {
		s += in.data(i)
	}
	return s + in.data(to.Source)[:to.Offset]
}

func checkRecords(t *rapid.T, in input, batches []*Batch, o Options, b *Batcher) {
	var got []Record
	for _, batch := range batches {
		got = append(got, batch.Records...)
	}
	seen, folded, n := map[string]bool{}, map[string]map[string]bool{}, 0
	for source, lines := range in.sources {
		at := int64(1)
		for _, l := range lines {
			at += int64(strings.Count(l.before, "\n"))
			id, class, reason := reference(l, o, seen)
			flags := Flags(0)
			if l.problem == reader.None && strings.TrimSpace(l.id) != l.id {
				flags |= OuterSpace
			}
			if (class == Send || class == Duplicate) && !strings.ContainsFunc(id, func(r rune) bool {
				return r <= ' ' && strings.TrimSpace(id) != id || r < ' ' || r > '~' || strings.ContainsRune("\",\\", r)
			}) {
				flags |= Plain
			}
			if class == Send && o.Dedupe {
				key := asciiLower(id)
				if len(folded[key]) > 0 {
					flags |= Variant
				} else {
					folded[key] = map[string]bool{}
				}
				folded[key][id] = true
			}
			if n == len(got) {
				t.Fatalf("record %d is missing", n)
			}
			r := got[n]
			r.Identity = nil
			want := Record{Line: at, Source: int32(source), Class: class, Reason: reason, Flags: flags}
			if fmt.Sprint(r) != fmt.Sprint(want) || string(got[n].Identity) != id {
				t.Fatalf("record %d is %+v, want %q %+v", n, got[n], id, want)
			}
			at += int64(strings.Count(l.raw, "\n"))
			n++
		}
	}
	if n != len(got) {
		t.Fatalf("%d records, want %d", len(got), n)
	}
	if o.Dedupe && b.Distinct() != int64(len(seen)) {
		t.Fatalf("%d distinct, want %d", b.Distinct(), len(seen))
	}
	if (b.seen != nil && b.seen.bytes() > 0) != (o.Dedupe && len(seen) > 0) {
		t.Fatalf("the set and %d identities don't go together", b.Distinct())
	}
}

func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}

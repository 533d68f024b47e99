package reader

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// row is a record as tests write it down.
type row struct {
	id      string
	line    int64
	problem Problem
}

// result is what a source came to.
type result struct {
	rows []row
	data []byte // of all blocks of source 0
	err  error  // but io.EOF
}

// drain reads in to its end and checks what holds for any input: blocks
// without a gap, ends in order, line counts that fit the bytes.
func drain(t testing.TB, in *Input) result {
	t.Helper()
	var (
		res    result
		b      Block
		source = -1
		offset int64
		line   int64
	)
	for {
		err := in.Next(&b)
		if err == io.EOF {
			return res
		}
		if err != nil {
			res.err = err
			return res
		}
		if b.Source != source {
			source, offset, line = b.Source, 0, 0
		}
		if b.Offset != offset || b.Line != line {
			t.Fatalf("block starts at byte %d, line %d; want %d, %d", b.Offset, b.Line, offset, line)
		}
		if c := cap(b.Data); c > 4*MaxRecord || len(b.Records) > maxRecords {
			t.Fatalf("a block of %d bytes and %d records", c, len(b.Records))
		}
		last, lines := 0, 0
		for _, r := range b.Records {
			if r.End <= last || r.End > len(b.Data) {
				t.Fatalf("record ends at %d, the one before at %d, of %d bytes", r.End, last, len(b.Data))
			}
			lines += countLF(b.Data[last:r.End])
			last = r.End
			if r.Lines != lines {
				t.Fatalf("record says %d lines, its bytes %d", r.Lines, lines)
			}
			if (r.Identity == nil) != (r.Problem != None) {
				t.Fatalf("identity %q beside problem %d", r.Identity, r.Problem)
			}
			res.rows = append(res.rows, row{string(r.Identity), r.Line, r.Problem})
		}
		if source == 0 {
			res.data = append(res.data, b.Data...)
		}
		offset += int64(len(b.Data))
		line += int64(lines + countLF(b.Data[last:]))
	}
}

func countLF(p []byte) (n int) {
	for _, c := range p {
		if c == '\n' {
			n++
		}
	}
	return n
}

// write puts content into a file of its own.
func write(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// readAll opens names and drains them.
func readAll(t testing.TB, o Options, names ...string) result {
	t.Helper()
	in, err := Open(context.Background(), names, o)
	if err != nil {
		return result{err: err}
	}
	defer func() {
		if err := in.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	}()
	return drain(t, in)
}

// trickle reads at most n bytes at a time.
type trickle struct {
	r io.Reader
	n int
}

func (s trickle) Read(p []byte) (int, error) { return s.r.Read(p[:min(len(p), s.n)]) }

func TestBlocksHoldEveryByte(t *testing.T) {
	csv := "id,identity\r\n1,a\r\n\r\n2,\"b \"\"x\"\"\ny\"\r\n3\r\n4,\"c\"d\n5,e"
	want := []row{{"a", 2, None}, {"b \"x\"\ny", 4, None}, {"", 6, NoColumn}, {"", 7, BadQuote}, {"e", 8, None}}
	res := readAll(t, Options{}, write(t, "a.csv", []byte(csv)))
	if !slices.Equal(res.rows, want) || res.err != nil {
		t.Errorf("records %v, error %v; want %v", res.rows, res.err, want)
	}
	if string(res.data) != csv {
		t.Errorf("data %q", res.data)
	}
}

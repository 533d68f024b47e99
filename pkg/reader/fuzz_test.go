package reader

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
)

// fuzzLongest stands for MaxRecord: short inputs reach it, too.
const fuzzLongest = 48

// readStream reads data as standard input in pieces.
func readStream(t testing.TB, o Options, data []byte, piece uint8) result {
	t.Helper()
	o.Stdin = bytes.NewReader(data)
	if piece > 0 {
		o.tamper = func(r io.Reader) io.Reader { return trickle{r, int(piece)} }
	}
	in, err := Open(context.Background(), []string{"-"}, o)
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

// refused says whether data is refused as a whole, rightly.
func refused(t testing.TB, data []byte, err error) bool {
	t.Helper()
	usage := new(UsageError)
	if !errors.As(err, &usage) {
		return false
	}
	kind, kindErr := compression(data[:min(len(data), sniffLen)])
	marked := bytes.HasPrefix(data, []byte(bomUTF16LE)) || bytes.HasPrefix(data, []byte(bomUTF16BE))
	crOnly := bytes.Contains(data, []byte("\r"))
	if kind == "" && kindErr == nil && !marked && !crOnly {
		t.Fatalf("refused: %v", err)
	}
	return true
}

func FuzzCSV(f *testing.F) {
	for _, format := range []string{FormatCSV, FormatText} {
		content, _ := render(format, "\r\n", func(string) bool { return true })
		f.Add([]byte(content), uint8(0), uint8(1))
	}
	for _, seed := range []string{
		"", "\r", "a", "\"", "\"\"", "\"a\n\"", "x,\"\n\",\"\n\",\"\n\"", "sep=;\na,b", "\ufeffa,b\n", "\"a\n\"b\nc",
		"a,\"" + strings.Repeat("x", fuzzLongest) + "\"\nb,c", strings.Repeat("d\",\"e\n", 30), "\"" + strings.Repeat("\n\"\"", 40) + "\nx,y",
		strings.Repeat("a", fuzzLongest) + "\r\n" + strings.Repeat("a", fuzzLongest+1) + "\n\"a\r\n\"\r",
	} {
		f.Add([]byte(seed), uint8(1), uint8(0))
		f.Add([]byte(seed), uint8(5), uint8(1))
	}
	f.Fuzz(func(t *testing.T, data []byte, piece, column uint8) {
		o := Options{
			Format: FormatCSV, Encoding: EncodingUTF8, NoHeader: true, Delimiter: ',', longest: fuzzLongest,
			Column: string('1' + rune(column%4)),
		}
		res := readStream(t, o, data, piece)
		kind, _ := compression(data[:min(len(data), sniffLen)])
		if kind != "" || refused(t, data, res.err) {
			return
		}
		if res.err != nil || !bytes.Equal(res.data, data) {
			t.Fatalf("blocks %q, error %v", res.data, res.err)
		}
		start := bomLength(data)
		start += referenceSep(string(data[start:]))
		want := referenceCSV(string(data[start:]), ',', int(column%4), fuzzLongest)
		for i := range want {
			want[i].line += int64(countLF(data[:start]))
		}
		compareRows(t, "csv", res.rows, want)
	})
}

func FuzzNDJSON(f *testing.F) {
	content, _ := render(FormatNDJSON, "\n", func(line string) bool { return len(line) < 1000 })
	f.Add([]byte(content), uint8(0))
	for line := range strings.Lines(content) {
		f.Add([]byte(line), uint8(3))
		f.Add([]byte(strings.ReplaceAll(line, `"identity"`, `"a":{"b"`)+"}"), uint8(3))
	}
	f.Add([]byte(`{"a":{"b":1},"a":2}`), uint8(0))
	f.Add([]byte(`{"a":{"b":1,"b":2}}`), uint8(0))
	f.Add([]byte(`{"a":[{"b":1}]}`), uint8(0))
	f.Add([]byte(`{"a":{"c":{"b":1}}}`), uint8(0))
	f.Fuzz(func(t *testing.T, data []byte, piece uint8) {
		for _, path := range [][]string{{"identity"}, {"a", "b"}} {
			const longest = 1000
			o := Options{Format: FormatNDJSON, Encoding: EncodingUTF8, Field: strings.Join(path, "."), longest: longest}
			res := readStream(t, o, data, piece)
			kind, _ := compression(data[:min(len(data), sniffLen)])
			if kind != "" || refused(t, data, res.err) {
				return
			}
			if res.err != nil || !bytes.Equal(res.data, data) {
				t.Fatalf("blocks %q, error %v", res.data, res.err)
			}
			compareRows(t, "ndjson", res.rows, referenceNDJSON(string(data[bomLength(data):]), path, longest))
		}
	})
}

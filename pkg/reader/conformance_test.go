package reader

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

var update = flag.Bool("update", false, "write what testdata/*.bz2 are made of; pack it with bzip2 then")

// entry is one record of the table, as each format has it.
type entry struct {
	id      string            // written as the format writes it
	raw     map[string]string // or the line itself; a format without one leaves the entry out
	problem Problem
	none    bool // it is no record at all
}

// table is the conformance suite: every reader of records must pass it.
func table() []entry {
	entries := []entry{
		{id: "plain"}, {id: "12345678901234567890"}, {id: "someone@example.com"},
		{none: true, raw: all("")},
		{id: " outer space "}, {id: "inner\ttab"}, {id: "quote \" inside"}, {id: "comma, semicolon; pipe|"},
		{id: "née"}, {id: "€5"}, {id: "漢字"}, {id: "😀 emoji"}, {id: "\u2028separator"},
		{id: "two\nlines"}, {id: "\n"}, {id: "three\r\n\n\"lines\"\n"}, {id: "bare\rCR inside"},
		{id: "not \xff UTF-8", raw: map[string]string{FormatCSV: "x,not \xff UTF-8", FormatText: "not \xff UTF-8"}},
		{problem: BadJSON, raw: map[string]string{FormatNDJSON: "{\"identity\":\"\xff\"}"}},
		{problem: BadJSON, raw: map[string]string{FormatNDJSON: "{\"identity\":\"a\",\"b\":\"\xc0\x80\"}"}},
		{id: "", raw: map[string]string{FormatCSV: "x,"}}, {id: "", raw: map[string]string{FormatCSV: `x,""`}},
		{id: "  ", raw: map[string]string{FormatCSV: "x,  ", FormatText: "  "}},
		{none: true, raw: map[string]string{FormatNDJSON: " \t "}},
		// CSV
		{problem: NoColumn, raw: map[string]string{FormatCSV: "short"}},
		{problem: NoColumn, raw: map[string]string{FormatCSV: " "}},
		{problem: NoColumn, raw: map[string]string{FormatCSV: `"short, quoted"`}},
		{id: "long", raw: map[string]string{FormatCSV: "x,long,y,,z"}},
		{problem: BadQuote, raw: map[string]string{FormatCSV: `x,"a"b`}},
		{problem: BadQuote, raw: map[string]string{FormatCSV: `"a"b,fine`}},
		{problem: BadQuote, raw: map[string]string{FormatCSV: `x,fine,"y" `}},
		{id: "literal \"quote\"", raw: map[string]string{FormatCSV: `x,literal "quote"`}},
		{id: ` "space before"`, raw: map[string]string{FormatCSV: `x, "space before"`}},
		{id: "behind", raw: map[string]string{FormatCSV: "\"two\nlines\",behind"}},
		{id: "before", raw: map[string]string{FormatCSV: "x,before,\"y\nz\",\"\n\""}},
	}
	entries = append(entries, jsonEntries()...)
	return append(entries,
		entry{id: "last but one"},
		entry{none: true, raw: all("")}, entry{none: true, raw: all("")},
		entry{id: "last"},
	)
}

func jsonEntries() []entry {
	var entries []entry
	for _, e := range []struct {
		line, id string
		problem  Problem
	}{
		{`"bare"`, "bare", None}, {`9007199254740993`, "9007199254740993", None}, {` -0 `, "-0", None},
		{`{"identity":123456789012345678901234567890}`, "123456789012345678901234567890", None},
		{`{"identity" : "\u0041\n\ud83d\ude00\/" , "b":[1,{"identity":2},[]],"c":{}}`, "A\n😀/", None},
		{`{"a":{"identity":"deep"},"identity":"top"}`, "top", None},
		{`{"identit\u0079":"escaped key"}`, "escaped key", None},
		{`{"identity":""}`, "", None},
		{`{"b":1,"b":2,"identity":"others repeat"}`, "others repeat", None},
		{`{"identity":1.5}`, "", FieldType}, {`{"identity":1e3}`, "", FieldType}, {`{"identity":true}`, "", FieldType},
		{`{"identity":{"identity":1}}`, "", FieldType}, {`{"identity":["a"]}`, "", FieldType},
		{`["a"]`, "", FieldType}, {`1.0`, "", FieldType}, {`false`, "", FieldType},
		{`{"identity":null}`, "", NoField}, {`{}`, "", NoField}, {`null`, "", NoField},
		{`{"Identity":"another key"}`, "", NoField},
		{`{"identity":1,"identity":1}`, "", RepeatedKey}, {`{"identity":null,"\u0069dentity":{}}`, "", RepeatedKey},
		{`{"identity":"\ud83d"}`, "", BadJSON}, {`{"identity":"\ude00\ud83d"}`, "", BadJSON},
		{`{"identity":"a"`, "", BadJSON}, {`{"identity":"a",}`, "", BadJSON}, {`{"identity":"a"}}`, "", BadJSON},
		{`{"identity":"a"} {"identity":"b"}`, "", BadJSON}, {`{"identity":01}`, "", BadJSON}, {`{"identity":NaN}`, "", BadJSON},
		{`{"identity":"a","b":[1,]}`, "", BadJSON}, {`{'identity':'a'}`, "", BadJSON}, {`identity`, "", BadJSON},
		{`{"identity":"a	tab"}`, "", BadJSON}, {`{"identity":"\x"}`, "", BadJSON}, {`{"identity":"a","b":tru}`, "", BadJSON},
		{`{"identity":-}`, "", BadJSON}, {`{"identity":1.}`, "", BadJSON}, {`{identity:1}`, "", BadJSON}, {`[1}`, "", BadJSON},
		{strings.Repeat("[", 5000) + strings.Repeat("]", 5000), "", FieldType},
		{`{"a":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `,"identity":"below"}`, "below", None},
	} {
		entries = append(entries, entry{id: e.id, problem: e.problem, raw: map[string]string{FormatNDJSON: e.line}})
	}
	return entries
}

// all is the same line in every format.
func all(line string) map[string]string {
	return map[string]string{FormatCSV: line, FormatNDJSON: line, FormatText: line}
}

// line renders an entry, or is false where the format doesn't have it.
func (e entry) line(format string) (string, bool) {
	if e.raw != nil {
		line, ok := e.raw[format]
		return line, ok
	}
	switch format {
	case FormatCSV:
		if strings.ContainsAny(e.id, ",\"\r\n") {
			return `x,"` + strings.ReplaceAll(e.id, `"`, `""`) + `"`, true
		}
		return "x," + e.id, true
	case FormatNDJSON:
		quoted, err := json.Marshal(e.id)
		return fmt.Sprintf(`{"other":"x","identity":%s}`, quoted), err == nil
	}
	return e.id, !strings.ContainsAny(e.id, "\n")
}

// render writes the table down in a format, and says what must be read.
func render(format, eol string, fits func(string) bool) (content string, want []row) {
	var b strings.Builder
	if format == FormatCSV {
		b.WriteString("other,identity" + eol)
	}
	for _, e := range table() {
		line, ok := e.line(format)
		if !ok || !fits(line) {
			continue
		}
		if !e.none {
			want = append(want, row{e.id, int64(strings.Count(b.String(), "\n")) + 1, e.problem})
		}
		b.WriteString(line + eol)
	}
	return strings.TrimSuffix(b.String(), eol), want // the last line has no end
}

// fileEncoding is one way to write text down.
type fileEncoding struct {
	name   string // for Options
	tell   string // as Source has it
	encode func(string) ([]byte, error)
	mark   string // what of the mark is in the decoded text
}

func encodings() map[string]fileEncoding {
	utf8Only := func(mark string) func(string) ([]byte, error) {
		return func(s string) ([]byte, error) { return []byte(mark + s), nil }
	}
	utf16 := func(order unicode.Endianness, bom unicode.BOMPolicy) func(string) ([]byte, error) {
		return func(s string) ([]byte, error) {
			if !utf8.ValidString(s) {
				return nil, fmt.Errorf("not UTF-8")
			}
			return unicode.UTF16(order, bom).NewEncoder().Bytes([]byte(s))
		}
	}
	return map[string]fileEncoding{
		"utf-8":     {"", EncodingUTF8, utf8Only(""), ""},
		"utf-8 BOM": {"", EncodingUTF8, utf8Only(bomUTF8), bomUTF8},
		"utf-16le":  {"", encodingUTF16LE, utf16(unicode.LittleEndian, unicode.UseBOM), ""},
		"utf-16be":  {"", encodingUTF16BE, utf16(unicode.BigEndian, unicode.UseBOM), ""},
		"utf-16 without BOM": {EncodingUTF16, encodingUTF16LE,
			utf16(unicode.LittleEndian, unicode.IgnoreBOM), ""},
		"windows-1252": {EncodingWin1252, EncodingWin1252, func(s string) ([]byte, error) {
			return charmap.Windows1252.NewEncoder().Bytes([]byte(s))
		}, ""},
	}
}

// compressions are the ways to pack a file, but bzip2, which nothing here can
// write.
func compressions(t testing.TB) map[string]func([]byte) []byte {
	return map[string]func([]byte) []byte{
		"none": func(p []byte) []byte { return p },
		"gzip": func(p []byte) []byte { return packGzip(t, p) },
		"gzip members": func(p []byte) []byte {
			var b []byte
			for chunk := range slices.Chunk(p, len(p)/5+1) {
				b = append(append(b, packGzip(t, chunk)...), packGzip(t, nil)...)
			}
			return append(b, make([]byte, 700)...) // padded as on a tape
		},
		"zstd": func(p []byte) []byte {
			half := len(p) / 2
			return append(packZstd(t, p[:half]), packZstd(t, p[half:])...)
		},
	}
}

func packGzip(t testing.TB, p []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(p); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func packZstd(t testing.TB, p []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(p); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestConformance(t *testing.T) {
	for _, format := range []string{FormatCSV, FormatNDJSON, FormatText} {
		for _, eol := range []string{"\n", "\r\n"} {
			for name, encoding := range encodings() {
				t.Run(fmt.Sprintf("%s/%q/%s", format, eol, name), func(t *testing.T) {
					content, want := render(format, eol, func(line string) bool {
						_, err := encoding.encode(line)
						return err == nil
					})
					raw, err := encoding.encode(content)
					if err != nil {
						t.Fatal(err)
					}
					for packing, pack := range compressions(t) {
						conforms(t, packing, format, encoding, pack(raw), encoding.mark+content, want)
					}
				})
			}
		}
	}
}

// conforms reads one rendering of the table, in pieces of several sizes.
func conforms(t *testing.T, packing, format string, e fileEncoding, raw []byte, content string, want []row) {
	t.Helper()
	path := write(t, "input", raw)
	for _, piece := range []int{0, 1, 2, 3, 7, 64} {
		o := Options{Format: format, Encoding: e.name}
		if piece > 0 {
			o.tamper = func(r io.Reader) io.Reader { return trickle{r, piece} }
		}
		res := readAll(t, o, path)
		if res.err != nil {
			t.Fatalf("%s in pieces of %d: %v", packing, piece, res.err)
		}
		if string(res.data) != content {
			t.Fatalf("%s in pieces of %d: the blocks don't add up to the content", packing, piece)
		}
		compareRows(t, fmt.Sprintf("%s in pieces of %d", packing, piece), res.rows, want)
	}
}

func compareRows(t testing.TB, what string, got, want []row) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if want[i].problem != None {
			want[i].id = ""
		}
		if got[i] != want[i] {
			t.Fatalf("%s: record %d is %.80q, line %d, problem %d; want %.80q, line %d, problem %d", what, i,
				got[i].id, got[i].line, got[i].problem, want[i].id, want[i].line, want[i].problem)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%s: %d records, want %d", what, len(got), len(want))
	}
}

// TestConformanceBzip2 reads the table from files that the bzip2 command has
// packed, the second half as a stream of its own.
func TestConformanceBzip2(t *testing.T) {
	for _, format := range []string{FormatCSV, FormatNDJSON, FormatText} {
		content, want := render(format, "\n", func(string) bool { return true })
		path := filepath.Join("testdata", "table."+format+".bz2")
		if *update {
			half := len(content) / 2
			for i, part := range []string{content[:half], content[half:]} {
				if err := os.WriteFile(fmt.Sprintf("%s.%d", path, i), []byte(part), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			continue
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		conforms(t, "bzip2", format, encodings()["utf-8"], raw, content, want)
	}
}

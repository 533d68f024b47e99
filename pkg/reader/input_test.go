package reader

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func ids(rows []row) string {
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&b, "[%s]", r.id)
	}
	return b.String()
}

func TestWhatIsFound(t *testing.T) {
	tests := []struct {
		name, file, content string
		o                   Options
		want, format        string
	}{
		{"default column", "a", "x,Identity\n1,a\n", Options{}, "[a]", FormatCSV},
		{"semicolon", "a", "x;identity;y,z\n1;a;b\n", Options{}, "[a]", FormatCSV},
		{"tab", "a", "x\tidentity\n1\ta\n", Options{}, "[a]", FormatCSV},
		{"pipe", "a", "x|identity\n1|a\n", Options{}, "[a]", FormatCSV},
		{"quoted delimiter in the header", "a", "\"a;b;c\",identity\n1,a\n", Options{}, "[a]", FormatCSV},
		{"quoted line end in the header", "a", "\"a\nb\";identity\n1;a\n", Options{}, "[a]", FormatCSV},
		{"sep line", "a", "sep=|\r\nx|identity,y\r\n1|a\r\n", Options{Column: "2"}, "[a]", FormatCSV},
		{"sep line overruled", "a", "sep=|\nidentity;x\na;1\n", Options{Delimiter: ';'}, "[a]", FormatCSV},
		{"delimiter", "a", "identity;x,y\na;1,2\n", Options{Delimiter: ';'}, "[a]", FormatCSV},
		{"whole column name first", "a", "a,\"a,b\",b\n1,2,3\n", Options{Column: "a,b"}, "[2]", FormatCSV},
		{"coalesced", "a", "a,b,c\n1,2,3\n,2,3\n,,3\n,,\n", Options{Column: "a,b,3"}, "[1][2][3][]", FormatCSV},
		{"coalesced and trimmed", "a", "a,b\n ,2\n \n", Options{Column: "a,b", Trim: true}, "[2][ ]", FormatCSV},
		{"coalesced and untrimmed", "a", "a,b\n ,2\n\"\",\"3\"\n", Options{Column: "a,b"}, "[ ][3]", FormatCSV},
		{"a name before a number", "a", "2,x\na,b\n", Options{Column: "2"}, "[a]", FormatCSV},
		{"a number", "a", "x,y\na,b\n", Options{Column: "2"}, "[b]", FormatCSV},
		{"no header", "a", "a\nb\n", Options{NoHeader: true}, "[a][b]", FormatCSV},
		{"no header, a number", "a", "a,b\n\"c\",d\n", Options{NoHeader: true, Column: "2"}, "[b][d]", FormatCSV},
		{"blank lines first", "a", "\n\r\n\nidentity\n\na", Options{}, "[a]", FormatCSV},
		{"empty", "a", "", Options{Column: "x"}, "", FormatCSV},
		{"mark alone", "a", bomUTF8, Options{}, "", FormatCSV},
		{"blank lines alone", "a", "\n\r\n\r", Options{}, "", FormatCSV},
		{"header alone", "a", "identity", Options{}, "", FormatCSV},
		{"ndjson by content", "a", "\n {\"identity\":1}\n", Options{}, "[1]", FormatNDJSON},
		{"ndjson by name", "a.JSONL", "7\n", Options{}, "[7]", FormatNDJSON},
		{"nested field", "a", "{\"a\":{\"b\":{\"c\":\"x\"}}}\n{\"a\":{\"c\":\"y\"}}\n\"z\"", Options{Field: "a.b.c"}, "[x][][z]", FormatNDJSON},
		{"a NUL costs its own record alone", "a", "identity\na\x00b\nc\n", Options{}, "[a\x00b][c]", FormatCSV},
		{"text by name", "a.txt", "a,b\n", Options{}, "[a,b]", FormatText},
		{"csv with JSON's bracket", "a", "{identity\n1\n", Options{Column: "1"}, "[1]", FormatCSV},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := write(t, test.file, []byte(test.content))
			in, err := Open(context.Background(), []string{path}, test.o)
			if err != nil {
				t.Fatal(err)
			}
			res := drain(t, in)
			if got := ids(res.rows); got != test.want || res.err != nil {
				t.Errorf("records %s, %v; want %s", got, res.err, test.want)
			}
			if s := in.Sources()[0]; s.Format != test.format || s.Size != int64(len(test.content)) {
				t.Errorf("source %+v", s)
			}
			if string(res.data) != test.content {
				t.Errorf("blocks %q", res.data)
			}
			if read, total := in.Progress(); read != total || total != int64(len(test.content)) {
				t.Errorf("progress %d of %d", read, total)
			}
			if err := in.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestFormatByNameBehindCompression(t *testing.T) {
	path := write(t, "ids.TXT.gz", packGzip(t, []byte("a,b\n")))
	if res := readAll(t, Options{}, path); ids(res.rows) != "[a,b]" || res.err != nil {
		t.Errorf("%v, %v", res.rows, res.err)
	}
}

func TestUsageErrors(t *testing.T) {
	dir := t.TempDir()
	tests := []struct {
		name, content string
		o             Options
		says, hint    string
	}{
		{"no such column", "id,nmae,city\n", Options{Column: "name"}, `no column "name"`, `perhaps --column "nmae"`},
		{"all columns", "id,city\n", Options{}, `no column "identity"`, "--column: id, city"},
		{"data is not shown", "4711,someone@example.com,city\n", Options{}, `no column "identity"`, "--column: 1, 2, city"},
		{"one column", "userid\n", Options{}, "no column is named identity", "--no-header"},
		{"ambiguous", "identity,IDENTITY\n", Options{}, "columns 1 and 2 are both", "number"},
		{"ambiguous name", "a,b,a\n", Options{Column: "a"}, "columns 1 and 3", "number"},
		{"number past the header", "a,b\n", Options{Column: "3"}, `no column "3"`, "a, b"},
		{"number 0", "a,b\n", Options{Column: "0"}, `no column "0"`, "a, b"},
		{"no header, several columns", "a,b\n", Options{NoHeader: true}, "not just one column", "--column"},
		{"no header, a name", "a,b\n", Options{NoHeader: true, Column: "a"}, "no header", "counted from 1"},
		{"broken header", "\"a\"b,identity\n", Options{}, "header can't be read", "--no-header"},
		{"CR alone", "identity\ra\rb", Options{}, "CR alone", "LF"},
		{"CR alone, text", "a\rb\r", Options{Format: FormatText}, "CR alone", "LF"},
		{"UTF-16 without a mark", "i\x00d\x00\n\x00", Options{}, "NUL", "--encoding utf-16"},
		{"UTF-16 of unknown order", "漢字\n", Options{Encoding: EncodingUTF16}, "byte order", "mark"},
		{"UTF-32", bomUTF32LE + "i\x00\x00\x00", Options{}, "UTF-32", "UTF-8"},
		{"mark against option", bomUTF8 + "identity\n", Options{Encoding: EncodingWin1252}, "byte order mark", "--encoding"},
		{"zip", "PK\x03\x04.......", Options{}, "xlsx", "CSV"},
		{"field for CSV", "identity\na\n", Options{Field: "a"}, "CSV", "--column"},
		{"column for NDJSON", "{\"a\":1}\n", Options{Column: "a"}, "NDJSON", "--field"},
		{"column for text", "a\n", Options{Format: FormatText, Column: "a"}, "text", "--column"},
		{"field for text", "a\n", Options{Format: FormatText, Field: "a"}, "text", "--field"},
		{"format", "", Options{Format: "xml"}, `"xml"`, "ndjson"},
		{"encoding", "", Options{Encoding: "latin"}, `"latin"`, "windows-1252"},
		{"delimiter", "", Options{Delimiter: '"'}, "delimiter", "ASCII"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := write(t, "a", []byte(test.content))
			usageError(t, test.o, test.says, test.hint, path)
		})
	}
	usageError(t, Options{}, "no such file", "check", filepath.Join(dir, "missing"))
	usageError(t, Options{}, "no file matches", "check", filepath.Join(dir, "*.csv"))
	usageError(t, Options{}, "folder", "*.csv", dir)
	usageError(t, Options{Stdin: strings.NewReader("")}, "once", "once", "-", "-")
	usageError(t, Options{}, "no input", "-")
}

func usageError(t *testing.T, o Options, says, hint string, names ...string) {
	t.Helper()
	_, err := Open(context.Background(), names, o)
	usage := new(UsageError)
	if !errors.As(err, &usage) {
		t.Fatalf("no usage error, but %v", err)
	}
	if !strings.Contains(err.Error(), says) || !strings.Contains(usage.Hint, hint) {
		t.Errorf("error %q, hint %q; want %q, %q", err, usage.Hint, says, hint)
	}
	if all := usage.Hint + strings.TrimPrefix(err.Error(), usage.Name); strings.Contains(all, "someone@") || strings.Contains(all, "4711") {
		t.Errorf("an identity is shown: %q, %q", err, usage.Hint)
	}
}

func TestHeaderThatLooksLikeData(t *testing.T) {
	for header, want := range map[string]bool{"4711": true, "a@b": true, "userid": false} {
		in, err := Open(context.Background(), []string{write(t, "a", []byte(header+"\n"))}, Options{Column: "1"})
		if err != nil {
			t.Fatal(err)
		}
		if got := in.Sources()[0].HeaderLooksLikeData; got != want {
			t.Errorf("header %q: %v", header, got)
		}
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestSeveralSources(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string][]byte{
		"2.csv": []byte("identity\nb\n"), "1.csv.gz": packGzip(t, []byte("x,identity\n1,a\n")), "3.csv": []byte("\"c\"\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o := Options{Stdin: strings.NewReader("{\"identity\":\"d\"}\n")}
	res := readAll(t, o, filepath.Join(dir, "[12].csv*"), "-", filepath.Join(dir, "2.csv"))
	if got := ids(res.rows); got != "[a][b][d][b]" || res.err != nil {
		t.Errorf("%s, %v", got, res.err)
	}
	// Behind a damaged source nothing is read.
	if err := os.WriteFile(filepath.Join(dir, "1.csv.gz"), packGzip(t, []byte("x,identity\n1,a\n2"))[:35], 0o600); err != nil {
		t.Fatal(err)
	}
	damage := new(DamageError)
	res = readAll(t, Options{}, filepath.Join(dir, "1.csv.gz"), filepath.Join(dir, "2.csv"))
	if got := ids(res.rows); got != "[a]" || !errors.As(res.err, &damage) || damage.Line != 3 {
		t.Errorf("%s, %v", got, res.err)
	}
}

func TestHeaderThatChanges(t *testing.T) {
	for _, changed := range []string{"identity,x\na,1\n", "y,identity\n1,a\n", "xx,identity\n1,a\n", ""} {
		path := write(t, "a.csv", []byte("x,identity\n1,a\n"))
		in, err := Open(context.Background(), []string{path}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		// A column that isn't used may have another name of the same length.
		damage := new(DamageError)
		if res := drain(t, in); errors.As(res.err, &damage) != (changed[:min(1, len(changed))] != "y") {
			t.Errorf("%q: %v, %v", changed, res.rows, res.err)
		}
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestSeek goes to the end of every record and must read the rest.
func TestSeek(t *testing.T) {
	content, _ := render(FormatCSV, "\r\n", func(string) bool { return true })
	path := write(t, "a.csv", []byte(bomUTF8+content))
	first := write(t, "first.csv", []byte("identity\nz\n"))
	in, err := Open(context.Background(), []string{first, path}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var all []row
	places := []Position{{Source: 1}}
	var b Block
	for {
		err := in.Next(&b)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range b.Records {
			if b.Source == 1 {
				all = append(all, row{string(r.Identity), r.Line, r.Problem})
				places = append(places, Position{1, b.Offset + int64(r.End), b.Line + int64(r.Lines)})
			}
		}
	}
	for i, p := range places {
		if err := in.Seek(p); err != nil {
			t.Fatal(err)
		}
		var got []row
		for err = in.Next(&b); err == nil; err = in.Next(&b) {
			for _, r := range b.Records {
				got = append(got, row{string(r.Identity), r.Line, r.Problem})
			}
		}
		if err != io.EOF || !slices.Equal(got, all[i:]) {
			t.Fatalf("behind record %d: %d records, want %d; %v", i, len(got), len(all[i:]), err)
		}
		if read, total := in.Progress(); read < total {
			t.Fatalf("progress %d of %d", read, total)
		}
	}
	if err := in.Close(); err != nil {
		t.Error(err)
	}
}

// TestOverlong has records just as long as they may be, and one byte longer,
// at every end of a block.
func TestOverlong(t *testing.T) {
	fits, over := strings.Repeat("f", MaxRecord), strings.Repeat("o", MaxRecord+1)
	content := "a\n" + fits + "\n" + over + "\nb\n" + strings.Repeat(over, 3) + "\r\nc\n" + over
	want := []row{{"a", 1, None}, {fits, 2, None}, {"", 3, TooLong}, {"b", 4, None}, {"", 5, TooLong}, {"c", 6, None}, {"", 7, TooLong}}
	for _, format := range []string{FormatText, FormatCSV} {
		for _, piece := range []uint8{0, 251} {
			res := readStream(t, Options{Format: format, NoHeader: true}, []byte(content), piece)
			if res.err != nil || string(res.data) != content {
				t.Fatalf("%d bytes of blocks, %v", len(res.data), res.err)
			}
			compareRows(t, format, res.rows, want)
		}
	}
}

// TestShortestRows has more records than a block takes.
func TestShortestRows(t *testing.T) {
	const rows = 1_500_000
	in, err := Open(context.Background(), []string{write(t, "a.txt", []byte(strings.Repeat("1\n", rows)))}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var b Block
	n := 0
	for err = in.Next(&b); err == nil; err = in.Next(&b) {
		if n += len(b.Records); cap(b.Data)+cap(in.cur.carry) > 3*blockSize || len(b.Records) > maxRecords {
			t.Fatalf("%d bytes and %d records at once", cap(b.Data)+cap(in.cur.carry), len(b.Records))
		}
	}
	if err != io.EOF || n != rows {
		t.Errorf("%d records, %v", n, err)
	}
	if err := in.Close(); err != nil {
		t.Error(err)
	}
}

// TestBlockBoundaries moves records over the ends of blocks and buffers.
func TestBlockBoundaries(t *testing.T) {
	for shift := range 13 {
		pad := strings.Repeat("p", blockSize-20+shift)
		content := "identity\n" + pad + "\n" + strings.Repeat("\"a\n\"\"\",x\nb\r\n\n", 45_000)
		res := readAll(t, Options{}, write(t, "a.csv", []byte(content)))
		if res.err != nil || string(res.data) != content {
			t.Fatal(res.err)
		}
		compareRows(t, fmt.Sprint("shift ", shift), res.rows, referenceCSV("\n"+content[len("identity\n"):], ',', 0, MaxRecord))
	}
}

// TestNextAllocatesNothing reads blocks in the steady state.
func TestNextAllocatesNothing(t *testing.T) {
	const runs = 20
	for name, line := range map[string]string{
		"a.csv": "\"say \"\"a\"\"\",x\n", "a.txt": "someone\n", "a.ndjson": "{\"x\":[{}],\"identity\":\"\\u0041\"}\n",
	} {
		content := bytes.Repeat([]byte(line), (runs+4)*blockSize/len(line))
		in, err := Open(context.Background(), []string{write(t, name, content)}, Options{NoHeader: true, Column: map[bool]string{true: "1"}[name == "a.csv"]})
		if err != nil {
			t.Fatal(err)
		}
		var b Block
		next := func() {
			if err := in.Next(&b); err != nil {
				t.Fatal(err)
			}
		}
		next()
		next()
		if n := testing.AllocsPerRun(runs-1, next); n != 0 {
			t.Errorf("%s: %v allocations for a block of %d records", name, n, len(b.Records))
		}
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	}
}

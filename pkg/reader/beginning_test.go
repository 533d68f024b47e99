package reader

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDamageBeforeTheFirstRecord: what stands before such a source is read, and
// the damage is told when its turn comes.
func TestDamageBeforeTheFirstRecord(t *testing.T) {
	whole := packGzip(t, []byte("identity\nq\n"))
	first := write(t, "a.csv", []byte("identity\na\nb\n"))
	for cut := range len(whole) {
		broken := write(t, "b.csv.gz", whole[:cut])
		res := readAll(t, Options{}, first, broken, first)
		damage := new(DamageError)
		if got := ids(res.rows); !strings.HasPrefix(got, "[a][b]") || strings.Count(got, "[a]") > 1 || !errors.As(res.err, &damage) {
			t.Fatalf("cut at %d: %s, %v", cut, got, res.err)
		}
	}
}

// TestCutWithinTheSignature: so short a file shows what it is by its name alone.
func TestCutWithinTheSignature(t *testing.T) {
	bz, err := os.ReadFile(filepath.Join("testdata", "table.text.bz2"))
	if err != nil {
		t.Fatal(err)
	}
	packed := map[string][]byte{"a.txt.gz": packGzip(t, []byte("a\nb\n")), "a.txt.bz2": bz, "a.txt.zst": packZstd(t, []byte("a\nb\n")), "a.ZSTD": packZstd(t, []byte("a\nb\n"))}
	for name, whole := range packed {
		for cut := range 12 {
			damage := new(DamageError)
			if res := readAll(t, Options{Format: FormatText}, write(t, name, whole[:cut])); len(res.rows) > 0 || !errors.As(res.err, &damage) {
				t.Errorf("%s cut at %d: %v, %v", name, cut, res.rows, res.err)
			}
		}
	}
	// The name alone makes nothing compressed.
	if res := readAll(t, Options{Format: FormatText}, write(t, "a.txt.gz", []byte("BZ\n"))); ids(res.rows) != "[BZ]" || res.err != nil {
		t.Errorf("%v, %v", res.rows, res.err)
	}
}

// TestSpoiledHeader: where a flipped bit spoils a header, the damage is what is
// told, not that there is no such column.
func TestSpoiledHeader(t *testing.T) {
	whole := packGzip(t, []byte("identity\n"+strings.Repeat("client\n", 100)))
	for i := 10; i < len(whole); i++ {
		broken := bytes.Clone(whole)
		broken[i] ^= 1
		res := readAll(t, Options{}, write(t, "a.csv.gz", broken))
		damage := new(DamageError)
		if !errors.As(res.err, &damage) {
			t.Fatalf("byte %d: %v, %v", i, res.rows, res.err)
		}
	}
}

// TestZstdWithoutItsChecksum: every byte of the content is there.
func TestZstdWithoutItsChecksum(t *testing.T) {
	content := "identity\n" + strings.Repeat("client\n", 1000)
	whole := packZstd(t, []byte(content))
	for cut := 1; cut <= 4; cut++ {
		res := readAll(t, Options{}, write(t, "a.csv.zst", whole[:len(whole)-cut]))
		damage := new(DamageError)
		if len(res.rows) != 1000 || !errors.As(res.err, &damage) {
			t.Errorf("%d bytes are missing: %d records, %v", cut, len(res.rows), res.err)
		}
	}
	broken := bytes.Clone(whole)
	broken[len(broken)-1] ^= 1
	damage := new(DamageError)
	if res := readAll(t, Options{}, write(t, "a.csv.zst", broken)); !errors.As(res.err, &damage) {
		t.Errorf("a wrong checksum: %v", res.err)
	}
}

func TestBeginnings(t *testing.T) {
	long := strings.Repeat("q", MaxRecord)
	tests := []struct {
		name, file, content string
		o                   Options
		want                string
	}{
		{"a first object that is too long", "b.json", `{"identity":"a","x":"` + long + "\"}\n{\"identity\":\"b\"}\n", Options{}, "[][b]"},
		{"a first line that is too long, with a CR", "b.txt", long + "\r" + long + "\nok\n", Options{}, "[][ok]"},
		{"CR as white space of JSON", "b.ndjson", "{\"identity\":\r\"a\"}", Options{}, "[a]"},
		{"a quote inside a header cell", "b.csv", "width\";identity;name\n1;b;c\n", Options{}, "[b]"},
		{"a doubled quote inside a quoted header cell", "b.csv", "\"a\"\",b\";identity\n1;b\n", Options{}, "[b]"},
		{"a delimiter and an LF in a quoted header cell", "b.csv", "x;\"a,b\n,c\";identity\n1;2;b\n", Options{}, "[b]"},
		{"UTF-16 without a mark, in Chinese", "b.txt", "\x00\x4e\x00\x4e\x0a\x00\x00\x4e\x0a\x00", Options{Encoding: EncodingUTF16}, "[一一][一]"},
		{"and big endian", "b.txt", "\x4e\x00\x4e\x00\x00\x0a\x4e\x00\x00\x0a", Options{Encoding: EncodingUTF16}, "[一一][一]"},
		{"UTF-16 without a mark or an end of line", "b.txt", "a\x00b\x00", Options{Encoding: EncodingUTF16}, "[ab]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res := readAll(t, tt.o, write(t, tt.file, []byte(tt.content)))
			if got := ids(res.rows); got != tt.want || res.err != nil {
				t.Errorf("%.100s, want %s; %v", got, tt.want, res.err)
			}
		})
	}
	for _, content := range []string{"identity\ra\rb", "identity\ra\rb\r", strings.Repeat("identity\r", 200_000)} {
		unusable := new(UsageError)
		if res := readAll(t, Options{}, write(t, "b.csv", []byte(content))); !errors.As(res.err, &unusable) || !strings.Contains(res.err.Error(), "CR alone") {
			t.Errorf("%.20q: %v", content, res.err)
		}
	}
}

// TestFieldBesideCSV: --field is for the source that has it.
func TestFieldBesideCSV(t *testing.T) {
	a, n := write(t, "a.csv", []byte("x,identity\n1,a\n")), write(t, "n.ndjson", []byte("{\"u\":\"x\"}\n"))
	if res := readAll(t, Options{Field: "u"}, a, n); ids(res.rows) != "[a][x]" || res.err != nil {
		t.Errorf("%v, %v", res.rows, res.err)
	}
}

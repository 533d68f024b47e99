package reader

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// packed is a small text in every compression, bzip2's from its command.
func packed(t testing.TB) map[string][]byte {
	t.Helper()
	bz, err := os.ReadFile(filepath.Join("testdata", "table.text.bz2"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{"bzip2": bz}
	content := []byte(strings.Repeat("first\nsecond\r\nthird and longer\n", 20) + "last")
	for name, pack := range compressions(t) {
		all[name] = pack(content)
	}
	return all
}

// TestCutOff cuts each compressed file at every byte: what is read is always
// whole records from its start, and a cut that isn't between two members is
// damage. A plain file has no end of its own: it is never damaged.
func TestCutOff(t *testing.T) {
	for name, whole := range packed(t) {
		t.Run(name, func(t *testing.T) {
			o := Options{Format: FormatText, Encoding: EncodingUTF8}
			want := readStream(t, o, whole, 0)
			if want.err != nil {
				t.Fatal(want.err)
			}
			sound := 0
			for cut := 2; cut < len(whole); cut++ { // the first byte alone is no compression's
				res := readStream(t, o, whole[:cut], 0)
				if name == "none" {
					continue
				}
				if n := len(res.rows); n > len(want.rows) || !slices.Equal(res.rows[:max(0, n-1)], want.rows[:max(0, n-1)]) {
					t.Fatalf("cut at %d of %d: other records", cut, len(whole))
				} else if res.err != nil && n > 0 && res.rows[n-1] != want.rows[n-1] {
					t.Fatalf("cut at %d of %d: half a record", cut, len(whole))
				}
				damage := new(DamageError)
				switch {
				case res.err == nil:
					sound++
				case !errors.As(res.err, &damage):
					t.Fatalf("cut at %d of %d: %v", cut, len(whole), res.err)
				case damage.Raw != int64(cut) || damage.Line < int64(len(res.rows)):
					t.Fatalf("cut at %d of %d: %+v", cut, len(whole), damage)
				}
			}
			// Members end cleanly, and so does every length of the padding. BZ
			// and BZh may be somebody's identity.
			ends := map[string]int{"gzip": 0, "zstd": 1, "bzip2": 2 + 1, "gzip members": 9 + 700}
			if name != "none" && sound != ends[name] {
				t.Errorf("%d cuts pass for a clean end, want %d", sound, ends[name])
			}
		})
	}
}

// TestDamageKeepsWhatWasWhole lets a read fail at every byte of a CSV file.
func TestDamageKeepsWhatWasWhole(t *testing.T) {
	const content = "identity,x\na,1\n\"b\n\",2\nc,\"3\nd,4\ne\n"
	broken := errors.New("broken disk")
	ends := []struct { // where the records are whole, and which
		at  int
		row row
	}{{15, row{"a", 2, None}}, {22, row{"b\n", 3, None}}}
	for cut := range len(content) + 1 {
		o := Options{tamper: func(r io.Reader) io.Reader {
			return io.MultiReader(io.LimitReader(r, int64(cut)), failing{broken})
		}}
		res := readStream(t, o, []byte(content), 0)
		var want []row
		for _, e := range ends {
			if cut >= e.at {
				want = append(want, e.row)
			}
		}
		damage := new(DamageError)
		if !errors.As(res.err, &damage) || !errors.Is(res.err, broken) || !slices.Equal(res.rows, want) {
			t.Fatalf("cut at %d: %v, %v; want %v", cut, res.rows, res.err, want)
		}
		if damage.Offset != int64(cut) || damage.Source != "-" || damage.Line != int64(strings.Count(content[:cut], "\n"))+1 {
			t.Fatalf("cut at %d: %+v", cut, damage)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestOddByteIsDamage(t *testing.T) {
	res := readStream(t, Options{Format: FormatText}, []byte("\xff\xfea\x00\n\x00b\x00\n"), 0)
	damage := new(DamageError)
	if !errors.As(res.err, &damage) || !slices.Equal(res.rows, []row{{"a", 1, None}}) {
		t.Errorf("%v, %v", res.rows, res.err)
	}
}

func TestHalfSurrogatePairs(t *testing.T) {
	data := []byte("\xfe\xff\x00a\xd8\x3d\x00\n\xde\x00\x00b\x00\n\xd8\x3d\xde\x00\x00\n\xff\xfd\x00\n\x00c\xd8\x3d")
	want := []row{{"", 1, BadEncoding}, {"", 2, BadEncoding}, {"😀", 3, None}, {"", 4, BadEncoding}, {"", 5, BadEncoding}}
	for piece := range uint8(5) {
		res := readStream(t, Options{Format: FormatText}, data, piece)
		if res.err != nil {
			t.Fatal(res.err)
		}
		compareRows(t, "utf-16", res.rows, want)
	}
}

func TestGzipTrailingBytes(t *testing.T) {
	o := Options{Format: FormatText}
	for tail, sound := range map[string]bool{"\x00\x00": true, "\x00x": false, "garbage": false} {
		// The second might be the start of a mark, so the end is met by looking ahead.
		for _, content := range []string{"a\n", "\xefa\n"} {
			res := readStream(t, o, append(packGzip(t, []byte(content)), tail...), 0)
			if len(res.rows) != 1 || (res.err == nil) != sound {
				t.Errorf("tail %q: %v, %v", tail, res.rows, res.err)
			}
		}
	}
}

func FuzzDecompress(f *testing.F) {
	for _, p := range packed(f) {
		f.Add(p, uint8(0))
		f.Add(p[:len(p)/2], uint8(7))
		f.Add(append(bytes.Clone(p), p...), uint8(1))
		for i := 8; i < len(p); i += 37 {
			broken := bytes.Clone(p)
			broken[i] ^= 0x10
			f.Add(broken, uint8(0))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, piece uint8) {
		res := readStream(t, Options{Format: FormatText, Encoding: EncodingUTF8}, data, piece)
		damage, usage := new(DamageError), new(UsageError)
		if res.err != nil && !errors.As(res.err, &damage) && !errors.As(res.err, &usage) {
			t.Fatalf("neither damage nor a usage error: %v", res.err)
		}
		// The records are the content's lines, whatever the content.
		lines := strings.Split(string(bytes.TrimPrefix(res.data, []byte(bomUTF8))), "\n")
		var want []string
		for _, line := range lines {
			if line = strings.TrimSuffix(line, "\r"); line != "" {
				want = append(want, line)
			}
		}
		var got []string
		for _, r := range res.rows {
			if r.problem != None {
				return // longer than a record may be
			}
			got = append(got, r.id)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%d records, want %d", len(got), len(want))
		}
	})
}

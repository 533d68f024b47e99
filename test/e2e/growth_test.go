//go:build unix

package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/bulkdemerge/bulkdemerge/internal/sandbox"
)

// bothWays runs a test with duplicates found, which reads the input again, and
// without, which goes to the place in it.
func bothWays(t *testing.T, f func(t *testing.T, args []string)) {
	for _, args := range [][]string{nil, {"--dedupe=false"}} {
		t.Run(strings.Join(append([]string{"run"}, args...), " "), func(t *testing.T) {
			t.Parallel()
			f(t, args)
		})
	}
}

// text is n identities, one a line.
func text(from, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%s-%05d\n", marker, from+i)
	}
	return b.String()
}

// textWants is what becomes of a file of text.
func textWants(file string, n int) []want {
	var wants []want
	for i := range n {
		wants = append(wants, want{fmt.Sprintf("%s-%05d", marker, i), file, int64(i) + 1, []string{"accepted"}})
	}
	return wants
}

// refused runs the command, which must exit 2, say these words, and send
// nothing.
func (w *world) refused(words []string, args ...string) {
	w.t.Helper()
	was := w.api.Books().Requests
	r := w.must(2, args...)
	w.says(r.stderr, append(words, "error: ", "hint: ")...)
	if now := w.api.Books().Requests; now != was {
		w.t.Errorf("%d requests were sent", now-was)
	}
	if strings.Contains(r.stderr, marker) {
		w.t.Errorf("an identity is shown: %s", r.stderr)
	}
}

func TestGrowth(t *testing.T) {
	bothWays(t, func(t *testing.T, args []string) {
		w := newWorld(t, sandbox.Options{})
		file := w.path("ids.txt")
		run := w.send("run", append(args, file)...)
		n := 0
		for _, more := range []int{250, 1, 49, 100, 333} { // ends within a batch, and on its edge
			w.write("ids.txt", []byte(text(0, n+more)))
			n += more
			w.must(0, run...)
			w.accept(file+".demerge", textWants(file, n))
			requests := w.api.Books().Requests
			w.must(0, run...)
			if w.api.Books().Requests != requests {
				t.Error("the finished run sent again")
			}
		}
	})
}

// Growth of a run that was stopped, too.
func TestGrowthWhileStopped(t *testing.T) {
	bothWays(t, func(t *testing.T, args []string) {
		w := newWorld(t, sandbox.Options{})
		file := w.write("ids.txt", []byte(text(0, 450)))
		w.must(3, w.send("run", append(args, "--limit", "220", file)...)...)
		w.write("ids.txt", []byte(text(0, 777)))
		w.must(0, w.send("run", append(args, file)...)...)
		w.accept(file+".demerge", textWants(file, 777))
	})
}

func TestChangedInput(t *testing.T) {
	whole := text(0, 250)
	for _, c := range []struct {
		name, was, is string
		words         []string
	}{
		{"the last record was cut and grew", strings.TrimSuffix(whole, "\n"), strings.TrimSuffix(whole, "\n") + "9\n" + text(250, 20), []string{"changed"}},
		{"the last record was cut and grew, alone", strings.TrimSuffix(whole, "\n"), strings.TrimSuffix(whole, "\n") + "27839", []string{"changed"}},
		{"a byte", whole, whole[:1005] + "x" + whole[1006:], []string{"changed", "line"}},
		{"a byte of the last record", whole, whole[:len(whole)-2] + "x\n", []string{"changed", "line"}},
		{"a byte, and longer", whole, whole[:1005] + "x" + whole[1006:] + text(250, 20), []string{"changed", "line"}},
		{"shorter", whole, text(0, 240), []string{"changed"}},
		{"shorter by a batch", whole, text(0, 100), []string{"changed"}},
		{"empty", whole, "", nil},
		{"the order", whole, text(100, 150) + text(0, 100), []string{"changed", "line"}},
		{"a line more in the middle", whole, text(0, 50) + "x\n" + text(50, 200), []string{"changed", "line"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bothWays(t, func(t *testing.T, args []string) {
				w := newWorld(t, sandbox.Options{})
				file := w.write("ids.txt", []byte(c.was))
				run := w.send("run", append(args, file)...)
				w.must(0, run...)
				rows := string(w.read("ids.txt.demerge/report.csv"))
				w.write("ids.txt", []byte(c.is))
				w.refused(c.words, run...)
				if string(w.read("ids.txt.demerge/report.csv")) != rows {
					t.Error("the report was changed")
				}
				w.write("ids.txt", []byte(c.was))
				w.must(0, run...)
				w.accept(file+".demerge", textWants(file, 250))
			})
		})
	}
}

func TestTouchedInput(t *testing.T) {
	bothWays(t, func(t *testing.T, args []string) {
		w := newWorld(t, sandbox.Options{})
		file := w.write("ids.txt", []byte(text(0, 450)))
		w.must(3, w.send("run", append(args, "--limit", "250", file)...)...)
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		w.write("ids.txt", []byte(text(0, 450)))
		if err := os.Chtimes(file, time.Time{}, time.Unix(1e9, 0)); err != nil {
			t.Fatal(err)
		}
		w.must(0, w.send("run", append(args, file)...)...)
		w.accept(file+".demerge", textWants(file, 450))
	})
}

func TestGrowthInTheMiddle(t *testing.T) {
	bothWays(t, func(t *testing.T, args []string) {
		w := newWorld(t, sandbox.Options{})
		a, b := w.write("a.txt", []byte(text(0, 130))), w.write("b.txt", []byte(text(130, 120)))
		run := w.send("run", append(args, "--out", w.path("out"), a, b)...)
		w.must(0, run...)
		w.write("a.txt", []byte(text(0, 130)+text(900, 1)))
		w.refused([]string{"changed"}, run...)
		w.write("a.txt", []byte(text(0, 130)))
		w.write("b.txt", []byte(text(130, 180)))
		w.must(0, run...)
		wants := textWants(a, 130)
		for i := range 180 {
			wants = append(wants, want{fmt.Sprintf("%s-%05d", marker, 130+i), b, int64(i) + 1, []string{"accepted"}})
		}
		w.accept(w.path("out"), wants)
	})
}

func TestPinned(t *testing.T) {
	t.Parallel()
	w, file, wants := ready(t, sandbox.Options{}, kind{n: 450, dedupe: true})
	w.must(3, w.send("run", "--limit", "250", file)...)
	for _, c := range [][]string{
		{"--batch-size", "50"}, {"--dedupe=false"}, {"--trim=false"}, {"--skip", "x"}, {"--column", "1"}, {"--account-id", "OTHER"},
	} {
		w.refused([]string{strings.TrimSuffix(c[0], "=false")}, append(w.send("run", c...), file)...)
	}
	r := w.must(2, append(w.send("run", "--sandbox", "--out", file+".demerge"), file)...)
	w.says(r.stderr, "error: ", "hint: ")
	w.must(0, w.send("run", "--concurrency", "2", "--rate", "500", "--timeout", "5s", file)...)
	w.accept(file+".demerge", wants)
}

func TestRestart(t *testing.T) {
	t.Parallel()
	w, file, wants := ready(t, sandbox.Options{}, kind{n: 450, dedupe: true})
	w.must(3, w.send("run", "--limit", "250", file)...)
	old := string(w.read("ids.csv.demerge/report.csv"))
	w.must(0, w.send("run", "--restart", "--batch-size", "50", file)...)
	if extra := w.books(file+".demerge", wants); extra != 250 {
		t.Errorf("%d arrived again, 250 had to", extra)
	}
	aside := ""
	for _, name := range w.list() {
		if strings.HasPrefix(name, "ids.csv.demerge.") {
			aside = name
		}
	}
	if aside == "" || string(w.read(aside+"/report.csv")) != old {
		t.Errorf("the old run is not kept: %q", w.list())
	}
}

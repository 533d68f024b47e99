//go:build unix

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bulkdemerge/bulkdemerge/internal/sandbox"
)

// limited runs the binary with a limit on the size of files, in KiB.
func (w *world) limited(kib int, args ...string) result {
	w.t.Helper()
	script := fmt.Sprintf(`ulimit -f %d; exec "$@"`, kib)
	return w.startAs(nil, "bash", append([]string{"-c", script, "bash", program}, args...)...).wait()
}

// Issue 6: a file that can't grow any more (EFBIG, as a full disk would be)
// stops the run; what is settled stands, and the rerun does the rest.
func TestFileSizeLimit(t *testing.T) {
	t.Parallel()
	// The report is the longer file; of one-record batches the journal is.
	for _, c := range []struct {
		file string
		args []string
	}{
		{"report.csv", nil},
		{"journal", []string{"--batch-size", "1"}},
	} {
		w := newWorld(t, sandbox.Options{Latency: time.Millisecond, Poison: poisoned})
		in := csvInput("ids.csv", kind{n: 2500, dedupe: true, dup: 10, poison: 500})
		w.write("ids.csv", in.content)
		run := append(w.send("run", c.args...), "ids.csv")
		r := w.limited(64, run...)
		w.coded(3, r)
		w.says(r.stderr, "error: ", filepath.Join("ids.csv.demerge", c.file), "too large", "hint: ")
		n := w.status("ids.csv.demerge").Records
		if n == 0 || n >= 2500 {
			t.Errorf("%s: %d records settled", c.file, n)
		}
		requests := w.api.Books().Requests
		// As long as nothing has changed nothing is sent: it could not be settled.
		w.coded(2, w.limited(64, run...))
		if now := w.api.Books().Requests; now != requests {
			t.Errorf("%d requests were sent by a start that could not begin", now-requests)
		}
		w.must(1, run...)
		if extra := w.books(w.path("ids.csv.demerge"), in.want); extra > 2*carried {
			t.Errorf("%d identities arrived once more than they had to", extra)
		}
	}
}

// At the start, before anything is sent, the same is exit 2.
func TestNoRoomToBegin(t *testing.T) {
	t.Parallel()
	w, file, _ := ready(t, sandbox.Options{}, kind{n: 100})
	r := w.limited(0, w.send("run", file)...)
	w.coded(2, r)
	w.says(r.stderr, "error: ", "hint: ")
	if _, err := os.Stat(file + ".demerge"); !os.IsNotExist(err) {
		t.Error("a run directory was left behind")
	}
	if n := w.api.Books().Requests; n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// Issue 6: damage that is no crash. What can be told from the rest is healed,
// everything else refused.
func TestDamage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, file string
		damage     func([]byte) []byte // nil: removed
		code       int                 // of the next start
	}{
		{"no checkpoint", "checkpoint.json", nil, 0},
		{"a bit of the checkpoint", "checkpoint.json", flip, 0},
		{"an empty checkpoint", "checkpoint.json", func([]byte) []byte { return []byte{} }, 0},
		{"no summary", "summary.json", nil, 0},
		{"no journal", "journal", nil, 2},
		{"a bit of the journal", "journal", flip, 2},
		{"half a journal", "journal", func(b []byte) []byte { return b[:len(b)/2] }, 2},
		{"zeros in the journal", "journal", zeros, 2},
		{"no report", "report.csv", nil, 2},
		{"a bit of the report", "report.csv", flip, 2},
		{"half a report", "report.csv", func(b []byte) []byte { return b[:len(b)/2] }, 2},
		{"zeros in the report", "report.csv", zeros, 2},
		{"saved in a spreadsheet", "report.csv", func(b []byte) []byte { return append([]byte("\ufeff"), b...) }, 2},
	} {
		w, file, wants := ready(t, sandbox.Options{}, kind{n: 450, dedupe: true})
		w.must(3, w.send("run", "--limit", "250", file)...)
		name := filepath.Join("ids.csv.demerge", c.file)
		if c.damage == nil {
			if err := os.Remove(w.path(name)); err != nil {
				t.Fatal(err)
			}
		} else {
			w.write(name, c.damage(w.read(name)))
		}
		was := w.api.Books().Requests
		r := w.run(w.send("run", file)...)
		if r.code != c.code {
			t.Errorf("%s: exit %d: %s", c.name, r.code, r.stderr)
			continue
		}
		if c.code == 0 {
			w.accept(file+".demerge", wants)
			continue
		}
		w.says(r.stderr, c.file, "damaged", "--restart")
		if now := w.api.Books().Requests; now != was {
			t.Errorf("%s: %d requests were sent", c.name, now-was)
		}
	}
}

func flip(b []byte) []byte { b[len(b)/3] ^= 4; return b }

func zeros(b []byte) []byte { clear(b[len(b)/3 : len(b)/2]); return b }

//go:build unix

package e2e

import (
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/bulkdemerge/bulkdemerge/internal/sandbox"
)

// Issue 3: the main job, and once more when it is done.
func TestMainJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Options{Latency: 2 * time.Millisecond})
	file := w.path("ids.csv")
	in := csvInput(file, kind{n: 60_000})
	w.write("ids.csv", in.content)
	w.must(0, w.send("run", file)...)
	if extra := w.books(file+".demerge", in.want); extra != 0 {
		t.Errorf("%d identities arrived twice", extra)
	}
	b := w.api.Books()
	if b.Requests != 600 || b.MaxInFlight > 3 || b.Repeated != 0 || b.Distinct != 60_000 || b.WrongPath != 0 {
		t.Errorf("the API's books: %+v", b)
	}
	report := w.read("ids.csv.demerge/report.csv")
	w.must(0, w.send("run", file)...)
	if now := w.api.Books(); now.Requests != b.Requests {
		t.Errorf("a finished run sent %d more requests", now.Requests-b.Requests)
	}
	if string(w.read("ids.csv.demerge/report.csv")) != string(report) {
		t.Error("a finished run changed its report")
	}
}

// Law 5: the first request leaves before the input has been read.
func TestSlowPipe(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Options{})
	r, pipe, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p := w.start(r, w.send("run", "--out", w.path("out"), "--format", "text", "-")...)
	r.Close()
	var wants []want
	more := func(n int) {
		for range n {
			x := want{id: fmt.Sprintf("%s-%d", marker, len(wants)), source: "-", line: int64(len(wants)) + 1, status: []string{"accepted"}}
			if _, err := io.WriteString(pipe, x.id+"\n"); err != nil {
				t.Fatal(err)
			}
			wants = append(wants, x)
		}
	}
	more(150)
	if !until(func() bool { return w.api.Books().Distinct >= 100 }) {
		t.Error("no request came while the pipe was open")
	}
	more(30)
	if err := pipe.Close(); err != nil {
		t.Fatal(err)
	}
	w.coded(0, p.wait())
	if extra := w.books(w.path("out"), wants); extra != 0 || w.api.Books().Requests != 2 {
		t.Errorf("%d repeated; the API's books: %+v", extra, w.api.Books())
	}
}

//go:build unix

package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/bulkdemerge/bulkdemerge/internal/sandbox"
)

// status is what `status --json` says, as far as tests look.
type status struct {
	State   string
	Records int64
	PID     int
	Retry   *struct{ Settled int64 }
	Counts  map[string]int64
}

func (w *world) status(dir string) status {
	w.t.Helper()
	r := w.must(0, "status", "--json", dir)
	var st status
	if err := json.Unmarshal([]byte(r.stdout), &st); err != nil {
		w.t.Fatal(err)
	}
	return st
}

// conflicting is an API that answers 409 to batches with the word in them,
// while it is told to.
type conflicting struct {
	on   atomic.Bool
	word string
}

func (c *conflicting) front(api http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		if c.on.Load() && bytes.Contains(body, []byte(c.word)) {
			rw.Header().Set("Content-Type", "application/json")
			rw.WriteHeader(http.StatusConflict)
			_, _ = io.WriteString(rw, `{"status":"fail","error":"Conflict","code":409}`)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		api.ServeHTTP(rw, r)
	})
}

// failing is a finished run of which the records from 2,000 to 5,999 failed.
func failing(t *testing.T) (w *world, c *conflicting, dir string, wants []want) {
	c = &conflicting{}
	o := sandbox.Options{Latency: 4 * time.Millisecond, Poison: poisoned}
	w = newWorldBehind(t, o, func(api http.Handler) http.Handler { return worksOn(c.front(api)) })
	file := w.path("ids.csv")
	in := csvInput(file, kind{n: 8000, dedupe: true, dup: 30, blank: 40, poison: 200, quoted: 50, seed: rand.Uint64()})
	w.write("ids.csv", in.content)
	c.word = marker + "-00" // every fourth batch or so
	c.on.Store(true)
	for i := range in.want {
		if in.want[i].status[0] == "accepted" || in.want[i].status[0] == "rejected" {
			in.want[i].status = append(in.want[i].status, "failed")
		}
	}
	w.must(1, w.send("run", file)...)
	dir = file + ".demerge"
	w.books(dir, in.want)
	if n := w.status(dir).Counts["failed"]; n < 300 {
		t.Fatalf("%d failed, too few for this test", n)
	}
	return w, c, dir, in.want
}

// strict are the wants after a retry that met no failure.
func strict(wants []want) []want {
	out := make([]want, len(wants))
	for i, x := range wants {
		x.status = x.status[:1]
		out[i] = x
	}
	return out
}

func TestRetry(t *testing.T) {
	t.Parallel()
	w, c, dir, wants := failing(t)
	before := w.api.Books().Identities
	w.must(1, w.send("retry", dir)...)
	w.books(dir, wants)
	failed := map[int64]bool{}
	for _, r := range reportRows(t, dir) {
		failed[r.line] = r.status == "failed"
	}
	if n := w.api.Books().Identities; n != before {
		t.Errorf("%d were taken by an API that took nobody", n-before)
	}
	c.on.Store(false)
	w.must(1, w.send("retry", dir)...)
	w.accept(dir, strict(wants))
	for _, r := range reportRows(t, dir) {
		if r.status == "accepted" && failed[r.line] && r.attempts < 3 {
			t.Fatalf("line %d was sent by three starts and has %d attempts", r.line, r.attempts)
		}
	}
	was := w.api.Books().Requests
	w.must(1, w.send("retry", dir)...)
	w.must(1, w.send("run", w.path("ids.csv"))...)
	if now := w.api.Books().Requests; now != was {
		t.Errorf("%d requests for nothing that failed", now-was)
	}
	w.must(1, w.send("retry", "--rejected", dir)...)
	if now := w.api.Books().Requests; now == was {
		t.Error("--rejected sent nothing")
	}
	w.accept(dir, strict(wants))
}

func TestRetryKilled(t *testing.T) {
	t.Parallel()
	w, c, dir, wants := failing(t)
	base := w.repeated(dir, wants)
	c.on.Store(false)
	rng := rand.New(rand.NewPCG(rand.Uint64(), 10))
	struck := 0
	for range 25 {
		p := w.start(nil, w.send("retry", "--batch-size", "10", dir)...)
		if rng.IntN(3) == 0 {
			time.Sleep(time.Duration(rng.Int64N(int64(40 * time.Millisecond))))
		} else {
			from, n := w.api.Books().Requests, 1+rng.Int64N(8)
			until(func() bool { return w.api.Books().Requests-from >= n || p.ended() })
			time.Sleep(time.Duration(rng.Int64N(int64(6 * time.Millisecond))))
		}
		if rng.IntN(4) == 0 {
			p.signal(syscall.SIGTERM)
		} else {
			p.signal(syscall.SIGKILL)
		}
		if code := p.wait().code; code == -1 || code == 3 {
			struck++
		}
		st := w.status(dir)
		if st.Records != int64(len(wants)) {
			t.Fatalf("status has %d records of %d", st.Records, len(wants))
		}
	}
	if struck < 8 {
		t.Errorf("only %d kills were in time", struck)
	}
	w.must(1, w.send("retry", "--batch-size", "10", dir)...)
	if extra := w.books(dir, strict(wants)) - base; extra > struck*30 {
		t.Errorf("%d identities arrived once more, %d are allowed", extra, struck*30)
	}
	if st := w.status(dir); st.Retry != nil {
		t.Error("a finished retry is still there")
	}
}

//go:build unix

package e2e

import (
	"math/rand/v2"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/bulkdemerge/bulkdemerge/internal/sandbox"
)

// Issue 6: SIGTERM at any time repeats nobody but those whose request got no
// answer.
func TestTerminate(t *testing.T) {
	for _, c := range []struct {
		name string
		api  sandbox.Options
		kind kind
	}{
		{"no faults", sandbox.Options{}, kind{dedupe: true, dup: 20, blank: 50}},
		{"faults, splits, partial answers", sandbox.Options{Faults: sandbox.Faults{TooMany: .05, Internal: .02, Reset: .01, Garbage: .01, Partial: .05}},
			kind{dedupe: true, dup: 20, blank: 50, poison: 300}},
		{"applied but unanswered", sandbox.Options{Faults: sandbox.Faults{Drop: .03}}, kind{dedupe: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.api.Latency, c.api.Poison, c.api.Seed = 8*time.Millisecond, poisoned, rand.Uint64()
			w := newWorld(t, c.api)
			c.kind.n, c.kind.seed = 15_000, rand.Uint64()
			t.Logf("seeds %d, %d", c.api.Seed, c.kind.seed)
			k, dir, wants := setUp(w, "", c.kind, nil)
			stops := 0
			for range 15 {
				p := k.begin()
				from, n := w.api.Books().Requests, 1+k.rng.Int64N(8)
				until(func() bool { return w.api.Books().Requests-from >= n || p.ended() })
				time.Sleep(time.Duration(k.rng.Int64N(int64(10 * time.Millisecond))))
				p.signal(syscall.SIGTERM)
				r := p.wait()
				if r.code != 3 {
					w.coded(finalCode(wants), r)
					break
				}
				stops++
				w.rows(dir, wants) // a report that was left cleanly holds whole rows only
			}
			if stops < 10 {
				t.Errorf("only %d stops were in time", stops)
			}
			w.coded(finalCode(wants), k.begin().wait())
			extra, b := w.books(dir, wants), w.api.Books()
			if allowed := int(b.Answers["drop"]) * 100; extra > allowed {
				t.Errorf("%d identities arrived once more, %d were in requests without an answer", extra, allowed)
			}
		})
	}
}

// finalCode is what a run exits with in the end.
func finalCode(wants []want) int {
	for _, x := range wants {
		if s := x.status[0]; s == "rejected" || s == "invalid" || s == "failed" {
			return 1
		}
	}
	return 0
}

// The second signal ends the process at once, though a request in flight is
// not answered yet.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	hold, came := make(chan struct{}), make(chan struct{}, 1000)
	w := newWorldBehind(t, sandbox.Options{}, func(api http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			came <- struct{}{}
			<-hold
			api.ServeHTTP(rw, r)
		})
	})
	file := w.path("ids.csv")
	in := csvInput(file, kind{n: 1000})
	w.write("ids.csv", in.content)
	p := w.start(nil, w.send("run", "--timeout", "1h", file)...)
	select {
	case <-came:
	case <-p.done:
		t.Fatal("no request came")
	}
	p.signal(syscall.SIGTERM)
	select {
	case <-p.done:
		t.Error("the first signal did not wait for the request in flight")
	case <-time.After(300 * time.Millisecond): // can only miss the error, not make one up
	}
	p.signal(syscall.SIGINT)
	r := p.wait()
	close(hold)
	w.coded(3, r)
	w.must(0, w.send("run", file)...)
	if extra := w.books(file+".demerge", in.want); extra > carried {
		t.Errorf("%d identities arrived once more", extra)
	}
}

package sender_test

import (
	"bytes"
	"context"
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulkdemerge/bulkdemerge/internal/sandbox"
	"github.com/bulkdemerge/bulkdemerge/pkg/sender"
)

// busyShare is how much of the slots' time requests were at work in, hung ones
// aside.
func busyShare(b sandbox.Books, slots int) float64 {
	return b.BusySeconds / (float64(slots)*b.LastAt.Sub(b.FirstAt).Seconds() - b.HungSeconds)
}

// The fault mix of the sending issue.
var mix = sandbox.Faults{TooMany: .05, Internal: .02, Unavailable: .01, Reset: .005, Drop: .005, Hang: .003, Garbage: .005}

func TestHappyPath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := sandbox.New(sandbox.Options{Account: account, Passcode: passcode, Latency: 25 * time.Millisecond, Jitter: 5 * time.Millisecond})
		s, l := mustNew(t, options(api)), newLedger()
		if err := s.Run(t.Context(), from(batches(60_000, 100)), l.settle); err != nil {
			t.Fatal(err)
		}
		b := api.Books()
		if b.Requests != 600 || b.Repeated != 0 || b.MaxInFlight != 3 || l.count(sender.Accepted) != 60_000 {
			t.Fatalf("books %+v, accepted %d", b, l.count(sender.Accepted))
		}
		if busy := busyShare(b, 3); busy < .98 {
			t.Errorf("slots busy %.3f, want 0.98", busy)
		}
	})
}

func TestFaultMix(t *testing.T) {
	for seed := range uint64(3) {
		synctest.Test(t, func(t *testing.T) {
			api := sandbox.New(sandbox.Options{Account: account, Passcode: passcode, Faults: mix, Seed: seed,
				Latency: 25 * time.Millisecond, Jitter: 5 * time.Millisecond})
			s, l := mustNew(t, options(api)), newLedger()
			const n = 200_000
			var full sandbox.Books // while there was work left
			next := from(batches(n, 100))
			err := s.Run(t.Context(), func(ctx context.Context) (sender.Work, error) {
				w, err := next(ctx)
				if err != nil {
					full = api.Books()
					full.LastAt = time.Now()
				}
				return w, err
			}, l.settle)
			if err != nil {
				t.Fatal(err)
			}
			b := api.Books()
			if got := l.count(sender.Accepted); got != n || len(l.twice) != 0 || b.Distinct != n || b.MaxInFlight > 3 {
				t.Fatalf("accepted %d, twice %d, books %+v", got, len(l.twice), b)
			}
			t.Logf("busy %.4f, answers %v", busyShare(full, 3), b.Answers)
			if busy := busyShare(full, 3); busy < .95 {
				t.Errorf("slots busy %.3f, want 0.95", busy)
			}
		})
	}
}

func TestOneSlotOfThree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := sandbox.New(sandbox.Options{Account: account, Passcode: passcode, Others: 2,
			Latency: 25 * time.Millisecond, Jitter: 5 * time.Millisecond})
		s, l := mustNew(t, options(api)), newLedger()
		if err := s.Run(t.Context(), from(batches(20_000, 100)), l.settle); err != nil {
			t.Fatal(err)
		}
		b := api.Books()
		t.Logf("busy %.4f, answers %v", busyShare(b, 1), b.Answers)
		if share := float64(b.Answers["429"]) / float64(b.Requests); share > .15 {
			t.Errorf("429s %.3f of the requests, want 0.15 at most", share)
		}
		if busy := busyShare(b, 1); busy < .9 || l.count(sender.Accepted) != 20_000 {
			t.Errorf("slot busy %.3f, want 0.9; accepted %d", busy, l.count(sender.Accepted))
		}
	})
}

func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := sandbox.New(sandbox.Options{Account: account, Passcode: passcode, Latency: 25 * time.Millisecond})
		s, l := mustNew(t, options(api)), newLedger()
		time.AfterFunc(2*time.Second, func() { api.SetDownFor(4 * time.Second) })
		if err := s.Run(t.Context(), from(batches(60_000, 100)), l.settle); err != nil {
			t.Fatal(err)
		}
		b := api.Books()
		if b.Answers["503"] > 30 || b.Answers["503"] < 5 {
			t.Errorf("%d requests into the outage, want 5 to 30", b.Answers["503"])
		}
		if l.count(sender.Accepted) != 60_000 || b.Repeated != 0 {
			t.Errorf("accepted %d, books %+v", l.count(sender.Accepted), b)
		}
	})
}

func TestOutageThatDoesNotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := sandbox.New(sandbox.Options{Account: account, Passcode: passcode})
		api.SetDown(true)
		o := options(api)
		o.MaxOutage = 10 * time.Minute
		s, l := mustNew(t, o), newLedger()
		began := time.Now()
		go func() {
			time.Sleep(time.Minute)
			if st := s.Stats(); st.Waiting != "API answers 503" || time.Since(st.WaitingSince) < 59*time.Second {
				t.Errorf("waiting %q since %v", st.Waiting, st.WaitingSince)
			}
		}()
		// Two batches, so that each is probed more often than it has attempts.
		err := s.Run(t.Context(), from(batches(200, 100)), l.settle)
		if stop := stopOf(t, err, sender.StopOutage); stop.HTTPStatus != 503 {
			t.Errorf("status %d", stop.HTTPStatus)
		}
		if took := time.Since(began); took < 10*time.Minute || took > 10*time.Minute+time.Second {
			t.Errorf("stopped after %v", took)
		}
		if n := api.Books().Requests; len(l.rows) != 0 || n > 60 {
			t.Errorf("%d rows, %d requests", len(l.rows), n)
		}
	})
}

// One piece that never goes through, beside others that do, is no outage: it
// fails alone, also when it is the last.
func TestPieceThatNeverGoesThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := sandbox.New(sandbox.Options{Latency: 10 * time.Millisecond})
		o := options(api)
		o.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			if bytes.Contains(bodyOf(r), []byte(name(150))) {
				return reply(r, "500 Internal Server Error", `{"status":"fail","error":"oops","code":500}`), nil
			}
			return api.Transport().RoundTrip(r)
		})
		s, l := mustNew(t, o), newLedger()
		if err := s.Run(t.Context(), from(batches(1000, 100)), l.settle); err != nil {
			t.Fatal(err)
		}
		// Once nothing else is left its halves are probes: the one that is accepted
		// tells that the API is not down.
		if l.count(sender.Accepted) != 950 || l.count(sender.Failed) != 50 {
			t.Errorf("accepted %d, failed %d", l.count(sender.Accepted), l.count(sender.Failed))
		}
		want := row{sender.Failed, "given up after 8 attempts: API answered 500: oops", 500, 500, 10}
		if got := l.rows[name(150)]; got != want {
			t.Errorf("row %+v, want %+v", got, want)
		}
	})
}

func TestPoison(t *testing.T) {
	for _, partial := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			const n = 20_000
			bad := map[string]bool{}
			for k := range 22 {
				bad[name((k*k*977+13)%n)] = true
			}
			api := sandbox.New(sandbox.Options{Latency: 25 * time.Millisecond, Jitter: 5 * time.Millisecond,
				Poison: func(id string) bool { return bad[id] }, PoisonPartial: partial})
			s, l := mustNew(t, options(api)), newLedger()
			if err := s.Run(t.Context(), from(batches(n, 100)), l.settle); err != nil {
				t.Fatal(err)
			}
			b := api.Books()
			if l.count(sender.Rejected) != len(bad) || l.count(sender.Accepted) != n-len(bad) || b.Repeated != 0 || len(l.twice) > 0 {
				t.Fatalf("rejected %d, accepted %d, books %+v", l.count(sender.Rejected), l.count(sender.Accepted), b)
			}
			for id := range bad {
				if r := l.rows[id]; r.status != sender.Rejected || r.reason == "" || r.code == 0 {
					t.Fatalf("row %+v", r)
				}
			}
			if most := n/100 + int64(2*math.Log2(100)*float64(len(bad))); b.Requests > most || partial && b.Requests != n/100 {
				t.Errorf("%d requests for %d offenders", b.Requests, len(bad))
			}
		})
	}
}

func TestEverythingRefused(t *testing.T) {
	cases := []struct {
		name        string
		batches     int
		hasAccepted bool
		keepGoing   bool
		rejected    int // rows
		stopped     bool
	}{
		{"before the first accepted, ten batches", 30, false, false, 0, true},
		{"before the first accepted, the input ends", 9, false, false, 90, false},
		{"after the first accepted", 30, true, false, 100, true},
		{"keep going", 30, false, true, 300, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := sandbox.New(sandbox.Options{Slots: 1, Poison: func(string) bool { return true }})
				o := options(api)
				o.Concurrency, o.HasAccepted, o.KeepGoing = 1, c.hasAccepted, c.keepGoing
				s, l := mustNew(t, o), newLedger()
				err := s.Run(t.Context(), from(batches(c.batches*10, 10)), l.settle)
				if c.stopped {
					stop := stopOf(t, err, sender.StopRefusals)
					if stop.Words == "" || stop.HTTPStatus != 400 || strings.Contains(stop.Error(), "client-") {
						t.Errorf("stop %+v", stop)
					}
					if later := strings.Contains(stop.Hint, "retry --rejected"); later != c.hasAccepted {
						t.Errorf("hint %q", stop.Hint)
					}
				} else if err != nil {
					t.Fatal(err)
				}
				if got := l.count(sender.Rejected); got != c.rejected || len(l.rows) != c.rejected {
					t.Errorf("%d rejected of %d rows, want %d", got, len(l.rows), c.rejected)
				}
			})
		})
	}
}

// Refusals that were held back come out with the first accepted identity, behind it.
func TestHeldRefusalsAreSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := sandbox.New(sandbox.Options{Poison: func(id string) bool { return id < name(50) }})
		o := options(api)
		o.Concurrency = 1
		s, l := mustNew(t, o), newLedger()
		first := true
		l.onCall = func(out sender.Outcome) error {
			if first && out.Status != sender.Accepted {
				t.Errorf("settled %s before anything was accepted", out.Status)
			}
			first = false
			return nil
		}
		if err := s.Run(t.Context(), from(batches(200, 10)), l.settle); err != nil {
			t.Fatal(err)
		}
		if l.count(sender.Rejected) != 50 || l.count(sender.Accepted) != 150 {
			t.Errorf("rejected %d, accepted %d", l.count(sender.Rejected), l.count(sender.Accepted))
		}
	})
}

// A batch that is too large is halved, and nothing is concluded from a half
// that isn't.
func TestTooLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := sandbox.New(sandbox.Options{Latency: 10 * time.Millisecond})
		o := options(api)
		o.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			if bytes.Count(bodyOf(r), []byte("client-")) > 50 {
				return reply(r, "413 Payload Too Large", ""), nil
			}
			return api.Transport().RoundTrip(r)
		})
		s, l := mustNew(t, o), newLedger()
		if err := s.Run(t.Context(), from(batches(300, 100)), l.settle); err != nil {
			t.Fatal(err)
		}
		if b := api.Books(); l.count(sender.Accepted) != 300 || b.Requests != 6 || s.Stats().Requests != 9 || s.Stats().Splits != 3 {
			t.Errorf("accepted %d, books %+v, stats %+v", l.count(sender.Accepted), b, s.Stats())
		}
	})
}

// At the end of the input no slot waits for what the other half tells.
func TestSplitIsQuick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := sandbox.New(sandbox.Options{Latency: 10 * time.Millisecond, Poison: func(id string) bool { return id == name(99) }})
		s, l := mustNew(t, options(api)), newLedger()
		began := time.Now()
		if err := s.Run(t.Context(), from(batches(100, 100)), l.settle); err != nil {
			t.Fatal(err)
		}
		// The batch, its two halves at once, and seven rounds: where the first half
		// is accepted, the second is halved unsent.
		if took := time.Since(began); took > 90*time.Millisecond || l.count(sender.Rejected) != 1 {
			t.Errorf("took %v, %d rejected", took, l.count(sender.Rejected))
		}
	})
}

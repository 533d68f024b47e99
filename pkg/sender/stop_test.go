package sender_test

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulkdemerge/bulkdemerge/internal/sandbox"
	"github.com/bulkdemerge/bulkdemerge/pkg/sender"
)

// An answer that no retry can mend stops the run: the requests in flight
// finish, what they had accepted is settled, and nothing becomes a failed row.
func TestAnswersThatStopTheRun(t *testing.T) {
	cases := []struct {
		status string
		kind   sender.StopKind
		says   []string
	}{
		{"401 Unauthorized", sender.StopCredentials, []string{"401", "passcode", "region"}},
		{"403 Forbidden", sender.StopForbidden, []string{"403"}},
		{"404 Not Found", sender.StopWrongResource, []string{"404"}},
		{"405 Method Not Allowed", sender.StopWrongResource, []string{"405"}},
		{"407 Proxy Authentication Required", sender.StopProxyAuth, []string{"407", "proxy"}},
		{"301 Moved Permanently", sender.StopRedirect, []string{"301", "elsewhere.example"}},
		{"307 Temporary Redirect", sender.StopRedirect, []string{"307", "elsewhere.example"}},
	}
	for _, c := range cases {
		t.Run(c.status, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := sandbox.New(sandbox.Options{Latency: 25 * time.Millisecond})
				var hits, elsewhere, stops atomic.Int32
				o := options(api)
				o.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
					if r.URL.Host != "localhost" {
						elsewhere.Add(1)
					}
					if hits.Add(1) == 10 {
						time.Sleep(5 * time.Millisecond)
						stops.Add(1)
						id := regexp.MustCompile(`client-\d+`).Find(bodyOf(r))
						return reply(r, c.status, `{"status":"fail","error":"no, `+string(id)+`, `+passcode+`, no","code":1}`,
							"Location", "https://elsewhere.example/sign-in?"+passcode), nil
					}
					if stops.Load() > 0 {
						t.Error("a request left after the stop")
					}
					return api.Transport().RoundTrip(r)
				})
				s, l := mustNew(t, o), newLedger()
				err := s.Run(t.Context(), from(batches(60_000, 100)), l.settle)
				stop := stopOf(t, err, c.kind)
				text := stop.Error() + " " + stop.Hint
				for _, word := range c.says {
					if !strings.Contains(text, word) {
						t.Errorf("%q does not say %q", text, word)
					}
				}
				if strings.Contains(text, passcode) || strings.Contains(text, "client-") || stop.Hint == "" {
					t.Errorf("message %q", text)
				}
				if n := l.count(sender.Accepted); len(l.rows) != n || n != int(api.Books().Distinct) || elsewhere.Load() != 0 {
					t.Errorf("%d rows, %d accepted, %d arrived, %d elsewhere", len(l.rows), n, api.Books().Distinct, elsewhere.Load())
				}
			})
		})
	}
}

// A clean stop loses no answer: what the API took has a row.
func TestContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		why := errors.New("enough")
		api := sandbox.New(sandbox.Options{Latency: 25 * time.Millisecond, Jitter: 10 * time.Millisecond, Seed: 3,
			Faults: sandbox.Faults{TooMany: .1, Internal: .1, Reset: .1}})
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(why) })
		s, l := mustNew(t, options(api)), newLedger()
		began := time.Now()
		if err := s.Run(ctx, from(batches(60_000, 100)), l.settle); err != why {
			t.Fatalf("ended with %v", err)
		}
		if took := time.Since(began); took > 1050*time.Millisecond {
			t.Errorf("took %v", took)
		}
		if n := l.count(sender.Accepted); n == 0 || n != len(l.rows) || n != int(api.Books().Distinct) {
			t.Errorf("%d accepted, %d rows, %d arrived", n, len(l.rows), api.Books().Distinct)
		}
	})
}

// Every kind of wait is cut short by the end of the context.
func TestContextCutsWaitsShort(t *testing.T) {
	waits := map[string]func(*http.Request) (*http.Response, error){
		"retry-after": func(r *http.Request) (*http.Response, error) {
			return reply(r, "429 Too Many Requests", "", "Retry-After", "50"), nil
		},
		"backoff": func(r *http.Request) (*http.Response, error) { return reply(r, "503 Unavailable", ""), nil },
	}
	for name, answer := range waits {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				s, l := mustNew(t, sender.Options{Endpoint: "http://127.0.0.1:1", AccountID: account, Passcode: passcode,
					Transport: roundTrip(answer)}), newLedger()
				began := time.Now()
				err := s.Run(ctx, from(batches(1000, 100)), l.settle)
				if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 30*time.Second || len(l.rows) != 0 {
					t.Errorf("ended with %v after %v, %d rows", err, time.Since(began), len(l.rows))
				}
			})
		})
	}
}

// A next that waits for a slow pipe ends with the run.
func TestContextEndsABlockedNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		s, l := mustNew(t, options(sandbox.New(sandbox.Options{}))), newLedger()
		list := batches(100, 100)
		err := s.Run(ctx, func(ctx context.Context) (sender.Work, error) {
			if len(list) > 0 {
				w := list[0]
				list = nil
				return w, nil
			}
			<-ctx.Done()
			return sender.Work{}, ctx.Err()
		}, l.settle)
		if !errors.Is(err, context.DeadlineExceeded) || l.count(sender.Accepted) != 100 {
			t.Errorf("ended with %v, %d accepted", err, l.count(sender.Accepted))
		}
	})
}

func TestErrorsOfTheCaller(t *testing.T) {
	broken := errors.New("disk full")
	t.Run("settle", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			api := sandbox.New(sandbox.Options{Latency: time.Second, Jitter: 500 * time.Millisecond})
			s, l := mustNew(t, options(api)), newLedger()
			var failedAt time.Time
			l.onCall = func(sender.Outcome) error {
				if !failedAt.IsZero() {
					t.Error("settle was called again")
				}
				failedAt = time.Now()
				return broken
			}
			if err := s.Run(t.Context(), from(batches(3000, 100)), l.settle); err != broken {
				t.Errorf("ended with %v", err)
			}
			if !failedAt.Equal(time.Now()) || api.Books().Requests > 3 {
				t.Errorf("went on for %v, %d requests", time.Since(failedAt), api.Books().Requests)
			}
		})
	})
	t.Run("next", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			api := sandbox.New(sandbox.Options{Latency: time.Second})
			s, l := mustNew(t, options(api)), newLedger()
			next := from(batches(200, 100))
			err := s.Run(t.Context(), func(ctx context.Context) (sender.Work, error) {
				w, err := next(ctx)
				if err != nil {
					time.Sleep(time.Millisecond) // until both are under way
					err = broken
				}
				return w, err
			}, l.settle)
			if err != broken || l.count(sender.Accepted) != 200 {
				t.Errorf("ended with %v, %d accepted", err, l.count(sender.Accepted))
			}
		})
	})
	t.Run("twice", func(t *testing.T) {
		s := mustNew(t, options(sandbox.New(sandbox.Options{})))
		for want := range 2 {
			err := s.Run(t.Context(), from(nil), newLedger().settle)
			if (err != nil) != (want == 1) {
				t.Errorf("run %d ended with %v", want, err)
			}
		}
	})
}

// next is asked only when a slot has nothing else to do.
func TestNeverReadsAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := sandbox.New(sandbox.Options{Latency: 25 * time.Millisecond, Jitter: 20 * time.Millisecond})
		s, l := mustNew(t, options(api)), newLedger()
		next := from(batches(10_000, 100))
		var handed, settled atomic.Int32
		l.onCall = func(sender.Outcome) error { settled.Add(1); return nil }
		err := s.Run(t.Context(), func(ctx context.Context) (sender.Work, error) {
			if handed.Add(1)-settled.Load() > 3 {
				t.Error("read ahead")
			}
			return next(ctx)
		}, l.settle)
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestRetryAfterPausesEveryRequest(t *testing.T) {
	for header, pause := range map[string]time.Duration{"7": 7 * time.Second, "date": 20 * time.Second, "9000": time.Minute, "soon": 0} {
		t.Run(header, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := sandbox.New(sandbox.Options{Latency: 25 * time.Millisecond})
				var mu sync.Mutex
				var hits int
				var answered time.Time
				var gap time.Duration
				o := options(api)
				o.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
					mu.Lock()
					hits++
					hit := hits
					if hit > 9 && gap == 0 && !answered.IsZero() {
						gap = time.Since(answered)
					}
					mu.Unlock()
					if hit == 9 {
						value := header
						if header == "date" {
							value = time.Now().Add(pause).UTC().Format(http.TimeFormat)
						}
						mu.Lock()
						answered = time.Now()
						mu.Unlock()
						return reply(r, "429 Too Many Requests", "", "Retry-After", value), nil
					}
					return api.Transport().RoundTrip(r)
				})
				s, l := mustNew(t, o), newLedger()
				if err := s.Run(t.Context(), from(batches(3000, 100)), l.settle); err != nil {
					t.Fatal(err)
				}
				// An HTTP date has whole seconds.
				if gap < pause-time.Second && header == "date" || gap < pause && header != "date" || gap > pause+100*time.Millisecond {
					t.Errorf("next request after %v, want %v", gap, pause)
				}
				if l.count(sender.Accepted) != 3000 || api.Books().Repeated != 0 {
					t.Errorf("accepted %d", l.count(sender.Accepted))
				}
			})
		})
	}
}

// What is in flight when a run is stopped by an error makes no failed and no
// rejected rows: the rerun sends it again.
func TestStoppedRunMakesNoBadRows(t *testing.T) {
	for _, status := range []string{"503 Unavailable", "409 Conflict", "400 Bad Request"} {
		synctest.Test(t, func(t *testing.T) {
			var hits atomic.Int32
			o := sender.Options{Endpoint: "http://localhost", AccountID: account, Passcode: passcode, HasAccepted: true, MaxAttempts: 1,
				Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
					if hits.Add(1) == 1 {
						time.Sleep(time.Millisecond)
						return reply(r, "401 Unauthorized", ""), nil
					}
					time.Sleep(time.Second)
					return reply(r, status, ""), nil
				})}
			s, l := mustNew(t, o), newLedger()
			stopOf(t, s.Run(t.Context(), from(batches(10, 1)), l.settle), sender.StopCredentials)
			if len(l.rows) != 0 || hits.Load() != 3 {
				t.Errorf("%d rows, %d requests", len(l.rows), hits.Load())
			}
		})
	}
}

// A request that timed out keeps its slot until the other side has seen its
// connection close.
func TestTimeoutLingers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended time.Time
		o := sender.Options{Endpoint: "http://localhost", AccountID: account, Passcode: passcode, Concurrency: 1, Timeout: time.Second,
			Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				if !ended.IsZero() {
					if gap := time.Since(ended); gap < 20*time.Millisecond {
						t.Errorf("the slot sent again after %v", gap)
					}
					return reply(r, "200 OK", `{"status":"success"}`), nil
				}
				<-r.Context().Done()
				ended = time.Now()
				return nil, context.Cause(r.Context())
			})}
		s, l := mustNew(t, o), newLedger()
		if err := s.Run(t.Context(), from(batches(2, 1)), l.settle); err != nil || l.count(sender.Accepted) != 2 {
			t.Errorf("%v, %d accepted", err, l.count(sender.Accepted))
		}
	})
}

package sender_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulkdemerge/bulkdemerge/internal/sandbox"
	"github.com/bulkdemerge/bulkdemerge/pkg/sender"
)

// Batches that the API never digests fail alone, however many they are and
// wherever they stand: while others go through, it is no outage.
func TestPiecesThatNeverGoThrough(t *testing.T) {
	for _, bad := range [][]int{{1500, 1900}, {0, 100}, {0, 100, 200, 300, 400, 500}, {100, 300, 500, 700, 1999}} {
		synctest.Test(t, func(t *testing.T) {
			api := sandbox.New(sandbox.Options{Latency: 10 * time.Millisecond})
			o := options(api)
			o.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
				body := bodyOf(r)
				for _, i := range bad {
					if bytes.Contains(body, []byte(name(i))) {
						return reply(r, "500 Internal Server Error", `{"status":"fail","error":"oops","code":500}`), nil
					}
				}
				return api.Transport().RoundTrip(r)
			})
			s, l := mustNew(t, o), newLedger()
			if err := s.Run(t.Context(), from(batches(2000, 100)), l.settle); err != nil {
				t.Fatalf("%v: %v", bad, err)
			}
			failed := l.count(sender.Failed)
			if failed > 100*len(bad) || l.count(sender.Accepted) != 2000-failed {
				t.Errorf("%v: %d failed, %d accepted", bad, failed, l.count(sender.Accepted))
			}
			for _, i := range bad {
				if l.rows[name(i)].status != sender.Failed {
					t.Errorf("%v: %d is %+v", bad, i, l.rows[name(i)])
				}
			}
		})
	}
}

// --max-outage counts from the first bad answer, also where the answers of a
// row are far apart.
func TestOutageOfRareAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(sandbox.New(sandbox.Options{}))
		o.MaxOutage = 3 * time.Second
		o.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			return reply(r, "503 Service Unavailable", "", "Retry-After", "30"), nil
		})
		s, l := mustNew(t, o), newLedger()
		began := time.Now()
		stopOf(t, s.Run(t.Context(), from(batches(1000, 100)), l.settle), sender.StopOutage)
		if took := time.Since(began); took > 4*time.Second || len(l.rows) != 0 {
			t.Errorf("stopped after %v with %d rows", took, len(l.rows))
		}
	})
}

// An offender costs at most 2·log2(100) requests, wherever it stands and
// whether there is other work or not.
func TestAnOffendersPrice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for at := range 100 {
			api := sandbox.New(sandbox.Options{Latency: 10 * time.Millisecond, Poison: func(id string) bool { return id == name(at) }})
			s, l := mustNew(t, options(api)), newLedger()
			if err := s.Run(t.Context(), from(batches(200, 100)), l.settle); err != nil {
				t.Fatal(err)
			}
			// The two batches, and 2·log2(100) = 13.29.
			if b := api.Books(); b.Requests > 2+13 || l.count(sender.Rejected) != 1 || b.Repeated != 0 {
				t.Errorf("offender %d: %d requests, %d repeated, %d rejected", at, b.Requests, b.Repeated, l.count(sender.Rejected))
			}
		}
	})
}

// What the API says of one person stands in nobody else's row.
func TestReasonsAreOnesOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(sandbox.New(sandbox.Options{}))
		o.MaxAttempts = 1
		o.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			return reply(r, "200 OK", `{"status":"partial","processed":1,"unprocessed":[`+
				`{"code":524,"error":"user `+name(0)+` is unknown","record":"`+name(0)+`"},`+
				`{"code":555,"error":"user `+strings.ToUpper(name(1))+` is locked","record":"`+name(1)+`"},`+
				`{"code":555,"error":"busy","record":"`+name(2)+`"},`+
				`{"code":523,"error":"twin of `+name(0)+`","record":"`+name(3)+`"}]}`), nil
		})
		s, l := mustNew(t, o), newLedger()
		if err := s.Run(t.Context(), from(batches(5, 100)), l.settle); err != nil {
			t.Fatal(err)
		}
		locked := "given up after 1 attempt: API did not take it: user «identity» is locked"
		for i, want := range []row{
			{sender.Rejected, "user " + name(0) + " is unknown", 524, 200, 1},
			{sender.Failed, locked, 555, 200, 1},
			{sender.Failed, locked, 555, 200, 1},
			{sender.Rejected, "twin of «identity»", 523, 200, 1},
			{sender.Accepted, "", 0, 200, 1},
		} {
			if got := l.rows[name(i)]; got != want {
				t.Errorf("row %d: %+v, want %+v", i, got, want)
			}
		}
	})
}

// The rate holds where it is looked at, on the other side, also while
// connections are slow to open.
func TestRateWithSlowConnections(t *testing.T) {
	var mu sync.Mutex
	var came []time.Time
	server := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		came = append(came, time.Now())
		mu.Unlock()
		fmt.Fprint(w, `{"status":"success"}`)
	})}
	synctest.Test(t, func(t *testing.T) {
		l := &slowListener{conns: make(chan net.Conn), done: make(chan struct{})}
		go server.Serve(l)
		defer server.Close()
		o := sender.Options{Endpoint: "http://localhost", AccountID: account, Passcode: passcode, Concurrency: 10, Rate: 10}
		o.Transport = &http.Transport{DialContext: l.dial, MaxConnsPerHost: 10, MaxIdleConnsPerHost: 10}
		defer o.Transport.(*http.Transport).CloseIdleConnections()
		s, led := mustNew(t, o), newLedger()
		if err := s.Run(t.Context(), from(batches(40, 1)), led.settle); err != nil {
			t.Fatal(err)
		}
	})
	for i, at := range came {
		n := 0
		for _, later := range came[i:] {
			if later.Sub(at) < time.Second {
				n++
			}
		}
		if n > 10 {
			t.Fatalf("%d requests came within a second", n)
		}
	}
	if len(came) != 40 {
		t.Errorf("%d requests came", len(came))
	}
}

// slowListener gives out connections within the process that take half a
// second to open.
type slowListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *slowListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	time.Sleep(500 * time.Millisecond)
	client, served := net.Pipe()
	select {
	case l.conns <- served:
		return client, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *slowListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *slowListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *slowListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

package sender_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulkdemerge/bulkdemerge/internal/sandbox"
	"github.com/bulkdemerge/bulkdemerge/pkg/sender"
)

// An outage that begins when nothing is left but pieces that have failed once
// before, beside others that went through, is an outage all the same.
func TestOutageAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(sandbox.New(sandbox.Options{}))
		began := time.Now()
		var requests atomic.Int64
		o.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			n := requests.Add(1)
			time.Sleep(25 * time.Millisecond)
			down := time.Since(began) > 500*time.Millisecond && time.Since(began) < 10*time.Minute
			if down || n >= 55 && n <= 57 {
				return reply(r, "503 Service Unavailable", ""), nil
			}
			return reply(r, "200 OK", `{"status":"success"}`), nil
		})
		s, l := mustNew(t, o), newLedger()
		if err := s.Run(t.Context(), from(batches(6000, 100)), l.settle); err != nil || l.count(sender.Accepted) != 6000 {
			t.Errorf("%d accepted, %d failed, %v", l.count(sender.Accepted), l.count(sender.Failed), err)
		}
	})
}

// A silent pipe is no outage, whatever was answered before it fell silent.
func TestSilenceIsNoOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(sandbox.New(sandbox.Options{}))
		o.MaxAttempts = 1
		var requests atomic.Int64
		o.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			if requests.Add(1) <= 5 {
				return reply(r, "503 Service Unavailable", ""), nil
			}
			return reply(r, "200 OK", `{"status":"success"}`), nil
		})
		list := batches(800, 100)
		s, l := mustNew(t, o), newLedger()
		err := s.Run(t.Context(), func(ctx context.Context) (sender.Work, error) {
			switch len(list) {
			case 0:
				return sender.Work{}, io.EOF
			case 3:
				select {
				case <-time.After(20 * time.Minute):
				case <-ctx.Done():
					return sender.Work{}, context.Cause(ctx)
				}
			}
			w := list[0]
			list = list[1:]
			return w, nil
		}, l.settle)
		if err != nil || l.count(sender.Accepted) != 300 {
			t.Errorf("%d accepted, %v", l.count(sender.Accepted), err)
		}
	})
}

// While new work is slow to come, a free slot takes a second half.
func TestSpareHalfLeavesWhileNextIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(sandbox.New(sandbox.Options{}))
		o.Concurrency = 2
		began := time.Now()
		var lastLeft atomic.Int64
		o.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			body := bodyOf(r)
			lastLeft.Store(int64(time.Since(began)))
			switch n := bytes.Count(body, []byte("client")); {
			case n < 100:
				time.Sleep(10 * time.Second)
			case bytes.Contains(body, []byte(name(0))):
				time.Sleep(time.Second)
				return reply(r, "400 Bad Request", `{"status":"fail","error":"x","code":400}`), nil
			default:
				time.Sleep(1500 * time.Millisecond)
			}
			return reply(r, "200 OK", `{"status":"success"}`), nil
		})
		list := batches(200, 100)
		s, l := mustNew(t, o), newLedger()
		err := s.Run(t.Context(), func(context.Context) (sender.Work, error) {
			if len(list) == 0 {
				time.Sleep(time.Minute)
				return sender.Work{}, io.EOF
			}
			w := list[0]
			list = list[1:]
			return w, nil
		}, l.settle)
		if left := time.Duration(lastLeft.Load()); err != nil || left > 2*time.Second {
			t.Errorf("the second half left after %v, %v", left, err)
		}
	})
}

// A record that the API names again and again with a server error is given up,
// also where it is the last: an answer that names each record is no outage.
func TestRecordThatIsAlwaysBusy(t *testing.T) {
	for _, at := range []int{1, 250, 299} {
		synctest.Test(t, func(t *testing.T) {
			o := options(sandbox.New(sandbox.Options{}))
			o.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
				time.Sleep(10 * time.Millisecond)
				if !bytes.Contains(bodyOf(r), []byte(name(at))) {
					return reply(r, "200 OK", `{"status":"success"}`), nil
				}
				return reply(r, "200 OK", `{"status":"partial","unprocessed":[{"code":555,"error":"busy","record":"`+name(at)+`"}],"processed":`+
					map[bool]string{true: "99", false: "0"}[bytes.Count(bodyOf(r), []byte("client")) > 1]+`}`), nil
			})
			s, l := mustNew(t, o), newLedger()
			err := s.Run(t.Context(), from(batches(300, 100)), l.settle)
			if err != nil || l.count(sender.Accepted) != 299 || l.rows[name(at)].status != sender.Failed || l.rows[name(at)].code != 555 {
				t.Errorf("%d accepted, %+v, %v", l.count(sender.Accepted), l.rows[name(at)], err)
			}
		})
	}
}

// What an error page says of somebody stands in nobody's row.
func TestErrorPagesNameNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(sandbox.New(sandbox.Options{}))
		o.MaxAttempts = 1
		o.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			return reply(r, "409 Conflict", "oops with "+name(0)), nil
		})
		s, l := mustNew(t, o), newLedger()
		if err := s.Run(t.Context(), from(batches(2, 2)), l.settle); err != nil {
			t.Fatal(err)
		}
		if got := l.rows[name(1)].reason; got != "oops with «identity»" {
			t.Errorf("the other one's reason is %q", got)
		}
	})
}

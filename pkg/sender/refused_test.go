package sender_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/bulkdemerge/bulkdemerge/internal/sandbox"
	"github.com/bulkdemerge/bulkdemerge/pkg/sender"
)

// What is held back before the first accepted identity is bounded, also where
// batches are refused in part only and the rest of them fails: their records
// wait in memory, and in the end nothing would be read any more.
func TestHeldRefusalsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := sender.Options{Endpoint: "http://localhost", AccountID: account, Passcode: passcode,
			Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				body := bodyOf(r)
				if bytes.Count(body, []byte("client-")) == 1 {
					return reply(r, "409 Conflict", `{"status":"fail","error":"conflict","code":409}`), nil
				}
				first := body[bytes.IndexByte(body, '[')+1 : bytes.IndexByte(body, ',')]
				return reply(r, "200 OK", fmt.Sprintf(`{"status":"partial","processed":[],"unprocessed":[{"code":523,"error":"bad","record":%s}]}`, first)), nil
			})}
		s, l := mustNew(t, o), newLedger()
		err := s.Run(t.Context(), from(batches(200, 2)), l.settle)
		stopOf(t, err, sender.StopRefusals)
		if l.count(sender.Rejected) != 0 || l.count(sender.Failed) > 20 {
			t.Errorf("%d rejected, %d failed", l.count(sender.Rejected), l.count(sender.Failed))
		}
	})
}

// A server error for a record passes, also where the answer does not name it.
func TestUnnamedServerErrorIsNoRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		requests := 0
		o := sender.Options{Endpoint: "http://localhost", AccountID: account, Passcode: passcode,
			Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				if requests++; requests == 1 {
					return reply(r, "200 OK", `{"status":"partial","processed":0,"unprocessed":[{"status":"fail","code":555,"error":"miscellaneous"}]}`), nil
				}
				return reply(r, "200 OK", `{"status":"success"}`), nil
			})}
		s, l := mustNew(t, o), newLedger()
		if err := s.Run(t.Context(), from(batches(1, 1)), l.settle); err != nil {
			t.Fatal(err)
		}
		if got := l.rows[name(0)]; got.status != sender.Accepted {
			t.Errorf("row %+v", got)
		}
	})
}

// TestHeldRefusalsStayAtAPause: work that ends though the input does not (a
// --limit) must not settle what is held back: it says nothing about the data
// yet. The caller hears the API's words.
func TestHeldRefusalsStayAtAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := sandbox.New(sandbox.Options{Poison: func(string) bool { return true }})
		books := newLedger()
		work := from(batches(20, 5))
		next := func(ctx context.Context) (sender.Work, error) {
			w, err := work(ctx)
			if err == io.EOF {
				err = sender.ErrPause
			}
			return w, err
		}
		err := mustNew(t, options(api)).Run(t.Context(), next, books.settle)
		stop := stopOf(t, err, sender.StopRefusals)
		if stop.Words == "" {
			t.Error("the API's words are missing")
		}
		if len(books.rows) != 0 {
			t.Errorf("%d rows were settled", len(books.rows))
		}
	})
}

// TestPauseAfterAcceptance: with an accepted identity a pause is an end like
// any other.
func TestPauseAfterAcceptance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := sandbox.New(sandbox.Options{Poison: func(id string) bool { return id == name(3) }})
		books := newLedger()
		work := from(batches(20, 5))
		next := func(ctx context.Context) (sender.Work, error) {
			w, err := work(ctx)
			if err == io.EOF {
				err = sender.ErrPause
			}
			return w, err
		}
		if err := mustNew(t, options(api)).Run(t.Context(), next, books.settle); err != nil {
			t.Fatal(err)
		}
		if a, r := books.count(sender.Accepted), books.count(sender.Rejected); a != 19 || r != 1 {
			t.Errorf("%d accepted and %d rejected", a, r)
		}
	})
}

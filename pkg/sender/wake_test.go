package sender_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulkdemerge/bulkdemerge/pkg/sender"
)

// The worker that parks a piece may be the one that waits for new work next;
// then another has to see to the piece when it is due.
func TestRetryDoesNotWaitForNewWork(t *testing.T) {
	for _, slots := range []int64{2, 3, 1} {
		synctest.Test(t, func(t *testing.T) {
			var requests atomic.Int64
			retried := make(chan struct{})
			hold := make(chan struct{}) // the other slots' requests
			o := sender.Options{Endpoint: "http://localhost", AccountID: account, Passcode: passcode, Concurrency: int(slots),
				Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
					switch n := requests.Add(1); {
					case n < slots:
						<-hold
					case n == slots:
						return reply(r, "503 Service Unavailable", ""), nil
					case n == slots+1:
						close(retried)
					}
					return reply(r, "200 OK", `{"status":"success"}`), nil
				})}
			list := from(batches(int(slots), 1))
			s, l := mustNew(t, o), newLedger()
			err := s.Run(t.Context(), func(ctx context.Context) (sender.Work, error) {
				w, err := list(ctx)
				if !errors.Is(err, io.EOF) {
					time.Sleep(time.Millisecond) // so that the first ones leave before
					return w, err
				}
				select { // a silent pipe
				case <-retried:
				case <-time.After(20 * time.Second):
					t.Errorf("%d slots: a retry waits for new work", slots)
				}
				close(hold)
				return w, err
			}, l.settle)
			if err != nil || l.count(sender.Accepted) != int(slots) {
				t.Errorf("%d slots: accepted %d, %v", slots, l.count(sender.Accepted), err)
			}
		})
	}
}

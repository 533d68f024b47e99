package sender_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulkdemerge/bulkdemerge/internal/sandbox"
	"github.com/bulkdemerge/bulkdemerge/pkg/sender"
	"pgregory.net/rapid"
)

// watch stands between sender and API, and notes breaches of the laws.
type watch struct {
	next        http.RoundTripper
	concurrency int

	mu       sync.Mutex
	inFlight int
	at       []time.Time
	accepted map[string]bool // by a clean success that was answered
	breaches []string
}

func (w *watch) breach(format string, args ...any) {
	w.breaches = append(w.breaches, fmt.Sprintf(format, args...))
}

func (w *watch) RoundTrip(r *http.Request) (*http.Response, error) {
	var body struct{ Identities []string }
	if err := json.Unmarshal(bodyOf(r), &body); err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.at = append(w.at, time.Now())
	if w.inFlight++; w.inFlight > w.concurrency {
		w.breach("%d in flight", w.inFlight)
	}
	if len(body.Identities) == 0 || len(body.Identities) > 100 {
		w.breach("%d identities in a request", len(body.Identities))
	}
	for _, id := range body.Identities {
		if w.accepted[id] {
			w.breach("%s was sent again after it was accepted", id)
		}
	}
	w.mu.Unlock()
	resp, err := w.next.RoundTrip(r)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inFlight--
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if string(data) == `{"status":"success"}` {
		for _, id := range body.Identities {
			w.accepted[id] = true
		}
	}
	resp.Body = io.NopCloser(strings.NewReader(string(data)))
	return resp, nil
}

// mostASecond is the most requests that any second saw.
func (w *watch) mostASecond() int {
	most, from := 0, 0
	for i, t := range w.at {
		for t.Sub(w.at[from]) >= time.Second {
			from++
		}
		most = max(most, i-from+1)
	}
	return most
}

// scenario is a random API, a random way to send, and random stops.
type scenario struct {
	n, size     int
	options     sender.Options
	api         sandbox.Options
	poisonEvery int
	stops       []time.Duration // of one start after the other; then none
}

func draw(t *rapid.T) scenario {
	share := func(name string, most float64) float64 { return rapid.Float64Range(0, most).Draw(t, name) }
	ms := func(name string, most int) time.Duration {
		return time.Duration(rapid.IntRange(0, most).Draw(t, name)) * time.Millisecond
	}
	sc := scenario{
		n:           rapid.IntRange(1, 3000).Draw(t, "n"),
		size:        rapid.IntRange(1, 100).Draw(t, "size"),
		poisonEvery: rapid.SampledFrom([]int{0, 0, 3, 50, 500}).Draw(t, "poisonEvery"),
	}
	sc.options = sender.Options{Concurrency: rapid.IntRange(1, 6).Draw(t, "concurrency"), Timeout: time.Second, MaxAttempts: 12}
	if rapid.Bool().Draw(t, "limited") {
		sc.options.Rate = float64(rapid.IntRange(5, 300).Draw(t, "rate"))
	}
	sc.api = sandbox.Options{
		Latency: ms("latency", 60), Jitter: ms("jitter", 20), Seed: rapid.Uint64().Draw(t, "seed"),
		Slots: 6, Others: rapid.IntRange(0, 5).Draw(t, "others"), PoisonPartial: rapid.Bool().Draw(t, "poisonPartial"),
		Faults: sandbox.Faults{TooMany: share("tooMany", .2), Internal: share("internal", .1), Unavailable: share("unavailable", .1),
			Reset: share("reset", .05), Drop: share("drop", .05), Hang: share("hang", .02), Garbage: share("garbage", .05), Partial: share("partial", .1)},
	}
	for range rapid.IntRange(0, 3).Draw(t, "stops") {
		sc.stops = append(sc.stops, ms("stop", 3000))
	}
	return sc
}

// Laws 1 to 3, whatever the API does: one row a record, nobody lost, nobody
// sent again who is known to be accepted, never above the two limits; also
// over clean stops and starts again.
func TestLaws(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		sc := draw(rt)
		var breaches []string
		synctest.Test(t, func(t *testing.T) { breaches = sc.play(t) })
		if len(breaches) > 0 {
			rt.Fatalf("%d breaches, the first: %s", len(breaches), breaches[0])
		}
	})
}

func (sc scenario) play(t *testing.T) []string {
	bad := func(id string) bool {
		var k int
		_, err := fmt.Sscanf(id, "client-%d", &k)
		return err == nil && sc.poisonEvery > 0 && k%sc.poisonEvery == 1
	}
	sc.api.Poison = bad
	api := sandbox.New(sc.api)
	w := &watch{next: api.Transport(), concurrency: sc.options.Concurrency, accepted: map[string]bool{}}
	l := newLedger()
	o := sc.options
	o.Endpoint, o.AccountID, o.Passcode, o.Transport = "http://localhost", account, passcode, w
	for start := 0; ; start++ {
		if start > 60 {
			w.breach("no end after %d starts", start)
			break
		}
		ctx, cancel := context.WithCancel(t.Context())
		if start < len(sc.stops) {
			time.AfterFunc(sc.stops[start], cancel)
		}
		o.HasAccepted = l.count(sender.Accepted) > 0
		err := mustNew(t, o).Run(ctx, from(l.unsettled(batches(sc.n, sc.size))), l.settle)
		cancel()
		synctest.Wait()
		if most := w.mostASecond(); o.Rate > 0 && float64(most) > o.Rate {
			w.breach("%d requests in a second, at %g", most, o.Rate)
		}
		w.at = w.at[:0] // starts don't know of each other's rate
		var stop *sender.StopError
		if err == nil {
			break
		} else if !errors.Is(err, context.Canceled) && !(errors.As(err, &stop) && stop.Kind == sender.StopRefusals) {
			w.breach("ended with %v", err)
			break
		}
	}
	if len(l.rows) != sc.n || len(l.twice) > 0 || l.empty > 0 {
		w.breach("%d rows of %d records, %d twice, %d odd outcomes", len(l.rows), sc.n, len(l.twice), l.empty)
	}
	for id, r := range l.rows {
		switch {
		case r.status == sender.Accepted && api.Count(id) == 0:
			w.breach("%s is accepted, and never arrived", id)
		case (r.status == sender.Rejected) != bad(id) && r.status != sender.Failed:
			w.breach("%s is %s", id, r.status)
		case r.attempts < 1:
			w.breach("%s took %d attempts", id, r.attempts)
		}
	}
	return w.breaches
}

// unsettled is what a rerun is given: the parts of the batches without a row.
func (l *ledger) unsettled(list []sender.Work) []sender.Work {
	var rest []sender.Work
	for _, w := range list {
		var index []int
		for _, i := range w.Index {
			if _, known := l.rows[string(w.Batch.Records[i].Identity)]; !known {
				index = append(index, i)
			}
		}
		if len(index) > 0 {
			rest = append(rest, sender.Work{Batch: w.Batch, Index: index})
		}
	}
	return rest
}

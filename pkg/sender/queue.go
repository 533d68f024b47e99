package sender

import (
	"container/heap"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/bulkdemerge/bulkdemerge/pkg/batcher"
)

// maxUndecided is how many batches may wait for their answers at once. In
// practice the caller's bound on held bytes ends first; this one is for
// callers without any.
const maxUndecided = 1024

// freshPatience is how long a probe waits for new work at most, which may be
// slow to come, before one that has failed is sent instead.
const freshPatience = 50 * time.Millisecond

// work is a Work on its way.
type work struct {
	batch    *batcher.Batch
	total    int // records to decide
	left     int // of these, undecided
	rejected int
}

// piece is what one request carries: a Work, or a part of it after a split or
// a partial answer.
type piece struct {
	work      *work
	index     []int // positions in the batch's records, rising
	body      *body // nil before the first request
	attempts  int   // requests that count against MaxAttempts
	carried   int   // requests that carried these identities, whatever they count
	throttled int   // 429s in a row
	due       time.Time
	seq       uint64 // order among equals
	probe     bool   // sent while the breaker was open
	probes    int    // how often
	lastBad   time.Time
	brother   *piece // of a first half: the second, which waits for its answer
	elder     *piece // of a second half that waits: the first
}

// byDue is the heap of pieces that wait for their time.
type byDue []*piece

func (h byDue) Len() int { return len(h) }
func (h byDue) Less(i, j int) bool {
	if h[i].due.Equal(h[j].due) {
		return h[i].seq < h[j].seq
	}
	return h[i].due.Before(h[j].due)
}
func (h byDue) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *byDue) Push(p any)   { *h = append(*h, p.(*piece)) }
func (h *byDue) Pop() any {
	last := len(*h) - 1
	p := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return p
}

// queue decides which piece leaves next, and when. All of a run's state that
// several goroutines share is here, under one mutex.
type queue struct {
	mu      sync.Mutex
	free    sync.Cond // workers wait here for a piece that may leave
	alarm   *time.Timer
	alarmAt time.Time // zero: not set

	gate      gate
	breaker   breaker
	maxOutage time.Duration
	parked    byDue    // were sent before, or are halves
	brothers  []*piece // second halves that wait for the first one's answer
	fresh     []*piece // never sent
	inFlight  int
	undecided int // batches
	seq       uint64
	fetching  bool // a worker is in next
	ended     bool // the input has
	paused    bool // only for now: see ErrPause
	refusals
	stats Stats

	stopped  bool
	err      error                   // why; nil at the end of the input
	hard     bool                    // stopped by an error that must not make rows
	stopFeed context.CancelCauseFunc // ends the call of next
}

// take waits for the next piece that may leave, and a slot for it; nil at the
// end. A worker that finds a free slot and nothing else to do calls next
// itself, one at a time: new work then leaves from the goroutine that got it.
// There is one worker more than slots, so that no slot waits for a slow next
// while a retry comes due.
func (q *queue) take(next func() (Work, error)) *piece {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.stopped && !q.done() {
		now := time.Now()
		p, until := q.pick(now)
		switch {
		case p != nil:
			q.leave(p)
			q.passOn(now)
			return p
		case q.stopped:
		case q.wanted(now):
			q.wakeAt(now, until) // for another worker: next may take its time
			q.fetch(next)
		default:
			q.wakeAt(now, until)
			q.free.Wait()
		}
	}
	q.free.Broadcast()
	return nil
}

// passOn wakes one more worker if there is something for it, which does the
// same: what a worker does wakes nobody for nothing.
func (q *queue) passOn(now time.Time) {
	switch {
	case q.breaker.open:
	case q.inFlight >= q.gate.limit:
		if q.gate.limit < q.gate.max {
			q.free.Signal() // to keep an eye on the limit
		}
	case q.due(now), len(q.fresh) > 0, q.wanted(now), q.spare() != nil:
		q.free.Signal()
	case len(q.parked) > 0:
		q.wakeAt(now, q.parked[0].due)
	}
}

// due says whether a parked piece has waited long enough.
func (q *queue) due(now time.Time) bool {
	return len(q.parked) > 0 && !now.Before(q.parked[0].due)
}

func (q *queue) done() bool {
	return q.ended && q.inFlight == 0 && len(q.parked) == 0 && len(q.fresh) == 0
}

// leave counts a piece as a request under way.
func (q *queue) leave(p *piece) {
	q.inFlight++
	q.stats.Requests++
	if p.carried++; p.carried > 1 {
		q.stats.Retries++
	}
	if p.probe = q.breaker.open; p.probe {
		q.breaker.probing = true
		p.probes++
	}
}

// wholeProbes is how often a piece is a probe before a half of it is.
const wholeProbes = 2

// narrow makes a probe of half a piece where the whole has failed as one before:
// with nothing else left to send, an API that is down looks like one that can't
// digest a single identity of it, and an accepted half tells the two apart.
func (q *queue) narrow(p *piece, now time.Time) *piece {
	if p.probes < wholeProbes || len(p.index) == 1 {
		return p
	}
	if p.brother != nil {
		q.park(q.unbind(p.brother), now)
	}
	q.stats.Splits++
	half := len(p.index) / 2
	other := &piece{work: p.work, index: p.index[half:], attempts: p.attempts, carried: p.carried, lastBad: p.lastBad}
	q.park(other, now)
	return &piece{work: p.work, index: p.index[:half], attempts: p.attempts, carried: p.carried, lastBad: p.lastBad}
}

// pick takes the piece that leaves now, or says when to look again; zero means
// that something else has to happen first.
func (q *queue) pick(now time.Time) (p *piece, until time.Time) {
	b := &q.breaker
	if b.row > 0 && q.undecided > 0 {
		// Also before it is open: the answers of a row may be far apart.
		if until = b.since.Add(q.maxOutage); !now.Before(until) {
			q.stop(outageStop(b.waiting, b.status, b.since.Format(time.RFC3339)), true)
			return nil, time.Time{}
		}
	}
	if b.open {
		if b.probing {
			return nil, until
		}
		if wait := later(b.next, q.gate.pause); now.Before(wait) {
			return nil, earlier(wait, until)
		}
		if q.wanted(now) {
			// What never failed is the better probe, if it comes soon.
			return nil, earlier(now.Add(freshPatience), until)
		}
	}
	if q.inFlight >= q.gate.limit {
		if at := q.gate.starved(now); !at.IsZero() || q.inFlight >= q.gate.limit {
			return nil, earlier(at, until)
		}
	}
	// A probe doesn't wait for its piece's time: the breaker's pauses are its
	// backoff.
	parked := q.due(now) || b.open && len(q.parked) > 0
	spare := q.spare()
	if !parked && len(q.fresh) == 0 && spare == nil {
		if len(q.parked) > 0 {
			until = earlier(q.parked[0].due, until)
		}
		return nil, until
	}
	if now.Before(q.gate.pause) {
		return nil, earlier(q.gate.pause, until)
	}
	if wait := q.gate.reserve(now); wait > 0 {
		return nil, earlier(now.Add(wait), until)
	}
	if parked && !(b.open && len(q.fresh) > 0) {
		p = heap.Pop(&q.parked).(*piece)
		if b.open {
			p = q.narrow(p, now)
		}
		return p, time.Time{}
	}
	if len(q.fresh) == 0 {
		return q.unbind(spare), time.Time{}
	}
	p, q.fresh = q.fresh[0], q.fresh[1:]
	return p, time.Time{}
}

// spare is a second half whose turn a free slot should not wait for until the
// first one's answer tells about it, as there is no other work; nil if there is
// none. Only a batch's own half is: a request for nothing at each split would be
// more than 2·log2(100) for an offender.
func (q *queue) spare() *piece {
	if !q.ended && !q.fetching {
		return nil
	}
	for _, p := range q.brothers {
		if 2*len(p.index) >= p.work.total {
			return p
		}
	}
	return nil
}

// bind lets the second half wait for the first one's answer.
func (q *queue) bind(elder, brother *piece) {
	elder.brother, brother.elder = brother, elder
	q.brothers = append(q.brothers, brother)
}

// unbind ends the waiting of a second half.
func (q *queue) unbind(brother *piece) *piece {
	brother.elder.brother, brother.elder = nil, nil
	q.brothers = slices.DeleteFunc(q.brothers, func(p *piece) bool { return p == brother })
	return brother
}

// wakeAt sets the alarm for the workers that wait; the earliest time wins.
func (q *queue) wakeAt(now, t time.Time) {
	if t.IsZero() || !q.alarmAt.IsZero() && !t.Before(q.alarmAt) {
		return
	}
	q.alarmAt = t
	if q.alarm == nil {
		q.alarm = time.AfterFunc(t.Sub(now), q.ring)
	} else {
		q.alarm.Reset(t.Sub(now))
	}
}

func (q *queue) ring() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.alarmAt = time.Time{}
	q.free.Broadcast()
}

// park puts a piece back until it is due.
func (q *queue) park(p *piece, due time.Time) {
	q.seq++
	p.seq, p.due = q.seq, due
	heap.Push(&q.parked, p)
}

// release gives a slot back. The worker that had it looks for more itself.
func (q *queue) release() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.inFlight--
}

// wanted says whether a free slot has nothing to do but new work. Reading
// ahead of that would only hold more undecided.
func (q *queue) wanted(now time.Time) bool {
	if q.ended || q.fetching {
		return false
	}
	if q.breaker.open {
		return !q.breaker.probing && len(q.fresh) == 0 && q.undecided < maxUndecided
	}
	return !q.due(now) && q.undecided < maxUndecided && len(q.fresh) < q.gate.limit-q.inFlight
}

// fetch takes in new work, without the lock while next has the word.
func (q *queue) fetch(next func() (Work, error)) {
	q.fetching = true
	if q.spare() != nil && q.inFlight < q.gate.limit {
		q.free.Signal() // next may take its time
	}
	q.mu.Unlock()
	w, err := next()
	q.mu.Lock()
	q.fetching = false
	n := len(w.Index)
	if err == nil && n == 0 {
		err = errors.New("taking new work: a batch with nothing to send")
	}
	switch {
	case err == io.EOF:
		q.ended = true
	case errors.Is(err, ErrPause):
		q.ended, q.paused = true, true
	case err != nil:
		q.stop(err, false)
	default:
		if q.undecided == 0 {
			// While nothing waited for an answer none was missed.
			q.breaker.since = time.Now()
			if !q.breaker.open {
				q.breaker.row = 0
			}
		}
		q.undecided++
		q.fresh = append(q.fresh, &piece{work: &work{batch: w.Batch, total: n, left: n}, index: w.Index})
	}
}

// stop ends the run: no request leaves any more. hard means that what is still
// in flight makes no rows but accepted ones. The first reason holds.
func (q *queue) stop(err error, hard bool) {
	if q.stopped {
		return
	}
	q.stopped, q.err, q.hard = true, err, hard
	if q.stopFeed != nil {
		q.stopFeed(err)
	}
	q.free.Broadcast()
}

// fail is stop for an error that overrules every other reason.
func (q *queue) fail(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stop(err, true)
	q.err, q.hard = err, true
}

// snapshot is the state for people.
func (q *queue) snapshot() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.stats
	s.InFlight, s.Slots = q.inFlight, q.gate.limit
	switch {
	case q.stopped:
	case q.breaker.open:
		s.Waiting, s.WaitingSince = q.breaker.waiting, q.breaker.since
	case time.Now().Before(q.gate.pause):
		s.Waiting, s.WaitingSince = q.pausedFor, q.pausedSince
	}
	return s
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// earlier takes zero for never.
func earlier(a, b time.Time) time.Time {
	if b.IsZero() || !a.IsZero() && a.Before(b) {
		return a
	}
	return b
}

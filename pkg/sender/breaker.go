package sender

import "time"

const (
	breakerRow  = 5 // failures one after the other that mean an outage
	breakerBase = 250 * time.Millisecond
	breakerMax  = 30 * time.Second
)

// breaker tells an outage of the API from bad luck. Open, it lets single
// requests through, with growing pauses. It is not safe for use by several
// goroutines.
type breaker struct {
	row          int       // answers in a row that are neither accepted, refused nor 429
	since        time.Time // the first of them
	lastAccepted time.Time
	open         bool
	probing      bool // the one request is under way
	next         time.Time
	pause        time.Duration
	waiting      string // what the API answers, for people
	status       int    // its HTTP status, 0 if none
	random       func() float64
}

// good notes an answer that shows that the API works; it says whether that
// ended an outage.
func (b *breaker) good(accepted bool, now time.Time) (closed bool) {
	if accepted {
		b.lastAccepted = now
	}
	closed = b.open
	b.open, b.probing = false, false
	b.row = 0
	return closed
}

// bad notes any other answer; it says whether the breaker opened with it.
func (b *breaker) bad(p *piece, v *verdict, now time.Time) (opened bool) {
	b.waiting, b.status = v.waiting, v.httpStatus
	before := p.lastBad
	p.lastBad = now
	switch {
	case b.open && p.probe:
		b.probing = false
		b.pause = min(2*b.pause, breakerMax)
		b.next = now.Add(b.jitter())
		return false
	case b.open:
		return false // it left before the breaker opened, and says nothing new
	case !before.IsZero() && b.lastAccepted.After(before):
		// Others went through since this piece failed last: it is the piece's own
		// fault, which uses up its attempts, and tells nothing of the API.
		return false
	}
	if b.row == 0 {
		b.since = now
	}
	if b.row++; b.row >= breakerRow {
		b.open, b.pause = true, breakerBase
		b.next = now.Add(b.jitter())
		return true
	}
	return false
}

// jitter is the pause, less up to a quarter of it.
func (b *breaker) jitter() time.Duration {
	return b.pause - time.Duration(b.random()*float64(b.pause/4))
}

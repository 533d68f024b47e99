package sender

import (
	"math/bits"
	"time"

	"golang.org/x/time/rate"
)

// The adaptive limit. The account's slots are shared with whoever else uses
// it, and an answer of 429 is all that tells. One 429 says little (some come
// at random); two among four answers say that a slot is not ours.
const (
	ringMask     = 1<<4 - 1 // the last four answers
	probeBase    = 4        // answers until the first step up
	probeMax     = 256      // and at most until a later one
	probeWindow  = 8        // a step down within so many answers blames the step up
	throttleBase = 50 * time.Millisecond
	throttleMax  = 2 * time.Second
	// maxRetryAfter bounds what a header can ask for.
	maxRetryAfter = time.Minute
	// rateSlack spaces requests a little wider than --rate asks, so that no
	// second sees one more of them although some travel faster than others.
	rateSlack = 1.05
)

// gate says how many requests may be in flight and when the next may leave.
// It is not safe for use by several goroutines.
type gate struct {
	max, limit int
	ring       uint8         // 1 bits are 429s, the last answer lowest
	interval   int           // answers between the last change and the next step up
	since      int           // answers since the last change
	window     int           // answers until the last step up has held; 0: it has
	usual      time.Duration // a moving average of what an answer takes
	news       time.Time     // the last answer or change
	streak     int           // 429s in a row at limit 1
	pause      time.Time
	rate       *rate.Limiter // nil: no limit
	random     func() float64
}

func newGate(concurrency int, perSecond float64, random func() float64) gate {
	return gate{max: concurrency, limit: concurrency, interval: probeBase, random: random, rate: newRate(perSecond)}
}

// newRate spaces requests; nil for no limit.
func newRate(perSecond float64) *rate.Limiter {
	if perSecond <= 0 {
		return nil
	}
	limit := perSecond / rateSlack
	// Half of the slack is for timers that ring late: what they lose is made up.
	return rate.NewLimiter(rate.Limit(limit), 1+int((perSecond-limit)/2))
}

// note takes an answer of the API into account, which took so long.
func (g *gate) note(throttled bool, took time.Duration, now time.Time) {
	g.news = now
	g.ring = g.ring << 1 & ringMask
	if !throttled {
		g.streak = 0
		if g.usual == 0 {
			g.usual = took
		}
		g.usual += (took - g.usual) / 8
		g.answered()
		return
	}
	g.ring |= 1
	if g.limit == 1 {
		if g.streak++; g.streak > 1 {
			g.pauseUntil(now.Add(g.throttlePause()))
		}
	}
	if bits.OnesCount8(g.ring) > 1 {
		g.stepDown()
	}
}

// answered counts an answer that is no 429.
func (g *gate) answered() {
	g.since++
	if g.window > 0 {
		if g.window--; g.window == 0 {
			g.interval = probeBase
		}
	}
	if g.limit < g.max && g.since >= g.interval {
		g.stepUp()
	}
}

func (g *gate) stepUp() {
	g.limit++
	g.since, g.window = 0, probeWindow
}

// starved steps up for want of answers: requests that hang in every slot that
// the limit leaves give none to count, and must not hold it down until they
// time out. The time is what the interval's answers would have taken. It
// returns when to ask again; zero for never.
func (g *gate) starved(now time.Time) time.Time {
	if g.limit == g.max || g.usual == 0 {
		return time.Time{}
	}
	at := g.news.Add(time.Duration(g.interval) * g.usual)
	if now.Before(at) {
		return at
	}
	g.news = now
	g.stepUp()
	return time.Time{}
}

func (g *gate) stepDown() {
	g.ring = 0
	if g.limit == 1 {
		return
	}
	g.limit--
	g.since = 0
	if g.window > 0 {
		g.interval = min(2*g.interval, probeMax)
		g.window = 0
	}
}

// throttlePause grows with the 429s in a row, and is random in its upper half.
func (g *gate) throttlePause() time.Duration {
	pause := backoff(throttleBase, throttleMax, g.streak-2)
	return pause/2 + time.Duration(g.random()*float64(pause/2))
}

// pauseUntil holds every request back; a pause is never shortened.
func (g *gate) pauseUntil(t time.Time) {
	if t.After(g.pause) {
		g.pause = t
	}
}

// reserve takes the next request's place in the rate; if it may not leave yet,
// it takes none and says how long to wait.
func (g *gate) reserve(now time.Time) time.Duration {
	if g.rate == nil {
		return 0
	}
	r := g.rate.ReserveN(now, 1)
	delay := r.DelayFrom(now)
	if delay > 0 {
		r.CancelAt(now)
	}
	return delay
}

// backoff is base doubled n times, at most limit.
func backoff(base, limit time.Duration, n int) time.Duration {
	if n > 20 {
		return limit
	}
	return min(base<<max(n, 0), limit)
}

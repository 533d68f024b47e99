package ui

import (
	"context"
	"sync"
	"time"
)

// Phases of a run, as Snapshot.Phase has them.
const (
	PhaseChecking = "checking what is done"
	PhaseSending  = "sending"
	PhaseReading  = "reading" // a plan's only one
	PhaseStopping = "stopping"
)

// Counts are the books so far, in records.
type Counts struct {
	Accepted, Rejected, Failed, Invalid, Duplicate, Skipped int64
}

// Snapshot is how far a run is.
type Snapshot struct {
	BytesRead  int64 // of the input
	BytesTotal int64 // of the input; 0 or less if unknown
	Counts     Counts
	Requests   int64 // sent, retries included
	Retries    int64
	InFlight   int // requests that wait for their answer
	Slots      int // requests that may be in flight now
	// Waiting is why nothing is sent, like "API answers 503", or "".
	Waiting      string
	WaitingSince time.Time // zero if unknown
	Phase        string
	Elapsed      time.Duration // since this start
}

// share is the share of the input that is read, 0 to 1, and whether it is known.
func (s Snapshot) share() (float64, bool) {
	if s.BytesTotal <= 0 {
		return 0, false
	}
	// A file that grows meanwhile must not get beyond its end.
	return min(1, max(0, float64(s.BytesRead)/float64(s.BytesTotal))), true
}

// Progress shows how far a run is. Its methods are called by one goroutine at a
// time, Close last.
type Progress interface {
	Update(Snapshot)
	Close()
}

// Drive updates p at once and then every so often, until ctx ends or the
// returned function is called. That function makes the last update, closes p
// and returns when all is done; it must be called once, and may be called again.
//
// A run that goes on after its first signal has its own context for ctx: the
// bar is to tell that it is stopping.
func Drive(ctx context.Context, p Progress, every time.Duration, snap func() Snapshot) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			p.Update(snap())
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return sync.OnceFunc(func() {
		cancel()
		<-done
		p.Update(snap())
		p.Close()
	})
}

// Choose decides between "bar", "log" and "none". kind is the value of
// --progress, terminal tells whether stderr is one, term is the variable TERM.
func Choose(kind string, terminal bool, term string, quiet bool) string {
	switch {
	case quiet:
		return "none"
	case kind != "auto" && kind != "":
		return kind
	case terminal && term != "dumb":
		return "bar"
	}
	return "log"
}

// rateWindow is how far back the recent rate looks.
const rateWindow = 30 * time.Second

// minSpan is the shortest stretch that a rate is taken from: the first answers
// come in a burst and would promise too much.
const minSpan = time.Second

// rates are the recent rates of a run.
type rates struct {
	phase   string
	samples []Snapshot // one a second at most, the oldest about rateWindow ago
}

// add takes a snapshot. A new phase begins anew: input is checked a hundred
// times as fast as it is sent.
func (r *rates) add(s Snapshot) {
	if s.Phase != r.phase {
		r.phase, r.samples = s.Phase, r.samples[:0]
	}
	if n := len(r.samples); n > 0 && s.Elapsed-r.samples[n-1].Elapsed < time.Second {
		return
	}
	for len(r.samples) > 1 && s.Elapsed-r.samples[1].Elapsed >= rateWindow {
		r.samples = r.samples[1:]
	}
	r.samples = append(r.samples, s)
}

// accepted is the recent rate in identities a second, if there is one yet.
func (r *rates) accepted(s Snapshot) (perSecond float64, ok bool) {
	return r.rate(s, func(s Snapshot) int64 { return s.Counts.Accepted })
}

// left is how long the rest of the input takes at the recent rate, if that can
// be told.
func (r *rates) left(s Snapshot) (time.Duration, bool) {
	perSecond, ok := r.rate(s, func(s Snapshot) int64 { return s.BytesRead })
	if !ok || perSecond <= 0 || s.BytesTotal <= 0 {
		return 0, false
	}
	const longest = 1000 * 24 * time.Hour
	seconds := float64(max(0, s.BytesTotal-s.BytesRead)) / perSecond
	return time.Duration(min(seconds, longest.Seconds()) * float64(time.Second)), true
}

func (r *rates) rate(s Snapshot, of func(Snapshot) int64) (perSecond float64, ok bool) {
	if len(r.samples) == 0 || s.Elapsed-r.samples[0].Elapsed < minSpan {
		return 0, false
	}
	first := r.samples[0]
	return max(0, float64(of(s)-of(first))/(s.Elapsed-first.Elapsed).Seconds()), true
}

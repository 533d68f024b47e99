package sender

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

const (
	// maxRefused batches refused to the last record, one after the other, are
	// an account or API problem and not bad data.
	maxRefused = 10

	backoffBase = 200 * time.Millisecond
	backoffMax  = 10 * time.Second
)

// refusals is what the run knows about being refused.
type refusals struct {
	accepted  bool      // the run has had its first accepted identity
	keepGoing bool      // --keep-going: refusals never stop the run
	refused   int       // batches in a row that were refused to the last record
	held      []Outcome // refusals that wait for the first accepted identity
	heldWhy   *StopError

	maxAttempts int
	random      func() float64
	pausedFor   string
	pausedSince time.Time
}

// plan is what a worker has to do after an answer, outside of the lock.
type plan struct {
	outcomes []Outcome
	logs     []logLine
	finished bool // the piece is over: its body can be reused
}

type logLine struct {
	level slog.Level
	text  string
	attrs []slog.Attr
}

func (p *plan) log(level slog.Level, text string, attrs ...slog.Attr) {
	p.logs = append(p.logs, logLine{level, text, attrs})
}

// decide takes an answer into account and plans what follows from it.
func (q *queue) decide(p *piece, a *answer, v *verdict, plan *plan) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stats.Answers[v.kind]++
	if a.status != 0 && v.decision != slowDown {
		q.stats.Latency.Add(a.took)
	}
	q.noteGate(a, v, plan)
	q.noteBreaker(p, a, v, plan)
	plan.finished = true
	o := Outcome{Batch: p.work.batch, Index: p.index, Reason: v.reason, Code: v.code,
		HTTPStatus: v.httpStatus, Attempts: p.carried, At: a.at, Took: a.took}
	switch v.decision {
	case acceptAll:
		o.Reason, o.Code = "", 0
		q.accept(p, o, plan)
	case sortOut:
		q.sortOut(p, o, v, plan)
	case refuse:
		q.refuse(p, p.index, o, v, plan)
	case giveUp:
		q.settle(p, o, Failed, v, plan)
	case slowDown:
		q.park(p, a.at.Add(q.jitter(backoff(throttleBase, throttleMax, p.throttled))))
		p.throttled++
		plan.finished = false
	case tryAgain:
		p.throttled = 0
		plan.finished = !q.tryAgain(p, o, v, plan)
	case stopRun:
		words := withoutIdentities(v.words, p.work.batch, p.index)
		q.stop(newStop(v, words), true)
	}
	if plan.finished && p.brother != nil {
		q.brotherOf(p, v.decision == acceptAll, a.at)
	}
}

// brotherOf sends the second half of a refused piece on its way. If the first
// was accepted, the second holds what was refused: it is halved unsent.
func (q *queue) brotherOf(p *piece, accepted bool, now time.Time) {
	brother := q.unbind(p.brother)
	if accepted && len(brother.index) > 1 {
		q.halve(brother, brother.index, true, now)
		return
	}
	q.park(brother, now)
}

// halve parks the two halves of a piece, or of the part index of it. bound:
// one of them must be at fault, so the second waits for what the first tells.
func (q *queue) halve(p *piece, index []int, bound bool, now time.Time) {
	q.stats.Splits++
	half := len(index) / 2
	first := &piece{work: p.work, index: index[:half], carried: p.carried}
	second := &piece{work: p.work, index: index[half:], carried: p.carried}
	q.park(first, now)
	if bound {
		q.bind(first, second)
	} else {
		q.park(second, now)
	}
}

// jitter is a random share of a pause ("full jitter"), so that what failed
// together doesn't come back together.
func (q *queue) jitter(pause time.Duration) time.Duration {
	return time.Duration(q.random() * float64(pause))
}

func (q *queue) noteGate(a *answer, v *verdict, plan *plan) {
	if a.status == 0 {
		return // nobody answered
	}
	before := q.gate.limit
	paused := q.gate.pause
	q.gate.note(v.decision == slowDown, a.took, a.at)
	if v.retryAfter > 0 && (v.decision == slowDown || v.decision == tryAgain) {
		q.gate.pauseUntil(a.at.Add(min(v.retryAfter, maxRetryAfter)))
	}
	if q.gate.pause.After(paused) {
		if q.pausedFor == "" || !a.at.Before(paused) {
			q.pausedSince = a.at
		}
		q.pausedFor = v.waiting
	}
	if q.gate.limit != before {
		plan.log(slog.LevelDebug, "slots changed", slog.Int("slots", q.gate.limit))
	}
}

func (q *queue) noteBreaker(p *piece, a *answer, v *verdict, plan *plan) {
	// An API that says what became of each record is not down, whatever it says.
	if v.decision == tryAgain {
		if q.breaker.bad(p, v, a.at) {
			plan.log(slog.LevelWarn, "the API is down, sending single probes", slog.String("because", v.waiting))
		}
		return
	}
	accepted := v.decision == acceptAll || v.decision == sortOut && len(v.parts.accepted) > 0
	since := q.breaker.since
	if q.breaker.good(accepted, a.at) {
		plan.log(slog.LevelInfo, "the API is back", slog.Duration("after", a.at.Sub(since)))
	}
}

// accept settles what the API took, and with the first of it the refusals that
// were held back: not everything is refused.
func (q *queue) accept(p *piece, o Outcome, plan *plan) {
	o.Status = Accepted
	plan.outcomes = append(plan.outcomes, o)
	q.refused = 0
	q.count(p.work, o, nil)
	if q.accepted || q.hard {
		return
	}
	q.accepted = true
	plan.outcomes = append(plan.outcomes, q.held...)
	q.held = nil
}

// settle plans a row that is not an accepted one. A run that was stopped by an
// error makes none: the rerun sends these again.
func (q *queue) settle(p *piece, o Outcome, status Status, v *verdict, plan *plan) {
	if q.hard {
		return
	}
	o.Status = status
	if status == Failed {
		// One answer for all of the piece: what it says of one stands in all rows.
		o.Reason = withoutIdentities(o.Reason, o.Batch, p.index)
	}
	if status == Rejected && !q.accepted && !q.keepGoing {
		q.held = append(q.held, o)
		q.heldWhy = heldStop(v, withoutIdentities(v.words, o.Batch, o.Index))
	} else {
		plan.outcomes = append(plan.outcomes, o)
	}
	q.count(p.work, o, v)
}

// count keeps the batch's books; v is nil for what was accepted.
func (q *queue) count(w *work, o Outcome, v *verdict) {
	w.left -= len(o.Index)
	if o.Status == Rejected {
		w.rejected += len(o.Index)
	}
	if w.left > 0 {
		return
	}
	q.undecided--
	// Before the first accepted identity a batch counts that was refused in part
	// and failed otherwise: what is held back of it must not gather without end.
	refused := w.rejected == w.total || w.rejected > 0 && !q.accepted
	if v == nil || !refused || q.keepGoing {
		return
	}
	if q.refused++; q.refused >= maxRefused {
		words := withoutIdentities(v.words, o.Batch, o.Index)
		q.stop(refusalsStop(v, words, q.accepted), true)
	}
}

// refuse settles a single refused record, and halves what is more than that.
// index is the piece's, or the part of it that a partial answer left unclear.
func (q *queue) refuse(p *piece, index []int, o Outcome, v *verdict, plan *plan) {
	o.Index = index
	if len(index) == 1 {
		q.settle(p, o, Rejected, v, plan)
		return
	}
	// Halves of what was only too large can both be good.
	tooLarge := v.httpStatus == http.StatusRequestEntityTooLarge || v.code == http.StatusRequestEntityTooLarge
	q.halve(p, index, !tooLarge, o.At)
}

// sortOut settles each part of a partial answer, the accepted one first.
func (q *queue) sortOut(p *piece, o Outcome, v *verdict, plan *plan) {
	if len(v.parts.accepted) > 0 {
		ok := o
		ok.Index, ok.Reason, ok.Code = v.parts.accepted, "", 0
		q.accept(p, ok, plan)
	}
	for i := range v.parts.rejected {
		r := &v.parts.rejected[i]
		r.reason = withoutOthers(r.reason, p.work.batch, p.index, r.record)
	}
	for _, group := range groupRejected(v.parts.rejected) {
		no := o
		no.Index, no.Reason, no.Code = group.index, group.reason, group.code
		q.settle(p, no, Rejected, v, plan)
	}
	if len(v.parts.split) > 0 {
		q.refuse(p, v.parts.split, o, v, plan)
	}
	if len(v.parts.again) > 0 {
		rest := &piece{work: p.work, index: v.parts.again, attempts: p.attempts, carried: p.carried,
			probe: p.probe, lastBad: p.lastBad}
		o.Index = rest.index
		if len(rest.index) == len(p.index) {
			rest = p
		}
		o.Reason = "API did not take it: " + orElse(withoutIdentities(v.words, p.work.batch, p.index), "no reason given")
		if q.tryAgain(rest, o, v, plan) && rest == p {
			plan.finished = false
		}
	}
}

// tryAgain parks a piece until its backoff is over, or settles it as failed
// when its attempts are used up; it says whether it parked it. A probe of an
// outage is no attempt.
func (q *queue) tryAgain(p *piece, o Outcome, v *verdict, plan *plan) (parked bool) {
	if !p.probe {
		p.attempts++
	}
	if p.attempts >= q.maxAttempts {
		times := "attempts"
		if p.attempts == 1 {
			times = "attempt"
		}
		o.Reason = clean(fmt.Sprintf("given up after %d %s: %s", p.attempts, times, o.Reason))
		q.settle(p, o, Failed, v, plan)
		return false
	}
	q.park(p, o.At.Add(q.jitter(backoff(backoffBase, backoffMax, p.attempts-1))))
	return true
}

// rejectedGroup is records that were refused for the same reason.
type rejectedGroup struct {
	index  []int
	code   int
	reason string
}

func groupRejected(list []rejection) []rejectedGroup {
	var groups []rejectedGroup
	for _, r := range list {
		at := -1
		for i := range groups {
			if groups[i].code == r.code && groups[i].reason == r.reason {
				at = i
			}
		}
		if at < 0 {
			at = len(groups)
			groups = append(groups, rejectedGroup{code: r.code, reason: r.reason})
		}
		groups[at].index = append(groups[at].index, r.record)
	}
	return groups
}

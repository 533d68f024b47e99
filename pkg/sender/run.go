package sender

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Sender sends work to one account's Demerge API. It is used for one Run.
type Sender struct {
	o      Options
	client *client
	own    *ownTransport // nil if Options brought a transport
	bodies bodyPool
	queue  queue
	begun  bool
}

// New checks the options and returns a Sender that has not sent anything. Its
// error is an *OptionError, with a hint.
func New(o Options) (*Sender, error) {
	target, err := o.complete()
	if err != nil {
		return nil, err
	}
	s := &Sender{o: o}
	var transport http.RoundTripper = o.Transport
	if transport == nil {
		if s.own, err = newTransport(&o, target); err != nil {
			return nil, err
		}
		transport = s.own
	}
	s.client = newClient(target, &o, transport)
	q := &s.queue
	q.free.L = &q.mu
	q.gate = newGate(o.Concurrency, o.Rate, rand.Float64)
	q.breaker.random = rand.Float64
	q.maxOutage = o.MaxOutage
	q.refusals = refusals{accepted: o.HasAccepted, keepGoing: o.KeepGoing,
		maxAttempts: o.MaxAttempts, random: rand.Float64}
	return s, nil
}

// Run sends all work that next hands out, and hands every answer that decides
// something to settle, until next returns io.EOF, or ErrPause, and everything is decided.
//
// next is called by one goroutine at a time, only when a free slot has nothing
// else to do. Its context ends when the run does; it must return soon after, as
// Run waits for it. An error other than io.EOF stops the run as the end of ctx
// does, and is returned.
//
// settle is called before the slot of the answer takes its next request,
// possibly by several goroutines at once. An error of it cancels the requests
// in flight and is returned.
//
// The end of ctx is a graceful stop: no request leaves any more, those in
// flight finish within their time-out and are settled, and Run returns
// context.Cause(ctx). What the API makes pointless to go on with is returned
// as *StopError, after the requests in flight have finished; of these only
// what was accepted is settled.
func (s *Sender) Run(ctx context.Context, next func(context.Context) (Work, error), settle func(Outcome) error) error {
	q := &s.queue
	feed, stopFeed := context.WithCancelCause(ctx)
	defer stopFeed(nil)
	q.mu.Lock()
	begun := s.begun
	s.begun, q.stopFeed = true, stopFeed
	q.mu.Unlock()
	if begun {
		return errors.New("starting a run: a Sender runs once")
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	// Requests outlive ctx, until their time-out or an error of settle.
	flight, abort := context.WithCancelCause(context.WithoutCancel(ctx))
	defer abort(nil)
	defer context.AfterFunc(ctx, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.stop(context.Cause(ctx), false)
	})()

	var warm sync.Once
	take := func() (Work, error) {
		w, err := next(feed)
		if err == nil && s.own != nil {
			warm.Do(func() { s.own.start(flight) }) // not for a run that has nothing to send
		}
		return w, err
	}
	var group errgroup.Group
	for range s.o.Concurrency + 1 {
		group.Go(func() error { return s.work(flight, abort, take, settle) })
	}
	_ = group.Wait() // the queue has the reason that counts
	err := q.finish()
	s.close(abort)
	if err == nil {
		return s.settleHeld(settle)
	}
	return err
}

// ErrPause is what next returns where the work ends for now and the input does
// not. It is an end like io.EOF, but refusals that were held back are not
// settled: Run returns them as a *StopError of kind StopRefusals.
var ErrPause = errors.New("no more work for now")

// work sends piece after piece and settles each answer before it gives the
// slot back. abort ends ctx, for all workers.
func (s *Sender) work(ctx context.Context, abort context.CancelCauseFunc, next func() (Work, error), settle func(Outcome) error) error {
	q := &s.queue
	x := s.client.newExchange(ctx, nil)
	var todo plan
	for {
		p := q.take(next)
		if p == nil {
			return nil
		}
		if p.body == nil {
			p.body = s.bodies.build(p.work.batch, p.index)
		}
		body := p.body
		a := s.client.do(x, body)
		if a.err != nil && ctx.Err() != nil {
			q.release() // aborted: it got no answer, and needs no verdict
			return context.Cause(ctx)
		}
		v := classify(&a, p.work.batch, p.index)
		v.withoutPasscode(s.o.Passcode)
		if body.lent {
			x = s.client.newExchange(ctx, x.buf)
		}
		todo = plan{outcomes: todo.outcomes[:0], logs: todo.logs[:0]}
		q.decide(p, &a, &v, &todo)
		if todo.finished {
			p.body = nil
			s.bodies.recycle(body)
		}
		for _, l := range todo.logs {
			s.o.Logger.LogAttrs(ctx, l.level, l.text, l.attrs...)
		}
		for _, o := range todo.outcomes {
			if ctx.Err() != nil {
				break // settle has failed for another slot: it is not called again
			}
			if err := settle(o); err != nil {
				abort(err)
				q.fail(err)
			}
		}
		q.release()
	}
}

// finish is called when nothing runs any more; it returns why.
func (q *queue) finish() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.alarm != nil {
		q.alarm.Stop()
	}
	return q.err
}

// settleHeld settles the refusals of a run that ended before they were many
// enough to blame the account.
func (s *Sender) settleHeld(settle func(Outcome) error) error {
	held := s.queue.held
	s.queue.held = nil
	if len(held) > 0 && s.queue.paused {
		return s.queue.heldWhy
	}
	for _, o := range held {
		if err := settle(o); err != nil {
			return err
		}
	}
	if len(held) > 0 {
		s.o.Logger.LogAttrs(context.Background(), slog.LevelWarn, "every batch was refused")
	}
	return nil
}

// close ends the connections, also those that are still being made.
func (s *Sender) close(abort context.CancelCauseFunc) {
	if s.own == nil {
		return
	}
	abort(net.ErrClosed)
	s.own.close()
}

// Stats is a snapshot, for any goroutine.
func (s *Sender) Stats() Stats { return s.queue.snapshot() }

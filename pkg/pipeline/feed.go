package pipeline

import (
	"context"
	"errors"
	"io"

	"github.com/bulkdemerge/bulkdemerge/pkg/batcher"
	"github.com/bulkdemerge/bulkdemerge/pkg/checkpoint"
	"github.com/bulkdemerge/bulkdemerge/pkg/reader"
	"github.com/bulkdemerge/bulkdemerge/pkg/sender"
)

// cut is what the cutting goroutine hands on: a batch, or why there is none.
// While the input is being proved it is a batch of which something is
// unsettled, and then, once, the word that it is proved.
type cut struct {
	batch  *batcher.Batch
	rest   []int // its unsettled records, unless all are
	all    bool
	proved bool
	err    error
}

// cutAll cuts the input into batches until it ends or ctx does. It is a
// goroutine of its own: reading may block for ever on a pipe that nobody
// writes to, and a stop must not wait for that.
func (r *run) cutAll(ctx context.Context) {
	for !r.proof.Done() && ctx.Err() == nil {
		c, whole := r.check(r.batches.Next())
		if !whole && !r.hand(ctx, c) || c.err != nil {
			return
		}
	}
	if !r.proof.Done() || !r.hand(ctx, cut{proved: true}) {
		return
	}
	for {
		b, err := r.batches.Next()
		if !r.hand(ctx, cut{batch: b, all: true, err: err}) || err != nil {
			return
		}
	}
}

// Cutting runs ahead of the slots, so that it goes on while all of them wait
// for the API: by at most so many batches, and so many bytes of records.
const (
	cutAhead      = 64
	cutAheadBytes = 2 << 20
)

// weight is what a cut counts towards cutAheadBytes; a batch may hold half of
// them (batcher.MaxHeld and a record).
func (c cut) weight() int64 {
	if c.batch == nil {
		return 0
	}
	return min(int64(c.batch.Held), cutAheadBytes)
}

// hand hands a cut on, unless ctx ends.
func (r *run) hand(ctx context.Context, c cut) bool {
	if r.aheadBytes.Acquire(ctx, c.weight()) != nil {
		return false
	}
	select {
	case r.cuts <- c:
		return true
	case <-ctx.Done():
		return false
	}
}

// check holds a batch against the journal. whole says that all of it is
// settled already: then nobody needs it. It is done where batches are cut, as
// handing each one on would take longer than the check.
func (r *run) check(b *batcher.Batch, err error) (c cut, whole bool) {
	if err != nil {
		return cut{err: r.shortProof(err)}, false
	}
	rest, all, err := r.proof.Check(span(b))
	c = cut{batch: b, rest: rest, all: all, err: err}
	if err != nil || all || len(rest) > 0 {
		return c, false
	}
	r.take(c)
	r.batches.Release(b)
	return c, true
}

// next hands the sender its next work. Only once the input is proved to be the
// one that the run has settled records of, anything is sent.
func (r *run) next(ctx context.Context) (sender.Work, error) {
	for !r.isProved {
		c, err := r.nextCut(ctx)
		switch {
		case err != nil:
			return sender.Work{}, err
		case c.proved:
			r.isProved = true
		default:
			r.kept = append(r.kept, r.fly(c.batch, c.rest, c.all))
		}
	}
	if err := r.proved(ctx); err != nil {
		return sender.Work{}, err
	}
	for {
		w, err := r.nextWork(ctx)
		if endsInput(err) {
			r.inputErr = err
			if r.limited {
				return sender.Work{}, sender.ErrPause // a part of the last batch is held back
			}
			return sender.Work{}, io.EOF
		}
		if err != nil {
			return sender.Work{}, err
		}
		if err := r.begin(); err != nil {
			return sender.Work{}, err
		}
		if len(w.Index) == 0 {
			if err := r.settleUnsent(w.Batch); err != nil {
				return sender.Work{}, err
			}
			continue
		}
		if r.o.Limit > 0 {
			n := min(int64(len(w.Index)), r.allowed)
			r.limited = n < int64(len(w.Index))
			if n == 0 {
				return sender.Work{}, sender.ErrPause
			}
			w.Index = w.Index[:n]
			r.allowed -= n
		}
		return w, nil
	}
}

// endsInput tells an end of the input, also by damage, behind which everything
// that came before is still to be settled, from a stop of the run.
func endsInput(err error) bool {
	var damage *reader.DamageError
	return errors.Is(err, io.EOF) || errors.As(err, &damage)
}

// nextWork is what was kept during the proof, then what is new.
func (r *run) nextWork(ctx context.Context) (sender.Work, error) {
	if len(r.kept) > 0 {
		w := r.kept[0]
		r.kept = r.kept[1:]
		return w, nil
	}
	if r.inputErr != nil {
		return sender.Work{}, r.inputErr
	}
	if err := r.room(ctx); err != nil {
		return sender.Work{}, err
	}
	c, err := r.nextCut(ctx)
	if err != nil {
		return sender.Work{}, err
	}
	return r.fly(c.batch, c.rest, c.all), nil
}

func (r *run) nextCut(ctx context.Context) (cut, error) {
	r.recycle()
	select {
	case c := <-r.cuts:
		r.aheadBytes.Release(c.weight())
		r.take(c)
		return c, c.err
	case <-ctx.Done():
		return cut{}, context.Cause(ctx)
	}
}

// take notes how far into the input a cut is.
func (r *run) take(c cut) {
	if c.proved {
		return
	}
	if c.batch == nil || r.bases[c.batch.End.Source] < 0 {
		r.taken.Store(-1)
		return
	}
	r.taken.Store(r.bases[c.batch.End.Source] + c.batch.End.Offset)
}

// shortProof says what it means that the input ended within what is settled.
func (r *run) shortProof(err error) error {
	if errors.Is(err, io.EOF) {
		return r.proof.Short(len(r.names) - 1)
	}
	return err
}

// proved waits until the report is verified too, once.
func (r *run) proved(ctx context.Context) error {
	if r.verified == nil {
		return nil
	}
	select {
	case err := <-r.verified:
		if err != nil {
			return err
		}
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	r.verified = nil
	r.phase.Store(phaseSending)
	return nil
}

// span is the batch as the journal knows it.
func span(b *batcher.Batch) checkpoint.Span {
	return checkpoint.Span{
		Seq: b.Seq, Start: checkpoint.Place(b.Start), End: checkpoint.Place(b.End),
		Hash: b.Hash, Records: len(b.Records), Cut: b.Cut,
	}
}

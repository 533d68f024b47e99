package pipeline

import (
	"context"
	"slices"
	"strconv"

	"github.com/bulkdemerge/bulkdemerge/pkg/batcher"
	"github.com/bulkdemerge/bulkdemerge/pkg/checkpoint"
	"github.com/bulkdemerge/bulkdemerge/pkg/report"
	"github.com/bulkdemerge/bulkdemerge/pkg/sender"
)

// flight is a batch of which something is unsettled.
type flight struct {
	batch  *batcher.Batch
	unsent []int // records that are never sent; they settle with the first answer
	left   int   // records that are unsettled
	bytes  int   // what the batch holds
}

// fly takes a batch up. rest are its unsettled records, unless all are. The
// work holds those of them that are to be sent.
func (r *run) fly(b *batcher.Batch, rest []int, all bool) sender.Work {
	f := &flight{batch: b, left: len(rest)}
	if all {
		f.left = len(b.Records)
	}
	w := sender.Work{Batch: b}
	if all && b.Sends == len(b.Records) {
		w.Index = naturals[:b.Sends]
		f.bytes = b.Held
		r.takeOff(f)
		return w
	}
	w.Index = make([]int, 0, b.Sends)
	place := func(i int) {
		if b.Records[i].Class == batcher.Send {
			w.Index = append(w.Index, i)
		} else {
			f.unsent = append(f.unsent, i)
		}
		f.bytes += len(b.Records[i].Identity) + batcher.RecordHeld
	}
	for i := range b.Records {
		if all {
			place(i)
		}
	}
	for _, i := range rest {
		place(i)
	}
	r.takeOff(f)
	return w
}

// naturals is the index of a batch that is sent as it stands. It never changes.
var naturals = func() (n [batcher.MaxBatchSize]int) {
	for i := range n {
		n[i] = i
	}
	return n
}()

func (r *run) takeOff(f *flight) {
	r.mu.Lock()
	r.flights[f.batch.Seq] = f
	r.held += f.bytes
	r.mu.Unlock()
}

// room waits until unsettled batches hold less than maxHeld.
func (r *run) room(ctx context.Context) error {
	for {
		r.mu.Lock()
		full := r.held >= maxHeld
		r.mu.Unlock()
		if !full {
			return nil
		}
		select {
		case <-r.landed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// recycle gives settled batches back to the batcher.
func (r *run) recycle() {
	r.mu.Lock()
	done := r.done
	r.done = r.spare[:0]
	r.mu.Unlock()
	for _, b := range done {
		r.batches.Release(b)
	}
	r.spare = done[:0]
}

// settleUnsent settles a batch that has nothing to send.
func (r *run) settleUnsent(b *batcher.Batch) error {
	return r.settle(sender.Outcome{Batch: b, At: r.o.Now()})
}

// settle writes an answer down: the rows, then the journal's entry. It is
// called before the slot that the answer came from goes on.
func (r *run) settle(o sender.Outcome) error {
	a, unsent := r.decided(&o)
	buf := r.rows.Get().(*[]byte)
	defer r.rows.Put(buf)
	*buf = report.AppendRows((*buf)[:0], r.names, o)
	if err := r.store.Settle(a, *buf); err != nil {
		return err
	}
	if r.unsynced.Add(int64(len(*buf))) >= syncBytes {
		select {
		case r.syncNow <- struct{}{}:
		default:
		}
	}
	r.land(o.Batch.Seq, len(o.Index))
	if len(o.Index) > unsent {
		r.notice()
	}
	return nil
}

// decided makes the journal's answer of an outcome. The batch's records that
// are never sent join its first one; their number is returned too.
func (r *run) decided(o *sender.Outcome) (*checkpoint.Answer, int) {
	r.mu.Lock()
	f := r.flights[o.Batch.Seq]
	unsent := f.unsent
	f.unsent = nil
	r.mu.Unlock()

	a := &checkpoint.Answer{Span: span(o.Batch)}
	switch o.Status {
	case sender.Accepted:
		a.Counts.Accepted = int64(len(o.Index))
	case sender.Rejected:
		a.Counts.Rejected = int64(len(o.Index))
	case sender.Failed:
		a.Counts.Failed = int64(len(o.Index))
	}
	var why report.Reasons
	if o.Status != sender.Accepted {
		for _, i := range o.Index {
			why.Add(&report.Raw{
				Identity: o.Batch.Records[i].Identity, Status: []byte(o.Status.String()),
				Reason: []byte(o.Reason), Code: codeText(o.Code),
			})
		}
	}
	if len(unsent) > 0 {
		countUnsent(o.Batch, unsent, a, &why)
		o.Index = slices.Concat(o.Index, unsent)
		slices.Sort(o.Index)
	}
	if len(o.Index) < len(o.Batch.Records) {
		a.Index = o.Index
	}
	for _, g := range why.List() {
		a.Tallies = append(a.Tallies, checkpoint.Tally(g))
	}
	return a, len(unsent)
}

func codeText(code int) []byte {
	if code == 0 {
		return nil
	}
	return strconv.AppendInt(nil, int64(code), 10)
}

func countUnsent(b *batcher.Batch, unsent []int, a *checkpoint.Answer, why *report.Reasons) {
	for _, i := range unsent {
		switch rec := &b.Records[i]; rec.Class {
		case batcher.Duplicate:
			a.Counts.Duplicate++
		case batcher.Skipped:
			a.Counts.Skipped++
		case batcher.Invalid:
			a.Counts.Invalid++
			why.Add(&report.Raw{Status: []byte(report.StatusInvalid), Reason: []byte(rec.Reason)})
		case batcher.Send:
		}
	}
}

// land takes settled records off a flight, and the flight off the books once
// none is left.
func (r *run) land(seq int64, records int) {
	r.mu.Lock()
	f := r.flights[seq]
	f.left -= records
	if f.left == 0 {
		delete(r.flights, seq)
		r.held -= f.bytes
		r.done = append(r.done, f.batch)
	}
	r.mu.Unlock()
	select {
	case r.landed <- struct{}{}:
	default:
	}
}

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bulkdemerge/bulkdemerge/internal/hint"
	"github.com/bulkdemerge/bulkdemerge/internal/vfs"
	"github.com/bulkdemerge/bulkdemerge/pkg/batcher"
	"github.com/bulkdemerge/bulkdemerge/pkg/checkpoint"
	"github.com/bulkdemerge/bulkdemerge/pkg/reader"
	"github.com/bulkdemerge/bulkdemerge/pkg/report"
	"github.com/bulkdemerge/bulkdemerge/pkg/sender"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
)

// readAhead is how many blocks are read before they are needed.
const readAhead = 4

// The phases of a run.
const (
	phaseChecking int32 = iota // proving what is settled
	phaseSending
	phaseStopping
)

// run is a run under way.
type run struct {
	o       Options
	input   *reader.Input
	ahead   *reader.Ahead
	batches *batcher.Batcher
	store   *checkpoint.Store
	proof   *checkpoint.Proof
	names   []string // of the sources, as report rows name them
	bases   []int64  // bytes of the input before each source; -1 where positions don't tell them
	before  checkpoint.View
	past    traffic // of earlier starts
	started time.Time
	start   checkpoint.Start // what the journal is to say of this process
	begun   bool             // it says it

	cuts       chan cut
	reading    sync.WaitGroup      // cutAll
	aheadBytes *semaphore.Weighted // of the batches in cuts

	// next's own: the sender calls it from one goroutine.
	kept     []sender.Work // unsettled work found during the proof
	isProved bool          // the input is the one that the run began with
	verified chan error    // what verifying the report came to; nil once it was taken
	allowed  int64         // identities that --limit still lets out
	limited  bool          // --limit held something back
	inputErr error         // how the input ended: io.EOF, damage
	spare    []*batcher.Batch

	mu      sync.Mutex
	flights map[int64]*flight
	held    int              // bytes that flights hold
	done    []*batcher.Batch // settled, to be reused

	landed chan struct{} // a flight may have landed

	unsynced atomic.Int64  // bytes of rows since the last sync began
	syncNow  chan struct{} // they are many
	rows     sync.Pool     // *[]byte

	stop   context.CancelCauseFunc
	phase  atomic.Int32
	taken  atomic.Int64 // bytes of the input in batches that were taken up; -1: not known
	sample sampler
}

// Run sends what is unsettled. The context's cancellation is a clean stop; its
// cause, a *Stop if possible, says why. The result holds the summary, which is
// in the run directory as well; the error is nil unless nothing was sent by
// this start (ExitUsage, ExitLocked).
func (s *Session) Run(ctx context.Context) (report.Summary, error) {
	if err := s.begin(); err != nil {
		return report.Summary{}, usage(err)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r, err := s.prepare(stop)
	if err != nil {
		return report.Summary{}, usage(errors.Join(err, s.unmake()))
	}
	for _, d := range s.o.Deadlines {
		if !d.At.IsZero() {
			defer stopAt(d, s.o.Now(), stop)()
		}
	}
	sum, err := r.conclude(r.send(ctx, s.sender))
	if err != nil {
		err = errors.Join(err, s.unmake())
	}
	return sum, err
}

// stopAt stops the run at a deadline.
func stopAt(d Deadline, now time.Time, stop context.CancelCauseFunc) func() {
	t := time.AfterFunc(d.At.Sub(now), func() {
		stop(NewStop(StopDeadline, "stopped as "+d.Flag+" says", ""))
	})
	return func() { t.Stop() }
}

// prepare sets up the goroutines' common ground; nothing runs yet.
func (s *Session) prepare(stop context.CancelCauseFunc) (*run, error) {
	o := s.o
	r := &run{
		o: o, input: s.input, store: s.store, before: s.store.View(), started: o.Now(), stop: stop,
		cuts: make(chan cut, cutAhead), aheadBytes: semaphore.NewWeighted(cutAheadBytes),
		verified: make(chan error, 1), allowed: o.Limit,
		flights: map[int64]*flight{}, landed: make(chan struct{}, 1), syncNow: make(chan struct{}, 1),
		rows: sync.Pool{New: func() any { return new([]byte) }},
	}
	base := int64(0)
	for _, src := range s.input.Sources() {
		r.names = append(r.names, src.Name)
		if !src.Seekable {
			base = -1
		}
		r.bases = append(r.bases, base)
		if base >= 0 {
			base += src.Size
		}
	}
	is := sources(s.input)
	skip := !o.Batcher.Dedupe && r.before.Watermark > 0 && sameSources(r.before.Start.Sources, is) && is[r.before.End.Source].Seekable
	if skip {
		if err := s.input.Seek(reader.Position(r.before.End)); err != nil {
			return nil, fmt.Errorf("going to where the run was left: %w", err)
		}
	}
	r.ahead = reader.NewAhead(s.input, readAhead)
	r.batches = batcher.New(r.ahead, o.Batcher)
	if skip {
		r.batches.Start(reader.Position(r.before.End), r.before.Watermark+1)
	}
	// Whoever was settled by an answer came once.
	r.batches.Expect(r.before.Counts.Accepted + r.before.Counts.Rejected + r.before.Counts.Failed)
	r.batches.CutAt(func(seq int64) (int, bool) {
		n, ok := r.before.Cuts[seq]
		return n, ok
	})
	r.proof = s.store.Prove(skip)
	r.past = s.past
	r.sample = sampler{stats: s.sender.Stats, counts: s.store.Counts, at: r.started, last: r.before.Counts}
	r.start = checkpoint.Start{At: r.started.UTC(), Tool: o.Tool, PID: os.Getpid(), Host: o.Host, Sources: is, Command: o.Command}
	s.run.Store(r)
	return r, nil
}

// reserved is the room that the report must have before anything is sent, in
// bytes: the rows of some three requests. With less, a start would send what it
// can't settle, and so would the next one.
const reserved = 32 << 10

// send runs the goroutines until everything is settled or something ends it.
func (r *run) send(ctx context.Context, s *sender.Sender) error {
	var group errgroup.Group
	background, done := context.WithCancel(context.WithoutCancel(ctx))
	defer done()
	r.reading.Go(func() { r.cutAll(background) })
	group.Go(func() error {
		r.verified <- r.store.Verify(ctx)
		return nil
	})
	group.Go(func() error { return r.syncOften(background) })
	defer context.AfterFunc(ctx, func() { r.phase.Store(phaseStopping) })()

	err := s.Run(ctx, r.next, r.settle)
	done()
	if syncErr := group.Wait(); syncErr != nil {
		return syncErr
	}
	return err
}

// syncBytes is how many bytes of rows are synced before SyncEvery is over: the
// last sync of a fast run would otherwise take as long as a tenth of it.
const syncBytes = 8 << 20

// syncOften makes what is settled durable, at least every SyncEvery. Where
// that fails the run stops at once: what is settled from then on might be lost.
func (r *run) syncOften(ctx context.Context) error {
	tick := time.NewTicker(r.o.SyncEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-r.syncNow:
		}
		r.unsynced.Store(0)
		if err := r.sync(); err != nil {
			r.stop(err)
			return err
		}
	}
}

func (r *run) sync() error {
	return r.store.Sync(r.sample.take(r.o.Now()))
}

// notice counts an answer's records and stops the run when too many failed.
func (r *run) notice() {
	if r.o.MaxFailures == nil {
		return
	}
	now, was := r.store.Counts(), r.before.Counts
	bad := now.Rejected + now.Failed - was.Rejected - was.Failed
	if r.o.MaxFailures.Exceeded(bad, now.Sum()-was.Sum()) {
		records := "records were"
		if bad == 1 {
			records = "record was"
		}
		r.stop(NewStop(StopFailures, fmt.Sprintf("%d %s rejected or failed, more than --max-failures allows", bad, records),
			"look at the report's reasons; the same command goes on behind them"))
	}
}

// conclude writes down how the run ended, and says it with an exit code.
func (r *run) conclude(err error) (report.Summary, error) {
	if err == nil {
		err = r.ended()
	}
	idle := err == nil && !r.begun && r.before.Finished
	if idle && len(r.before.Healed) == 0 && sameSources(r.before.Start.Sources, r.start.Sources) {
		return r.summaryAsItWas(), nil // there was nothing to do, and there is nothing to write
	}
	if damage := new(reader.DamageError); err == nil || errors.As(err, &damage) {
		if beginErr := r.begin(); beginErr != nil {
			err = beginErr
		}
	}
	if unsent := r.nothingSent(err); unsent != nil && r.store.View().Records == r.before.Records {
		return report.Summary{}, unsent
	}
	var write *checkpoint.WriteError
	if !errors.As(err, &write) {
		if err == nil {
			write, _ = errors.AsType[*checkpoint.WriteError](r.store.Finish())
		}
		if syncErr := r.sync(); syncErr != nil && write == nil {
			errors.As(syncErr, &write)
		}
		if write != nil {
			err = write
		}
	}
	sum := r.summary(err)
	if idle && err == nil {
		sum = r.summaryAsItWas()
	}
	if writeErr := WriteSummary(r.o.FS, r.o.Dir, sum); writeErr != nil && write == nil {
		r.o.Logger.Error("the summary could not be written", "error", writeErr)
	}
	return sum, nil
}

// begin notes, before anything is sent or settled, that this process takes the
// run up, once the journal can be written: on a disk that is full each start
// would send what it can't settle. Not before: a start that is refused leaves no
// trace, and the sources that the journal names are those that were proved (see
// Seek in prepare).
func (r *run) begin() error {
	if r.begun {
		return nil
	}
	r.begun = true
	if err := r.store.Reserve(reserved); err != nil {
		return err
	}
	return r.store.Began(r.start)
}

// summaryAsItWas is the summary of a start that had nothing to do: what tells of
// the start that did it stays.
func (r *run) summaryAsItWas() report.Summary {
	sum := r.summary(nil)
	var last report.Summary
	if readSummary(r.o.FS, r.o.Dir, &last) && last.RunID == sum.RunID && last.State == report.StateFinished {
		sum.StartedAt, sum.EndedAt, sum.Seconds, sum.Rate = last.StartedAt, last.EndedAt, last.Seconds, last.Rate
		sum.TotalSeconds = last.TotalSeconds
	}
	return sum
}

// ended says how the input ended, once everything that came from it is
// settled: nil at its end.
func (r *run) ended() error {
	if r.limited {
		return NewStop(StopLimit, fmt.Sprintf("--limit %d is reached", r.o.Limit), "look at the report first; without --limit the command sends all the rest")
	}
	if r.inputErr == nil || errors.Is(r.inputErr, io.EOF) {
		return nil
	}
	return r.inputErr
}

// nothingSent marks the errors that end a start before it sent anything.
func (r *run) nothingSent(err error) error {
	var changed *checkpoint.ChangedError
	var damaged *checkpoint.DamagedError
	var input *reader.UsageError
	var write *checkpoint.WriteError
	var damage *reader.DamageError
	switch {
	case errors.As(err, &damage):
		return nil // all that was whole is done; its cause may be one of those below
	case errors.As(err, &changed):
		changed.Name = r.names[changed.Source]
	case errors.As(err, &write):
		if r.sample.stats().Requests > 0 {
			return nil
		}
		err = hint.Wrap(err, roomHint)
	case !errors.As(err, &damaged) && !errors.As(err, &input):
		return nil
	}
	return usage(err)
}

// closeInput ends the reading, also where it waits for a pipe that nobody
// writes to.
func (r *run) closeInput() {
	r.ahead.Close()
	r.reading.Wait()
	r.batches.Close()
}

// WriteSummary puts summary.json into the run directory.
func WriteSummary(fsys vfs.FS, dir string, sum report.Summary) error {
	b, err := encodeSummary(sum)
	if err != nil {
		return err
	}
	return vfs.Replace(fsys, dir, filepath.Join(dir, SummaryFile), b)
}

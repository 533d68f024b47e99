package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/bulkdemerge/bulkdemerge/internal/hint"
	"github.com/bulkdemerge/bulkdemerge/pkg/checkpoint"
	"github.com/bulkdemerge/bulkdemerge/pkg/reader"
	"github.com/bulkdemerge/bulkdemerge/pkg/report"
)

// partDir is where, in a run directory, a retry keeps what it has settled: it
// is a run of its own, whose input is the selection of the report's rows.
const partDir = "retry"

// Retry sends again what a run left behind.
type Retry struct {
	o        Options // of the run
	lock     io.Closer
	main     *checkpoint.Store
	part     Options // of the retry, a run in partDir
	input    vfsInput
	inner    *Session
	closed   bool // the part is
	names    []string
	selected int64
	past     traffic // of the run and its earlier retries
}

// vfsInput is the selection as the part's stdin.
type vfsInput struct{ io.ReadCloser }

// OpenRetry makes ready to send again the rows of a run directory that failed,
// and with rejected those that the API refused too. A retry that was stopped
// goes on. o.Inputs, o.Reader and o.Limit's meaning are the part's.
func OpenRetry(ctx context.Context, o Options, rejected bool) (*Retry, error) {
	o.defaults()
	r := &Retry{o: o}
	if err := r.open(ctx, rejected); err != nil {
		return nil, errors.Join(usage(err), r.Close())
	}
	return r, nil
}

func (r *Retry) open(ctx context.Context, rejected bool) error {
	there, err := exists(r.o, filepath.Join(r.o.Dir, checkpoint.JournalFile)) // before a lock is left in a folder that is no run
	if err != nil && !isNoRun(err) {
		return hint.Wrap(fmt.Errorf("looking at the run directory: %w", err), "check its name and who may read it")
	}
	if !there {
		return noRun(r.o.Dir)
	}
	if r.lock, err = r.o.Lock(r.o.Dir); err != nil {
		return err
	}
	where := r.o.store()
	where.Visit = r.past.add
	r.main, err = checkpoint.Open(where)
	if errors.Is(err, checkpoint.ErrNoRun) {
		return noRun(r.o.Dir)
	}
	if err != nil {
		return err
	}
	if err := r.main.Verify(ctx); err != nil {
		return err
	}
	v := r.main.View()
	for _, src := range v.Start.Sources {
		r.names = append(r.names, src.Name)
	}
	was := map[string]string{}
	for _, name := range []string{"--account-id", "the other side"} {
		was[name] = v.Header.Pinned[name]
	}
	if err := pinned(was, r.o.Pinned); err != nil {
		return hint.Wrap(err, "a retry goes to where the run went: give the account id and the endpoint that it began with")
	}
	return r.openPart(ctx, rejected, v)
}

// noRun is the error for a folder, or something else, that is no run
// directory: often it is the input itself.
func noRun(dir string) error {
	next := "name the run directory, such as customers.csv.demerge"
	for _, ending := range []string{".demerge", ".sandbox"} {
		if info, err := os.Stat(filepath.Clean(dir) + ending); err == nil && info.IsDir() {
			next = "did you mean " + filepath.Clean(dir) + ending + "?"
		}
	}
	return hint.New("there is no run in "+dir, next)
}

// openPart takes up an unfinished part, or selects the rows of a new one.
func (r *Retry) openPart(ctx context.Context, rejected bool, v checkpoint.View) error {
	r.part = r.o
	r.part.Dir = filepath.Join(r.o.Dir, partDir)
	r.part.Lock = func(string) (io.Closer, error) { return io.NopCloser(nil), nil } // the run's lock holds for it
	r.part.Restart, r.part.part = false, true
	r.part.Pinned = map[string]string{
		"--account-id": r.o.Pinned["--account-id"], "the other side": r.o.Pinned["the other side"],
		"--batch-size": strconv.Itoa(r.o.Batcher.BatchSize), "--rejected": strconv.FormatBool(rejected),
	}
	r.part.Batcher.Dedupe, r.part.Batcher.Trim, r.part.Batcher.Skip = false, false, nil
	if err := r.choose(rejected); err != nil || r.selected == 0 {
		return hint.Wrap(err, r.partHint())
	}
	f, err := r.o.FS.Open(filepath.Join(r.part.Dir, selectionFile))
	if err != nil {
		return fmt.Errorf("opening the selection: %w", err)
	}
	r.input = vfsInput{f}
	r.part.Inputs = []string{"-"}
	r.part.Reader = reader.Options{Format: reader.FormatCSV, Column: selectionIdentity, Encoding: reader.EncodingUTF8, Delimiter: ',', Stdin: f}
	r.part.Sender.HasAccepted = v.Counts.Accepted > 0
	r.inner, err = Open(ctx, r.part)
	if damaged := new(checkpoint.DamagedError); errors.As(err, &damaged) {
		return hint.Wrap(err, r.partHint())
	}
	return err
}

// partHint is what helps where the retry's own files are damaged: the run beside
// them is whole.
func (r *Retry) partHint() string {
	return "put the file back, or remove the folder " + r.part.Dir + " to begin the retry anew (what it has settled since its last stop is then sent once more)"
}

// Nothing tells that the report has no row to send again.
func (r *Retry) Nothing() bool { return r.inner == nil }

// Snapshot is how the retry under way stands.
func (r *Retry) Snapshot() Snapshot { return r.inner.Snapshot() }

// Estimate is what the retry is about to do. Its records are those to be sent
// again, those that an earlier start of it has settled included.
func (r *Retry) Estimate() Estimate {
	e := Estimate{Records: r.selected}
	if r.inner.store != nil {
		e.Done = r.inner.store.View().Records
	}
	e.Requests, e.Duration = r.part.effort(max(0, e.Records-e.Done))
	return e
}

// Run sends the selection, then writes the report anew with what became of it,
// one row a record. The summary is that of the whole run. With nothing to send
// it changes nothing.
func (r *Retry) Run(ctx context.Context) (report.Summary, error) {
	if r.Nothing() {
		st, err := look(r.o.Dir, false, holder{}, nil) // it is this process that holds it
		r.outcome(&st.Summary)
		return st.Summary, err
	}
	start := r.main.View().Start
	start.At, start.Tool, start.PID, start.Host = r.o.Now().UTC(), r.o.Tool, os.Getpid(), r.o.Host
	part, err := r.inner.Run(ctx)
	if err != nil {
		return part, err
	}
	if err := r.inner.store.Verify(ctx); err != nil && ctx.Err() == nil {
		return part, usage(err)
	}
	if err := r.main.Began(start); err != nil {
		return r.foldFailed(part, err)
	}
	if err := r.fold(); err != nil {
		return r.foldFailed(part, err)
	}
	whole := sampler{
		stats: r.inner.sender.Stats, counts: r.inner.store.Counts,
		at: part.StartedAt, last: r.inner.run.Load().before.Counts,
	}
	sample := whole.take(part.EndedAt)
	if part.State == report.StateFinished {
		if err := r.removePart(); err != nil {
			return part, coded(ExitStopped, err)
		}
	}
	return r.conclude(part, sample)
}

// foldFailed reports that the outcomes are safe in the part but not in the
// report yet: the same command puts them there.
func (r *Retry) foldFailed(part report.Summary, err error) (report.Summary, error) {
	sum := r.whole(part)
	sum.State, sum.ExitCode, sum.Next = report.StateStopped, ExitStopped, r.o.Command
	sum.Stop = &report.Stop{Kind: StopDisk, Message: "writing the report anew: " + err.Error(), Hint: "make room, then the same command goes on"}
	if err := WriteSummary(r.o.FS, r.o.Dir, sum); err != nil {
		r.o.Logger.Error("the summary could not be written", "error", err)
	}
	return sum, nil
}

// conclude is the summary of the whole run after a retry, which the sample
// tells of.
func (r *Retry) conclude(part report.Summary, sample json.RawMessage) (report.Summary, error) {
	r.past.add(time.Time{}, sample)
	sum := r.whole(part)
	r.outcome(&sum)
	if part.Stop != nil {
		sum.State, sum.ExitCode, sum.Stop, sum.Next = part.State, part.ExitCode, part.Stop, r.o.Command
	}
	if err := r.main.Sync(sample); err != nil {
		return sum, coded(ExitStopped, err)
	}
	if err := WriteSummary(r.o.FS, r.o.Dir, sum); err != nil {
		return sum, coded(ExitStopped, err)
	}
	return sum, nil
}

// whole is the summary of the whole run, but for how it ended.
func (r *Retry) whole(part report.Summary) report.Summary {
	sum := summarize(r.main.View(), r.names, r.o.Dir)
	sum.Program, sum.Account, sum.Host, sum.Sandbox = r.o.Tool, r.o.Sender.AccountID, r.o.Host, r.o.Sandbox
	sum.Requests, sum.Retries, sum.Rate, sum.Seconds = r.past.Requests, r.past.Retries, part.Rate, part.Seconds
	sum.StartedAt, sum.EndedAt = part.StartedAt, part.EndedAt
	sum.TotalSeconds += part.Seconds
	return sum
}

// outcome says what the whole run has come to. A retry ends its own part; a run
// that was stopped before stays stopped.
func (r *Retry) outcome(sum *report.Summary) {
	v := r.main.View()
	if v.Finished {
		sum.State, sum.ExitCode, sum.Next = report.StateFinished, finishedCode(v.Counts), r.o.nextAfter(v.Counts)
		return
	}
	sum.State, sum.ExitCode, sum.Next = report.StateStopped, ExitStopped, v.Start.Command
	sum.Stop = &report.Stop{Kind: "unfinished", Message: "the run itself is not finished, only what it left behind was sent again"}
}

// removePart removes a part whose outcomes are in the report. The selection
// goes first: without it there is no part.
func (r *Retry) removePart() error {
	if err := r.closePart(); err != nil {
		return err
	}
	for _, name := range []string{selectionFile, checkpoint.JournalFile, checkpoint.ReportFile, checkpoint.CheckpointFile, SummaryFile} {
		if err := r.o.FS.Remove(filepath.Join(r.part.Dir, name)); err != nil {
			return fmt.Errorf("removing the finished retry: %w", err)
		}
		if err := r.o.FS.SyncDir(r.part.Dir); err != nil {
			return fmt.Errorf("removing the finished retry: %w", err)
		}
	}
	if err := r.o.FS.Remove(r.part.Dir); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("removing the finished retry: %w", err)
	}
	return nil
}

// closePart closes the part and its selection: Windows removes no open file.
func (r *Retry) closePart() error {
	r.closed = true
	var errs []error
	if r.inner != nil {
		errs = append(errs, r.inner.Close())
	}
	if r.input.ReadCloser != nil {
		errs = append(errs, r.input.Close())
	}
	return errors.Join(errs...)
}

// Close gives back what OpenRetry took. It may be called at any time, once.
func (r *Retry) Close() error {
	var errs []error
	if !r.closed {
		errs = append(errs, r.closePart())
	}
	if r.main != nil {
		errs = append(errs, r.main.Close())
	}
	if r.lock != nil {
		errs = append(errs, r.lock.Close())
	}
	return errors.Join(errs...)
}

// Package pipeline wires reader, batcher, sender, report and checkpoint: it
// runs, plans, retries and looks at runs. It is the only package that knows all
// of them.
package pipeline

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"time"

	"github.com/bulkdemerge/bulkdemerge/internal/hint"
	"github.com/bulkdemerge/bulkdemerge/internal/vfs"
	"github.com/bulkdemerge/bulkdemerge/pkg/batcher"
	"github.com/bulkdemerge/bulkdemerge/pkg/reader"
	"github.com/bulkdemerge/bulkdemerge/pkg/report"
	"github.com/bulkdemerge/bulkdemerge/pkg/sender"
)

// The exit codes of the contract (DESIGN.md).
const (
	ExitDone    = 0 // every identity accepted, duplicate or skipped
	ExitSome    = 1 // finished, but some records are rejected, failed or invalid
	ExitUsage   = 2 // wrong usage, configuration or input: nothing was sent
	ExitStopped = 3 // stopped early, the same command goes on
	ExitLocked  = 4 // another process is running this run directory
	ExitDamaged = 5 // the input can't be read to its end
)

// DefaultSyncInterval is how often what is settled is made durable: what a
// power cut may cost.
const DefaultSyncInterval = time.Second

// maxHeld bounds the bytes that unsettled batches hold; then reading waits.
const maxHeld = 16 << 20

// Failures tells when too many records have failed.
type Failures interface {
	// Exceeded is asked with the records rejected or failed in this start, and
	// the records settled in it.
	Exceeded(bad, settled int64) bool
}

// Deadline is a time to stop at.
type Deadline struct {
	At   time.Time // zero: none
	Flag string    // what set it, for the message
}

// Options describe a run.
type Options struct {
	Inputs  []string
	Reader  reader.Options
	Batcher batcher.Options
	Sender  sender.Options

	Dir      string
	Restart  bool   // put what Dir holds aside and begin again
	Loopback bool   // the other side is on this machine: never mistaken for the real one
	Sandbox  bool   // the other side is simulated in this process
	Host     string // whom it sends to, for logs and summary
	Tool     string // program and version
	// What to type next, for the summary: to go on, to send failed rows again,
	// to see the run as a page. Without a secret and without an identity.
	// RestCommand is Command where only --limit has stopped the run.
	Command, RestCommand, RetryCommand, ReportCommand string
	Pinned                                            map[string]string

	Limit       int64    // identities to be sent by this start; 0: all
	MaxFailures Failures // nil: no bound
	Deadlines   []Deadline

	FS        vfs.FS           // nil: the machine's
	Now       func() time.Time // nil: time.Now
	SyncEvery time.Duration    // 0: DefaultSyncInterval
	Logger    *slog.Logger     // nil: none
	part      bool             // a retry's part of a run
	// Lock takes the run directory for this process; nil: LockDir.
	Lock func(dir string) (io.Closer, error)
}

func (o *Options) defaults() {
	if o.FS == nil {
		o.FS = vfs.OS{}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.SyncEvery == 0 {
		o.SyncEvery = DefaultSyncInterval
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Lock == nil {
		o.Lock = func(dir string) (io.Closer, error) { return LockDir(dir, o.Now()) }
	}
}

// Stop is a reason to end early, as the cause of a cancelled context: the run
// lets the requests in flight finish, settles, and can be gone on with.
type Stop struct{ report.Stop }

func (s *Stop) Error() string { return s.Message }

// The kinds of Stop that begin here; the sender has its own.
const (
	StopSignal   = "signal"
	StopLimit    = "limit"
	StopDeadline = "deadline"
	StopFailures = "failures"
	StopDisk     = "disk"
)

// NewStop makes a reason to stop.
func NewStop(kind, message, hint string) *Stop {
	return &Stop{report.Stop{Kind: kind, Message: message, Hint: hint}}
}

// Error is an error with the exit code that it means.
type Error struct {
	Code int
	Err  error
}

func (e *Error) Error() string { return e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// Hint passes the cause's hint on.
func (e *Error) Hint() string { return hint.Of(e.Err) }

// usage marks err as exit 2, unless it has a code already.
func usage(err error) error { return coded(ExitUsage, err) }

func coded(code int, err error) error {
	var e *Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	var damage *reader.DamageError
	if errors.As(err, &damage) {
		code = ExitDamaged
	}
	if hint.Of(err) == "" && errors.Is(err, fs.ErrPermission) {
		err = hint.Wrap(err, "check whose it is: who runs this must be able to read and write it")
	}
	var stop *Stop
	if errors.As(err, &stop) || errors.Is(err, context.Canceled) {
		code = ExitStopped
	}
	return &Error{Code: code, Err: err}
}

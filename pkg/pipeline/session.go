package pipeline

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync/atomic"

	"github.com/bulkdemerge/bulkdemerge/internal/hint"
	"github.com/bulkdemerge/bulkdemerge/pkg/checkpoint"
	"github.com/bulkdemerge/bulkdemerge/pkg/reader"
	"github.com/bulkdemerge/bulkdemerge/pkg/report"
	"github.com/bulkdemerge/bulkdemerge/pkg/sender"
)

// Session is a run that is ready to start: the inputs are open and their
// headers checked, the run directory, if there is one, is locked and read.
// Nothing was sent and nothing written.
type Session struct {
	o       Options
	input   *reader.Input
	lock    io.Closer
	fresh   bool              // there is nothing to go on with
	store   *checkpoint.Store // nil: a new run
	sender  *sender.Sender
	run     atomic.Pointer[run]
	past    traffic  // of earlier starts
	madeRun bool     // this start made the run's files
	madeDir []string // and these folders, the outermost first
	aside   string   // where it has put the old run
}

// roomHint is what to do where a run directory can't be written to.
const roomHint = "make room or choose another place with --out DIR"

// Open checks everything that can be checked before something is sent. Its
// errors carry an exit code, ExitUsage mostly, and leave nothing behind.
func Open(ctx context.Context, o Options) (*Session, error) {
	o.defaults()
	s := &Session{o: o}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(usage(err), s.Close())
	}
	return s, nil
}

func (s *Session) open(ctx context.Context) error {
	var err error
	if s.input, err = reader.Open(ctx, s.o.Inputs, s.o.Reader); err != nil {
		return err
	}
	there, err := exists(s.o, s.o.Dir)
	if err != nil {
		return hint.Wrap(fmt.Errorf("looking at the run directory: %w", err), "choose another place with --out DIR")
	}
	if there {
		if info, err := os.Stat(s.o.Dir); err == nil && !info.IsDir() {
			return hint.New(s.o.Dir+" is a file, the run directory can't be there", "choose another place with --out DIR")
		}
		if s.lock, err = s.o.Lock(s.o.Dir); err != nil {
			return err
		}
		if !s.o.Restart {
			if err := s.resume(); err != nil {
				return err
			}
		}
	}
	s.fresh = s.store == nil
	if s.store != nil && s.store.Counts().Accepted > 0 {
		s.o.Sender.HasAccepted = true
	}
	s.sender, err = sender.New(s.o.Sender)
	return err
}

// resume reads the run that the directory holds, if it holds one.
func (s *Session) resume() error {
	where := s.o.store()
	where.Visit = s.past.add
	st, err := checkpoint.Open(where)
	if errors.Is(err, checkpoint.ErrNoRun) {
		if _, err := s.o.FS.Size(filepath.Join(s.o.Dir, SummaryFile)); err == nil {
			return &checkpoint.DamagedError{File: filepath.Join(s.o.Dir, checkpoint.JournalFile), Detail: "it is missing"}
		}
		return nil
	}
	if err != nil {
		return err
	}
	s.store = st
	v := st.View()
	for _, what := range v.Healed {
		s.o.Logger.Warn("healed", "what", what)
	}
	if s.o.part {
		if words := changed("retry", v.Header.Pinned, s.o.Pinned); len(words) > 0 {
			return hint.New("a retry with other settings is not finished: "+strings.Join(words, "; "), "finish that one with its settings first")
		}
		return nil
	}
	return pinned(v.Header.Pinned, s.o.Pinned)
}

// pinned compares what shaped the run so far with what is asked now.
func pinned(was, is map[string]string) error {
	words := changed("run", was, is)
	if len(words) == 0 {
		return nil
	}
	return hint.New("the run directory belongs to a run with other settings: "+strings.Join(words, "; "),
		"use the settings that the run began with, or give this one a directory of its own with --out DIR; --restart forgets the old run (kept aside)")
}

// changed says which settings are not what they were.
func changed(what string, was, is map[string]string) []string {
	var names []string
	for name, value := range was {
		if is[name] != value {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	var words []string
	for _, name := range names {
		if name == "--skip" { // its values may be identities
			words = append(words, name+" is not what it was")
			continue
		}
		words = append(words, fmt.Sprintf("%s was %s when the %s began and is %s now", name, quote(was[name]), what, quote(is[name])))
	}
	return words
}

func quote(s string) string {
	if s == "" {
		return "not set"
	}
	return s
}

func (o *Options) store() checkpoint.Options {
	return checkpoint.Options{FS: o.FS, Dir: o.Dir, ReportHead: report.Header(), Now: o.Now}
}

// exists tells whether the directory is there.
func exists(o Options, dir string) (bool, error) {
	_, err := o.FS.Size(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// holdsRun tells whether the directory has any file of a run.
func holdsRun(o Options) (bool, error) {
	for _, name := range []string{checkpoint.JournalFile, checkpoint.ReportFile, checkpoint.CheckpointFile, SummaryFile} {
		there, err := exists(o, filepath.Join(o.Dir, name))
		if there || err != nil {
			return there, err
		}
	}
	return false, nil
}

// Resumed is the state that an earlier start left, and whether there is one.
func (s *Session) Resumed() (checkpoint.View, bool) {
	if s.store == nil {
		return checkpoint.View{}, false
	}
	return s.store.View(), true
}

// Untouched tells that an earlier start finished and that the input has not
// been touched since: this start will send nothing.
func (s *Session) Untouched() bool {
	if s.store == nil {
		return false
	}
	v := s.store.View()
	return v.Finished && sameSources(v.Start.Sources, sources(s.input))
}

// sources is what the journal remembers of the inputs.
func sources(in *reader.Input) []checkpoint.Source {
	var list []checkpoint.Source
	for _, src := range in.Sources() {
		list = append(list, checkpoint.Source{
			Name: src.Name, Size: src.Size, ModTime: src.ModTime.UTC(), FileID: src.FileID, Seekable: src.Seekable,
		})
	}
	return list
}

func sameSources(was, is []checkpoint.Source) bool {
	return slices.EqualFunc(was, is, func(a, b checkpoint.Source) bool {
		return a.Size >= 0 && a.FileID != "" && a.Size == b.Size && a.FileID == b.FileID && a.ModTime.Equal(b.ModTime)
	})
}

// begin makes the run directory, if need be, and begins a run in it.
func (s *Session) begin() error {
	if s.lock != nil && s.o.Restart {
		if err := s.putAside(); err != nil {
			return hint.Wrap(err, "choose another place with --out DIR")
		}
	}
	if s.store != nil {
		return nil
	}
	if s.lock == nil {
		if err := s.noteMissing(); err != nil {
			return err
		}
		if err := s.o.FS.MkdirAll(s.o.Dir); err != nil {
			return hint.Wrap(fmt.Errorf("making the run directory: %w", err), "choose another place with --out DIR")
		}
		var err error
		if s.lock, err = s.o.Lock(s.o.Dir); err != nil {
			return err
		}
		if _, err := s.o.FS.Size(filepath.Join(s.o.Dir, checkpoint.JournalFile)); err == nil {
			return &Error{Code: ExitLocked, Err: hint.New("another process began this run at the same moment", "start the same command again")}
		}
	}
	s.madeRun = true
	st, err := checkpoint.Create(s.o.store(), checkpoint.Header{
		RunID: rand.Text(), Tool: s.o.Tool, Created: s.o.Now().UTC(), Pinned: s.o.Pinned,
	})
	if err != nil {
		return errors.Join(hint.Wrap(err, roomHint), s.unmake())
	}
	s.store = st
	return nil
}

// noteMissing notes which folders this start is about to make.
func (s *Session) noteMissing() error {
	for dir := filepath.Clean(s.o.Dir); ; dir = filepath.Dir(dir) {
		there, err := exists(s.o, dir)
		if there || err != nil || dir == filepath.Dir(dir) {
			return err
		}
		s.madeDir = slices.Insert(s.madeDir, 0, dir)
	}
}

// unmake takes back what this start made, or put aside, for a run of which
// nothing was sent.
func (s *Session) unmake() error {
	if !s.madeRun {
		return nil
	}
	var errs []error
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	names := []string{checkpoint.JournalFile, checkpoint.ReportFile, checkpoint.CheckpointFile}
	if len(s.madeDir) > 0 {
		errs = append(errs, s.lock.Close()) // Windows removes no open file
		s.lock = nil
		names = append(names, LockFile)
	}
	for _, name := range names {
		errs = append(errs, s.o.FS.Remove(filepath.Join(s.o.Dir, name)))
	}
	for i, dir := range slices.Backward(s.madeDir) {
		err := s.o.FS.Remove(dir)
		if err != nil && i < len(s.madeDir)-1 {
			break // somebody else has put something there meanwhile
		}
		errs = append(errs, err)
	}
	if s.aside != "" {
		errs = append(errs, s.o.FS.Rename(s.aside, filepath.Clean(s.o.Dir)))
	}
	return errors.Join(errs...)
}

// putAside renames the run directory, so that a new run can begin in its
// place; nothing of the old one is deleted. A folder without a run stays: what
// it holds is somebody else's.
func (s *Session) putAside() error {
	there, err := holdsRun(s.o)
	if err != nil || !there {
		return err
	}
	aside := fmt.Sprintf("%s.old-%s", filepath.Clean(s.o.Dir), s.o.Now().UTC().Format("20060102T150405.000Z"))
	if err := s.lock.Close(); err != nil { // Windows does not rename a folder with an open file
		return fmt.Errorf("releasing the lock: %w", err)
	}
	s.lock = nil
	if err := s.o.FS.Rename(s.o.Dir, aside); err != nil {
		return fmt.Errorf("putting the old run aside: %w", err)
	}
	s.aside = aside
	s.o.Logger.Warn("the old run is kept aside", "dir", aside)
	return nil
}

// Close gives back what Open took. It may be called at any time, once.
func (s *Session) Close() error {
	var errs []error
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	if r := s.run.Load(); r != nil {
		r.closeInput()
	}
	if s.input != nil {
		errs = append(errs, s.input.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}

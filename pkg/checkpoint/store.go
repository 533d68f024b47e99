// Package checkpoint keeps what is settled, so that it survives anything, and
// reads it back. It owns the report's bytes on disk and the journal that
// vouches for them; docs/durability.md has the order of writes and what every
// prefix of it means.
package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"sync"
	"time"

	"github.com/bulkdemerge/bulkdemerge/internal/vfs"
)

// Options say where a run directory is and what its report begins with.
type Options struct {
	FS         vfs.FS
	Dir        string
	ReportHead []byte           // the report's header line
	Now        func() time.Time // nil: time.Now
	// Visit, if not nil, sees the time and the stats of each sync of earlier
	// starts while Open reads them.
	Visit func(at time.Time, stats json.RawMessage)
}

func (o Options) path(name string) string { return filepath.Join(o.Dir, name) }

// Store is the run directory of a run that is under way. Its methods may be
// called from several goroutines.
type Store struct {
	o Options

	mu         sync.Mutex // guards what follows; held while rows and entry are written
	s          *state
	header     Header
	start      Start
	starts     int
	elapsed    time.Duration
	finished   bool
	dirty      bool // something was written since the last sync
	report     vfs.File
	journal    vfs.File
	journalLen int64
	entries    int64
	generation int
	buf        []byte
	failed     error // the first error of a write or sync: nothing is written behind it

	syncMu sync.Mutex // one sync at a time
	synced lengths

	healed []string
}

// Create begins a run. What the folder holds of a run that never began is
// written over. The report is durable before the journal exists, so that a
// journal without a report is always damage.
func Create(o Options, h Header) (*Store, error) {
	h.Version = Version
	st := &Store{o: o, header: h, s: newState(int64(len(o.ReportHead)))}
	if err := o.FS.MkdirAll(o.Dir); err != nil {
		return nil, fmt.Errorf("making the run directory: %w", err)
	}
	if err := st.begin(); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return st, nil
}

// begin makes the two files, with their first lines.
func (st *Store) begin() error {
	var err error
	if st.report, err = st.o.FS.Create(st.o.path(ReportFile)); err != nil {
		return fmt.Errorf("creating the report: %w", err)
	}
	if _, err := st.report.Write(st.o.ReportHead); err != nil {
		return st.fail(ReportFile, err)
	}
	if err := st.durable(ReportFile, st.report); err != nil {
		return err
	}
	if st.journal, err = st.o.FS.Create(st.o.path(JournalFile)); err != nil {
		return fmt.Errorf("creating the journal: %w", err)
	}
	if err := st.note(kindHeader, st.header); err != nil {
		return err
	}
	return st.durable(JournalFile, st.journal)
}

// durable syncs a new file and the folder that it stands in.
func (st *Store) durable(name string, f vfs.File) error {
	if err := f.Sync(); err != nil {
		return st.fail(name, err)
	}
	if err := st.o.FS.SyncDir(st.o.Dir); err != nil {
		return st.fail("", err)
	}
	return nil
}

func (st *Store) now() time.Time {
	if st.o.Now != nil {
		return st.o.Now().UTC()
	}
	return time.Now().UTC()
}

// fail remembers the first error: from then on nothing is written or synced.
// An empty name stands for the folder itself.
func (st *Store) fail(name string, err error) error {
	if st.failed == nil {
		st.failed = &WriteError{File: st.o.path(name), Err: err}
	}
	return st.failed
}

// note writes an entry with JSON words.
func (st *Store) note(kind byte, words any) error {
	b, err := json.Marshal(words)
	if err != nil {
		return st.fail(JournalFile, err)
	}
	return st.enter(append(appendEntryHead(st.buf[:0], st.entries+1, kind), b...))
}

// enter seals and writes one entry of the journal.
func (st *Store) enter(line []byte) error {
	if st.failed != nil {
		return st.failed
	}
	st.buf = sealEntry(line)
	if _, err := st.journal.Write(st.buf); err != nil {
		return st.fail(JournalFile, err)
	}
	st.journalLen += int64(len(st.buf))
	st.entries++
	st.dirty = true
	return nil
}

// Began notes that this process takes the run up.
func (st *Store) Began(s Start) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if err := st.note(kindStart, s); err != nil {
		return err
	}
	st.start = s
	st.starts++
	return nil
}

// Reserve makes sure, before anything is sent, that the run can be written
// down: that the report can grow by so many bytes and that the checkpoint can be
// replaced. It leaves the report as it was; a crash meanwhile leaves zeros behind
// its rows, a torn tail. The error is a *WriteError and ends the store.
func (st *Store) Reserve(bytes int) error {
	st.syncMu.Lock()
	defer st.syncMu.Unlock()
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.failed != nil {
		return st.failed
	}
	_, err := st.report.Write(make([]byte, bytes))
	if err = errors.Join(err, st.report.Truncate(st.s.reportLen)); err != nil {
		return st.fail(ReportFile, err)
	}
	c := st.checkpoint()
	c.Synced = st.synced
	if err := st.writeCheckpoint(c); err != nil {
		return st.fail(CheckpointFile, err)
	}
	return nil
}

// Settle hands the rows of an answer and its entry to the operating system, in
// this order: from then on a killed process can't take them back. rows must be
// the report's rows of exactly the records that the answer decided. An answer
// that contradicts an earlier one is not written, and ends the store.
func (st *Store) Settle(a *Answer, rows []byte) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.failed != nil {
		return st.failed
	}
	if err := st.s.admits(a); err != nil {
		return st.fail(JournalFile, err)
	}
	a.rowsLen, a.rowsCRC = int64(len(rows)), crc32.Checksum(rows, castagnoli)
	if _, err := st.report.Write(rows); err != nil {
		return st.fail(ReportFile, err)
	}
	line, err := appendAnswer(appendEntryHead(st.buf[:0], st.entries+1, kindAnswer), a)
	if err != nil {
		return st.fail(JournalFile, err)
	}
	if err := st.enter(line); err != nil {
		return err
	}
	st.finished = false
	return st.s.apply(a)
}

// Finish notes that the input's end was reached and everything is settled.
func (st *Store) Finish() error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.finished {
		return st.failed
	}
	if err := st.note(kindEnd, end{At: st.now(), Batch: st.s.highest}); err != nil {
		return err
	}
	st.finished = true
	return nil
}

// Sync makes what is written durable: report first, then journal, then the
// checkpoint. Slots go on writing meanwhile. stats goes into the journal as it
// is; nil if there is nothing to say. With nothing new it does nothing.
func (st *Store) Sync(stats json.RawMessage) error {
	st.syncMu.Lock()
	defer st.syncMu.Unlock()
	st.mu.Lock()
	if st.failed != nil || !st.dirty && stats == nil {
		defer st.mu.Unlock()
		return st.failed
	}
	if err := st.note(kindMark, mark{At: st.now(), Synced: st.synced, Stats: stats}); err != nil {
		defer st.mu.Unlock()
		return err
	}
	c := st.checkpoint()
	st.dirty = false
	report, journal := st.report, st.journal
	st.mu.Unlock()

	name, err := ReportFile, report.Sync()
	if err == nil {
		name, err = JournalFile, journal.Sync()
	}
	if err == nil {
		name, err = CheckpointFile, st.writeCheckpoint(c)
	}
	if err != nil {
		st.mu.Lock()
		defer st.mu.Unlock()
		return st.fail(name, err)
	}
	st.synced = c.Synced
	return nil
}

// checkpoint is what checkpoint.json is to say of this moment.
func (st *Store) checkpoint() checkpoint {
	s := st.s
	return checkpoint{
		Format: checkpointFormat, Version: Version,
		RunID: st.header.RunID, Tool: st.start.Tool, Created: st.header.Created, Updated: st.now(),
		Pinned: st.header.Pinned, Sources: st.start.Sources,
		Watermark: watermark{s.watermark, s.end.Source, s.end.Offset, s.end.Line},
		Records:   s.records, Counts: s.counts, Finished: st.finished,
		Synced: lengths{Journal: st.journalLen, Report: s.reportLen, Generation: st.generation},
	}
}

func (st *Store) writeCheckpoint(c checkpoint) error {
	b, err := c.encode()
	if err != nil {
		return err
	}
	return vfs.Replace(st.o.FS, st.o.Dir, st.o.path(CheckpointFile), b)
}

// Close closes the files; it does not sync them. It may be called twice.
func (st *Store) Close() error {
	var errs []error
	for _, f := range []*vfs.File{&st.report, &st.journal} {
		if *f != nil {
			errs = append(errs, (*f).Close())
			*f = nil
		}
	}
	return errors.Join(errs...)
}

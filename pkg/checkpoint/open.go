package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/bulkdemerge/bulkdemerge/internal/vfs"
)

// Open takes up a run where it was left: the journal is cut behind its last
// entry that is whole and whose rows are whole, the report likewise. It returns
// ErrNoRun, a *DamagedError or a *VersionError where there is nothing to take
// up; then nothing was changed. Rows that were synced earlier are checked by
// Verify.
func Open(o Options) (*Store, error) {
	if err := finishRewrite(o); err != nil {
		return nil, err
	}
	l, err := load(o, true)
	if err != nil {
		return nil, err
	}
	st := &Store{
		o: o, s: l.state, header: l.header, start: l.start, starts: l.starts, elapsed: l.elapsed, finished: l.finished,
		journalLen: l.journalLen, entries: l.entries, synced: l.synced, healed: l.healed, generation: l.generation, dirty: true,
	}
	if err := st.takeUp(l); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return st, nil
}

// takeUp opens the two files behind what holds of them. What is to be cut may
// be more than a torn tail, of a report that somebody has saved: so all of it
// is verified before anything is cut.
func (st *Store) takeUp(l *loaded) error {
	report, err := st.o.FS.Size(st.o.path(ReportFile))
	if err != nil {
		return fmt.Errorf("looking at the report: %w", err)
	}
	journal, err := st.o.FS.Size(st.o.path(JournalFile))
	if err != nil {
		return fmt.Errorf("looking at the journal: %w", err)
	}
	if report < l.reportLen {
		return st.o.damagedReport(fmt.Sprintf("it has %d bytes, the journal vouches for %d", report, l.reportLen), l.reportLen)
	}
	if report > l.reportLen || journal > l.journalLen {
		if err := st.Verify(context.Background()); err != nil {
			return err
		}
	}
	written := l.synced.Report
	if l.last != nil {
		written = max(written, l.last.Length) // it was synced before it got its name
	}
	if st.report, err = st.openEnd(ReportFile, report, l.reportLen, written); err != nil {
		return err
	}
	if st.journal, err = st.openEnd(JournalFile, journal, l.journalLen, l.synced.Journal); err != nil {
		return err
	}
	if err := st.o.FS.Remove(st.o.path(asideFile)); err != nil {
		return fmt.Errorf("removing an unfinished rewrite: %w", err)
	}
	return nil
}

// openEnd opens a file of size bytes for writing behind the first hold ones, of
// which the first synced ones are known to be on stable storage. A cut is
// synced at once: undone by a power cut, it would leave old bytes behind new
// ones.
func (st *Store) openEnd(name string, size, hold, synced int64) (vfs.File, error) {
	f, err := st.o.FS.Append(st.o.path(name))
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", name, err)
	}
	if size > hold {
		if err := f.Truncate(hold); err != nil {
			return nil, errors.Join(fmt.Errorf("cutting %s: %w", name, err), f.Close())
		}
	}
	if err := st.renew(f, name, synced, hold); err != nil {
		return nil, errors.Join(fmt.Errorf("renewing the end of %s: %w", name, err), f.Close())
	}
	if size > hold {
		if err := f.Sync(); err != nil {
			return nil, errors.Join(fmt.Errorf("syncing %s: %w", name, err), f.Close())
		}
	}
	return f, nil
}

// renew writes a stretch of a file over itself. Where an earlier process's
// sync failed, the system may hold bytes that it takes for written and that
// are not on the disk; the next sync would not write them.
func (st *Store) renew(f vfs.File, name string, from, to int64) error {
	if from >= to {
		return nil
	}
	r, err := st.o.FS.Open(st.o.path(name))
	if err != nil {
		return err
	}
	_, err = io.Copy(io.NewOffsetWriter(f, from), io.NewSectionReader(r, from, to-from))
	return errors.Join(err, r.Close())
}

package checkpoint

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
)

// asideFile is where the new report stands until it takes the old one's name.
const asideFile = ReportFile + ".new"

// Rewrite replaces the report by one with the same records, other outcomes:
// convert copies the old report's bytes to w, changed as it wants, and returns
// what the new one counts; it must not call the store. The new report is
// written aside and synced, then the journal says so and is synced, then the
// name changes: a crash in between is finished by the next Open. Nothing may be
// settled meanwhile.
func (st *Store) Rewrite(convert func(old io.Reader, w io.Writer) (Counts, []Tally, error)) error {
	st.syncMu.Lock()
	defer st.syncMu.Unlock()
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.failed != nil {
		return st.failed
	}
	w, err := st.writeAside(convert)
	if err == nil && w.Counts.Sum() != st.s.records {
		err = fmt.Errorf("rewriting the report: %d records became %d: the report is left as it was", st.s.records, w.Counts.Sum())
	}
	if st.failed != nil || err != nil {
		if st.failed != nil {
			err = st.failed
		}
		// On a full disk it would be in the way. It is of no use, so an error of
		// removing it says nothing new.
		_ = st.o.FS.Remove(st.o.path(asideFile))
		return err
	}
	if err := st.note(kindRewrite, w); err != nil {
		return err
	}
	if err := st.journal.Sync(); err != nil {
		return st.fail(JournalFile, err)
	}
	if err := st.swap(); err != nil {
		return st.fail(ReportFile, err)
	}
	st.s.rewritten(*w)
	st.generation++
	c := st.checkpoint()
	if err := st.writeCheckpoint(c); err != nil {
		return st.fail(CheckpointFile, err)
	}
	st.synced, st.dirty = c.Synced, false
	return nil
}

// swap goes on in the report that stands aside.
func (st *Store) swap() error {
	old := st.report
	st.report = nil
	if err := old.Close(); err != nil {
		return err
	}
	if err := adopt(st.o); err != nil {
		return err
	}
	var err error
	st.report, err = st.o.FS.Append(st.o.path(ReportFile))
	return err
}

// summer counts and sums what goes through it, and keeps the first error.
type summer struct {
	w   io.Writer
	n   int64
	sum uint32
	err error
}

func (s *summer) Write(b []byte) (int, error) {
	n, err := s.w.Write(b)
	s.n += int64(n)
	s.sum = crc32.Update(s.sum, castagnoli, b[:n])
	if s.err == nil {
		s.err = err
	}
	return n, err
}

// writeAside writes the new report and makes it durable, its name as well: the
// journal is about to say that it is there. Its own errors end the store.
func (st *Store) writeAside(convert func(io.Reader, io.Writer) (Counts, []Tally, error)) (*rewrite, error) {
	old, err := st.o.FS.Open(st.o.path(ReportFile))
	if err != nil {
		return nil, fmt.Errorf("opening the report: %w", err)
	}
	defer old.Close()
	f, err := st.o.FS.Create(st.o.path(asideFile))
	if err != nil {
		return nil, st.fail(asideFile, err)
	}
	out := &summer{w: f}
	buffered := bufio.NewWriterSize(out, 64<<10)
	counts, tallies, err := convert(io.LimitReader(old, st.s.reportLen), buffered)
	if err == nil {
		err = buffered.Flush()
	}
	if out.err != nil {
		return nil, errors.Join(st.fail(asideFile, out.err), f.Close())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("rewriting the report: %w", err), f.Close())
	}
	if err := st.durable(asideFile, f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return nil, st.fail(asideFile, err)
	}
	return &rewrite{At: st.now(), Length: out.n, CRC: out.sum, Counts: counts, Tallies: tallies}, nil
}

// adopt gives the report that stands aside its name.
func adopt(o Options) error {
	if err := o.FS.Rename(o.path(asideFile), o.path(ReportFile)); err != nil {
		return fmt.Errorf("renaming the rewritten report: %w", err)
	}
	if err := o.FS.SyncDir(o.Dir); err != nil {
		return fmt.Errorf("syncing the run directory: %w", err)
	}
	return nil
}

// finishRewrite ends a rewrite that a crash cut short: where the journal
// announces it and the report does not have it yet, the one that stands aside
// takes its place. The journal is synced before: without the announcement the
// new report would be a stranger.
func finishRewrite(o Options) error {
	if _, err := o.FS.Size(o.path(asideFile)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	w, _, err := lastRewrite(o)
	if err != nil || w == nil {
		return err
	}
	done, err := begins(o, ReportFile, w)
	if err != nil {
		return err
	}
	ready, err := begins(o, asideFile, w)
	if err != nil || done || !ready {
		return err
	}
	journal, err := o.FS.Append(o.path(JournalFile))
	if err != nil {
		return fmt.Errorf("opening the journal: %w", err)
	}
	if err := errors.Join(journal.Sync(), journal.Close()); err != nil {
		return fmt.Errorf("syncing the journal: %w", err)
	}
	return adopt(o)
}

// lastRewrite returns the journal's last rewrite and its entry's number; nil
// and 0 if there is none.
func lastRewrite(o Options) (*rewrite, int64, error) {
	f, err := o.FS.Open(o.path(JournalFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("opening the journal: %w", err)
	}
	defer f.Close()
	var last *rewrite
	var lastN int64
	for j := newJournalReader(f); ; {
		e, err := j.next()
		if errors.Is(err, io.EOF) || errors.Is(err, errTorn) {
			return last, lastN, nil
		}
		if err != nil {
			return nil, 0, fmt.Errorf("reading the journal: %w", err)
		}
		if w := (rewrite{}); e.kind == kindRewrite && json.Unmarshal(e.words, &w) == nil {
			last, lastN = &w, e.n
		}
	}
}

// begins reports whether a file begins with the rewritten report.
func begins(o Options, name string, w *rewrite) (bool, error) {
	f, err := o.FS.Open(o.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("opening %s: %w", name, err)
	}
	defer f.Close()
	n, sum, err := sumOf(f, w.Length, make([]byte, sumBuffer))
	return err == nil && n == w.Length && sum == w.CRC, err
}

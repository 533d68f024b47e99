package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"time"

	"github.com/bulkdemerge/bulkdemerge/internal/vfs"
)

// loaded is a run directory as read back.
type loaded struct {
	*state
	o        Options
	known    bool // a checkpoint.json is there, whatever it holds
	header   Header
	start    Start // the latest
	starts   int
	finished bool
	elapsed  time.Duration // of all starts, as far as they left marks
	lastAt   time.Time

	journalLen int64 // bytes that hold, from the journal's start
	entries    int64
	synced     lengths // the most that is known to have been synced
	last       *rewrite
	lastN      int64    // the entry of last
	generation int      // how many rewrites there were
	healed     []string // what was put right
}

// load reads a run directory back without changing it. With rows it checks the
// report's bytes behind the last known sync, and takes the journal as far as
// these are whole.
func load(o Options, rows bool) (*loaded, error) {
	l := &loaded{o: o, state: newState(int64(len(o.ReportHead)))}
	if err := l.readCheckpoint(); err != nil {
		return nil, err
	}
	if err := l.survey(); err != nil {
		return nil, err
	}
	if err := l.replay(rows); err != nil {
		return nil, err
	}
	return l, nil
}

// readCheckpoint takes the synced lengths from checkpoint.json. One that is
// missing or damaged is no loss: the journal has all of it.
func (l *loaded) readCheckpoint() error {
	b, err := readAll(l.o.FS, l.o.path(CheckpointFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the checkpoint: %w", err)
	}
	l.known = true
	c, ok := decodeCheckpoint(b)
	if !ok {
		l.healed = append(l.healed, CheckpointFile+" was damaged and is made anew from the journal")
		return nil
	}
	if c.Version > Version {
		return &VersionError{File: l.o.path(CheckpointFile), Version: c.Version}
	}
	l.header.RunID, l.synced = c.RunID, c.Synced
	return nil
}

// survey reads the journal's frame once: its header, how far it is whole, its
// last rewrite, and what its marks say was synced.
func (l *loaded) survey() error {
	f, err := l.o.FS.Open(l.o.path(JournalFile))
	if errors.Is(err, fs.ErrNotExist) {
		return l.noJournal("is missing")
	}
	if err != nil {
		return fmt.Errorf("opening the journal: %w", err)
	}
	defer f.Close()
	j := newJournalReader(f)
	e, err := j.next()
	if errors.Is(err, io.EOF) || errors.Is(err, errTorn) {
		return l.noJournal("has no beginning")
	}
	if err != nil {
		return fmt.Errorf("reading the journal: %w", err)
	}
	var h Header
	if e.kind != kindHeader || json.Unmarshal(e.words, &h) != nil {
		return &DamagedError{File: l.o.path(JournalFile), Detail: "its first entry is no header"}
	}
	if h.Version > Version {
		return &VersionError{File: l.o.path(JournalFile), Version: h.Version}
	}
	if l.header.RunID != "" && l.header.RunID != h.RunID {
		l.synced = lengths{}
		l.healed = append(l.healed, CheckpointFile+" belongs to another run and is made anew from the journal")
	}
	l.header = h
	see := func(e entry) {
		if m := (mark{}); e.kind == kindMark && json.Unmarshal(e.words, &m) == nil && m.Synced.Journal > l.synced.Journal {
			l.synced = m.Synced
		}
	}
	for err == nil {
		if e.kind == kindRewrite {
			l.last, l.lastN = new(rewrite), e.n
			if json.Unmarshal(e.words, l.last) != nil {
				return l.o.unreadable(e)
			}
			l.generation++
		}
		see(e)
		e, err = j.next()
	}
	if errors.Is(err, errTorn) {
		err = j.scanOn(see)
	} else if errors.Is(err, io.EOF) {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("reading the journal: %w", err)
	}
	if j.offset < l.synced.Journal {
		return &DamagedError{File: l.o.path(JournalFile), Detail: fmt.Sprintf("whole up to byte %d only, %d were synced", j.offset, l.synced.Journal)}
	}
	if l.synced.Generation < l.generation {
		l.synced.Report = 0 // it spoke of a report that was replaced since
	}
	return nil
}

// replay applies the journal's entries, up to the first one that is torn or
// whose rows are.
func (l *loaded) replay(rows bool) error {
	f, err := l.o.FS.Open(l.o.path(JournalFile))
	if err != nil {
		return fmt.Errorf("opening the journal: %w", err)
	}
	defer f.Close()
	var r *rowReader
	if rows {
		if r, err = l.openRows(); err != nil {
			return err
		}
		defer r.Close()
	}
	j := newJournalReader(f)
	for {
		e, err := j.next()
		if errors.Is(err, io.EOF) || errors.Is(err, errTorn) {
			if !l.known && l.records > 0 {
				l.healed = append(l.healed, CheckpointFile+" was missing and is made anew from the journal")
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the journal: %w", err)
		}
		whole, err := l.take(e, r)
		if err != nil {
			return err
		}
		if !whole {
			l.healed = append(l.healed, ReportFile+" lost its last rows, after a power cut or because somebody saved it: what they stood for is sent again")
			return nil
		}
		l.journalLen, l.entries = e.next, e.n
	}
}

// take applies one entry; false means that its rows are not whole.
func (l *loaded) take(e entry, r *rowReader) (bool, error) {
	switch e.kind {
	case kindAnswer:
		a, err := parseAnswer(e.words)
		if err != nil {
			return false, l.o.unreadable(e)
		}
		if r != nil && e.n > l.lastN && l.reportLen+a.rowsLen > l.synced.Report {
			if ok, err := r.whole(l.reportLen, a.rowsLen, a.rowsCRC); err != nil || !ok {
				return false, err
			}
		}
		if err := l.apply(&a); err != nil {
			return false, &DamagedError{File: l.o.path(JournalFile), Detail: err.Error()}
		}
		l.finished = false
	case kindStart:
		l.start = Start{}
		if json.Unmarshal(e.words, &l.start) != nil {
			return false, l.o.unreadable(e)
		}
		l.starts++
		l.lastAt = l.start.At
	case kindMark:
		var m mark
		if json.Unmarshal(e.words, &m) != nil {
			return false, l.o.unreadable(e)
		}
		l.pass(m.At)
		if l.o.Visit != nil {
			l.o.Visit(m.At, m.Stats)
		}
	case kindEnd:
		l.finished = true
	case kindRewrite:
		var w rewrite
		if json.Unmarshal(e.words, &w) != nil {
			return false, l.o.unreadable(e)
		}
		if w.Counts.Sum() != l.records {
			return false, &DamagedError{File: l.o.path(JournalFile), Detail: fmt.Sprintf("entry %d does not account for every record", e.n)}
		}
		l.rewritten(w)
	case kindHeader:
	default:
		return false, l.o.unreadable(e)
	}
	return true, nil
}

func (l *loaded) pass(at time.Time) {
	if d := at.Sub(l.lastAt); d > 0 && !l.lastAt.IsZero() {
		l.elapsed += d
	}
	l.lastAt = at
}

// rewritten makes w the ground that counts and lengths stand on.
func (s *state) rewritten(w rewrite) {
	s.reportLen, s.counts = w.Length, w.Counts
	clear(s.reasons)
	s.tally(w.Tallies)
}

// rowReader checks rows of the report against the journal.
type rowReader struct {
	vfs.Reader
	buf []byte
}

func (l *loaded) openRows() (*rowReader, error) {
	f, err := l.o.FS.Open(l.o.path(ReportFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &DamagedError{File: l.o.path(ReportFile), Detail: "it is missing"}
	}
	if err != nil {
		return nil, fmt.Errorf("opening the report: %w", err)
	}
	return &rowReader{Reader: f, buf: make([]byte, sumBuffer)}, nil
}

// whole reports whether the length bytes at offset have the checksum.
func (r *rowReader) whole(offset, length int64, want uint32) (bool, error) {
	n, sum, err := sumOf(io.NewSectionReader(r, offset, length), length, r.buf)
	return err == nil && n == length && sum == want, err
}

// sumBuffer is how much of the report is read at once, in bytes.
const sumBuffer = 64 << 10

// sumOf reads up to length bytes, and returns how many there were and their
// CRC-32C.
func sumOf(r io.Reader, length int64, buf []byte) (n int64, sum uint32, err error) {
	for n < length {
		k, err := r.Read(buf[:min(int64(len(buf)), length-n)])
		n += int64(k)
		sum = crc32.Update(sum, castagnoli, buf[:k])
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return n, sum, fmt.Errorf("reading the report: %w", err)
		}
	}
	return n, sum, nil
}

// readAll reads a small file.
func readAll(fsys vfs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(f)
	return b, errors.Join(err, f.Close())
}

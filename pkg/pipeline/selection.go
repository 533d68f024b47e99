package pipeline

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"

	"github.com/gocarina/gocsv"
	"github.com/zeebo/xxh3"

	"github.com/bulkdemerge/bulkdemerge/internal/vfs"
	"github.com/bulkdemerge/bulkdemerge/pkg/checkpoint"
	"github.com/bulkdemerge/bulkdemerge/pkg/report"
)

// The selection is the input of a retry: a CSV with a line for each row of the
// report that is to be sent again. An identity that was sent has no line end
// in it, so that its record k, from 1, stands on line k+1. The header's last cell
// vouches for the lines behind it.
const (
	selectionFile     = "selection.csv"
	selectionIdentity = "identity"
	selectionHead     = "row,attempts," + selectionIdentity + ","
)

// digest is the length, in bytes, and the XXH3 of what is written to it.
type digest struct {
	hash   xxh3.Hasher
	length int64
}

func (d *digest) Write(b []byte) (int, error) {
	d.length += int64(len(b))
	return d.hash.Write(b)
}

// head is the selection's first line.
func (d *digest) head() string {
	return fmt.Sprintf("%sxxh3-%016x-%016x\n", selectionHead, d.hash.Sum64(), d.length)
}

// choose selects the rows of a new part, unless there is one already, whose
// selection is checked. r.selected is how many rows there are.
func (r *Retry) choose(rejected bool) error {
	name := filepath.Join(r.part.Dir, selectionFile)
	there, err := exists(r.o, name)
	if err != nil {
		return fmt.Errorf("looking at the selection: %w", err)
	}
	v, err := checkpoint.Look(r.o.FS, r.part.Dir, report.Header(), nil)
	if there && !isNoRun(err) {
		r.selected, err = r.checkSelection(name)
		return err
	}
	// A selection of which nothing was sent yet is made anew: this retry may want
	// other rows. A part whose rows are in the report loses its selection first.
	if err == nil && v.Records > 0 && !v.Finished {
		return &checkpoint.DamagedError{File: name, Detail: "it is missing"}
	}
	r.selected, err = r.selectRows(rejected)
	return err
}

// checkSelection holds the selection against its first line, and returns how
// many rows it has.
func (r *Retry) checkSelection(name string) (int64, error) {
	f, err := r.o.FS.Open(name)
	if err != nil {
		return 0, fmt.Errorf("opening the selection: %w", err)
	}
	defer f.Close()
	lines := bufio.NewReaderSize(f, 64<<10)
	head, err := lines.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("reading the selection: %w", err)
	}
	var d digest
	n := int64(0)
	for {
		chunk, err := lines.ReadSlice('\n')
		_, _ = d.Write(chunk) // a digest takes everything
		n += int64(bytes.Count(chunk, []byte{'\n'}))
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return 0, fmt.Errorf("reading the selection: %w", err)
		}
	}
	if head != d.head() {
		return 0, &checkpoint.DamagedError{File: name, Detail: "it is not what was selected"}
	}
	return n, nil
}

// selectRows writes the selection, aside first, and returns its length.
func (r *Retry) selectRows(rejected bool) (int64, error) {
	old, err := r.reportReader()
	if err != nil {
		return 0, err
	}
	defer old.Close()
	n, row := int64(0), int64(0)
	var w *csv.Writer
	var f vfs.File
	var d digest
	err = report.ScanRaw(old, func(raw *report.Raw) error {
		row++
		status := string(raw.Status)
		if status != report.StatusFailed && !(rejected && status == report.StatusRejected) {
			return nil
		}
		if w == nil {
			if f, err = r.beginSelection(); err != nil {
				return err
			}
			if _, err := f.Write([]byte(d.head())); err != nil {
				return err
			}
			w = csv.NewWriter(io.MultiWriter(f, &d))
		}
		n++
		return w.Write([]string{strconv.FormatInt(row, 10), string(raw.Attempts), string(raw.Identity)})
	})
	if err != nil {
		return 0, fmt.Errorf("selecting rows: %w", err)
	}
	if n == 0 {
		return 0, nil
	}
	w.Flush()
	err = w.Error()
	if err == nil {
		_, err = f.WriteAt([]byte(d.head()), 0) // as long as the one of nothing that stands there
	}
	name := filepath.Join(r.part.Dir, selectionFile)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return 0, fmt.Errorf("writing the selection: %w", err)
	}
	if err := errors.Join(r.o.FS.Rename(name+".new", name), r.o.FS.SyncDir(r.part.Dir)); err != nil {
		return 0, fmt.Errorf("writing the selection: %w", err)
	}
	return n, nil
}

// beginSelection makes the part's folder. What an earlier part left there is
// of no use any more: its selection was removed once it was in the report.
func (r *Retry) beginSelection() (vfs.File, error) {
	if err := r.o.FS.MkdirAll(r.part.Dir); err != nil {
		return nil, err
	}
	for _, name := range []string{checkpoint.JournalFile, checkpoint.ReportFile, checkpoint.CheckpointFile, SummaryFile} {
		if err := r.o.FS.Remove(filepath.Join(r.part.Dir, name)); err != nil {
			return nil, err
		}
	}
	if err := r.o.FS.SyncDir(r.part.Dir); err != nil { // an old journal must never stand beside a new selection
		return nil, err
	}
	return r.o.FS.Create(filepath.Join(r.part.Dir, selectionFile+".new"))
}

// limited is a file of which the first n bytes count.
type limited struct {
	io.Reader
	io.Closer
}

func (r *Retry) reportReader() (limited, error) {
	f, err := r.o.FS.Open(filepath.Join(r.o.Dir, checkpoint.ReportFile))
	if err != nil {
		return limited{}, fmt.Errorf("opening the report: %w", err)
	}
	return limited{io.LimitReader(f, r.main.View().ReportLen), f}, nil
}

// place is where a row of the part's report stands.
type place struct{ offset, length int64 }

// fold puts what the part has settled so far into the report. It may be done
// again and again: it takes outcomes from the part and attempts from the
// selection, and adds nothing to what stands in the report.
func (r *Retry) fold() error {
	rows, err := r.partRows()
	if err != nil || len(rows) == 0 {
		return err
	}
	part, err := r.o.FS.Open(filepath.Join(r.part.Dir, checkpoint.ReportFile))
	if err != nil {
		return fmt.Errorf("opening the retry's rows: %w", err)
	}
	defer part.Close()
	f, err := r.o.FS.Open(filepath.Join(r.part.Dir, selectionFile))
	if err != nil {
		return fmt.Errorf("opening the selection: %w", err)
	}
	defer f.Close()
	sel := csv.NewReader(bufio.NewReaderSize(f, 256<<10))
	sel.ReuseRecord, sel.FieldsPerRecord = true, -1 // the header has one cell more
	if _, err := sel.Read(); err != nil {
		return fmt.Errorf("reading the selection: %w", err)
	}
	m := merger{rows: rows, part: part, selection: sel}
	if err := m.advance(); err != nil {
		return err
	}
	return r.main.Rewrite(m.merge)
}

// partRows finds the rows that the part has settled: the n-th record of the
// selection, from 0, is at [n] if its length is not 0. Sixteen bytes for each
// selected row up to the last settled one.
func (r *Retry) partRows() ([]place, error) {
	f, err := r.o.FS.Open(filepath.Join(r.part.Dir, checkpoint.ReportFile))
	if err != nil {
		return nil, fmt.Errorf("opening the retry's rows: %w", err)
	}
	defer f.Close()
	var rows []place
	at := int64(len(report.Header()))
	err = report.ScanRaw(io.LimitReader(f, r.inner.store.View().ReportLen), func(raw *report.Raw) error {
		line, err := strconv.ParseInt(string(raw.Line), 10, 64)
		if err != nil || line < 2 {
			return fmt.Errorf("a row of the retry has line %q", raw.Line)
		}
		n := int(line - 2)
		for len(rows) <= n {
			rows = append(rows, place{})
		}
		rows[n] = place{at, int64(len(raw.Bytes))}
		at += int64(len(raw.Bytes))
		return nil
	})
	return rows, err
}

// merger rewrites the report with the part's outcomes.
type merger struct {
	rows      []place
	part      io.ReaderAt
	selection *csv.Reader

	n        int   // records of the selection that were read
	row      int64 // the report's row that the last of them is
	attempts int   // of it, before the part
	done     bool
}

// advance reads the selection's next record.
func (m *merger) advance() error {
	rec, err := m.selection.Read()
	if errors.Is(err, io.EOF) {
		m.done = true
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the selection: %w", err)
	}
	m.n++
	if len(rec) != 3 {
		return fmt.Errorf("reading the selection: record %d has %d cells", m.n, len(rec))
	}
	if m.row, err = strconv.ParseInt(rec[0], 10, 64); err == nil {
		m.attempts, err = strconv.Atoi(rec[1])
	}
	if err != nil {
		return fmt.Errorf("reading the selection: %w", err)
	}
	return nil
}

// merge copies the report, row by row, with the outcomes that are newer.
func (m *merger) merge(old io.Reader, w io.Writer) (checkpoint.Counts, []checkpoint.Tally, error) {
	var counts report.Counts
	var why report.Reasons
	if _, err := w.Write(report.Header()); err != nil {
		return checkpoint.Counts{}, nil, err
	}
	row := int64(0)
	err := report.ScanRaw(old, func(raw *report.Raw) error {
		row++
		if !m.done && m.row == row {
			if err := m.replace(raw, w, &counts, &why); err != nil {
				return err
			}
			return m.advance()
		}
		return m.keep(raw, w, &counts, &why)
	})
	var tallies []checkpoint.Tally
	for _, g := range why.List() {
		tallies = append(tallies, checkpoint.Tally(g))
	}
	return checkpoint.Counts(counts), tallies, err
}

func (m *merger) keep(raw *report.Raw, w io.Writer, counts *report.Counts, why *report.Reasons) error {
	if !counts.Count(string(raw.Status), 1) {
		return fmt.Errorf("a row has status %q", raw.Status)
	}
	why.Add(raw)
	_, err := w.Write(raw.Bytes)
	return err
}

// replace writes a row with the part's outcome, if it has one.
func (m *merger) replace(raw *report.Raw, w io.Writer, counts *report.Counts, why *report.Reasons) error {
	if m.n > len(m.rows) || m.rows[m.n-1].length == 0 {
		return m.keep(raw, w, counts, why)
	}
	at := m.rows[m.n-1]
	was, err := raw.Row()
	if err != nil {
		return err
	}
	return report.ScanRaw(io.MultiReader(bytes.NewReader(report.Header()), io.NewSectionReader(m.part, at.offset, at.length)), func(now *report.Raw) error {
		is, err := now.Row()
		if err != nil {
			return err
		}
		if is.Identity != was.Identity {
			return errors.New("a row of the retry has another identity than the report's")
		}
		is.Attempts += m.attempts
		is.Batch, is.Source, is.Line = was.Batch, was.Source, was.Line
		if !counts.Count(is.Status, 1) {
			return fmt.Errorf("a row has status %q", is.Status)
		}
		why.Add(now)
		return gocsv.MarshalWithoutHeaders([]report.Row{is}, w)
	})
}

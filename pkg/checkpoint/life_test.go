package checkpoint

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulkdemerge/bulkdemerge/internal/vfs/crashfs"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(2000) // thousands of small stores: the collector would take most of the time
	goleak.VerifyTestMain(m)
}

const testHead = "record,status\n"

// record is one record of the tests' input: batch seq, position at.
type record struct {
	seq int64
	at  int
}

// The tests' input has testBatches batches; batch n has 2 + n%3 records.
const testBatches = 8

func recordsOf(seq int64) int { return 2 + int(seq%3) }

// place is where a batch of the tests' input ends.
func place(seq int64) Place {
	var p Place
	for i := int64(1); i <= seq; i++ {
		p.Line += int64(recordsOf(i))
		p.Offset += 10 * int64(recordsOf(i))
	}
	return p
}

func testSpan(seq int64) Span {
	return Span{
		Seq: seq, Start: place(seq - 1), End: place(seq), Hash: uint64(seq) * 0x9e3779b97f4a7c15,
		Records: recordsOf(seq), Cut: seq == 6,
	}
}

// books says how records ended.
type books map[record]string

func (b books) counts() (c Counts) {
	for _, status := range b {
		*c.field(status)++
	}
	return c
}

func (c *Counts) field(status string) *int64 {
	switch status {
	case "accepted":
		return &c.Accepted
	case "rejected":
		return &c.Rejected
	case "failed":
		return &c.Failed
	case "invalid":
		return &c.Invalid
	case "duplicate":
		return &c.Duplicate
	case "skipped":
		return &c.Skipped
	}
	panic("no status " + status)
}

func testOptions(fsys *crashfs.FS) Options {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return Options{FS: fsys, Dir: "run", ReportHead: []byte(testHead), Now: func() time.Time {
		at = at.Add(time.Second)
		return at
	}}
}

var testHeader = Header{
	RunID: "test", Tool: "bulkdemerge test", Created: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC),
	Pinned: map[string]string{"account": "ABC"},
}

var testStart = Start{
	At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Tool: "bulkdemerge test", PID: 7, Host: "localhost:1",
	Sources: []Source{{Name: "ids.csv", Size: 12, ModTime: time.Date(2026, 1, 1, 0, 0, 0, 1, time.UTC), FileID: "1:2", Seekable: true}},
}

// answerOf is an answer that decides the records at index of a batch, all of
// them if index is nil, and its report rows.
func answerOf(seq int64, index []int, status string) (*Answer, []byte) {
	a := &Answer{Span: testSpan(seq), Index: index}
	if index == nil {
		for i := range a.Records {
			index = append(index, i)
		}
	}
	var rows []byte
	for _, i := range index {
		rows = fmt.Appendf(rows, "%d.%d,%s\n", seq, i, status)
	}
	*a.Counts.field(status) = int64(len(index))
	if status != "accepted" {
		a.Tallies = []Tally{{Status: status, Reason: "because", Code: 5, Count: int64(len(index))}}
	}
	return a, rows
}

// rowsOf reads a report as far as it is whole lines; it fails at a row that
// stands twice or is none.
func rowsOf(report string) (books, error) {
	rest, ok := strings.CutPrefix(report, testHead)
	if !ok {
		return nil, fmt.Errorf("the report begins with %.40q", report)
	}
	b := books{}
	for line := range strings.Lines(rest) {
		var r record
		var status string
		n, err := fmt.Sscanf(strings.ReplaceAll(line, ",", " "), "%d.%d %s\n", &r.seq, &r.at, &status)
		if n != 3 || err != nil || !strings.HasSuffix(line, "\n") {
			return nil, fmt.Errorf("row %q", line)
		}
		if _, twice := b[r]; twice {
			return nil, fmt.Errorf("record %v has two rows", r)
		}
		b[r] = status
	}
	return b, nil
}

// settledOf asks a store what is settled, as a resumed run does.
func settledOf(st *Store) (map[record]bool, error) {
	p := st.Prove(false)
	settled := map[record]bool{}
	for seq := int64(1); !p.Done(); seq++ {
		rest, all, err := p.Check(testSpan(seq))
		if err != nil {
			return nil, err
		}
		for i := range recordsOf(seq) {
			if !all && !slices.Contains(rest, i) {
				settled[record{seq, i}] = true
			}
		}
	}
	return settled, nil
}

// moment is what must hold once so many operations were carried out.
type moment struct {
	ops     int
	begun   bool
	settled books // what Settle returned for
	synced  books // what Sync returned for
}

// life is a scripted life of a store.
type life struct {
	t       *testing.T
	fs      *crashfs.FS
	st      *Store
	now     moment
	moments []moment
}

func (l *life) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// done notes the end of a step.
func (l *life) done() {
	m := l.now
	m.ops, m.settled, m.synced = l.fs.Len(), maps.Clone(m.settled), maps.Clone(m.synced)
	l.moments = append(l.moments, m)
}

func (l *life) create() {
	st, err := Create(testOptions(l.fs), testHeader)
	l.must(err)
	l.st, l.now = st, moment{begun: true, settled: books{}, synced: books{}}
	l.done()
	l.began()
}

func (l *life) began() {
	l.must(l.st.Began(testStart))
	l.done()
}

func (l *life) settle(seq int64, index []int, status string) {
	a, rows := answerOf(seq, index, status)
	l.must(l.st.Settle(a, rows))
	b, err := rowsOf(testHead + string(rows))
	l.must(err)
	maps.Copy(l.now.settled, b)
	l.done()
}

func (l *life) sync() {
	l.must(l.st.Sync(json.RawMessage(`{"n":1}`)))
	l.now.synced = maps.Clone(l.now.settled)
	l.done()
}

func (l *life) finish() {
	l.must(l.st.Finish())
	l.done()
}

// rewrite makes failed rows accepted.
func (l *life) rewrite() {
	l.must(l.st.Rewrite(retried))
	for r, status := range l.now.settled {
		if status == "failed" {
			l.now.settled[r] = "accepted"
		}
	}
	l.now.synced = maps.Clone(l.now.settled)
	l.done()
}

// retried is a Rewrite's work: what failed is accepted now.
func retried(old io.Reader, w io.Writer) (Counts, []Tally, error) {
	b, err := io.ReadAll(old)
	if err != nil {
		return Counts{}, nil, err
	}
	b = bytes.ReplaceAll(b, []byte(",failed\n"), []byte(",accepted\n"))
	if _, err := w.Write(b); err != nil {
		return Counts{}, nil, err
	}
	rows, err := rowsOf(string(b))
	return rows.counts(), nil, err
}

// reopen ends the process without a word and starts another.
func (l *life) reopen() {
	l.must(l.st.Close())
	st, err := Open(testOptions(l.fs))
	l.must(err)
	l.st = st
	l.done()
	l.began()
}

// around returns what must hold after a crash behind so many operations: the
// last step that was over, and the first one that was not.
func (l *life) around(ops int) (before, after moment) {
	for _, m := range l.moments {
		if after = m; m.ops >= ops {
			break
		}
		before = m
	}
	if after.ops == ops {
		before = after
	}
	return before, after
}

// agrees checks an opened store against what its report holds and what must be
// there: must with its status, may and nothing else.
func agrees(st *Store, fsys *crashfs.FS, must, may books) error {
	rows, err := rowsOf(fsys.Files()["run/"+ReportFile])
	if err != nil {
		return err
	}
	settled, err := settledOf(st)
	if err != nil {
		return err
	}
	for r := range rows {
		if !settled[r] {
			return fmt.Errorf("record %v has a row and is not settled", r)
		}
		if _, ok := may[r]; !ok {
			return fmt.Errorf("record %v has a row and no answer ever came", r)
		}
	}
	for r := range settled {
		if _, ok := rows[r]; !ok {
			return fmt.Errorf("record %v is settled and has no row", r)
		}
	}
	for r, status := range must {
		if rows[r] == "" || rows[r] != status && rows[r] != may[r] {
			return fmt.Errorf("record %v was %s, its row says %q", r, status, rows[r])
		}
	}
	if got, want := st.Counts(), rows.counts(); got != want {
		return fmt.Errorf("the books say %v, the report %v", got, want)
	}
	if err := st.Verify(context.Background()); err != nil {
		return fmt.Errorf("verifying: %w", err)
	}
	return nil
}

// recovers checks everything that must hold when a run is taken up from fsys.
func recovers(fsys *crashfs.FS, begun bool, must, may books) error {
	st, err := Open(testOptions(fsys))
	if errors.Is(err, ErrNoRun) && !begun {
		st, err = Create(testOptions(fsys), testHeader)
	}
	if err != nil {
		return err
	}
	if err := agrees(st, fsys, must, may); err != nil {
		return err
	}
	if err := st.Close(); err != nil {
		return err
	}
	before := fsys.Files()
	if st, err = Open(testOptions(fsys)); err != nil {
		return fmt.Errorf("opening again: %w", err)
	}
	if after := fsys.Files(); !maps.Equal(before, after) {
		return fmt.Errorf("opening again made %q of %q", after, before)
	}
	return goesOn(st, fsys)
}

// goesOn takes a run to its end.
func goesOn(st *Store, fsys *crashfs.FS) error {
	if err := st.Began(testStart); err != nil {
		return err
	}
	p := st.Prove(false)
	all := books{}
	for seq := int64(1); seq <= testBatches; seq++ {
		rest, whole, err := []int(nil), true, error(nil)
		if !p.Done() {
			if rest, whole, err = p.Check(testSpan(seq)); err != nil {
				return err
			}
		}
		for i := range recordsOf(seq) {
			all[record{seq, i}] = "any"
		}
		if !whole && len(rest) == 0 {
			continue
		}
		a, rows := answerOf(seq, rest, "accepted")
		if err := st.Settle(a, rows); err != nil {
			return fmt.Errorf("going on: %w", err)
		}
	}
	if err := errors.Join(st.Finish(), st.Sync(nil), st.Close()); err != nil {
		return fmt.Errorf("ending: %w", err)
	}
	rows, err := rowsOf(fsys.Files()["run/"+ReportFile])
	if err != nil {
		return fmt.Errorf("at the end: %w", err)
	}
	v, err := Look(fsys, "run", []byte(testHead), nil)
	switch {
	case err != nil:
		return err
	case len(rows) != len(all) || v.Counts != rows.counts() || v.Watermark != testBatches || !v.Finished:
		return fmt.Errorf("at the end %d rows of %d, view %+v", len(rows), len(all), v)
	}
	return nil
}

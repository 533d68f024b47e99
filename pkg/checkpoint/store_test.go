package checkpoint

import (
	"errors"
	"hash/crc32"
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/bulkdemerge/bulkdemerge/internal/vfs/crashfs"
	"pgregory.net/rapid"
)

// TestFirstFailureIsLast makes every operation of the script fail in turn:
// from then on every call returns that error, nothing is written or synced
// behind it, and the next start finds the last whole state.
func TestFirstFailureIsLast(t *testing.T) {
	all := script(t).fs.Ops()
	for n := 1; n <= len(all); n++ {
		for _, short := range []int{0, 1, 30} {
			if short > 0 && all[n-1].Kind != crashfs.Write {
				continue
			}
			for _, cause := range []error{syscall.ENOSPC, syscall.EIO, syscall.EFBIG, syscall.EACCES} {
				failAt(t, n, short, cause, all[n-1].String())
			}
		}
	}
}

// failAt runs the script's first process until the n-th operation fails.
func failAt(t *testing.T, n, short int, cause error, what string) {
	t.Helper()
	fsys := crashfs.New()
	fsys.Break(crashfs.Fault{Nth: n, Err: cause, Short: short})
	settled := books{}
	var st *Store
	fail := func(err error) bool {
		if err != nil && !errors.Is(err, cause) {
			t.Fatalf("operation %d (%s): %v, want %v", n, what, err, cause)
		}
		return err != nil
	}
	settle := func(seq int64, index []int, status string) func() error {
		return func() error {
			a, rows := answerOf(seq, index, status)
			err := st.Settle(a, rows)
			if b, _ := rowsOf(testHead + string(rows)); err == nil {
				for r, s := range b {
					settled[r] = s
				}
			}
			return err
		}
	}
	st, err := Create(testOptions(fsys), testHeader)
	if fail(err) {
		if err := recovers(fsys.Killed(fsys.Len()), false, nil, nil); err != nil {
			t.Fatalf("operation %d (%s): %v", n, what, err)
		}
		return
	}
	sync := func() error { return st.Sync(nil) }
	failed := false
	for _, step := range []func() error{
		func() error { return st.Began(testStart) },
		settle(1, nil, "failed"), settle(3, []int{1}, "accepted"), sync,
		settle(2, nil, "accepted"), sync, st.Finish, sync,
		func() error { return st.Rewrite(retried) },
		settle(4, nil, "rejected"), sync,
	} {
		before := fsys.Len()
		err := step()
		if failed && err == nil {
			t.Fatalf("operation %d (%s) failed and a later call did not", n, what)
		}
		if failed && fsys.Len() != before {
			t.Fatalf("operation %d (%s) failed, and behind it came: %v", n, what, fsys.Ops()[before:])
		}
		failed = fail(err) || failed
	}
	if w, ok := errors.AsType[*WriteError](st.Sync(nil)); failed && (!ok || w.Hint() == "" || !strings.HasPrefix(w.File, "run")) {
		t.Fatalf("operation %d (%s): no write error with a file: %v", n, what, w)
	}
	_ = st.Close()
	may := books{}
	for seq := range int64(testBatches) {
		for i := range recordsOf(seq + 1) {
			may[record{seq + 1, i}] = "accepted"
		}
	}
	if err := recovers(fsys.Killed(fsys.Len()), true, settled, may); err != nil {
		t.Fatalf("after operation %d (%s) failed: %v", n, what, err)
	}
}

// TestFailedSyncIsMadeGood: the bytes of a sync that failed may never reach the
// disk by themselves, though the next process reads them; it must not build on
// them.
func TestFailedSyncIsMadeGood(t *testing.T) {
	for _, name := range []string{ReportFile, JournalFile} {
		l := &life{t: t, fs: crashfs.New()}
		l.create()
		l.settle(1, nil, "accepted")
		l.sync()
		l.settle(2, nil, "accepted")
		l.fs.Break(crashfs.Fault{Kind: crashfs.Sync, Name: name, Nth: 1, Err: syscall.EIO})
		if err := l.st.Sync(nil); !errors.Is(err, syscall.EIO) {
			t.Fatalf("sync: %v", err)
		}
		l.reopen()
		l.settle(3, nil, "accepted")
		l.sync()
		for words, fsys := range l.fs.Crashes(l.fs.Len()) {
			if err := recovers(fsys, true, l.now.settled, l.now.settled); err != nil {
				t.Errorf("%s: %s: %v", name, words, err)
			}
		}
	}
}

// TestContradictions: an answer that can't be true is refused before anything
// of it is written.
func TestContradictions(t *testing.T) {
	two, _ := answerOf(2, nil, "accepted")
	wrongSpan := *two
	wrongSpan.Hash++
	tooMany := *two
	tooMany.Counts.Failed++
	empty := Answer{Span: testSpan(2), Index: []int{}}
	for name, bad := range map[string]*Answer{
		"whole batch twice":   first(answerOf(1, nil, "accepted")),
		"part of whole batch": first(answerOf(1, []int{0}, "accepted")),
		"part twice":          first(answerOf(3, []int{1}, "accepted")),
		"whole after part":    first(answerOf(3, nil, "accepted")),
		"above the watermark": first(answerOf(5, []int{0}, "accepted")),
		"falling":             first(answerOf(2, []int{1, 0}, "accepted")),
		"the same again":      first(answerOf(2, []int{1, 1}, "accepted")),
		"beyond the batch":    {Span: testSpan(2), Index: []int{9}, Counts: Counts{Accepted: 1}},
		"nothing":             &empty,
		"too many":            &tooMany,
		"no records":          {Span: Span{Seq: 2}},
		"another span":        {Span: Span{Seq: 3, Records: 2}, Index: []int{0}, Counts: Counts{Accepted: 1}},
	} {
		l := &life{t: t, fs: crashfs.New()}
		l.create()
		l.settle(1, nil, "accepted")
		l.settle(3, []int{1}, "accepted")
		l.settle(5, nil, "accepted")
		before := l.fs.Len()
		if err := l.st.Settle(bad, []byte("2.0,accepted\n")); err == nil || l.fs.Len() != before {
			t.Errorf("%s: error %v, %d operations", name, err, l.fs.Len()-before)
		}
		if err := l.st.Sync(nil); err == nil {
			t.Errorf("%s: the store goes on", name)
		}
		if err := recovers(l.fs, true, l.now.settled, l.now.settled); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestContradictingJournal: answers that can't both be true are damage, though
// their checksums are right.
func TestContradictingJournal(t *testing.T) {
	l := &life{t: t, fs: crashfs.New()}
	l.create()
	l.settle(2, []int{0, 1}, "accepted")
	a, rows := answerOf(2, []int{1, 2}, "accepted")
	a.rowsLen, a.rowsCRC = int64(len(rows)), crc32.Checksum(rows, castagnoli)
	line, err := appendAnswer(appendEntryHead(nil, l.st.entries+1, kindAnswer), a)
	l.must(err)
	files := l.fs.Files()
	fsys := disk(files, "run/"+ReportFile, []byte(files["run/"+ReportFile]+string(rows)))
	fsys.Put("run/"+JournalFile, []byte(files["run/"+JournalFile]+string(sealEntry(line))))
	if d, ok := errors.AsType[*DamagedError](errOf(Open(testOptions(fsys)))); !ok || d.File != "run/"+JournalFile {
		t.Errorf("%v", d)
	}
}

func errOf(_ *Store, err error) error { return err }

func first(a *Answer, _ []byte) *Answer { return a }

// TestRewriteRefused: a rewrite that loses a record or fails by itself leaves
// everything as it was, and the store goes on.
func TestRewriteRefused(t *testing.T) {
	l := &life{t: t, fs: crashfs.New()}
	l.create()
	l.settle(1, nil, "failed")
	l.sync()
	before := l.fs.Files()[CheckpointFile]
	for name, convert := range map[string]func(io.Reader, io.Writer) (Counts, []Tally, error){
		"loses":   func(io.Reader, io.Writer) (Counts, []Tally, error) { return Counts{Accepted: 1}, nil, nil },
		"invents": func(io.Reader, io.Writer) (Counts, []Tally, error) { return Counts{Accepted: 99}, nil, nil },
		"fails":   func(io.Reader, io.Writer) (Counts, []Tally, error) { return Counts{}, nil, io.ErrNoProgress },
	} {
		if err := l.st.Rewrite(convert); err == nil || name == "fails" && !errors.Is(err, io.ErrNoProgress) {
			t.Errorf("%s: %v", name, err)
		}
		if _, there := l.fs.Files()["run/"+asideFile]; there || l.fs.Files()[CheckpointFile] != before {
			t.Errorf("%s: left files %q", name, l.fs.Files())
		}
	}
	l.settle(2, nil, "accepted")
	l.rewrite()
	l.sync()
	if err := recovers(l.fs, true, l.now.settled, l.now.settled); err != nil {
		t.Error(err)
	}
}

// TestSyncIdle: with nothing new nothing is written; stats are something new.
func TestSyncIdle(t *testing.T) {
	l := &life{t: t, fs: crashfs.New()}
	l.create()
	l.must(l.st.Sync(nil))
	before := l.fs.Len()
	l.must(l.st.Sync(nil))
	if l.fs.Len() != before {
		t.Errorf("an idle sync did %v", l.fs.Ops()[before:])
	}
	l.sync()
	if l.fs.Len() == before {
		t.Error("stats were not noted")
	}
}

// TestRandomAnswers settles batches in any order and in any parts, with syncs
// and new processes between.
func TestRandomAnswers(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := &life{t: t, fs: crashfs.New()}
		l.create()
		var parts [][]record
		for seq := int64(1); seq <= testBatches; seq++ {
			var cut [2][]record
			for i := range recordsOf(seq) {
				part := rapid.IntRange(0, 1).Draw(rt, "part")
				cut[part] = append(cut[part], record{seq, i})
			}
			for _, part := range cut {
				if len(part) > 0 {
					parts = append(parts, part)
				}
			}
		}
		for _, part := range rapid.Permutation(parts).Draw(rt, "order") {
			var index []int
			for _, r := range part {
				index = append(index, r.at)
			}
			if len(index) == recordsOf(part[0].seq) && rapid.Bool().Draw(rt, "whole") {
				index = nil
			}
			l.settle(part[0].seq, index, rapid.SampledFrom([]string{"accepted", "failed", "rejected"}).Draw(rt, "status"))
			switch rapid.IntRange(0, 5).Draw(rt, "then") {
			case 0:
				l.sync()
			case 1:
				l.reopen()
			case 2:
				l.rewrite()
			}
			if err := agrees(l.st, l.fs, l.now.settled, l.now.settled); err != nil {
				rt.Fatal(err)
			}
		}
		v := l.st.View()
		if v.Watermark != testBatches || v.Highest != testBatches || len(l.st.s.open) != 0 || v.Cuts[6] != recordsOf(6) {
			rt.Fatalf("at the end %+v", v)
		}
		if err := recovers(l.fs, true, l.now.settled, l.now.settled); err != nil {
			rt.Fatal(err)
		}
	})
}

// TestSettleAllocates: what an answer costs does not depend on how many records
// it decides.
func TestSettleAllocates(t *testing.T) {
	st, err := Create(Options{FS: quiet{}, Dir: "run", ReportHead: []byte(testHead)}, testHeader)
	if err != nil {
		t.Fatal(err)
	}
	rows := make([]byte, 12000)
	index := make([]int, 100)
	for i := range index {
		index[i] = 2 * i
	}
	seq := int64(0)
	for name, index := range map[string][]int{"whole": nil, "part": index} {
		a := &Answer{Index: index, Counts: Counts{Accepted: 200}}
		if index != nil {
			a.Counts.Accepted = 100
		}
		got := testing.AllocsPerRun(2000, func() {
			seq++
			a.Span = Span{Seq: seq, Records: 200}
			if err := st.Settle(a, rows); err != nil {
				t.Fatal(err)
			}
		})
		if got > 3 {
			t.Errorf("%s: %v allocations for 200 records, want at most 3 (a batch's span and bitmap)", name, got)
		}
	}
}

package checkpoint

import (
	"errors"
	"io"
	"maps"
	"strings"
	"syscall"
	"testing"

	"github.com/bulkdemerge/bulkdemerge/internal/vfs/crashfs"
)

// script is the life whose every moment is crashed: answers out of order,
// whole and partial, syncs, two processes, an end, growth and two retries.
func script(t *testing.T) *life {
	l := &life{t: t, fs: crashfs.New()}
	l.create()
	l.settle(1, nil, "accepted")
	l.settle(3, []int{1}, "failed")
	l.sync()
	l.settle(2, nil, "failed")
	l.settle(3, []int{0}, "accepted")
	l.sync()
	l.settle(5, []int{0, 2}, "rejected")
	l.reopen()
	l.settle(4, nil, "duplicate")
	l.sync()
	l.settle(5, []int{1, 3}, "invalid")
	l.settle(6, nil, "skipped")
	l.finish()
	l.sync()
	l.rewrite()
	l.settle(7, nil, "failed")
	l.reopen()
	l.rewrite()
	l.settle(8, []int{0, 1}, "failed")
	l.sync()
	l.rewrite()
	l.settle(8, []int{2, 3}, "accepted")
	l.must(l.st.Close())
	return l
}

// TestEveryCrash crashes the script behind each of its operations in each way
// and takes it up again.
func TestEveryCrash(t *testing.T) {
	l := script(t)
	states := 0
	for prefix := range l.fs.Len() + 1 {
		before, after := l.around(prefix)
		for words, fsys := range l.fs.Crashes(prefix) {
			states++
			if tears := strings.Contains(words, "torn") || strings.Contains(words, "without"); tears && states%tearEvery != 0 {
				continue
			}
			must := before.synced
			if words == "killed" {
				must = before.settled
			}
			if err := recovers(fsys, before.begun, must, after.settled); err != nil {
				t.Fatalf("behind operation %d (%s), %s: %v", prefix, opAt(l.fs, prefix), words, err)
			}
		}
	}
	t.Logf("%d states behind %d operations", states, l.fs.Len())
}

func opAt(fsys *crashfs.FS, prefix int) string {
	if prefix == 0 {
		return "none"
	}
	return fsys.Ops()[prefix-1].String()
}

// TestCrashWhileRecovering kills the script behind each of its operations, and
// then crashes the next start at each of its moments until it has synced.
func TestCrashWhileRecovering(t *testing.T) {
	l := script(t)
	states := 0
	for prefix := range l.fs.Len() + 1 {
		before, after := l.around(prefix)
		if !before.begun || prefix%recoverEvery != 0 {
			continue
		}
		second := l.fs.Killed(prefix)
		st, err := Open(testOptions(second))
		if err != nil {
			t.Fatalf("behind operation %d: %v", prefix, err)
		}
		l.must(st.Began(testStart))
		l.must(st.Sync(nil))
		synced := second.Len()
		l.must(st.Close())
		for again := range synced + 1 {
			for words, fsys := range second.Coarse(again) {
				states++
				must := before.synced
				if words == "killed" || again == synced {
					must = before.settled
				}
				if err := recovers(fsys, true, must, after.settled); err != nil {
					t.Fatalf("killed behind operation %d (%s), then behind %d (%s), %s: %v", prefix,
						opAt(l.fs, prefix), again, opAt(second, again), strings.TrimSpace(words), err)
				}
			}
		}
	}
	t.Logf("%d states", states)
}

// TestCrashAfterShorterRewrite: what was synced of a report that was replaced
// since says nothing of the new one, which is shorter.
func TestCrashAfterShorterRewrite(t *testing.T) {
	l := &life{t: t, fs: crashfs.New()}
	l.create()
	l.settle(1, nil, "duplicate")
	l.settle(2, nil, "duplicate")
	l.sync()
	l.fs.Break(crashfs.Fault{Kind: crashfs.Create, Name: CheckpointFile + ".new", Nth: 1, Err: syscall.ENOSPC})
	err := l.st.Rewrite(func(old io.Reader, w io.Writer) (Counts, []Tally, error) {
		b, err := io.ReadAll(old)
		l.must(err)
		_, err = io.WriteString(w, strings.ReplaceAll(string(b), "duplicate", "failed"))
		return Counts{Failed: l.st.s.records}, nil, err
	})
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	for r := range l.now.settled {
		l.now.settled[r] = "failed"
	}
	must := maps.Clone(l.now.settled)
	l.reopen()
	l.settle(3, []int{0}, "failed")
	for words, fsys := range l.fs.Crashes(l.fs.Len()) {
		if err := recovers(fsys, true, must, l.now.settled); err != nil {
			t.Errorf("%s: %v", words, err)
		}
	}
}

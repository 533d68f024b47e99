package pipeline_test

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulkdemerge/bulkdemerge/internal/sandbox"
	"github.com/bulkdemerge/bulkdemerge/internal/vfs/crashfs"
	"github.com/bulkdemerge/bulkdemerge/pkg/batcher"
	"github.com/bulkdemerge/bulkdemerge/pkg/checkpoint"
	"github.com/bulkdemerge/bulkdemerge/pkg/pipeline"
	"github.com/bulkdemerge/bulkdemerge/pkg/report"
	"github.com/bulkdemerge/bulkdemerge/pkg/sender"
)

// small is a run of few records that meets everything: splits, partial
// answers, errors, duplicates, records that are never sent, periodic syncs.
type small struct {
	setting
	list []record
	api  sandbox.Options
}

func smallRun(n int, seed uint64) *small {
	s := &small{api: sandbox.Options{
		Latency: 300 * time.Millisecond, Jitter: 200 * time.Millisecond, Seed: seed, PoisonPartial: seed%2 == 1,
		Faults: sandbox.Faults{TooMany: .05, Internal: .1, Partial: .3},
	}}
	for i := range n {
		r := record{fmt.Sprintf("id-%d", i), int64(i) + 1, []string{"accepted"}}
		switch {
		case i%9 == 4:
			r.id, r.want = fmt.Sprintf("poison-%d", i), []string{"rejected"}
		case i%11 == 5:
			r.id, r.want = "", []string{"invalid"}
		case i%13 == 6:
			r.id, r.want = "id-0", []string{"duplicate"}
		}
		s.list = append(s.list, r)
	}
	s.inputs, s.format, s.stdin = []string{"-"}, "text", textOf(s.list)
	s.batcher = batcher.Options{BatchSize: 3, Dedupe: true}
	s.sender = sender.Options{Concurrency: 3, KeepGoing: true, Timeout: 5 * time.Second}
	return s
}

// inFlight is what the requests in flight carry at most.
func (s *small) inFlight() int { return s.sender.Concurrency * s.batcher.BatchSize }

// history is what came to the API from a process until it died.
type history struct {
	times  map[string]int // how often each identity was applied
	unsafe int            // identities in answers that no sync was behind yet
	late   time.Duration  // how long the oldest of these had waited for it
}

// until is the history up to a length of the file system's log.
func (a *api) until(fs *crashfs.FS, length int) history {
	return a.since(fs, length, lastSync(fs.Ops()[:length]))
}

func (a *api) since(fs *crashfs.FS, length, synced int) history {
	h := history{times: map[string]int{}}
	var now time.Time // of the last call before the crash
	for _, c := range a.calls {
		if c.from <= length && c.at.After(now) {
			now = c.at
		}
	}
	for _, c := range a.calls {
		if c.from > length {
			continue
		}
		for _, id := range c.applied {
			h.times[id]++
		}
		if c.to > synced {
			h.unsafe += len(c.applied)
			if len(c.applied) > 0 {
				h.late = max(h.late, now.Sub(c.end))
			}
		}
	}
	return h
}

// lastSync is the length of the log at the last sync of the report that a sync
// of the journal followed: what was written before it is durable.
func lastSync(ops []crashfs.Op) int {
	report, synced := 0, 0
	for i, o := range ops {
		switch {
		case o.Kind != crashfs.Sync:
		case filepath.Base(o.Name) == "report.csv":
			report = i
		case filepath.Base(o.Name) == "journal":
			synced = report
		}
	}
	return synced
}

// finish starts the run on what a crash left, against an API without faults,
// and audits everything that any process sent.
func (s *small) finish(ctx context.Context, fs *crashfs.FS, h history) (extra int, err error) {
	a := newAPI(sandbox.Options{})
	code, err := run(ctx, s.options(fs, a))
	if code != pipeline.ExitSome || err != nil {
		return 0, fmt.Errorf("the rerun: exit %d, %w", code, err)
	}
	return audit(fs, s.list, func(id string) int { return h.times[id] + a.server.Count(id) })
}

// thorough says behind one in so many of the operations more than the plainest
// power cuts are tried, and sparse which share of the others. The store's own
// tests try them all.
const (
	thorough = 6
	sparse   = 40
)

// Issue 6: for each prefix of the operations of a whole run, after a kill and
// in many of the states that a power cut may leave, the rerun finishes and the
// books balance.
func TestCrashAnywhere(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { crashAnywhere(t, smallRun(20, seed)) })
		})
	}
}

func crashAnywhere(t *testing.T, s *small) {
	fs, a := crashfs.New(), newAPI(s.api)
	if code, err := run(t.Context(), s.options(fs, a)); code != pipeline.ExitSome || err != nil {
		t.Fatalf("the run that nothing happens to: exit %d, %v", code, err)
	}
	states, most, mostCut := 0, 0, 0
	rng := rand.New(rand.NewPCG(s.api.Seed, 1))
	for length := range fs.Len() + 1 {
		h := a.until(fs, length)
		if h.late > pipeline.DefaultSyncInterval {
			t.Fatalf("after %d operations: an answer had waited %v for a sync", length, h.late)
		}
		for words, left := range some(rng, fs, length) {
			extra, err := s.finish(t.Context(), left, h)
			if err != nil {
				t.Fatalf("after %d of %d operations (%s), %s: %v", length, fs.Len(), last(fs, length), words, err)
			}
			allowed := s.inFlight()
			if words != "killed" {
				allowed += h.unsafe
				mostCut = max(mostCut, extra)
			} else {
				most = max(most, extra)
			}
			if length == fs.Len() {
				allowed = 0 // every stop ends with a sync
			}
			if extra > allowed {
				t.Fatalf("after %d of %d operations (%s), %s: %d arrived once more, %d are allowed", length, fs.Len(), last(fs, length), words, extra, allowed)
			}
			states++
		}
	}
	t.Logf("%d operations, %d requests, %d states; repeated at most %d after a kill, %d after a power cut", fs.Len(), len(a.calls), states, most, mostCut)
	if most == 0 || mostCut == 0 {
		t.Error("no crash repeated anybody: the test can't see it")
	}
}

// some are the state after a kill, and some of those after a power cut: first
// the ones where all files share a fate.
func some(rng *rand.Rand, fs *crashfs.FS, length int) iter.Seq2[string, *crashfs.FS] {
	return func(yield func(string, *crashfs.FS) bool) {
		n, deep := 0, rng.IntN(thorough) == 0
		for words, left := range fs.Crashes(length) {
			if n++; n > 3 && !deep || (n <= 3 || rng.IntN(sparse) == 0) && !yield(words, left) {
				return
			}
		}
	}
}

func last(fs *crashfs.FS, length int) string {
	if length == 0 {
		return "none"
	}
	return fs.Ops()[length-1].String()
}

// Law 2 and issue 6: nothing is sent before the whole of what is settled is
// proved, also where an earlier part of it is still to be sent.
func TestChangedBehindAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := smallRun(24, 1)
		fs, a := crashfs.New(), newAPI(s.api)
		if code, err := run(t.Context(), s.options(fs, a)); code != pipeline.ExitSome || err != nil {
			t.Fatal(code, err)
		}
		gaps := 0
		for length := range fs.Len() {
			left := fs.Killed(length)
			rows, err := settledRows(left)
			if err != nil {
				continue // not begun yet
			}
			highest := slices.Max(append(slices.Collect(maps.Keys(rows)), 0))
			if highest == 0 || int64(len(rows)) == highest {
				continue
			}
			gaps++
			changed := *s
			changed.stdin = slices.Clone(s.stdin)
			lines := bytes.SplitAfter(changed.stdin, []byte("\n"))
			lines[highest-1][len(lines[highest-1])-2] ^= 1 // in place
			b := newAPI(sandbox.Options{})
			code, err := run(t.Context(), changed.options(left, b))
			if code != pipeline.ExitUsage || len(b.calls) > 0 {
				t.Fatalf("after %d operations, line %d of the settled ones changed: exit %d after %d requests, %v", length, highest, code, len(b.calls), err)
			}
		}
		if gaps < 5 {
			t.Errorf("%d states had a gap: too few for this test", gaps)
		}
	})
}

// settledRows are the rows that the journal vouches for: opening the store
// cuts what is torn.
func settledRows(fs *crashfs.FS) (map[int64]row, error) {
	st, err := checkpoint.Open(checkpoint.Options{FS: fs, Dir: runDir, ReportHead: report.Header()})
	if err != nil {
		return nil, err
	}
	if err := st.Close(); err != nil {
		return nil, err
	}
	return rowsOf(fs)
}

// Crashes of crashes: what a rerun leaves when it is cut short too, three
// times, at random.
func TestCrashAgain(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 3))
	for range 40 {
		synctest.Test(t, func(t *testing.T) {
			s := smallRun(24, rng.Uint64())
			fs, times, allowed := crashfs.New(), map[string]int{}, 0
			var told []string
			for range 3 {
				a := newAPI(s.api)
				if code, err := run(t.Context(), s.options(fs, a)); code != pipeline.ExitSome || err != nil {
					t.Fatalf("%q: exit %d, %v", told, code, err)
				}
				length := rng.IntN(fs.Len() + 1)
				h := a.until(fs, length)
				for id, n := range h.times {
					times[id] += n
				}
				allowed += s.inFlight() + h.unsafe
				words, left := pick(rng, fs, length)
				fs, told = left, append(told, fmt.Sprintf("%d (%s): %s", length, last(fs, length), words))
			}
			extra, err := s.finish(t.Context(), fs, history{times: times})
			if err != nil || extra > allowed {
				t.Fatalf("%q: %d arrived once more, %d are allowed; %v", told, extra, allowed, err)
			}
		})
	}
}

// pick is one of the states that a crash may leave.
func pick(rng *rand.Rand, fs *crashfs.FS, length int) (string, *crashfs.FS) {
	skip := rng.IntN(60)
	var words string
	var left *crashfs.FS
	for w, f := range fs.Crashes(length) {
		words, left = w, f
		if skip--; skip < 0 {
			break
		}
	}
	return words, left
}

// Issue 6: an error at any operation stops the run at once. Before anything is
// sent that is exit 2 and leaves nothing behind; later exit 3, and the rerun
// finishes, also if the power fails then.
func TestWriteFailures(t *testing.T) {
	errs := []error{syscall.ENOSPC, syscall.EIO, syscall.EFBIG, syscall.EACCES}
	synctest.Test(t, func(t *testing.T) {
		s := smallRun(24, 1)
		whole := crashfs.New()
		if code, err := run(t.Context(), s.options(whole, newAPI(s.api))); code != pipeline.ExitSome || err != nil {
			t.Fatal(code, err)
		}
		early, late := 0, 0
		for nth := 1; nth <= whole.Len(); nth++ {
			fs := crashfs.New()
			fs.Break(crashfs.Fault{Nth: nth, Err: errs[nth%4], Short: nth % 3 * 7})
			code := s.fail(t, fs, nth, errs[nth%4])
			if code == pipeline.ExitUsage {
				early++
			} else {
				late++
			}
		}
		t.Logf("%d failures at the start, %d later", early, late)
		if early < 5 || late < 25 {
			t.Error("too few failures for this test")
		}
	})
}

// created is how many operations there are until a run is begun: up to the
// first sync of its folder nothing of it may stay behind.
const created = 8

// fail runs into the failure of the nth operation and checks what follows.
func (s *small) fail(t *testing.T, fs *crashfs.FS, nth int, cause error) int {
	t.Helper()
	a := newAPI(s.api)
	code, err := run(t.Context(), s.options(fs, a))
	after := fs.Ops()[min(nth, fs.Len()):]
	switch {
	case code == pipeline.ExitUsage:
		files := slices.Sorted(maps.Keys(fs.Files()))
		if len(a.calls) > 0 || nth <= created && len(files) > 0 {
			t.Fatalf("operation %d: exit 2 after %d requests, left %q", nth, len(a.calls), files)
		}
		if extra, err := s.finish(t.Context(), fs.Killed(fs.Len()), history{}); err != nil || extra > 0 {
			t.Fatalf("operation %d: after exit 2: %d arrived once more, %v", nth, extra, err)
		}
		return code
	case code == pipeline.ExitSome && forgivable(fs, nth):
	case code != pipeline.ExitStopped || err == nil || !strings.Contains(err.Error(), cause.Error()) || !strings.Contains(err.Error(), runDir):
		t.Fatalf("operation %d (%v): exit %d, %v; the last was %s", nth, cause, code, err, last(fs, fs.Len()))
	}
	for _, o := range after {
		if name := filepath.Base(o.Name); code == pipeline.ExitStopped && (name == "journal" || name == "report.csv") {
			t.Fatalf("operation %d failed, and %s came after it", nth, o)
		}
	}
	h := a.since(fs, fs.Len(), lastSync(fs.Ops()[:min(nth-1, fs.Len())])) // the failed one may be a sync
	n := 0
	for words, left := range fs.Crashes(fs.Len()) {
		if n++; n > 6 {
			break
		}
		extra, err := s.finish(t.Context(), left, h)
		allowed := s.inFlight()
		if words != "killed" {
			allowed += h.unsafe
		}
		if err != nil || extra > allowed {
			t.Fatalf("operation %d (%v), %s: %d arrived once more, %d are allowed; %v", nth, cause, words, extra, allowed, err)
		}
	}
	return code
}

// forgivable are the failures that a finished run survives: its summary could
// not be written, everything else was.
func forgivable(fs *crashfs.FS, nth int) bool {
	for _, o := range fs.Ops()[:min(nth, fs.Len())] {
		if strings.HasPrefix(filepath.Base(o.Name), "summary.json") {
			return true
		}
	}
	return nth >= fs.Len()
}

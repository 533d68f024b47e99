package pipeline_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/bulkdemerge/bulkdemerge/internal/sandbox"
	"github.com/bulkdemerge/bulkdemerge/internal/vfs/crashfs"
	"github.com/bulkdemerge/bulkdemerge/pkg/pipeline"
)

// failed is a finished run with failed rows, and what its API has seen.
func failed(t *testing.T) (*small, *crashfs.FS, map[string]int) {
	t.Helper()
	s := smallRun(24, 2)
	s.api.Faults = sandbox.Faults{Partial: .2}
	a, fs := newAPI(s.api), crashfs.New()
	a.conflict = func(id string) bool { return strings.HasSuffix(id, "2") || strings.HasSuffix(id, "8") }
	if code, err := run(t.Context(), s.options(fs, a)); code != pipeline.ExitSome || err != nil {
		t.Fatalf("exit %d, %v", code, err)
	}
	rows, err := rowsOf(fs)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, r := range rows {
		if r.status == "failed" {
			n++
		}
	}
	if n < 8 || len(rows) != 24 {
		t.Fatalf("%d failed of %d: too few for this test", n, len(rows))
	}
	return s, fs.Killed(fs.Len()), a.until(fs, fs.Len()).times
}

// retry sends the failed rows again; fine with nothing to send.
func retry(ctx context.Context, o pipeline.Options) (int, error) {
	o.Inputs = nil
	r, err := pipeline.OpenRetry(ctx, o, false)
	if err != nil {
		return codeOf(err), err
	}
	if r.Nothing() {
		return pipeline.ExitSome, r.Close()
	}
	sum, err := r.Run(ctx)
	closeErr := r.Close()
	switch {
	case err != nil:
		return codeOf(err), err
	case sum.Stop != nil:
		return sum.ExitCode, fmt.Errorf("stopped: %s", sum.Stop.Message)
	}
	return sum.ExitCode, closeErr
}

// Issue 7: a retry is killable and resumable as a run is, one row a record,
// whatever is left of it at any operation.
func TestRetryCrashAnywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, base, before := failed(t)
		s.batcher.BatchSize = 2
		fs, a := base, newAPI(s.api)
		if code, err := retry(t.Context(), s.options(fs, a)); code != pipeline.ExitSome || err != nil {
			t.Fatalf("the retry that nothing happens to: exit %d, %v", code, err)
		}
		rng := rand.New(rand.NewPCG(1, 1))
		states, most := 0, 0
		for length := range fs.Len() + 1 {
			h := a.until(fs, length)
			for id, n := range before {
				h.times[id] += n
			}
			for words, left := range some(rng, fs, length) {
				extra, err := s.finishRetry(t.Context(), left, h)
				allowed := s.inFlight()
				if words != "killed" {
					allowed += h.unsafe
				}
				if err != nil || extra > allowed {
					t.Fatalf("after %d of %d operations (%s), %s: %d arrived once more, %d are allowed; %v",
						length, fs.Len(), last(fs, length), words, extra, allowed, err)
				}
				states, most = states+1, max(most, extra)
			}
		}
		t.Logf("%d operations, %d requests, %d states, repeated at most %d", fs.Len(), len(a.calls), states, most)
	})
}

// finishRetry retries on what a crash left until nothing is failed any more.
func (s *small) finishRetry(ctx context.Context, fs *crashfs.FS, h history) (int, error) {
	a := newAPI(sandbox.Options{})
	if code, err := retry(ctx, s.options(fs, a)); code != pipeline.ExitSome || err != nil {
		return 0, fmt.Errorf("the retry again: exit %d, %w", code, err)
	}
	for name := range fs.Files() {
		if strings.HasPrefix(name, runDir+"/retry/selection.csv") && !strings.HasSuffix(name, ".new") {
			return 0, fmt.Errorf("%s was left behind", name)
		}
	}
	return audit(fs, s.list, func(id string) int { return h.times[id] + a.server.Count(id) })
}

// Retries that are cut short again and again, at random.
func TestRetryCrashAgain(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 3))
	for range 15 {
		synctest.Test(t, func(t *testing.T) {
			s, fs, times := failed(t)
			s.batcher.BatchSize = 2
			allowed := 0
			var told []string
			for range 3 {
				a := newAPI(s.api)
				if code, err := retry(t.Context(), s.options(fs, a)); code != pipeline.ExitSome || err != nil {
					t.Fatalf("%q: exit %d, %v", told, code, err)
				}
				length := rng.IntN(fs.Len() + 1)
				h := a.until(fs, length)
				for id, n := range h.times {
					times[id] += n
				}
				allowed += s.inFlight() + h.unsafe
				words, left := pick(rng, fs, length)
				told = append(told, fmt.Sprintf("%d of %d (%s): %s", length, fs.Len(), last(fs, length), words))
				fs = left
			}
			extra, err := s.finishRetry(t.Context(), fs, history{times: times})
			if err != nil || extra > allowed {
				t.Fatalf("%q: %d arrived once more, %d are allowed; %v", told, extra, allowed, err)
			}
		})
	}
}

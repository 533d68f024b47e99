package pipeline_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/bulkdemerge/bulkdemerge/internal/sandbox"
	"github.com/bulkdemerge/bulkdemerge/internal/vfs/crashfs"
	"github.com/bulkdemerge/bulkdemerge/pkg/checkpoint"
	"github.com/bulkdemerge/bulkdemerge/pkg/pipeline"
	"github.com/bulkdemerge/bulkdemerge/pkg/report"
)

// settledOf is how many records the run directory says are settled.
func settledOf(t *testing.T, fs *crashfs.FS) checkpoint.View {
	t.Helper()
	v, err := checkpoint.Look(fs, runDir, report.Header(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// A signal while the input's header has not come yet is a stop, not a mistake
// of the user's.
func TestStoppedBeforeTheHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		defer w.Close()
		ctx, stop := context.WithCancelCause(t.Context())
		sc := setting{inputs: []string{"-"}}
		o := sc.options(crashfs.New(), newAPI(sandbox.Options{}))
		o.Reader.Stdin = r
		go func() {
			synctest.Wait() // it waits for the pipe
			stop(pipeline.NewStop(pipeline.StopSignal, "stopped", ""))
		}()
		if code, err := run(ctx, o); code != pipeline.ExitStopped {
			t.Errorf("exit %d: %v", code, err)
		}
	})
}

// A stop is not the end of the input: refusals that are held back stay
// unsettled, so that the next start sends them again.
func TestStopSettlesNoHeldRefusal(t *testing.T) {
	for range 40 {
		synctest.Test(t, func(t *testing.T) {
			r, w := io.Pipe()
			defer w.Close()
			ctx, stop := context.WithCancelCause(t.Context())
			a, fs := newAPI(sandbox.Options{}), crashfs.New()
			sc := setting{inputs: []string{"-"}, format: "text"}
			sc.batcher.BatchSize = 1
			o := sc.options(fs, a)
			o.Reader.Stdin = r
			go func() {
				if _, err := io.WriteString(w, "poison-1\npoison-2\npoison-3\n"); err != nil {
					t.Error(err)
				}
				synctest.Wait() // all three are refused
				stop(pipeline.NewStop(pipeline.StopSignal, "stopped", ""))
			}()
			if code, err := run(ctx, o); code != pipeline.ExitStopped {
				t.Fatalf("exit %d: %v", code, err)
			}
			if n := settledOf(t, fs).Records; n != 0 || len(a.calls) != 3 {
				t.Fatalf("%d requests, %d records settled", len(a.calls), n)
			}
		})
		if t.Failed() {
			return
		}
	}
}

// The run that a retry belongs to has had its first accepted identity: what is
// refused again is settled, and each start goes on behind it.
func TestRetryOfRejectedGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, fs := newAPI(sandbox.Options{}), crashfs.New()
		var ids bytes.Buffer
		for i := range 15 {
			fmt.Fprintf(&ids, "good-%d\npoison-%d\n", i, i)
		}
		sc := setting{inputs: []string{"-"}, format: "text", stdin: ids.Bytes()}
		sc.batcher.BatchSize = 1
		sc.sender.KeepGoing = true
		if code, err := run(t.Context(), sc.options(fs, a)); code != pipeline.ExitSome {
			t.Fatalf("exit %d: %v", code, err)
		}
		before := len(a.calls)
		sc.sender.KeepGoing, sc.sender.Concurrency = false, 1
		for start, want := range []int{pipeline.ExitStopped, pipeline.ExitSome} {
			r, err := pipeline.OpenRetry(t.Context(), sc.options(fs, a), true)
			if err != nil {
				t.Fatal(err)
			}
			sum, err := r.Run(t.Context())
			if err != nil || sum.ExitCode != want {
				t.Errorf("start %d: exit %d, want %d: %v", start, sum.ExitCode, want, err)
			}
			if err := r.Close(); err != nil {
				t.Log(err)
			}
		}
		if n := len(a.calls) - before; n != 15 {
			t.Errorf("%d requests for 15 rejected identities", n)
		}
		if v := settledOf(t, fs); v.Counts.Accepted != 15 || v.Counts.Rejected != 15 {
			t.Errorf("counts %+v", v.Counts)
		}
	})
}

// Standard input that is a file can be read once only, like any other: the
// estimate before the question takes nothing of it.
func TestEstimateLeavesStdinAlone(t *testing.T) {
	const n = 50_000
	var ids bytes.Buffer
	for i := range n {
		fmt.Fprintf(&ids, "client-%07d\n", i)
	}
	name := filepath.Join(t.TempDir(), "ids.txt")
	if err := os.WriteFile(name, ids.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fs := crashfs.New()
	sc := setting{inputs: []string{"-"}, format: "text"}
	o := sc.options(fs, newAPI(sandbox.Options{}))
	o.Reader.Stdin = f
	s, err := pipeline.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.Estimate(t.Context())
	sum, err := s.Run(t.Context())
	if err != nil || sum.Counts.Accepted != n {
		t.Errorf("accepted %d of %d: %v", sum.Counts.Accepted, n, err)
	}
}

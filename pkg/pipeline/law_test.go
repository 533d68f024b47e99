package pipeline_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulkdemerge/bulkdemerge/internal/sandbox"
	"github.com/bulkdemerge/bulkdemerge/internal/vfs/crashfs"
	"github.com/bulkdemerge/bulkdemerge/pkg/pipeline"
	"github.com/bulkdemerge/bulkdemerge/pkg/sender"
	"pgregory.net/rapid"
)

// end is how a start of a scene ends before its time.
type end struct {
	kill    bool // or a clean stop
	request int  // at this request of the start, from 1
	later   time.Duration
}

// scene is a random input, a random API, and random ends.
type scene struct {
	setting
	list []record
	api  sandbox.Options
	ends []end
}

func drawScene(t *rapid.T, dir string) scene {
	share := func(name string, most float64) float64 { return rapid.Float64Range(0, most).Draw(t, name) }
	oneIn := func(name string) int { return rapid.SampledFrom([]int{0, 7, 40}).Draw(t, name) }
	var sc scene
	sc.batcher.BatchSize = rapid.IntRange(1, 100).Draw(t, "batchSize")
	sc.batcher.Dedupe = rapid.Bool().Draw(t, "dedupe")
	if rapid.Bool().Draw(t, "skip") {
		sc.batcher.Skip = []string{"skip"}
	}
	sc.sender = sender.Options{
		Concurrency: rapid.IntRange(1, 5).Draw(t, "concurrency"), Timeout: 2 * time.Second, KeepGoing: true,
	}
	if rapid.Bool().Draw(t, "limited") {
		sc.sender.Rate = float64(rapid.IntRange(3, 200).Draw(t, "rate"))
	}
	n := rapid.IntRange(0, 12*sc.batcher.BatchSize).Draw(t, "n")
	sc.list = drawRecords(t, n, oneIn("duplicates"), oneIn("blanks"), oneIn("poison"), oneIn("skips"), &sc)
	sc.api = sandbox.Options{
		Latency: 30 * time.Millisecond, Jitter: 20 * time.Millisecond, Seed: rapid.Uint64().Draw(t, "seed"), Slots: 5,
		Others: rapid.IntRange(0, 4).Draw(t, "others"), PoisonPartial: rapid.Bool().Draw(t, "poisonPartial"),
		Faults: sandbox.Faults{TooMany: share("429", .1), Internal: share("500", .1), Unavailable: share("503", .05), Reset: share("reset", .05),
			Drop: share("drop", .05), Hang: share("hang", .02), Garbage: share("garbage", .05), Partial: share("partial", .1)},
	}
	for range rapid.IntRange(0, 5).Draw(t, "ends") {
		sc.ends = append(sc.ends, end{rapid.Bool().Draw(t, "kill"), rapid.IntRange(1, 8).Draw(t, "request"), time.Duration(rapid.IntRange(0, 60).Draw(t, "later")) * time.Millisecond})
	}
	sc.format, sc.inputs = "text", []string{"-"}
	content := textOf(sc.list)
	if rapid.Bool().Draw(t, "file") {
		name := filepath.Join(dir, "ids.txt")
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
		sc.inputs = []string{name}
	} else {
		sc.stdin = content
	}
	return sc
}

func drawRecords(t *rapid.T, n, dups, blanks, poison, skips int, sc *scene) []record {
	seed := rapid.IntRange(0, 1000).Draw(t, "records")
	is := func(i, in, salt int) bool { return in > 0 && (i*7919+seed+salt*31)%in == 0 }
	list := make([]record, n)
	for i := range list {
		r := record{fmt.Sprintf("id-%d", i), int64(i) + 1, []string{"accepted", "failed"}}
		switch {
		case is(i, blanks, 1):
			r.id, r.want = "", []string{"invalid"}
		case is(i, skips, 2):
			r.id = "skip"
			r.want = []string{"accepted", "failed", "duplicate"}
			if len(sc.batcher.Skip) > 0 {
				r.want = []string{"skipped"}
			}
		case is(i, poison, 3):
			r.id, r.want = fmt.Sprintf("poison-%d", i), []string{"rejected", "failed"}
		case i > 0 && is(i, dups, 4):
			r.id = "twin"
			r.want = []string{"accepted", "failed", "duplicate"}
		}
		list[i] = r
	}
	return list
}

// Laws 1 to 3 over random inputs, APIs, kills and stops: issue 3.
func TestLaws(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		sc := drawScene(rt, dir)
		var breach error
		synctest.Test(t, func(t *testing.T) { breach = sc.play(t.Context()) })
		if breach != nil {
			rt.Fatal(breach)
		}
	})
}

// play starts the run until it is finished, and audits it.
func (sc *scene) play(ctx context.Context) error {
	a, fs := newAPI(sc.api), crashfs.New()
	kills := 0
	for starts := 0; ; starts++ {
		if starts > len(sc.ends)+20 {
			return fmt.Errorf("no end after %d starts", starts)
		}
		from := len(a.calls)
		code, killed, err := sc.once(ctx, a, fs)
		if rate := sc.sender.Rate; rate > 0 && float64(mostASecond(a.calls[from:])) > rate {
			return fmt.Errorf("%d requests in a second, at %g", mostASecond(a.calls[from:]), rate)
		}
		if killed != nil {
			fs = killed
			kills++
			continue
		}
		switch code {
		case pipeline.ExitStopped:
			continue
		case pipeline.ExitDone, pipeline.ExitSome:
		default:
			return fmt.Errorf("exit %d: %w", code, err)
		}
		break
	}
	if a.most > sc.sender.Concurrency {
		return fmt.Errorf("%d requests in flight, %d are allowed", a.most, sc.sender.Concurrency)
	}
	extra, err := audit(fs, sc.list, a.server.Count)
	if err != nil {
		return err
	}
	b := a.server.Books()
	allowed := (kills*sc.sender.Concurrency + int(b.Answers["drop"])) * sc.batcher.BatchSize
	if !sc.batcher.Dedupe { // an answer that leaves out one of two twins does not say which
		allowed += int(b.Answers["partial"]) * sc.batcher.BatchSize
	}
	if extra > allowed {
		return fmt.Errorf("%d arrived once more after %d kills, %d are allowed", extra, kills, allowed)
	}
	return sc.nothingMore(ctx, a, fs)
}

// nothingMore starts the finished run again.
func (sc *scene) nothingMore(ctx context.Context, a *api, fs *crashfs.FS) error {
	calls := len(a.calls)
	sc.ends = nil
	if code, _, err := sc.once(ctx, a, fs); code > pipeline.ExitSome {
		return fmt.Errorf("the finished run again: exit %d: %w", code, err)
	}
	if len(a.calls) != calls {
		return fmt.Errorf("the finished run sent %d more requests", len(a.calls)-calls)
	}
	return nil
}

// once is one start. If it was killed, the file system is what that left.
func (sc *scene) once(ctx context.Context, a *api, fs *crashfs.FS) (code int, killed *crashfs.FS, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	o := sc.options(fs, a)
	fired, done := false, make(chan struct{})
	if len(sc.ends) > 0 {
		e, from := sc.ends[0], len(a.calls)
		a.came = func(n int) {
			if n != from+e.request {
				return
			}
			fired, sc.ends = true, sc.ends[1:]
			time.AfterFunc(e.later, func() {
				if e.kill {
					killed = a.die()
				}
				cancel()
				close(done)
			})
		}
	}
	code, err = run(ctx, o)
	if fired {
		<-done // the run may have ended by itself before
	}
	return code, killed, err
}

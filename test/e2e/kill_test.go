//go:build unix

package e2e

import (
	"bytes"
	"io"
	"math/rand/v2"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/bulkdemerge/bulkdemerge/internal/sandbox"
)

// faultMix is the sending issue's, without hangs: each of those would hold a
// slot for a whole time-out.
var faultMix = sandbox.Faults{TooMany: .05, Internal: .02, Unavailable: .01, Reset: .005, Drop: .005, Garbage: .005}

// carried is how many identities the requests in flight may carry: three
// times a batch of a hundred.
const carried = 300

// killer starts a command again and again and kills it at random moments.
type killer struct {
	w     *world
	args  []string
	stdin func() io.Reader // nil: none
	rng   *rand.Rand
	most  int // requests after which it strikes, at most
	late  time.Duration
}

// strike starts the command and kills it, mostly at a random moment behind a
// random number of requests, now and then before the first one. It reports
// whether it was in time.
func (k *killer) strike() bool {
	p := k.begin()
	if k.rng.IntN(6) == 0 {
		time.Sleep(time.Duration(k.rng.Int64N(int64(30 * time.Millisecond))))
	} else {
		from, n := k.w.api.Books().Requests, 1+k.rng.Int64N(int64(k.most))
		until(func() bool { return k.w.api.Books().Requests-from >= n || p.ended() })
		time.Sleep(time.Duration(k.rng.Int64N(int64(k.late) + 1)))
	}
	p.signal(syscall.SIGKILL)
	return p.wait().code == -1
}

func (k *killer) begin() *proc {
	var in io.Reader
	if k.stdin != nil {
		in = k.stdin()
	}
	return k.w.start(in, k.args...)
}

// Issue 3: eight SIGKILLs in a run of 90,000.
func TestEightKills(t *testing.T) {
	for _, c := range []struct {
		name   string
		faults sandbox.Faults
		kind   kind
	}{
		{"no faults", sandbox.Faults{}, kind{n: 90_000, dedupe: true}},
		{"faults, splits and partial answers", func() sandbox.Faults { f := faultMix; f.Partial = .03; return f }(),
			kind{n: 90_000, dedupe: true, dup: 50, blank: 200, poison: 3000, quoted: 100}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sandbox.Options{Latency: 25 * time.Millisecond, Jitter: 5 * time.Millisecond, Seed: 1, Faults: c.faults, Poison: poisoned})
			file := w.path("ids.csv")
			in := csvInput(file, c.kind)
			w.write("ids.csv", in.content)
			k := killer{w: w, args: w.send("run", file), rng: rand.New(rand.NewPCG(rand.Uint64(), 8)), most: 100, late: 30 * time.Millisecond}
			finishAfter(t, k, 8, file+".demerge", in.want)
		})
	}
}

// Issue 6: fifty SIGKILLs, in all ways to give a run its input.
func TestFiftyKills(t *testing.T) {
	const latency = 8 * time.Millisecond
	full := faultMix
	full.Partial = .05
	for _, c := range []struct {
		name    string
		world   func(*testing.T, sandbox.Options) *world
		api     sandbox.Options
		kind    kind
		setting string // of the input
		args    []string
	}{
		{name: "plain", world: newWorld, kind: kind{dedupe: true}},
		{name: "an API that goes on without its client", world: worldThatWorksOn, kind: kind{dedupe: true}},
		{name: "faults", world: newWorld, api: sandbox.Options{Faults: faultMix}, kind: kind{dedupe: true, dup: 20, blank: 50}},
		{name: "faults and splits", world: newWorld, api: sandbox.Options{Faults: full, PoisonPartial: false}, kind: kind{dedupe: true, dup: 20, blank: 50, poison: 300}},
		{name: "partial refusals, an API that goes on", world: worldThatWorksOn, api: sandbox.Options{Faults: full, PoisonPartial: true}, kind: kind{dedupe: true, poison: 60}},
		{name: "no dedupe", world: newWorld, kind: kind{dup: 10}, args: []string{"--dedupe=false"}},
		{name: "no dedupe, faults, splits", world: newWorld, api: sandbox.Options{Faults: full}, kind: kind{dup: 10, blank: 50, poison: 300}, args: []string{"--dedupe=false"}},
		{name: "gzip", world: newWorld, setting: "gzip", kind: kind{dedupe: true, dup: 20, quoted: 10}},
		{name: "gzip, no dedupe", world: newWorld, setting: "gzip", kind: kind{dup: 20, quoted: 10}, args: []string{"--dedupe=false"}},
		{name: "several files", world: newWorld, setting: "files", kind: kind{dedupe: true, dup: 20}},
		{name: "several files, no dedupe", world: newWorld, setting: "files", kind: kind{dup: 20}, args: []string{"--dedupe=false"}},
		{name: "stdin", world: newWorld, setting: "stdin", kind: kind{dedupe: true, dup: 20, blank: 50, poison: 300}, api: sandbox.Options{Faults: full}},
		{name: "odd batches", world: newWorld, kind: kind{dedupe: true, dup: 5, blank: 5, poison: 100}, args: []string{"--batch-size", "37", "--concurrency", "2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.api.Latency, c.api.Jitter, c.api.Poison, c.api.Seed = latency, latency/2, poisoned, rand.Uint64()
			w := c.world(t, c.api)
			c.kind.n, c.kind.seed = 22_000, rand.Uint64()
			t.Logf("seeds %d, %d", c.api.Seed, c.kind.seed)
			k, dir, wants := setUp(w, c.setting, c.kind, c.args)
			k.late = 2 * latency
			finishAfter(t, k, 50, dir, wants)
		})
	}
}

func worldThatWorksOn(t *testing.T, o sandbox.Options) *world { return newWorldBehind(t, o, worksOn) }

// setUp writes an input in one of the ways in which a run takes it.
func setUp(w *world, setting string, k kind, args []string) (killer, string, []want) {
	w.t.Helper()
	dir := w.path("out")
	args = append([]string{"--out", dir}, args...)
	kl := killer{w: w, rng: rand.New(rand.NewPCG(k.seed, 50)), most: 6}
	switch setting {
	case "files":
		var wants []want
		var names []string
		for i, prefix := range []string{"a", "b", "c"} {
			part := k
			part.n, part.prefix = k.n/3, prefix
			name := w.path(prefix + ".csv")
			in := csvInput(name, part)
			if i == 1 {
				in.content = gzipped(w.t, in.content)
			}
			w.write(prefix+".csv", in.content)
			wants, names = append(wants, in.want...), append(names, name)
		}
		kl.args = w.send("run", append(args, names...)...)
		return kl, dir, wants
	case "stdin":
		in := csvInput("-", k)
		kl.stdin = func() io.Reader { return bytes.NewReader(in.content) }
		kl.args = w.send("run", append(args, "-")...)
		return kl, dir, in.want
	}
	file := w.path("ids.csv")
	in := csvInput(file, k)
	if setting == "gzip" {
		in.content = gzipped(w.t, in.content)
	}
	w.write("ids.csv", in.content)
	kl.args = w.send("run", append(args, file)...)
	return kl, dir, in.want
}

// finishAfter kills a run so many times, lets it finish, and checks the books.
func finishAfter(t *testing.T, k killer, kills int, dir string, wants []want) {
	t.Helper()
	struck := 0
	for range kills {
		if k.strike() {
			struck++
		}
	}
	if struck < kills*9/10 {
		t.Errorf("only %d of %d kills were in time: the run is too short for this test", struck, kills)
	}
	code := finalCode(wants)
	k.w.coded(code, k.begin().wait())
	extra := k.w.books(dir, wants)
	b := k.w.api.Books()
	if allowed := struck*carried + int(b.Answers["drop"])*100; extra > allowed {
		t.Errorf("%d identities arrived once more than they had to, %d are allowed", extra, allowed)
	}
	t.Logf("%s: %d kills, %d repeated, %d requests, %d in flight at most", filepath.Base(dir), struck, extra, b.Requests, b.MaxInFlight)
	if b.WrongPath > 0 {
		t.Errorf("%d requests went to another path", b.WrongPath)
	}
	sent := b.Requests
	k.w.coded(code, k.begin().wait())
	if now := k.w.api.Books().Requests; now != sent {
		t.Errorf("the finished run sent %d more requests", now-sent)
	}
}

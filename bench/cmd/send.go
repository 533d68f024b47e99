//go:build unix

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// sample is one run of a tool, or the middle of several.
type sample struct {
	usage
	busy     float64 // share of the slots' time, until nearly everybody had arrived
	done     int64   // identities that the tool says were done
	failed   int64   // and that it says have failed
	lost     int64   // said to be done, but never arrived: at least so many
	repeated int64   // arrived once more than once
	missing  int64   // never arrived
	problem  string  // why there is no sample
}

// nearlyAll is the share of the identities up to which the slots are watched:
// behind it there may be less work left than slots.
const nearlyAll = 0.99

// workload is a case of sending.
type workload struct {
	identities int
	flags      []string // of the sandbox
	more       []string // of bulkdemerge run
	quiet      bool     // nobody looks at the books meanwhile
}

// compare lets tools send, one after the other, as often as it takes; so what
// changes on the machine meanwhile meets all of them.
func (b *bench) compare(ctx context.Context, w workload, tools []tool) ([]sample, error) {
	lists := make([][]sample, len(tools))
	for range b.runs {
		for i, t := range tools {
			if t.missing != "" {
				continue
			}
			s, err := b.send(ctx, w, t)
			if ctx.Err() != nil || err != nil && t.name == b.senders[ours].name {
				return nil, fmt.Errorf("%s: %w", t.name, err)
			}
			if err != nil {
				s = sample{problem: err.Error()}
			}
			lists[i] = append(lists[i], s)
		}
	}
	out := make([]sample, len(tools))
	for i, t := range tools {
		if t.missing != "" {
			out[i] = sample{problem: "missing: " + t.missing}
			continue
		}
		out[i] = middle(lists[i])
	}
	return out, nil
}

// send lets a tool send a file once, to a sandbox of its own.
func (b *bench) send(ctx context.Context, w workload, t tool) (sample, error) {
	file, err := input(w.identities)
	if err != nil {
		return sample{}, err
	}
	a, err := startAPI(ctx, b.bin, w.flags...)
	if err != nil {
		return sample{}, err
	}
	defer a.stop()
	dir, err := b.fresh()
	if err != nil {
		return sample{}, err
	}
	c := t.command(a.url, file, dir)
	if t.name == b.senders[ours].name {
		c.args = append(c.args, w.more...)
	}
	watch, done := context.WithCancel(ctx)
	busy := make(chan float64, 1)
	go func() {
		share := -1.0
		if !w.quiet {
			share = a.busyUntil(watch, int64(nearlyAll*float64(w.identities)))
		}
		busy <- share
	}()
	u, err := measure(ctx, c, nil)
	done()
	s := sample{usage: u, busy: <-busy}
	if err != nil {
		return s, err
	}
	return s, b.judge(ctx, a, t, w, dir, &s)
}

// busyUntil watches the slots until so many identities have arrived; -1 if
// they never do.
func (a *api) busyUntil(ctx context.Context, identities int64) float64 {
	seen, at, ok := a.await(ctx, func(b books) bool { return b.Distinct >= identities })
	if !ok {
		return -1
	}
	return seen.busy(at)
}

// judge holds what the tool says against the books.
func (b *bench) judge(ctx context.Context, a *api, t tool, w workload, dir string, s *sample) error {
	seen, err := a.books(ctx)
	if err != nil {
		return err
	}
	said, err := t.said(s.usage, dir)
	if err != nil {
		return err
	}
	if said.Seconds > 0 {
		s.wall = said.Seconds
	}
	if s.busy < 0 {
		s.busy = seen.busy(seen.Last)
	}
	s.done, s.failed = said.Done, said.Failed
	s.lost = max(0, said.Done-seen.Distinct)
	s.repeated, s.missing = seen.Repeated, int64(w.identities)-seen.Distinct
	return nil
}

// fresh is an empty folder's name; what was there is gone.
func (b *bench) fresh() (string, error) {
	if err := os.RemoveAll(b.scratch); err != nil {
		return "", fmt.Errorf("emptying the scratch folder: %w", err)
	}
	if err := os.MkdirAll(b.scratch, 0o755); err != nil {
		return "", fmt.Errorf("making the scratch folder: %w", err)
	}
	return filepath.Join(b.scratch, "run"), nil
}

// middle is the median of each figure, and the worst of the counts.
func middle(list []sample) sample {
	out := sample{}
	for _, s := range list {
		if s.problem != "" {
			return s
		}
		out.done, out.failed = s.done, max(out.failed, s.failed)
		out.lost, out.repeated = max(out.lost, s.lost), max(out.repeated, s.repeated)
		out.missing, out.exit = max(out.missing, s.missing), max(out.exit, s.exit)
	}
	of := func(figure func(sample) float64) float64 {
		var values []float64
		for _, s := range list {
			values = append(values, figure(s))
		}
		return median(values)
	}
	out.wall = of(func(s sample) float64 { return s.wall })
	out.cpu = of(func(s sample) float64 { return s.cpu })
	out.peak = of(func(s sample) float64 { return s.peak })
	out.busy = of(func(s sample) float64 { return s.busy })
	return out
}

// median of an odd number of values is the middle one, of an even number the
// mean of the two there.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	values = slices.Sorted(slices.Values(values))
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

// killedHalfWay sends, kills the tool as soon as half has arrived, and starts
// it again.
func (b *bench) killedHalfWay(ctx context.Context, n int, t tool) (sample, error) {
	file, err := input(n)
	if err != nil {
		return sample{}, err
	}
	a, err := startAPI(ctx, b.bin, "--latency", "25ms")
	if err != nil {
		return sample{}, err
	}
	defer a.stop()
	dir, err := b.fresh()
	if err != nil {
		return sample{}, err
	}
	c := t.command(a.url, file, dir)
	watch, done := context.WithCancel(ctx)
	defer done()
	_, err = measure(ctx, c, func(p *os.Process) {
		go func() {
			if _, _, ok := a.await(watch, func(b books) bool { return b.Distinct >= int64(n)/2 }); ok {
				_ = p.Kill() // if it has ended meanwhile, the books say so
			}
		}()
	})
	done()
	if err != nil {
		return sample{}, err
	}
	time.Sleep(100 * time.Millisecond) // so that the sandbox has ended what was in flight
	u, err := measure(ctx, c, nil)
	if err != nil {
		return sample{}, err
	}
	s := sample{usage: u}
	return s, b.judge(ctx, a, t, workload{identities: n}, dir, &s)
}

//go:build unix

package main

import (
	"context"
	"fmt"
	"path/filepath"
)

// resume measures how long a run that is 90 % done takes to send again, beside
// a plan of what is done, in turns.
func (b *bench) resume(ctx context.Context) error {
	n := 2_000_000 / b.scale
	done := n / 10 * 9
	prefix, err := input(done)
	if err != nil {
		return err
	}
	file, err := input(n)
	if err != nil {
		return err
	}
	a, err := startAPI(ctx, b.bin, "--latency", "0")
	if err != nil {
		return err
	}
	defer a.stop()
	if _, err := b.fresh(); err != nil {
		return err
	}
	flags := []string{"--dedupe=true", "--dedupe=false"}
	for _, flag := range flags {
		if _, err := b.bite(ctx, a, file, flag, done); err != nil {
			return err
		}
	}
	var plans []float64
	firsts := make([][]float64, len(flags))
	for range b.runs {
		u, err := measure(ctx, command{name: b.bin, args: []string{"plan", "--json", "--progress", "none", prefix}, env: b.env()}, nil)
		if err != nil {
			return err
		}
		plans = append(plans, u.wall)
		for i, flag := range flags {
			first, err := b.bite(ctx, a, file, flag, 100)
			if err != nil {
				return err
			}
			firsts[i] = append(firsts[i], first)
		}
	}
	plan, first := median(plans), median(firsts[0])
	b.page.goal("resume at 90 %: time to the first request", "<= a plan of the prefix",
		fmt.Sprintf("%.2f s beside %.2f s", first, plan), first <= plan)
	b.page.section("Resume of "+count(n)+" identities at 90 %", "From the start of the process.",
		table([]string{"", "s"}, [][]string{
			{"plan of the prefix", num(plan)},
			{"first request of the resumed run", num(first)},
			{"first request of the resumed run, --dedupe=false", num(median(firsts[1]))},
		}))
	return nil
}

// bite starts the run that belongs to a flag, new or again, sends so many
// identities, and returns the seconds to the first request.
func (b *bench) bite(ctx context.Context, a *api, file, flag string, identities int) (float64, error) {
	c := b.run(a.url, file, filepath.Join(b.scratch, "run"+flag))
	c.args = append(c.args, flag, "--limit", fmt.Sprint(identities))
	if err := a.reset(ctx); err != nil {
		return 0, err
	}
	u, err := measure(ctx, c, nil)
	if err != nil {
		return 0, err
	}
	const stoppedEarly = 3
	if u.exit != stoppedEarly {
		return 0, fmt.Errorf("exit %d: %s", u.exit, lastLine(u.out))
	}
	seen, err := a.books(ctx)
	return seen.First.Sub(u.began).Seconds(), err
}

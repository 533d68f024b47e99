//go:build unix

package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// counter counts the distinct identities of a file.
type counter struct {
	name    string
	command func(file string) command
	missing string
}

func (b *bench) counters(ctx context.Context) []counter {
	shell := func(script string) func(string) command {
		return func(file string) command {
			return command{name: "sh", args: []string{"-c", script, "sh", file}, env: []string{"LC_ALL=C"}}
		}
	}
	return []counter{
		{name: "**bulkdemerge plan**", command: func(file string) command {
			return command{name: b.bin, args: []string{"plan", "--json", "--progress", "none", file}, env: b.env()}
		}},
		{name: "DuckDB, count(distinct)", missing: b.senders[akFetch].missing, command: func(file string) command {
			return command{name: "node", args: []string{filepath.Join(b.peers, "duckdb.mjs"), file}}
		}},
		{name: "cut, sort -u, wc -l", command: shell(`tail -n +2 "$1" | cut -d, -f1 | sort -u | wc -l`)},
		{name: "Miller, count-distinct", missing: b.tried(ctx, "mlr", "--version"), command: shell(`mlr --icsv --ojson count-distinct -n -f identity "$1"`)},
	}
}

func (b *bench) plan(ctx context.Context) error {
	n := 10_000_000 / b.scale
	file, err := input(n)
	if err != nil {
		return err
	}
	list := b.counters(ctx)
	samples := make([][]sample, len(list))
	for range b.runs {
		for i, c := range list {
			if c.missing != "" {
				continue
			}
			s := sample{}
			if s.usage, err = measure(ctx, c.command(file), nil); err != nil {
				return err
			}
			if !mentions(string(s.out), n) {
				s.problem = "it does not count " + count(n) + ": " + lastLine(s.out)
			}
			samples[i] = append(samples[i], s)
		}
	}
	var lines [][]string
	var got []sample
	for i, c := range list {
		s := sample{problem: "missing: " + c.missing}
		if c.missing == "" {
			s = middle(samples[i])
		}
		got = append(got, s)
		if s.problem != "" {
			lines = append(lines, []string{c.name, short(s.problem)})
			continue
		}
		lines = append(lines, []string{c.name, num(s.wall), count(int(float64(n) / s.wall)), num(s.cpu), mib(s.peak)})
	}
	b.page.section("Plan of "+count(n)+" CSV rows, distinct counted",
		"sort and Miller count only; a plan checks, warns and estimates as well.",
		table([]string{"", "wall s", "rows/s", "CPU s", "MiB"}, lines))
	b.planGoals(got, n)
	return nil
}

func (b *bench) planGoals(got []sample, n int) {
	us, duck := got[0], got[1]
	rate, bound := float64(n)/us.wall, 64+24*float64(n)/(1<<20)
	b.page.goal("plan, distinct counted", ">= 4 million rows/s, 10 million under 2.5 s",
		fmt.Sprintf("%.1f million rows/s, %.2f s", rate/1e6, us.wall), us.problem == "" && rate >= 4e6)
	b.page.goal("memory of that plan", fmt.Sprintf("<= 64 MiB + 24 bytes an identity (%.0f MiB)", bound),
		fmt.Sprintf("%.0f MiB", us.peak), us.problem == "" && us.peak <= bound)
	if duck.problem == "" {
		b.page.goal("that plan beside DuckDB", "faster", fmt.Sprintf("%.2f s beside %.2f s", us.wall, duck.wall), us.wall < duck.wall)
	}
}

// mentions tells whether n stands in the text as a number of its own.
func mentions(text string, n int) bool {
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r < '0' || r > '9' }) {
		if word == strconv.Itoa(n) {
			return true
		}
	}
	return false
}

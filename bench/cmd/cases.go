//go:build unix

package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
)

// benchCase is a section of the results.
type benchCase struct {
	name string
	run  func(context.Context) error
}

func (b *bench) cases() []benchCase {
	return []benchCase{
		{"at-once", b.atOnce}, {"25ms", b.late}, {"faults", b.faults}, {"kill", b.kill},
		{"plan", b.plan}, {"memory", b.memory}, {"resume", b.resume}, {"profile", b.profile},
	}
}

// faultMix is the issue's; a hung request is held long enough to hurt, and not
// so long that peers without a time-out wait for half a minute each.
const faultMix = "429=5%,500=2%,503=1%,reset=0.5%,drop=0.5%,hang=0.3%,garbage=0.5%"

func (b *bench) atOnce(ctx context.Context) error {
	n := 1_000_000 / b.scale
	got, err := b.compare(ctx, workload{identities: n, flags: []string{"--latency", "0"}, quiet: true}, b.senders)
	if err != nil {
		return err
	}
	b.page.section("Answers at once, "+count(n)+" identities",
		"What the program itself costs. The bare loop's time is that of its requests alone; the others' is the whole process.",
		sendTable(b.senders, got, n))
	bare, us, ak := got[bareLoop], got[ours], got[akFetch]
	ratio := bare.wall / us.wall
	b.page.goal("answers at once: throughput against the bare loop", ">= 0.7", fmt.Sprintf("%.2f", ratio), ratio >= 0.7)
	b.page.goal("CPU time for 1 million identities", "<= 2 s", fmt.Sprintf("%.2f s", us.cpu*float64(b.scale)), us.cpu*float64(b.scale) <= 2)
	b.page.goal("memory of that run, duplicates on", "<= 88 MiB", fmt.Sprintf("%.0f MiB", us.peak), us.peak <= 88)
	if ak.problem == "" {
		b.page.goal("CPU efficiency against ak-fetch", ">= 5 times", fmt.Sprintf("%.1f times", ak.cpu/us.cpu), ak.cpu/us.cpu >= 5)
	}
	return nil
}

func (b *bench) late(ctx context.Context) error {
	n := 100_000 / b.scale
	got, err := b.compare(ctx, workload{identities: n, flags: []string{"--latency", "25ms"}}, b.senders)
	if err != nil {
		return err
	}
	b.page.section("Answers after 25 ms, "+count(n)+" identities",
		"What an account's three slots give is the bound. Slots busy: their time at work, until 99 % had arrived.",
		sendTable(b.senders, got, n))
	bare, us := got[bareLoop].busy, got[ours].busy
	b.page.goal("25 ms answers: slots busy", "within one point of the bare loop's",
		fmt.Sprintf("%s beside %s", percent(us), percent(bare)), us >= bare-0.01)
	return nil
}

func (b *bench) faults(ctx context.Context) error {
	n := 100_000 / b.scale
	tools := b.senders[ours:]
	flags := []string{"--latency", "25ms", "--hang-for", "2s", "--faults", faultMix}
	got, err := b.compare(ctx, workload{identities: n, flags: flags}, tools)
	if err != nil {
		return err
	}
	b.page.section("Faults, 25 ms, "+count(n)+" identities",
		"Of the requests: "+strings.ReplaceAll(faultMix, ",", ", ")+" (hung requests end after 2 s; drop: taken, but not answered; "+
			"garbage: a 200 that is no success). Lost: said to be done, but never arrived (at least so many). "+
			"Slots that a hung request holds count neither as busy nor as idle.",
		table([]string{"", "wall s", "CPU s", "MiB", "slots busy", "said done", "said failed", "lost"}, rows(tools, got, func(s sample) []string {
			return []string{num(s.wall), num(s.cpu), mib(s.peak), percent(s.busy), count(s.done), count(s.failed), count(s.lost)}
		})))
	us := got[0]
	b.page.goal("fault mix: slots busy", ">= 95 %", percent(us.busy), us.busy >= 0.95)
	b.page.goal("fault mix: everybody accepted, exit 0", "all", fmt.Sprintf("%s, %s lost, exit %d", count(us.done), count(us.lost), us.exit),
		us.done == int64(n) && us.lost == 0 && us.missing == 0 && us.exit == 0)
	return nil
}

func (b *bench) kill(ctx context.Context) error {
	n := 30_000 / b.scale
	tools := b.senders[ours:]
	got := make([]sample, len(tools))
	for i, t := range tools {
		if t.missing != "" {
			got[i].problem = "missing: " + t.missing
			continue
		}
		var list []sample
		for range b.runs {
			s, err := b.killedHalfWay(ctx, n, t)
			if err != nil && (i == 0 || ctx.Err() != nil) {
				return err
			}
			if err != nil {
				s = sample{problem: err.Error()}
			}
			list = append(list, s)
		}
		got[i] = middle(list)
	}
	b.page.section("Killed (SIGKILL) half-way and started again, 25 ms, "+count(n)+" identities",
		"The peers keep no record of what is done: they begin again.",
		table([]string{"", "sent twice", "never sent"}, rows(tools, got, func(s sample) []string {
			return []string{count(s.repeated), count(s.missing)}
		})))
	us := got[0]
	b.page.goal("kill -9 and start again: sent twice", "at most what was in flight: 300",
		fmt.Sprintf("%s, %s never sent", count(us.repeated), count(us.missing)), us.repeated <= 300 && us.missing == 0)
	return nil
}

func (b *bench) memory(ctx context.Context) error {
	var got []sample
	var lines [][]string
	for _, n := range []int{400_000 / b.scale, 4_000_000 / b.scale} {
		w := workload{identities: n, flags: []string{"--latency", "0"}, more: []string{"--dedupe=false"}, quiet: true}
		list, err := b.compare(ctx, w, b.senders[ours:ours+1])
		if err != nil {
			return err
		}
		s := list[0]
		got = append(got, s)
		lines = append(lines, []string{count(n), num(s.wall), num(s.cpu), mib(s.peak)})
	}
	b.page.section("Memory of a run with --dedupe=false", "", table([]string{"identities", "wall s", "CPU s", "MiB"}, lines))
	small, large := got[0].peak, got[1].peak
	b.page.goal("memory, duplicates off, at 0.4 and 4 million", "<= 64 MiB, within a quarter of each other",
		fmt.Sprintf("%.0f and %.0f MiB", small, large), max(small, large) <= 64 && max(small, large) <= 1.25*min(small, large))
	return nil
}

// profile shows where the time of the first case goes.
func (b *bench) profile(ctx context.Context) error {
	out := filepath.Join(filepath.Dir(b.scratch), "cpu.prof")
	w := workload{identities: 1_000_000 / b.scale, flags: []string{"--latency", "0"}, more: []string{"--cpuprofile", out}, quiet: true}
	if _, err := b.send(ctx, w, b.senders[ours]); err != nil {
		return err
	}
	u, err := measure(ctx, command{name: "go", args: []string{"tool", "pprof", "-top", "-nodecount=10", "-unit=ms", b.bin, out}}, nil)
	if err != nil {
		return err
	}
	b.page.section("Where the time of "+count(w.identities)+" identities goes", "go tool pprof -top, of bulkdemerge run with answers at once.",
		"```\n"+topTen(string(u.out))+"```\n")
	return nil
}

// topTen leaves out pprof's lines about the build.
func topTen(text string) string {
	if i := strings.Index(text, "Duration:"); i >= 0 {
		return text[i:]
	}
	return text
}

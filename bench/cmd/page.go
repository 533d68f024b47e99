//go:build unix

package main

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// page is BENCHMARKS.md.
type page struct {
	machine  machine
	quick    bool
	took     time.Duration
	notes    []string
	goals    [][]string
	failed   int
	sections []string
}

func (p *page) note(text string) {
	if text != "" {
		p.notes = append(p.notes, text)
	}
}

// goal notes whether a line of DESIGN.md's table holds.
func (p *page) goal(what, target, got string, holds bool) {
	word := "yes"
	if !holds {
		word = "**no**"
		p.failed++
	}
	p.goals = append(p.goals, []string{what, target, got, word})
}

func (p *page) section(title, words, body string) {
	text := "## " + title + "\n\n"
	if words != "" {
		text += words + "\n\n"
	}
	p.sections = append(p.sections, text+body)
}

func (p *page) render() []byte {
	var b bytes.Buffer
	b.WriteString("# Benchmarks\n\nWritten by `make bench` (bench/run.sh), never by hand.\n\n")
	fmt.Fprintf(&b, "%s, in %s. %s\n\n", p.machine.date, p.took.Round(time.Second), p.machine.words)
	b.WriteString("The simulated API (`bulkdemerge sandbox`) runs on the same machine, in a process of its own, and takes its\n" +
		"share of the cores: ratios within a run say more than seconds. Figures are the median of the runs; said,\n" +
		"lost and repeated identities are the worst of them. CPU and memory (peak resident set) are the process's own.\n\n")
	if p.quick {
		b.WriteString("**Quick: a tenth of the sizes, once. Start-up costs weigh ten times as much.**\n\n")
	}
	for _, n := range p.notes {
		fmt.Fprintf(&b, "**%s**\n\n", n)
	}
	fmt.Fprintf(&b, "## What must hold (%d of %d do)\n\n", len(p.goals)-p.failed, len(p.goals))
	b.WriteString(table([]string{"what", "to reach", "reached", "holds"}, p.goals))
	for _, s := range p.sections {
		b.WriteString("\n" + s)
	}
	return b.Bytes()
}

// table is a Markdown table; a line that is too short ends in an empty cell.
func table(head []string, lines [][]string) string {
	var b strings.Builder
	row := func(cells []string) {
		b.WriteString("|")
		for i := range head {
			cell := ""
			if i < len(cells) {
				cell = strings.ReplaceAll(cells[i], "|", `\|`)
			}
			b.WriteString(" " + cell + " |")
		}
		b.WriteString("\n")
	}
	row(head)
	b.WriteString("|" + strings.Repeat(" --- |", len(head)) + "\n")
	for _, l := range lines {
		row(l)
	}
	return b.String()
}

// rows are a table's lines, one a tool; one without a sample says why.
func rows(tools []tool, got []sample, cells func(sample) []string) [][]string {
	var lines [][]string
	for i, t := range tools {
		if got[i].problem != "" {
			lines = append(lines, []string{t.name, short(got[i].problem)})
			continue
		}
		lines = append(lines, append([]string{t.name}, cells(got[i])...))
	}
	return lines
}

// short makes somebody else's error fit for a table and for the public: it is
// cut, and the paths of this machine are left out.
func short(problem string) string {
	const longest = 120
	problem = regexp.MustCompile(`(/[\w.@+-]+){2,}/?`).ReplaceAllString(problem, "…")
	if len(problem) > longest {
		problem = strings.ToValidUTF8(problem[:longest], "") + "…"
	}
	return problem
}

func sendTable(tools []tool, got []sample, n int) string {
	return table([]string{"", "wall s", "identities/s", "CPU s", "MiB", "slots busy"}, rows(tools, got, func(s sample) []string {
		return []string{num(s.wall), count(int(float64(n) / s.wall)), num(s.cpu), mib(s.peak), percent(s.busy)}
	}))
}

func num(f float64) string { return strconv.FormatFloat(f, 'f', 2, 64) }

func mib(f float64) string { return strconv.FormatFloat(f, 'f', 0, 64) }

func percent(f float64) string { return strconv.FormatFloat(100*f, 'f', 1, 64) + " %" }

// count groups a number's digits by three.
func count[T int | int64](n T) string {
	digits := strconv.FormatInt(int64(n), 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

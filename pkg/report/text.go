package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
)

const (
	summaryLines = 10  // the most lines that WriteText writes
	reasonRunes  = 100 // what a line of the summary shows of a reason
)

// Style says how text is written. The zero value is plain.
type Style struct {
	Color bool // ANSI colours; only for a terminal that wants them
}

func (st Style) wrap(code, s string) string {
	if !st.Color {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// WriteText writes the summary for people: at most ten lines, no identity.
func (s Summary) WriteText(w io.Writer, st Style) error {
	head := []string{st.verdict(s), "  " + s.books(), st.label("sent", s.sent(), "")}
	var tail []string
	add := func(name, text, code string) {
		if text != "" {
			tail = append(tail, st.label(name, text, code))
		}
	}
	if s.Stop != nil {
		add("why", s.Stop.Message, "33")
		add("hint", s.Stop.Hint, "")
	} else if s.State == StateFinished && s.Counts.Rejected > 0 {
		add("hint", "once the reasons are mended, retry --rejected sends the rejected again", "")
	}
	add("report", s.Report, "")
	add("next", s.Next, "1")
	add("note", s.note(), "2")
	lines := slices.Concat(head, st.reasons(s.Reasons, summaryLines-len(head)-len(tail)), tail)
	if _, err := io.WriteString(w, strings.Join(lines, "\n")+"\n"); err != nil {
		return fmt.Errorf("write the summary: %w", err)
	}
	return nil
}

// label is a line of the summary; the labels stand in a column.
func (st Style) label(name, text, code string) string {
	text = oneLine(text)
	if code != "" {
		text = st.wrap(code, text)
	}
	return fmt.Sprintf("  %-8s %s", name, text)
}

// oneLine keeps words that others chose from becoming lines of ours or, worse,
// commands to the terminal.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.TrimSpace(s))
}

func (st Style) verdict(s Summary) string {
	code := "1;32"
	switch {
	case s.State == StateDied:
		code = "1;31"
	case s.State != StateFinished || s.Counts.NeedPerson() > 0:
		code = "1;33"
	}
	return st.wrap(code, s.State+": "+s.Verdict())
}

// Verdict is the run in one sentence, without its state, first letter small
// and no full stop.
func (s Summary) Verdict() string {
	c := s.Counts
	accepted := humanize.Comma(c.Accepted)
	switch {
	case s.State != StateFinished && c.Records() == 0:
		return "nothing is settled yet"
	case s.State != StateFinished:
		if c.Accepted == 1 {
			return "1 identity accepted so far"
		}
		return accepted + " identities accepted so far"
	case c.Records() == 0:
		return "the input holds no record"
	case c.NeedPerson() > 0:
		return fmt.Sprintf("%s of %s identities accepted, %s", accepted, humanize.Comma(c.Accepted+c.NeedPerson()), needALook(c.NeedPerson()))
	case c.Accepted == 0:
		return "nothing to send, every record is a duplicate or skipped"
	case c.Accepted == 1:
		return "the one identity is accepted"
	}
	return "all " + accepted + " identities accepted"
}

func needALook(n int64) string {
	if n == 1 {
		return "1 record needs a look"
	}
	return humanize.Comma(n) + " records need a look"
}

// books is the equation that holds at any moment; what there is none of is not
// in it, so that it fits a line.
func (s Summary) books() string {
	c := s.Counts
	parts := make([]string, 0, 6)
	for i, l := range c.lines() {
		if i == 0 || l.Count > 0 {
			parts = append(parts, humanize.Comma(l.Count)+" "+l.Status)
		}
	}
	return plural(c.Records(), "record") + " = " + strings.Join(parts, " + ")
}

// statusCount is one term of the books.
type statusCount struct {
	Status string
	Count  int64
}

func (c Counts) lines() []statusCount {
	return []statusCount{
		{StatusAccepted, c.Accepted},
		{StatusRejected, c.Rejected},
		{StatusFailed, c.Failed},
		{StatusInvalid, c.Invalid},
		{StatusDuplicate, c.Duplicate},
		{StatusSkipped, c.Skipped},
	}
}

func (s Summary) sent() string {
	text := plural(s.Requests, "request")
	if s.Retries > 0 {
		text += ", " + humanize.Comma(s.Retries) + " of them repeats"
	}
	text += " in " + humanSeconds(s.TotalSeconds)
	if s.Starts > 1 {
		text += fmt.Sprintf(" and %d starts", s.Starts)
	}
	if rate := s.overall(); rate > 0 {
		text += ", " + humanRate(rate) + " accepted a second"
	}
	return text
}

// overall is the identities accepted a second in all starts together, so that
// it agrees with the time beside it; Rate is the last start's.
func (s Summary) overall() float64 {
	if s.TotalSeconds <= 0 {
		return 0
	}
	return float64(s.Counts.Accepted) / s.TotalSeconds
}

// note says what "accepted" means, because people take it for done.
func (s Summary) note() string {
	if s.Sandbox {
		return "the other side was the sandbox: nothing has reached CleverTap"
	}
	if s.Counts.Accepted == 0 {
		return ""
	}
	return "accepted is not done: CleverTap demerges from 4 to 7 AM in the account's time zone, a million may take days"
}

// reasons are the largest groups in at most room lines.
func (st Style) reasons(list []Reason, room int) []string {
	var lines []string
	for i, r := range list {
		if len(lines) == room-1 && len(list) > room {
			var rest int64
			for _, r := range list[i:] {
				rest += r.Count
			}
			return append(lines, st.label("and", fmt.Sprintf("%d more reasons for %s records", len(list)-i, humanize.Comma(rest)), ""))
		}
		text := humanize.Comma(r.Count) + " x " + cut(r.Reason, reasonRunes)
		if r.Reason == "" {
			text = humanize.Comma(r.Count) + " without a reason given"
		}
		if r.Code != 0 {
			text += fmt.Sprintf(" (code %d)", r.Code)
		}
		lines = append(lines, st.label(r.Status, text, ""))
	}
	return lines
}

func cut(s string, runes int) string {
	if utf8.RuneCountInString(s) <= runes {
		return s
	}
	return string([]rune(s)[:runes-1]) + "…"
}

func plural(n int64, one string) string { return humanize.Comma(n) + " " + noun(n, one) }

func noun(n int64, one string) string {
	if n == 1 {
		return one
	}
	return one + "s"
}

func humanRate(perSecond float64) string {
	if perSecond < 10 {
		return humanize.FtoaWithDigits(perSecond, 1)
	}
	return humanize.Comma(int64(perSecond + 0.5))
}

// humanSeconds is a length of time with the two units that matter.
func humanSeconds(s float64) string {
	switch {
	case s < 0.9995:
		return fmt.Sprintf("%.0f ms", s*1000)
	case s < 9.95:
		return fmt.Sprintf("%.1f s", s)
	case s < 59.5:
		return fmt.Sprintf("%.0f s", s)
	}
	d := time.Duration(s * float64(time.Second)).Round(time.Second)
	switch {
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%d d %d h", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

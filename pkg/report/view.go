package report

import (
	"fmt"
	"html/template"
	"math"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
)

// view is what the template shows: all of it worded and formatted already.
type view struct {
	Policy string
	Style  template.HTML
	Script template.HTML

	Summary  Summary
	Tone     string // good, warn or bad
	State    string
	Headline string
	Facts    []fact
	Note     string
	Resume   string
	Next     string
	Why      string
	Hint     string

	Books    []bookLine
	BooksOf  string
	Equation string
	Tiles    []tile
	Charts   []chart
	Slowest  string
	Answers  []answerLine
	Reasons  []reasonLine
	Rows     []rowLine
	RowsNote string
}

type fact struct{ Name, Value string }

type tile struct{ Value, Name, Text string }

// bookLine is one status: Offset and Share are percents of all records.
type bookLine struct {
	Status, Count, Percent, Text string
	Offset, Share                float64
}

// chart is a figure with its words.
type chart struct {
	ID, Title, Label string
	Units            string
	Wide, Narrow     template.HTML
	Keys             []string // the names of the series, if more than one
	Columns          []string
	Table            [][]string
}

type reasonLine struct {
	Status, Reason, Code, Count string
	Share                       float64
}

type rowLine struct {
	Row
	Masked       string // the identity
	MaskedReason string
	Place        string
	Settled      string
}

func newView(d PageData) (*view, error) {
	s := d.Summary
	v := &view{
		Policy:   policy(),
		Style:    template.HTML("<style>" + pageCSS + "</style>"),
		Script:   template.HTML("<script>" + pageJS + "</script>"),
		Summary:  s,
		Tone:     tone(s),
		State:    upperFirst(s.State),
		Headline: sentence(s.Verdict()),
		Facts:    facts(s),
		Note:     pageNote(s),
		Books:    bookLines(s.Counts),
		BooksOf:  "Every record settled so far is in one of these.",
		Equation: s.books(),
		Reasons:  reasonLinesOf(s.Reasons),
		Rows:     rowLines(d.Rows, len(s.Inputs) == 1),
	}
	if s.State == StateFinished {
		v.BooksOf = "Every record of the input is in one of these."
	}
	if s.Resume != nil && s.State != StateFinished {
		v.Resume = fmt.Sprintf("It goes on at %s, line %s.", s.Resume.Source, humanize.Comma(s.Resume.Line))
	}
	// The command that reports is the one that wrote this page.
	if !strings.Contains(s.Next, " report --html ") {
		v.Next = s.Next
	}
	if s.Stop != nil {
		v.Why, v.Hint = sentence(s.Stop.Message), sentence(s.Stop.Hint)
	}
	if more := d.Total - int64(len(v.Rows)); more > 0 {
		v.RowsNote = fmt.Sprintf("These are the first %s of %s; the others are in the report.", humanize.Comma(int64(len(v.Rows))), humanize.Comma(d.Total))
	}
	var all Sample
	for _, p := range d.Samples {
		all.merge(p)
	}
	v.Tiles = tiles(s, all)
	v.Answers = answerLines(all.Answers)
	if slow, ok := slowest(thin(d.Samples, maxPoints)); ok {
		v.Slowest = slow.words(all)
	}
	return v, v.addCharts(thin(d.Samples, maxPoints), thin(d.Samples, tableRows))
}

func tone(s Summary) string {
	switch {
	case s.State == StateDied:
		return "bad"
	case s.State != StateFinished || s.Counts.NeedPerson() > 0:
		return "warn"
	}
	return "good"
}

func upperFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + s[n:]
}

// sentence makes one of the words of a message, which has no capital and no
// full stop.
func sentence(s string) string {
	if s == "" || strings.ContainsRune(".!?", rune(s[len(s)-1])) {
		return upperFirst(s)
	}
	return upperFirst(s) + "."
}

const pageTime = "2 Jan 2006, 15:04 UTC"

func facts(s Summary) []fact {
	var list []fact
	add := func(name, value string) {
		if value != "" {
			list = append(list, fact{name, value})
		}
	}
	add("Input", strings.Join(s.Inputs, ", "))
	add("Account", s.Account)
	add("Sent to", s.Host)
	if !s.StartedAt.IsZero() {
		add("Last start", s.StartedAt.UTC().Format(pageTime))
	}
	if !s.EndedAt.IsZero() {
		add("Ended", s.EndedAt.UTC().Format(pageTime))
	}
	took := humanSeconds(s.TotalSeconds)
	if s.Starts > 1 {
		took += fmt.Sprintf(" in %d starts", s.Starts)
	}
	add("Running time", took)
	add("Report", s.Report)
	return list
}

func pageNote(s Summary) string {
	switch {
	case s.Sandbox:
		return "This was a trial against the sandbox. Nothing has reached CleverTap, and nobody was demerged."
	case s.Counts.Accepted == 0:
		return ""
	}
	return "Accepted is not done yet. CleverTap carries demerges out between 4 and 7 AM in the account's time zone; a million of them may take days."
}

// statusText says what a status means to somebody who sees it first.
func statusText(status string) string {
	switch status {
	case StatusAccepted:
		return "taken by the API"
	case StatusRejected:
		return "refused by the API"
	case StatusFailed:
		return "given up, safe to send again"
	case StatusInvalid:
		return "never sent: no usable identity"
	case StatusDuplicate:
		return "never sent: came earlier"
	}
	return "never sent: left out on request"
}

func bookLines(c Counts) []bookLine {
	var lines []bookLine
	var offset float64
	for _, l := range c.lines() {
		share := percent(l.Count, c.Records())
		lines = append(lines, bookLine{
			Status: l.Status, Count: humanize.Comma(l.Count), Percent: percentText(l.Count, c.Records()),
			Text: statusText(l.Status), Offset: offset, Share: share,
		})
		offset += share
	}
	return lines
}

func percent(n, of int64) float64 {
	if of == 0 {
		return 0
	}
	return math.Round(float64(n)/float64(of)*1e6) / 1e4
}

// barOf is the length of a bar, in percent: what is there can be seen.
func barOf(n, of int64) float64 { return max(percent(n, of), 1) }

// percentText never rounds something to nothing, nor nearly all to all.
func percentText(n, of int64) string {
	p := percent(n, of)
	switch {
	case n == 0:
		return "0 %"
	case n == of:
		return "100 %"
	case p < 0.1:
		return "< 0.1 %"
	case p > 99.9:
		return "> 99.9 %"
	}
	return fmt.Sprintf("%.1f %%", p)
}

func tiles(s Summary, all Sample) []tile {
	list := []tile{
		{humanRate(s.overall()), "accepted a second", "over all of its time"},
		{humanize.Comma(s.Requests), noun(s.Requests, "request"), "of up to 100 identities"},
		{humanize.Comma(s.Retries), noun(s.Retries, "repeat"), percentText(s.Retries, s.Requests) + " of the requests"},
	}
	if all.Latency.Count() > 0 {
		for _, q := range []struct {
			p    float64
			name string
		}{{0.5, "half of the answers"}, {0.95, "95 of 100 answers"}, {0.99, "99 of 100 answers"}} {
			list = append(list, tile{humanDuration(all.Latency.Quantile(q.p)), fmt.Sprintf("p%.0f answer time", q.p*100), q.name + " came within it"})
		}
	}
	return list
}

func humanDuration(d time.Duration) string {
	if d < 10*time.Millisecond {
		return fmt.Sprintf("%.1f ms", float64(d)/1e6)
	}
	return humanSeconds(d.Seconds())
}

// words says where the run was slowest, and what the API answered there.
func (st stretch) words(all Sample) string {
	text := fmt.Sprintf("From %s to %s of running time, on %s, %s identities a second were accepted; over the whole run it was %s.",
		humanSeconds(st.Begin), humanSeconds(st.End), st.Sample.At.UTC().Format(pageTime), humanRate(st.Sample.rate()), humanRate(all.rate()))
	var trouble []string
	for _, a := range answerLines(st.Sample.Answers) {
		if a.Kind != AnswerAccepted {
			trouble = append(trouble, a.Count+" × "+a.Name)
		}
	}
	if len(trouble) > 0 {
		text += " Answers there: " + strings.Join(trouble, ", ") + "."
	}
	if q := st.Sample.Latency.Quantile(0.95); q > 0 {
		text += " 95 of 100 answers came within " + humanDuration(q) + "."
	}
	return text
}

// maxReasonLines bounds the reasons that a page lists.
const maxReasonLines = 50

func reasonLinesOf(list []Reason) []reasonLine {
	var total, rest int64
	for _, r := range list {
		total += r.Count
	}
	var lines []reasonLine
	for i, r := range list {
		if i >= maxReasonLines {
			rest += r.Count
			continue
		}
		l := reasonLine{Status: r.Status, Reason: r.Reason, Count: humanize.Comma(r.Count), Share: barOf(r.Count, total)}
		if r.Code != 0 {
			l.Code = fmt.Sprint(r.Code)
		}
		lines = append(lines, l)
	}
	if rest > 0 {
		lines = append(lines, reasonLine{Reason: OtherReasons, Count: humanize.Comma(rest), Share: barOf(rest, total)})
	}
	return lines
}

// rowLines names a row's source only where there are several.
func rowLines(rows []Row, oneSource bool) []rowLine {
	rows = rows[:min(len(rows), MaxPageRows)]
	lines := make([]rowLine, len(rows))
	for i, r := range rows {
		lines[i] = rowLine{
			Row: r, Masked: mask(r.Identity), MaskedReason: anonymous([]byte(r.Reason), []byte(r.Identity)),
			Place:   "line\u00a0" + humanize.Comma(r.Line),
			Settled: r.SettledAt.UTC().Format("2006-01-02 15:04:05"),
		}
		if !oneSource {
			lines[i].Place = r.Source + ", " + lines[i].Place
		}
	}
	return lines
}

// mask leaves as much of an identity as tells neighbours apart.
func mask(id string) string {
	r := []rune(id)
	switch {
	case len(r) == 0:
		return ""
	case len(r) < 4:
		return "***"
	case len(r) < 8:
		return string(r[:1]) + "***"
	}
	return string(r[:2]) + "***" + string(r[len(r)-2:])
}

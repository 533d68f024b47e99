package pipeline

import (
	"fmt"
	"io"
	"sort"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// WriteText writes the plan for people; it holds no identity.
func (res PlanResult) WriteText(w io.Writer) error {
	var b strings.Builder
	for _, in := range res.Inputs {
		if in.Format == "" {
			fmt.Fprintf(&b, "%s: can't be read\n", in.Name)
			continue
		}
		fmt.Fprintf(&b, "%s: %s, %s", in.Name, in.Format, in.Encoding)
		if in.Compression != "" {
			fmt.Fprintf(&b, ", %s", in.Compression)
		}
		fmt.Fprintf(&b, "; the identity is %s\n", in.Identity)
	}
	line := func(name string, n int64, more string) {
		fmt.Fprintf(&b, "  %-11s %15s%s\n", name, humanize.Comma(n), more)
	}
	distinct := ""
	if res.Distinct > 0 {
		distinct = fmt.Sprintf("  %s of them distinct", humanize.Comma(res.Distinct))
	}
	line("records", res.Records, "")
	line("valid", res.Valid, distinct)
	line("to send", res.ToSend, "")
	line("duplicate", res.Duplicate, "")
	line("skipped", res.Skipped, "")
	line("invalid", res.Invalid, "")
	for _, r := range sortedReasons(res.Reasons) {
		fmt.Fprintf(&b, "  %-11s %15s  %s\n", "", humanize.Comma(res.Reasons[r]), r)
	}
	effort := ""
	if res.Requests > 0 {
		effort = fmt.Sprintf("  about %s at %.0f ms an answer", people(res.Seconds), res.Latency*1000)
	}
	line("requests", res.Requests, effort)
	for _, warning := range res.Warnings {
		name := ""
		if int(warning.Source) < len(res.Inputs) {
			name = res.Inputs[warning.Source].Name
		}
		records := "records"
		if warning.Count == 1 {
			records = "record"
		}
		fmt.Fprintf(&b, "warning: %s %s, the first at %s:%d: %s\n", humanize.Comma(warning.Count), records, name, warning.Line, warning.Message)
	}
	if res.ToSend > 0 {
		b.WriteString("nothing was sent; a demerge can't be undone, so begin with a small bite:\n")
		fmt.Fprintf(&b, "  %s\n", res.Next)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func sortedReasons(reasons map[string]int64) []string {
	var names []string
	for name := range reasons {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool {
		if reasons[names[i]] != reasons[names[j]] {
			return reasons[names[i]] > reasons[names[j]]
		}
		return names[i] < names[j]
	})
	return names
}

// people says a duration the way that people plan with it.
func people(seconds float64) string {
	switch d := time.Duration(seconds * float64(time.Second)); {
	case d < time.Second:
		return "a moment"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()+0.5))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()+0.5))
	case d < 48*time.Hour:
		return fmt.Sprintf("%.1f hours", d.Hours())
	default:
		return fmt.Sprintf("%.1f days", d.Hours()/24)
	}
}

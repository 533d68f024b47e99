package ui

import (
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/rivo/uniseg"
)

// count is a number with commas, for people.
func count(n int64) string { return humanize.Comma(n) }

// seconds is a short time that is watched as it grows: "12 s", then "3m04s".
func seconds(d time.Duration) string {
	if d < time.Minute {
		return strconv.Itoa(int(max(0, d).Seconds())) + " s"
	}
	return span(d)
}

// span is a time in its two largest units: "45s", "12m03s", "3h07m", "2d05h".
func span(d time.Duration) string {
	two := func(n time.Duration) string {
		if n < 10 {
			return "0" + strconv.FormatInt(int64(n), 10)
		}
		return strconv.FormatInt(int64(n), 10)
	}
	s := max(0, d).Round(time.Second) / time.Second
	one := func(n time.Duration) string { return strconv.FormatInt(int64(n), 10) }
	switch {
	case s < 60:
		return one(s) + "s"
	case s < 60*60:
		return one(s/60) + "m" + two(s%60) + "s"
	case s < 24*60*60:
		return one(s/3600) + "h" + two(s/60%60) + "m"
	}
	return one(s/86400) + "d" + two(s/3600%24) + "h"
}

// fit cuts a line to the given number of columns.
func fit(line string, columns int) string {
	if uniseg.StringWidth(line) <= columns {
		return line
	}
	const dots = "..."
	if columns <= len(dots) {
		return dots[:columns]
	}
	var b strings.Builder
	wide := 0
	g := uniseg.NewGraphemes(line)
	for g.Next() && wide+g.Width() <= columns-len(dots) {
		b.WriteString(g.Str())
		wide += g.Width()
	}
	return b.String() + dots
}

// squeeze takes away what the bar library puts around and between its parts:
// the carriage return, and doubled spaces outside of the bar's brackets.
func squeeze(line string) string {
	line = strings.Trim(line, "\r ")
	open, end := strings.IndexByte(line, '['), strings.IndexByte(line, ']')
	if open < 0 || end < open {
		return strings.Join(strings.Fields(line), " ")
	}
	return line[:end+1] + " " + strings.Join(strings.Fields(line[end+1:]), " ")
}

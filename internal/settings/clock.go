package settings

import (
	"fmt"
	"strings"
	"time"

	"github.com/bulkdemerge/bulkdemerge/internal/hint"
)

// Clock is a time of day on the clock on the wall: the value of --stop-at. The
// zero value is not given.
type Clock struct {
	Given  bool
	Hour   int // 0 to 23
	Minute int // 0 to 59
}

// Next is the first moment after now at which a clock in now's location shows
// this time. Where the clocks go forward over it, it is the moment at which
// the clock would have shown it, had it not been moved; where they go back
// over it, both moments count.
func (c Clock) Next(now time.Time) time.Time {
	year, month, day := now.Date()
	for d := 0; ; d++ {
		if at, ok := c.on(year, month, day+d, now); ok {
			return at
		}
	}
}

// on is the first moment after now, on the given day, at which the clock shows
// c. time.Date would choose one of two moments, or of two offsets around a gap,
// without saying which, so both offsets are tried here.
func (c Clock) on(year int, month time.Month, day int, now time.Time) (time.Time, bool) {
	noon := time.Date(year, month, day, 12, 0, 0, 0, now.Location())
	_, before := noon.Add(-24 * time.Hour).Zone()
	_, after := noon.Add(24 * time.Hour).Zone()
	wall := time.Date(year, month, day, c.Hour, c.Minute, 0, 0, time.UTC)

	shown := false
	var first time.Time
	for _, offset := range []int{before, after} {
		at := wall.Add(-time.Duration(offset) * time.Second).In(now.Location())
		if at.Hour() != c.Hour || at.Minute() != c.Minute {
			continue
		}
		shown = true
		if at.After(now) && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	if !shown {
		first = wall.Add(-time.Duration(before) * time.Second).In(now.Location())
	}
	return first, first.After(now)
}

// Set reads "HH:MM", 00:00 to 23:59.
func (c *Clock) Set(text string) error {
	t, err := time.Parse("15:04", strings.TrimSpace(text))
	if err != nil {
		return hint.New("not a time of day", `write it as "HH:MM", 24 hours, like "03:45"`)
	}
	*c = Clock{Given: true, Hour: t.Hour(), Minute: t.Minute()}
	return nil
}

// String is what Set reads, or "" if the time is not given.
func (c *Clock) String() string {
	if c == nil || !c.Given {
		return ""
	}
	return fmt.Sprintf("%02d:%02d", c.Hour, c.Minute)
}

// Type names the value in usage lines.
func (*Clock) Type() string { return "HH:MM" }

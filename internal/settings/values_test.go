package settings_test

import (
	"testing"
	"time"
	_ "time/tzdata" // the tests name zones, whatever the machine has

	"github.com/spf13/pflag"
	"pgregory.net/rapid"

	"github.com/bulkdemerge/bulkdemerge/internal/hint"
	"github.com/bulkdemerge/bulkdemerge/internal/settings"
)

func TestValues(t *testing.T) {
	share := func() pflag.Value { return new(settings.Share) }
	clock := func() pflag.Value { return new(settings.Clock) }
	delimiter := func() pflag.Value { return new(settings.Delimiter) }
	format := func() pflag.Value { return settings.NewEnum("auto", "auto", "csv", "ndjson", "text") }
	tests := []struct {
		name string
		make func() pflag.Value
		text string
		want string // "!" if it is refused
	}{
		{"share", share, "500", "500"},
		{"share", share, "0", "0"},
		{"share", share, " 1% ", "1%"},
		{"share", share, "0.5 %", "0.5%"},
		{"share", share, "0%", "0"},
		{"share", share, "100%", "100%"},
		{"share", share, "101%", "!"},
		{"share", share, "-1", "!"},
		{"share", share, "NaN%", "!"},
		{"share", share, "Inf%", "!"},
		{"share", share, "1.5", "!"},
		{"share", share, "", "!"},
		{"share", share, "%", "!"},
		{"clock", clock, "03:45", "03:45"},
		{"clock", clock, "3:45", "03:45"},
		{"clock", clock, "23:59", "23:59"},
		{"clock", clock, "24:00", "!"},
		{"clock", clock, "03:60", "!"},
		{"clock", clock, "03:45:00", "!"},
		{"clock", clock, "3am", "!"},
		{"clock", clock, "", "!"},
		{"delimiter", delimiter, ",", ","},
		{"delimiter", delimiter, ";", ";"},
		{"delimiter", delimiter, "|", "|"},
		{"delimiter", delimiter, "tab", "tab"},
		{"delimiter", delimiter, `\t`, "tab"},
		{"delimiter", delimiter, "\t", "tab"},
		{"delimiter", delimiter, "", "!"},
		{"delimiter", delimiter, ",,", "!"},
		{"delimiter", delimiter, "é", "!"},
		{"format", format, "CSV", "csv"},
		{"format", format, " text", "text"},
		{"format", format, "jsonl", "!"},
		{"format", format, "", "!"},
	}
	for _, tt := range tests {
		v := tt.make()
		before := v.String()
		err := v.Set(tt.text)
		switch {
		case tt.want == "!":
			if err == nil {
				t.Errorf("%s takes %q", tt.name, tt.text)
			} else if v.String() != before {
				t.Errorf("%s is %q after the error", tt.name, v)
			}
		case err != nil:
			t.Errorf("%s: %q: %v", tt.name, tt.text, err)
		case v.String() != tt.want:
			t.Errorf("%s: %q is %q, want %q", tt.name, tt.text, v, tt.want)
		default:
			again := tt.make()
			if err := again.Set(v.String()); err != nil || again.String() != v.String() {
				t.Errorf("%s does not read back what it says, %q: %v", tt.name, v, err)
			}
		}
	}
}

func TestValueHints(t *testing.T) {
	for _, v := range []pflag.Value{new(settings.Share), new(settings.Clock), new(settings.Delimiter)} {
		if hint.Of(v.Set("nonsense")) == "" {
			t.Errorf("%T says nothing of what it expects", v)
		}
	}
}

func TestShareExceeded(t *testing.T) {
	tests := []struct {
		text         string
		bad, settled int64
		want         bool
	}{
		{"", 1000, 1000, false},
		{"0", 0, 10, false},
		{"0", 1, 1, true},
		{"5", 5, 5, false},
		{"5", 6, 6, true},
		{"1%", 999, 999, false},
		{"1%", 10, 1000, false},
		{"1%", 11, 1000, true},
		{"100%", 5000, 5000, false},
	}
	for _, tt := range tests {
		var s settings.Share
		if tt.text != "" {
			if err := s.Set(tt.text); err != nil {
				t.Fatal(err)
			}
		}
		if got := s.Exceeded(tt.bad, tt.settled); got != tt.want {
			t.Errorf("%q: Exceeded(%d, %d) = %v", tt.text, tt.bad, tt.settled, got)
		}
	}
}

func TestClockNext(t *testing.T) {
	tests := []struct {
		name, zone, now, clock, want string
	}{
		{"later today", "Europe/Berlin", "2026-07-01T01:00:00+02:00", "03:45", "2026-07-01T03:45:00+02:00"},
		{"tomorrow", "Europe/Berlin", "2026-07-01T04:00:00+02:00", "03:45", "2026-07-02T03:45:00+02:00"},
		{"now is not next", "Europe/Berlin", "2026-07-01T03:45:00+02:00", "03:45", "2026-07-02T03:45:00+02:00"},
		{"end of year", "Asia/Kolkata", "2026-12-31T23:00:00+05:30", "03:45", "2027-01-01T03:45:00+05:30"},
		{"the night that is shorter", "Europe/Berlin", "2026-03-28T23:00:00+01:00", "03:45", "2026-03-29T03:45:00+02:00"},
		{"in the gap", "Europe/Berlin", "2026-03-29T01:00:00+01:00", "02:30", "2026-03-29T03:30:00+02:00"},
		{"the night that is longer", "Europe/Berlin", "2026-10-24T23:00:00+02:00", "03:45", "2026-10-25T03:45:00+01:00"},
		{"the first of two", "Europe/Berlin", "2026-10-25T01:00:00+02:00", "02:30", "2026-10-25T02:30:00+02:00"},
		{"the second of two", "Europe/Berlin", "2026-10-25T02:45:00+02:00", "02:30", "2026-10-25T02:30:00+01:00"},
		{"after both", "Europe/Berlin", "2026-10-25T02:45:00+01:00", "02:30", "2026-10-26T02:30:00+01:00"},
		{"gap at midnight", "America/Santiago", "2026-09-05T23:30:00-04:00", "00:15", "2026-09-06T01:15:00-03:00"},
		{"half an hour", "Australia/Lord_Howe", "2026-10-04T01:00:00+10:30", "02:15", "2026-10-04T02:45:00+11:00"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			zone, err := time.LoadLocation(tt.zone)
			if err != nil {
				t.Fatal(err)
			}
			now, err := time.Parse(time.RFC3339, tt.now)
			if err != nil {
				t.Fatal(err)
			}
			var c settings.Clock
			if err := c.Set(tt.clock); err != nil {
				t.Fatal(err)
			}
			if got := c.Next(now.In(zone)).Format(time.RFC3339); got != tt.want {
				t.Errorf("Next = %s, want %s", got, tt.want)
			}
		})
	}
}

func TestClockNextLaws(t *testing.T) {
	zones := []string{"UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kolkata", "Australia/Lord_Howe", "America/Santiago"}
	rapid.Check(t, func(t *rapid.T) {
		zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		now := time.Unix(rapid.Int64Range(1_600_000_000, 2_000_000_000).Draw(t, "now"), 0).In(zone)
		c := settings.Clock{Given: true, Hour: rapid.IntRange(0, 23).Draw(t, "hour"), Minute: rapid.IntRange(0, 59).Draw(t, "minute")}
		next := c.Next(now)
		if !next.After(now) {
			t.Fatalf("%v is not after %v", next, now)
		}
		if next.Sub(now) > 26*time.Hour {
			t.Fatalf("%v is a day too late after %v", next, now)
		}
		// No moment in between shows the time: minutes are steps enough.
		for at := now.Truncate(time.Minute).Add(time.Minute); at.Before(next); at = at.Add(time.Minute) {
			if at.Hour() == c.Hour && at.Minute() == c.Minute {
				t.Fatalf("%v comes before %v", at, next)
			}
		}
	})
}

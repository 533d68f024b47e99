package ui

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rivo/uniseg"
	"pgregory.net/rapid"
)

// busy is a run that is under way for ten seconds and has met everything.
func busy() Snapshot {
	return Snapshot{
		BytesRead: 420, BytesTotal: 1000,
		Counts:   Counts{Accepted: 1_234_567, Rejected: 12, Failed: 3},
		Requests: 12_400, Retries: 41, InFlight: 2, Slots: 3,
		Phase: PhaseSending, Elapsed: 10 * time.Second,
	}
}

// barAt is a bar of that width which has seen the run begin.
func barAt(width int) *Bar {
	b := NewBar(io.Discard, func() int { return width }, false)
	b.rates.add(Snapshot{Phase: PhaseSending, BytesTotal: 1000, Counts: Counts{Accepted: 1_205_067}})
	return b
}

func TestBarLine(t *testing.T) {
	waiting := busy()
	waiting.Waiting, waiting.InFlight = "API answers 503", 0
	clean := busy()
	clean.Counts.Rejected, clean.Counts.Failed, clean.Retries = 0, 0, 0
	unknown := busy()
	unknown.BytesTotal = 0
	checking := busy()
	checking.Phase = PhaseChecking
	stopping := busy()
	stopping.Phase = PhaseStopping
	fresh := Snapshot{Phase: PhaseSending, BytesTotal: 1, Slots: 3}
	full := busy()
	full.BytesRead = 5000 // the file grew

	tests := []struct {
		name  string
		s     Snapshot
		width int
		want  string
	}{
		{"all there is room for", busy(), 120, "42% [==========>                 ] 2,950/s, 14s left, 1,234,567 accepted, 12 rejected, 3 failed, 41 retries, 2/3 slots"},
		{"80 columns", busy(), 80, "42% [==>     ] 2,950/s, 14s left, 12 rejected, 3 failed, 41 retries, 2/3 slots"},
		{"40 columns", busy(), 40, "42% 2,950/s, 14s left, 12 rejected"},
		{"30 columns", busy(), 30, "42% 2,950/s, 14s left"},
		{"10 columns", busy(), 10, "42% 2,..."},
		{"nothing went wrong", clean, 80, "42% [===>       ] 2,950/s, 14s left, 1,234,567 accepted, 0 rejected, 2/3 slots"},
		{"waiting", waiting, 80, "42% waiting: API answers 503 since 12 s, 2,950/s, 12 rejected, 3 failed"},
		{"waiting at 40", waiting, 40, "42% waiting: API answers 503 since 12 s"},
		{"unknown length", unknown, 80, "| 2,950/s, 1,234,567 accepted, 12 rejected, 3 failed, 41 retries, 2/3 slots"},
		{"checking", checking, 80, "42% [=====>         ] checking what is done, 12 rejected, 3 failed, 41 retries"},
		{"stopping", stopping, 40, "42% stopping, 12 rejected, 3 failed"},
		{"the very start", fresh, 80, "0% [                 ] 0 accepted, 0 rejected, 0 failed, 0 retries, 0/3 slots"},
		{"beyond the end", full, 60, "100% [============] 2,950/s, 0s left, 12 rejected, 3 failed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if tt.s.Waiting != "" {
					tt.s.WaitingSince = time.Now().Add(-12 * time.Second)
				}
				b := barAt(tt.width)
				if tt.s.Phase != PhaseSending {
					b.rates.add(tt.s)
				}
				got := fit(b.line(tt.s), tt.width-1)
				if got != tt.want {
					t.Errorf("\n%s\nwant\n%s", got, tt.want)
				}
			})
		})
	}
}

// snapshots draws snapshots of every kind, also impossible ones.
func snapshots(t *rapid.T) Snapshot {
	n := rapid.Int64Range(-1, 1<<40)
	c := rapid.Int64Range(0, 1<<40)
	return Snapshot{
		BytesRead: n.Draw(t, "read"), BytesTotal: n.Draw(t, "total"),
		Counts:  Counts{Accepted: c.Draw(t, "accepted"), Rejected: c.Draw(t, "rejected"), Failed: c.Draw(t, "failed")},
		Retries: c.Draw(t, "retries"), InFlight: rapid.IntRange(0, 99).Draw(t, "in flight"), Slots: rapid.IntRange(0, 99).Draw(t, "slots"),
		Waiting: rapid.SampledFrom([]string{"", "API answers 503", "\x1b[2J\nno", "日本語日本語日本語", strings.Repeat("long ", 40)}).Draw(t, "waiting"),
		Phase:   rapid.SampledFrom([]string{"", PhaseSending, PhaseChecking, PhaseStopping}).Draw(t, "phase"),
		Elapsed: time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "elapsed")),
	}
}

// Whatever the run and the width, the bar never wraps, never moves to another
// line and leaves nothing of an earlier one behind.
func TestBarLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := 80
		scr := &screen{columns: width}
		b := NewBar(scr, func() int { return width }, rapid.Bool().Draw(t, "colour"))
		for range rapid.IntRange(1, 6).Draw(t, "updates") {
			width = rapid.IntRange(2, 140).Draw(t, "width")
			scr.resize(width)
			s := snapshots(t)
			b.Update(s)
			if len(scr.lines) != 1 {
				t.Fatalf("%d lines at %d columns: %q", len(scr.lines), width, scr.text())
			}
			want := fit(b.line(s), width-1)
			if got := scr.text()[0]; got != strings.TrimRight(want, " ") {
				t.Fatalf("the screen has\n%q, want\n%q", got, want)
			}
			if uniseg.StringWidth(want) > width-1 {
				t.Fatalf("%q is wider than %d", want, width-1)
			}
		}
		b.Close()
		if len(scr.lines) != 2 || scr.text()[1] != "" {
			t.Fatalf("the end is not a clean line: %q", scr.text())
		}
	})
}

func TestBarWithoutColourHasNoEscapes(t *testing.T) {
	for _, colour := range []bool{false, true} {
		var out strings.Builder
		b := NewBar(&out, func() int { return 80 }, colour)
		s := busy()
		s.Waiting, s.WaitingSince = "API answers \x1b[31m503", time.Now()
		b.Update(s)
		b.Close()
		if got := strings.Contains(out.String(), "\x1b"); got != colour {
			t.Errorf("colour %v, escapes %v: %q", colour, got, out.String())
		}
	}
}

func TestLinesAboveTheBar(t *testing.T) {
	scr := &screen{columns: 80}
	b := NewBar(scr, func() int { return 80 }, false)
	p := Printer{Err: b}
	p.Warn("before")
	b.Update(busy())
	p.Warn("during")
	_, _ = io.WriteString(b, "unfinished")
	b.Close()
	b.Update(Snapshot{})
	b.Close()
	p.Warn("after")
	want := []string{
		"warning: before",
		"warning: during",
		"unfinished",
		"42% [===>      ] 1,234,567 accepted, 12 rejected, 3 failed, 41 retries, in 10s",
		"warning: after",
		"",
	}
	if got := scr.text(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the screen has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestBarThatNeverBegan(t *testing.T) {
	var out strings.Builder
	NewBar(&out, func() int { return 80 }, false).Close()
	if out.Len() > 0 {
		t.Errorf("wrote %q", out.String())
	}
}

func TestRates(t *testing.T) {
	var r rates
	at := func(second, accepted int64) Snapshot {
		return Snapshot{
			Phase: PhaseSending, Elapsed: time.Duration(second) * time.Second,
			Counts: Counts{Accepted: accepted}, BytesRead: accepted * 10, BytesTotal: 100_000,
		}
	}
	r.add(at(0, 0))
	if _, ok := r.accepted(at(0, 0)); ok {
		t.Error("there is a rate at once")
	}
	// A minute at 100 a second, then a minute at 10: what counts is the latter.
	accepted := int64(0)
	for second := int64(1); second <= 120; second++ {
		step := int64(100)
		if second > 60 {
			step = 10
		}
		accepted += step
		r.add(at(second, accepted))
		if len(r.samples) > 32 {
			t.Fatalf("%d samples are kept", len(r.samples))
		}
	}
	now := at(120, accepted)
	if got, _ := r.accepted(now); got != 10 {
		t.Errorf("recent rate %v, want 10", got)
	}
	if got, _ := r.left(now); got != 340*time.Second {
		t.Errorf("left %v, want 340s", got)
	}
	stuck := at(200, accepted)
	for second := int64(121); second <= 200; second++ {
		r.add(at(second, accepted))
	}
	if _, ok := r.left(stuck); ok {
		t.Error("there is an end in sight without progress")
	}
	next := at(201, accepted)
	next.Phase = PhaseStopping
	r.add(next)
	if _, ok := r.accepted(next); ok {
		t.Error("a new phase has the old one's rate")
	}
}

package ui

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// told runs a Log for a time, fed each 200 ms of it with what of returns, and
// returns "second message" of each line.
func told(t *testing.T, length time.Duration, of func(at time.Duration) Snapshot) []string {
	t.Helper()
	var out bytes.Buffer
	l := NewLog(NewLogger(&out, "json", slog.LevelInfo))
	start := time.Now()
	stop := Drive(t.Context(), l, 200*time.Millisecond, func() Snapshot {
		s := of(time.Since(start))
		s.Elapsed = time.Since(start)
		return s
	})
	time.Sleep(length)
	synctest.Wait()
	stop()
	if strings.Contains(out.String(), "\x1b") {
		t.Error("there is an escape in the log")
	}
	var lines []string
	for line := range strings.Lines(out.String()) {
		var l struct {
			Time time.Time
			Msg  string
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		lines = append(lines, fmt.Sprintf("%g %s", l.Time.Sub(start).Seconds(), l.Msg))
	}
	return lines
}

func TestLogLines(t *testing.T) {
	sending := func(time.Duration) Snapshot { return Snapshot{Phase: PhaseSending, Slots: 3} }
	tests := []struct {
		name   string
		length time.Duration
		of     func(at time.Duration) Snapshot
		want   []string
	}{
		{"every 30 s", 95 * time.Second, sending, []string{"0 started", "30 progress", "60 progress", "90 progress", "95 ended"}},
		{"at once", 0, sending, []string{"0 started", "0 ended"}},
		{"phases", 50 * time.Second, func(at time.Duration) Snapshot {
			switch {
			case at < 5*time.Second:
				return Snapshot{Phase: PhaseChecking, Slots: 3}
			case at < 45*time.Second:
				return Snapshot{Phase: PhaseSending, Slots: 3}
			}
			return Snapshot{Phase: PhaseStopping, Slots: 3}
		}, []string{"0 started", "5 sending", "35 progress", "45 stopping", "50 ended"}},
		{"a wait", 25 * time.Second, func(at time.Duration) Snapshot {
			if at >= 4*time.Second && at < 20*time.Second {
				return Snapshot{Phase: PhaseSending, Waiting: "API answers \x1b[31m503"}
			}
			return Snapshot{Phase: PhaseSending}
		}, []string{"0 started", "4 waiting", "20 going on", "25 ended"}},
		{"a wait that flickers", 25 * time.Second, func(at time.Duration) Snapshot {
			if at/(200*time.Millisecond)%2 == 1 {
				return Snapshot{Phase: PhaseSending, Waiting: "429"}
			}
			return Snapshot{Phase: PhaseSending}
		}, []string{"0 started", "0.2 waiting", "10.4 going on", "20.6 waiting", "25 ended"}},
		{"slots", 25 * time.Second, func(at time.Duration) Snapshot {
			return Snapshot{Phase: PhaseSending, Slots: max(1, 3-int(at/(2*time.Second)))}
		}, []string{"0 started", "2 slots changed", "12 slots changed", "25 ended"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if got := told(t, tt.length, tt.of); !slices.Equal(got, tt.want) {
					t.Errorf("told %q, want %q", got, tt.want)
				}
			})
		})
	}
}

// A run of two seconds in which everything changes all the time.
func TestLogOfAShortRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		phases := []string{PhaseChecking, PhaseSending, PhaseStopping}
		n := 0
		got := told(t, 2*time.Second, func(at time.Duration) Snapshot {
			n++
			s := Snapshot{Phase: phases[min(2, int(at/(700*time.Millisecond)))], Slots: n % 4}
			if n%2 == 0 {
				s.Waiting = fmt.Sprintf("answer %d", n)
			}
			return s
		})
		if len(got) > 30 {
			t.Errorf("%d lines", len(got))
		}
	})
}

func TestLogFigures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := NewLog(NewLogger(&out, "text", slog.LevelInfo))
		l.rates.add(Snapshot{Phase: PhaseSending, BytesTotal: 1000, Counts: Counts{Accepted: 1_205_067}})
		l.Update(busy())
		want := "level=INFO msg=started phase=sending bytes_read=420 bytes_total=1000 percent=42 " +
			"accepted=1234567 rejected=12 failed=3 invalid=0 duplicate=0 skipped=0 requests=12400 retries=41 in_flight=2 slots=3 " +
			"accepted_per_second=2950 seconds_left=13 seconds=10\n"
		if _, got, _ := strings.Cut(out.String(), " "); got != want { // the time's zone is the machine's
			t.Errorf("told\n%s\nwant\n%s", got, want)
		}
	})
}

func TestLogThatNeverBegan(t *testing.T) {
	var out bytes.Buffer
	NewLog(NewLogger(&out, "text", slog.LevelInfo)).Close()
	if out.Len() > 0 {
		t.Errorf("wrote %q", out.String())
	}
}

func TestLoggerLevel(t *testing.T) {
	var out bytes.Buffer
	log := NewLogger(&out, "text", slog.LevelWarn)
	log.Info("unheard")
	log.Warn("heard")
	if got := out.String(); strings.Contains(got, "unheard") || !strings.Contains(got, "heard") {
		t.Errorf("wrote %q", got)
	}
}

// recorder is a Progress that writes down its calls.
type recorder struct{ calls []string }

func (r *recorder) Update(s Snapshot) {
	r.calls = append(r.calls, fmt.Sprintf("update %d", s.Requests))
}
func (r *recorder) Close() { r.calls = append(r.calls, "close") }

func TestDrive(t *testing.T) {
	tests := []struct {
		name   string
		cancel time.Duration // when the context ends; 0 is never
		want   []string
	}{
		{"stopped", 0, []string{"update 1", "update 2", "update 3", "update 4", "close"}},
		{"context ends first", 1500 * time.Millisecond, []string{"update 1", "update 2", "update 3", "close"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if tt.cancel > 0 {
					time.AfterFunc(tt.cancel, cancel)
				}
				r := &recorder{}
				n := int64(0)
				stop := Drive(ctx, r, time.Second, func() Snapshot { n++; return Snapshot{Requests: n} })
				time.Sleep(2500 * time.Millisecond)
				synctest.Wait()
				stop()
				stop()
				if !slices.Equal(r.calls, tt.want) {
					t.Errorf("calls %q, want %q", r.calls, tt.want)
				}
			})
		})
	}
}

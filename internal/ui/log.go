package ui

import (
	"io"
	"log/slog"
	"math"
	"time"
)

// NewLogger returns a logger for people ("text") or for machines ("json").
// Lines below the level are left out.
func NewLogger(w io.Writer, format string, level slog.Leveler) *slog.Logger {
	o := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

const (
	// logEvery is how often the log tells how far the run is.
	logEvery = 30 * time.Second
	// logPause is the shortest time between two lines about the same kind of
	// change. A wait that comes and goes each second is told a few times a
	// minute, not sixty.
	logPause = 10 * time.Second
)

// Log tells in log lines how far a run is: at the start, every 30 seconds, at
// each change of state and at the end.
type Log struct {
	log   *slog.Logger
	rates rates
	last  Snapshot

	begun, ended bool
	said         time.Time // when the last line with all figures was written
	phase        string    // as last told
	waiting      change[string]
	slots        change[int]
}

var _ Progress = (*Log)(nil)

// NewLog returns a Log that writes to log.
func NewLog(log *slog.Logger) *Log { return &Log{log: log} }

// change is a state that is told when it changes, but not too often.
type change[T comparable] struct {
	told T
	at   time.Time
}

// tell tells whether the state is to be told now.
func (c *change[T]) tell(now time.Time, state T) bool {
	if state == c.told || !c.at.IsZero() && now.Sub(c.at) < logPause {
		return false
	}
	c.told, c.at = state, now
	return true
}

// Update writes a line if there is something to tell.
func (l *Log) Update(s Snapshot) {
	if l.ended {
		return
	}
	now := time.Now()
	l.last = s
	l.rates.add(s)
	if !l.begun {
		l.begun = true
		l.phase, l.slots.told = s.Phase, s.Slots
		l.figures(now, "started")
	}
	if s.Phase != l.phase {
		l.phase = s.Phase
		l.figures(now, Clean(s.Phase))
	}
	l.changes(now, s)
	if now.Sub(l.said) >= logEvery {
		l.figures(now, "progress")
	}
}

// Close writes the last line.
func (l *Log) Close() {
	if !l.begun || l.ended {
		return
	}
	l.ended = true
	l.figures(time.Now(), "ended")
}

// changes tells of a wait that began or ended and of a new number of slots.
func (l *Log) changes(now time.Time, s Snapshot) {
	before := l.waiting.told
	if l.waiting.tell(now, s.Waiting) {
		if s.Waiting != "" {
			l.log.Warn("waiting", "why", Clean(s.Waiting))
		} else {
			l.log.Info("going on", "after", Clean(before))
		}
	}
	if l.slots.told == 0 {
		l.slots.told = s.Slots // the first that is known is no change
	}
	if l.slots.tell(now, s.Slots) {
		l.log.Info("slots changed", "slots", s.Slots)
	}
}

// figures writes a line with all figures.
func (l *Log) figures(now time.Time, message string) {
	l.said = now
	s := l.last
	attrs := []any{"phase", Clean(s.Phase), "bytes_read", s.BytesRead}
	if share, ok := s.share(); ok {
		attrs = append(attrs, "bytes_total", s.BytesTotal, "percent", math.Floor(share*1000)/10)
	}
	attrs = append(attrs,
		"accepted", s.Counts.Accepted, "rejected", s.Counts.Rejected, "failed", s.Counts.Failed,
		"invalid", s.Counts.Invalid, "duplicate", s.Counts.Duplicate, "skipped", s.Counts.Skipped,
		"requests", s.Requests, "retries", s.Retries, "in_flight", s.InFlight, "slots", s.Slots)
	if rate, ok := l.rates.accepted(s); ok {
		attrs = append(attrs, "accepted_per_second", math.Round(rate))
	}
	if left, ok := l.rates.left(s); ok && !l.ended && s.Waiting == "" {
		attrs = append(attrs, "seconds_left", whole(left))
	}
	if s.Waiting != "" {
		attrs = append(attrs, "waiting", Clean(s.Waiting))
	}
	attrs = append(attrs, "seconds", whole(s.Elapsed))
	l.log.Info(message, attrs...)
}

// whole is a time in whole seconds.
func whole(d time.Duration) int64 { return int64(d / time.Second) }

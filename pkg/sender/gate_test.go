package sender

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func half() float64 { return .5 }

// play lets the gate see answers, 'o' for one and 't' for a 429.
func play(g *gate, answers string) {
	now := clock
	for _, a := range answers {
		now = now.Add(25 * time.Millisecond)
		g.note(a == 't', 25*time.Millisecond, now)
	}
}

func TestAdaptiveLimit(t *testing.T) {
	cases := []struct {
		name, answers   string
		limit, interval int
	}{
		{"a single 429 is no news", "ooootoooo", 3, 4},
		{"two far apart neither", "tooootoooot", 3, 4},
		{"two of four step down", "oooto" + "ot", 2, 4},
		{"they are forgotten then", "tto" + "ot", 2, 4},
		{"never under one", "tttttttttttttt", 1, 4},
		{"four answers later up again", "tt" + "oooo", 3, 4},
		{"a step up that fails doubles the interval", "tt" + "oooo" + "tt", 2, 8},
		{"and again", "tt" + "oooo" + "tt" + "oooooooo" + "tt", 2, 16},
		{"one that holds resets it", "tt" + "oooo" + "tt" + "oooooooo" + "oooooooo", 3, 4},
	}
	for _, c := range cases {
		g := newGate(3, 0, half)
		play(&g, c.answers)
		if g.limit != c.limit || g.interval != c.interval {
			t.Errorf("%s: limit %d, interval %d; want %d, %d", c.name, g.limit, g.interval, c.limit, c.interval)
		}
	}
}

// With one slot left, 429s pause the gate, longer and longer, up to 2 s.
func TestThrottledToNothing(t *testing.T) {
	g := newGate(1, 0, half)
	now, last := clock, time.Duration(0)
	for i := range 12 {
		g.note(true, time.Millisecond, now)
		pause := g.pause.Sub(now)
		if i == 0 && pause > 0 || i > 0 && (pause < last || pause < 37*time.Millisecond || pause > throttleMax) {
			t.Fatalf("429 number %d pauses for %v, after %v", i+1, pause, last)
		}
		last = max(pause, 0)
		now = later(now, g.pause)
	}
	if last < throttleMax/2 {
		t.Errorf("pauses end at %v", last)
	}
	g.note(false, time.Millisecond, now)
	if g.streak != 0 {
		t.Error("an answer does not end the row")
	}
}

// Requests that hang give no answers to count.
func TestLimitIsNotStarved(t *testing.T) {
	g := newGate(3, 0, half)
	play(&g, "oooo"+"tt")
	now := g.news
	at := g.starved(now)
	if want := now.Add(100 * time.Millisecond); !at.Equal(want) {
		t.Fatalf("asks again at %v, want %v", at, want)
	}
	if g.starved(at); g.limit != 3 {
		t.Errorf("limit %d", g.limit)
	}
	if !g.starved(at.Add(time.Hour)).IsZero() || g.limit != 3 {
		t.Errorf("limit %d over the most", g.limit)
	}
}

func TestLimitStaysInRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 8).Draw(t, "most")
		g := newGate(most, 0, half)
		for _, throttled := range rapid.SliceOf(rapid.Bool()).Draw(t, "answers") {
			g.note(throttled, time.Millisecond, clock)
			g.starved(clock)
			if g.limit < 1 || g.limit > most || g.interval > probeMax {
				t.Fatalf("limit %d of %d, interval %d", g.limit, most, g.interval)
			}
		}
	})
}

func TestBackoff(t *testing.T) {
	for n, want := range map[int]time.Duration{-1: 200 * time.Millisecond, 0: 200 * time.Millisecond, 1: 400 * time.Millisecond,
		5: 6400 * time.Millisecond, 6: 10 * time.Second, 200: 10 * time.Second} {
		if got := backoff(backoffBase, backoffMax, n); got != want {
			t.Errorf("backoff %d is %v, want %v", n, got, want)
		}
	}
}

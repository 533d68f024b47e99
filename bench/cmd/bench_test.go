//go:build unix

package main

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 2, 3}, 2.5},
	} {
		if got := median(c.values); got != c.want {
			t.Errorf("median of %v: got %v, want %v", c.values, got, c.want)
		}
	}
}

// The middle of several runs must not hide that one of them lost somebody, or
// that one failed.
func TestMiddle(t *testing.T) {
	list := []sample{
		{usage: usage{wall: 1, cpu: 5, peak: 10, exit: 1}, busy: 0.9, lost: 0, repeated: 7},
		{usage: usage{wall: 3, cpu: 4, peak: 30}, busy: 0.7, lost: 100, missing: 3},
		{usage: usage{wall: 2, cpu: 6, peak: 20}, busy: 0.8, failed: 2},
	}
	got := middle(list)
	if got.wall != 2 || got.cpu != 5 || got.peak != 20 || got.busy != 0.8 {
		t.Errorf("not the medians: %+v", got)
	}
	if got.lost != 100 || got.repeated != 7 || got.missing != 3 || got.failed != 2 || got.exit != 1 {
		t.Errorf("not the worst: %+v", got)
	}
	if got := middle(append(list, sample{problem: "it hung"})); got.problem != "it hung" {
		t.Errorf("a failed run is hidden: %+v", got)
	}
}

func TestBusy(t *testing.T) {
	first := time.Unix(0, 0)
	b := books{First: first, Busy: 6, Hung: 2}
	// Ten seconds of three slots are thirty; two of them hung.
	if got, want := b.busy(first.Add(10*time.Second)), 6.0/28; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := (books{}).busy(first); got != 0 {
		t.Errorf("without a request: got %v", got)
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -100: "-100", -1000: "-1,000"} {
		if got := count(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}

func TestMentions(t *testing.T) {
	for text, want := range map[string]bool{`{"distinct": 100}`: true, "100\n": true, "1000": false, "2100": false, "": false} {
		if got := mentions(text, 100); got != want {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

func TestPageSaysWhatDoesNotHold(t *testing.T) {
	var p page
	p.goal("speed", ">= 2", "3", true)
	p.goal("memory", "<= 2", "3", false)
	p.section("A case", "words", table([]string{"", "s"}, [][]string{{"a|b", "1"}, {"peer", "missing: x", "dropped"}}))
	got := string(p.render())
	for _, want := range []string{
		"What must hold (1 of 2 do)", "| speed | >= 2 | 3 | yes |", "| memory | <= 2 | 3 | **no** |",
		`| a\|b | 1 |`, "| peer | missing: x |",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in:\n%s", want, got)
		}
	}
}

func TestShort(t *testing.T) {
	for problem, want := range map[string]string{
		"missing: npm is not installed":                       "missing: npm is not installed",
		"npm install: exit status 1: see /home/me/.npm/_logs": "npm install: exit status 1: see …",
		strings.Repeat("x", 200):                              strings.Repeat("x", 120) + "…",
	} {
		if got := short(problem); got != want {
			t.Errorf("%q: got %q", problem, got)
		}
	}
}

func TestInputIsDistinct(t *testing.T) {
	const n = 20_000
	name := filepath.Join(t.TempDir(), "in.csv")
	if err := writeInput(name, n); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	seen := map[string]bool{}
	for s := bufio.NewScanner(f); s.Scan(); {
		id, _, _ := strings.Cut(s.Text(), ",")
		seen[id] = true
	}
	if len(seen) != n+1 || !seen["identity"] {
		t.Errorf("got %d different first cells, want a header and %d identities", len(seen), n)
	}
}

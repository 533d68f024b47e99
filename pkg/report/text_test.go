package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func finished() Summary {
	return Summary{
		Version: SummaryVersion, Program: "1.2.3", RunID: "r1", Inputs: []string{"ids.csv"}, Account: "ABC-123-4DE", Host: "in1.api.clevertap.com",
		State: StateFinished, ExitCode: 1, Records: 1_000_000,
		Counts:   Counts{Accepted: 998_120, Rejected: 22, Failed: 100, Invalid: 800, Duplicate: 950, Skipped: 8},
		Requests: 10_104, Retries: 120, Starts: 2,
		StartedAt: at, EndedAt: at.Add(336 * time.Second), Seconds: 336, TotalSeconds: 400, Rate: 2973.4,
		Reasons: []Reason{
			{StatusInvalid, "empty", 0, 800}, {StatusFailed, "time-out", 0, 100}, {StatusRejected, "no profile «identity»", 523, 22},
		},
		Report: "ids.csv.demerge/report.csv", Next: "bulkdemerge retry ids.csv.demerge",
	}
}

func text(t *testing.T, s Summary, st Style) string {
	t.Helper()
	var b strings.Builder
	if err := s.WriteText(&b, st); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestWriteText(t *testing.T) {
	want := `finished: 998,120 of 999,042 identities accepted, 922 records need a look
  1,000,000 records = 998,120 accepted + 22 rejected + 100 failed + 800 invalid + 950 duplicate + 8 skipped
  sent     10,104 requests, 120 of them repeats in 6 min 40 s and 2 starts, 2,495 accepted a second
  invalid  800 x empty
  failed   100 x time-out
  rejected 22 x no profile «identity» (code 523)
  hint     once the reasons are mended, retry --rejected sends the rejected again
  report   ids.csv.demerge/report.csv
  next     bulkdemerge retry ids.csv.demerge
  note     accepted is not done: CleverTap demerges from 4 to 7 AM in the account's time zone, a million may take days
`
	if got := text(t, finished(), Style{}); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestWriteTextFitsTenLines(t *testing.T) {
	s := finished()
	s.State = StateStopped
	s.Stop = &Stop{Kind: "credentials", Message: "401\nfrom the\x1b[31m API", Hint: "check the passcode\nand the region"}
	s.Reasons = nil
	for i := range 50 {
		s.Reasons = append(s.Reasons, Reason{StatusFailed, strings.Repeat("é", 300) + "\x1b[2J", i, 10})
	}
	for _, color := range []bool{false, true} {
		got := text(t, s, Style{Color: color})
		if n := strings.Count(got, "\n"); n != summaryLines {
			t.Errorf("%d lines:\n%s", n, got)
		}
		if strings.Contains(got, "\x1b[31m API") || strings.Contains(got, "\x1b[2J") {
			t.Errorf("a foreign escape went through:\n%q", got)
		}
		if strings.Contains(got, "\x1b") != color {
			t.Errorf("colour %v:\n%q", color, got)
		}
		if !strings.Contains(got, "and      49 more reasons for 490 records\n") {
			t.Errorf("the rest is not counted:\n%s", got)
		}
	}
}

func TestVerdict(t *testing.T) {
	tests := []struct {
		state string
		c     Counts
		want  string
	}{
		{StateFinished, Counts{Accepted: 1000, Duplicate: 5}, "all 1,000 identities accepted"},
		{StateFinished, Counts{Accepted: 1}, "the one identity is accepted"},
		{StateFinished, Counts{Accepted: 9, Rejected: 1}, "9 of 10 identities accepted, 1 record needs a look"},
		{StateFinished, Counts{Duplicate: 5}, "nothing to send, every record is a duplicate or skipped"},
		{StateFinished, Counts{}, "the input holds no record"},
		{StateStopped, Counts{}, "nothing is settled yet"},
		{StateStopped, Counts{Accepted: 50}, "50 identities accepted so far"},
		{StateStopped, Counts{Accepted: 1}, "1 identity accepted so far"},
		{StateDied, Counts{Accepted: 50}, "50 identities accepted so far"},
		{StateRunning, Counts{Accepted: 50}, "50 identities accepted so far"},
	}
	for _, tt := range tests {
		if got := (Summary{State: tt.state, Counts: tt.c}).Verdict(); got != tt.want {
			t.Errorf("%s %+v: %q, want %q", tt.state, tt.c, got, tt.want)
		}
	}
}

func TestNote(t *testing.T) {
	s := finished()
	s.Sandbox = true
	if !strings.Contains(s.note(), "nothing has reached CleverTap") {
		t.Errorf("sandbox: %q", s.note())
	}
	s = Summary{Counts: Counts{Invalid: 3}}
	if s.note() != "" {
		t.Errorf("nothing accepted: %q", s.note())
	}
}

func TestHumanSeconds(t *testing.T) {
	for s, want := range map[float64]string{
		0: "0 ms", 0.25: "250 ms", 0.9999: "1.0 s", 1.26: "1.3 s", 42.4: "42 s", 59.7: "1 min 0 s",
		336: "5 min 36 s", 7380: "2 h 3 min", 363600: "4 d 5 h",
	} {
		if got := humanSeconds(s); got != want {
			t.Errorf("%v: %q, want %q", s, got, want)
		}
	}
}

type fullDisk struct{}

var errFull = errors.New("disk full")

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestWriteErrorsComeBack(t *testing.T) {
	if err := finished().WriteText(fullDisk{}, Style{}); !errors.Is(err, errFull) {
		t.Errorf("WriteText: %v", err)
	}
}

func TestSummaryKeepsItsKeys(t *testing.T) {
	s := finished()
	s.Stop = &Stop{Kind: "signal"}
	s.Resume = &Place{Source: "ids.csv", Line: 7}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	// Scripts read these: a key that goes is a breaking change.
	for _, key := range []string{
		"version", "program", "run_id", "inputs", "account", "host", "sandbox", "state", "stop_reason", "exit_code",
		"records", "counts", "requests", "retries", "starts", "started_at", "ended_at", "elapsed_seconds",
		"total_seconds", "rate", "resume", "reasons", "report", "next",
	} {
		if _, ok := m[key]; !ok {
			t.Errorf("no key %q", key)
		}
		delete(m, key)
	}
	if len(m) != 0 {
		t.Errorf("unexpected keys: %v", fmt.Sprint(m))
	}
}

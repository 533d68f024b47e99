package ui

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/bulkdemerge/bulkdemerge/internal/hint"
)

func TestMain(m *testing.M) {
	if os.Getenv(askVariable) != "" {
		os.Exit(ask())
	}
	goleak.VerifyTestMain(m)
}

func TestPrinter(t *testing.T) {
	var out strings.Builder
	p := Printer{Err: &out}
	p.Error(fmt.Errorf("reading ids.csv: %w", hint.New("no column", "give --column")))
	p.Error(errors.New("a\x1b[31m\nb"))
	p.Warn("a\tvariable")
	p.Info("nothing to do")
	Printer{Err: &out, Quiet: true}.Info("unheard")
	Printer{Err: &out, Quiet: true}.Warn("heard")
	want := `error: reading ids.csv: no column
hint: give --column
error: a\x1B[31m b
warning: a variable
nothing to do
warning: heard
`
	if out.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", out.String(), want)
	}
}

func TestClean(t *testing.T) {
	tests := []struct{ in, want string }{
		{"plain", "plain"},
		{"grüße, 日本", "grüße, 日本"},
		{"end\r\n", "end"},
		{"two\r\nlines", "two lines"},
		{"bell\a", `bell\x07`},
		{"\xff", `\xFF`},
		{"c1 \u009b31m", `c1 \xC2\x9B31m`},
		{"\u202eevil", `\xE2\x80\xAEevil`},
	}
	for _, tt := range tests {
		if got := Clean(tt.in); got != tt.want {
			t.Errorf("Clean(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestCleanLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := string(rapid.SliceOf(rapid.Byte()).Draw(t, "in"))
		got := Clean(in)
		if !utf8.ValidString(got) || strings.ContainsFunc(got, unsafeRune) {
			t.Fatalf("Clean(%q) = %q is not clean", in, got)
		}
		if again := Clean(got); again != got {
			t.Fatalf("Clean(%q) changes to %q", got, again)
		}
	})
}

func TestChoose(t *testing.T) {
	tests := []struct {
		kind     string
		terminal bool
		term     string
		quiet    bool
		want     string
	}{
		{"auto", true, "xterm-256color", false, "bar"},
		{"auto", true, "", false, "bar"}, // Windows sets no TERM
		{"auto", true, "dumb", false, "log"},
		{"auto", false, "xterm", false, "log"},
		{"", true, "xterm", false, "bar"},
		{"auto", true, "xterm", true, "none"},
		{"log", true, "xterm", false, "log"},
		{"log", true, "xterm", true, "none"},
		{"bar", false, "", false, "bar"},
		{"none", true, "xterm", false, "none"},
	}
	for _, tt := range tests {
		if got := Choose(tt.kind, tt.terminal, tt.term, tt.quiet); got != tt.want {
			t.Errorf("Choose(%+v) = %s", tt, got)
		}
	}
}

func TestColour(t *testing.T) {
	if got, want := Colour("", "xterm"), runtime.GOOS != "windows"; got != want {
		t.Errorf("Colour = %v", got)
	}
	if Colour("1", "xterm") || Colour("", "dumb") {
		t.Error("there is colour where none is wanted")
	}
}

func TestTimes(t *testing.T) {
	tests := []struct {
		d             time.Duration
		span, seconds string
	}{
		{-time.Second, "0s", "0 s"},
		{400 * time.Millisecond, "0s", "0 s"},
		{12 * time.Second, "12s", "12 s"},
		{59*time.Second + 600*time.Millisecond, "1m00s", "59 s"},
		{12*time.Minute + 3*time.Second, "12m03s", "12m03s"},
		{3*time.Hour + 7*time.Minute, "3h07m", "3h07m"},
		{53 * time.Hour, "2d05h", "2d05h"},
	}
	for _, tt := range tests {
		if got := span(tt.d); got != tt.span {
			t.Errorf("span(%v) = %s, want %s", tt.d, got, tt.span)
		}
		if got := seconds(tt.d); got != tt.seconds {
			t.Errorf("seconds(%v) = %s, want %s", tt.d, got, tt.seconds)
		}
	}
}

func TestFit(t *testing.T) {
	tests := []struct {
		line    string
		columns int
		want    string
	}{
		{"abcdef", 6, "abcdef"},
		{"abcdef", 5, "ab..."},
		{"abcdef", 3, "..."},
		{"abcdef", 1, "."},
		{"日本語日本語", 8, "日本..."},
	}
	for _, tt := range tests {
		if got := fit(tt.line, tt.columns); got != tt.want {
			t.Errorf("fit(%q, %d) = %q, want %q", tt.line, tt.columns, got, tt.want)
		}
	}
}

func TestWidthWithoutTerminal(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if w := Width(f)(); w != defaultWidth {
		t.Errorf("width %d", w)
	}
	if IsTerminal(f) {
		t.Error("a file is a terminal")
	}
}

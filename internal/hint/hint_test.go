package hint_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/bulkdemerge/bulkdemerge/internal/hint"
)

// foreign is an error of a package that does not know this one.
type foreign struct{ hint string }

func (f foreign) Error() string { return "foreign" }
func (f foreign) Hint() string  { return f.hint }

func TestOf(t *testing.T) {
	tests := []struct {
		name       string
		err        error
		text, want string
	}{
		{"plain", io.EOF, "EOF", ""},
		{"new", hint.New("no such file", "look again"), "no such file", "look again"},
		{"wrap keeps the text", hint.Wrap(io.EOF, "read on"), "EOF", "read on"},
		{"under fmt", fmt.Errorf("opening: %w", hint.Wrap(io.EOF, "read on")), "opening: EOF", "read on"},
		{"outermost wins", hint.Wrap(fmt.Errorf("a: %w", hint.New("b", "inner")), "outer"), "a: b", "outer"},
		{"an empty hint hides none", &hint.Error{Msg: "a", Err: hint.New("b", "inner")}, "a: b", "inner"},
		{"foreign", fmt.Errorf("a: %w", foreign{"theirs"}), "a: foreign", "theirs"},
		{"joined", errors.Join(io.EOF, hint.New("b", "second")), "EOF\nb", "second"},
		{"two causes", fmt.Errorf("%w, %w", io.EOF, foreign{"theirs"}), "EOF, foreign", "theirs"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := hint.Of(tt.err); got != tt.want {
				t.Errorf("Of() = %q, want %q", got, tt.want)
			}
			if got := tt.err.Error(); got != tt.text {
				t.Errorf("Error() = %q, want %q", got, tt.text)
			}
		})
	}
	if hint.Wrap(nil, "x") != nil || hint.Of(nil) != "" {
		t.Error("nil has become an error")
	}
	if !errors.Is(hint.Wrap(io.EOF, "x"), io.EOF) {
		t.Error("the cause is lost")
	}
}

func TestNearest(t *testing.T) {
	flags := []string{"region", "endpoint", "passcode-file", "max-failures", "max-attempts", "concurrency", "out"}
	regions := []string{"eu", "in1", "sg1", "us1", "aps3", "mec1"}
	tests := []struct {
		word       string
		candidates []string
		want       string
	}{
		{"regoin", flags, "region"},
		{"Region", flags, "region"},
		{"max-failure", flags, "max-failures"},
		{"concurency", flags, "concurrency"},
		{"passcode", flags, "passcode-file"},
		{"zzz", flags, ""},
		{"port", flags, ""},
		{"", flags, ""},
		{"us", regions, "us1"},
		{"in", regions, "in1"},
		{"IN1", regions, "in1"},
		{"asia", regions, ""},
		{"eu1", regions, "eu"},
		{"rnu", []string{"config", "plan", "run", "retry"}, "run"},
		{"nru", []string{"config", "plan", "run", "retry"}, ""},
		{"x", nil, ""},
	}
	for _, tt := range tests {
		if got := hint.Nearest(tt.word, tt.candidates); got != tt.want {
			t.Errorf("Nearest(%q) = %q, want %q", tt.word, got, tt.want)
		}
	}
	if got := hint.DidYouMean("regoin", flags); got != "did you mean region?" {
		t.Errorf("DidYouMean = %q", got)
	}
	if got := hint.DidYouMean("zzz", flags); got != "" {
		t.Errorf("DidYouMean = %q, want none", got)
	}
}

func TestNearestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.StringMatching(`[a-z0-9-]{1,12}`), 1, 8).Draw(t, "candidates")
		i := rapid.IntRange(0, len(words)-1).Draw(t, "i")
		if got := hint.Nearest(strings.ToUpper(words[i]), words); got != words[i] {
			t.Fatalf("a candidate itself, %q, suggests %q", words[i], got)
		}
	})
}

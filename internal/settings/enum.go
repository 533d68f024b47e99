package settings

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkdemerge/bulkdemerge/internal/hint"
)

// Enum is one word of a few. Case does not count when it is set.
type Enum struct {
	value   string
	allowed []string
}

// NewEnum returns an Enum that holds value, which may be "" for "not given",
// and takes the allowed words, in lower case.
func NewEnum(value string, allowed ...string) *Enum {
	return &Enum{value: value, allowed: allowed}
}

// Set takes one of the allowed words.
func (e *Enum) Set(text string) error {
	word := strings.ToLower(strings.TrimSpace(text))
	if !slices.Contains(e.allowed, word) {
		return hint.New("not one of "+strings.Join(e.allowed, ", "), hint.DidYouMean(word, e.allowed))
	}
	e.value = word
	return nil
}

// String is the word.
func (e *Enum) String() string { return e.value }

// Words are the allowed words.
func (e *Enum) Words() []string { return slices.Clone(e.allowed) }

// Type names the value in usage lines.
func (e *Enum) Type() string { return strings.Join(e.allowed, "|") }

// Delimiter is what stands between the cells of a CSV row; 0 is not given.
type Delimiter byte

// Set reads one of , ; | or a tab, which may be written as tab or \t.
func (d *Delimiter) Set(text string) error {
	switch text {
	case ",", ";", "|", "\t":
		*d = Delimiter(text[0])
	case "tab", `\t`:
		*d = '\t'
	default:
		return hint.New("not a delimiter", `write one of "," ";" "|" "tab"`)
	}
	return nil
}

// String is what Set reads, or "" if no delimiter is given.
func (d *Delimiter) String() string {
	switch {
	case d == nil || *d == 0:
		return ""
	case *d == '\t':
		return "tab"
	}
	return fmt.Sprintf("%c", *d)
}

// Type names the value in usage lines.
func (*Delimiter) Type() string { return "char" }

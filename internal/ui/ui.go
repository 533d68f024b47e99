// Package ui is everything that people see while a command runs.
//
// The rules of the terminal:
//
//   - stdout is for results: summaries, pages, JSON, exported rows. Nothing of
//     this package writes there.
//   - stderr is for people: errors, hints, warnings, the bar or the log.
//   - Questions are asked on the terminal itself, so that stdin can be data and
//     stderr a file.
//   - An error is one line, "error: " before it; what to do next is a line of
//     its own below it, "hint: " before that. A warning begins with "warning: ".
//     Other remarks have nothing before them.
//   - Lower case, no full stop, no exclamation mark.
//   - Nothing shows an identity or the passcode.
//   - Nothing that came from a file or from the network reaches a terminal
//     unescaped: control characters stand as \xNN.
//   - Colours are never all that tells something, and NO_COLOR leaves them out.
//     A dumb terminal gets log lines in place of the bar.
package ui

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/bulkdemerge/bulkdemerge/internal/hint"
)

// Printer writes messages for people, each a whole line in one write.
type Printer struct {
	Err   io.Writer // stderr, or a Bar, which keeps itself below the lines
	Quiet bool      // leave Info out
}

// Error writes an error and, if it has one, its hint.
func (p Printer) Error(err error) {
	p.line("error: ", err.Error())
	if h := hint.Of(err); h != "" {
		p.Hint(h)
	}
}

// Hint writes what to do next.
func (p Printer) Hint(text string) { p.line("hint: ", text) }

// Warn writes a warning.
func (p Printer) Warn(text string) { p.line("warning: ", text) }

// Info writes a remark, unless the printer is quiet.
func (p Printer) Info(text string) {
	if !p.Quiet {
		p.line("", text)
	}
}

// line writes one message. Where stderr itself can't be written to, there is
// nobody left to tell.
func (p Printer) line(kind, text string) {
	_, _ = io.WriteString(p.Err, kind+Clean(text)+"\n")
}

// Clean is text as one line that is safe on a terminal: line ends are spaces,
// other control characters, characters that reverse the direction of writing
// and broken UTF-8 stand as \xNN.
func Clean(text string) string {
	text = strings.TrimRight(text, "\r\n")
	if strings.IndexFunc(text, unsafeRune) < 0 && utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == '\n' || r == '\t':
			b.WriteByte(' ')
		case r == '\r':
		case unsafeRune(r) || r == utf8.RuneError && size == 1:
			for _, c := range []byte(text[i : i+size]) {
				fmt.Fprintf(&b, `\x%02X`, c)
			}
		default:
			b.WriteString(text[i : i+size])
		}
		i += size
	}
	return b.String()
}

// unsafeRune tells whether r could move a cursor or change how others read.
func unsafeRune(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
}

// defaultWidth is how many columns are assumed where nobody tells.
const defaultWidth = 80

// Width returns a function that asks for the columns of f's terminal, anew at
// each call, because windows are resized.
func Width(f *os.File) func() int {
	return func() int {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			return w
		}
		return defaultWidth
	}
}

// IsTerminal tells whether f is a terminal.
func IsTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// Colour tells whether a terminal is to get colours: not if the variable
// NO_COLOR has any value (no-color.org), not if TERM is dumb, and not on
// Windows, whose older consoles would show the escape sequences as text.
func Colour(noColour, term string) bool {
	return noColour == "" && term != "dumb" && runtime.GOOS != "windows"
}

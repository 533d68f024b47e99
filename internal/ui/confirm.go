package ui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/bulkdemerge/bulkdemerge/internal/hint"
)

// Plan is what a run is about to do, as far as it is known before the input
// has been read.
type Plan struct {
	Host     string        // the API host that is sent to
	Account  string        // the account id, which has to be typed
	Files    []string      // names of the inputs
	Records  int64         // estimate; 0 or less if unknown
	Done     int64         // of these, settled by earlier starts
	Limit    int64         // identities at most this time; 0: all
	Requests int64         // estimate; 0 or less if unknown
	Duration time.Duration // estimate; 0 if unknown
	Exact    bool          // the figures are no estimates
	Sandbox  bool          // nothing real is at stake: nothing is asked
}

// ErrNotConfirmed is the error of Confirm for any answer but the right one.
var ErrNotConfirmed = errors.New("not confirmed, nothing was sent")

// maxAnswer is the longest answer that is read, in bytes.
const maxAnswer = 256

// Confirm tells on the terminal what is about to happen and asks for the
// account id to be typed. It returns nil if it was, else an error that is
// ErrNotConfirmed; if ctx ended meanwhile, at once, an error that is also its
// cause.
//
// tty should be able to set read deadlines, as the one of OpenTTY is on Unix:
// where it isn't, a question that ctx ended leaves its reader behind until the
// terminal or the process is gone.
func Confirm(ctx context.Context, tty io.ReadWriter, p Plan) error {
	if p.Sandbox {
		return nil
	}
	if p.Account == "" {
		return hint.Wrap(fmt.Errorf("%w: there is no account id to confirm", ErrNotConfirmed), "set --account-id")
	}
	if _, err := io.WriteString(tty, question(p)); err != nil {
		return fmt.Errorf("%w: asking on the terminal: %w", ErrNotConfirmed, err)
	}
	answer, err := readAnswer(ctx, tty)
	if err != nil {
		_, _ = io.WriteString(tty, "\n") // the shell's prompt is not to stand in the question
		return fmt.Errorf("%w: %w", ErrNotConfirmed, err)
	}
	if strings.TrimSpace(answer) != p.Account {
		return hint.Wrap(ErrNotConfirmed, "type the account id exactly as it stands there")
	}
	return nil
}

// question is the text of the question, the cursor left behind it.
func question(p Plan) string {
	var b strings.Builder
	b.WriteString("about to demerge:\n\n")
	row := func(name, value string) { fmt.Fprintf(&b, "  %-9s %s\n", name, Clean(value)) }
	row("host", p.Host)
	row("account", p.Account)
	row("files", fileNames(p.Files))
	row("records", p.figure(p.Records))
	if p.Done > 0 {
		row("done", humanize.Comma(p.Done)+" of these by earlier starts")
	}
	if p.Limit > 0 {
		row("limit", humanize.Comma(p.Limit)+" identities this time")
	}
	row("requests", p.figure(p.Requests))
	switch {
	case p.Duration <= 0:
		row("time", "unknown")
	case p.Duration < time.Second:
		row("time", "about a second")
	default:
		row("time", "about "+span(p.Duration))
	}
	b.WriteString("\na demerge can't be undone: each device of a profile becomes a profile of its\n" +
		"own, without identity, and event data may be lost\n")
	if !p.Exact {
		b.WriteString("these are estimates, `bulkdemerge plan` has the exact figures\n")
	}
	b.WriteString("\ntype the account id to go on: ")
	return b.String()
}

// fileNames lists the first few names: the question has to stay on the screen.
func fileNames(names []string) string {
	const shown = 3
	if len(names) > shown {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
	}
	return strings.Join(names, ", ")
}

func (p *Plan) figure(n int64) string {
	switch {
	case n <= 0:
		return "unknown"
	case p.Exact:
		return humanize.Comma(n)
	}
	return "about " + humanize.Comma(n)
}

// readAnswer reads one line, or until ctx ends.
func readAnswer(ctx context.Context, tty io.Reader) (string, error) {
	type result struct {
		line string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		line, err := readLine(tty)
		done <- result{line, err}
	}()
	select {
	case r := <-done:
		if ctx.Err() != nil { // both at once: whoever pressed Ctrl-C meant it
			return "", context.Cause(ctx)
		}
		return r.line, r.err
	case <-ctx.Done():
	}
	if t, ok := tty.(interface{ SetReadDeadline(time.Time) error }); ok && t.SetReadDeadline(time.Unix(1, 0)) == nil {
		<-done
	}
	return "", context.Cause(ctx)
}

// readLine reads byte by byte: what follows the line is not ours to take.
func readLine(r io.Reader) (string, error) {
	var line []byte
	one := make([]byte, 1)
	for len(line) < maxAnswer {
		n, err := r.Read(one)
		switch {
		case n == 1 && one[0] == '\n':
			return string(line), nil
		case n == 1:
			line = append(line, one[0])
		case errors.Is(err, io.EOF):
			return "", errors.New("there was no answer")
		case err != nil:
			return "", fmt.Errorf("reading the answer: %w", err)
		}
	}
	return "", errors.New("the answer is too long")
}

package ui

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/rivo/uniseg"
	"github.com/schollz/progressbar/v3"
)

// Bar is one line of a terminal that tells how far a run is. It is also a
// Writer: what is written to it, in whole lines, appears above the bar.
//
// It moves with carriage returns and spaces alone, so that without colour it
// writes no escape sequence at all.
type Bar struct {
	w      io.Writer
	width  func() int
	colour bool

	mu    sync.Mutex // Write comes from other goroutines than Update
	rates rates
	last  Snapshot
	shown int // columns that the line on the screen takes
	frame int // of the spinner
	begun bool
	ended bool
}

var (
	_ Progress  = (*Bar)(nil)
	_ io.Writer = (*Bar)(nil)
)

// NewBar returns a bar on w, a terminal of width() columns.
func NewBar(w io.Writer, width func() int, colour bool) *Bar {
	return &Bar{w: w, width: width, colour: colour}
}

// Update redraws the bar, at the width that the terminal has now.
func (b *Bar) Update(s Snapshot) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return
	}
	b.begun = true
	b.last = s
	b.rates.add(s)
	b.frame++
	_ = b.draw("", b.line(s)) // a bar that can't be shown is no reason to stop a run
}

// Close leaves the last state on a line of its own.
func (b *Bar) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.begun || b.ended {
		return
	}
	b.ended = true
	_ = b.draw("", b.lastLine(b.last)) // likewise
	_, _ = io.WriteString(b.w, "\n")
}

// Write puts lines above the bar.
func (b *Bar) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.begun || b.ended {
		return b.w.Write(p)
	}
	above := string(p)
	if !bytes.HasSuffix(p, []byte("\n")) {
		above += "\n"
	}
	if err := b.draw(above, b.line(b.last)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// draw replaces the line on the screen, in one write. The last column stays
// free: some terminals begin a new line as soon as it is used.
func (b *Bar) draw(above, line string) error {
	columns := max(1, b.width()-1)
	line = fit(line, columns)
	wide := uniseg.StringWidth(line)
	var out strings.Builder
	switch {
	case above != "":
		out.WriteString(wipe(b.shown, columns) + above + b.paint(line))
	case b.shown > columns: // the window has become narrower
		out.WriteString(wipe(b.shown, columns) + b.paint(line))
	default:
		out.WriteString("\r" + b.paint(line) + strings.Repeat(" ", max(0, b.shown-wide)))
	}
	b.shown = wide
	_, err := io.WriteString(b.w, out.String())
	return err
}

// wipe empties a line on which as many columns are used, and returns to its
// start. A line that was drawn for a wider window fills this one to its edge.
func wipe(used, columns int) string {
	if used > columns {
		used = columns + 1
	}
	return "\r" + strings.Repeat(" ", used) + "\r"
}

// paint colours the line while it waits; painting adds no columns.
func (b *Bar) paint(line string) string {
	if b.colour && b.last.Waiting != "" && !b.ended {
		return "\x1b[33m" + line + "\x1b[0m"
	}
	return line
}

// part is a piece of the line. Where they don't all fit, those of the highest
// rank are left out first.
type part struct {
	text string
	rank int
}

// line is the bar at this moment.
func (b *Bar) line(s Snapshot) string {
	var parts []part
	add := func(rank int, format string, args ...any) {
		parts = append(parts, part{fmt.Sprintf(format, args...), rank})
	}
	if s.Phase != "" && s.Phase != PhaseSending {
		add(1, "%s", Clean(s.Phase))
	}
	switch {
	case s.Waiting == "":
	case s.WaitingSince.IsZero():
		add(0, "waiting: %s", Clean(s.Waiting))
	default:
		add(0, "waiting: %s since %s", Clean(s.Waiting), seconds(time.Since(s.WaitingSince)))
	}
	if rate, ok := b.rates.accepted(s); ok && s.Phase != PhaseChecking {
		add(2, "%s/s", count(int64(math.Round(rate))))
	}
	if left, ok := b.rates.left(s); ok && s.Waiting == "" && s.Phase != PhaseStopping {
		add(3, "%s left", span(left))
	}
	if s.Phase != PhaseReading { // a plan sends nothing
		add(8, "%s accepted", count(s.Counts.Accepted))
		refusals(add, s)
		add(7, "%d/%d slots", s.InFlight, s.Slots)
	}
	return b.compose(s, parts)
}

// lastLine is the bar as it stays on the screen.
func (b *Bar) lastLine(s Snapshot) string {
	var parts []part
	add := func(rank int, format string, args ...any) {
		parts = append(parts, part{fmt.Sprintf(format, args...), rank})
	}
	if s.Phase != PhaseReading {
		add(1, "%s accepted", count(s.Counts.Accepted))
		refusals(add, s)
	}
	add(9, "in %s", span(s.Elapsed))
	return b.compose(s, parts)
}

// refusals adds what went wrong; what has not happened is the first to go.
func refusals(add func(rank int, format string, args ...any), s Snapshot) {
	for i, c := range []struct {
		n    int64
		what string
	}{{s.Counts.Rejected, "rejected"}, {s.Counts.Failed, "failed"}, {s.Retries, "retries"}} {
		rank := 4 + i
		if c.n == 0 {
			rank += 6
		}
		add(rank, "%s %s", count(c.n), c.what)
	}
}

// The bar's own width, in columns without its brackets. A shorter one would
// tell nothing that the percentage does not.
const (
	minBar = 6
	maxBar = 30
)

// frames are the spinner's.
const frames = `|/-\`

// compose puts the percentage, the bar and the parts in one line. The parts
// that matter come first, then a bar, then the others, as far as they fit.
func (b *Bar) compose(s Snapshot, parts []part) string {
	columns := max(1, b.width()-1)
	share, known := s.share()
	head := len("100% ")
	if !known {
		head = len("| ")
	}
	const optional = 6 // from this rank on, a bar is worth more
	parts = keep(parts, columns-head)
	if known {
		must := keepRanks(parts, optional)
		room := columns - head - minBar - len("[] ")
		if textWidth(must) <= room {
			parts = keep(parts, room)
		} else {
			parts = must
		}
	}
	text := join(parts)
	if !known {
		return spinner(b.frame, text)
	}
	wide := columns - head - len("[] ") - uniseg.StringWidth(text)
	if wide < minBar {
		return fmt.Sprintf("%d%% %s", int(share*100), text)
	}
	return determinate(share, min(wide, maxBar), text)
}

// keep leaves out the parts of the highest rank until the others fit.
func keep(parts []part, columns int) []part {
	for len(parts) > 1 && textWidth(parts) > columns {
		worst := 0
		for i, p := range parts {
			if p.rank >= parts[worst].rank {
				worst = i
			}
		}
		parts = append(parts[:worst:worst], parts[worst+1:]...)
	}
	return parts
}

// keepRanks are the parts whose rank is below limit.
func keepRanks(parts []part, limit int) []part {
	var kept []part
	for _, p := range parts {
		if p.rank < limit {
			kept = append(kept, p)
		}
	}
	return kept
}

func textWidth(parts []part) int { return uniseg.StringWidth(join(parts)) }

func join(parts []part) string {
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = p.text
	}
	return strings.Join(texts, ", ")
}

// determinate is a bar of a known share. The library renders a bar of its own
// for each line: that is what makes resizing free.
func determinate(share float64, width int, text string) string {
	const steps = 1000
	bar := progressbar.NewOptions64(steps,
		progressbar.OptionSetWriter(io.Discard),
		progressbar.OptionSetWidth(width),
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionSetTheme(progressbar.Theme{Saucer: "=", SaucerHead: ">", SaucerPadding: " ", BarStart: "[", BarEnd: "]"}),
		progressbar.OptionShowDescriptionAtLineEnd(),
		progressbar.OptionSetDescription(text),
	)
	_ = bar.Set64(int64(share * steps))
	_ = bar.RenderBlank()
	return squeeze(bar.String())
}

// spinner is a line for input whose length is not known.
func spinner(frame int, text string) string {
	bar := progressbar.NewOptions64(-1,
		progressbar.OptionSetWriter(io.Discard),
		progressbar.OptionSetElapsedTime(false),
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionSetSpinnerChangeInterval(0), // or it starts a goroutine
		progressbar.OptionSpinnerCustom([]string{string(frames[frame%len(frames)])}),
		progressbar.OptionSetDescription(text),
	)
	_ = bar.RenderBlank()
	return squeeze(bar.String())
}

package ui

import (
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// screen is as much of a terminal as the bar needs: carriage returns, line
// feeds (which also return, as a terminal's driver makes them), wrapping, and
// colours, which it ignores. A resize cuts lines off, as xterm does.
type screen struct {
	columns  int
	lines    [][]string // cells
	row, col int
}

func (s *screen) Write(p []byte) (int, error) {
	text := string(p)
	for text != "" {
		if rest, ok := strings.CutPrefix(text, "\x1b["); ok {
			if i := strings.IndexByte(rest, 'm'); i >= 0 {
				text = rest[i+1:]
				continue
			}
		}
		cluster, rest, width, _ := uniseg.FirstGraphemeClusterInString(text, -1)
		text = rest
		if cluster == "\r\n" {
			s.put("\n", 0)
			continue
		}
		s.put(cluster, width)
	}
	return len(p), nil
}

func (s *screen) put(cluster string, width int) {
	s.grow()
	switch r, _ := utf8.DecodeRuneInString(cluster); r {
	case '\r':
		s.col = 0
		return
	case '\n':
		s.row, s.col = s.row+1, 0
		s.grow()
		return
	}
	if s.col+width > s.columns {
		s.row, s.col = s.row+1, 0
		s.grow()
	}
	for len(s.lines[s.row]) < s.col+width {
		s.lines[s.row] = append(s.lines[s.row], " ")
	}
	s.lines[s.row][s.col] = cluster
	for i := 1; i < width; i++ {
		s.lines[s.row][s.col+i] = ""
	}
	s.col += width
}

func (s *screen) grow() {
	for len(s.lines) <= s.row {
		s.lines = append(s.lines, nil)
	}
}

func (s *screen) resize(columns int) {
	s.columns = columns
	for i, l := range s.lines {
		s.lines[i] = l[:min(len(l), columns)]
	}
	s.col = min(s.col, columns)
}

// text is what can be read, without blanks at the ends of the lines.
func (s *screen) text() []string {
	var lines []string
	for _, l := range s.lines {
		lines = append(lines, strings.TrimRight(strings.Join(l, ""), " "))
	}
	return lines
}

package main

import (
	"fmt"
	"html"
	"strconv"
	"strings"
	"time"
)

const (
	cellWidth  = 8.4 // of a 14px monospace letter
	lineHeight = 18.0
	margin     = 16.0
)

// palette holds the 16 colours of a terminal, readable on the dark ground.
var palette = [16]string{
	"#6e7681", "#ff7b72", "#56d364", "#e3b341", "#79c0ff", "#d2a8ff", "#56d4dd", "#c9d1d9",
	"#8b949e", "#ffa198", "#7ee787", "#f2cc60", "#a5d6ff", "#e2c5ff", "#b3f0ff", "#ffffff",
}

// render draws the frames as one SVG that plays them in a loop. Who asked for
// less motion sees the last one. A line that stands in several frames is drawn
// once and used.
func render(frames []frame) []byte {
	var total time.Duration
	for _, f := range frames {
		total += f.lasts
	}
	d := drawing{lines: map[string]int{}}
	var shown strings.Builder
	var style strings.Builder
	var at time.Duration
	for i, f := range frames {
		begin, end := percent(at, total), percent(at+f.lasts, total)
		at += f.lasts
		last := i == len(frames)-1
		fmt.Fprintf(&style, "@keyframes f%d{0%%{visibility:hidden}%s%%{visibility:visible}", i, begin)
		if !last {
			fmt.Fprintf(&style, "%s%%{visibility:hidden}", end)
		}
		style.WriteString("}")
		class := "f"
		if last {
			class = "f l"
		}
		fmt.Fprintf(&shown, "<g class=%q style=\"animation-name:f%d\">", class, i)
		for row, text := range strings.Split(strings.TrimRight(f.screen, "\n"), "\n") {
			if strings.TrimSpace(text) != "" {
				fmt.Fprintf(&shown, "<use href=\"#t%d\" y=\"%g\"/>", d.line(text), margin+lineHeight*float64(row+1))
			}
		}
		shown.WriteString("</g>\n")
	}
	width, height := columns*cellWidth+2*margin, lines*lineHeight+2.5*margin
	var b strings.Builder
	fmt.Fprintf(&b, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"A run on a terminal, stopped and started again\">\n", width, height)
	fmt.Fprintf(&b, "<style>text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#c9d1d9;white-space:pre}"+
		".f{visibility:hidden;animation:%.2fs step-end infinite}"+
		"@media (prefers-reduced-motion:reduce){.f{animation:none}.l{visibility:visible}}%s</style>\n", total.Seconds(), style.String())
	fmt.Fprintf(&b, "<defs>%s</defs>\n", d.defs.String())
	fmt.Fprintf(&b, "<rect width=\"100%%\" height=\"100%%\" rx=\"8\" fill=\"#0d1117\"/>\n%s</svg>\n", shown.String())
	return []byte(b.String())
}

func percent(part, total time.Duration) string {
	return strconv.FormatFloat(100*float64(part)/float64(total), 'f', 3, 64)
}

// drawing collects the lines of all frames.
type drawing struct {
	lines map[string]int
	defs  strings.Builder
}

// line returns the number of a line, and draws it if it is new.
func (d *drawing) line(text string) int {
	if n, ok := d.lines[text]; ok {
		return n
	}
	n := len(d.lines)
	d.lines[text] = n
	fmt.Fprintf(&d.defs, "<g id=\"t%d\">", n)
	column := 0
	pen := pen{}
	for i, part := range strings.Split(text, "\x1b[") {
		if i > 0 {
			codes, rest, _ := strings.Cut(part, "m")
			pen.set(codes)
			part = rest
		}
		width := len([]rune(part))
		if strings.TrimSpace(part) != "" {
			x := margin + float64(column)*cellWidth
			fmt.Fprintf(&d.defs, "<text x=\"%.1f\" textLength=\"%.1f\" xml:space=\"preserve\"%s>%s</text>",
				x, float64(width)*cellWidth, pen.attributes(), html.EscapeString(part))
		}
		column += width
	}
	d.defs.WriteString("</g>\n")
	return n
}

// pen is how text is drawn, as the escapes (SGR) before it said.
type pen struct {
	color     string
	bold, dim bool
}

func (p *pen) set(codes string) {
	for _, code := range strings.Split(codes, ";") {
		n, _ := strconv.Atoi(code) // an empty one is 0
		switch {
		case n == 0:
			*p = pen{}
		case n == 1:
			p.bold = true
		case n == 2:
			p.dim = true
		case n == 22:
			p.bold, p.dim = false, false
		case n >= 30 && n <= 37:
			p.color = palette[n-30]
		case n >= 90 && n <= 97:
			p.color = palette[n-90+8]
		case n == 39:
			p.color = ""
		}
	}
}

func (p *pen) attributes() string {
	var s string
	if p.color != "" {
		s += fmt.Sprintf(" style=\"fill:%s\"", p.color)
	}
	if p.bold {
		s += " font-weight=\"bold\""
	}
	if p.dim {
		s += " opacity=\"0.65\""
	}
	return s
}

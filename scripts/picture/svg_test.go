package main

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

func TestRender(t *testing.T) {
	svg := string(render([]frame{
		{"$ run <file> & more\n\n", time.Second},
		{"$ run <file> & more\n\x1b[1m\x1b[33mstopped\x1b[0m: 5\n", 3 * time.Second},
	}))
	in := xml.NewDecoder(strings.NewReader(svg))
	for {
		if _, err := in.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("it is no XML: %v\n%s", err, svg)
		}
	}
	for _, want := range []string{
		"$ run &lt;file&gt; &amp; more</text>",                                     // what the screen said, and nothing that is markup
		`style="fill:` + palette[3] + `" font-weight="bold">stopped</text>`,        // its colour
		`xml:space="preserve">: 5</text>`,                                          // until it is reset
		"@keyframes f0{0%{visibility:hidden}0.000%{visibility:visible}25.000%{vis", // a quarter of the time
	} {
		if !strings.Contains(svg, want) {
			t.Errorf("it lacks %q:\n%s", want, svg)
		}
	}
	if n := strings.Count(svg, "&lt;file&gt;"); n != 1 {
		t.Errorf("a line that stands in two frames is drawn %d times", n)
	}
}

package report

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/go-analyze/charts"
)

// The charts are drawn in marker colours, which restyle turns into classes: so
// the page's style sheet alone decides how they look, in light, dark and print.
// The marker's last byte is the number in the class's name.
const (
	markAxis   = 1
	markGrid   = 2
	markText   = 3
	markSeries = 10 // and up, one for each series
)

// canvas is the size of a chart, in CSS pixels, and the room for labels.
type canvas struct {
	Width, Height, XLabels, YLabels int
}

// Each chart is drawn twice, because text that shrinks with its picture can't
// be read on a phone.
func wide() canvas   { return canvas{Width: 1000, Height: 260, XLabels: 7, YLabels: 5} }
func narrow() canvas { return canvas{Width: 340, Height: 220, XLabels: 3, YLabels: 5} }

// plot is a line chart over the running time.
type plot struct {
	Labels []string    // one for each point
	Series [][]float64 // NaN where there is no value
	Area   bool        // fill below the lines; only for values that may be compared by area
	Format func(float64) string
}

// draw makes an SVG without any style of its own.
func (p plot) draw(c canvas) (template.HTML, error) {
	opt := charts.NewLineChartOptionWithData(p.values())
	opt.Theme = markerTheme(len(p.Series))
	opt.Padding = charts.NewBox(4, 8, 12, 4)
	opt.Symbol = charts.Symbol{Shape: charts.SymbolNone}
	opt.LineStrokeWidth = 2
	if p.Area {
		opt.FillArea = charts.Ptr(true)
		opt.FillOpacity = 40
	}
	opt.ValueFormatter = p.Format
	const points = 9 // 12 px at 96 dpi
	opt.XAxis.Labels = p.Labels
	opt.XAxis.LabelCount = c.XLabels
	if len(p.Labels) <= c.XLabels+1 {
		opt.XAxis.LabelCount = len(p.Labels) // one less would leave a hole
	}
	opt.XAxis.BoundaryGap = charts.Ptr(false)
	opt.XAxis.LabelFontStyle.FontSize = points
	opt.YAxis[0].Min = charts.Ptr(0.0)
	opt.YAxis[0].Max = charts.Ptr(niceCeil(p.max(), c.YLabels-1))
	opt.YAxis[0].LabelCount = c.YLabels
	opt.YAxis[0].LabelFontStyle.FontSize = points
	painter := charts.NewPainter(charts.PainterOptions{OutputFormat: charts.ChartOutputSVG, Width: c.Width, Height: c.Height})
	if err := painter.LineChart(opt); err != nil {
		return "", fmt.Errorf("draw a chart: %w", err)
	}
	svg, err := painter.Bytes()
	if err != nil {
		return "", fmt.Errorf("draw a chart: %w", err)
	}
	// The library escapes text; everything else in it is numbers.
	return template.HTML(restyle(string(svg))), nil
}

func (p plot) values() [][]float64 {
	out := make([][]float64, len(p.Series))
	for i, s := range p.Series {
		out[i] = make([]float64, len(s))
		for j, v := range s {
			if out[i][j] = v; math.IsNaN(v) {
				out[i][j] = charts.GetNullValue()
			}
		}
	}
	return out
}

func (p plot) max() float64 {
	var m float64
	for _, s := range p.Series {
		for _, v := range s {
			if v > m { // never true of NaN
				m = v
			}
		}
	}
	return m
}

// niceCeil is the smallest bound of at least v that parts into round steps.
func niceCeil(v float64, steps int) float64 {
	if v <= 0 {
		return float64(steps)
	}
	step := v / float64(steps)
	power := math.Pow(10, math.Floor(math.Log10(step)))
	for _, f := range []float64{1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10} {
		if f*power >= step*(1-1e-9) {
			return f * power * float64(steps)
		}
	}
	return v // not reached: step < 10 * power
}

func marker(n int) charts.Color { return charts.Color{R: 1, G: 2, B: uint8(n), A: 255} }

func markerTheme(series int) charts.ColorPalette {
	opt := charts.ThemeOption{
		AxisStrokeColor:    marker(markAxis),
		AxisSplitLineColor: marker(markGrid),
		TextColor:          marker(markText),
		BackgroundColor:    charts.ColorTransparent,
	}
	for i := range series {
		opt.SeriesColors = append(opt.SeriesColors, marker(markSeries+i))
	}
	return charts.MakeTheme(opt)
}

// restyle puts a class where a style was: "s10" strokes, "f10" fills, "t3" is
// text, and what is neither stroked nor filled gets "n".
func restyle(svg string) string {
	const attr = `style="`
	var b strings.Builder
	for {
		before, after, found := strings.Cut(svg, attr)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		style, rest, _ := strings.Cut(after, `"`)
		b.WriteString(`class="` + styleClass(style) + `"`)
		svg = rest
	}
}

func styleClass(style string) string {
	if n := markerAfter(style, "stroke:rgb"); n > 0 {
		return "s" + strconv.Itoa(n)
	}
	n := markerAfter(style, "fill:rgb")
	switch {
	case n == 0:
		return "n"
	case strings.Contains(style, "font-size"):
		return "t" + strconv.Itoa(n)
	}
	return "f" + strconv.Itoa(n)
}

// markerAfter is the number of the marker colour that follows a property; 0 if
// none does.
func markerAfter(style, property string) int {
	_, rest, found := strings.Cut(style, property)
	if !found {
		return 0
	}
	rest = strings.TrimPrefix(strings.TrimPrefix(rest, "a"), "(1,2,")
	end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		return 0
	}
	n, err := strconv.Atoi(rest[:end])
	if err != nil {
		return 0
	}
	return n
}

// timeAxis is how running times are written below a chart.
type timeAxis struct {
	Unit   string
	format func(seconds float64) string
}

// axisFor picks the unit in which a whole of so many seconds reads well.
func axisFor(total float64) timeAxis {
	clock := func(s float64, unit int) string {
		n := int(s+0.5) / (unit / 60)
		return fmt.Sprintf("%d:%02d", n/60, n%60)
	}
	switch {
	case total < 10:
		return timeAxis{"seconds", func(s float64) string { return fmt.Sprintf("%.1f", s) }}
	case total < 120:
		return timeAxis{"seconds", func(s float64) string { return fmt.Sprintf("%.0f", s) }}
	case total < 2*3600:
		return timeAxis{"minutes", func(s float64) string { return clock(s, 60) }}
	case total < 72*3600:
		return timeAxis{"hours", func(s float64) string { return clock(s, 3600) }}
	}
	return timeAxis{"days", func(s float64) string { return fmt.Sprintf("%.1f", s/(24*3600)) }}
}

// timeLabels label samples by the running time at which they begin.
func timeLabels(samples []Sample) (labels []string, unit string) {
	var total, begin float64
	for _, s := range samples {
		total += s.Seconds
	}
	axis := axisFor(total)
	for _, s := range samples {
		labels = append(labels, axis.format(begin))
		begin += s.Seconds
	}
	return labels, axis.Unit
}

func formatCount(v float64) string {
	if v >= 1e5 {
		return humanize.SIWithDigits(v, 1, "")
	}
	return humanize.CommafWithDigits(v, 1)
}

func formatMillis(ms float64) string {
	if ms >= 10_000 {
		return humanize.CommafWithDigits(ms/1000, 1) + " s"
	}
	return humanize.CommafWithDigits(ms, 1) + " ms"
}

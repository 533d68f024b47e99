package report

import (
	"fmt"
	"math"
	"time"

	"github.com/dustin/go-humanize"
)

// maxKinds bounds the lines of the chart of troubles.
const maxKinds = 4

// addCharts draws the figures from points, and words them from rows, which are
// the same samples thinned further.
func (v *view) addCharts(points, rows []Sample) error {
	if len(points) < 2 {
		return nil // a line needs two points; the tiles say what there is
	}
	for _, f := range []figure{speedFigure(), timesFigure(points), troubleFigure(points)} {
		if f.values == nil {
			continue
		}
		c, err := f.chart(points, rows)
		if err != nil {
			return err
		}
		v.Charts = append(v.Charts, c)
	}
	return nil
}

// figure is a chart to be: what it shows of a sample, as a number a series.
type figure struct {
	id, title, label string
	unit             string   // of the values
	names            []string // of the series
	area             bool
	format           func(float64) string
	values           func(Sample) []float64 // nil: there is nothing to show
}

func speedFigure() figure {
	return figure{
		id: "speed", title: "Accepted over time", unit: "identities a second", area: true, format: formatCount,
		label: "Identities accepted a second, over the running time",
		names: []string{"accepted a second"},
		values: func(s Sample) []float64 {
			return []float64{s.rate()}
		},
	}
}

func timesFigure(points []Sample) figure {
	f := figure{
		id: "times", title: "Answer times", unit: "p50, p95 and p99", format: formatMillis,
		label: "Answer times over the running time: p50, p95 and p99",
		names: []string{"p50", "p95", "p99"},
	}
	var answered int64
	for _, s := range points {
		answered += s.Latency.Count()
	}
	if answered == 0 {
		return f
	}
	f.values = func(s Sample) []float64 {
		if s.Latency.Count() == 0 {
			return []float64{math.NaN(), math.NaN(), math.NaN()}
		}
		ms := func(p float64) float64 { return float64(s.Latency.Quantile(p)) / float64(time.Millisecond) }
		return []float64{ms(0.5), ms(0.95), ms(0.99)}
	}
	return f
}

// troubleFigure shows the answers that are not "accepted", the most frequent
// kinds first.
func troubleFigure(points []Sample) figure {
	f := figure{
		id: "trouble", title: "Answers other than accepted", unit: "a minute", format: formatCount,
		label: "Answers a minute that were not accepted, by kind, over the running time",
	}
	var all Sample
	for _, s := range points {
		all.merge(Sample{Answers: s.Answers})
	}
	var kinds []string
	for _, a := range answerLines(all.Answers) {
		if a.Kind != AnswerAccepted && len(kinds) < maxKinds {
			kinds = append(kinds, a.Kind)
			f.names = append(f.names, a.Name)
		}
	}
	if len(kinds) == 0 {
		return f
	}
	f.values = func(s Sample) []float64 {
		v := make([]float64, len(kinds))
		for i, kind := range kinds {
			v[i] = float64(s.Answers[kind]) / s.Seconds * 60
		}
		return v
	}
	return f
}

func (f figure) chart(points, rows []Sample) (chart, error) {
	labels, timeUnit := timeLabels(points)
	p := plot{Labels: labels, Series: make([][]float64, len(f.names)), Area: f.area, Format: f.format}
	for _, s := range points {
		for i, v := range f.values(s) {
			p.Series[i] = append(p.Series[i], v)
		}
	}
	c := chart{ID: f.id, Title: f.title, Units: f.unit + ", over the running time in " + timeUnit, Label: f.label + ". " + f.extremes(p), Columns: append([]string{"Running time"}, f.names...)}
	if len(f.names) > 1 || f.id == "trouble" {
		c.Keys = f.names
	}
	var begin float64
	for _, s := range rows {
		line := []string{fmt.Sprintf("%s to %s", humanSeconds(begin), humanSeconds(begin+s.Seconds))}
		for _, v := range f.values(s) {
			if math.IsNaN(v) {
				line = append(line, "no answer")
			} else {
				line = append(line, f.format(math.Round(v*10)/10))
			}
		}
		c.Table = append(c.Table, line)
		begin += s.Seconds
	}
	var err error
	if c.Wide, err = p.draw(wide()); err != nil {
		return chart{}, err
	}
	c.Narrow, err = p.draw(narrow())
	return c, err
}

// extremes words a chart for those who don't see it.
func (f figure) extremes(p plot) string {
	text := ""
	for i, name := range f.names {
		low, high := math.Inf(1), math.Inf(-1)
		for _, v := range p.Series[i] {
			if !math.IsNaN(v) {
				low, high = min(low, v), max(high, v)
			}
		}
		text += fmt.Sprintf("%s: between %s and %s. ", name, f.format(low), f.format(high))
	}
	return text + fmt.Sprintf("%s points.", humanize.Comma(int64(len(p.Labels))))
}

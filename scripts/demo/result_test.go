package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/bulkdemerge/bulkdemerge/internal/sandbox"
	"github.com/bulkdemerge/bulkdemerge/pkg/report"
)

func balancedResult() result {
	return result{
		want:    sandbox.DirtCounts{Records: 110, Sendable: 100, Invalid: 7, Duplicate: 3},
		books:   sandbox.Books{Distinct: 100, Repeated: 300, MaxInFlight: 3},
		summary: report.Summary{Records: 110, Counts: report.Counts{Accepted: 100, Invalid: 7, Duplicate: 3}},
		rows:    110, idle: true, codes: [2]int{1, 1},
	}
}

// TestDemoCanFail: a demo that says ok whatever happens shows nothing.
func TestDemoCanFail(t *testing.T) {
	for name, spoil := range map[string]func(*result){
		"somebody never arrived":           func(r *result) { r.books.Distinct-- },
		"one accepted too few":             func(r *result) { r.summary.Counts.Accepted-- },
		"both sides lost the same one":     func(r *result) { r.books.Distinct--; r.summary.Counts.Accepted-- },
		"a row is missing":                 func(r *result) { r.rows-- },
		"a record is missing":              func(r *result) { r.rows--; r.summary.Records-- },
		"more than in flight went twice":   func(r *result) { r.books.Repeated++ },
		"four requests at once":            func(r *result) { r.books.MaxInFlight++ },
		"one failed":                       func(r *result) { r.summary.Counts.Failed++ },
		"one rejected":                     func(r *result) { r.summary.Counts.Rejected++ },
		"an invalid one was sent":          func(r *result) { r.summary.Counts.Invalid-- },
		"a duplicate was sent":             func(r *result) { r.summary.Counts.Duplicate-- },
		"a finished run sent once more":    func(r *result) { r.idle = false },
		"the exit code hides the bad rows": func(r *result) { r.codes[0] = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			r := balancedResult()
			spoil(&r)
			var out bytes.Buffer
			if r.print(&out) || strings.Count(out.String(), "WRONG") == 0 {
				t.Errorf("it passes:\n%s", out.String())
			}
		})
	}
	var out bytes.Buffer
	if r := balancedResult(); !r.print(&out) || strings.Contains(out.String(), "WRONG") {
		t.Errorf("what balances does not pass:\n%s", out.String())
	}
}

package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/dustin/go-humanize"

	"github.com/bulkdemerge/bulkdemerge/internal/sandbox"
	"github.com/bulkdemerge/bulkdemerge/pkg/report"
)

// result is both sides of the demo.
type result struct {
	want    sandbox.DirtCounts // what the file holds
	killed  sandbox.Books      // at the kill
	books   sandbox.Books      // at the end
	summary report.Summary     // what the run says of itself
	rows    int64              // of the report
	idle    bool               // the run that was finished sent nothing
	codes   [2]int             // exit codes of the resumed and of the last start
}

// print shows the two sides beside each other, and tells whether they balance.
func (r *result) print(w io.Writer) bool {
	c := r.summary.Counts
	balanced := true
	line := func(name string, run, other int64, otherSays string, ok bool) {
		mark := "ok"
		if !ok {
			mark, balanced = "WRONG", false
		}
		fmt.Fprintf(w, "  %-34s %9s   %9s %-34s %s\n", name, humanize.Comma(run), humanize.Comma(other), otherSays, mark)
	}
	fmt.Fprintf(w, "  %-34s %9s   %9s\n", "", "the run", "the other side")
	line("records, rows of the report", r.summary.Records, r.rows, "rows in report.csv", r.rows == r.want.Records && r.summary.Records == r.rows)
	line("accepted", c.Accepted, r.books.Distinct, "different identities arrived", r.books.Distinct == r.want.Sendable && c.Accepted == r.books.Distinct)
	line("never sent: invalid", c.Invalid, r.want.Invalid, "in the file that was made", c.Invalid == r.want.Invalid)
	line("never sent: duplicate", c.Duplicate, r.want.Duplicate, "in the file that was made", c.Duplicate == r.want.Duplicate)
	line("rejected, failed", c.Rejected+c.Failed, 0, "", c.Rejected+c.Failed == 0)
	line("may have gone twice, at most", repeatsAllowed, r.books.Repeated, "arrived twice", r.books.Repeated <= repeatsAllowed)
	line("requests at once, at most", 3, int64(r.books.MaxInFlight), "at once", r.books.MaxInFlight <= 3)
	line("exit codes (1: invalid ones)", int64(r.codes[0]), int64(r.codes[1]), "when started once more", r.codes == [2]int{1, 1} && r.idle)
	fmt.Fprintf(w, "  killed after %s had arrived; the API answered %s\n", humanize.Comma(r.killed.Distinct), answers(r.books))
	return balanced
}

func answers(b sandbox.Books) string {
	return fmt.Sprintf("%s x success, %s x 429, %s x 500",
		humanize.Comma(b.Answers["success"]), humanize.Comma(b.Answers["429"]), humanize.Comma(b.Answers["500"]))
}

func readSummary(dir string) (report.Summary, error) {
	var s report.Summary
	b, err := os.ReadFile(filepath.Join(dir, "summary.json"))
	if err != nil {
		return s, fmt.Errorf("reading the summary: %w", err)
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return s, fmt.Errorf("reading the summary: %w", err)
	}
	return s, nil
}

// countRows counts the rows of a report, its header aside.
func countRows(name string) (int64, error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, fmt.Errorf("counting the report's rows: %w", err)
	}
	defer f.Close()
	in := csv.NewReader(f)
	in.ReuseRecord = true
	for n := int64(-1); ; n++ {
		if _, err := in.Read(); errors.Is(err, io.EOF) {
			return n, nil
		} else if err != nil {
			return 0, fmt.Errorf("counting the report's rows: %w", err)
		}
	}
}

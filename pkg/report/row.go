// Package report writes what became of each input record: report.csv with one
// row a record, the summary of a run, and the page that shows both to people.
//
// It reads outcomes and knows nothing of how they came about.
package report

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"github.com/gocarina/gocsv"
)

// The statuses of a row: what became of its record.
const (
	StatusAccepted  = "accepted"  // the API took it
	StatusRejected  = "rejected"  // the API refused this identity
	StatusFailed    = "failed"    // given up after retries: safe to send again
	StatusInvalid   = "invalid"   // never sent: no usable identity
	StatusDuplicate = "duplicate" // never sent: came earlier in this run
	StatusSkipped   = "skipped"   // never sent: excluded by the user
)

// Row is one row of report.csv: what became of one input record. Its tags are
// the file's columns, in order.
type Row struct {
	// Identity is as it was sent. Of one that was never sent, bytes that are
	// not UTF-8 and control characters stand as \xNN, and what is longer than
	// 1,024 bytes is cut.
	Identity   string    `csv:"identity"`
	Status     string    `csv:"status"`
	Reason     string    `csv:"reason"`      // one line, at most 200 bytes
	Code       Number    `csv:"code"`        // the API's own code; 0: none
	HTTPStatus Number    `csv:"http_status"` // 0: no answer
	Attempts   int       `csv:"attempts"`    // requests that carried it; 0: never sent
	Batch      int64     `csv:"batch"`       // 1 for the run's first batch
	Source     string    `csv:"source"`      // the input's name
	Line       int64     `csv:"line"`        // 1-based line that the record starts on
	SettledAt  time.Time `csv:"settled_at"`  // UTC, whole seconds
}

// Number is a number whose column is empty where it is 0.
type Number int

// MarshalCSV is for gocsv, whose omitempty spares pointers only.
func (n Number) MarshalCSV() (string, error) {
	if n == 0 {
		return "", nil
	}
	return strconv.Itoa(int(n)), nil
}

// UnmarshalCSV is for gocsv.
func (n *Number) UnmarshalCSV(s string) error {
	*n = 0
	if s == "" {
		return nil
	}
	i, err := strconv.Atoi(s)
	*n = Number(i)
	return err
}

// Header is the first line of report.csv, its line end included.
func Header() []byte {
	var b bytes.Buffer
	if err := gocsv.Marshal([]Row{}, &b); err != nil {
		// The tags of Row are fixed at compile time: only a broken build fails.
		panic(fmt.Sprintf("report header: %v", err))
	}
	return b.Bytes()
}

// Counts are the books: how many records ended with each status.
type Counts struct {
	Accepted  int64 `json:"accepted"`
	Rejected  int64 `json:"rejected"`
	Failed    int64 `json:"failed"`
	Invalid   int64 `json:"invalid"`
	Duplicate int64 `json:"duplicate"`
	Skipped   int64 `json:"skipped"`
}

// Records is the number of records that the counts stand for.
func (c Counts) Records() int64 {
	return c.Accepted + c.Rejected + c.Failed + c.Invalid + c.Duplicate + c.Skipped
}

// NeedPerson is the number of records that somebody has to look at.
func (c Counts) NeedPerson() int64 { return c.Rejected + c.Failed + c.Invalid }

// Add adds o to c.
func (c *Counts) Add(o Counts) {
	c.Accepted += o.Accepted
	c.Rejected += o.Rejected
	c.Failed += o.Failed
	c.Invalid += o.Invalid
	c.Duplicate += o.Duplicate
	c.Skipped += o.Skipped
}

// Count adds n records of a status as the column has it, and reports whether
// there is such a status.
func (c *Counts) Count(status string, n int64) bool {
	p := c.field(status)
	if p == nil {
		return false
	}
	*p += n
	return true
}

func (c *Counts) field(status string) *int64 {
	switch status {
	case StatusAccepted:
		return &c.Accepted
	case StatusRejected:
		return &c.Rejected
	case StatusFailed:
		return &c.Failed
	case StatusInvalid:
		return &c.Invalid
	case StatusDuplicate:
		return &c.Duplicate
	case StatusSkipped:
		return &c.Skipped
	}
	return nil
}

package settings

import (
	"strconv"
	"strings"

	"github.com/bulkdemerge/bulkdemerge/internal/hint"
)

// Share is a number of records, or a percentage of those settled: the value of
// --max-failures. The zero value is not given.
type Share struct {
	Given   bool
	Count   int64   // records; 0 if Percent counts
	Percent float64 // 0 to 100; 0 if Count counts
}

// ShareFrom is how many records must be settled before a percentage means
// anything.
const ShareFrom = 1000

// Exceeded tells whether bad records of settled ones are more than the share.
// Nothing exceeds a share that is not given, and a percentage holds from
// ShareFrom settled records on.
func (s Share) Exceeded(bad, settled int64) bool {
	switch {
	case !s.Given:
		return false
	case s.Percent > 0:
		return settled >= ShareFrom && float64(bad)*100 > s.Percent*float64(settled)
	}
	return bad > s.Count
}

// Set reads "N" or "P%".
func (s *Share) Set(text string) error {
	text = strings.TrimSpace(text)
	if number, ok := strings.CutSuffix(text, "%"); ok {
		p, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		// The comparison is written so that NaN fails it.
		if err != nil || !(p >= 0 && p <= 100) {
			return hint.New("not a percentage from 0% to 100%", `write a share like "1%" or "0.5%"`)
		}
		*s = Share{Given: true, Percent: p}
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return hint.New("neither a number of records nor a percentage", `write a number like "500" or a share like "1%"`)
	}
	*s = Share{Given: true, Count: n}
	return nil
}

// String is what Set reads, or "" if the share is not given.
func (s *Share) String() string {
	switch {
	case s == nil || !s.Given:
		return ""
	case s.Percent > 0:
		return strconv.FormatFloat(s.Percent, 'f', -1, 64) + "%"
	}
	return strconv.FormatInt(s.Count, 10)
}

// Type names the value in usage lines.
func (*Share) Type() string { return "N|P%" }

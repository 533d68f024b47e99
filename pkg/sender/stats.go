package sender

import (
	"math"
	"time"
)

// AnswerKind is what came back for a request, as people count it.
type AnswerKind uint8

// The kinds of answers.
const (
	AnswerAccepted  AnswerKind = iota // everybody in it accepted
	AnswerPartial                     // some accepted, some not
	AnswerRefused                     // 400, 413: something in it is bad
	AnswerConflict                    // 409
	AnswerThrottled                   // 429
	AnswerError                       // 5xx and other statuses that may pass
	AnswerGarbage                     // a success that is none
	AnswerNone                        // time-out, reset, DNS, TLS
	AnswerStop                        // 401, 403, 404, 405, 407, redirects
	answerKinds
)

// String is the kind as summaries have it.
func (k AnswerKind) String() string {
	return [...]string{"accepted", "partial", "refused", "conflict", "throttled", "error", "garbage", "none", "stop"}[k]
}

// Answers counts answers by AnswerKind.
type Answers [answerKinds]int64

// Stats is how a Sender stands at one moment.
type Stats struct {
	InFlight     int   // requests under way
	Slots        int   // requests that may be under way: at most Concurrency, fewer after 429s
	Requests     int64 // sent so far, of every kind
	Retries      int64 // of these, for a piece that was sent before
	Splits       int64 // pieces that were cut in two
	Answers      Answers
	Latency      Histogram // of all answers but 429s
	Waiting      string    // why nothing is sent just now; empty if it is
	WaitingSince time.Time
}

// The histogram's buckets: the first ends at histogramBase, each next one at
// 2^(1/histogramSteps) times that, 19 % more; the last takes the rest (100 s).
const (
	histogramBase    = 100 * time.Microsecond
	histogramSteps   = 4
	histogramBuckets = 81
)

// Histogram counts durations in logarithmic buckets. The zero value is empty.
type Histogram [histogramBuckets]int64

// Add counts one duration.
func (h *Histogram) Add(d time.Duration) {
	bucket := 0
	if d > histogramBase {
		bucket = int(math.Ceil(histogramSteps * math.Log2(float64(d)/float64(histogramBase))))
	}
	h[min(bucket, histogramBuckets-1)]++
}

// Count is how many durations were added.
func (h *Histogram) Count() int64 {
	var n int64
	for _, c := range h {
		n += c
	}
	return n
}

// Merge adds what another histogram counted.
func (h *Histogram) Merge(other *Histogram) {
	for i, c := range other {
		h[i] += c
	}
}

// Since is what was added after an earlier copy of the same histogram.
func (h *Histogram) Since(earlier *Histogram) Histogram {
	delta := *h
	for i, c := range earlier {
		delta[i] -= c
	}
	return delta
}

// Quantile is the duration that the share q (0 to 1) of the counted ones does
// not exceed, up to 19 % too high; 0 if none was counted.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank := int64(math.Ceil(q * float64(h.Count())))
	var seen int64
	for i, c := range h {
		if seen += c; seen >= rank && seen > 0 {
			return BucketEnd(i)
		}
	}
	return 0
}

// BucketEnd is the longest duration that a histogram's bucket holds, its last
// one aside.
func BucketEnd(bucket int) time.Duration {
	return time.Duration(float64(histogramBase) * math.Pow(2, float64(bucket)/histogramSteps))
}

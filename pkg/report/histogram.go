package report

import (
	"math"
	"time"
)

const (
	// firstBound is the upper bound of the histogram's first bucket.
	firstBound = 100 * time.Microsecond
	// bucketsPerDoubling sets the width of a bucket: 19 % at four.
	bucketsPerDoubling = 4
	// maxBuckets bounds a histogram; the last bucket has no upper end, and
	// begins at more than half an hour.
	maxBuckets = 100
)

// Histogram counts answer times in buckets whose bounds grow by a constant
// factor, so that its quantiles are right within 10 % from 100 µs to half an
// hour. Buckets behind the last that holds something are left out. The zero
// value is empty and ready.
type Histogram []int64

// BucketBound is the upper bound, inclusive, of bucket i, 0-based.
func BucketBound(i int) time.Duration {
	return time.Duration(float64(firstBound) * math.Exp2(float64(i)/bucketsPerDoubling))
}

// Add counts one answer that took d.
func (h *Histogram) Add(d time.Duration) {
	i := 0
	if d > firstBound {
		i = int(math.Ceil(bucketsPerDoubling * math.Log2(float64(d)/float64(firstBound))))
		i = min(i, maxBuckets-1)
	}
	h.grow(i + 1)
	(*h)[i]++
}

// Merge adds o's counts to h.
func (h *Histogram) Merge(o Histogram) {
	o = o[:min(len(o), maxBuckets)]
	h.grow(len(o))
	for i, n := range o {
		(*h)[i] += n
	}
}

func (h *Histogram) grow(n int) {
	for len(*h) < n {
		*h = append(*h, 0)
	}
}

// Count is the number of answers.
func (h Histogram) Count() int64 {
	var n int64
	for _, c := range h {
		n += c
	}
	return n
}

// Quantile is the time within which the share p, 0 to 1, of the answers came;
// 0 if there are none.
func (h Histogram) Quantile(p float64) time.Duration {
	total := h.Count()
	if total == 0 {
		return 0
	}
	rank := min(max(p, 0), 1) * float64(total)
	var below int64
	last := 0
	for i, n := range h {
		if n == 0 {
			continue
		}
		last = i
		if float64(below+n) >= rank {
			var low time.Duration
			if i > 0 {
				low = BucketBound(i - 1)
			}
			share := (rank - float64(below)) / float64(n)
			return low + time.Duration(share*float64(BucketBound(i)-low))
		}
		below += n
	}
	return BucketBound(last)
}

package report

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bulkdemerge/bulkdemerge/pkg/sender"
)

// A quantile lies within a bucket's width of the exact one, however the
// answers were spread over histograms that were merged.
func TestQuantileIsWithinABucket(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		us := rapid.SliceOfN(rapid.IntRange(101, 1_000_000_000), 1, 200).Draw(t, "µs")
		var parts [3]Histogram
		for i, d := range us {
			parts[i%3].Add(time.Duration(d) * time.Microsecond)
		}
		var h Histogram
		for _, p := range parts {
			h.Merge(p)
		}
		if h.Count() != int64(len(us)) {
			t.Fatalf("%d answers, want %d", h.Count(), len(us))
		}
		slices.Sort(us)
		p := rapid.Float64Range(0.01, 1).Draw(t, "p")
		exact := float64(us[int(math.Ceil(p*float64(len(us))))-1])
		got := float64(h.Quantile(p)) / 1e3
		if ratio := got / exact; ratio < 0.84 || ratio > 1.19 {
			t.Fatalf("quantile %.2f is %.0f µs, exactly %.0f", p, got, exact)
		}
	})
}

// The sender counts in buckets of its own and hands the counts over: their
// bounds must be these.
func TestBucketsAreTheSenders(t *testing.T) {
	for i := range len(sender.Histogram{}) {
		if mine, theirs := BucketBound(i), sender.BucketEnd(i); mine != theirs {
			t.Fatalf("bucket %d ends at %v, the sender's at %v", i, mine, theirs)
		}
	}
}

func TestHistogramEnds(t *testing.T) {
	var h Histogram
	if h.Quantile(0.5) != 0 || h.Count() != 0 {
		t.Error("an empty histogram has answers")
	}
	h.Add(0)
	if q := h.Quantile(1); q <= 0 || q > firstBound {
		t.Errorf("an answer at once took %v", q)
	}
	h.Add(1000 * time.Hour)
	h.Merge(make(Histogram, 500))
	if len(h) != maxBuckets || h.Count() != 2 {
		t.Errorf("%d buckets, %d answers", len(h), h.Count())
	}
	for i := range maxBuckets - 1 {
		var one Histogram
		one.Add(BucketBound(i) - 1)
		if len(one) != i+1 {
			t.Errorf("%v is in bucket %d, want %d", BucketBound(i), len(one)-1, i)
		}
	}
}

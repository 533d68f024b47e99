package report

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestThinLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		samples := rapid.SliceOf(rapid.Custom(func(t *rapid.T) Sample {
			s := Sample{Seconds: float64(rapid.IntRange(0, 40).Draw(t, "length")) / 10, Accepted: rapid.Int64Range(0, 9).Draw(t, "accepted")}
			s.Answers = map[string]int64{rapid.SampledFrom([]string{"429", "accepted"}).Draw(t, "kind"): 1}
			s.Latency.Add(time.Duration(rapid.IntRange(0, 1e9).Draw(t, "took")))
			return s
		})).Draw(t, "samples")
		n := rapid.IntRange(1, 20).Draw(t, "n")
		out := thin(samples, n)
		if len(out) > n {
			t.Fatalf("%d samples, want at most %d", len(out), n)
		}
		var want, got Sample
		for _, s := range samples {
			want.merge(s)
		}
		for _, s := range out {
			got.merge(s)
		}
		if want.Seconds == 0 {
			return // TestThinWithoutTime
		}
		if d := want.Seconds - got.Seconds; d > 1e-6 || d < -1e-6 {
			t.Fatalf("%v s became %v", want.Seconds, got.Seconds)
		}
		want.Seconds, got.Seconds = 0, 0
		if !reflect.DeepEqual(want, got) {
			t.Fatalf("%+v became %+v", want, got)
		}
		for _, s := range samples {
			if len(s.Answers) != 1 {
				t.Fatal("a sample that was given was changed")
			}
		}
	})
}

func TestThinWithoutTime(t *testing.T) {
	if got := thin([]Sample{{Seconds: 0, Accepted: 3}}, 10); got != nil {
		t.Errorf("%+v", got)
	}
}

func TestSlowest(t *testing.T) {
	var samples []Sample
	for i := range 100 {
		s := Sample{At: at.Add(time.Duration(i) * time.Second), Seconds: 1, Accepted: 100}
		if i >= 40 && i < 45 {
			s.Accepted = int64(i - 40)
			s.Answers = map[string]int64{"503": 2}
		}
		samples = append(samples, s)
	}
	got, ok := slowest(samples)
	if !ok || got.Begin != 40 || got.End != 45 || got.Sample.Accepted != 10 || got.Sample.Answers["503"] != 10 || !got.Sample.At.Equal(at.Add(40*time.Second)) {
		t.Errorf("%+v, %v", got, ok)
	}
	if _, ok := slowest(samples[:9]); ok {
		t.Error("nine samples are enough")
	}
}

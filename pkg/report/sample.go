package report

import "time"

// The kinds of answers that a Sample tells apart. One that is not listed is
// shown as it is.
const (
	AnswerAccepted = "accepted" // everybody in it accepted
	AnswerPartial  = "partial"  // some accepted, some not
	AnswerRefused  = "refused"  // something in it is bad
	AnswerConflict = "conflict" // 409
	Answer429      = "429"      // too many at once
	AnswerError    = "error"    // 5xx
	AnswerGarbage  = "garbage"  // a success that is none
	AnswerNone     = "none"     // time-out, broken connection, no name or certificate
	AnswerStop     = "stop"     // credentials, path or method refused
)

// Sample is what happened in one stretch of a run, usually a second.
type Sample struct {
	At       time.Time        `json:"at"`      // its start
	Seconds  float64          `json:"seconds"` // its length
	Accepted int64            `json:"accepted,omitempty"`
	Rejected int64            `json:"rejected,omitempty"`
	Failed   int64            `json:"failed,omitempty"`
	Answers  map[string]int64 `json:"answers,omitempty"` // requests by kind of answer
	Latency  Histogram        `json:"latency,omitempty"` // of the requests that were answered
}

// merge adds o, which follows s, to s.
func (s *Sample) merge(o Sample) {
	s.Seconds += o.Seconds
	s.Accepted += o.Accepted
	s.Rejected += o.Rejected
	s.Failed += o.Failed
	s.Latency.Merge(o.Latency)
	if s.Answers == nil && len(o.Answers) > 0 {
		s.Answers = make(map[string]int64, len(o.Answers))
	}
	for k, n := range o.Answers {
		s.Answers[k] += n
	}
}

// rate is the identities accepted a second.
func (s Sample) rate() float64 {
	if s.Seconds <= 0 {
		return 0
	}
	return float64(s.Accepted) / s.Seconds
}

// thin merges neighbours until at most n samples, of about the same length
// each, are left. It leaves the given ones alone.
func thin(samples []Sample, n int) []Sample {
	var total float64
	for _, s := range samples {
		total += max(s.Seconds, 0)
	}
	if total <= 0 || n < 1 {
		return nil
	}
	var out []Sample
	var begin float64
	slot := -1
	for _, s := range samples {
		s.Seconds = max(s.Seconds, 0)
		if at := min(int(begin/total*float64(n)), n-1); at != slot {
			slot = at
			out = append(out, Sample{At: s.At})
		}
		out[len(out)-1].merge(s)
		begin += s.Seconds
	}
	return out
}

// stretch is a part of a run, in seconds of running time from its first start.
type stretch struct {
	Begin, End float64
	Sample     Sample
}

// slowest finds the stretch of about a twentieth of the run in which the
// fewest identities a second were accepted. It needs a run of some length: ok
// is false where there are too few samples to tell.
func slowest(samples []Sample) (s stretch, ok bool) {
	const least = 10
	if len(samples) < least {
		return stretch{}, false
	}
	width := max(1, len(samples)/20)
	best := -1
	var bestRate float64
	for i := 0; i+width <= len(samples); i++ {
		var w Sample
		for _, p := range samples[i : i+width] {
			w.Seconds += p.Seconds
			w.Accepted += p.Accepted
		}
		if best < 0 || w.rate() < bestRate {
			best, bestRate = i, w.rate()
		}
	}
	for _, p := range samples[:best] {
		s.Begin += p.Seconds
	}
	s.Sample.At = samples[best].At
	for _, p := range samples[best : best+width] {
		s.Sample.merge(p)
	}
	s.End = s.Begin + s.Sample.Seconds
	return s, true
}

package pipeline

import (
	"encoding/json"
	"sync"
	"time"

	"github.com/bulkdemerge/bulkdemerge/pkg/checkpoint"
	"github.com/bulkdemerge/bulkdemerge/pkg/report"
	"github.com/bulkdemerge/bulkdemerge/pkg/sender"
)

// stretch is what the journal keeps of the time between two syncs.
type stretch struct {
	report.Sample
	traffic
}

// traffic counts requests.
type traffic struct {
	Requests int64 `json:"requests"` // of every kind
	Retries  int64 `json:"retries"`  // of these, for identities that were sent before
}

// add takes the traffic of a stretch that an earlier start left.
func (t *traffic) add(_ time.Time, words json.RawMessage) {
	var x traffic
	if len(words) > 0 && json.Unmarshal(words, &x) == nil { // a newer program's words count nothing
		t.Requests += x.Requests
		t.Retries += x.Retries
	}
}

// answerName is the kind as the page calls it.
func answerName(k sender.AnswerKind) string {
	if k == sender.AnswerThrottled {
		return report.Answer429
	}
	return k.String()
}

// sampler makes the samples that the journal keeps of each stretch between two
// syncs: what the page draws over time.
type sampler struct {
	stats  func() sender.Stats
	counts func() checkpoint.Counts

	mu   sync.Mutex
	at   time.Time // of the sample before
	prev sender.Stats
	last checkpoint.Counts
}

// take is the sample since the one before, as JSON; nil if nothing happened.
func (s *sampler) take(now time.Time) json.RawMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, c := s.stats(), s.counts()
	if st.Requests == s.prev.Requests && c == s.last {
		return nil
	}
	x := stretch{
		Sample: report.Sample{
			At: s.at.UTC(), Seconds: now.Sub(s.at).Seconds(),
			Accepted: c.Accepted - s.last.Accepted, Rejected: c.Rejected - s.last.Rejected, Failed: c.Failed - s.last.Failed,
			Answers: map[string]int64{},
		},
		traffic: traffic{Requests: st.Requests - s.prev.Requests, Retries: st.Retries - s.prev.Retries},
	}
	for kind, n := range st.Answers {
		if d := n - s.prev.Answers[kind]; d > 0 {
			x.Answers[answerName(sender.AnswerKind(kind))] = d
		}
	}
	latency := st.Latency.Since(&s.prev.Latency)
	for i, n := range latency {
		if n > 0 {
			x.Latency = append(x.Latency, make(report.Histogram, i+1-len(x.Latency))...)
			x.Latency[i] = n
		}
	}
	s.at, s.prev, s.last = now, st, c
	b, err := json.Marshal(x)
	if err != nil {
		return nil // a sample is for the page alone; no number in it can fail
	}
	return b
}

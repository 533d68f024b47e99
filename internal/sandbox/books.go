package sandbox

import (
	"maps"
	"time"

	"github.com/zeebo/xxh3"
)

// Books are what the sandbox has seen, control requests aside.
type Books struct {
	Requests   int64 `json:"requests"`
	Identities int64 `json:"identities"` // applied, repeats included
	Distinct   int64 `json:"distinct"`   // applied at least once
	Repeated   int64 `json:"repeated"`   // Identities - Distinct
	// MaxInFlight is the most requests of one account at once, from the arrival
	// of the headers to the answer, the refused ones included.
	MaxInFlight int `json:"max_in_flight"`
	// BusySeconds is the integral of the requests at work over time: those that
	// were given a slot and waited for the latency, each from the arrival of its
	// headers to its answer. Not at work are what is refused at once (4xx of the
	// checks, 429, 500, 503, reset) and what hangs.
	BusySeconds float64 `json:"busy_seconds"`
	// HungSeconds is the same integral over the hung requests.
	HungSeconds float64 `json:"hung_seconds"`
	// FirstAt is when the first request came, LastAt when the last one ended.
	FirstAt time.Time `json:"first_at"`
	LastAt  time.Time `json:"last_at"`
	// Answers counts the requests by how they ended: "success", "partial", a
	// status ("400", "401", "404", "405", "413", "429", "500", "503"), "reset",
	// "drop", "hang", "garbage", or "gone" if the client left before the answer.
	Answers     map[string]int64 `json:"answers"`
	Connections int64            `json:"connections"` // opened to a Listener
	WrongPath   int64            `json:"wrong_path"`  // requests to any path but the API's
}

// Books returns the books as they stand, requests under way included.
func (s *Server) Books() Books {
	s.mu.Lock()
	t, now := s.traffic.tally, time.Now()
	t.answers = maps.Clone(t.answers)
	for f := range s.traffic.flights {
		t.spend(f, now)
	}
	s.mu.Unlock()

	applied, distinct := s.ledger.totals()
	return Books{
		Requests: t.requests, Identities: applied, Distinct: distinct, Repeated: applied - distinct,
		MaxInFlight: t.maxInFlight, BusySeconds: t.busy.Seconds(), HungSeconds: t.hung.Seconds(),
		FirstAt: t.first, LastAt: t.last, Answers: t.answers,
		Connections: t.connections, WrongPath: t.wrongPath,
	}
}

// Count is how many times an identity was applied: taken by the server, whether
// the client got the answer or not.
func (s *Server) Count(identity string) int {
	return s.ledger.count(xxh3.HashString128(identity))
}

// Repeats returns how many identities were applied how many times.
func (s *Server) Repeats() map[int]int { return s.ledger.repeats() }

// ResetBooks clears the books. Requests in flight count from now on.
func (s *Server) ResetBooks() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.traffic.tally = tally{answers: map[string]int64{}}
	for f := range s.traffic.flights {
		f.since = now
	}
	s.ledger.reset()
}

// Package sandbox is a simulated CleverTap: the Demerge API as its public
// documentation describes it, strict where the API is, with faults on request
// and with books of what really arrived. The demo, the tests and the
// benchmarks run on it, so that they check the other side's books and not what
// the client believes.
//
// It is served on a loopback address (Listen) or inside the process without
// any socket (Server.Transport). Its own control paths all start with
// /_sandbox/, which no CleverTap path does; see control.go.
package sandbox

import (
	"math/rand/v2"
	"sync"
	"time"
)

// DefaultSlots is how many Demerge requests CleverTap takes at once for one
// account (api-request-limit in its documentation).
const DefaultSlots = 3

// Options shape a Server. The zero value is an API that answers at once, to any
// credentials, without faults.
type Options struct {
	// Account and Passcode are what the two headers must say. Empty means that
	// any value but the empty one is right.
	Account, Passcode string
	// Slots is how many requests are taken at once for one account; 0 means
	// DefaultSlots.
	Slots int
	// Others is how many of the slots somebody else holds, 0 to Slots.
	Others int
	// Latency is how long the API works on a request; Jitter is added or taken
	// away at random, evenly, never below 0.
	Latency, Jitter time.Duration
	// Seed decides every random draw. The draws belong to the requests in the
	// order in which they were given a slot.
	Seed   uint64
	Faults Faults
	// Poison tells the identities that the API refuses; nil means none. It is
	// called by several requests at once.
	Poison func(identity string) bool
	// PoisonPartial refuses them with a partial answer that names them, and
	// takes the rest, instead of a 400 for the whole batch.
	PoisonPartial bool
	// HangFor is how long a hung request is held before its connection is
	// closed; 0 means until its client closes it.
	HangFor time.Duration
}

// Server is the simulated API, an http.Handler. It is safe for concurrent use.
type Server struct {
	opts Options

	mu        sync.Mutex // guards what stands below it, down to the empty line
	rng       *rand.Rand
	faults    Faults
	down      bool
	downUntil time.Time
	garbages  int // garbage answers so far: which shape is next
	partials  int // partial answers so far: which shape is next
	traffic   traffic

	ledger ledger
	inputs sync.Pool // of *input
}

// New returns a server with empty books. Slots and Others out of range are
// brought into it.
func New(o Options) *Server {
	if o.Slots <= 0 {
		o.Slots = DefaultSlots
	}
	o.Others = min(max(o.Others, 0), o.Slots)
	return &Server{
		opts:    o,
		faults:  o.Faults,
		rng:     rand.New(rand.NewPCG(o.Seed, 0x62756c6b)),
		traffic: newTraffic(),
		inputs:  sync.Pool{New: func() any { return new(input) }},
	}
}

// SetDown begins or ends an outage: while it lasts, every request is answered
// 503 at once, whatever it says.
func (s *Server) SetDown(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down, s.downUntil = down, time.Time{}
}

// SetDownFor begins an outage that ends by itself.
func (s *Server) SetDownFor(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down, s.downUntil = true, time.Now().Add(d)
}

// SetFaults replaces the shares of the faults from the next request on.
func (s *Server) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
}

func (s *Server) isDown() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down && !s.downUntil.IsZero() && !time.Now().Before(s.downUntil) {
		s.down = false
	}
	return s.down
}

// lot is what chance decided about one request.
type lot struct {
	fault   fault
	latency time.Duration
	turn    uint64 // decides which identities of a partial answer are left out
}

// draw must be called with mu held. It takes the same number of draws for each
// request, so that one request's fate does not shift the next one's.
func (s *Server) draw() lot {
	share, jitter, turn := s.rng.Float64(), s.rng.Float64(), s.rng.Uint64()
	late := s.opts.Latency + time.Duration((2*jitter-1)*float64(s.opts.Jitter))
	return lot{fault: s.faults.at(share), latency: max(late, 0), turn: turn}
}

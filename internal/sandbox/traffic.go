package sandbox

import (
	"net"
	"net/http"
	"time"
)

// flight is one request in flight: from the arrival of its headers until its
// answer is decided, or its client is gone.
type flight struct {
	account string
	conn    net.Conn // nil inside the process
	since   time.Time
	clock   clock
	slot    bool // holds one of its account's slots
	left    bool
}

// clock says which of the books' clocks a flight's time goes to.
type clock uint8

const (
	clockNone clock = iota // refused at once: no work
	clockBusy
	clockHung
)

// account counts the requests in flight of one account id.
type account struct {
	inFlight int
	held     int // slots held, at most inFlight
}

// traffic is who is in flight now and what the requests came to so far.
// Server.mu guards it.
type traffic struct {
	flights  map[*flight]struct{}
	accounts map[string]*account // those with a request in flight
	tally
}

// tally is the part of the books that a reset clears.
type tally struct {
	requests    int64
	wrongPath   int64
	connections int64
	maxInFlight int
	busy, hung  time.Duration
	first, last time.Time
	answers     map[string]int64
}

func newTraffic() traffic {
	return traffic{
		flights:  map[*flight]struct{}{},
		accounts: map[string]*account{},
		tally:    tally{answers: map[string]int64{}},
	}
}

// free is how many slots of an account are there for us.
func (s *Server) free() int { return s.opts.Slots - s.opts.Others }

// arrive begins a request's flight.
func (s *Server) arrive(r *http.Request) *flight {
	f := &flight{account: r.Header.Get(headerAccount), since: time.Now()}
	f.conn, _ = r.Context().Value(connKey{}).(net.Conn)
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &s.traffic
	a := t.accounts[f.account]
	if a == nil {
		a = &account{}
		t.accounts[f.account] = a
	}
	t.flights[f] = struct{}{}
	t.requests++
	if r.URL.Path != Path {
		t.wrongPath++
	}
	if t.first.IsZero() {
		t.first = f.since
	}
	a.inFlight++
	if a.inFlight > s.free() {
		t.sweep(f.account)
	}
	t.maxInFlight = max(t.maxInFlight, a.inFlight)
	return f
}

// sweep ends the flights of an account whose clients have closed their
// connections, though their handlers have not been told yet: a client that
// closes one connection and then uses another must never be seen with both.
func (t *traffic) sweep(accountID string) {
	for f := range t.flights {
		if f.account == accountID && f.conn != nil && hungUp(f.conn) {
			t.leave(f, time.Now())
		}
	}
}

// admit gives the flight a slot and draws its lot; ok is false if the account
// has none left.
func (s *Server) admit(f *flight) (l lot, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.traffic.accounts[f.account]
	if f.left || a.held >= s.free() {
		return lot{}, false
	}
	a.held++
	f.slot = true
	l = s.draw()
	switch l.fault {
	case noFault, faultDrop, faultGarbage, faultPartial:
		f.clock = clockBusy
	case faultHang:
		f.clock = clockHung
	}
	return l, true
}

// land ends the flight and books its answer's kind.
func (s *Server) land(f *flight, kind string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.traffic.leave(f, time.Now())
	s.traffic.answers[kind]++
}

// leave is done once a flight, however often it is called.
func (t *traffic) leave(f *flight, now time.Time) {
	if f.left {
		return
	}
	f.left = true
	delete(t.flights, f)
	a := t.accounts[f.account]
	a.inFlight--
	if f.slot {
		a.held--
	}
	if a.inFlight == 0 {
		delete(t.accounts, f.account)
	}
	t.spend(f, now)
	t.last = now
}

// spend adds the flight's time so far to the clock that it runs on.
func (t *tally) spend(f *flight, now time.Time) {
	switch f.clock {
	case clockBusy:
		t.busy += now.Sub(f.since)
	case clockHung:
		t.hung += now.Sub(f.since)
	}
}

// connected books one more connection.
func (s *Server) connected() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.traffic.connections++
}

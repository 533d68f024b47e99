package sandbox

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bulkdemerge/bulkdemerge/internal/hint"
)

func TestListenOnLoopbackOnly(t *testing.T) {
	for _, addr := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:0", "10.0.0.1:80", "127.0.0.1", "", "127.0.0.1:x"} {
		l, err := Listen(addr, New(Options{}))
		if err == nil {
			t.Errorf("%q: listens at %s", addr, l.URL)
			_ = l.Close()
			continue
		}
		if !strings.Contains(hint.Of(err), "127.0.0.1") {
			t.Errorf("%q: %v does not say what to use", addr, err)
		}
	}
	for _, addr := range []string{"127.0.0.1:0", "127.8.8.8:0", "localhost:0"} {
		l, err := Listen(addr, New(Options{}))
		if err != nil {
			t.Errorf("%q: %v", addr, err)
			continue
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestListenSaysThatAPortIsTaken(t *testing.T) {
	base, _ := listen(t, New(Options{}))
	if l, err := Listen(strings.TrimPrefix(base, "http://"), New(Options{})); err == nil {
		_ = l.Close()
		t.Error("two on one port")
	} else if !strings.Contains(hint.Of(err), "another port") {
		t.Error(err)
	}
}

func TestConnectionsAreCounted(t *testing.T) {
	s := New(Options{})
	base, way := listen(t, s)
	for range 5 {
		send(t, way, request(t.Context(), t, base+Path, "a"))
	}
	if b := s.Books(); b.Connections != 1 {
		t.Errorf("five requests, one after the other, on %d connections", b.Connections)
	}
}

// rawRequest opens a connection and writes one request into it.
func rawRequest(t *testing.T, base string) net.Conn {
	t.Helper()
	var b bytes.Buffer
	if err := request(t.Context(), t, base+Path, "a").Write(&b); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(b.Bytes()); err != nil {
		t.Fatal(err)
	}
	return conn
}

// until waits for something that the server does by itself.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !done(); time.Sleep(100 * time.Microsecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func (s *Server) hungNow() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for f := range s.traffic.flights {
		if f.clock == clockHung {
			n++
		}
	}
	return n
}

// TestClosedConnectionIsGoneAtOnce: a client that closes its hung connection
// and then uses another is never seen with two requests.
func TestClosedConnectionIsGoneAtOnce(t *testing.T) {
	s := New(Options{Slots: 1})
	base, _ := listen(t, s)
	// The second connection is open before the first is closed, so that its
	// request has the shortest way.
	for i := range 100 {
		s.SetFaults(Faults{Hang: 1})
		hung := rawRequest(t, base)
		until(t, "the hang", func() bool { return s.hungNow() == 1 })
		s.SetFaults(Faults{})
		var b bytes.Buffer
		if err := request(t.Context(), t, base+Path, fmt.Sprint(i)).Write(&b); err != nil {
			t.Fatal(err)
		}
		next, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		if err := hung.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := next.Write(b.Bytes()); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(next), nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		_ = next.Close()
		if resp.StatusCode != 200 {
			t.Fatalf("round %d: got %d", i, resp.StatusCode)
		}
	}
	if b := s.Books(); b.MaxInFlight != 1 {
		t.Errorf("seen %d at once", b.MaxInFlight)
	}
}

func TestCloseEndsHungRequests(t *testing.T) {
	const many = 50 // one alone might end in time by luck
	s := New(Options{Slots: many, Faults: Faults{Hang: 1}})
	l, err := Listen("127.0.0.1:0", s)
	if err != nil {
		t.Fatal(err)
	}
	for range many {
		defer rawRequest(t, l.URL).Close()
	}
	until(t, "the hangs", func() bool { return s.hungNow() == many })
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if b := s.Books(); s.hungNow() != 0 || b.Answers["hang"] != many || b.Identities != 0 {
		t.Errorf("after closing: %+v", b)
	}
}

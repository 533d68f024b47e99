package sender

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// rawServer answers each connection with a function of its own, so that it can
// say what no http.Server says.
type rawServer struct {
	net.Listener
	wait  sync.WaitGroup
	conns chan net.Conn // those that were accepted, in order
}

func serveRaw(t *testing.T, serve func(n int, c net.Conn, r *bufio.Reader)) *rawServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &rawServer{Listener: l, conns: make(chan net.Conn, 100)}
	s.wait.Go(func() {
		defer close(s.conns)
		for n := 0; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.conns <- c
			s.wait.Go(func() {
				defer c.Close()
				serve(n, c, bufio.NewReader(c))
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		for c := range s.conns {
			c.Close()
		}
		s.wait.Wait()
	})
	return s
}

// readRequest takes one request in; false at the connection's end.
func readRequest(r *bufio.Reader) bool {
	req, err := http.ReadRequest(r)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, req.Body)
	return err == nil
}

const okAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

func testWire(t *testing.T, addr string, slots int) *wire {
	t.Helper()
	w := newWire(&url.URL{Scheme: "http", Host: addr, Path: path}, http.Header{"X-Test": {"1"}}, slots, new(net.Dialer).DialContext)
	t.Cleanup(w.CloseIdleConnections)
	return w
}

// post makes one request and returns status and body.
func post(ctx context.Context, w *wire, body string) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+w.addr+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	resp, err := w.RoundTrip(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

func mustPost(t *testing.T, w *wire, status int, answer string) {
	t.Helper()
	got, body, err := post(t.Context(), w, "{}")
	if err != nil || got != status || body != answer {
		t.Fatalf("%d %q, %v", got, body, err)
	}
}

func TestWireKeepsItsConnection(t *testing.T) {
	s := serveRaw(t, func(_ int, c net.Conn, r *bufio.Reader) {
		for readRequest(r) {
			fmt.Fprint(c, okAnswer)
		}
	})
	w := testWire(t, s.Addr().String(), 1)
	for range 20 {
		mustPost(t, w, 200, "ok")
	}
	if n := len(s.conns); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// A connection that the server has closed meanwhile costs no request: it is
// looked at before it is used again.
func TestWireNoticesAClosedConnection(t *testing.T) {
	closed := make(chan struct{})
	s := serveRaw(t, func(n int, c net.Conn, r *bufio.Reader) {
		for readRequest(r) {
			fmt.Fprint(c, okAnswer)
			if n == 0 {
				c.Close()
				close(closed)
				return
			}
		}
	})
	w := testWire(t, s.Addr().String(), 1)
	mustPost(t, w, 200, "ok")
	<-closed
	for quiet(w.idle[0].Conn, false) {
		// the close is on its way through loopback
	}
	mustPost(t, w, 200, "ok")
	if n := len(s.conns); n != 2 {
		t.Errorf("%d connections", n)
	}
}

// What the server says before or behind its answer.
func TestWireOddAnswers(t *testing.T) {
	for _, tt := range []struct {
		name, answer string
		reused       bool
	}{
		{"a word in between", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + okAnswer, true},
		{"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", true},
		{"the connection's end announced", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", false},
		{"an old server", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", false},
		{"more than was announced", okAnswer + "HTTP/1.1 200 OK\r\n", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := serveRaw(t, func(_ int, c net.Conn, r *bufio.Reader) {
				for readRequest(r) {
					fmt.Fprint(c, tt.answer)
				}
			})
			w := testWire(t, s.Addr().String(), 1)
			mustPost(t, w, 200, "ok")
			mustPost(t, w, 200, "ok")
			if n := len(s.conns); (n == 1) != tt.reused {
				t.Errorf("%d connections", n)
			}
		})
	}
}

// A server may refuse a request that it has not read.
func TestWireHearsAnEarlyRefusal(t *testing.T) {
	s := serveRaw(t, func(_ int, c net.Conn, r *bufio.Reader) {
		line, _ := r.ReadString('\n')
		if line != "" {
			fmt.Fprint(c, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			_, _ = io.Copy(io.Discard, r)
		}
	})
	w := testWire(t, s.Addr().String(), 1)
	status, _, err := post(t.Context(), w, strings.Repeat("x", 100<<10))
	if status != 413 {
		t.Errorf("%d, %v", status, err)
	}
}

func TestWireBoundsHeaders(t *testing.T) {
	s := serveRaw(t, func(_ int, c net.Conn, r *bufio.Reader) {
		if readRequest(r) {
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nX-Endless: ")
			for line := strings.Repeat("x", 64<<10); ; {
				if _, err := fmt.Fprint(c, line); err != nil {
					return
				}
			}
		}
	})
	w := testWire(t, s.Addr().String(), 1)
	if status, _, err := post(t.Context(), w, "{}"); err == nil {
		t.Errorf("answered %d", status)
	}
}

// The end of the context ends the connection before RoundTrip returns: the
// slot's next request needs another one, and there is room for it.
func TestWireClosesWhatTimedOut(t *testing.T) {
	s := serveRaw(t, func(n int, c net.Conn, r *bufio.Reader) {
		for readRequest(r) {
			if n > 0 {
				fmt.Fprint(c, okAnswer)
			}
		}
	})
	w := testWire(t, s.Addr().String(), 1)
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errTimeout)
	defer cancel()
	if _, _, err := post(ctx, w, "{}"); !errors.Is(err, errTimeout) {
		t.Fatalf("%v", err)
	}
	if len(w.slots) != 0 {
		t.Error("the connection is still there")
	}
	mustPost(t, w, 200, "ok")
}

// A body that stops half-way is the time-out's, and no answer.
func TestWireBodyTimesOut(t *testing.T) {
	s := serveRaw(t, func(_ int, c net.Conn, r *bufio.Reader) {
		if readRequest(r) {
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"status\":")
			readRequest(r)
		}
	})
	w := testWire(t, s.Addr().String(), 1)
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errTimeout)
	defer cancel()
	if _, body, err := post(ctx, w, "{}"); !errors.Is(err, errTimeout) {
		t.Errorf("%q, %v", body, err)
	}
	if len(w.slots) != 0 {
		t.Error("the connection is still there")
	}
}

// While connections are being warmed, requests wait for those and make no more
// than there are slots.
func TestWireWarmsNoMoreThanSlots(t *testing.T) {
	s := serveRaw(t, func(_ int, c net.Conn, r *bufio.Reader) {
		for readRequest(r) {
			fmt.Fprint(c, okAnswer)
		}
	})
	gate := make(chan struct{})
	w := newWire(&url.URL{Scheme: "http", Host: s.Addr().String(), Path: path}, http.Header{}, 3,
		func(ctx context.Context, network, addr string) (net.Conn, error) {
			<-gate
			return new(net.Dialer).DialContext(ctx, network, addr)
		})
	defer w.CloseIdleConnections()
	w.warm(t.Context())
	var wait sync.WaitGroup
	for range 3 {
		wait.Go(func() {
			if status, _, err := post(t.Context(), w, "{}"); status != 200 {
				t.Errorf("%d, %v", status, err)
			}
		})
	}
	close(gate)
	wait.Wait()
	if n := len(s.conns); n > 3 {
		t.Errorf("%d connections", n)
	}
}

// Nobody has asked for what an idle connection says, so it is given up, as is
// one that is closed. Only TLS may have sent its tickets before it has carried
// anything.
func TestWireLooksAtIdleConnections(t *testing.T) {
	s := serveRaw(t, func(_ int, c net.Conn, r *bufio.Reader) {
		fmt.Fprint(c, okAnswer)
		readRequest(r)
	})
	w := testWire(t, s.Addr().String(), 1)
	w.warm(t.Context())
	w.wait.Wait()
	c := w.idle[0]
	for quiet(c.Conn, false) {
		// what was sent is on its way through loopback
	}
	if c.good() {
		t.Error("a connection with an answer that nobody asked for was kept")
	}
	if !quiet(c.Conn, true) {
		t.Error("one that may talk was given up")
	}
	c.Conn = tls.Client(c.Conn, &tls.Config{})
	if !c.good() {
		t.Error("a new TLS connection was given up")
	}
	c.carried = true
	if c.good() {
		t.Error("a used TLS connection with something to read was kept")
	}
	c.carried, c.used = false, c.used.Add(-freshFor)
	if c.good() {
		t.Error("a stale connection was kept")
	}
}

// An answer that nobody asked for is not the next request's.
func TestWireTakesNoOtherAnswer(t *testing.T) {
	sent := make(chan struct{})
	s := serveRaw(t, func(n int, c net.Conn, r *bufio.Reader) {
		for readRequest(r) {
			fmt.Fprint(c, okAnswer)
			if n == 0 {
				fmt.Fprint(c, okAnswer)
				close(sent)
			}
		}
	})
	w := testWire(t, s.Addr().String(), 1)
	mustPost(t, w, 200, "ok")
	<-sent
	w.mu.Lock()
	idle := slices.Clone(w.idle)
	w.mu.Unlock()
	for len(idle) > 0 && quiet(idle[0].Conn, false) {
		// it is on its way through loopback
	}
	mustPost(t, w, 200, "ok")
	if n := len(s.conns); n != 2 {
		t.Errorf("%d connections: the second answer was taken for the second request's", n)
	}
}

package sender

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"sort"
	"strconv"
	"sync"
	"time"
)

const (
	// freshFor is how long a connection that says nothing is used again:
	// servers close such a connection, many of them after 15 s.
	freshFor = 10 * time.Second
	// lastWords is how long an answer is waited for when the request could not
	// be written to its end: a server may refuse one before it has read it.
	lastWords = time.Second
)

// wire is the direct way to the API: HTTP/1.1, one connection for a request
// under way, kept alive between requests. It is a http.RoundTripper for the one
// request that there is, without the two goroutines that net/http has for each
// connection: at full speed these cost more than all else that a run does. What
// parses answers is net/http's; TLS and dialling are the standard library's.
//
// A connection belongs to one request or to nobody, so that there are never
// more than slots, and the end of a request that got no answer is the end of
// its connection: it is closed before RoundTrip returns.
type wire struct {
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
	addr string
	head []byte // of every request, up to the length of its body

	slots chan struct{} // holds one for each connection that there is, or is being made
	news  chan struct{} // an idle connection may be there

	mu     sync.Mutex
	idle   []*wireConn // the one used last is taken first
	closed bool
	wait   sync.WaitGroup // warming
}

// wireConn is a connection with its buffers.
type wireConn struct {
	net.Conn
	in      io.LimitedReader // the connection, as far as one answer may go
	r       *bufio.Reader
	out     []byte
	used    time.Time
	carried bool // a request
	owner   *wire
}

func newWire(target *url.URL, header http.Header, max int, dial func(context.Context, string, string) (net.Conn, error)) *wire {
	head := "POST " + target.RequestURI() + " HTTP/1.1\r\nHost: " + target.Host + "\r\n"
	var names []string
	for name := range header {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		head += name + ": " + header.Get(name) + "\r\n"
	}
	return &wire{dial: dial, addr: hostPort(target), head: []byte(head + "Content-Length: "),
		slots: make(chan struct{}, max), news: make(chan struct{}, max)}
}

// warm dials a connection for each slot ahead, so that the first requests find
// theirs made. One that can't be dialled is dialled again by whoever needs it,
// who names the error.
func (w *wire) warm(ctx context.Context) {
	for range cap(w.slots) {
		w.slots <- struct{}{}
		w.wait.Go(func() {
			if c, err := w.connect(ctx); err == nil {
				w.put(c)
			}
		})
	}
}

// connect makes a connection in a slot that is taken, or frees the slot.
func (w *wire) connect(ctx context.Context) (*wireConn, error) {
	conn, err := w.dial(ctx, "tcp", w.addr)
	if err != nil {
		<-w.slots
		w.tell()
		return nil, err
	}
	c := &wireConn{Conn: conn, owner: w}
	c.in.R = conn
	c.r = bufio.NewReader(&c.in)
	return c, nil
}

// drop closes a connection and frees its slot.
func (c *wireConn) drop() {
	_ = c.Close() // nothing more is wanted of it
	<-c.owner.slots
	c.owner.tell()
}

// tell wakes a get that waits.
func (w *wire) tell() {
	select {
	case w.news <- struct{}{}:
	default:
	}
}

// get takes an idle connection that is still good, or makes one. While all
// slots have one it waits for those that are being warmed.
func (w *wire) get(ctx context.Context) (*wireConn, error) {
	for {
		c, err := w.pop()
		if err != nil {
			return nil, err
		}
		if c != nil {
			if c.good() {
				return c, nil
			}
			c.drop()
			continue
		}
		select {
		case w.slots <- struct{}{}:
			return w.connect(ctx)
		default:
		}
		select {
		case <-w.news:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// good tells whether an idle connection may be used: it is not old, and the
// other side has neither closed it nor said anything. An answer that nobody
// asked for must not pass for the next request's. Before its first request TLS
// has sent its tickets, so that something to read says nothing then.
func (c *wireConn) good() bool {
	idle := time.Since(c.used)
	if idle >= freshFor {
		return false
	}
	if idle < trustFor {
		return true
	}
	_, secure := c.Conn.(*tls.Conn)
	return quiet(c.Conn, secure && !c.carried)
}

// silent tells whether a connection has nothing to be read until the deadline,
// and is open.
func silent(conn net.Conn, until time.Time) bool {
	if conn.SetReadDeadline(until) != nil {
		return false
	}
	var b [1]byte
	n, err := conn.Read(b[:])
	return n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && conn.SetReadDeadline(time.Time{}) == nil
}

// pop takes an idle connection, if there is one.
func (w *wire) pop() (*wireConn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, net.ErrClosed
	}
	n := len(w.idle) - 1
	if n < 0 {
		return nil, nil
	}
	c := w.idle[n]
	w.idle = w.idle[:n]
	return c, nil
}

// put takes a connection back.
func (w *wire) put(c *wireConn) {
	c.used = time.Now()
	w.mu.Lock()
	keep := !w.closed
	if keep {
		w.idle = append(w.idle, c)
	}
	w.mu.Unlock()
	if keep {
		w.tell()
	} else {
		c.drop()
	}
}

// CloseIdleConnections ends the wire: nothing can be sent any more.
func (w *wire) CloseIdleConnections() {
	w.mu.Lock()
	w.closed = true
	idle := w.idle
	w.idle = nil
	w.mu.Unlock()
	for _, c := range idle {
		c.drop()
	}
	w.wait.Wait()
}

// RoundTrip implements http.RoundTripper. Of the request it takes body, length
// and context; the rest is always the same.
func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	c, err := w.get(ctx)
	if err != nil {
		_ = req.Body.Close() // it is in memory
		return nil, causeOf(ctx, err)
	}
	if trace := httptrace.ContextClientTrace(ctx); trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{Conn: c.Conn, Reused: c.carried})
	}
	// The context's end makes read and write return, and nothing else: whoever
	// holds the connection closes it.
	release := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	resp, err := c.exchange(ctx, req, w.head)
	if err != nil {
		release()
		c.drop()
		return nil, causeOf(ctx, err)
	}
	resp.Body = &wireBody{ReadCloser: resp.Body, conn: c, ctx: ctx, release: release, reuse: !resp.Close}
	return resp, nil
}

// causeOf names the context's cause for an error that came of its end.
func causeOf(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// exchange writes the request and reads the answer's head.
func (c *wireConn) exchange(ctx context.Context, req *http.Request, head []byte) (*http.Response, error) {
	c.carried = true
	c.out = append(c.out[:0], head...)
	c.out = strconv.AppendInt(c.out, req.ContentLength, 10)
	c.out = append(c.out, "\r\n\r\n"...)
	body := len(c.out)
	c.out = append(c.out, make([]byte, req.ContentLength)...)
	if _, err := io.ReadFull(req.Body, c.out[body:]); err != nil {
		return nil, err
	}
	_ = req.Body.Close() // it is in memory
	_, writeErr := c.Write(c.out)
	if trace := httptrace.ContextClientTrace(ctx); trace != nil && trace.WroteRequest != nil {
		trace.WroteRequest(httptrace.WroteRequestInfo{Err: writeErr})
	}
	if writeErr != nil && ctx.Err() == nil {
		_ = c.SetReadDeadline(time.Now().Add(lastWords)) // the write's error is the one that tells
	}
	resp, err := c.readHead(req)
	switch {
	case err == nil:
		resp.Close = resp.Close || writeErr != nil
	case writeErr != nil:
		err = writeErr
	}
	return resp, err
}

// readHead reads the head of the answer, behind words in between (1xx).
func (c *wireConn) readHead(req *http.Request) (*http.Response, error) {
	c.in.N = maxHeader + 2*maxAnswer
	for {
		resp, err := http.ReadResponse(c.r, req)
		switch {
		case errors.Is(err, io.ErrUnexpectedEOF):
			return nil, io.EOF
		case err != nil:
			return nil, err
		case resp.StatusCode >= 200:
			return resp, nil
		case resp.StatusCode == http.StatusSwitchingProtocols:
			resp.Close = true // to what was not asked for
			return resp, nil
		}
	}
}

// wireBody is an answer's body; its Close decides about the connection.
type wireBody struct {
	io.ReadCloser
	conn    *wireConn
	ctx     context.Context
	release func() bool
	reuse   bool
	ended   bool
}

func (b *wireBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.ended = errors.Is(err, io.EOF)
		if !b.ended {
			err = causeOf(b.ctx, err)
		}
	}
	return n, err
}

// Close gives the connection back if the answer was read to its end, nothing
// stands behind it, and the request's time was not over by then.
func (b *wireBody) Close() error {
	c := b.conn
	if b.release() && b.reuse && b.ended && c.r.Buffered() == 0 {
		c.owner.put(c)
		return nil
	}
	c.drop()
	return nil
}

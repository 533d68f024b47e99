package sender

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// path is the only path that this package ever calls.
const path = "/1/demerge/profiles.json"

// maxAnswer is the longest answer that is read, in bytes. The API's are a few
// hundred; a longer one is no answer of the API.
const maxAnswer = 1 << 20

// linger is how long a request that timed out keeps its slot after its
// connection was closed, so that the other side has seen the close before the
// slot's next request gets there. It is one round trip within a continent.
const linger = 20 * time.Millisecond

var errTimeout = errors.New("no answer in time")

// answer is what came back for one request, not yet understood.
type answer struct {
	status  int         // 0 if no answer came
	header  http.Header // nil if no answer came
	body    []byte      // at most maxAnswer bytes; valid until the buffer's next use
	tooLong bool        // the body was longer
	err     error       // why no answer, or not all of it, came
	sent    bool        // the whole request had been taken by the connection
	timeout bool        // err is this request's own time-out
	at      time.Time   // when its last byte was read, or err came
	took    time.Duration
}

// client makes one request and reads one answer. It knows nothing of retries.
type client struct {
	transport http.RoundTripper
	request   *http.Request // what all requests have in common
	timeout   time.Duration
	pace      *rate.Limiter // of requests that have their connection; nil: no limit
}

// header is what every request says.
func (o *Options) header() http.Header {
	header := make(http.Header, 5)
	header.Set("X-CleverTap-Account-Id", o.AccountID)
	header.Set("X-CleverTap-Passcode", o.Passcode)
	header.Set("Content-Type", "application/json; charset=utf-8")
	header.Set("User-Agent", o.UserAgent)
	return header
}

func newClient(target *url.URL, o *Options, transport http.RoundTripper) *client {
	return &client{
		transport: transport,
		timeout:   o.Timeout,
		pace:      newRate(o.Rate),
		request: &http.Request{
			Method: http.MethodPost, URL: target, Host: target.Host, Header: o.header(),
			Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		},
	}
}

// exchange is what the requests of one worker share, one after the other, as
// long as each is over when it ends. After one that the transport may still be
// busy with, the worker takes a new one.
type exchange struct {
	ctx  context.Context // of all requests; it carries the trace
	sent atomic.Bool     // the request under way was written to its end
	buf  []byte          // the answer is read into it
}

func (c *client) newExchange(ctx context.Context, buf []byte) *exchange {
	x := &exchange{buf: buf}
	trace := &httptrace.ClientTrace{
		WroteRequest: func(info httptrace.WroteRequestInfo) { x.sent.Store(info.Err == nil) },
	}
	if c.pace != nil {
		// The gate has spaced the requests as they left it. Some had to open their
		// connection first: they must not arrive together now.
		trace.GotConn = func(httptrace.GotConnInfo) { _ = c.pace.Wait(ctx) } // an end of ctx ends the request too
	}
	x.ctx = httptrace.WithClientTrace(ctx, trace)
	return x
}

// do sends the body and reads the answer. It goes to the transport itself, not
// through an http.Client, which would follow redirects and hand the passcode
// to their target.
func (c *client) do(x *exchange, b *body) answer {
	ctx, cancel := context.WithTimeoutCause(x.ctx, c.timeout, errTimeout)
	defer cancel()
	x.sent.Store(false)
	req := c.request.WithContext(ctx)
	req.ContentLength = int64(len(b.data))
	req.Body = b.reader()
	// With it, the transport can replace a kept-alive connection that turns
	// out to be dead before a byte was written; it never repeats a POST
	// otherwise.
	req.GetBody = func() (io.ReadCloser, error) { return b.reader(), nil }

	var a answer
	start := time.Now()
	resp, err := c.transport.RoundTrip(req)
	if err == nil {
		a.status, a.header = resp.StatusCode, resp.Header
		a.body, a.tooLong, err = readAll(resp.Body, x.buf[:0])
		x.buf = a.body
		// A body that was not read to its end closes the connection here.
		resp.Body.Close()
	}
	a.at = time.Now()
	a.took = a.at.Sub(start)
	a.err, a.sent = err, x.sent.Load()
	b.lent = b.lent || err != nil || !a.sent
	a.timeout = err != nil && ctx.Err() != nil && errors.Is(context.Cause(ctx), errTimeout)
	if a.timeout {
		time.Sleep(linger)
	}
	return a
}

// readAll reads into buf, at most maxAnswer bytes.
func readAll(r io.Reader, buf []byte) (data []byte, tooLong bool, err error) {
	if cap(buf) == 0 {
		buf = make([]byte, 0, 1024)
	}
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case len(buf) > maxAnswer:
			return buf[:maxAnswer], true, nil
		case err == io.EOF:
			return buf, false, nil
		case err != nil:
			return buf, false, err
		}
	}
}

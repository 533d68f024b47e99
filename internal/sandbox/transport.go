package sandbox

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"strconv"
	"syscall"
)

// Transport returns a way to the server inside the process: no sockets, no
// goroutines, so it works in a testing/synctest bubble too. A request's context
// is its connection: when it ends, the server sees its client leave. Resets and
// drops come as the error that a reset connection gives.
func (s *Server) Transport() http.RoundTripper { return transport{s} }

type transport struct{ server *Server }

var _ http.RoundTripper = transport{}

// RoundTrip answers one request, whatever host it names.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	ctx := r.Context()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	trace := httptrace.ContextClientTrace(ctx)
	if trace != nil && trace.WroteRequest != nil {
		trace.WroteRequest(httptrace.WroteRequestInfo{})
	}
	a := t.server.handle(r)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if a.end != answered {
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	}
	if trace != nil && trace.GotFirstResponseByte != nil {
		trace.GotFirstResponseByte()
	}
	return response(r, a), nil
}

func response(r *http.Request, a answer) *http.Response {
	return &http.Response{
		Status:     strconv.Itoa(a.status) + " " + http.StatusText(a.status),
		StatusCode: a.status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{
			"Content-Type":   {a.contentType},
			"Content-Length": {strconv.Itoa(len(a.body))},
		},
		Body:          io.NopCloser(bytes.NewReader(a.body)),
		ContentLength: int64(len(a.body)),
		Request:       r,
	}
}

package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/bulkdemerge/bulkdemerge/internal/hint"
)

// Listener serves a Server over HTTP/1.1 on a loopback address.
type Listener struct {
	// URL is the server's base, such as http://127.0.0.1:8080, without a path.
	URL string

	server *http.Server
	served chan error // what Serve returned, once
	open   sync.WaitGroup
}

// connKey is the context key of a request's connection.
type connKey struct{}

// Listen serves s on addr, HOST:PORT, with port 0 for any free one. It refuses
// an address that other machines can reach: the sandbox asks nobody who he is.
func Listen(addr string, s *Server) (*Listener, error) {
	resolved, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("listen on %q: %w", addr, err), "use an address such as 127.0.0.1:8080")
	}
	if !resolved.IP.IsLoopback() { // no IP at all is every address of the machine
		return nil, hint.New(fmt.Sprintf("listen on %q: not a loopback address", addr), "use one such as 127.0.0.1:8080")
	}
	ln, err := net.ListenTCP("tcp", resolved)
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("listen on %q: %w", addr, err), "try another port, or 0 for any")
	}
	l := &Listener{URL: "http://" + ln.Addr().String(), served: make(chan error, 1)}
	l.server = &http.Server{
		Handler:           s,
		ReadHeaderTimeout: time.Minute,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c)
		},
		ConnState: func(_ net.Conn, state http.ConnState) { l.track(s, state) },
	}
	go func() { l.served <- l.server.Serve(ln) }()
	return l, nil
}

// track counts the connections that are open.
func (l *Listener) track(s *Server, state http.ConnState) {
	switch state {
	case http.StateNew:
		l.open.Add(1)
		s.connected()
	case http.StateClosed, http.StateHijacked:
		l.open.Done()
	}
}

// Close cuts every connection, and returns when the last request has ended. It
// may be called once.
func (l *Listener) Close() error {
	err := l.server.Close()
	if served := <-l.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	// A connection that was taken while the first Close went through the list is
	// on it now.
	err = errors.Join(err, l.server.Close())
	l.open.Wait()
	if err != nil {
		return fmt.Errorf("close the sandbox at %s: %w", l.URL, err)
	}
	return nil
}

package sender

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

const (
	dialTimeout = 10 * time.Second
	// maxHeader bounds an answer's headers, in bytes.
	maxHeader = 64 << 10
	// writeBuffer, in bytes, holds a request of 100 identities of 150 bytes: it
	// leaves in one write. net/http's 4 KiB are too small for 100 UUIDs.
	writeBuffer = 16 << 10
)

// proxyError is a proxy's refusal to open a tunnel.
type proxyError struct {
	host   string
	status int
}

func (e *proxyError) Error() string {
	return fmt.Sprintf("the proxy %s answers %d", e.host, e.status)
}

// ownTransport is the way to the API: HTTP/1.1 with one connection for each
// slot, kept alive. HTTP/2 would put all slots on one connection, and cancel a
// request without closing it: then nobody knows when the slot is free.
type ownTransport struct {
	http.RoundTripper
	direct *wire           // nil where a proxy is on the way
	proxy  *http.Transport // nil where none is
}

// start warms the connections.
func (t *ownTransport) start(ctx context.Context) {
	if t.direct != nil {
		t.direct.warm(ctx)
	}
}

// close ends the connections.
func (t *ownTransport) close() {
	if t.direct != nil {
		t.direct.CloseIdleConnections()
	} else {
		t.proxy.CloseIdleConnections()
	}
}

func newTransport(o *Options, target *url.URL) (*ownTransport, error) {
	roots, err := o.pool()
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, NextProtos: []string{"http/1.1"}}
	if ProxyFor(o.Endpoint) != "" {
		t := proxied(o, dialer, config)
		return &ownTransport{RoundTripper: t, proxy: t}, nil
	}
	dial := (&tls.Dialer{NetDialer: dialer, Config: config}).DialContext
	if target.Scheme == "http" {
		// No way out of loopback, whatever a name resolves to: the passcode goes
		// in the clear here.
		dialer.ControlContext = onlyLoopback
		dial = dialer.DialContext
	}
	w := newWire(target, o.header(), o.Concurrency, dial)
	return &ownTransport{RoundTripper: w, direct: w}, nil
}

// proxied is the way through a company's proxy, of all the kinds that net/http
// knows.
func proxied(o *Options, dialer *net.Dialer, config *tls.Config) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		Protocols:              protocols,
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    dialTimeout,
		MaxConnsPerHost:        o.Concurrency,
		MaxIdleConnsPerHost:    o.Concurrency,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: maxHeader,
		WriteBufferSize:        writeBuffer,
		DisableCompression:     true, // answers are a few bytes, and a bound on them must hold as they are
		OnProxyConnectResponse: func(_ context.Context, proxy *url.URL, _ *http.Request, r *http.Response) error {
			if r.StatusCode != http.StatusOK {
				return &proxyError{proxy.Host, r.StatusCode}
			}
			return nil
		},
	}
}

// onlyLoopback looks at the address that is about to be dialled.
func onlyLoopback(_ context.Context, _, address string, _ syscall.RawConn) error {
	addr, err := netip.ParseAddrPort(address)
	if err != nil || !addr.Addr().IsLoopback() {
		return fmt.Errorf("dialling %s: http is for loopback alone", address)
	}
	return nil
}

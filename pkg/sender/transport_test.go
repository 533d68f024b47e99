package sender

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulkdemerge/bulkdemerge/internal/sandbox"
	"github.com/bulkdemerge/bulkdemerge/pkg/batcher"
)

const secret = "PASS-CODE-OF-THE-TEST"

// worksOf hands out n batches of one identity each, then io.EOF.
func worksOf(n int) func(context.Context) (Work, error) {
	return func(context.Context) (Work, error) {
		if n == 0 {
			return Work{}, io.EOF
		}
		n--
		b, index := batchOf(fmt.Sprintf("client-%d", n))
		return Work{Batch: b, Index: index}, nil
	}
}

func authority(t *testing.T, server *httptest.Server) string {
	file := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func run(t *testing.T, o Options, n int) (accepted int, failed []string, err error) {
	t.Helper()
	o.AccountID, o.Passcode = "ABC", secret
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	err = s.Run(t.Context(), worksOf(n), func(o Outcome) error {
		mu.Lock()
		defer mu.Unlock()
		if o.Status == Accepted {
			accepted += len(o.Index)
		} else {
			failed = append(failed, o.Reason)
		}
		return nil
	})
	return accepted, failed, err
}

// Over TLS with a company's own authority: HTTP/1.1, kept-alive connections,
// no more of them than slots, also while they are warmed.
func TestOverTLS(t *testing.T) {
	var conns, requests atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if r.ProtoMajor != 1 || r.URL.Path != path || r.Header.Get("X-CleverTap-Passcode") != secret ||
			r.Header.Get("User-Agent") != "bulkdemerge/1.2" || r.Header.Get("Accept-Encoding") != "" {
			t.Errorf("%s %s %v", r.Proto, r.URL, r.Header)
		}
		io.WriteString(w, `{"status":"success"}`)
	}))
	server.EnableHTTP2 = true
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	server.StartTLS()
	defer server.Close()
	o := Options{Endpoint: server.URL, CAFile: authority(t, server), UserAgent: "bulkdemerge/1.2"}
	// As many requests as slots: each finds its connection made.
	accepted, failed, err := run(t, o, 3)
	if accepted != 3 || err != nil || len(failed) > 0 || conns.Load() > 3 {
		t.Fatalf("accepted %d, failed %v, %v, %d connections", accepted, failed, err, conns.Load())
	}
	conns.Store(0)
	requests.Store(0)
	accepted, failed, err = run(t, o, 100)
	if accepted != 100 || err != nil || len(failed) > 0 {
		t.Fatalf("accepted %d, failed %v, %v", accepted, failed, err)
	}
	// On a busy machine the transport gives up a connection whose writer has
	// not been scheduled in time: a few more than slots can be.
	if conns.Load() > 20 || requests.Load() != 100 {
		t.Errorf("%d connections, %d requests", conns.Load(), requests.Load())
	}
}

func TestUnknownAuthorityIsNamed(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	server.StartTLS()
	defer server.Close()
	_, failed, err := run(t, Options{Endpoint: server.URL, MaxAttempts: 1, Concurrency: 1}, 2)
	if err != nil || len(failed) != 2 || !strings.Contains(failed[0], "unknown authority") {
		t.Errorf("failed %q, %v", failed, err)
	}
}

// The passcode stays with the host that it is for: it follows no redirect.
func TestRedirectGetsNothing(t *testing.T) {
	var hits atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer elsewhere.Close()
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL+"/?p="+secret, http.StatusTemporaryRedirect))
	defer server.Close()
	var log bytes.Buffer
	_, failed, err := run(t, Options{Endpoint: server.URL, Logger: slog.New(slog.NewTextHandler(&log, nil))}, 10)
	var stop *StopError
	if !errors.As(err, &stop) || stop.Kind != StopRedirect || hits.Load() != 0 || len(failed) > 0 {
		t.Errorf("%v, %d requests there", err, hits.Load())
	}
	if strings.Contains(fmt.Sprintf("%v %+v %#v %s", err, stop, stop, log.String()), secret) {
		t.Error("the passcode is shown")
	}
}

func TestHTTPStaysOnLoopback(t *testing.T) {
	for _, endpoint := range []string{"http://example.com", "http://192.0.2.1:80", "http://localhost.example.com", "http://[2001:db8::1]"} {
		var bad *OptionError
		if _, err := New(Options{Endpoint: endpoint, AccountID: "ABC", Passcode: secret}); !errors.As(err, &bad) || bad.Hint == "" {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
	// Whatever localhost resolves to, what is dialled must be this machine.
	for address, ok := range map[string]bool{"127.0.0.1:80": true, "[::1]:80": true, "127.8.9.1:1": true,
		"192.0.2.1:80": false, "[2001:db8::1]:80": false, "0.0.0.0:80": false, "odd": false} {
		if err := onlyLoopback(t.Context(), "tcp", address, nil); (err == nil) != ok {
			t.Errorf("dialling %s: %v", address, err)
		}
	}
}

// A request that timed out holds its slot until its connection is closed: the
// other side never sees more than the slots.
func TestTimeoutsHoldTheirSlots(t *testing.T) {
	api := sandbox.New(sandbox.Options{Latency: time.Millisecond, Seed: 1, Faults: sandbox.Faults{Hang: .2}})
	listener, err := sandbox.Listen("127.0.0.1:0", api)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	accepted, failed, err := run(t, Options{Endpoint: listener.URL, Timeout: 100 * time.Millisecond, MaxAttempts: 20}, 100)
	b := api.Books()
	if accepted != 100 || len(failed) > 0 || err != nil || b.Distinct != 100 {
		t.Fatalf("accepted %d, failed %v, %v", accepted, failed, err)
	}
	if b.MaxInFlight > 3 || b.Answers["429"] > 0 || b.Answers["hang"] == 0 {
		t.Errorf("books %+v", b)
	}
}

// Once for real: an outage in the middle, and the slots again after it.
func TestOutageForReal(t *testing.T) {
	api := sandbox.New(sandbox.Options{})
	listener, err := sandbox.Listen("127.0.0.1:0", api)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	api.SetDownFor(time.Second)
	accepted, _, err := run(t, Options{Endpoint: listener.URL}, 200)
	if b := api.Books(); accepted != 200 || err != nil || b.Repeated != 0 || b.Answers["503"] > 30 {
		t.Errorf("accepted %d, %v, books %+v", accepted, err, b)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"status":"success"`)
		for range 3 << 10 {
			if _, err := w.Write(bytes.Repeat([]byte(" "), 1<<10)); err != nil {
				return
			}
		}
		io.WriteString(w, `}`)
	}))
	defer server.Close()
	accepted, failed, err := run(t, Options{Endpoint: server.URL, MaxAttempts: 1}, 1)
	if accepted != 0 || len(failed) != 1 || !strings.Contains(failed[0], "longer than 1 MiB") || err != nil {
		t.Errorf("accepted %d, failed %v, %v", accepted, failed, err)
	}
}

// A proxy that wants a login stops the run and is named, without its password.
func TestProxyLogin(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Header.Get("X-CleverTap-Passcode") != "" {
			t.Errorf("the proxy got %s %v", r.Method, r.Header)
		}
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	defer proxy.Close()
	s, err := New(Options{Endpoint: "https://in1.api.clevertap.example", AccountID: "ABC", Passcode: secret})
	if err != nil {
		t.Fatal(err)
	}
	through, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	through.User = url.UserPassword("me", "my-password")
	proxying := proxied(&s.o, &net.Dialer{}, nil)
	proxying.Proxy = http.ProxyURL(through)
	*s.own = ownTransport{RoundTripper: proxying, proxy: proxying}
	err = s.Run(t.Context(), worksOf(5), func(Outcome) error { return errors.New("settled") })
	var stop *StopError
	if !errors.As(err, &stop) || stop.Kind != StopProxyAuth || stop.HTTPStatus != 407 || !strings.Contains(err.Error(), through.Host) || strings.Contains(err.Error(), "my-password") {
		t.Errorf("%v", err)
	}
}

// A retry reads the same bytes, and a buffer that a request may still read is
// not used for another piece.
func TestBodyIsReused(t *testing.T) {
	var pool bodyPool
	b, index := batchOf("ann", `b"o\b`, "grüße\u2028", "a\x01")
	body := pool.build(b, index)
	const want = `{"identities":["ann","b\"o\\b","grüße` + "\u2028" + `","a\u0001"]}`
	for range 2 {
		r := body.reader()
		data, err := io.ReadAll(r)
		if string(data) != want || err != nil {
			t.Fatalf("%s, %v", data, err)
		}
	}
	body.lent = true
	pool.recycle(body)
	other, _ := batchOf("zoe")
	if again := pool.build(other, index[:1]); again == body {
		t.Fatal("a buffer in use was handed out")
	}
}

func TestHotPathAllocations(t *testing.T) {
	b := &batcher.Batch{}
	var index []int
	for i := range 100 {
		index = append(index, i)
		b.Records = append(b.Records, batcher.Record{Identity: fmt.Appendf(nil, "client-%d", i)})
	}
	var pool bodyPool
	a := answer{status: 200, body: []byte(`{"status":"success"}`), header: http.Header{}}
	perBatch := testing.AllocsPerRun(100, func() {
		pool.recycle(pool.build(b, index))
		if v := classify(&a, b, index); v.decision != acceptAll {
			t.Error("not accepted")
		}
	})
	// The race detector makes pools drop at random: a few, never one a record.
	if perBatch > 4 {
		t.Errorf("%v allocations for a batch of 100", perBatch)
	}
}

package sender

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// heldBack gathers what is written, so that it leaves in one segment.
type heldBack struct {
	net.Conn
	hold bool
	buf  []byte
}

func (c *heldBack) Write(p []byte) (int, error) {
	if c.hold {
		c.buf = append(c.buf, p...)
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// Over TLS, too, an answer that nobody asked for is not the next request's: the
// TLS layer may have taken it in together with the one before.
func TestUnaskedAnswerOverTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.StartTLS()
	certificates := server.TLS.Certificates
	o := Options{CAFile: authority(t, server), Concurrency: 1, HasAccepted: true}
	server.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.Endpoint = "https://" + l.Addr().String()
	var wait sync.WaitGroup
	wait.Go(func() {
		for first := true; ; first = false {
			raw, err := l.Accept()
			if err != nil {
				return
			}
			wait.Go(func() {
				defer raw.Close()
				conn := &heldBack{Conn: raw}
				secure := tls.Server(conn, &tls.Config{Certificates: certificates})
				for r := bufio.NewReader(secure); ; {
					req, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, req.Body)
					if !first {
						fmt.Fprint(secure, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
						continue
					}
					conn.hold = true
					for range 2 { // a TLS record each
						fmt.Fprint(secure, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"status\":\"success\"}")
					}
					conn.hold = false
					_, _ = conn.Conn.Write(conn.buf)
				}
			})
		}
	})
	accepted, failed, err := run(t, o, 2)
	l.Close()
	wait.Wait()
	if accepted != 1 || len(failed) != 1 || err != nil {
		t.Errorf("accepted %d, refused %q, %v", accepted, failed, err)
	}
}

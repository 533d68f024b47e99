//go:build !unix

package sender

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"time"
)

// trustFor is how long an idle connection is used again without a look: here a
// look waits.
const trustFor = 50 * time.Millisecond

// quiet tells whether an idle connection can be used again: the other side has
// neither closed it nor said anything. Without a way to look at what may be
// read, one that mayTalk is believed.
func quiet(conn net.Conn, mayTalk bool) bool {
	if mayTalk {
		return true
	}
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	if conn.SetReadDeadline(time.Now().Add(time.Millisecond)) != nil {
		return false
	}
	var b [1]byte
	n, err := conn.Read(b[:])
	return n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && conn.SetReadDeadline(time.Time{}) == nil
}

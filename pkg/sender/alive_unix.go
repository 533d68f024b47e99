//go:build unix

package sender

import (
	"crypto/tls"
	"errors"
	"net"
	"syscall"
	"time"
)

// trustFor is how long an idle connection is used again without a look: a look
// costs next to nothing here.
const trustFor = 0

// quiet tells whether an idle connection can be used again: the other side has
// neither closed it nor said anything, unless it mayTalk. It does not wait.
func quiet(conn net.Conn, mayTalk bool) bool {
	if secure, ok := conn.(*tls.Conn); ok {
		// TLS may have taken in more than it has handed out.
		if !mayTalk && !silent(secure, time.Unix(1, 0)) {
			return false
		}
		conn = secure.NetConn()
	}
	sys, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sys.SyscallConn()
	if err != nil {
		return false
	}
	var n int
	var peekErr error
	err = raw.Read(func(fd uintptr) bool {
		var b [1]byte
		n, _, peekErr = syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK)
		return true
	})
	return err == nil && (errors.Is(peekErr, syscall.EAGAIN) || mayTalk && peekErr == nil && n > 0)
}

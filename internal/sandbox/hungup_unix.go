//go:build unix

package sandbox

import (
	"errors"
	"net"
	"syscall"
)

// hungUp asks the operating system whether the other end of a connection has
// closed it. net/http finds out by itself, but some microseconds later, in a
// goroutine that has yet to run.
func hungUp(conn net.Conn) bool {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return true // closed on our side
	}
	gone := false
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		// The descriptor does not block: with nothing to read this is EAGAIN.
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK)
		alive := n > 0 || errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR)
		gone = !alive
	})
	return gone || err != nil
}

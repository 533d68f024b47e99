//go:build !unix

package sender

import (
	"net"
	"time"
)

// trustFor is how long an idle connection is used again without a look: here a
// look waits.
const trustFor = 50 * time.Millisecond

// quiet tells whether an idle connection can be used again: the other side has
// neither closed it nor said anything. Without a way to look at what may be
// read, one that mayTalk is believed.
func quiet(conn net.Conn, mayTalk bool) bool {
	return mayTalk || silent(conn, time.Now().Add(time.Millisecond))
}

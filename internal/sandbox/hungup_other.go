//go:build !unix

package sandbox

import "net"

// hungUp leaves it to net/http to notice that a client has gone.
func hungUp(net.Conn) bool { return false }

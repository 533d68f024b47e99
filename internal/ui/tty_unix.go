//go:build !windows

package ui

import (
	"fmt"
	"io"
	"os"
)

// OpenTTY opens the terminal that the process was started from, whatever stdin
// and stderr are. It fails if there is none.
func OpenTTY() (io.ReadWriteCloser, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("there is no terminal to ask on: %w", err)
	}
	return tty, nil
}

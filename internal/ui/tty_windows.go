package ui

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// console is the console's input and output, which are two files.
type console struct{ in, out *os.File }

func (c console) Read(p []byte) (int, error)  { return c.in.Read(p) }
func (c console) Write(p []byte) (int, error) { return c.out.Write(p) }
func (c console) Close() error                { return errors.Join(c.in.Close(), c.out.Close()) }

// OpenTTY opens the console that the process was started from, whatever stdin
// and stderr are. It fails if there is none.
func OpenTTY() (io.ReadWriteCloser, error) {
	in, err := os.OpenFile("CONIN$", os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("there is no console to ask on: %w", err)
	}
	out, err := os.OpenFile("CONOUT$", os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("there is no console to ask on: %w", errors.Join(err, in.Close()))
	}
	return console{in, out}, nil
}

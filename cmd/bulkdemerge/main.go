// Command bulkdemerge hands millions of identities to CleverTap's Demerge API.
//
// The files of this folder hold flags and words; what they do is in pkg/.
package main

import (
	"io"
	"os"
)

func main() {
	a := &app{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, environ: os.Environ(),
	}
	os.Exit(a.main(os.Args[1:]))
}

// app is the command with everything that it touches from outside.
type app struct {
	stdin   *os.File
	stdout  io.Writer
	stderr  *os.File
	environ []string

	logFormat string // as the running command resolved it
	helpErr   error  // of writing help, which cobra has no way to return
}

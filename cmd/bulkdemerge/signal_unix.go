//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// stopSignals end a run cleanly.
var stopSignals = []os.Signal{os.Interrupt, syscall.SIGTERM}

// ignoreFileSizeSignal makes a write beyond the file size limit an error like
// any other, instead of the end of the process.
func ignoreFileSizeSignal() { signal.Ignore(syscall.SIGXFSZ) }

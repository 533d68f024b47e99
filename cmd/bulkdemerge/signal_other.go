//go:build !unix

package main

import "os"

// stopSignals end a run cleanly.
var stopSignals = []os.Signal{os.Interrupt}

func ignoreFileSizeSignal() {}

package main

import (
	"os"
	"runtime/debug"
)

// A run holds a few MiB on the heap and makes a few KiB of garbage for each
// request, most of it net/http's. With Go's default that is a collection for
// every 60,000 identities, and a tenth of the CPU time in all; so the collector
// is let off until there is twice as much garbage as there is to keep, but
// not beyond what leaves a run within its 64 MiB (DESIGN.md; the program itself
// takes about 12 of them, the set of seen identities is outside of the heap).
const (
	gcPercent = 200
	heapLimit = 48 << 20 // bytes; where more is really held, it is held
)

// quietCollector sets the collector for the life of a process that sends,
// unless the environment has its own words for it. With the simulated API in
// the process it must not be called: the API's books are on the heap.
func quietCollector() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(heapLimit)
	}
}

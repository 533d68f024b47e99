package main

import (
	"os"
	"runtime/debug"
)

// heapLimit, in bytes, leaves a run within its 64 MiB (DESIGN.md; the program
// itself takes about 12 of them, the set of seen identities is outside of the
// heap). Where more is really held, it is held. Between two collections there is
// no more garbage than Go's default allows: with more, a long run would take a
// third more memory than a short one.
const heapLimit = 48 << 20

// boundCollector sets the limit for the life of a process that sends, unless
// the environment has one. With the simulated API in the process it must not be
// called: the API's books are on the heap.
func boundCollector() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(heapLimit)
	}
}

package main

import (
	"runtime/debug"
	"testing"
)

func TestCollectorIsBoundUnlessTold(t *testing.T) {
	limit := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(limit) })
	debug.SetMemoryLimit(1 << 40)
	t.Setenv("GOMEMLIMIT", "1TiB")
	boundCollector()
	if got := debug.SetMemoryLimit(-1); got != 1<<40 {
		t.Errorf("GOMEMLIMIT is overruled: %d", got)
	}
	t.Setenv("GOMEMLIMIT", "")
	boundCollector()
	if got := debug.SetMemoryLimit(-1); got != heapLimit {
		t.Errorf("got a limit of %d, want %d", got, heapLimit)
	}
}

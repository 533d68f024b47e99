package main

import (
	"runtime/debug"
	"testing"
)

func TestCollectorIsQuietUnlessTold(t *testing.T) {
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(-1)
	t.Cleanup(func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	})
	debug.SetMemoryLimit(1 << 40)

	t.Setenv("GOGC", "123")
	t.Setenv("GOMEMLIMIT", "1TiB")
	quietCollector()
	if got := debug.SetGCPercent(100); got != 100 {
		t.Errorf("GOGC is overruled: %d", got)
	}
	if got := debug.SetMemoryLimit(-1); got != 1<<40 {
		t.Errorf("GOMEMLIMIT is overruled: %d", got)
	}

	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	quietCollector()
	if got := debug.SetGCPercent(100); got != gcPercent {
		t.Errorf("got %d percent, want %d", got, gcPercent)
	}
	if got := debug.SetMemoryLimit(-1); got != heapLimit {
		t.Errorf("got a limit of %d, want %d", got, heapLimit)
	}
}

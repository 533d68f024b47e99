//go:build unix

package batcher

import "golang.org/x/sys/unix"

// allocate gives zeroed memory, size a multiple of the page. It lies outside
// the Go heap, so that the garbage collector neither scans it nor lets the
// heap double because of it, and goes back to the system at once.
func allocate(size int) []byte {
	m, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, mapFlags)
	if err != nil {
		return make([]byte, size) // out of maps or of address space: the heap says so if it is memory
	}
	return m
}

// release gives memory of allocate back. For a slice that came from the heap,
// Munmap refuses, and the collector takes it.
func release(m []byte) {
	if len(m) > 0 {
		_ = unix.Munmap(m)
	}
}

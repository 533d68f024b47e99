//go:build unix && !linux

package batcher

import "golang.org/x/sys/unix"

func allocate(size int) ([]byte, error) {
	return unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
}

// release gives memory of enlarge back. For a slice that came from the heap,
// Munmap refuses, and the collector takes it.
func release(m []byte) {
	if len(m) > 0 {
		_ = unix.Munmap(m)
	}
}

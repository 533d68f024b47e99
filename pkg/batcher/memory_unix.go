//go:build unix

package batcher

import "golang.org/x/sys/unix"

// reserve is how much of the address space the set's memory gets to grow in, in
// bytes: room for 2.7 billion identities on 64 bits. Nothing of it is memory
// before it is asked for.
const reserve = 1 << (28 + 8*(^uint(0)>>63))

// enlarge gives m, of enlarge or nil, back with size bytes, a multiple of the
// page: what was in it, and zeros behind it. The memory lies outside the Go
// heap, so that the garbage collector neither scans it nor lets the heap double
// because of it, and grows where it stands, without a copy, as far as the
// system lets it.
func enlarge(m []byte, size int) []byte {
	if m == nil {
		if m, _ = unix.Mmap(-1, 0, reserve, unix.PROT_NONE, unix.MAP_ANON|unix.MAP_PRIVATE); m != nil {
			onHugePages(m)
			m = m[:0]
		}
	}
	if size <= cap(m) && unix.Mprotect(m[:size], unix.PROT_READ|unix.PROT_WRITE) == nil {
		return m[:size]
	}
	// The address space is limited (ulimit -v) or used up.
	larger, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		larger = make([]byte, size) // the heap says so if it is memory
	}
	copy(larger, m)
	release(m)
	return larger
}

// release gives memory of enlarge back. For a slice that came from the heap,
// Munmap refuses, and the collector takes it.
func release(m []byte) {
	if cap(m) > 0 {
		_ = unix.Munmap(m[:cap(m)])
	}
}

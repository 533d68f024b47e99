package batcher

import "golang.org/x/sys/unix"

// enlarge gives m, of enlarge or nil, back with size bytes, a multiple of the
// page: what was in it, and zeros behind it. The memory lies outside the Go
// heap, so that the garbage collector neither scans it nor lets the heap double
// because of it; it grows where it stands or moves as a whole, without a copy.
func enlarge(m []byte, size int) []byte {
	var err error
	larger := m
	if m == nil {
		larger, err = unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	} else {
		larger, err = unix.Mremap(m, size, unix.MREMAP_MAYMOVE)
	}
	if err != nil {
		// Out of maps or of address space: the heap says so if it is memory.
		larger = make([]byte, size)
		copy(larger, m)
		release(m)
		return larger
	}
	if size >= hugePage {
		// Slots are met at random: with small pages each of them would cost a
		// walk through the page table as well. Where the system refuses, they do.
		_ = unix.Madvise(larger, unix.MADV_HUGEPAGE)
	}
	return larger
}

// hugePage is the size of a huge page on most machines, in bytes.
const hugePage = 2 << 20

// release gives memory of enlarge back. For a slice that came from the heap,
// Munmap refuses, and the collector takes it.
func release(m []byte) {
	if len(m) > 0 {
		_ = unix.Munmap(m)
	}
}

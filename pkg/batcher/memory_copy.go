//go:build !linux

package batcher

// enlarge gives m, of enlarge or nil, back with size bytes, a multiple of the
// page: what was in it, and zeros behind it. The memory lies outside the Go
// heap, so that the garbage collector neither scans it nor lets the heap double
// because of it.
func enlarge(m []byte, size int) []byte {
	larger, err := allocate(size)
	if err != nil {
		larger = make([]byte, size) // the heap says so if it is memory
	}
	copy(larger, m)
	release(m)
	return larger
}

package batcher

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

// enlarge gives m, of enlarge or nil, back with size bytes, a multiple of the
// page: what was in it, and zeros behind it. The memory lies outside the Go
// heap, so that the garbage collector neither scans it nor lets the heap double
// because of it. It does not grow where it stands: for the time of a copy the
// old one is there as well.
func enlarge(m []byte, size int) []byte {
	var larger []byte
	if p, err := windows.VirtualAlloc(0, uintptr(size), windows.MEM_RESERVE|windows.MEM_COMMIT, windows.PAGE_READWRITE); err == nil {
		// The address is of no Go object, and stays until release: the conversion
		// that vet warns of is what this memory is made by.
		larger = unsafe.Slice(*(**byte)(unsafe.Pointer(&p)), size)
	} else {
		larger = make([]byte, size) // the heap says so if it is memory
	}
	copy(larger, m)
	release(m)
	return larger
}

// release gives memory of enlarge back. VirtualFree refuses what came from the
// heap, and the collector takes it.
func release(m []byte) {
	if len(m) > 0 {
		_ = windows.VirtualFree(uintptr(unsafe.Pointer(unsafe.SliceData(m))), 0, windows.MEM_RELEASE)
	}
}

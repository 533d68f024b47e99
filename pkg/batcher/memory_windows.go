package batcher

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

func allocate(size int) ([]byte, error) {
	p, err := windows.VirtualAlloc(0, uintptr(size), windows.MEM_RESERVE|windows.MEM_COMMIT, windows.PAGE_READWRITE)
	if err != nil {
		return nil, err
	}
	// The address is of no Go object, and stays until release: the conversion
	// that vet warns of is what this memory is made by.
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&p)), size), nil
}

// release gives memory of enlarge back. VirtualFree refuses what came from the
// heap, and the collector takes it.
func release(m []byte) {
	if len(m) > 0 {
		_ = windows.VirtualFree(uintptr(unsafe.Pointer(unsafe.SliceData(m))), 0, windows.MEM_RELEASE)
	}
}

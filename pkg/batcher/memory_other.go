//go:build !unix

package batcher

// allocate gives zeroed memory, size a multiple of the page.
func allocate(size int) []byte { return make([]byte, size) }

// release leaves memory of allocate to the garbage collector.
func release([]byte) {}

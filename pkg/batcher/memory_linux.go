package batcher

import "golang.org/x/sys/unix"

// onHugePages asks for memory in huge pages: slots are met at random, and with
// small ones each would cost a walk through the page table as well. Where the
// system refuses, they do.
func onHugePages(m []byte) { _ = unix.Madvise(m, unix.MADV_HUGEPAGE) }

//go:build unix

package reader

import (
	"fmt"
	"io/fs"
	"syscall"
)

// fileID is device:inode.
func fileID(info fs.FileInfo) string {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return fmt.Sprintf("%d:%d", st.Dev, st.Ino)
	}
	return ""
}

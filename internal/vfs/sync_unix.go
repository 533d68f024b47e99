//go:build unix

package vfs

import (
	"errors"
	"os"
	"syscall"
)

// syncDir makes the entries of a folder durable. Some file systems can't sync
// a folder and say so with EINVAL or ENOTSUP: their renames need no help.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil
	}
	return errors.Join(err, d.Close())
}

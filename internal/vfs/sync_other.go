//go:build !unix

package vfs

// syncDir has nothing to do: Windows has no way to sync a folder, and its
// MoveFileEx, which os.Rename uses, goes through the file system's own log.
func syncDir(string) error { return nil }

// Package vfs is the seam between the run directory and the file system: the
// few operations that durability rests on, so that a test can record them,
// make them fail, and play every crash (see crashfs).
//
// Everything in a run directory goes through an FS. The input, the lock and
// what people ask to be written elsewhere do not.
package vfs

import (
	"fmt"
	"io"
)

// File is a file opened for writing at its end.
type File interface {
	io.Writer
	// WriteAt writes over what is there; it does not move the place of the
	// next Write.
	io.WriterAt
	// Sync returns once everything written is on stable storage. After an
	// error nothing may be assumed about what was written since the last
	// success: it must not be called again as if that error had not been.
	Sync() error
	// Truncate cuts the file to size bytes; the next write goes there.
	Truncate(size int64) error
	Close() error
}

// Reader is a file opened for reading.
type Reader interface {
	io.Reader
	io.ReaderAt
	io.Closer
}

// FS is a file system. Files are created with mode 0600, folders with 0700.
// Errors satisfy errors.Is with fs.ErrNotExist and the syscall's number.
type FS interface {
	// MkdirAll makes dir and what is missing above it, and syncs the folders
	// that these stand in.
	MkdirAll(dir string) error
	// Append opens name for writing at its end, and creates it if need be.
	Append(name string) (File, error)
	// Create opens name for writing, empty.
	Create(name string) (File, error)
	// Open opens name for reading.
	Open(name string) (Reader, error)
	// Size is name's length in bytes.
	Size(name string) (int64, error)
	// Rename gives oldName the name newName, in one step, over what is there.
	Rename(oldName, newName string) error
	// Remove removes a file; one that is not there is no error.
	Remove(name string) error
	// SyncDir returns once the entries of dir are on stable storage.
	SyncDir(dir string) error
}

// Replace puts data in the place of the file name in dir, so that after a
// crash either the old or the new content stands there, whole: written aside,
// synced, renamed, the folder synced.
func Replace(fsys FS, dir, name string, data []byte) error {
	aside := name + ".new"
	if err := writeAside(fsys, aside, data); err != nil {
		// On a full disk it would be in the way; the first error is the one that
		// tells.
		_ = fsys.Remove(aside)
		return err
	}
	if err := fsys.Rename(aside, name); err != nil {
		return fmt.Errorf("renaming %s: %w", aside, err)
	}
	if err := fsys.SyncDir(dir); err != nil {
		return fmt.Errorf("syncing %s: %w", dir, err)
	}
	return nil
}

func writeAside(fsys FS, aside string, data []byte) error {
	f, err := fsys.Create(aside)
	if err != nil {
		return fmt.Errorf("creating %s: %w", aside, err)
	}
	if _, err := f.Write(data); err != nil {
		_ = f.Close() // the write's error is the one that tells
		return fmt.Errorf("writing %s: %w", aside, err)
	}
	if err := f.Sync(); err != nil {
		_ = f.Close()
		return fmt.Errorf("syncing %s: %w", aside, err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("closing %s: %w", aside, err)
	}
	return nil
}

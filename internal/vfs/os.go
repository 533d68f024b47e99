package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// OS is the machine's own file system.
type OS struct{}

var _ FS = OS{}

// MkdirAll implements FS.
func (OS) MkdirAll(dir string) error {
	above := []string{filepath.Dir(filepath.Clean(dir))} // folders that may get a new entry
	for {
		last := above[len(above)-1]
		if _, err := os.Stat(last); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		above = append(above, filepath.Dir(last))
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, name := range above {
		if err := syncDir(name); err != nil {
			return err
		}
	}
	return nil
}

// Append implements FS.
func (OS) Append(name string) (File, error) {
	return openFile(name, os.O_CREATE|os.O_WRONLY, io.SeekEnd)
}

// Create implements FS.
func (OS) Create(name string) (File, error) {
	return openFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, io.SeekStart)
}

// osFile writes at its own place rather than with O_APPEND: Windows does not
// let a file that was opened for appending only be cut.
type osFile struct{ *os.File }

func openFile(name string, flag, whence int) (File, error) {
	f, err := os.OpenFile(name, flag, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(0, whence); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return osFile{f}, nil
}

// Truncate implements File.
func (f osFile) Truncate(size int64) error {
	if err := f.File.Truncate(size); err != nil {
		return err
	}
	_, err := f.Seek(size, io.SeekStart)
	return err
}

// Open implements FS.
func (OS) Open(name string) (Reader, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Size implements FS.
func (OS) Size(name string) (int64, error) {
	info, err := os.Stat(name)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Rename implements FS.
func (OS) Rename(oldName, newName string) error { return os.Rename(oldName, newName) }

// Remove implements FS.
func (OS) Remove(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// SyncDir implements FS.
func (OS) SyncDir(dir string) error { return syncDir(dir) }

package vfs_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/bulkdemerge/bulkdemerge/internal/vfs"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func content(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	must(t, err)
	return string(b)
}

func TestModes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	dir := filepath.Join(t.TempDir(), "a", "b")
	must(t, vfs.OS{}.MkdirAll(dir))
	for name, open := range map[string]func(string) (vfs.File, error){"c": vfs.OS{}.Create, "d": vfs.OS{}.Append} {
		f, err := open(filepath.Join(dir, name))
		must(t, err)
		must(t, f.Close())
	}
	must(t, vfs.Replace(vfs.OS{}, dir, filepath.Join(dir, "e"), nil))
	for name, want := range map[string]fs.FileMode{"": 0o700, "..": 0o700, "c": 0o600, "d": 0o600, "e": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		must(t, err)
		if got := info.Mode().Perm(); got != want {
			t.Errorf("mode of %q is %o, want %o", name, got, want)
		}
	}
	must(t, vfs.OS{}.MkdirAll(dir))
}

// TestFile writes, cuts and goes on, as the journal does after a crash.
func TestFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x")
	f, err := vfs.OS{}.Create(name)
	must(t, err)
	_, err = io.WriteString(f, "123456")
	must(t, err)
	must(t, f.Close())

	f, err = vfs.OS{}.Append(name)
	must(t, err)
	_, err = io.WriteString(f, "789")
	must(t, err)
	must(t, f.Truncate(4))
	_, err = io.WriteString(f, "abc")
	must(t, err)
	must(t, f.Sync())
	if got := content(t, name); got != "1234abc" {
		t.Errorf("content %q", got)
	}
	if size, err := (vfs.OS{}).Size(name); size != 7 || err != nil {
		t.Errorf("size %d, %v", size, err)
	}
	r, err := vfs.OS{}.Open(name)
	must(t, err)
	b := make([]byte, 3)
	if _, err := r.ReadAt(b, 4); err != nil || string(b) != "abc" {
		t.Errorf("read %q, %v", b, err)
	}
	must(t, errors.Join(r.Close(), f.Close()))

	f, err = vfs.OS{}.Create(name)
	must(t, err)
	must(t, f.Close())
	if got := content(t, name); got != "" {
		t.Errorf("created anew it holds %q", got)
	}
}

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "x")
	for _, want := range []string{"old", "new and longer", "n"} {
		must(t, vfs.Replace(vfs.OS{}, dir, name, []byte(want)))
		if got := content(t, name); got != want {
			t.Errorf("content %q, want %q", got, want)
		}
	}
	entries, err := os.ReadDir(dir)
	must(t, err)
	if len(entries) != 1 {
		t.Errorf("%d files are left", len(entries))
	}
}

func TestNames(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	if _, err := (vfs.OS{}).Open(a); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open: %v", err)
	}
	if _, err := (vfs.OS{}).Size(a); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("size: %v", err)
	}
	must(t, vfs.OS{}.Remove(a))
	must(t, os.WriteFile(a, []byte("1"), 0o600))
	must(t, os.WriteFile(b, []byte("2"), 0o600))
	must(t, vfs.OS{}.Rename(a, b))
	must(t, vfs.OS{}.SyncDir(dir))
	if got := content(t, b); got != "1" {
		t.Errorf("after the rename b holds %q", got)
	}
	must(t, vfs.OS{}.Remove(b))
	if err := (vfs.OS{}).SyncDir(a); !errors.Is(err, fs.ErrNotExist) && runtime.GOOS != "windows" {
		t.Errorf("syncing no folder: %v", err)
	}
	if err := (vfs.OS{}).Remove(dir); err != nil {
		t.Errorf("removing an empty folder: %v", err)
	}
}

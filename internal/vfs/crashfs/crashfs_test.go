package crashfs_test

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/bulkdemerge/bulkdemerge/internal/vfs"
	"github.com/bulkdemerge/bulkdemerge/internal/vfs/crashfs"
)

// put is what a careless program would do in the place of vfs.Replace.
func put(t *testing.T, fsys vfs.FS, name, content string, sync bool) {
	t.Helper()
	f, err := fsys.Create(name + ".new")
	must(t, err)
	_, err = io.WriteString(f, content)
	must(t, err)
	if sync {
		must(t, f.Sync())
	}
	must(t, f.Close())
	must(t, fsys.Rename(name+".new", name))
	must(t, fsys.SyncDir("run"))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func list(states map[string]bool) []string { return slices.Sorted(maps.Keys(states)) }

// contents are the states of a file over all crashes of all prefixes from one
// on; "-" means that it is not there.
func contents(f *crashfs.FS, from int, name string) map[string]bool {
	all := map[string]bool{}
	for n := from; n <= f.Len(); n++ {
		for _, after := range f.Crashes(n) {
			content, there := after.Files()[name]
			if !there {
				content = "-"
			}
			all[content] = true
		}
	}
	return all
}

func TestReplaceLeavesEither(t *testing.T) {
	f := crashfs.New()
	must(t, f.MkdirAll("run"))
	must(t, vfs.Replace(f, "run", "run/x", []byte("old content")))
	from := f.Len()
	must(t, vfs.Replace(f, "run", "run/x", []byte("new")))
	got := contents(f, from, "run/x")
	if len(got) != 2 || !got["old content"] || !got["new"] {
		t.Errorf("a crash leaves %q", list(got))
	}
	if last := contents(f, f.Len(), "run/x"); len(last) != 1 || !last["new"] {
		t.Errorf("after the end a crash leaves %q", list(last))
	}
}

func TestRenameWithoutSyncIsFound(t *testing.T) {
	f := crashfs.New()
	must(t, f.MkdirAll("run"))
	put(t, f, "run/x", "old", true)
	from := f.Len()
	put(t, f, "run/x", "new", false)
	got := contents(f, from, "run/x")
	for _, want := range []string{"old", "new", "", "n", "ne", "\x00\x00\x00"} {
		if !got[want] {
			t.Errorf("no crash leaves %q", want)
		}
	}
}

func TestCreateWithoutSyncDirIsFound(t *testing.T) {
	f := crashfs.New()
	must(t, f.MkdirAll("run"))
	w, err := f.Append("run/x")
	must(t, err)
	_, err = io.WriteString(w, "abc")
	must(t, err)
	must(t, w.Sync())
	if got := contents(f, f.Len(), "run/x"); !got["-"] || !got["abc"] || len(got) != 2 {
		t.Errorf("before the folder's sync a crash leaves %q", list(got))
	}
	must(t, f.SyncDir("run"))
	if got := contents(f, f.Len(), "run/x"); !got["abc"] || len(got) != 1 {
		t.Errorf("after the folder's sync a crash leaves %q", list(got))
	}
}

// TestOrderIsNotKept: without a sync between two writes to two files each can
// be on the disk without the other, whatever their order was.
func TestOrderIsNotKept(t *testing.T) {
	f := crashfs.New()
	must(t, f.MkdirAll("run"))
	files := map[string]vfs.File{}
	for _, name := range []string{"rows", "journal"} {
		w, err := f.Create("run/" + name)
		must(t, err)
		files[name] = w
	}
	must(t, f.SyncDir("run"))
	for _, name := range []string{"rows", "journal"} {
		_, err := io.WriteString(files[name], name)
		must(t, err)
	}
	states := map[string]bool{}
	for words, after := range f.Crashes(f.Len()) {
		if words == "killed" && (after.Files()["run/rows"] != "rows" || after.Files()["run/journal"] != "journal") {
			t.Error("a killed process took something with it")
		}
		states[after.Files()["run/rows"]+"|"+after.Files()["run/journal"]] = true
	}
	for _, want := range []string{"rows|journal", "|journal", "rows|", "|", "row|journal", "rows|journa", "\x00\x00\x00\x00|journal"} {
		if !states[want] {
			t.Errorf("no crash leaves %q", want)
		}
	}
	must(t, files["rows"].Sync())
	for _, after := range f.Crashes(f.Len()) {
		if after.Files()["run/rows"] != "rows" {
			t.Errorf("synced rows became %q", after.Files()["run/rows"])
		}
	}
}

// TestHole: of three writes the middle one alone may be missing.
func TestHole(t *testing.T) {
	f := crashfs.New()
	w, err := f.Create("x")
	must(t, err)
	must(t, f.SyncDir("."))
	for _, s := range []string{"ab", "cd", "ef"} {
		_, err := io.WriteString(w, s)
		must(t, err)
	}
	if got := contents(f, f.Len(), "x"); !got["ab\x00\x00ef"] || !got["abcd"] {
		t.Errorf("no hole among %q", list(got))
	}
}

// TestTruncate: a cut that was not synced may be undone, with or without what
// was written behind it.
func TestTruncate(t *testing.T) {
	f := crashfs.New()
	f.Put("x", []byte("abcdef"))
	w, err := f.Append("x")
	must(t, err)
	must(t, w.Truncate(2))
	_, err = io.WriteString(w, "XY")
	must(t, err)
	got := contents(f, f.Len(), "x")
	for _, want := range []string{"abcdef", "ab", "abX", "abXY", "abXYef"} {
		if !got[want] {
			t.Errorf("no crash leaves %q", want)
		}
	}
}

// TestKilledKeepsUnsynced: what survives a killed process is not synced by
// that: a power cut after the next start can still take it.
func TestKilledKeepsUnsynced(t *testing.T) {
	f := crashfs.New()
	w, err := f.Create("x")
	must(t, err)
	must(t, f.SyncDir("."))
	_, err = io.WriteString(w, "abc")
	must(t, err)
	next := f.Killed(f.Len())
	if got := next.Files()["x"]; got != "abc" {
		t.Fatalf("killed: %q", got)
	}
	if got := contents(next, 0, "x"); !got[""] || !got["ab"] {
		t.Errorf("a power cut leaves %q only", list(got))
	}
}

// TestFailedSync: after a sync that failed the changes may never reach the
// disk, though a later sync succeeds.
func TestFailedSync(t *testing.T) {
	f := crashfs.New()
	w, err := f.Create("x")
	must(t, err)
	must(t, f.SyncDir("."))
	_, err = io.WriteString(w, "abc")
	must(t, err)
	f.Break(crashfs.Fault{Kind: crashfs.Sync, Nth: 1, Err: syscall.EIO})
	if err := w.Sync(); !errors.Is(err, syscall.EIO) {
		t.Fatalf("sync: %v", err)
	}
	must(t, w.Sync())
	if got := f.Files()["x"]; got != "abc" {
		t.Errorf("a reader sees %q", got)
	}
	if got := contents(f, f.Len(), "x"); !got[""] {
		t.Errorf("a power cut leaves %q: a second sync made good what the first lost", list(got))
	}
}

func TestFaults(t *testing.T) {
	f := crashfs.New()
	must(t, f.MkdirAll("a/b"))
	f.Break(crashfs.Fault{Kind: crashfs.Write, Nth: 2, Err: syscall.ENOSPC, Short: 3})
	f.Break(crashfs.Fault{Kind: crashfs.Rename, Name: "y", Nth: 1, Err: syscall.EACCES})
	w, err := f.Create("a/b/x")
	must(t, err)
	for i, want := range []int{5, 3, 5} {
		n, err := io.WriteString(w, "12345")
		if n != want || (err != nil) != (i == 1) || err != nil && !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("write %d: %d, %v", i, n, err)
		}
	}
	if got := f.Files()["a/b/x"]; got != "1234512312345" {
		t.Errorf("content %q", got)
	}
	must(t, f.Rename("a/b/x", "a/b/y"))
	if err := f.Rename("a/b/y", "a/b/x"); !errors.Is(err, syscall.EACCES) {
		t.Errorf("rename: %v", err)
	}
	if err := f.Rename("a/b/x", "a/b/z"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("rename of nothing: %v", err)
	}
	if _, err := f.Create("a/c/x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("create in no folder: %v", err)
	}
	must(t, w.Close())
	if _, err := w.Write(nil); !errors.Is(err, os.ErrClosed) {
		t.Errorf("write after close: %v", err)
	}
}

// TestRenameFolder moves what stands in it along.
func TestRenameFolder(t *testing.T) {
	f := crashfs.New()
	must(t, f.MkdirAll("a"))
	put(t, f, "a/x", "1", true)
	must(t, f.Rename("a", "b"))
	if got := f.Files()["b/x"]; got != "1" {
		t.Errorf("files %q", f.Files())
	}
	if size, err := f.Size("b"); size != 0 || err != nil {
		t.Errorf("size of a folder: %d, %v", size, err)
	}
	must(t, f.Remove("b/x"))
	must(t, f.Remove("b/x"))
	if _, err := f.Open("b/x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open: %v", err)
	}
}

// TestLargeIsBounded keeps the number of states of a large write in bounds.
func TestLargeIsBounded(t *testing.T) {
	f := crashfs.New()
	w, err := f.Create("x")
	must(t, err)
	must(t, f.SyncDir("."))
	for range 20 {
		_, err := io.WriteString(w, strings.Repeat("x", 1<<11))
		must(t, err)
	}
	n := 0
	for range f.Crashes(f.Len()) {
		n++
	}
	if n < 50 || n > 300 {
		t.Errorf("%d states", n)
	}
}

// Package crashfs is a file system in memory for tests of durability. It logs
// every operation that changes something, can make any of them fail, and
// rebuilds from any prefix of the log what a crash at that moment may leave:
// everything, after a killed process, and one of many states after a power
// cut.
package crashfs

import (
	"bytes"
	"io"
	"io/fs"
	"path/filepath"
	"sync"

	"github.com/bulkdemerge/bulkdemerge/internal/vfs"
)

// FS is the file system. It may be used by several goroutines.
type FS struct {
	mu     sync.Mutex
	base   *disk // as it was before the log's first entry; nil while there is none
	now    *disk
	log    []Op
	faults []*fault
}

var _ vfs.FS = (*FS)(nil)

// New is an empty file system. Only the folders "." and "/" are there.
func New() *FS { return on(newDisk()) }

func on(d *disk) *FS { return &FS{now: d} }

// Ops is the log.
func (f *FS) Ops() []Op {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.log[:len(f.log):len(f.log)]
}

// Len is the log's length. A call that returned is in the log below the length
// that is read after it.
func (f *FS) Len() int { return len(f.Ops()) }

// Fault is a failure to come.
type Fault struct {
	Kind  Kind   // which operations; empty: all of them
	Name  string // of the file alone, without its folder; empty: any
	Nth   int    // the n-th of them fails, from 1
	Err   error  // with which error
	Short int    // a failing write still writes this many bytes, if it has more
}

type fault struct {
	Fault
	seen int
}

// Break makes an operation to come fail. It counts from now on.
func (f *FS) Break(ft Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = append(f.faults, &fault{Fault: ft})
}

// do carries an operation out, logs it, or fails it.
func (f *FS) do(o Op) error {
	for _, ft := range f.faults {
		if ft.Kind != "" && ft.Kind != o.Kind || ft.Name != "" && ft.Name != filepath.Base(o.Name) {
			continue
		}
		if ft.seen++; ft.seen != ft.Nth {
			continue
		}
		switch {
		case o.Kind == Write && ft.Short > 0:
			o.Data = o.Data[:min(ft.Short, len(o.Data))]
			f.commit(o)
		case o.Kind == Sync:
			o.failed = true
			f.commit(o)
		}
		return &fs.PathError{Op: string(o.Kind), Path: o.Name, Err: ft.Err}
	}
	f.commit(o)
	return nil
}

func (f *FS) commit(o Op) {
	if f.base == nil {
		f.base = f.now.clone()
	}
	f.log = append(f.log, o)
	f.now.apply(o)
}

// find returns a name's node.
func (f *FS) find(op, name string) (int, error) {
	id, ok := f.now.names[filepath.Clean(name)]
	if !ok {
		return 0, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return id, nil
}

// under checks that the folder that name is to stand in is there.
func (f *FS) under(op, name string) error {
	dir := filepath.Dir(name)
	if dir == filepath.Dir(dir) {
		return nil
	}
	_, err := f.find(op, dir)
	return err
}

// MkdirAll implements vfs.FS.
func (f *FS) MkdirAll(dir string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mkdirAll(filepath.Clean(dir))
}

func (f *FS) mkdirAll(dir string) error {
	if _, there := f.now.names[dir]; there || dir == filepath.Dir(dir) {
		return nil
	}
	if err := f.mkdirAll(filepath.Dir(dir)); err != nil {
		return err
	}
	return f.do(Op{Kind: Mkdir, Name: dir, node: len(f.now.nodes)})
}

// Append implements vfs.FS.
func (f *FS) Append(name string) (vfs.File, error) { return f.open(Append, name) }

// Create implements vfs.FS.
func (f *FS) Create(name string) (vfs.File, error) { return f.open(Create, name) }

func (f *FS) open(kind Kind, name string) (vfs.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	name = filepath.Clean(name)
	if err := f.under(string(kind), name); err != nil {
		return nil, err
	}
	id, there := f.now.names[name]
	if !there {
		id = len(f.now.nodes)
	}
	if err := f.do(Op{Kind: kind, Name: name, node: id}); err != nil {
		return nil, err
	}
	return &file{fs: f, name: name, node: id, at: int64(len(f.now.nodes[id].data))}, nil
}

// Open implements vfs.FS. The reader sees what is written later, too.
func (f *FS) Open(name string) (vfs.Reader, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	id, err := f.find("open", name)
	if err != nil {
		return nil, err
	}
	at := readerAt{f, id}
	return &reader{SectionReader: io.NewSectionReader(at, 0, 1<<62)}, nil
}

// Size implements vfs.FS; a folder's is 0.
func (f *FS) Size(name string) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	id, err := f.find("stat", name)
	if err != nil {
		return 0, err
	}
	return int64(len(f.now.nodes[id].data)), nil
}

// Rename implements vfs.FS.
func (f *FS) Rename(oldName, newName string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	id, err := f.find("rename", oldName)
	if err != nil {
		return err
	}
	newName = filepath.Clean(newName)
	if err := f.under("rename", newName); err != nil {
		return err
	}
	return f.do(Op{Kind: Rename, Name: filepath.Clean(oldName), To: newName, node: id})
}

// Remove implements vfs.FS.
func (f *FS) Remove(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	id, err := f.find("remove", name)
	if err != nil {
		return nil
	}
	return f.do(Op{Kind: Remove, Name: filepath.Clean(name), node: id})
}

// SyncDir implements vfs.FS.
func (f *FS) SyncDir(dir string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.do(Op{Kind: SyncDir, Name: filepath.Clean(dir)})
}

// Files are all files with their content, by name.
func (f *FS) Files() map[string]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	files := map[string]string{}
	for name, id := range f.now.names {
		if n := f.now.nodes[id]; !n.dir {
			files[name] = string(n.data)
		}
	}
	return files
}

// Put gives a file a content that is on stable storage at once and in no log,
// as if it had always been so: for tests that damage files. A nil content
// removes the file.
func (f *FS) Put(name string, content []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	name = filepath.Clean(name)
	d := f.now
	if content == nil {
		delete(d.names, name)
		delete(d.durable, name)
	} else {
		d.names[name], d.durable[name] = len(d.nodes), len(d.nodes)
		d.nodes = append(d.nodes, &node{data: bytes.Clone(content), synced: bytes.Clone(content)})
	}
	f.base, f.log = nil, nil
}

// file is a file opened for writing.
type file struct {
	fs     *FS
	name   string
	node   int
	at     int64
	closed bool
}

// do carries an operation on an open file out.
func (w *file) do(o Op) error {
	w.fs.mu.Lock()
	defer w.fs.mu.Unlock()
	if w.closed {
		return &fs.PathError{Op: string(o.Kind), Path: w.name, Err: fs.ErrClosed}
	}
	o.Name, o.node = w.name, w.node
	return w.fs.do(o)
}

func (w *file) Write(b []byte) (int, error) {
	before := w.size()
	if err := w.do(Op{Kind: Write, At: w.at, Data: bytes.Clone(b)}); err != nil {
		n := max(0, w.size()-before)
		w.at += n
		return int(n), err
	}
	w.at += int64(len(b))
	return len(b), nil
}

func (w *file) WriteAt(b []byte, at int64) (int, error) {
	if err := w.do(Op{Kind: Write, At: at, Data: bytes.Clone(b)}); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (w *file) size() int64 {
	w.fs.mu.Lock()
	defer w.fs.mu.Unlock()
	return int64(len(w.fs.now.nodes[w.node].data))
}

func (w *file) Truncate(size int64) error {
	if size < 0 {
		return &fs.PathError{Op: "truncate", Path: w.name, Err: fs.ErrInvalid}
	}
	if err := w.do(Op{Kind: Truncate, At: size}); err != nil {
		return err
	}
	w.at = size
	return nil
}

func (w *file) Sync() error { return w.do(Op{Kind: Sync}) }

func (w *file) Close() error {
	w.fs.mu.Lock()
	defer w.fs.mu.Unlock()
	if w.closed {
		return &fs.PathError{Op: "close", Path: w.name, Err: fs.ErrClosed}
	}
	w.closed = true
	return nil
}

// readerAt reads a file's bytes as they are at that moment.
type readerAt struct {
	fs   *FS
	node int
}

func (r readerAt) ReadAt(b []byte, at int64) (int, error) {
	r.fs.mu.Lock()
	defer r.fs.mu.Unlock()
	data := r.fs.now.nodes[r.node].data
	if at < 0 {
		return 0, fs.ErrInvalid
	}
	if at >= int64(len(data)) {
		return 0, io.EOF
	}
	n := copy(b, data[at:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

type reader struct{ *io.SectionReader }

func (reader) Close() error { return nil }

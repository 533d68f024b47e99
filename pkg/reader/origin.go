package reader

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
)

// stdinName is the name that Options.Stdin goes by.
const stdinName = "-"

// origin is where the bytes of one source come from. A regular file is closed
// once its header is checked and opened again when its turn comes, so that
// thousands of them don't run out of descriptors; a pipe stays open.
type origin struct {
	source Source
	start  int // decoded bytes before the first record
	empty  bool
	broken error // damaged before its first record

	file   *os.File // open, and ours to close
	stream *stream  // open
	once   bool     // can't be opened a second time
}

// unknown tells that nothing says of which format the source would have been.
func (o *origin) unknown() bool { return o.empty || o.broken != nil }

// expand replaces patterns by the sorted names of the files that they match.
func expand(names []string) ([]string, error) {
	if len(names) == 0 {
		return nil, usage("", "name the files to read, or - for standard input", "no input")
	}
	var all []string
	for _, name := range names {
		_, err := os.Stat(name)
		if name == stdinName || !errors.Is(err, fs.ErrNotExist) || !strings.ContainsAny(name, "*?[") {
			all = append(all, name)
			continue
		}
		matches, err := filepath.Glob(name)
		if err != nil {
			return nil, usage(name, "mend the pattern", "it is neither a file nor a pattern")
		}
		if len(matches) == 0 {
			return nil, usage(name, "check the pattern and the folder", "no file matches")
		}
		slices.Sort(matches)
		all = append(all, matches...)
	}
	if i := slices.Index(all, stdinName); i >= 0 && slices.Contains(all[i+1:], stdinName) {
		return nil, usage(stdinName, "name it once", "standard input can be read once only")
	}
	return all, nil
}

// openOrigin opens a source and checks its header. The origin is to be closed
// even where there is an error.
func (in *Input) openOrigin(name string) (*origin, error) {
	o := &origin{source: Source{Name: name, Size: -1}}
	raw, err := o.openRaw(in)
	if err != nil {
		return o, err
	}
	var total *atomic.Int64
	if o.once {
		total = &in.read
	}
	if o.stream, err = newStream(o.source, raw, total, in.o); err != nil {
		return o, err
	}
	o.source = o.stream.src
	o.start = o.stream.start
	o.empty = o.stream.end == clean && len(o.stream.carry) == o.start
	if o.once {
		return o, nil
	}
	o.source.Seekable = o.source.Compression == "" && o.source.Encoding == EncodingUTF8
	return o, o.close()
}

// openRaw opens the file, or takes standard input, and says what it is.
func (o *origin) openRaw(in *Input) (io.Reader, error) {
	if o.source.Name == stdinName {
		stdin := in.o.Stdin
		if stdin == nil {
			stdin = os.Stdin
		}
		o.once = true
		if f, ok := stdin.(*os.File); ok {
			if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
				o.source.Size, o.source.ModTime = info.Size(), info.ModTime()
				return f, nil
			}
		}
		return newPipeReader(in.ctx, stdin), nil
	}
	f, err := openFile(in.ctx, o.source.Name)
	if err != nil {
		return nil, openError(o.source.Name, err)
	}
	o.file = f
	info, err := f.Stat()
	if err != nil {
		return nil, openError(o.source.Name, err)
	}
	switch {
	case info.IsDir():
		return nil, usage(o.source.Name, "name the files in it, or a pattern such as "+filepath.Join(o.source.Name, "*.csv"),
			"it is a folder")
	case !info.Mode().IsRegular():
		o.once = true
		return newPipeReader(in.ctx, f), nil
	}
	o.source.Size, o.source.ModTime, o.source.FileID = info.Size(), info.ModTime(), fileID(info)
	return f, nil
}

// openFile opens a file. Opening a named pipe waits until somebody writes to it:
// only the context's end ends that.
func openFile(ctx context.Context, name string) (*os.File, error) {
	if info, err := os.Stat(name); err != nil || info.Mode()&fs.ModeNamedPipe == 0 {
		return os.Open(name)
	}
	type opened struct {
		f   *os.File
		err error
	}
	done := make(chan opened, 1)
	go func() { // like a read of a pipe, it can't be taken back
		f, err := os.Open(name)
		done <- opened{f, err}
	}()
	select {
	case o := <-done:
		return o.f, o.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// openError is a file that can't be opened.
func openError(name string, err error) error {
	if path := new(fs.PathError); !errors.As(err, &path) {
		return err // the context's: it was not the file's fault
	}
	e := usage(name, "check that it may be read", "it can't be opened")
	e.cause = err
	if errors.Is(err, fs.ErrNotExist) {
		e = usage(name, "check the name and the folder", "no such file")
	}
	return e
}

// resume gives the stream at the source's start. A file is opened again, and
// must still be what it was.
func (o *origin) resume(in *Input) (*stream, error) {
	if o.broken != nil {
		return nil, o.broken
	}
	if o.once {
		return o.stream, nil
	}
	again := &origin{source: Source{Name: o.source.Name, Size: -1}}
	raw, err := again.openRaw(in)
	if err == nil {
		again.source.Size, again.source.ModTime = o.source.Size, o.source.ModTime
		again.source.FileID = o.source.FileID
		again.stream, err = newStream(again.source, raw, &in.read, in.o)
	}
	if err == nil {
		was := o.source
		was.Seekable = false // told by the origin, not by the stream
		if !reflect.DeepEqual(again.stream.src, was) || again.stream.start != o.start {
			err = errors.New("its first line is not what it was at the start")
		}
	}
	if err != nil {
		err = errors.Join(err, again.close())
		if damage := new(DamageError); errors.As(err, &damage) {
			return nil, err
		}
		return nil, &DamageError{Source: o.source.Name, cause: fmt.Errorf("opening it again: %w", err)}
	}
	o.file, o.stream = again.file, again.stream
	return o.stream, nil
}

// close closes what is open of the source.
func (o *origin) close() error {
	if o.stream != nil {
		o.stream.close()
		o.stream = nil
	}
	if o.file == nil {
		return nil
	}
	err := o.file.Close()
	o.file = nil
	if err != nil {
		return fmt.Errorf("closing %s: %w", o.source.Name, err)
	}
	return nil
}

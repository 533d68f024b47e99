package reader

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync/atomic"
)

// Input is all sources, read one after another. Its methods are for one
// goroutine, but for Progress.
type Input struct {
	ctx    context.Context // ends a read that waits for a pipe
	cancel context.CancelFunc
	o      Options

	origins []*origin
	at      int     // the source that is being read, or is next
	cur     *stream // nil between two sources
	err     error   // what Next has ended with

	read  atomic.Int64 // raw bytes
	total int64        // raw bytes; -1 unknown
}

// Open opens every source and checks its header; no record is consumed by
// that. A name that is not there and has *, ? or [ is taken as a pattern; "-"
// is Options.Stdin. ctx ends reading: Next returns its cause then, even while
// it waits for a pipe.
//
// The error is a *UsageError for what can't be read as it stands. A source that
// is damaged before its first record is none: Next says it when its turn comes,
// and its Source has no format.
func Open(ctx context.Context, names []string, o Options) (_ *Input, err error) {
	if err := checkOptions(o); err != nil {
		return nil, err
	}
	if names, err = expand(names); err != nil {
		return nil, err
	}
	in := &Input{o: o}
	in.ctx, in.cancel = context.WithCancel(ctx)
	defer func() {
		if err != nil {
			err = errors.Join(err, in.Close())
		}
	}()
	for _, name := range names {
		origin, err := in.openOrigin(name)
		if origin != nil {
			in.origins = append(in.origins, origin)
		}
		if damage := new(DamageError); errors.As(err, &damage) {
			// What stands before it is read all the same.
			if origin.broken, err = err, origin.close(); err != nil {
				return nil, err
			}
		}
		if err != nil {
			return nil, err
		}
		if size := origin.source.Size; size < 0 || in.total < 0 {
			in.total = -1
		} else {
			in.total += size
		}
	}
	if err := in.checkFlags(); err != nil {
		return nil, err
	}
	return in, nil
}

// Sources tells what was opened, in the order in which it is read.
func (in *Input) Sources() []Source {
	sources := make([]Source, len(in.origins))
	for i, o := range in.origins {
		sources[i] = o.source
		sources[i].Columns = slices.Clone(o.source.Columns)
	}
	return sources
}

// Progress is how many raw bytes are read, and how many there are in all; -1
// where that can't be known. It may be called from any goroutine.
func (in *Input) Progress() (read, total int64) { return in.read.Load(), in.total }

// Next fills b with the next stretch of the input, using its memory again.
// The error is io.EOF at the end of the last source, a *DamageError where a
// source can't be read to its end (no later source is read then: positions
// behind it would shift once it is mended), or the cause of the context that
// Open was given.
func (in *Input) Next(b *Block) error {
	if in.err == nil {
		in.err = in.next(b)
	}
	return in.err
}

func (in *Input) next(b *Block) error {
	for in.at < len(in.origins) {
		if in.ctx.Err() != nil {
			return context.Cause(in.ctx)
		}
		if in.cur == nil {
			var err error
			if in.cur, err = in.origins[in.at].resume(in); err != nil {
				return err
			}
		}
		b.Source = in.at
		err := in.cur.next(b)
		if err == nil {
			return nil
		}
		in.cur = nil
		if closeErr := in.origins[in.at].close(); closeErr != nil && err == io.EOF {
			err = closeErr
		}
		if err != io.EOF {
			return err
		}
		in.at++
	}
	return io.EOF
}

// Seek goes on reading at p, which must be a position that reading has given,
// in a source that is Seekable. One before the first record is the source's
// start.
func (in *Input) Seek(p Position) error {
	if p.Source < 0 || p.Source >= len(in.origins) || !in.origins[p.Source].source.Seekable {
		return fmt.Errorf("seeking in source %d: it is not a plain file", p.Source)
	}
	if in.cur != nil {
		if err := in.origins[in.at].close(); err != nil {
			return err
		}
		in.cur = nil
	}
	o := in.origins[p.Source]
	s, err := o.resume(in)
	if err != nil {
		return err
	}
	if p.Offset >= int64(o.start) {
		if _, err := o.file.Seek(p.Offset, io.SeekStart); err != nil {
			return fmt.Errorf("reading %s: %w", o.source.Name, errors.Join(err, o.close()))
		}
		s.startAt(p)
	}
	in.at, in.cur, in.err = p.Source, s, nil
	read := s.raw.n
	for _, before := range in.origins[:p.Source] {
		read += max(0, before.source.Size)
	}
	in.read.Store(read)
	return nil
}

// Close closes all sources. A read of a pipe that is under way is given up.
func (in *Input) Close() error {
	in.cancel()
	var errs []error
	for _, o := range in.origins {
		errs = append(errs, o.close())
	}
	in.cur = nil
	if in.err == nil {
		in.err = os.ErrClosed
	}
	return errors.Join(errs...)
}

func checkOptions(o Options) error {
	formats := []string{"", FormatAuto, FormatCSV, FormatNDJSON, FormatText}
	if !slices.Contains(formats, o.Format) {
		return usage("", "say --format auto, csv, ndjson or text", "no format is named %q", o.Format)
	}
	encodings := []string{"", EncodingAuto, EncodingUTF8, EncodingUTF16, EncodingWin1252}
	if !slices.Contains(encodings, o.Encoding) {
		return usage("", "say --encoding auto, utf-8, utf-16 or windows-1252", "no encoding is named %q", o.Encoding)
	}
	if o.Delimiter != 0 && !validDelimiter(o.Delimiter) {
		return usage("", "say --delimiter with one ASCII character, such as a comma or a semicolon",
			"the delimiter can't be %q", o.Delimiter)
	}
	return nil
}

// checkFlags refuses a column or a field that no source has: a flag that
// changes nothing is a misunderstanding, and a demerge can't be undone.
func (in *Input) checkFlags() error {
	formats := make(map[string]string) // to the name of the first source that has it
	for _, o := range in.origins {
		if o.unknown() {
			return nil // it would have been anything
		}
		if formats[o.source.Format] == "" {
			formats[o.source.Format] = o.source.Name
		}
	}
	csv, ndjson := formats[FormatCSV], formats[FormatNDJSON]
	switch {
	case in.o.Field != "" && in.o.Column == "" && csv != "" && ndjson == "":
		return usage(csv, "name its column with --column", "it is CSV, which has no --field")
	case in.o.Column != "" && csv == "" && ndjson != "":
		return usage(ndjson, "name its field with --field", "it is NDJSON, which has no --column")
	case in.o.Column != "" && csv == "":
		return usage(formats[FormatText], "leave --column out, or say --format csv", "it is text, which has no --column")
	case in.o.Field != "" && ndjson == "" && csv == "":
		return usage(formats[FormatText], "leave --field out, or say --format ndjson", "it is text, which has no --field")
	}
	return nil
}

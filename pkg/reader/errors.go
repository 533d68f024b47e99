package reader

import (
	"errors"
	"fmt"
	"io"
)

// UsageError is input or an option that can't be used as it is: a missing
// file, no such column, line ends of CR alone. It is found before the first
// record is handed out, so nothing was sent yet.
type UsageError struct {
	// Name is the source that it is about; empty where it is about none.
	Name string
	// Columns are the header cells to choose from, where no column was found
	// by its name. A cell that looks like data stands as its number alone.
	Columns []string
	// Hint says what to do about it, in one line.
	Hint string

	what  string
	cause error
}

// Error says what is wrong, without the hint.
func (e *UsageError) Error() string {
	s := e.what
	if e.Name != "" {
		s = e.Name + ": " + s
	}
	if e.cause != nil {
		s += ": " + e.cause.Error()
	}
	return s
}

// Unwrap gives the cause, if there is one.
func (e *UsageError) Unwrap() error { return e.cause }

// usage makes a UsageError about one source.
func usage(name, hint, format string, args ...any) *UsageError {
	return &UsageError{Name: name, Hint: hint, what: fmt.Sprintf(format, args...)}
}

// DamageError is a source that can't be read to its end. Every record that
// was whole before the damage has been handed out, and none behind it.
type DamageError struct {
	Source string // the source's name
	Line   int64  // 1-based line that reading stopped in
	Offset int64  // decoded bytes of the source that could be read
	// Raw is how many bytes of the file were taken in by then: the damage is
	// there or shortly before, since decompressors read ahead.
	Raw int64

	cause error
}

// Error names the place and the cause.
func (e *DamageError) Error() string {
	return fmt.Sprintf("reading %s: can't be read to its end: stopped in line %d, byte %d of the file: %v",
		e.Source, e.Line, e.Raw, e.cause)
}

// Unwrap gives the cause, io.ErrUnexpectedEOF for a file that was cut off.
func (e *DamageError) Unwrap() error { return e.cause }

// Hint says what to do. Only a file that was cut off has nothing wrong before
// the place: a flipped bit is found by a checksum that stands behind the data,
// when what it spoiled may have been handed out.
func (e *DamageError) Hint() string {
	if !errors.Is(e.cause, io.ErrUnexpectedEOF) {
		return "mend the input or fetch it again, then the same command goes on; should it say that the input has changed, " +
			"some of the records sent were spoiled: start it with --restart. plan finds such damage before anything is sent"
	}
	return "every record before the damage was taken; mend the input or fetch it again, then the same command goes on"
}

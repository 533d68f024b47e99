package checkpoint

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// noJournal tells a folder in which no run ever began from one whose journal
// is gone, and from one where files of other people have our names: what
// Create left when it was cut short holds nothing but the beginning of the two
// first lines, or zeros in their place.
func (l *loaded) noJournal(what string) error {
	report, err := l.beginning(ReportFile)
	if err != nil {
		return err
	}
	journal, err := l.beginning(JournalFile)
	if err != nil {
		return err
	}
	rows := bytes.TrimRight(report, "\x00")
	if !l.known && len(report) <= len(l.o.ReportHead) && bytes.HasPrefix(l.o.ReportHead, rows) && unborn(journal) {
		return ErrNoRun
	}
	return &DamagedError{File: l.o.path(JournalFile), Detail: "it " + what}
}

// beginning returns a file's first bytes, none if it is not there.
func (l *loaded) beginning(name string) ([]byte, error) {
	f, err := l.o.FS.Open(l.o.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", name, err)
	}
	b, err := io.ReadAll(io.LimitReader(f, sumBuffer))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return b, nil
}

// unborn tells whether a journal's first bytes may be a torn first line.
func unborn(b []byte) bool {
	const form = "00000000 1 h {" // the digits are any
	b = bytes.TrimRight(b, "\x00")
	for i, c := range b[:min(len(b), len(form))] {
		digit := c >= '0' && c <= '9' || c >= 'a' && c <= 'f'
		if i < 8 && !digit || i >= 8 && c != form[i] {
			return false
		}
	}
	return bytes.IndexByte(b, '\n') < 0
}

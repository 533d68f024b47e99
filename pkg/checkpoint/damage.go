package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
)

// ErrNoRun says that a folder holds no run: nothing was ever settled there.
var ErrNoRun = errors.New("no run here")

// DamagedError says that a file of the run directory is not what was synced
// to it, and that what it held is nowhere else. Nothing may be sent then: who
// was already sent can't be told.
type DamagedError struct {
	File   string // path of the file
	Detail string // what was found
	Saved  bool   // looks as if a spreadsheet had saved the file
}

// unreadable is the error for an entry whose checksum is right and whose words
// are not.
func (o Options) unreadable(e entry) error {
	return &DamagedError{File: o.path(JournalFile), Detail: fmt.Sprintf("entry %d can't be read", e.n)}
}

func (e *DamagedError) Error() string {
	if e.Saved {
		return fmt.Sprintf("%s is damaged: it looks as if a spreadsheet or an editor had saved it (%s)", e.File, e.Detail)
	}
	return fmt.Sprintf("%s is damaged: %s", e.File, e.Detail)
}

// Hint says what to type.
func (e *DamagedError) Hint() string {
	if e.Saved {
		return "open a copy of the report next time; if you have the original, put it back, otherwise --restart begins again and keeps the old directory aside (identities that were accepted are then sent once more)"
	}
	return "put the file back from a backup if you have one; otherwise --restart begins again and keeps the old directory aside (identities that were accepted are then sent once more)"
}

// VersionError says that a newer program wrote the run directory.
type VersionError struct {
	File    string
	Version int
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("%s has format version %d, this program knows %d", e.File, e.Version, Version)
}

// Hint says what to do.
func (e *VersionError) Hint() string {
	return "use the newer bulkdemerge that began this run"
}

// ChangedError says that the input is not the one that the run has settled
// records of.
type ChangedError struct {
	Source   int    // index into the sources, 0-based
	Name     string // of the source, where the caller has set it
	From, To int64  // lines, 1-based: the change is between them; To 0: it ends too early
}

func (e *ChangedError) Error() string {
	of := ""
	if e.Name != "" {
		of = " of " + e.Name
	}
	if e.To == 0 {
		return fmt.Sprintf("the input has changed: it ends at line %d%s, before what the run has already settled", e.From, of)
	}
	return fmt.Sprintf("the input has changed: lines %d to %d%s are not what they were when the run settled them", e.From, e.To, of)
}

// Hint says what to do.
func (e *ChangedError) Hint() string {
	return "put the original input back, or give the new one a run of its own with --out DIR; --restart forgets the old run (kept aside)"
}

// WriteError says that the run directory can't be written any more.
type WriteError struct {
	File string
	Err  error
}

func (e *WriteError) Error() string {
	cause := e.Err
	if p, ok := errors.AsType[*fs.PathError](e.Err); ok {
		cause = p.Err // the file is named already
	}
	return fmt.Sprintf("writing %s: %v", e.File, cause)
}

func (e *WriteError) Unwrap() error { return e.Err }

// Hint says what to do.
func (e *WriteError) Hint() string {
	return "what was settled is safe; make room or mend the disk, then the same command goes on"
}

// Package batcher turns records into batches: it validates identities, finds
// duplicates, and cuts the input into contiguous spans with at most BatchSize
// identities to be sent in each. Cuts depend on the input and the pinned
// options only, never on time.
package batcher

import "github.com/bulkdemerge/bulkdemerge/pkg/reader"

// Class says what becomes of a record.
type Class uint8

// The classes of a record. Only Send leaves the machine.
const (
	Send Class = iota
	Invalid
	Duplicate
	Skipped
)

// String is the class as the report's column status has it; "send" for Send,
// whose status the answer decides.
func (c Class) String() string {
	return [...]string{"send", "invalid", "duplicate", "skipped"}[c]
}

// Record is one input record, ready to be sent or to be written down as never
// sent.
type Record struct {
	// Identity is trimmed, if trimming is on. For Send it is valid UTF-8 of 1
	// to 1,024 bytes without control characters; for the others it may be any
	// bytes (report.AppendRow makes them printable), cut to 1,024 bytes plus
	// one, so that a reader can tell that it was cut.
	Identity []byte
	Line     int64 // 1-based line of the source that it starts on
	Source   int32 // index into the sources, 0-based
	Class    Class
	Flags    Flags
	Reason   string // why it is Invalid; else empty
}

// Flags are what plan warns about and what costs nothing to notice here.
type Flags uint8

const (
	// OuterSpace: white space stood around the identity in the source; it is
	// gone if trimming is on.
	OuterSpace Flags = 1 << iota
	// Variant: an earlier identity of this run differs from it in the case of
	// ASCII letters only. Set on records of class Send, with Dedupe.
	Variant
	// Plain: the identity is printable ASCII without a quote, a comma, a
	// backslash or outer space, so that neither JSON nor CSV has to escape or
	// quote it. Without it nothing is said.
	Plain
)

// The reasons for Invalid that are found here; the reader's are in
// reader.Problem.
const (
	ReasonEmpty   = "empty"
	ReasonTooLong = "longer than 1,024 bytes"
	ReasonNotUTF8 = "not valid UTF-8"
	ReasonControl = "control character"
)

// MaxIdentity is the longest identity that is sent, in bytes.
const MaxIdentity = 1024

// Batch is a contiguous span of the input and every record of it.
type Batch struct {
	Seq        int64           // 1 for the run's first batch
	Start, End reader.Position // the span; Start is the previous batch's End
	Hash       uint64          // XXH3 of the span's decoded bytes
	Records    []Record        // in input order, at least one
	Sends      int             // how many of Records are Send, at most BatchSize
	Cut        bool            // ended by the end of the input, not by its own size
	Held       int             // bytes that the records hold: see MaxHeld
	arena      []byte          // holds the identities
}

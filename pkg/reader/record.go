// Package reader turns bytes into records: it opens every file that people
// have (CSV, NDJSON, text; UTF-8, UTF-16, Windows-1252; plain, gzip, zstd,
// bzip2), and hands out each record with its identity and its place.
package reader

// MaxRecord is the longest record that is read, in bytes of decoded input. A
// longer one is a single invalid record (DESIGN.md, issue "Reading").
const MaxRecord = 1 << 20

// Position is a place in the input, always between two records.
type Position struct {
	Source int   // index into the sources, 0-based
	Offset int64 // bytes of decoded (decompressed, UTF-8) input before it, in this source
	Line   int64 // lines (LF-terminated) before it, in this source
}

// Problem says why a record has no usable identity. The zero value is none.
type Problem uint8

// The problems that reading finds. The batcher finds those of the identity
// itself (empty, control characters, too long).
const (
	None        Problem = iota
	TooLong             // the record is longer than MaxRecord
	BadQuote            // CSV: bytes after a closing quote, or a quote that doesn't close
	NoColumn            // CSV: the row ends before the identity's column
	BadJSON             // NDJSON: the line is not one JSON value by RFC 8259
	NoField             // NDJSON: the field is not there, or null
	FieldType           // NDJSON: the value is neither a string nor an integer
	RepeatedKey         // NDJSON: the identity's own key stands twice
	BadEncoding         // a character that the source's encoding does not have
)

// Record is one record of a source.
type Record struct {
	// Identity is the identity as the source has it: decoded, unquoted,
	// unescaped, not trimmed. It points into the Block and is valid as long
	// as the Block's content is. It is nil where Problem is set.
	Identity []byte
	// Line is the 1-based line of the source that the record starts on.
	Line int64
	// End is where the record ends in Block.Data, its line end included.
	End int
	// Lines is how many lines (LF) Block.Data holds up to End: the line count
	// of the position behind this record is Block.Line + Lines.
	Lines   int
	Problem Problem
}

// Block is a stretch of one source with the records that end in it. Blocks of
// a source follow each other without a gap: the concatenation of their Data is
// the decoded source, header and empty lines included, so that a hash over
// Data is a hash over the input.
//
// A Block may hold bytes and no record (the middle of an overlong line), and
// bytes behind its last record's End (empty lines at the end of the source).
type Block struct {
	Source  int   // index into the sources, 0-based
	Offset  int64 // decoded bytes of the source before Data
	Line    int64 // lines (LF) of the source before Data
	Data    []byte
	Records []Record

	arena []byte // identities that had to be unescaped
}

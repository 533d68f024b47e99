package reader

import (
	"io"
	"time"
)

// Formats, as Options.Format takes them and Source.Format tells them.
const (
	FormatAuto   = "auto"
	FormatCSV    = "csv"
	FormatNDJSON = "ndjson"
	FormatText   = "text"
)

// Encodings, as Options.Encoding takes them; Source.Encoding tells utf-16le
// or utf-16be where it is UTF-16.
const (
	EncodingAuto    = "auto"
	EncodingUTF8    = "utf-8"
	EncodingUTF16   = "utf-16"
	EncodingWin1252 = "windows-1252"

	encodingUTF16LE = "utf-16le"
	encodingUTF16BE = "utf-16be"
)

// DefaultColumn is the header cell (whatever its case) and the NDJSON field
// that holds the identity unless an option says otherwise.
const DefaultColumn = "identity"

// Options say how to read. The zero value reads what it finds.
type Options struct {
	// Format is auto (or empty), csv, ndjson or text.
	Format string
	// Column names the identity's column or counts it from 1. Several,
	// comma-separated, mean the first that is not empty. Empty means the
	// header cell DefaultColumn.
	Column string
	// Field is the NDJSON field, a.b.c for nested ones. Empty means
	// DefaultColumn.
	Field string
	// Delimiter is the CSV delimiter, an ASCII character. 0 means: told from
	// a sep= line or the header line.
	Delimiter byte
	// NoHeader says that a CSV source's first line is a record.
	NoHeader bool
	// Encoding is auto (or empty), utf-8, utf-16 or windows-1252.
	Encoding string
	// Stdin is what the name "-" reads; nil means os.Stdin.
	Stdin io.Reader
	// Trim says that a cell of white space alone counts as empty when several
	// columns are given. Identities are handed out untrimmed.
	Trim bool

	// tamper stands between a source's bytes and everything else, for tests.
	tamper func(io.Reader) io.Reader
	// longest stands for MaxRecord, for tests; 0 means MaxRecord.
	longest int
}

// Column is a column of a CSV source.
type Column struct {
	Index int    // 0-based
	Name  string // the header cell, trimmed; empty without a header
}

// Source is one opened input.
type Source struct {
	Name        string
	Format      string   // csv, ndjson or text
	Encoding    string   // utf-8, utf-16le, utf-16be or windows-1252
	Compression string   // gzip, zstd, bzip2, or empty
	Delimiter   byte     // CSV only
	Columns     []Column // CSV only: where the identity is looked for, in order
	Size        int64    // raw bytes; -1 where it can't be known (a pipe)
	ModTime     time.Time
	// FileID is device:inode where the system has them, else empty.
	FileID string
	// Seekable says that Seek may go into this source: it is a regular file,
	// not compressed, in UTF-8.
	Seekable bool
	// HeaderLooksLikeData says that a column was chosen by its number and its
	// header cell has a digit or an @: perhaps it is an identity.
	HeaderLooksLikeData bool
}

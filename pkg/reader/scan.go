package reader

import "bytes"

// ending says what is known to come behind the bytes at hand.
type ending uint8

const (
	more    ending = iota // more bytes may come
	clean                 // nothing: the source is at its end
	damaged               // something that can't be read
)

// What a lineFormat can answer besides the exported problems. These two never
// leave the package.
const (
	noRecord  Problem = 254 // the line is none: only white space in NDJSON
	openQuote Problem = 255 // CSV: the line ends inside a quoted field
)

// lineFormat finds the identity in one record without its line end. What it
// has to unescape goes into the arena of b.
type lineFormat interface {
	record(line []byte, b *Block) ([]byte, Problem)
}

// scanner cuts the bytes of one source into records. It looks at each byte a
// bounded number of times, however small the pieces in which they come, and
// never needs more than longest bytes behind the start of a record.
type scanner struct {
	format  lineFormat
	longest int      // bytes of the longest record that is read
	quotes  quoteRun // CSV only
	replace bool     // decoded from another encoding: U+FFFD stands for what that doesn't have

	// Of the block that is being scanned:
	pos   int // bytes that are cut
	lines int // LFs in them

	// Of the record at pos, from one call to the next:
	searched int  // bytes behind pos that are known to hold no LF
	open     int  // CSV: length of its first line, known to end in a quoted field; or 0
	skipping bool // it is overlong and its start is gone
}

// maxRecords is how many records a block has at most: the shortest ones would
// take thirty times the memory of their bytes.
const maxRecords = 16 << 10

// scan appends the records of b.Data from pos on to b.Records, as far as they
// are whole and there is room, and moves pos behind them.
func (s *scanner) scan(b *Block, end ending) {
	for s.pos < len(b.Data) && len(b.Records) < maxRecords {
		rest := b.Data[s.pos:]
		size := s.open
		if size == 0 {
			var whole bool
			if size, whole = s.line(rest, end); !whole {
				return
			}
			if s.skipping || size > s.longest {
				s.skipping = false
				s.emit(b, size, nil, TooLong)
				continue
			}
			line := trimCR(rest[:size])
			if len(line) == 0 {
				s.advance(b, size)
				continue
			}
			id, problem := s.format.record(line, b)
			if problem == noRecord {
				s.advance(b, size)
				continue
			}
			if problem != openQuote {
				s.emit(b, size, id, problem)
				continue
			}
		}
		if !s.quoted(b, size, end) {
			return
		}
	}
}

// line gives the length of the line that rest starts with, or false where its
// end isn't there yet.
func (s *scanner) line(rest []byte, end ending) (int, bool) {
	if i := bytes.IndexByte(rest[s.searched:], '\n'); i >= 0 {
		return s.searched + i, true
	}
	s.searched = len(rest)
	switch {
	case end == clean:
		return len(rest), true
	case end == more && (s.skipping || len(rest) > s.longest):
		// All but the last byte can go, which keeps the record's end inside
		// a block that has bytes.
		s.skipping = true
		s.pos += len(rest) - 1
		s.searched = 1
	}
	return 0, false
}

// quoted goes on with a record whose first line, of the given length, ends
// inside a quoted field. It is false where more bytes are needed.
func (s *scanner) quoted(b *Block, first int, end ending) bool {
	s.open = first
	size, problem := s.quotes.end(b, s.pos, first, s.longest, end)
	switch problem {
	case None:
		record := b.Data[s.pos : s.pos+size]
		id, p := s.format.record(trimCR(record), b)
		s.emit(b, size, id, p)
	case openQuote:
		return false
	default:
		s.emit(b, first, nil, problem)
	}
	return true
}

// emit appends the record of the given length at pos.
func (s *scanner) emit(b *Block, size int, id []byte, problem Problem) {
	line := b.Line + int64(s.lines) + 1
	if problem == None && s.replace && bytes.Contains(id, []byte("\uFFFD")) {
		id, problem = nil, BadEncoding
	}
	s.advance(b, size)
	b.Records = append(b.Records, Record{Identity: id, Line: line, End: s.pos, Lines: s.lines, Problem: problem})
}

// advance moves pos behind a record or an empty line of the given length.
func (s *scanner) advance(b *Block, size int) {
	if s.open > 0 { // only then can there be LFs inside
		s.lines += bytes.Count(b.Data[s.pos:s.pos+size], []byte{'\n'})
	}
	s.pos += size
	if s.pos < len(b.Data) { // else it is the last line and has no LF
		s.pos++
		s.lines++
	}
	s.searched, s.open = 0, 0
}

// trimCR takes the CR of a CRLF away.
func trimCR(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		return line[:n-1]
	}
	return line
}

// textFormat is one identity a line.
type textFormat struct{}

func (textFormat) record(line []byte, _ *Block) ([]byte, Problem) { return line, None }

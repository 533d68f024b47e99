package reader

import "bytes"

// quoteState is where in a record of several lines the reading stands.
type quoteState uint8

const (
	inQuotes   quoteState = iota
	afterQuote            // behind a quote in quotes: it closes, or is the first of two
	afterCR               // behind a closing quote and a CR: only LF may follow
	cellStart
	inCell  // in a cell without quotes
	isBad   // bytes stand behind a closing quote
	isWhole // at the LF that ends the record
)

// quoteRun finds the end of a record whose first line ends inside a quoted
// field.
//
// A record that turns out broken costs its first line alone, so the lines
// behind it are read again. That stays linear because of one law: at every LF
// that a run has passed, it was inside quotes (outside of them the LF would
// have ended the record). A later record that is inside quotes at one of
// those LFs goes the same way from there, so it needs not be read again: the
// run goes on where it stopped. Every byte is passed by one run and by the
// reading of its own line.
type quoteRun struct {
	delimiter byte
	at        int64 // offset in the source: all before it is passed
	state     quoteState
	passed    int64 // bytes in all, which is what the law is tested by
}

// end gives the length of the record that starts at pos and whose first line,
// of the given length, ends inside quotes. The Problem is openQuote where more
// bytes are needed, or what the first line is to be reported as.
func (q *quoteRun) end(b *Block, pos, first, longest int, end ending) (int, Problem) {
	data, base := b.Data, b.Offset
	if newline := base + int64(pos+first); newline >= q.at {
		q.at, q.state = newline, inQuotes
	}
	limit := pos + longest + 1 // the LF that ends the longest record is before it
	q.advance(data[:min(limit, len(data))], base)
	at := int(q.at - base)
	switch {
	case q.state == isWhole:
		return at - pos, None
	case q.state == isBad:
		return 0, BadQuote
	case at >= limit:
		if q.state == inQuotes {
			return 0, BadQuote
		}
		return 0, TooLong
	case end != clean:
		return 0, openQuote
	case q.state == inQuotes:
		return 0, BadQuote
	}
	return at - pos, None
}

// advance passes the bytes of data up to its end or the run's.
func (q *quoteRun) advance(data []byte, base int64) {
	i, state := int(q.at-base), q.state
	for i < len(data) && state < isBad {
		switch c := data[i]; {
		case state == inQuotes:
			j := bytes.IndexByte(data[i:], '"')
			if j < 0 {
				i = len(data)
				continue
			}
			i += j
			state = afterQuote
		case c == '\n':
			state = isWhole
			continue
		case state == afterQuote && c == '"':
			state = inQuotes
		case state == afterQuote && c == '\r':
			state = afterCR
		case state == cellStart && c == '"':
			state = inQuotes
		case c == q.delimiter && state != afterCR:
			state = cellStart
		case state == afterQuote || state == afterCR:
			state = isBad
			continue
		default:
			state = inCell
		}
		i++
	}
	q.passed += base + int64(i) - q.at
	q.at, q.state = base+int64(i), state
}

package report

import (
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/bulkdemerge/bulkdemerge/pkg/batcher"
	"github.com/bulkdemerge/bulkdemerge/pkg/sender"
)

const (
	maxIdentity = 1024 // bytes of an identity that a row shows, before escaping
	maxReason   = 200  // bytes of a reason
)

// AppendRows appends one row for each of o.Index to dst. A record that was
// never sent gets its own status and reason, the others get the outcome's.
// sources are the inputs' names, by batcher.Record.Source.
//
// It is the hot path of a run, so it encodes by hand and allocates nothing but
// what dst grows by. What it writes is byte for byte what gocsv makes of the
// same Rows.
func AppendRows(dst []byte, sources []string, o sender.Outcome) []byte {
	var buf [32]byte
	tail := o.At.UTC().AppendFormat(buf[:0], ",2006-01-02T15:04:05Z\n")
	// Neighbours nearly always agree in all columns between identity and line:
	// those are encoded once and copied from the row before.
	var prev *batcher.Record
	var from, to int
	for _, i := range o.Index {
		rec := &o.Batch.Records[i]
		if rec.Flags&batcher.Plain != 0 {
			dst = append(dst, rec.Identity...)
		} else {
			dst = appendIdentity(dst, rec.Identity)
		}
		if prev != nil && prev.Class == rec.Class && prev.Source == rec.Source && prev.Reason == rec.Reason {
			dst = append(dst, dst[from:to]...)
		} else {
			from = len(dst)
			dst = appendMiddle(dst, sources[rec.Source], rec, &o)
			to = len(dst)
		}
		prev = rec
		dst = strconv.AppendInt(dst, rec.Line, 10)
		dst = append(dst, tail...)
	}
	return dst
}

// appendMiddle appends the columns between identity and line, with the commas
// on both sides.
func appendMiddle(dst []byte, source string, rec *batcher.Record, o *sender.Outcome) []byte {
	dst = append(dst, ',')
	if rec.Class == batcher.Send {
		dst = append(dst, o.Status.String()...)
		dst = append(dst, ',')
		dst = appendReason(dst, o.Reason)
		dst = append(dst, ',')
		dst = appendNonZero(dst, o.Code)
		dst = append(dst, ',')
		dst = appendNonZero(dst, o.HTTPStatus)
		dst = append(dst, ',')
		dst = strconv.AppendInt(dst, int64(o.Attempts), 10)
	} else {
		dst = append(dst, rec.Class.String()...)
		dst = append(dst, ',')
		dst = appendReason(dst, rec.Reason)
		dst = append(dst, ",,,0"...)
	}
	dst = append(dst, ',')
	dst = strconv.AppendInt(dst, o.Batch.Seq, 10)
	dst = append(dst, ',')
	dst = appendEscaped(dst, source)
	return append(dst, ',')
}

func appendNonZero(dst []byte, n int) []byte {
	if n == 0 {
		return dst
	}
	return strconv.AppendInt(dst, int64(n), 10)
}

func appendIdentity(dst, id []byte) []byte {
	if len(id) > maxIdentity {
		id = id[:maxIdentity]
		// A rune that the cut went through is no bad byte: it goes as a whole.
		if i := lastRuneStart(id); !utf8.FullRune(id[i:]) {
			id = id[:i]
		}
	}
	return appendEscaped(dst, id)
}

// lastRuneStart is where the last rune of s starts, or the last byte if s ends
// in no rune at all.
func lastRuneStart[T string | []byte](s T) int {
	for i := len(s) - 1; i >= 0 && i >= len(s)-utf8.UTFMax; i-- {
		if utf8.RuneStart(s[i]) {
			return i
		}
	}
	return len(s) - 1
}

// appendEscaped appends a field in which bytes that are not UTF-8 and control
// characters stand as \xNN, so that a row is one line of valid UTF-8.
func appendEscaped[T string | []byte](dst []byte, s T) []byte {
	if isPlain(s) {
		return append(dst, s...)
	}
	quoted := needsQuotes(s)
	if quoted {
		dst = append(dst, '"')
	}
	for i := 0; i < len(s); {
		r, n := decodeRune(s[i:])
		switch {
		case r == utf8.RuneError && n == 1, unicode.IsControl(r):
			for j := i; j < i+n; j++ {
				dst = append(dst, '\\', 'x', hexDigit(s[j]>>4), hexDigit(s[j]&15))
			}
		case r == '"':
			dst = append(dst, `""`...)
		default:
			dst = append(dst, s[i:i+n]...)
		}
		i += n
	}
	if quoted {
		dst = append(dst, '"')
	}
	return dst
}

// appendReason appends a reason as one line: control characters become spaces,
// bytes that are not UTF-8 U+FFFD, and it is cut after maxReason bytes.
func appendReason(dst []byte, s string) []byte {
	if len(s) <= maxReason && isPlain(s) {
		return append(dst, s...)
	}
	var buf [maxReason + utf8.UTFMax]byte
	line := buf[:0]
	for _, r := range s {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			r = ' '
		}
		if r == ' ' && len(line) == 0 {
			continue
		}
		if len(line)+utf8.RuneLen(r) > maxReason {
			break
		}
		line = utf8.AppendRune(line, r)
	}
	// The answer's own line end is no word of it.
	for len(line) > 0 && line[len(line)-1] == ' ' {
		line = line[:len(line)-1]
	}
	return appendEscaped(dst, line)
}

// isPlain reports whether s stands in a row as it is: ASCII without anything
// to escape or quote.
func isPlain[T string | []byte](s T) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == ',' || c == '\\' {
			return false
		}
	}
	return len(s) == 0 || s[0] != ' '
}

// needsQuotes holds encoding/csv's rules (RFC 4180, and what PostgreSQL and
// spreadsheets trip over) for a field whose control characters are gone.
func needsQuotes[T string | []byte](s T) bool {
	for i := 0; i < len(s); i++ {
		if s[i] == '"' || s[i] == ',' {
			return true
		}
	}
	if len(s) == 2 && s[0] == '\\' && s[1] == '.' {
		return true
	}
	r, _ := decodeRune(s)
	return unicode.IsSpace(r) && !unicode.IsControl(r)
}

// decodeRune is utf8.DecodeRune for both kinds of bytes, without a conversion.
func decodeRune[T string | []byte](s T) (rune, int) {
	var b [utf8.UTFMax]byte
	return utf8.DecodeRune(b[:copy(b[:], s)])
}

func hexDigit(c byte) byte { return "0123456789ABCDEF"[c] }

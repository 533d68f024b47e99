package checkpoint

import (
	"bytes"
	"errors"
	"strconv"
)

func appendPlace(dst []byte, p Place) []byte {
	dst = strconv.AppendInt(dst, int64(p.Source), 10)
	dst = strconv.AppendInt(append(dst, ':'), p.Offset, 10)
	return strconv.AppendInt(append(dst, ':'), p.Line, 10)
}

func appendHex(dst []byte, v uint64, digits int) []byte {
	const hexDigits = "0123456789abcdef"
	for shift := (digits - 1) * 4; shift >= 0; shift -= 4 {
		dst = append(dst, hexDigits[v>>shift&15])
	}
	return dst
}

func appendRanges(dst []byte, index []int) []byte {
	if index == nil {
		return append(dst, '*')
	}
	for i := 0; i < len(index); {
		j := i
		for j+1 < len(index) && index[j+1] == index[j]+1 {
			j++
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(dst, int64(index[i]), 10)
		if j > i {
			dst = strconv.AppendInt(append(dst, '-'), int64(index[j]), 10)
		}
		i = j + 1
	}
	return dst
}

var errWords = errors.New("words that are none of the journal's")

// scanner takes the words of a journal line apart; its first error stays.
type scanner struct {
	rest []byte
	err  error
}

// number reads digits up to and including the byte end. The bound keeps the
// sum of a few of them from running over.
func (s *scanner) number(end byte) int64 {
	var n int64
	for i, c := range s.rest {
		switch {
		case c >= '0' && c <= '9' && n < 1<<55:
			n = n*10 + int64(c-'0')
		case c == end && i > 0:
			s.rest = s.rest[i+1:]
			return n
		default:
			s.err = errWords
			return 0
		}
	}
	s.err = errWords
	return 0
}

// hex reads exactly digits hexadecimal digits and the space behind them, if
// one is there.
func (s *scanner) hex(digits int) uint64 {
	if len(s.rest) < digits {
		s.err = errWords
		return 0
	}
	var v uint64
	for _, c := range s.rest[:digits] {
		switch {
		case c >= '0' && c <= '9':
			v = v<<4 | uint64(c-'0')
		case c >= 'a' && c <= 'f':
			v = v<<4 | uint64(c-'a'+10)
		default:
			s.err = errWords
		}
	}
	s.rest = s.rest[digits:]
	s.space()
	return v
}

func (s *scanner) space() {
	if len(s.rest) > 0 {
		if s.rest[0] != ' ' {
			s.err = errWords
			return
		}
		s.rest = s.rest[1:]
	}
}

func (s *scanner) place() Place {
	return Place{Source: int(s.number(':')), Offset: s.number(':'), Line: s.number(' ')}
}

// first returns the first of the bytes that is still to come, a space if none
// is.
func (s *scanner) first(of string) byte {
	if i := bytes.IndexAny(s.rest, of); i >= 0 {
		return s.rest[i]
	}
	return ' '
}

// ranges reads the word which; each position must rise and be below records.
func (s *scanner) ranges(records int) []int {
	if len(s.rest) > 1 && s.rest[0] == '*' {
		s.rest = s.rest[1:]
		s.space()
		return nil
	}
	var index []int
	for s.err == nil {
		end := s.first(",- ")
		first := s.number(end)
		last := first
		if end == '-' {
			end = s.first(", ")
			last = s.number(end)
		}
		if last < first || last >= int64(records) || len(index) > 0 && first <= int64(index[len(index)-1]) {
			s.err = errWords
		}
		for i := first; i <= last && s.err == nil; i++ {
			index = append(index, int(i))
		}
		if end == ' ' {
			break
		}
	}
	return index
}

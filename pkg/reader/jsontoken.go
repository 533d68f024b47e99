package reader

import (
	"unicode/utf16"
	"unicode/utf8"
)

// The tokens of RFC 8259. Each function starts at a token's first byte and
// tells where it ends.

func skipSpace(p []byte, i int) int {
	for i < len(p) && (p[i] == ' ' || p[i] == '\t' || p[i] == '\r' || p[i] == '\n') {
		i++
	}
	return i
}

func passWord(p []byte, i int, word string) (int, bool) {
	if len(p)-i < len(word) || string(p[i:i+len(word)]) != word {
		return i, false
	}
	return i + len(word), true
}

// passString also notes bytes outside of ASCII in f.high: whether they are
// UTF-8 is asked once, for the whole line.
func (f *jsonFormat) passString(p []byte, i int) (next int, escaped, ok bool) {
	for i++; i < len(p); i++ {
		switch c := p[i]; {
		case c == '"':
			return i + 1, escaped, true
		case c < ' ':
			return i, escaped, false
		case c >= utf8.RuneSelf:
			f.high = true
		case c == '\\':
			escaped = true
			if i++; i == len(p) {
				return i, escaped, false
			}
			switch p[i] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				if _, valid := hex4(p[i+1:]); !valid {
					return i, escaped, false
				}
				i += 4
			default:
				return i, escaped, false
			}
		}
	}
	return i, escaped, false
}

func passNumber(p []byte, i int) (next int, integer, ok bool) {
	if p[i] == '-' {
		i++
	}
	switch {
	case i == len(p) || !isDigit(p[i]):
		return i, false, false
	case p[i] == '0':
		i++
	default:
		i = passDigits(p, i)
	}
	integer = true
	if i < len(p) && p[i] == '.' {
		integer = false
		from := i + 1
		if i = passDigits(p, from); i == from {
			return i, false, false
		}
	}
	if i < len(p) && (p[i] == 'e' || p[i] == 'E') {
		integer = false
		from := i + 1
		if from < len(p) && (p[from] == '+' || p[from] == '-') {
			from++
		}
		if i = passDigits(p, from); i == from {
			return i, false, false
		}
	}
	return i, integer, true
}

func passDigits(p []byte, i int) int {
	for i < len(p) && isDigit(p[i]) {
		i++
	}
	return i
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// hex4 is the value of four hexadecimal digits.
func hex4(p []byte) (rune, bool) {
	if len(p) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range p[:4] {
		switch {
		case isDigit(c):
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// unescape appends the content of a string that passString has passed. It is
// false where an escape is half a surrogate pair.
func unescape(dst, src []byte) ([]byte, bool) {
	for i := 0; i < len(src); i++ {
		if src[i] != '\\' {
			dst = append(dst, src[i])
			continue
		}
		i++
		switch c := src[i]; c {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r, _ := hex4(src[i+1:])
			i += 4
			if utf16.IsSurrogate(r) {
				low, ok := escapedRune(src[i+1:])
				if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
					return dst, false
				}
				i += 6
			}
			dst = utf8.AppendRune(dst, r)
		default: // a quote, a backslash, a slash
			dst = append(dst, c)
		}
	}
	return dst, true
}

// escapedRune is the value of a \u escape that src starts with.
func escapedRune(src []byte) (rune, bool) {
	if len(src) < 6 || src[0] != '\\' || src[1] != 'u' {
		return 0, false
	}
	return hex4(src[2:])
}

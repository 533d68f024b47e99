package batcher

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// kind is what an identity looks like.
type kind uint8

const (
	number kind = iota // digits alone
	phone              // + and digits, with the usual punctuation
	email
	uuid
	word // ASCII letters and digits alone, like hex and base 36 ids
	text // anything else
	kindCount
)

func (k kind) one() string {
	return [...]string{"a number", "a phone number", "an e-mail address", "a UUID", "a word", "other text"}[k]
}

func (k kind) many() string {
	return [...]string{"numbers", "phone numbers", "e-mail addresses", "UUIDs", "words", "other text"}[k]
}

// related tells that a value of the minor kind is nothing strange among those
// of the major one: some hex ids happen to have no letters, and free text
// holds words.
func related(major, minor kind) bool {
	return major == word && minor == number || major == text && minor == word || major == word && minor == text
}

// What a byte can be; the or of all bytes narrows down what an identity is.
const (
	isDigit = 1 << iota
	isHex   // a to f, in both cases
	isLetter
	isAt
	isPlus
	isHyphen
	isPhone // punctuation of phone numbers; the space, too, is isSpace
	isSpace
	isOther
	isWide // a byte beyond ASCII
)

// byteKind maps bytes to the above; it never changes.
var byteKind = func() (t [256]uint16) {
	for c := range t {
		switch {
		case '0' <= c && c <= '9':
			t[c] = isDigit
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			t[c] = isHex
		case 'a' <= c|0x20 && c|0x20 <= 'z':
			t[c] = isLetter
		case c == '@':
			t[c] = isAt
		case c == '+':
			t[c] = isPlus
		case c == '-':
			t[c] = isHyphen
		case c == '.', c == '(', c == ')', c == '/':
			t[c] = isPhone
		case c == ' ', '\t' <= c && c <= '\r':
			t[c] = isSpace
		case c >= utf8.RuneSelf:
			t[c] = isWide
		default:
			t[c] = isOther
		}
	}
	return t
}()

// kindOf tells what an identity, trimmed, looks like, and whether there is
// white space in it.
func kindOf(id []byte) (k kind, space bool) {
	all := uint16(0)
	for _, c := range id {
		all |= byteKind[c]
	}
	space = all&isSpace != 0 || all&isWide != 0 && bytes.IndexFunc(id, unicode.IsSpace) >= 0
	switch {
	case all == isDigit:
		return number, false
	case all&^(isDigit|isHex|isLetter) == 0:
		return word, false
	case all&isAt != 0:
		if isEmail(id) && !space {
			return email, false
		}
	case len(id) == 36 && all&^(isDigit|isHex) == isHyphen && isUUID(id):
		return uuid, false
	case all&^(isPlus|isDigit|isHyphen|isPhone|isSpace) == 0 && isPhoneNumber(id):
		return phone, space
	}
	return text, space
}

// isEmail tells whether there is one @ with something before it and a name
// with a dot behind it.
func isEmail(id []byte) bool {
	before, after, _ := bytes.Cut(id, []byte("@"))
	dot := bytes.IndexByte(after, '.')
	return len(before) > 0 && dot > 0 && dot < len(after)-1 && bytes.IndexByte(after, '@') < 0
}

// isUUID tells whether the hyphens of a UUID's bytes stand where they belong.
func isUUID(id []byte) bool {
	return id[8] == '-' && id[13] == '-' && id[18] == '-' && id[23] == '-' && bytes.Count(id, []byte("-")) == 4
}

// isPhoneNumber tells whether there are, behind a plus, as many digits as a
// phone number can have (E.164: 15 at most; the shortest in use have 7).
func isPhoneNumber(id []byte) bool {
	if id[0] != '+' || bytes.Count(id, []byte("+")) > 1 {
		return false
	}
	digits := 0
	for _, c := range id {
		if byteKind[c] == isDigit {
			digits++
		}
	}
	return 7 <= digits && digits <= 15
}

// isScientific tells whether this is a number as spreadsheets show long ones:
// 9.19E+11, or 9,19E+11 where the decimal sign is a comma; programs write
// 9.19e+11 and 9.19E11.
func isScientific(id []byte) bool {
	id = bytes.TrimPrefix(id, []byte("-"))
	if len(id) == 0 || id[0] < '1' || id[0] > '9' {
		return false
	}
	i := bytes.IndexAny(id, "eE")
	if i < 0 {
		return false
	}
	mantissa := id[:i]
	exponent, signed := bytes.CutPrefix(id[i+1:], []byte("+"))
	if len(exponent) < 2 || len(exponent) > 3 || !digits(exponent) {
		return false
	}
	// Without the sign, as Java writes it, 1E11 may be somebody's code.
	return len(mantissa) == 1 && signed || len(mantissa) > 1 && (mantissa[1] == '.' || mantissa[1] == ',') && len(mantissa) > 2 && digits(mantissa[2:])
}

func digits(s []byte) bool {
	for _, c := range s {
		if byteKind[c] != isDigit {
			return false
		}
	}
	return true
}

// longestPlaceholder is in bytes, those that are nothing but zeros aside.
const longestPlaceholder = 13

// isPlaceholder tells whether this is what programs and people write where
// there is no identity.
func isPlaceholder(id []byte) bool {
	if len(id) > 0 && (id[0] == '0' || id[0] == '-') && len(bytes.Trim(id, "0-")) == 0 {
		return true // 0, 000000, -, --, the nil UUID
	}
	if len(id) > longestPlaceholder {
		return false
	}
	var lower [longestPlaceholder]byte
	for i, c := range id {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		lower[i] = c
	}
	switch string(lower[:len(id)]) {
	case "null", "nil", "none", "undefined", "n/a", "na", "nan", "unknown", "test", "empty", "missing",
		"anonymous", "guest", "dummy", "true", "false", "(null)", "<null>", "[null]", "\\n", "(none)", "(blank)",
		"(not set)", "not available", "?", ".", "*", "''", "\"\"", "{}", "[]",
		"#n/a", "#ref!", "#value!", "#name?", "#null!", "#div/0!", "#num!":
		return true
	}
	return false
}

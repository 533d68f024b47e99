package sandbox

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"unicode/utf8"
)

// MaxIdentities is how many identities one request may carry
// (demerge-user-profile-api in CleverTap's documentation).
const MaxIdentities = 100

// maxBody is the longest request body that is read, in bytes.
const maxBody = 1 << 20

// refusal is what a 400 says, in an API's words; empty if nothing is wrong.
type refusal string

const (
	badJSON  refusal = "Request body is not valid JSON"
	badShape refusal = "Request body must be an object with identities, a string or a list of strings"
	noneIn   refusal = "No identities in the request"
	overfull refusal = "More than 100 identities in the request"
	emptyIn  refusal = "An identity is empty"
)

// parseBody reads the identities of a request body into ids, whose memory it
// reuses. They may point into body.
func parseBody(body []byte, ids [][]byte) ([][]byte, refusal) {
	ids, ok := parseFast(body, ids[:0])
	if !ok {
		var bad refusal
		if ids, bad = parseSlow(body, ids[:0]); bad != "" {
			return ids, bad
		}
	}
	switch {
	case len(ids) == 0:
		return ids, noneIn
	case len(ids) > MaxIdentities:
		return ids, overfull
	}
	for _, id := range ids {
		if len(id) == 0 {
			return ids, emptyIn
		}
	}
	return ids, ""
}

// parseFast reads the body that clients commonly send: one line, a list, no
// escapes. It says no to anything else, right or wrong.
func parseFast(body []byte, ids [][]byte) ([][]byte, bool) {
	if !isPlain(body) {
		return ids, false
	}
	rest, ok := token(body, `{`)
	rest, ok = tokenIf(ok, rest, `"identities"`)
	rest, ok = tokenIf(ok, rest, `:`)
	rest, ok = tokenIf(ok, rest, `[`)
	if !ok {
		return ids, false
	}
	for {
		if rest, ok = token(rest, `"`); !ok {
			return ids, false
		}
		n := bytes.IndexByte(rest, '"')
		if n < 0 {
			return ids, false
		}
		ids, rest = append(ids, rest[:n]), rest[n+1:]
		if next, more := token(rest, `,`); more {
			rest = next
			continue
		}
		break
	}
	rest, ok = token(rest, `]`)
	rest, ok = tokenIf(ok, rest, `}`)
	return ids, ok && len(bytes.TrimLeft(rest, " ")) == 0
}

// token cuts a token and the spaces before it off b.
func token(b []byte, t string) ([]byte, bool) {
	for len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	if len(b) < len(t) || string(b[:len(t)]) != t {
		return nil, false
	}
	return b[len(t):], true
}

func tokenIf(ok bool, b []byte, t string) ([]byte, bool) {
	if !ok {
		return nil, false
	}
	return token(b, t)
}

// isPlain says whether b is valid UTF-8 without control characters (below
// U+0020) and backslashes: then every string in it stands for its own bytes. It
// looks at eight bytes at a time.
func isPlain(b []byte) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	var low, high uint64
	rest := b
	for ; len(rest) >= 8; rest = rest[8:] {
		x := binary.LittleEndian.Uint64(rest)
		low |= (x - 0x20*ones) & ^x & tops // a byte below 0x20
		high |= x & tops                   // a byte above 0x7f
	}
	for _, c := range rest {
		if c < 0x20 {
			return false
		}
		high |= uint64(c & 0x80)
	}
	return low == 0 && bytes.IndexByte(b, '\\') < 0 && (high == 0 || utf8.Valid(b))
}

// parseSlow reads any right body.
func parseSlow(body []byte, ids [][]byte) ([][]byte, refusal) {
	if !utf8.Valid(body) || !json.Valid(body) {
		return ids, badJSON
	}
	var members map[string]json.RawMessage // not a struct: its keys match in any case
	if err := json.Unmarshal(body, &members); err != nil {
		return ids, badShape
	}
	value, ok := members["identities"]
	if !ok || len(members) != 1 {
		return ids, badShape
	}
	var one *string
	if err := json.Unmarshal(value, &one); err == nil && one != nil {
		return append(ids, []byte(*one)), ""
	}
	var list []*string
	if err := json.Unmarshal(value, &list); err != nil || list == nil {
		return ids, badShape
	}
	for _, id := range list {
		if id == nil {
			return ids, badShape
		}
		ids = append(ids, []byte(*id))
	}
	return ids, ""
}

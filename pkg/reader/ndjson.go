package reader

import (
	"strings"
	"unicode/utf8"
)

// jsonFormat reads one JSON value a line by RFC 8259 and finds the identity
// in it. It does not recurse, so nesting of any depth is just a line.
type jsonFormat struct {
	path []string // the keys that lead to the identity

	// Of the line that is being read:
	stack  []byte // the open brackets, { or [
	onPath int    // how many of them, from the outermost, lie on the way to the identity
	seen   []bool // which keys of path their object has had
	role   role   // of the next value
	found  jsonValue
	high   bool // a byte from 0x80 on was met
	key    []byte
}

// role says what a value means for the identity.
type role uint8

const (
	bystander role = iota
	wayThere       // an object here holds the next key of the path
	identity       // the value is the identity
	root           // the line's own value: wayThere or, without an object, identity
)

// jsonValue is what stands where the identity should.
type jsonValue struct {
	problem    Problem
	start, end int
	escaped    bool // it has a backslash in it
}

func newJSONFormat(field string) *jsonFormat {
	if field == "" {
		field = DefaultColumn
	}
	path := strings.Split(field, ".")
	return &jsonFormat{path: path, seen: make([]bool, len(path))}
}

func (f *jsonFormat) record(line []byte, b *Block) ([]byte, Problem) {
	start := skipSpace(line, 0)
	if start == len(line) {
		return nil, noRecord
	}
	if !f.read(line, start) {
		return nil, BadJSON
	}
	v := f.found
	if v.problem != None {
		return nil, v.problem
	}
	id := line[v.start:v.end]
	if !v.escaped {
		return id, None
	}
	from := len(b.arena)
	var ok bool
	if b.arena, ok = unescape(b.arena, id); !ok {
		return nil, BadJSON // half a surrogate pair: no character, and none is made up
	}
	return b.arena[from:len(b.arena):len(b.arena)], None
}

// read passes the line, whose value starts at i. It is false where the line
// is not one JSON value.
func (f *jsonFormat) read(p []byte, i int) (ok bool) {
	f.stack, f.onPath, f.high = f.stack[:0], 0, false
	f.role, f.found = root, jsonValue{problem: NoField}
	for {
		var opened bool
		if i, opened, ok = f.value(p, i); !ok {
			return false
		}
		if !opened {
			if i, ok = f.afterValue(p, i); !ok {
				return false
			}
			if len(f.stack) == 0 {
				return i == len(p) && (!f.high || utf8.Valid(p))
			}
		}
		if f.stack[len(f.stack)-1] == '{' {
			if i, ok = f.passKey(p, i); !ok {
				return false
			}
		}
	}
}

// afterValue passes the brackets that close behind a value and the comma, if
// brackets are still open then.
func (f *jsonFormat) afterValue(p []byte, i int) (int, bool) {
	for i = skipSpace(p, i); len(f.stack) > 0; i = skipSpace(p, i+1) {
		if i == len(p) {
			return i, false
		}
		if p[i] == ',' {
			return skipSpace(p, i+1), true
		}
		if p[i] != f.closing() {
			return i, false
		}
		f.pop()
	}
	return i, true
}

// value passes one value. Of an object or array that is not empty it passes
// the opening bracket and the white space behind it, and opened is true.
func (f *jsonFormat) value(p []byte, i int) (next int, opened, ok bool) {
	if i == len(p) {
		return i, false, false
	}
	r := f.role
	f.role = bystander
	v := jsonValue{problem: FieldType}
	switch p[i] {
	case '"':
		next, v.escaped, ok = f.passString(p, i)
		v.problem, v.start, v.end = None, i+1, next-1
	case '{', '[':
		if p[i] == '{' && (r == wayThere || r == root) {
			f.seen[f.onPath] = false
			f.onPath++
			r = bystander
		}
		f.stack = append(f.stack, p[i])
		next, ok = skipSpace(p, i+1), true
		if opened = next == len(p) || p[next] != f.closing(); !opened {
			f.pop()
			next++
		}
	case 't':
		next, ok = passWord(p, i, "true")
	case 'f':
		next, ok = passWord(p, i, "false")
	case 'n':
		next, ok = passWord(p, i, "null")
		v.problem = NoField
	default:
		var integer bool
		next, integer, ok = passNumber(p, i)
		if integer {
			v.problem, v.start, v.end = None, i, next
		}
	}
	if r >= identity && f.found.problem != RepeatedKey {
		f.found = v
	}
	return next, opened, ok
}

// passKey passes a key and its colon, and tells the role of the value behind.
func (f *jsonFormat) passKey(p []byte, i int) (int, bool) {
	if i == len(p) || p[i] != '"' {
		return i, false
	}
	next, escaped, ok := f.passString(p, i)
	if !ok {
		return i, false
	}
	if len(f.stack) == f.onPath && f.isNext(p[i+1:next-1], escaped) {
		f.role = wayThere
		if f.onPath == len(f.path) {
			f.role = identity
		}
		if f.seen[f.onPath-1] {
			f.found = jsonValue{problem: RepeatedKey}
		}
		f.seen[f.onPath-1] = true
	}
	if next = skipSpace(p, next); next == len(p) || p[next] != ':' {
		return next, false
	}
	return skipSpace(p, next+1), true
}

// isNext says whether a key is the one that the innermost object is asked for.
func (f *jsonFormat) isNext(key []byte, escaped bool) bool {
	want := f.path[f.onPath-1]
	if !escaped {
		return string(key) == want
	}
	var ok bool
	f.key, ok = unescape(f.key[:0], key)
	return ok && string(f.key) == want
}

// closing is the bracket that closes the innermost open one.
func (f *jsonFormat) closing() byte {
	return f.stack[len(f.stack)-1] + 2 // ASCII: [ \ ] and { | }
}

func (f *jsonFormat) pop() {
	if len(f.stack) == f.onPath {
		f.onPath--
	}
	f.stack = f.stack[:len(f.stack)-1]
}

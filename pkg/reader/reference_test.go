package reader

import (
	"bytes"
	"encoding/json"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// The references are written to be obviously right and nothing else. They
// share no code with what they judge.

// referenceCSV reads records of at most longest bytes one byte at a time.
func referenceCSV(data string, delimiter byte, column, longest int) []row {
	var rows []row
	for pos, line := 0, int64(1); pos < len(data); {
		end := pos + len(data[pos:])
		if i := strings.IndexByte(data[pos:], '\n'); i >= 0 {
			end = pos + i
		}
		first := data[pos:end]
		r := row{line: line}
		switch {
		case len(first) > longest:
			r.problem = TooLong
		case first == "" || first == "\r":
			pos, line = end+1, line+1
			continue
		default:
			var cells []string
			var size int
			if cells, size, r.problem = referenceRow(data[pos:], delimiter, longest); r.problem == None {
				end = pos + size
				if column < len(cells) {
					r.id = cells[column]
				} else {
					r.problem = NoColumn
				}
			}
		}
		rows = append(rows, r)
		line += int64(strings.Count(data[pos:end], "\n")) + 1
		pos = end + 1
	}
	return rows
}

// referenceRow reads the row that data starts with, and how long it is
// without its line end.
func referenceRow(data string, delimiter byte, longest int) (cells []string, size int, problem Problem) {
	var cell []byte
	quoted, closed, start := false, false, true // the cell is in quotes; they have closed; nothing of it was met
	for i := 0; ; i++ {
		if i > longest {
			if quoted && !closed {
				return nil, 0, BadQuote
			}
			return nil, 0, TooLong
		}
		rest := data[i:]
		atEnd := rest == "" || rest == "\r" || rest[0] == '\n' || strings.HasPrefix(rest, "\r\n")
		switch {
		case quoted && !closed && rest == "":
			return nil, 0, BadQuote
		case quoted && !closed && strings.HasPrefix(rest, `""`) && i < longest:
			cell = append(cell, '"')
			i++
		case quoted && !closed && rest[0] == '"':
			closed = true
		case quoted && !closed:
			cell = append(cell, rest[0])
		case atEnd:
			if size = i; strings.HasPrefix(rest, "\r") {
				size++
			}
			if size > longest {
				return nil, 0, TooLong
			}
			return append(cells, string(cell)), size, None
		case rest[0] == delimiter:
			cells = append(cells, string(cell))
			cell, quoted, closed, start = nil, false, false, true
		case closed && rest[0] == '\r' && i == longest:
			return nil, 0, TooLong // what is behind the CR isn't looked at
		case closed:
			return nil, 0, BadQuote
		case start && rest[0] == '"':
			quoted, start = true, false
		default:
			cell, start = append(cell, rest[0]), false
		}
	}
}

// referenceSep takes Excel's sep= line away, if there is one.
func referenceSep(data string) (skipped int) {
	return len(regexp.MustCompile(`^(\r?\n)*"*(?i:sep)=[\x01-\x09\x0b\x0c\x0e-\x21\x23-\x7f]"*\r?(\n|$)`).FindString(data))
}

// referenceNDJSON judges each line with encoding/json.
func referenceNDJSON(data string, path []string, longest int) []row {
	var rows []row
	lines := strings.Split(data, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	for i, line := range lines {
		r := row{line: int64(i) + 1}
		switch {
		case len(line) > longest:
			r.problem = TooLong
		case strings.Trim(line, " \t\r") == "":
			continue
		case !utf8.ValidString(line) || !json.Valid([]byte(line)):
			r.problem = BadJSON
		default:
			r.id, r.problem = referenceIdentity(line, path)
		}
		rows = append(rows, r)
	}
	return rows
}

// referenceIdentity finds the identity in a line of valid JSON.
func referenceIdentity(line string, path []string) (string, Problem) {
	w := &walker{line: line, d: json.NewDecoder(strings.NewReader(line)), found: NoField}
	w.d.UseNumber()
	w.value(path, !strings.HasPrefix(strings.TrimLeft(line, " \t\r"), "{"))
	if w.repeated {
		return "", RepeatedKey
	}
	return w.id, w.found
}

type walker struct {
	line     string
	d        *json.Decoder
	id       string
	found    Problem
	repeated bool
}

// value reads one value: the identity's if wanted, else one that leads to it
// by path.
func (w *walker) value(path []string, wanted bool) {
	before := w.d.InputOffset()
	token, err := w.d.Token()
	if err != nil && err != io.EOF {
		panic("reference: " + err.Error())
	}
	raw := w.line[before:w.d.InputOffset()]
	if wanted {
		w.take(token, raw)
	}
	switch token {
	case json.Delim('['):
		for w.d.More() {
			w.value(nil, false)
		}
		w.close()
	case json.Delim('{'):
		seen := false
		for w.d.More() {
			key, err := w.d.Token()
			if err != nil {
				panic("reference: " + err.Error())
			}
			if wanted || len(path) == 0 || key != path[0] {
				w.value(nil, false)
				continue
			}
			w.repeated = w.repeated || seen
			seen = true
			w.value(path[1:], len(path) == 1)
		}
		w.close()
	}
}

func (w *walker) close() {
	if _, err := w.d.Token(); err != nil {
		panic("reference: " + err.Error())
	}
}

func (w *walker) take(token json.Token, raw string) {
	w.id, w.found = "", FieldType
	switch token := token.(type) {
	case nil:
		w.found = NoField
	case json.Number:
		if !strings.ContainsAny(token.String(), ".eE") {
			w.id, w.found = token.String(), None
		}
	case string:
		if w.id, w.found = token, None; halfPair(raw) {
			w.id, w.found = "", BadJSON
		}
	}
}

// halfPair says whether an escape in a string is half a surrogate pair.
func halfPair(raw string) bool {
	var units []rune
	for _, escape := range regexp.MustCompile(`(?s)\\u[0-9a-fA-F]{4}|\\.|.`).FindAllString(raw, -1) {
		unit := rune('x')
		if len(escape) == 6 {
			n, err := strconv.ParseUint(escape[2:], 16, 16)
			if err != nil {
				panic("reference: " + err.Error())
			}
			unit = rune(n)
		}
		units = append(units, unit)
	}
	for i := 0; i < len(units); i++ {
		if !utf16.IsSurrogate(units[i]) {
			continue
		}
		if i+1 == len(units) || utf16.DecodeRune(units[i], units[i+1]) == utf8.RuneError {
			return true
		}
		i++
	}
	return false
}

// bomLength is that of a UTF-8 mark at the start.
func bomLength(data []byte) int { return len(data) - len(bytes.TrimPrefix(data, []byte(bomUTF8))) }

package sender

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/bulkdemerge/bulkdemerge/pkg/batcher"
)

// parseObject takes a body that is one JSON object and nothing else, and no
// key of it twice. Keys are compared as they are: encoding/json's structs
// would take "Status" for "status".
func parseObject(body []byte) (map[string]json.RawMessage, bool) {
	if !utf8.Valid(body) {
		return nil, false
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, false
	}
	fields := map[string]json.RawMessage{}
	for d.More() {
		key, err := d.Token()
		name, isString := key.(string)
		var value json.RawMessage
		if err != nil || !isString || d.Decode(&value) != nil {
			return nil, false
		}
		if _, twice := fields[name]; twice {
			return nil, false
		}
		fields[name] = value
	}
	if _, err := d.Token(); err != nil { // the closing brace
		return nil, false
	}
	_, err := d.Token()
	return fields, err == io.EOF
}

// stringOf is the string that a JSON value is.
func stringOf(value json.RawMessage) (string, bool) {
	if len(value) == 0 || value[0] != '"' {
		return "", false
	}
	var s string
	return s, json.Unmarshal(value, &s) == nil
}

// intOf is the integer that a JSON value is, or that its string spells.
func intOf(value json.RawMessage) (int, bool) {
	text := string(value)
	if s, ok := stringOf(value); ok {
		text = s
	}
	n, err := strconv.Atoi(text)
	return n, err == nil
}

// failWords reads what an error body says: the API's code and its words, or of
// any other body the beginning.
func failWords(body []byte) (code int, words string) {
	if fields, ok := parseObject(body); ok {
		if code, words = failFields(fields); words != "" || code != 0 {
			return code, words
		}
	}
	return 0, clean(string(body[:min(len(body), 4*maxWords)]))
}

func failFields(fields map[string]json.RawMessage) (code int, words string) {
	code, _ = intOf(fields["code"])
	for _, key := range []string{"error", "message"} {
		if s, ok := stringOf(fields[key]); ok && s != "" {
			return code, clean(s)
		}
	}
	return code, ""
}

// partial is a success or partial answer, taken apart.
type partial struct {
	parts
	code  int    // of the first entry that is to be sent again, else that is not accepted
	words string // likewise
}

// again says whether an entry's code is of the kind that may pass: 555 is a
// server error (API.md), and so are those that HTTP has. The API's other codes
// from 500 on are about the record.
func again(code int) bool {
	return code == 429 || code == 555 || code >= 500 && code <= 504
}

// parsePartial matches the lists of an answer with the records that were sent.
// whole: every one was accepted. It is not ok where a list names an identity
// that was not sent, or the counts don't add up: then nobody can say what the
// API did.
func parsePartial(fields map[string]json.RawMessage, success bool, batch *batcher.Batch, index []int) (p partial, whole, ok bool) {
	processed, hasProcessed := fields["processed"]
	unprocessed, hasUnprocessed := fields["unprocessed"]
	if success && !hasProcessed && !hasUnprocessed {
		return p, true, true
	}
	m := newMatch(batch, index)
	if !m.readUnprocessed(unprocessed) {
		return p, false, false
	}
	// With one list alone, whoever it does not name may have been taken or not.
	listed := isList(processed)
	if !success && (!hasProcessed || !hasUnprocessed) {
		if !listed && m.named() == 0 {
			return p, false, false
		}
		listed = true
	}
	switch count, isCount := intOf(processed); {
	case isCount && isNumber(processed):
		if !m.adds(count) {
			return p, false, false
		}
	case isList(processed):
		if !m.readProcessed(processed) {
			return p, false, false
		}
	case hasProcessed:
		return p, false, false
	}
	p = m.sort(listed)
	return p, len(p.accepted) == len(index), true
}

// match ties the identities that an answer names to the records that were
// sent. An identity that was sent twice (duplicates allowed) has one fate.
type match struct {
	index    []int
	byID     map[string][]int // positions in index
	fate     []*entry         // by position in index; nil: not named as unprocessed
	done     []bool           // by position in index: named as processed
	entries  int
	distinct int    // identities named by them
	untied   *entry // the first entry that names no identity
}

// entry is one of the answer's unprocessed.
type entry struct {
	code  int
	words string
}

func newMatch(batch *batcher.Batch, index []int) *match {
	m := &match{index: index, byID: make(map[string][]int, len(index)),
		fate: make([]*entry, len(index)), done: make([]bool, len(index))}
	for i, record := range index {
		id := string(batch.Records[record].Identity)
		m.byID[id] = append(m.byID[id], i)
	}
	return m
}

func (m *match) readUnprocessed(value json.RawMessage) bool {
	if len(value) == 0 || string(value) == "null" {
		return true
	}
	if n, ok := intOf(value); ok && isNumber(value) {
		return n == 0 // a count of those that stay behind says nothing else
	}
	var list []json.RawMessage
	if json.Unmarshal(value, &list) != nil {
		return false
	}
	for _, raw := range list {
		e := &entry{}
		id, named := identityOf(raw)
		if fields, ok := parseObject(raw); ok {
			e.code, e.words = failFields(fields)
			id, named = "", false
			for _, key := range []string{"record", "identity", "value"} {
				if id, named = identityOf(fields[key]); named {
					break
				}
			}
		}
		m.entries++
		if !named {
			if m.untied == nil {
				m.untied = e
			}
			continue
		}
		positions, sent := m.byID[id]
		if !sent {
			return false
		}
		if m.fate[positions[0]] == nil {
			m.distinct++
		} else if len(positions) == 1 {
			return false // named twice, sent once
		}
		for _, i := range positions {
			m.fate[i] = e
		}
	}
	return m.entries <= len(m.index)
}

// named is how many records the entries name.
func (m *match) named() (n int) {
	for _, e := range m.fate {
		if e != nil {
			n++
		}
	}
	return n
}

// adds says whether the answer's counts cover what was sent, counted either by
// records or by different identities.
func (m *match) adds(processed int) bool {
	return processed+m.entries == len(m.index) || m.untied == nil && processed+m.distinct == len(m.byID)
}

func (m *match) readProcessed(value json.RawMessage) bool {
	var list []json.RawMessage
	if json.Unmarshal(value, &list) != nil || len(list) > len(m.index) {
		return false
	}
	for _, raw := range list {
		id, named := identityOf(raw)
		positions, sent := m.byID[id]
		if !named || !sent {
			return false
		}
		for _, i := range positions {
			if m.fate[i] != nil {
				return false // processed and unprocessed at once
			}
			m.done[i] = true
		}
	}
	return true
}

// sort puts each record where it belongs. Without a list of the processed,
// whoever is not named as unprocessed was processed, unless an entry names
// nobody: then it can be any of them.
func (m *match) sort(listed bool) partial {
	var p partial
	note := func(e *entry) {
		if p.words == "" {
			p.words = e.words
		}
		if p.code == 0 {
			p.code = e.code
		}
	}
	for _, e := range m.fate {
		if e != nil && again(e.code) {
			note(e)
		}
	}
	if m.untied != nil {
		note(m.untied)
	}
	for i, record := range m.index {
		e := m.fate[i]
		switch {
		case m.done[i], e == nil && !listed && m.untied == nil:
			p.accepted = append(p.accepted, record)
		case e == nil && m.untied != nil:
			p.split = append(p.split, record)
		case e == nil:
			p.again = append(p.again, record)
		case again(e.code):
			p.again = append(p.again, record)
		default:
			note(e)
			p.rejected = append(p.rejected, rejection{record, e.code, orElse(e.words, "refused without a reason")})
		}
	}
	if len(p.split) == 1 && again(m.untied.code) {
		p.again, p.split = append(p.again, p.split...), nil
		slices.Sort(p.again)
	}
	return p
}

// identityOf is the identity that a value names: a string, a number with its
// digits as they stand, or an object that holds one of these.
func identityOf(value json.RawMessage) (string, bool) {
	if s, ok := stringOf(value); ok {
		return s, true
	}
	if isNumber(value) {
		return string(value), true
	}
	if fields, ok := parseObject(value); ok {
		for _, key := range []string{"identity", "value"} {
			if s, ok := stringOf(fields[key]); ok {
				return s, true
			}
			if isNumber(fields[key]) {
				return string(fields[key]), true
			}
		}
	}
	return "", false
}

func isNumber(value json.RawMessage) bool {
	return len(value) > 0 && (value[0] == '-' || value[0] >= '0' && value[0] <= '9')
}

func isList(value json.RawMessage) bool { return len(value) > 0 && value[0] == '[' }

package reader

import "bytes"

// csvFormat reads the rows of one CSV source by RFC 4180, and with it what
// spreadsheets write beside it: rows may be ragged, and a quote inside an
// unquoted cell is a quote.
type csvFormat struct {
	delimiter byte
	columns   []int // 0-based, in order of preference
	trim      bool
}

func (f *csvFormat) record(line []byte, b *Block) ([]byte, Problem) {
	if bytes.IndexByte(line, '"') >= 0 {
		return f.quotedRecord(line, b)
	}
	problem := NoColumn
	var first []byte
	for _, column := range f.columns {
		cell, ok := plainCell(line, column, f.delimiter)
		if !ok {
			continue
		}
		if !f.empty(cell) {
			return cell, None
		}
		if problem != None {
			first, problem = cell, None
		}
	}
	return first, problem
}

// plainCell is a cell of a line without quotes, by its 0-based index.
func plainCell(line []byte, index int, delimiter byte) ([]byte, bool) {
	for ; index > 0; index-- {
		i := bytes.IndexByte(line, delimiter)
		if i < 0 {
			return nil, false
		}
		line = line[i+1:]
	}
	if i := bytes.IndexByte(line, delimiter); i >= 0 {
		line = line[:i]
	}
	return line, true
}

// quotedRecord is record for a line with quotes somewhere.
func (f *csvFormat) quotedRecord(line []byte, b *Block) ([]byte, Problem) {
	if problem := f.check(line); problem != None {
		return nil, problem
	}
	problem := NoColumn
	var first []byte
	for _, column := range f.columns {
		c, ok := f.cell(line, column)
		if !ok {
			continue
		}
		cell := c.text(line, b)
		if !f.empty(cell) {
			return cell, None
		}
		if problem != None {
			first, problem = cell, None
		}
	}
	return first, problem
}

// empty says whether another column is to be asked.
func (f *csvFormat) empty(cell []byte) bool {
	if len(f.columns) == 1 {
		return false
	}
	if f.trim {
		cell = bytes.TrimSpace(cell)
	}
	return len(cell) == 0
}

// check reads all cells: one that is broken costs the record even where it is
// not the identity's.
func (f *csvFormat) check(line []byte) Problem {
	for i := 0; i <= len(line); {
		c, problem := f.cellAt(line, i)
		if problem != None {
			return problem
		}
		i = c.next
	}
	return None
}

// cell is a cell of a record that check has passed, by its 0-based index.
func (f *csvFormat) cell(line []byte, index int) (cell, bool) {
	for i := 0; i <= len(line); index-- {
		c, _ := f.cellAt(line, i)
		if index == 0 {
			return c, true
		}
		i = c.next
	}
	return cell{}, false
}

// cell is where a cell's content stands in its record.
type cell struct {
	start, end int
	escaped    bool // quotes are doubled in it
	next       int  // where the next cell starts; behind the record's length where there is none
}

// text is the cell's content, unescaped into the arena of b where needed.
func (c cell) text(line []byte, b *Block) []byte {
	raw := line[c.start:c.end]
	if !c.escaped {
		return raw
	}
	from := len(b.arena)
	for {
		i := bytes.IndexByte(raw, '"')
		if i < 0 {
			break
		}
		b.arena = append(b.arena, raw[:i+1]...)
		raw = raw[i+2:]
	}
	b.arena = append(b.arena, raw...)
	return b.arena[from:len(b.arena):len(b.arena)]
}

// cellAt reads the cell that starts at i.
func (f *csvFormat) cellAt(line []byte, i int) (cell, Problem) {
	if i == len(line) || line[i] != '"' {
		end := len(line)
		if j := bytes.IndexByte(line[i:], f.delimiter); j >= 0 {
			end = i + j
		}
		return cell{start: i, end: end, next: end + 1}, None
	}
	c := cell{start: i + 1}
	for i++; ; i += 2 {
		j := bytes.IndexByte(line[i:], '"')
		if j < 0 {
			return c, openQuote
		}
		i += j
		if i+1 == len(line) || line[i+1] != '"' {
			break
		}
		c.escaped = true
	}
	c.end, c.next = i, i+2
	if i+1 < len(line) && line[i+1] != f.delimiter {
		return c, BadQuote
	}
	return c, None
}

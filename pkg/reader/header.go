package reader

import (
	"bytes"
	"path/filepath"
	"strings"
)

// begin reads as far as the first record needs it, tells the format, and
// reads a CSV source's header. What it has read is scanned again by next.
func (s *stream) begin(o Options) error {
	bom := 0
	for len(s.carry) < len(bomUTF8) && strings.HasPrefix(bomUTF8, string(s.carry)) && s.end == more {
		s.carry = s.fill(s.carry)
	}
	if s.src.Encoding == EncodingUTF8 && bytes.HasPrefix(s.carry, []byte(bomUTF8)) {
		bom = len(bomUTF8)
	}
	from, to, err := s.firstLine(bom)
	if err != nil {
		return err
	}
	if s.src.Format = o.Format; o.Format == "" || o.Format == FormatAuto {
		s.src.Format = tellFormat(s.src.Name, s.carry[from:to], to == len(s.carry) && s.end == more, newJSONFormat(o.Field))
	}
	s.start = bom
	switch s.src.Format {
	case FormatNDJSON:
		s.scanner.format = newJSONFormat(o.Field)
	case FormatText:
		s.scanner.format = textFormat{}
	default:
		if err := s.beginCSV(from, to, o); err != nil {
			return err
		}
	}
	s.scanner.pos = s.start
	s.scanner.lines = bytes.Count(s.carry[:s.start], []byte{'\n'})
	s.scanner.replace = s.src.Encoding != EncodingUTF8
	s.unscanned = true
	return nil
}

// firstLine is where the first line at or behind at that isn't empty starts
// and ends, its line end not included.
func (s *stream) firstLine(at int) (from, to int, err error) {
	from = at
	for searched := at; ; {
		rest := s.carry[from:]
		switch {
		case bytes.HasPrefix(rest, []byte("\n")):
			from++
			searched = from
			continue
		case bytes.HasPrefix(rest, []byte("\r\n")):
			from += 2
			searched = from
			continue
		}
		if i := bytes.IndexByte(s.carry[searched:], '\n'); i >= 0 {
			return from, searched + i, nil
		}
		searched = len(s.carry)
		if s.end == more && len(rest) <= s.scanner.longest {
			s.carry = s.fill(s.carry)
			continue
		}
		if s.end == damaged {
			return 0, 0, s.damage(s.carry)
		}
		if len(trimCR(rest)) == 0 {
			return len(s.carry), len(s.carry), nil
		}
		if s.onlyCR(rest) {
			return 0, 0, usage(s.src.Name, "save the file with line ends of LF or CRLF (mac2unix does that)",
				"its lines end with CR alone")
		}
		return from, len(s.carry), nil
	}
}

// onlyCR tells whether a text without an LF has its lines ended by CR: one that
// is longer than a record may have a CR among its bytes, and JSON takes it for
// white space.
func (s *stream) onlyCR(text []byte) bool {
	text = trimCR(text)
	least := 1
	if s.end == more {
		least = 2
	}
	return bytes.Count(text, []byte("\r")) >= least && (s.end == more || !isObject(text, newJSONFormat("")))
}

// isObject tells whether a line is a JSON object.
func isObject(line []byte, f *jsonFormat) bool {
	start := skipSpace(line, 0)
	return start < len(line) && line[start] == '{' && f.read(line, start)
}

// tellFormat tells the format by the first line that isn't empty, or its
// beginning if it is longer than a record may be, and the source's name.
func tellFormat(name string, line []byte, beginning bool, f *jsonFormat) string {
	if isObject(line, f) || beginning && startsObject(line) {
		return FormatNDJSON
	}
	name = strings.ToLower(filepath.Base(name))
	name = strings.TrimSuffix(name, compressedEnding(name))
	switch filepath.Ext(name) {
	case ".ndjson", ".jsonl":
		return FormatNDJSON
	case ".txt":
		return FormatText
	}
	return FormatCSV
}

// startsObject tells whether a line begins as a JSON object with a key does.
func startsObject(line []byte) bool {
	start := skipSpace(line, 0)
	if start >= len(line) || line[start] != '{' {
		return false
	}
	start = skipSpace(line, start+1)
	return start < len(line) && line[start] == '"'
}

// beginCSV reads the sep= line and the header, where there are any. The first
// line is at [from, to).
func (s *stream) beginCSV(from, to int, o Options) error {
	delimiter := o.Delimiter
	if sep := sepLine(s.carry[from:to]); sep != 0 {
		if delimiter == 0 {
			delimiter = sep
		}
		s.start = min(to+1, len(s.carry))
		var err error
		if from, _, err = s.firstLine(s.start); err != nil {
			return err
		}
	}
	if delimiter == 0 {
		line, err := s.unquotedLine(from)
		if err != nil {
			return err
		}
		delimiter = tellDelimiter(line)
	}
	s.src.Delimiter = delimiter
	f := &csvFormat{delimiter: delimiter, trim: o.Trim}
	s.scanner.format = f
	s.scanner.quotes.delimiter = delimiter
	if from == len(s.carry) {
		return nil // nothing to read, and nothing to choose from
	}
	c, err := s.columns(f, from, o)
	if err != nil {
		return err
	}
	s.src.Columns, s.src.HeaderLooksLikeData = c.columns, c.looksLikeData
	for _, column := range c.columns {
		f.columns = append(f.columns, column.Index)
	}
	return nil
}

// columns chooses the columns by the first record, which starts at from. A
// header is passed by that.
func (s *stream) columns(f *csvFormat, from int, o Options) (choice, error) {
	first, err := s.firstRecord(f, from)
	if err != nil {
		return choice{}, err
	}
	whole := first.Problem != BadQuote && first.Problem != TooLong
	var cells []string
	if whole {
		cells = f.cells(s.carry[from:first.End])
	}
	if o.NoHeader {
		return countColumns(s.src.Name, len(cells), o)
	}
	if !whole {
		return choice{}, usage(s.src.Name, "mend the first line, or say --no-header if it is a record",
			"its header can't be read: %s", first.Problem.Reason())
	}
	s.start = first.End
	return chooseColumns(s.src.Name, cells, o)
}

// firstRecord is the record that starts at from, read as any other.
func (s *stream) firstRecord(f *csvFormat, from int) (Record, error) {
	probe := scanner{format: f, longest: s.scanner.longest, quotes: quoteRun{delimiter: f.delimiter}, pos: from}
	for {
		b := Block{Data: s.carry}
		probe.scan(&b, s.end)
		switch {
		case len(b.Records) > 0:
			return b.Records[0], nil
		case probe.skipping:
			return Record{End: len(s.carry), Problem: TooLong}, nil
		case s.end == damaged:
			return Record{}, s.damage(s.carry)
		}
		s.carry = s.fill(s.carry)
	}
}

// cells are all cells of a record that is whole, trimmed.
func (f *csvFormat) cells(record []byte) []string {
	record = trimCR(bytes.TrimSuffix(record, []byte("\n")))
	var cells []string
	for i := 0; i <= len(record); {
		c, _ := f.cellAt(record, i)
		cells = append(cells, strings.TrimSpace(string(c.text(record, &Block{}))))
		i = c.next
	}
	return cells
}

// sepLine is the delimiter that Excel's first line sep=; tells, or 0.
func sepLine(line []byte) byte {
	line = bytes.Trim(trimCR(line), `"`)
	if len(line) == 5 && strings.EqualFold(string(line[:4]), "sep=") && validDelimiter(line[4]) {
		return line[4]
	}
	return 0
}

// validDelimiter says whether a byte can be told from cells and line ends.
func validDelimiter(c byte) bool { return c != '"' && c != '\r' && c != '\n' && c != 0 && c < 0x80 }

// unquotedLine is the line at from; an LF in quotes doesn't end it.
func (s *stream) unquotedLine(from int) ([]byte, error) {
	var q headerQuotes
	for i := from; ; i++ {
		for i == len(s.carry) && s.end == more && i-from <= s.scanner.longest {
			s.carry = s.fill(s.carry)
		}
		if i == len(s.carry) || i-from > s.scanner.longest {
			if q.open && s.end == damaged {
				return nil, s.damage(s.carry)
			}
			// A quote that doesn't close: the first line alone has to do.
			line, _, _ := bytes.Cut(s.carry[from:i], []byte("\n"))
			return line, nil
		}
		if c := s.carry[i]; c == '\n' && !q.open {
			return s.carry[from:i], nil
		} else {
			q.pass(c)
		}
	}
}

// headerQuotes follows the quotes of a line whose delimiter is not known yet: a
// quote counts where a cell starts behind any delimiter, any other is a
// character of its cell.
type headerQuotes struct {
	open    bool
	closed  bool // by the byte before
	content bool // the byte before was one of a cell
}

func (q *headerQuotes) pass(c byte) {
	closes := c == '"' && q.open
	switch {
	case closes:
		q.open = false
	case c == '"' && (q.closed || !q.content):
		q.open = true
	}
	q.closed, q.content = closes, strings.IndexByte(usualDelimiters, c) < 0
}

// usualDelimiters are those that are told from a header.
const usualDelimiters = ",;\t|"

// tellDelimiter is the one of the four usual delimiters that stands most
// often outside of quotes; the comma where there is none.
func tellDelimiter(line []byte) byte {
	var counts [len(usualDelimiters)]int
	var q headerQuotes
	for _, c := range line {
		if i := strings.IndexByte(usualDelimiters, c); i >= 0 && !q.open {
			counts[i]++
		}
		q.pass(c)
	}
	best := 0
	for i, n := range counts {
		if n > counts[best] {
			best = i
		}
	}
	return usualDelimiters[best]
}

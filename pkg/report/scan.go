package report

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/gocarina/gocsv"
)

// ErrNotReport says that a file is not as this package wrote it.
var ErrNotReport = errors.New("not a report as bulkdemerge writes it: was it opened and saved in another program?")

// Scan reads a report and calls fn for each of its rows, in order, until fn
// returns an error, which Scan returns as it is. The row is fn's to keep.
func Scan(r io.Reader, fn func(*Row) error) error {
	cr := csv.NewReader(r)
	cr.ReuseRecord = true
	un, err := gocsv.NewUnmarshaller(cr, &Row{})
	if err != nil && err != io.EOF {
		return fmt.Errorf("read report header: %w", err)
	}
	if err == io.EOF || len(un.MismatchedHeaders)+len(un.MismatchedStructFields) > 0 {
		return fmt.Errorf("read report header: %w", ErrNotReport)
	}
	for n := 1; ; n++ {
		v, err := un.Read()
		if err == io.EOF {
			return nil
		}
		var syntax *csv.ParseError
		switch {
		case err == nil:
		case errors.As(err, &syntax):
			// The inner error alone: it knows the fault, and quotes nothing.
			return fmt.Errorf("read report row %d: %w: %w", n, ErrNotReport, syntax.Err)
		case isConversion(err):
			return fmt.Errorf("read report row %d: %w", n, ErrNotReport)
		default:
			return fmt.Errorf("read report row %d: %w", n, err)
		}
		if err := fn(v.(*Row)); err != nil {
			return err
		}
	}
}

// isConversion tells a value that does not fit its column from a fault of the
// reader below. gocsv quotes such a value, and it may be an identity that slid
// into another column: its words go no further.
func isConversion(err error) bool { return strings.HasPrefix(err.Error(), "cannot assign") }

// Raw is a row as bytes. All of it is valid during the call that hands it over.
type Raw struct {
	Identity, Status, Reason, Code, HTTPStatus []byte
	Attempts, Batch, Source, Line, SettledAt   []byte
	// Bytes is the row as it stands in the file, its line end included.
	Bytes []byte

	unquoted []byte // holds the fields that stood in quotes
}

// columns is the number of a row's columns.
const columns = 10

// maxRow bounds a row, in bytes: an identity and a source of escapes alone,
// both quoted, take less.
const maxRow = 1 << 16

// ScanRaw is Scan for those who read millions of rows and need few columns: it
// reads the same rows, makes nothing of them, and allocates nothing for each.
// A last row without a line end is torn, and an error.
func ScanRaw(r io.Reader, fn func(*Raw) error) error {
	br := bufio.NewReaderSize(r, maxRow)
	line, err := readLine(br)
	if err != nil && err != io.EOF {
		return fmt.Errorf("read report header: %w", err)
	}
	if !bytes.Equal(line, Header()) {
		return fmt.Errorf("read report header: %w", ErrNotReport)
	}
	var raw Raw
	for n := 1; ; n++ {
		line, err := readLine(br)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read report row %d: %w", n, err)
		}
		if !raw.parse(line) {
			return fmt.Errorf("read report row %d: %w", n, ErrNotReport)
		}
		if err := fn(&raw); err != nil {
			return err
		}
	}
}

// readLine is one line with its end, or io.EOF where nothing is left.
func readLine(br *bufio.Reader) ([]byte, error) {
	line, err := br.ReadSlice('\n')
	switch {
	case err == nil:
		return line, nil
	case err == bufio.ErrBufferFull:
		return nil, ErrNotReport
	case err == io.EOF && len(line) > 0:
		return nil, fmt.Errorf("%w: its last row has no line end", io.ErrUnexpectedEOF)
	}
	return nil, err
}

// parse splits a line into its fields and reports whether it is a row.
func (raw *Raw) parse(line []byte) bool {
	var f [columns][]byte
	raw.Bytes = line
	raw.unquoted = raw.unquoted[:0]
	rest := line[:len(line)-1]
	for i := range f {
		var ok bool
		if f[i], rest, ok = raw.field(rest, i == columns-1); !ok {
			return false
		}
	}
	raw.Identity, raw.Status, raw.Reason, raw.Code, raw.HTTPStatus = f[0], f[1], f[2], f[3], f[4]
	raw.Attempts, raw.Batch, raw.Source, raw.Line, raw.SettledAt = f[5], f[6], f[7], f[8], f[9]
	return true
}

// field takes the first field off line, and the comma behind it unless it is
// the last.
func (raw *Raw) field(line []byte, last bool) (field, rest []byte, ok bool) {
	if len(line) == 0 || line[0] != '"' {
		end := bytes.IndexByte(line, ',')
		if last != (end < 0) {
			return nil, nil, false
		}
		if last {
			return line, nil, bytes.IndexByte(line, '"') < 0
		}
		return line[:end], line[end+1:], bytes.IndexByte(line[:end], '"') < 0
	}
	// The fields before it keep what they point to if this append moves the
	// buffer: the old array lives as long as they do.
	start := len(raw.unquoted)
	for line = line[1:]; ; {
		end := bytes.IndexByte(line, '"')
		if end < 0 {
			return nil, nil, false
		}
		raw.unquoted = append(raw.unquoted, line[:end]...)
		line = line[end+1:]
		switch {
		case len(line) == 0:
			return raw.unquoted[start:], nil, last
		case line[0] == ',' && !last:
			return raw.unquoted[start:], line[1:], true
		case line[0] != '"':
			return nil, nil, false
		}
		raw.unquoted = append(raw.unquoted, '"')
		line = line[1:]
	}
}

// Row makes a Row of its own of the bytes.
func (raw *Raw) Row() (Row, error) {
	row := Row{
		Identity: string(raw.Identity), Status: string(raw.Status), Reason: string(raw.Reason),
		Source: string(raw.Source),
	}
	var bad bool
	number := func(b []byte, may bool) int64 {
		if len(b) == 0 && may {
			return 0
		}
		n, err := strconv.ParseInt(string(b), 10, 64)
		// Only as we write them: gocsv would read 010 as eight.
		bad = bad || err != nil || strconv.FormatInt(n, 10) != string(b)
		return n
	}
	row.Code = Number(number(raw.Code, true))
	row.HTTPStatus = Number(number(raw.HTTPStatus, true))
	row.Attempts = int(number(raw.Attempts, false))
	row.Batch = number(raw.Batch, false)
	row.Line = number(raw.Line, false)
	err := row.SettledAt.UnmarshalText(raw.SettledAt)
	if bad || err != nil {
		return Row{}, fmt.Errorf("read report row: %w", ErrNotReport)
	}
	return row, nil
}

package checkpoint

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
)

// damagedReport looks at what the report is now, for the message. want is the
// length that it should have, in bytes.
func (o Options) damagedReport(detail string, want int64) error {
	d := &DamagedError{File: o.path(ReportFile), Detail: detail}
	if f, err := o.FS.Open(d.File); err == nil {
		d.Saved = saved(f, string(o.ReportHead), want)
		_ = f.Close() // it was only read, and only for the words
	}
	return d
}

// saved tells whether a damaged report looks as if a spreadsheet or an editor
// had saved it: a whole text under the right columns, whose form is another.
func saved(r io.Reader, head string, want int64) bool {
	lines := bufio.NewReaderSize(r, sumBuffer)
	first, err := lines.ReadString('\n')
	if err != nil {
		return false
	}
	if strings.HasPrefix(first, "\xff\xfe") || strings.HasPrefix(first, "\xfe\xff") {
		return true // UTF-16
	}
	plain := strings.NewReplacer("\ufeff", "", "\"", "", " ", "", "\r", "", ";", ",", "\t", ",")
	if plain.Replace(first) != head {
		return false
	}
	size, other, last := int64(len(first)), first != head, byte('\n')
	for {
		chunk, err := lines.ReadSlice('\n')
		if len(chunk) > 0 {
			size, last = size+int64(len(chunk)), chunk[len(chunk)-1]
			other = other || bytes.IndexByte(chunk, '\r') >= 0
		}
		switch {
		case bytes.IndexByte(chunk, 0) >= 0:
			return false // zeros: a disk's doing
		case errors.Is(err, io.EOF):
			return last == '\n' && (other || size != want)
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return false
		}
	}
}

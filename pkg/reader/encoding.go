package reader

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// The byte order marks.
const (
	bomUTF8    = "\xef\xbb\xbf"
	bomUTF16LE = "\xff\xfe"
	bomUTF16BE = "\xfe\xff"
	bomUTF32LE = "\xff\xfe\x00\x00"
)

const (
	// nulCheck is how many bytes are looked at for the NULs that UTF-16 has.
	nulCheck = 1024
	// nulShare is the share of them from which a text is no UTF-8: UTF-16 has
	// one byte in two there. Single ones are dirt, and cost their record alone.
	nulShare = 4
)

// decode tells the encoding of src and gives a reader of it in UTF-8. A byte
// order mark of UTF-8 stays, so that offsets are those of the file.
func decode(name, want string, src *bufio.Reader) (r io.Reader, encoding string, err error) {
	head := peek(src, "\xef\xff\xfe", len(bomUTF32LE))
	starts := func(bom string) bool { return bytes.HasPrefix(head, []byte(bom)) }
	found := ""
	switch {
	case starts(bomUTF32LE):
		return nil, "", usage(name, "save the file as UTF-8", "it is UTF-32, which is not read")
	case starts(bomUTF8):
		found = EncodingUTF8
	case starts(bomUTF16LE):
		found = encodingUTF16LE
	case starts(bomUTF16BE):
		found = encodingUTF16BE
	}
	if found != "" {
		return withBOM(name, want, found, src)
	}
	switch want {
	case EncodingUTF8:
		return src, EncodingUTF8, nil
	case EncodingWin1252:
		return newDecoder(src, want), want, nil
	case EncodingUTF16:
		if encoding = byteOrder(src); encoding == "" {
			return nil, "", usage(name, "save the file as UTF-8, or as UTF-16 with a byte order mark",
				"it has no byte order mark, and its byte order can't be told")
		}
		return newDecoder(src, encoding), encoding, nil
	}
	head, _ = src.Peek(min(nulCheck, src.Buffered()))
	if nuls := bytes.Count(head, []byte{0}); nuls > 0 && nuls*nulShare >= len(head) {
		return nil, "", usage(name, "if it is UTF-16 without a byte order mark, say --encoding utf-16",
			"it has as many NUL bytes at its start as no text in UTF-8 has")
	}
	return src, EncodingUTF8, nil
}

// withBOM is decode for a source that says what it is.
func withBOM(name, want, found string, src *bufio.Reader) (io.Reader, string, error) {
	fits := want == "" || want == EncodingAuto || want == found || want == EncodingUTF16 && found != EncodingUTF8
	if !fits {
		return nil, "", usage(name, "leave --encoding out", "its byte order mark says %s, not %s", found, want)
	}
	if found == EncodingUTF8 {
		return src, found, nil
	}
	if _, err := src.Discard(len(bomUTF16LE)); err != nil {
		return nil, "", err
	}
	return newDecoder(src, found), found, nil
}

// byteOrder tells UTF-16's by where the NULs of its line ends are, or, where
// there are none, of its ASCII characters. (The other way round a line end is
// U+0A00, which is no character; but ASCII the other way round is what Chinese
// is written in.)
func byteOrder(src *bufio.Reader) string {
	head, _ := src.Peek(nulCheck)
	var ends, nuls [2]int // little endian, big endian
	for i := 0; i+1 < len(head); i += 2 {
		for order, unit := range [2][2]byte{{head[i+1], head[i]}, {head[i], head[i+1]}} {
			if unit[0] == 0 {
				nuls[order]++
				if unit[1] == '\n' {
					ends[order]++
				}
			}
		}
	}
	counts := ends
	if ends[0] == ends[1] {
		counts = nuls
	}
	switch {
	case counts[0] > counts[1]:
		return encodingUTF16LE
	case counts[0] < counts[1]:
		return encodingUTF16BE
	case len(head) == 0:
		return encodingUTF16LE // there is nothing to read
	}
	return ""
}

// errOddByte is UTF-16 that ends in the middle of a unit.
var errOddByte = errors.New("UTF-16 with an odd number of bytes")

// decoder turns another encoding into UTF-8. It differs from
// transform.Reader in that half a character before a damaged end is never
// handed out as one.
type decoder struct {
	src   io.Reader
	t     transform.Transformer
	units int64 // bytes of a unit: 2 for UTF-16

	buf  []byte // raw bytes that are not decoded yet
	room []byte // the memory of buf
	read int64
	err  error
}

// decodeBuffer is how many raw bytes are read at a time.
const decodeBuffer = 64 << 10

func newDecoder(src io.Reader, encoding string) *decoder {
	d := &decoder{src: src, units: 2, room: make([]byte, decodeBuffer)}
	switch encoding {
	case encodingUTF16LE:
		d.t = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewDecoder()
	case encodingUTF16BE:
		d.t = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewDecoder()
	default:
		d.t, d.units = charmap.Windows1252.NewDecoder(), 1
	}
	return d
}

// Read decodes into p, which must have room for a character.
func (d *decoder) Read(p []byte) (int, error) {
	for {
		end := d.err == io.EOF
		n, used, err := d.t.Transform(p, d.buf, end)
		d.buf = d.buf[used:]
		switch {
		case n > 0:
			return n, nil
		case err != nil && !errors.Is(err, transform.ErrShortSrc):
			return 0, err
		case d.err != nil:
			return 0, d.err
		}
		d.fill()
	}
}

// fill reads more raw bytes behind those that are left over.
func (d *decoder) fill() {
	left := copy(d.room, d.buf)
	n, err := d.src.Read(d.room[left:])
	d.read += int64(n)
	d.buf, d.err = d.room[:left+n], err
	if err == io.EOF && d.read%d.units != 0 {
		d.err = errOddByte
	}
}

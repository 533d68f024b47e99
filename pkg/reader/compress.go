package reader

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// The compressions, told by content.
const (
	gzipped  = "gzip"
	zstded   = "zstd"
	bzip2ped = "bzip2"
)

// maxZstdWindow is the largest zstd window that is taken, in bytes: what
// the zstd command takes unless it is told otherwise (--long=27).
const maxZstdWindow = 128 << 20

// sniffLen is how many bytes the longest signature below has.
const sniffLen = 10

// signatureStarts are the first bytes of all signatures below.
const signatureStarts = "\x1f\x28\x04\xfd7PQRSTUVWXYZ[\\]^_B"

// compression tells the compression from a source's first bytes, up to
// sniffLen of them. The error is about a kind that can't be read.
func compression(head []byte) (string, error) {
	starts := func(signature string) bool { return bytes.HasPrefix(head, []byte(signature)) }
	// A file may be cut off within its signature.
	cut := func(signature string, atLeast int) bool {
		return len(head) >= atLeast && len(head) < len(signature) && signature[:len(head)] == string(head)
	}
	const frame, skippable = "\x28\xb5\x2f\xfd", "\x2a\x4d\x18"
	switch {
	case starts("\x1f\x8b"):
		return gzipped, nil
	case starts(frame), cut(frame, 2):
		return zstded, nil
	case len(head) >= 4 && head[0]>>4 == 5 && string(head[1:4]) == skippable:
		return zstded, nil
	case len(head) >= 4 && starts("BZh") && head[3] >= '1' && head[3] <= '9':
		block, empty := string(head[:4])+"1AY&SY", string(head[:4])+"\x17rE8P\x90"
		if starts(block) || starts(empty) || cut(block, 4) || cut(empty, 4) {
			return bzip2ped, nil
		}
	case starts("PK\x03\x04"):
		return "", errors.New("it is a zip archive or a spreadsheet (xlsx)")
	case starts("\xfd7zXZ\x00"):
		return "", errors.New("it is compressed with xz")
	case starts("7z\xbc\xaf\x27\x1c"):
		return "", errors.New("it is a 7z archive")
	case starts("\x04\x22\x4d\x18"):
		return "", errors.New("it is compressed with lz4")
	case starts("PAR1"):
		return "", errors.New("it is a parquet file")
	}
	return "", nil
}

// endings are those of compressed files' names, and what their content starts
// with.
var endings = map[string]string{".gz": "\x1f\x8b", ".zst": "\x28\xb5\x2f\xfd", ".zstd": "\x28\xb5\x2f\xfd", ".bz2": "BZh1"}

// compressedEnding is the ending of a compressed file's name, or empty.
func compressedEnding(name string) string {
	if ending := strings.ToLower(filepath.Ext(name)); endings[ending] != "" {
		return ending
	}
	return ""
}

// cutSignature tells whether head, all that there is of a source, is a
// compressed file that was cut off before its content shows it: then the name
// alone does.
func cutSignature(name string, head []byte) bool {
	signature := endings[compressedEnding(name)]
	return len(head) < len(signature) && strings.HasPrefix(signature, string(head))
}

// decompress reads the content of src. Nothing runs in the background; close
// releases what the decompressor holds.
func decompress(kind string, src *bufio.Reader) (r io.Reader, close func(), err error) {
	switch kind {
	case gzipped:
		return &gzipReader{src: src}, func() {}, nil
	case zstded:
		d, err := zstd.NewReader(src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxZstdWindow))
		if err != nil {
			return nil, nil, fmt.Errorf("starting to decompress: %w", err)
		}
		return &zstdReader{d}, d.Close, nil
	case bzip2ped:
		return bzip2.NewReader(src), func() {}, nil
	}
	return src, func() {}, nil
}

// zstdReader hands out the last block of a file whose checksum, behind it, is
// cut off: the decoder keeps it back behind its error.
type zstdReader struct{ d *zstd.Decoder }

func (z *zstdReader) Read(p []byte) (int, error) {
	n, err := z.d.Read(p)
	if n == 0 && errors.Is(err, io.ErrUnexpectedEOF) {
		n, err = z.d.Read(p) // what it still has; nothing and the error again where there is none
	}
	return n, err
}

// gzipReader reads gzip members one after another. It does that itself
// because a file may be padded with zeros (tapes, block devices), and because
// anything else behind a member is damage and must not be passed over.
type gzipReader struct {
	src *bufio.Reader
	z   *gzip.Reader
}

func (g *gzipReader) Read(p []byte) (int, error) {
	for {
		if g.z == nil {
			if err := g.start(); err != nil {
				return 0, err
			}
		}
		n, err := g.z.Read(p)
		if err == io.EOF {
			if err = g.next(); err == nil && n == 0 {
				continue
			}
		}
		return n, err
	}
}

// start opens the first member.
func (g *gzipReader) start() (err error) {
	if g.z, err = gzip.NewReader(g.src); err != nil {
		return cutOff(err)
	}
	g.z.Multistream(false)
	return nil
}

// next opens the member behind the one that has ended. It is io.EOF where
// there is nothing but zeros.
func (g *gzipReader) next() error {
	head, err := g.src.Peek(1)
	if len(head) == 0 {
		return err
	}
	if head[0] != 0 {
		if err := g.z.Reset(g.src); err != nil {
			return cutOff(err)
		}
		g.z.Multistream(false)
		return nil
	}
	for {
		c, err := g.src.ReadByte()
		if err != nil {
			return err
		}
		if c != 0 {
			return errors.New("bytes that are not gzip stand behind the last member")
		}
	}
}

// cutOff is the error of a header that is not whole: never a clean end.
func cutOff(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

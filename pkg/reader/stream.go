package reader

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
)

const (
	// blockSize is how many bytes a Block is filled with, where they come
	// that fast. The first one of a source is smaller, and each twice the one
	// before until then: the first request need not wait for a large one.
	blockSize      = 256 << 10
	firstBlockSize = 16 << 10
	// leastRead is the room that a read is given at least.
	leastRead = 64 << 10
	// bufferSize is that of the buffers before the decompressor and the
	// decoder, in bytes.
	bufferSize = 64 << 10
	// idleReads is how many reads in a row may bring nothing.
	idleReads = 100
)

// stream is one source while it is being read.
type stream struct {
	src     Source
	r       io.Reader // decoded
	raw     *counter
	release []func()

	scanner   scanner
	start     int    // decoded bytes before the first record: mark, sep= line, header
	carry     []byte // decoded bytes that no block has had yet
	unscanned bool   // carry may hold records
	size      int    // bytes that the last read was given room for
	offset    int64  // decoded bytes before carry
	line      int64  // LFs in them
	end       ending
	cause     error // of the damage
}

// counter counts the raw bytes that pass, also into total if there is one.
type counter struct {
	r     io.Reader
	n     int64
	total *atomic.Int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if c.total != nil {
		c.total.Add(int64(n))
	}
	return n, err
}

// sticky repeats an error for ever. A bufio.Reader forgets the one that Peek
// has met, and what is read behind an error must not pass for the content.
type sticky struct {
	r   io.Reader
	err error
}

func (s *sticky) Read(p []byte) (n int, err error) {
	if s.err == nil {
		n, s.err = s.r.Read(p)
	}
	return n, s.err
}

// peek looks at up to n bytes if the first is one of starts, else at that one
// alone: more would be waited for on a slow pipe. An error comes back at the
// next read, see sticky.
func peek(r *bufio.Reader, starts string, n int) []byte {
	head, _ := r.Peek(1)
	if len(head) > 0 && strings.IndexByte(starts, head[0]) >= 0 {
		head, _ = r.Peek(n)
	}
	return head
}

// newStream tells what raw is and reads it up to its first record. total, if
// any, counts the raw bytes. The caller closes raw, behind close.
func newStream(src Source, raw io.Reader, total *atomic.Int64, o Options) (*stream, error) {
	if o.tamper != nil {
		raw = o.tamper(raw)
	}
	s := &stream{src: src, raw: &counter{r: &sticky{r: raw}, total: total}}
	if s.scanner.longest = o.longest; o.longest == 0 {
		s.scanner.longest = MaxRecord
	}
	if err := s.unpack(o); err != nil {
		s.close()
		return nil, err
	}
	if err := s.begin(o); err != nil {
		if s.isSpoiled(err) {
			err = s.damage(s.carry)
		}
		s.close()
		return nil, err
	}
	return s, nil
}

// isSpoiled tells, where the beginning of a compressed source can't be used,
// whether it was damaged: a checksum stands behind what it vouches for, so some
// more is read.
func (s *stream) isSpoiled(err error) bool {
	if unusable := new(UsageError); s.src.Compression == "" || !errors.As(err, &unusable) {
		return false
	}
	for s.end == more && len(s.carry) <= s.scanner.longest {
		s.carry = s.fill(s.carry)
	}
	return s.end == damaged
}

// unpack tells the compression and the encoding, and reads through them.
func (s *stream) unpack(o Options) (err error) {
	buffered := bufio.NewReaderSize(s.raw, bufferSize)
	head := peek(buffered, signatureStarts, sniffLen)
	if s.src.Compression, err = compression(head); err != nil {
		return usage(s.src.Name, "unpack it, or save it as CSV", "%v", err)
	}
	if s.src.Compression == "" && cutSignature(s.src.Name, head) {
		s.end, s.cause = damaged, io.ErrUnexpectedEOF
		return s.damage(head)
	}
	if s.src.Compression != "" {
		unpacked, release, err := decompress(s.src.Compression, buffered)
		if err != nil {
			return fmt.Errorf("reading %s: %w", s.src.Name, err)
		}
		s.release = append(s.release, release)
		buffered = bufio.NewReaderSize(&sticky{r: unpacked}, bufferSize)
	}
	s.r, s.src.Encoding, err = decode(s.src.Name, o.Encoding, buffered)
	return err
}

// close releases what the stream holds; it can't fail.
func (s *stream) close() {
	for _, release := range slices.Backward(s.release) {
		release()
	}
	s.release = nil
}

// next fills b. It is io.EOF behind the last block of a sound source.
func (s *stream) next(b *Block) error {
	b.Offset, b.Line = s.offset, s.line
	b.Data = append(slices.Grow(b.Data[:0], blockSize), s.carry...)
	b.Records, b.arena = b.Records[:0], b.arena[:0]
	s.carry = s.carry[:0]
	for {
		if !s.unscanned && s.end == more {
			b.Data = s.fill(b.Data)
		}
		s.unscanned = false
		if cap(b.Records) == 0 && len(b.Data) >= leastRead {
			// At once instead of by doubling: what is not used is never touched.
			b.Records = make([]Record, 0, maxRecords)
		}
		s.scanner.scan(b, s.end)
		if s.scanner.pos > 0 {
			break
		}
		switch s.end {
		case clean:
			return io.EOF
		case damaged:
			return s.damage(b.Data)
		}
	}
	cut := s.scanner.pos
	s.carry = append(s.carry, b.Data[cut:]...)
	s.unscanned = len(b.Records) == maxRecords
	b.Data = b.Data[:cut]
	s.offset += int64(cut)
	s.line += int64(s.scanner.lines)
	s.scanner.pos, s.scanner.lines = 0, 0
	return nil
}

// fill reads once, behind the bytes of buf.
func (s *stream) fill(buf []byte) []byte {
	if cap(buf)-len(buf) < leastRead {
		buf = slices.Grow(buf, max(len(buf), leastRead))
	}
	s.size = min(max(2*s.size, firstBlockSize), blockSize)
	room := buf[len(buf):min(cap(buf), len(buf)+s.size)]
	for range idleReads {
		n, err := s.r.Read(room)
		switch {
		case err == io.EOF:
			s.end = clean
		case err != nil:
			s.end, s.cause = damaged, err
		case n == 0:
			continue
		}
		return buf[:len(buf)+n]
	}
	s.end, s.cause = damaged, io.ErrNoProgress
	return buf
}

// damage is the error for what came instead of more bytes, behind data, which
// no block has had.
func (s *stream) damage(data []byte) error {
	if stopped := new(stoppedError); errors.As(s.cause, &stopped) {
		return stopped.cause
	}
	return &DamageError{
		Source: s.src.Name,
		Line:   s.line + int64(bytes.Count(data, []byte{'\n'})) + 1,
		Offset: s.offset + int64(len(data)),
		Raw:    s.raw.n,
		cause:  s.cause,
	}
}

// startAt goes on at p, where the source's file already is.
func (s *stream) startAt(p Position) {
	s.r, s.carry, s.unscanned = s.raw, s.carry[:0], false
	s.end, s.cause = more, nil
	s.raw.n, s.offset, s.line = p.Offset, p.Offset, p.Line
	s.scanner.pos, s.scanner.lines = 0, 0
}

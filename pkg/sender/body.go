package sender

import (
	"bytes"
	"io"
	"sync"

	"github.com/bulkdemerge/bulkdemerge/pkg/batcher"
)

const hexDigits = "0123456789abcdef"

// body is the request body of one piece: built once, read by every request
// that carries the piece.
//
// The transport may go on reading a body after it has returned an answer or
// an error. All that it reads are the same bytes, so a retry needs no wait;
// but a buffer that may still be read does not go back to the pool.
type body struct {
	data []byte
	lent bool // a request ended before all of it was known to be written
}

// reader hands the body to one request. It is of a type that net/http knows to
// be in memory: headers and body then leave in one write.
func (b *body) reader() io.ReadCloser { return io.NopCloser(bytes.NewReader(b.data)) }

// bodyPool keeps the buffers of decided pieces for later ones.
type bodyPool struct{ pool sync.Pool }

func (p *bodyPool) build(batch *batcher.Batch, index []int) *body {
	b, _ := p.pool.Get().(*body)
	if b == nil {
		b = &body{}
	}
	b.data = append(b.data[:0], `{"identities":[`...)
	for i, record := range index {
		if i > 0 {
			b.data = append(b.data, ',')
		}
		r := &batch.Records[record]
		if r.Flags&batcher.Plain != 0 {
			b.data = append(append(append(b.data, '"'), r.Identity...), '"')
		} else {
			b.data = appendString(b.data, r.Identity)
		}
	}
	b.data = append(b.data, "]}"...)
	return b
}

func (p *bodyPool) recycle(b *body) {
	if b != nil && !b.lent {
		p.pool.Put(b)
	}
}

// appendString appends s, which is valid UTF-8, as a JSON string.
func appendString(dst, s []byte) []byte {
	dst = append(dst, '"')
	from := 0
	for i, c := range s {
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		if c < ' ' {
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		} else {
			dst = append(dst, '\\', c)
		}
		from = i + 1
	}
	return append(append(dst, s[from:]...), '"')
}

package reader

import (
	"context"
	"io"
)

// stoppedError is a read that was given up, not a damaged source.
type stoppedError struct{ cause error }

func (e *stoppedError) Error() string { return e.cause.Error() }
func (e *stoppedError) Unwrap() error { return e.cause }

// pipeReader is a reader of something that may never bring another byte: a
// stop must not wait for it. It reads in a goroutine, which is the one in
// this package that nobody waits for: a read of standard input that is under
// way can't be taken back, so it may outlive the Input, and ends with it.
type pipeReader struct {
	ctx     context.Context // a read has no other way to learn of the stop
	ask     chan []byte
	answers chan answer
	room    []byte
	rest    []byte // of the last answer, not handed out yet
	err     error
}

type answer struct {
	n   int
	err error
}

func newPipeReader(ctx context.Context, r io.Reader) *pipeReader {
	p := &pipeReader{
		ctx: ctx, ask: make(chan []byte), answers: make(chan answer, 1),
		room: make([]byte, bufferSize),
	}
	go func() {
		for {
			select {
			case buf := <-p.ask:
				n, err := r.Read(buf)
				p.answers <- answer{n, err} // has room: one answer for one question
				if err != nil {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return p
}

// Read gives what one read of the pipe has brought, or up with a stoppedError.
func (p *pipeReader) Read(dst []byte) (int, error) {
	if len(p.rest) == 0 {
		if p.err != nil {
			return 0, p.err
		}
		p.err = p.refill()
	}
	n := copy(dst, p.rest)
	p.rest = p.rest[n:]
	if len(p.rest) > 0 {
		return n, nil
	}
	return n, p.err
}

func (p *pipeReader) refill() error {
	select {
	case p.ask <- p.room:
	case <-p.ctx.Done():
		return &stoppedError{context.Cause(p.ctx)}
	}
	select {
	case a := <-p.answers:
		p.rest = p.room[:a.n]
		return a.err
	case <-p.ctx.Done():
		return &stoppedError{context.Cause(p.ctx)}
	}
}

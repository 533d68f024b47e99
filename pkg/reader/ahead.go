package reader

import (
	"os"
	"sync"
)

// Ahead reads an Input in a goroutine of its own, a few Blocks ahead.
type Ahead struct {
	in   *Input
	free chan *Block
	full chan aheadBlock
	stop chan struct{}
	once sync.Once
	wait sync.WaitGroup
	err  error // what the Input has ended with; the caller's goroutine only
}

type aheadBlock struct {
	block *Block
	err   error
}

// NewAhead starts to read in with n Blocks, at least one. From here on only
// Progress and Sources of in may be called, until Close has returned.
func NewAhead(in *Input, n int) *Ahead {
	n = max(n, 1)
	a := &Ahead{
		in: in, free: make(chan *Block, n), full: make(chan aheadBlock, n),
		stop: make(chan struct{}),
	}
	for range n {
		a.free <- new(Block)
	}
	a.wait.Go(a.run)
	return a
}

func (a *Ahead) run() {
	defer close(a.full) // for a Next that still waits
	for {
		select {
		case <-a.stop:
			return
		default:
		}
		select {
		case b := <-a.free:
			err := a.in.Next(b)
			a.full <- aheadBlock{b, err} // has room for every block
			if err != nil {
				return
			}
		case <-a.stop:
			return
		}
	}
}

// Next waits for the next Block, or gives the error that Input.Next has ended
// with, or os.ErrClosed after Close. The Block is the caller's until Release.
func (a *Ahead) Next() (*Block, error) {
	if a.err != nil {
		return nil, a.err
	}
	next, ok := <-a.full
	if !ok {
		a.err = os.ErrClosed
	} else {
		a.err = next.err
	}
	if a.err != nil {
		return nil, a.err
	}
	return next.block, nil
}

// Release gives a Block back, to be filled again.
func (a *Ahead) Release(b *Block) { a.free <- b }

// Close stops reading and waits until it has stopped; a Next that waits ends. It
// doesn't wait for a pipe that brings nothing: the Input can only be closed
// after it.
func (a *Ahead) Close() {
	a.once.Do(func() { close(a.stop) })
	a.in.cancel()
	a.wait.Wait()
}

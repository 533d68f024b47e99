package batcher

import (
	"sync"

	"github.com/bulkdemerge/bulkdemerge/pkg/reader"
)

// lookAhead is how many blocks are looked at before they are needed.
const lookAhead = 2

// looked is a block with what was found about each of its records by itself,
// or the error that came instead of one.
type looked struct {
	block *reader.Block
	items []item
	end   error
}

// looker validates and hashes records in a goroutine of its own, ahead of the
// one that cuts: what needs no order is done beside what does, so that the set
// of seen identities is the one thing that a second processor waits for.
type looker struct {
	src   Source
	look  func(*reader.Record, *item)
	ready chan looked
	free  chan []item // of blocks that were done with
	stop  chan struct{}
	wait  sync.WaitGroup
}

func newLooker(src Source, look func(*reader.Record, *item)) *looker {
	l := &looker{
		src: src, look: look,
		ready: make(chan looked, lookAhead), free: make(chan []item, lookAhead+2), stop: make(chan struct{}),
	}
	l.wait.Go(l.run)
	return l
}

// run ends with the source, or with close.
func (l *looker) run() {
	for {
		select {
		case <-l.stop:
			return
		default:
		}
		next := l.next()
		select {
		case l.ready <- next:
		case <-l.stop:
			l.release(next)
			return
		}
		if next.end != nil {
			return
		}
	}
}

func (l *looker) next() looked {
	block, err := l.src.Next()
	if err != nil {
		return looked{end: err}
	}
	var items []item
	select {
	case items = <-l.free:
	default:
	}
	if cap(items) < len(block.Records) {
		items = make([]item, cap(block.Records))
	}
	items = items[:len(block.Records)]
	for i := range items {
		l.look(&block.Records[i], &items[i])
	}
	return looked{block: block, items: items}
}

// release takes back what was looked at.
func (l *looker) release(done looked) {
	if done.block == nil {
		return
	}
	l.src.Release(done.block)
	select {
	case l.free <- done.items:
	default:
	}
}

// close ends the looking, once the source's Next has returned.
func (l *looker) close() {
	close(l.stop)
	l.wait.Wait()
	for {
		select {
		case next := <-l.ready:
			l.release(next)
		default:
			return
		}
	}
}

package batcher

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/zeebo/xxh3"

	"github.com/bulkdemerge/bulkdemerge/pkg/reader"
)

const (
	// MaxBatchSize is the most identities that one request may carry (API.md),
	// and the default of Options.BatchSize.
	MaxBatchSize = 100

	// MaxHeld is how many bytes the records of a batch may hold: a span that
	// reaches it ends there, so that endless duplicates do not gather.
	MaxHeld = 1 << 20

	// RecordHeld is what each record counts towards MaxHeld beside the bytes
	// of its identity.
	RecordHeld = 64
)

// groupSize is how many records are looked at together, so that the cache
// misses of their slots in the set overlap.
const groupSize = 64

// maxFree is how many bytes of released batches are kept for reuse.
const maxFree = 4 << 20

// Source is where blocks come from; reader.Ahead is one. Next gives the next
// block, or io.EOF, or the error that ended the reading; the block is the
// batcher's until it is released. The two may be called at the same time.
type Source interface {
	Next() (*reader.Block, error)
	Release(*reader.Block)
}

// Options shape the batches. All of them are pinned for the life of a run.
type Options struct {
	BatchSize int      // identities to be sent in a batch, 1 to MaxBatchSize; 0 is MaxBatchSize
	Trim      bool     // cut Unicode white space off both ends of identities
	Skip      []string // identities, exactly as they are after trimming, that are not sent; may hold ""
	Dedupe    bool     // find duplicates, at up to 24 bytes of memory a distinct identity
}

// Batcher cuts a source into batches. Next belongs to one goroutine; Release and
// Distinct may be called from others at the same time.
type Batcher struct {
	src   Source
	size  int
	look  *classifier
	ahead *looker // from the first Next on
	seen  *set    // nil without Dedupe
	cutAt func(seq int64) (records int, ok bool)

	seq int64           // of the next batch
	pos reader.Position // where it starts
	err error           // the source's, once it came

	looked         // the current block; none if its block is nil
	next    int    // first record of block that is in no batch yet
	ready   int    // records of block before this one are known to be duplicates or not
	touched uint32 // keeps set.touch alive

	hash    xxh3.Hasher // the span's bytes in blocks before this one and in block.Data[:hashed]
	partial bool        // hash holds bytes
	hashed  int         // bytes of block.Data that belong to earlier spans or are in hash

	distinct atomic.Int64

	mu        sync.Mutex
	free      []*Batch
	freeBytes int
}

// New returns a batcher that begins with batch 1 at the input's beginning. It
// panics if o.BatchSize is out of range: the command has checked it.
func New(src Source, o Options) *Batcher {
	if o.BatchSize == 0 {
		o.BatchSize = MaxBatchSize
	}
	if o.BatchSize < 1 || o.BatchSize > MaxBatchSize {
		panic(fmt.Sprintf("batcher: batch size %d is not within 1 to %d", o.BatchSize, MaxBatchSize))
	}
	b := &Batcher{src: src, size: o.BatchSize, look: newClassifier(&o), seq: 1}
	if o.Dedupe {
		b.seen = newSet()
	}
	return b
}

// Start says, before the first Next, that the source begins at p, and that the
// batch there has the number seq.
func (b *Batcher) Start(p reader.Position, seq int64) { b.pos, b.seq = p, seq }

// Expect says, before the first Next, that so many distinct identities will
// come at least: the set of those seen then need not grow on the way.
func (b *Batcher) Expect(distinct int64) {
	if b.seen != nil && distinct > 0 {
		b.seen.expect(distinct)
	}
}

// CutAt sets, before the first Next, the cuts that earlier starts made: batch
// seq ends after exactly so many records (at least one) and is Cut.
func (b *Batcher) CutAt(f func(seq int64) (records int, ok bool)) { b.cutAt = f }

// Distinct is how many distinct identities were seen so far, 0 without Dedupe.
// It runs ahead of the batches by at most one group of records.
func (b *Batcher) Distinct() int64 { return b.distinct.Load() }

// Close gives back the blocks and the memory of the set. It waits for a Next of
// the source that is under way: a source that may wait for ever is to be closed
// first. Next must not be called afterwards; batches stay valid.
func (b *Batcher) Close() {
	if b.ahead != nil {
		b.leave()
		b.ahead.close()
		b.ahead = nil
	}
	if b.seen != nil {
		b.seen.close()
	}
}

// Next returns the next batch. After the last one it returns the source's
// error, again at each call; before io.EOF or damage comes what had gathered
// until then, as a batch that is Cut.
func (b *Batcher) Next() (*Batch, error) {
	if b.err != nil {
		return nil, b.err
	}
	if b.ahead == nil {
		b.ahead = newLooker(b.src, b.look.look)
	}
	batch := b.newBatch()
	want := -1
	if b.cutAt != nil {
		if n, ok := b.cutAt(b.seq); ok {
			want = n
		}
	}
	for {
		for b.block == nil || b.next == len(b.block.Records) {
			if b.err = b.nextBlock(batch); b.err != nil {
				return b.flush(batch)
			}
		}
		if b.next == b.ready {
			b.fill()
		}
		batch.Held += b.take(batch)
		cut := len(batch.Records) == want
		if cut || batch.Sends == b.size || batch.Held >= MaxHeld {
			batch.Cut = cut
			b.end(batch)
			return batch, nil
		}
	}
}

// take moves the next record into the batch and returns the bytes it holds.
func (b *Batcher) take(batch *Batch) int {
	r, it := &b.block.Records[b.next], &b.items[b.next]
	b.next++
	at := len(batch.arena)
	batch.arena = append(batch.arena, it.id...)
	batch.Records = append(batch.Records, Record{
		Identity: batch.arena[at:len(batch.arena):len(batch.arena)],
		Line:     r.Line,
		Source:   int32(b.block.Source),
		Class:    it.class,
		Flags:    it.flags,
		Reason:   it.reason,
	})
	if it.class == Send {
		batch.Sends++
	}
	return len(it.id) + RecordHeld
}

// fill tells the duplicates among the next group of the block's records. First
// all their slots are set on their way into the cache: the fewer instructions
// lie between two misses, the more of them the processor has under way.
func (b *Batcher) fill() {
	group := b.items[b.ready:min(b.ready+groupSize, len(b.items))]
	b.ready += len(group)
	if b.seen == nil {
		return
	}
	for i := range group {
		b.touched ^= b.seen.touch(&group[i].key)
	}
	for i := range group {
		it := &group[i]
		if it.class != Send {
			continue
		}
		added, variant := b.seen.insert(&it.key)
		switch {
		case !added:
			it.class = Duplicate
		case variant:
			it.flags |= Variant
		}
	}
	b.distinct.Store(b.seen.n)
}

// nextBlock leaves the current block, whose records are all in batches, for
// the next one. Bytes behind the last record are hashed for the batch that the
// next record falls into; in case none follows, the batch keeps the hash of
// what ends with its last record.
func (b *Batcher) nextBlock(batch *Batch) error {
	if b.block != nil {
		if b.next > 0 {
			batch.End = b.place()
			b.hashTo(batch.End)
			batch.Hash = b.hash.Sum64()
		}
		b.write(b.block.Data[b.hashed:])
		b.leave()
	}
	next := <-b.ahead.ready
	if next.end != nil {
		return next.end
	}
	b.looked, b.next, b.ready, b.hashed = next, 0, 0, 0
	return nil
}

// leave gives the current block back.
func (b *Batcher) leave() {
	b.ahead.release(b.looked)
	b.looked = looked{}
}

// flush hands out what had gathered when the source ended; nextBlock has noted
// where it ends. Where the reading was stopped there is no cut: it would depend
// on time.
func (b *Batcher) flush(batch *Batch) (*Batch, error) {
	var damage *reader.DamageError
	ended := errors.Is(b.err, io.EOF) || errors.As(b.err, &damage)
	if !ended || len(batch.Records) == 0 {
		b.Release(batch)
		return nil, b.err
	}
	batch.Cut = true
	b.seq++
	return batch, nil
}

// end ends the span behind the record that was taken last.
func (b *Batcher) end(batch *Batch) {
	batch.End = b.place()
	if b.partial {
		b.hashTo(batch.End)
		batch.Hash = b.hash.Sum64()
		b.hash.Reset()
		b.partial = false
	} else {
		to := int(batch.End.Offset - b.block.Offset)
		batch.Hash = xxh3.Hash(b.block.Data[b.hashed:to])
		b.hashed = to
	}
	b.pos = batch.End
	b.seq++
}

// place is the position behind the record that was taken last.
func (b *Batcher) place() reader.Position {
	r := &b.block.Records[b.next-1]
	return reader.Position{
		Source: b.block.Source,
		Offset: b.block.Offset + int64(r.End),
		Line:   b.block.Line + int64(r.Lines),
	}
}

// hashTo hashes the current block up to a position in it.
func (b *Batcher) hashTo(p reader.Position) {
	to := int(p.Offset - b.block.Offset)
	b.write(b.block.Data[b.hashed:to])
	b.hashed = to
}

func (b *Batcher) write(data []byte) {
	if len(data) > 0 {
		_, _ = b.hash.Write(data) // a hash takes everything
		b.partial = true
	}
}

// newBatch is the next batch, without records yet.
func (b *Batcher) newBatch() *Batch {
	b.mu.Lock()
	defer b.mu.Unlock()
	var batch *Batch
	if last := len(b.free) - 1; last >= 0 {
		batch, b.free = b.free[last], b.free[:last]
		b.freeBytes -= batch.memory()
	} else {
		batch = new(Batch)
	}
	*batch = Batch{Seq: b.seq, Start: b.pos, Records: batch.Records[:0], arena: batch.arena[:0]}
	return batch
}

// Release takes a batch back, with its records and their identities, for
// reuse; nobody may look at them afterwards.
func (b *Batcher) Release(batch *Batch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if size := batch.memory(); b.freeBytes+size <= maxFree {
		b.free = append(b.free, batch)
		b.freeBytes += size
	}
}

// memory is what a batch keeps when it is released, in bytes.
func (b *Batch) memory() int {
	return cap(b.arena) + cap(b.Records)*int(unsafe.Sizeof(Record{}))
}

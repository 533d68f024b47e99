package batcher

import (
	"encoding/binary"
	"fmt"
	"io"
	"testing"

	"github.com/bulkdemerge/bulkdemerge/pkg/reader"
)

// BenchmarkSetInsert fills a set with 10 million distinct identities, hashed
// and touched in groups as the batcher does it.
func BenchmarkSetInsert(b *testing.B) {
	const n = 10_000_000
	for b.Loop() {
		s, h := newSet(), newHasher()
		var id [12]byte
		var keys [groupSize]entry
		touched := uint32(0)
		for i := 0; i < n; i += groupSize {
			for j := range keys {
				binary.LittleEndian.PutUint64(id[:], uint64(i+j))
				keys[j] = h.key(id[:], false)
			}
			for j := range keys {
				touched ^= s.touch(&keys[j])
			}
			for j := range keys {
				s.insert(&keys[j])
			}
		}
		b.ReportMetric(float64(s.bytes())/float64(s.n), "bytes/identity")
		_ = touched
		s.close()
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "identities/s")
}

// endless hands out the same blocks again and again, each time with other
// identities, until total records went out.
type endless struct {
	blocks chan *reader.Block // those that are with nobody
	left   int
	number uint64
	offset int64
}

const (
	benchRecords = 4096 // in a block
	benchLine    = 20   // bytes
)

func newEndless(blocks, total int) *endless {
	e := &endless{blocks: make(chan *reader.Block, blocks), left: total}
	for range blocks {
		block := &reader.Block{}
		for i := range benchRecords {
			block.Data = fmt.Appendf(block.Data, "client-%012d\n", 0)
			block.Records = append(block.Records, reader.Record{
				Line: int64(i + 1), End: (i + 1) * benchLine, Lines: i + 1,
			})
		}
		for i := range block.Records {
			block.Records[i].Identity = block.Data[i*benchLine : (i+1)*benchLine-1]
		}
		e.blocks <- block
	}
	return e
}

func (e *endless) Next() (*reader.Block, error) {
	if e.left <= 0 {
		return nil, io.EOF
	}
	block := <-e.blocks
	e.left -= benchRecords
	block.Offset = e.offset
	e.offset += int64(len(block.Data))
	for i := range block.Records {
		e.number++
		digits := block.Records[i].Identity[7:]
		for n, j := e.number, len(digits)-1; j >= 0; n, j = n/10, j-1 {
			digits[j] = byte('0' + n%10)
		}
	}
	return block, nil
}

func (e *endless) Release(block *reader.Block) { e.blocks <- block }

// BenchmarkBatcher cuts 10 million records, writing the numbers included.
func BenchmarkBatcher(b *testing.B) {
	const n = 10_000_000
	for _, dedupe := range []bool{true, false} {
		b.Run(fmt.Sprintf("dedupe=%v", dedupe), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				bt := New(newEndless(4, n), Options{Trim: true, Dedupe: dedupe})
				for {
					batch, err := bt.Next()
					if err != nil {
						break
					}
					bt.Release(batch)
				}
				bt.Close()
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
	b.Run("source alone", func(b *testing.B) {
		for b.Loop() {
			src := newEndless(4, n)
			for {
				block, err := src.Next()
				if err != nil {
					break
				}
				src.Release(block)
			}
		}
		b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
	})
}

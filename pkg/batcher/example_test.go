package batcher_test

import (
	"fmt"
	"io"

	"github.com/bulkdemerge/bulkdemerge/pkg/batcher"
	"github.com/bulkdemerge/bulkdemerge/pkg/reader"
)

// oneBlock is a source of a single block; reader.Ahead is a real one.
type oneBlock struct{ block *reader.Block }

func (s *oneBlock) Next() (*reader.Block, error) {
	if s.block == nil {
		return nil, io.EOF
	}
	b := s.block
	s.block = nil
	return b, nil
}

func (s *oneBlock) Release(*reader.Block) {}

func ExampleBatcher() {
	src := &oneBlock{&reader.Block{
		Data: []byte("ann\n bob\nann\n-\n"),
		Records: []reader.Record{
			{Identity: []byte("ann"), Line: 1, End: 4, Lines: 1},
			{Identity: []byte(" bob"), Line: 2, End: 9, Lines: 2},
			{Identity: []byte("ann"), Line: 3, End: 13, Lines: 3},
			{Identity: []byte("-"), Line: 4, End: 15, Lines: 4},
		},
	}}
	b := batcher.New(src, batcher.Options{Trim: true, Dedupe: true, Skip: []string{"-"}})
	defer b.Close()
	for {
		batch, err := b.Next()
		if err == io.EOF {
			break
		} else if err != nil {
			fmt.Println(err)
			return
		}
		for _, r := range batch.Records {
			fmt.Printf("batch %d, line %d: %s %q\n", batch.Seq, r.Line, r.Class, r.Identity)
		}
		b.Release(batch)
	}
	// Output:
	// batch 1, line 1: send "ann"
	// batch 1, line 2: send "bob"
	// batch 1, line 3: duplicate "ann"
	// batch 1, line 4: skipped "-"
}

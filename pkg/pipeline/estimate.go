package pipeline

import (
	"context"
	"time"

	"github.com/bulkdemerge/bulkdemerge/pkg/batcher"
	"github.com/bulkdemerge/bulkdemerge/pkg/reader"
	"github.com/bulkdemerge/bulkdemerge/pkg/sender"
)

// assumedLatency is what an answer is taken to need before any was seen.
const assumedLatency = 100 * time.Millisecond

// stdin is the name of the one input that can't be opened a second time: what
// an estimate took of it the run would never see.
const stdin = "-"

// Estimate is what a run is about to do, told from the inputs' sizes and their
// first records. Zero numbers are unknown.
type Estimate struct {
	Files    []string
	Records  int64
	Done     int64 // of these, settled by earlier starts
	Requests int64
	Duration time.Duration
}

// Estimate looks at the beginning of each file; it does not touch the session.
func (s *Session) Estimate(ctx context.Context) Estimate {
	var e Estimate
	if s.store != nil {
		e.Done = s.store.View().Records
	}
	known := true
	for _, src := range s.input.Sources() {
		e.Files = append(e.Files, src.Name)
		n := int64(0)
		if src.Size >= 0 && src.Name != stdin {
			n = estimateRecords(ctx, src, s.o.Reader)
		}
		known = known && (n > 0 || src.Size == 0)
		e.Records += n
	}
	if !known {
		return Estimate{Files: e.Files, Done: e.Done}
	}
	e.Requests, e.Duration = s.o.effort(max(0, e.Records-e.Done))
	return e
}

// effort is how many requests so many records make, at most, and how long they
// take.
func (o *Options) effort(records int64) (requests int64, d time.Duration) {
	size, slots := int64(o.Batcher.BatchSize), int64(o.Sender.Concurrency)
	if size == 0 {
		size = batcher.MaxBatchSize
	}
	if slots == 0 {
		slots = sender.DefaultConcurrency
	}
	if o.Limit > 0 {
		records = min(records, o.Limit)
	}
	requests = rounds(records, size)
	d = time.Duration(rounds(requests, slots)) * assumedLatency
	if o.Sender.Rate > 0 {
		d = max(d, time.Duration(float64(requests)/o.Sender.Rate*float64(time.Second)))
	}
	return requests, d
}

// rounds is how many times n things fill so many places, the last time perhaps
// in part.
func rounds(n, places int64) int64 {
	places = max(1, places)
	return (n + places - 1) / places
}

// estimateRecords reads the first block of a file and takes the rest to be
// like it; 0 if that tells nothing.
func estimateRecords(ctx context.Context, src reader.Source, o reader.Options) int64 {
	in, err := reader.Open(ctx, []string{src.Name}, o)
	if err != nil {
		return 0 // the run itself will say it
	}
	defer in.Close()
	var b reader.Block
	records := int64(0)
	for records == 0 {
		if err := in.Next(&b); err != nil {
			return 0
		}
		records = int64(len(b.Records))
	}
	read, total := in.Progress()
	if src.Compression == "" {
		read = b.Offset + int64(len(b.Data)) // decoded, while what was read ahead is more
	}
	if read <= 0 {
		return 0
	}
	return max(records, records*total/read)
}

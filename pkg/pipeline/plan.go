package pipeline

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bulkdemerge/bulkdemerge/pkg/batcher"
	"github.com/bulkdemerge/bulkdemerge/pkg/reader"
)

// PlanOptions say what to plan.
type PlanOptions struct {
	Inputs      []string
	Reader      reader.Options
	Batcher     batcher.Options
	Latency     time.Duration // assumed for an answer
	Concurrency int           // requests at once
	Rate        float64       // requests a second; 0: no limit
	// Watch, if not nil, is called once the inputs are open, with a function
	// that tells the bytes read and their total (-1: not known).
	Watch func(progress func() (read, total int64))
}

// PlanResult is what a run of the same input would do. It holds no identity.
type PlanResult struct {
	Inputs    []PlanInput       `json:"inputs"`
	Records   int64             `json:"records"`
	ToSend    int64             `json:"to_send"` // identities that would be sent
	Valid     int64             `json:"valid"`   // records whose identity could be sent, duplicates included
	Invalid   int64             `json:"invalid"`
	Duplicate int64             `json:"duplicate"`
	Skipped   int64             `json:"skipped"`
	Distinct  int64             `json:"distinct"` // 0 with --dedupe=false
	Reasons   map[string]int64  `json:"invalid_by_reason"`
	Requests  int64             `json:"requests"`         // if none is refused or repeated
	Seconds   float64           `json:"seconds"`          // at the assumed latency
	Latency   float64           `json:"assumed_latency"`  // seconds
	Warnings  []batcher.Warning `json:"warnings"`         // never nil
	ExitCode  int               `json:"exit_code"`        // ExitDone, ExitSome where records are invalid, ExitDamaged
	Damage    string            `json:"damage,omitempty"` // why the input can't be read to its end
	Next      string            `json:"next,omitempty"`   // the command to type next
}

// PlanInput is a source as it was understood.
type PlanInput struct {
	Name        string `json:"name"`
	Format      string `json:"format"`
	Encoding    string `json:"encoding"`
	Compression string `json:"compression,omitempty"`
	Identity    string `json:"identity"` // the column, field or line that holds it
}

// Plan reads the whole input as a run would, sends nothing and writes nothing.
func Plan(ctx context.Context, o PlanOptions) (PlanResult, error) {
	in, err := reader.Open(ctx, o.Inputs, o.Reader)
	if err != nil {
		return PlanResult{}, usage(err)
	}
	if o.Watch != nil {
		o.Watch(in.Progress)
	}
	ahead := reader.NewAhead(in, readAhead)
	b := batcher.New(ahead, o.Batcher)
	res, err := plan(ctx, b)
	ahead.Close()
	b.Close()
	if closeErr := in.Close(); err == nil && closeErr != nil {
		err = closeErr
	}
	if err != nil {
		return PlanResult{}, coded(ExitStopped, err)
	}
	res.Distinct = b.Distinct()
	for _, src := range in.Sources() {
		res.Inputs = append(res.Inputs, PlanInput{
			Name: src.Name, Format: src.Format, Encoding: src.Encoding, Compression: src.Compression, Identity: identityOf(src, o.Reader),
		})
		if src.HeaderLooksLikeData {
			res.Warnings = append(res.Warnings, batcher.Warning{Kind: "header_looks_like_data", Count: 1, Source: int32(len(res.Inputs) - 1), Line: 1,
				Message: "the first line was taken for a header and looks like data: is --no-header meant?"})
		}
	}
	res.Latency = o.Latency.Seconds()
	res.Seconds = (time.Duration(rounds(res.Requests, int64(o.Concurrency))) * o.Latency).Seconds()
	if o.Rate > 0 {
		res.Seconds = max(res.Seconds, float64(res.Requests)/o.Rate)
	}
	return res, nil
}

// planAhead is how many batches wait to be counted; each holds 1 MiB at most.
const planAhead = 8

// plan counts the batches in a goroutine of its own, beside their cutting.
func plan(ctx context.Context, b *batcher.Batcher) (PlanResult, error) {
	res := PlanResult{Reasons: map[string]int64{}}
	var survey batcher.Survey
	batches := make(chan *batcher.Batch, planAhead)
	var counting sync.WaitGroup
	counting.Go(func() {
		for batch := range batches {
			res.count(batch, &survey)
			b.Release(batch)
		}
	})
	err := cutInto(ctx, b, batches)
	close(batches)
	counting.Wait()
	var damage *reader.DamageError
	switch {
	case errors.As(err, &damage):
		res.ExitCode, res.Damage = ExitDamaged, damage.Error()
	case !errors.Is(err, io.EOF):
		return PlanResult{}, err
	case res.Invalid > 0:
		res.ExitCode = ExitSome
	}
	res.Valid = res.ToSend + res.Duplicate
	res.Warnings = append([]batcher.Warning{}, survey.Warnings()...)
	return res, nil
}

// cutInto hands on all batches, and returns the error that ended them.
func cutInto(ctx context.Context, b *batcher.Batcher, batches chan<- *batcher.Batch) error {
	for {
		batch, err := b.Next()
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		batches <- batch
	}
}

func (res *PlanResult) count(batch *batcher.Batch, survey *batcher.Survey) {
	res.Records += int64(len(batch.Records))
	res.ToSend += int64(batch.Sends)
	if batch.Sends > 0 {
		res.Requests++
	}
	for i := range batch.Records {
		rec := &batch.Records[i]
		survey.Add(rec)
		switch rec.Class {
		case batcher.Invalid:
			res.Invalid++
			res.Reasons[rec.Reason]++
		case batcher.Duplicate:
			res.Duplicate++
		case batcher.Skipped:
			res.Skipped++
		case batcher.Send:
		}
	}
}

// identityOf names where a source's identities stand.
func identityOf(src reader.Source, o reader.Options) string {
	switch src.Format {
	case reader.FormatNDJSON:
		if o.Field != "" {
			return "field " + o.Field
		}
		return "field " + reader.DefaultColumn
	case reader.FormatText:
		return "the line"
	}
	return columnsOf(src)
}

func columnsOf(src reader.Source) string {
	var words []string
	for _, c := range src.Columns {
		w := "column " + strconv.Itoa(c.Index+1)
		if c.Name != "" && !src.HeaderLooksLikeData {
			w += " (" + c.Name + ")"
		}
		words = append(words, w)
	}
	return strings.Join(words, ", else ")
}

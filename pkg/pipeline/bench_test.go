package pipeline_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bulkdemerge/bulkdemerge/internal/vfs"
	"github.com/bulkdemerge/bulkdemerge/pkg/batcher"
	"github.com/bulkdemerge/bulkdemerge/pkg/pipeline"
	"github.com/bulkdemerge/bulkdemerge/pkg/sender"
)

// yes accepts everything and looks at nothing, to show what the rest costs.
type yes struct{}

func (yes) RoundTrip(r *http.Request) (*http.Response, error) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return nil, err
	}
	r.Body.Close()
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.WroteRequest != nil {
		trace.WroteRequest(httptrace.WroteRequestInfo{})
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(`{"status":"success"}`))}, nil
}

// numbered is a CSV file of n different identities.
func numbered(tb testing.TB, n int) string {
	tb.Helper()
	text := []byte("identity,city\n")
	for i := range n {
		text = fmt.Appendf(text, "client-%09d,city %d\n", i, i%1000)
	}
	name := filepath.Join(tb.TempDir(), "in.csv")
	if err := vfs.Replace(vfs.OS{}, filepath.Dir(name), name, text); err != nil {
		tb.Fatal(err)
	}
	return name
}

// demergeAll runs a file into a fresh run directory.
func demergeAll(tb testing.TB, input, dir string, n int) {
	s, err := pipeline.Open(context.Background(), pipeline.Options{
		Inputs: []string{input}, Dir: dir,
		Batcher: batcher.Options{Trim: true, Dedupe: true},
		Sender:  sender.Options{Endpoint: "http://127.0.0.1", AccountID: "A", Passcode: "p", Transport: yes{}},
	})
	if err != nil {
		tb.Fatal(err)
	}
	sum, err := s.Run(context.Background())
	if err != nil || sum.Counts.Accepted != int64(n) {
		tb.Fatalf("%v, %d of %d accepted", err, sum.Counts.Accepted, n)
	}
	if err := s.Close(); err != nil {
		tb.Fatal(err)
	}
}

// TestRunAllocates holds the whole way of a record, from the file to its row,
// to no allocation of its own: what a run allocates grows with the batches.
func TestRunAllocates(t *testing.T) {
	const small, large = 20_000, 120_000
	allocs := func(n int) float64 {
		input, dir := numbered(t, n), t.TempDir()
		run := 0
		return testing.AllocsPerRun(1, func() {
			run++
			demergeAll(t, input, filepath.Join(dir, fmt.Sprint(run)), n)
		})
	}
	each := (allocs(large) - allocs(small)) / (large - small)
	t.Logf("%.2f allocations a record", each)
	if each > 0.8 {
		t.Errorf("%.2f allocations a record: one stage allocates for each", each)
	}
}

// BenchmarkRun is everything but the network; one operation is 100,000
// identities.
func BenchmarkRun(b *testing.B) {
	const n = 100_000
	input, dir := numbered(b, n), b.TempDir()
	b.ReportAllocs()
	run := 0
	for b.Loop() {
		run++
		demergeAll(b, input, filepath.Join(dir, fmt.Sprint(run)), n)
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkPlan plans a million rows.
func BenchmarkPlan(b *testing.B) {
	const n = 1_000_000
	input := numbered(b, n)
	b.ReportAllocs()
	for b.Loop() {
		res, err := pipeline.Plan(context.Background(), pipeline.PlanOptions{
			Inputs: []string{input}, Batcher: batcher.Options{Trim: true, Dedupe: true},
			Latency: 100 * time.Millisecond, Concurrency: 3,
		})
		if err != nil || res.ToSend != n {
			b.Fatalf("%v, %d to send", err, res.ToSend)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

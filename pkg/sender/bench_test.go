package sender_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bulkdemerge/bulkdemerge/internal/sandbox"
	"github.com/bulkdemerge/bulkdemerge/pkg/sender"
)

// BenchmarkRun sends batches of 100 to a sandbox that answers at once; one
// operation is one batch. BenchmarkBareLoop is its ceiling.
func BenchmarkRun(b *testing.B) {
	server, err := sandbox.Listen("127.0.0.1:0", sandbox.New(sandbox.Options{}))
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	list := batches(100, 100)
	s, err := sender.New(sender.Options{Endpoint: server.URL, AccountID: account, Passcode: passcode})
	if err != nil {
		b.Fatal(err)
	}
	n := 0
	var accepted atomic.Int64
	b.ReportAllocs()
	b.ResetTimer()
	err = s.Run(context.Background(), func(context.Context) (sender.Work, error) {
		if n == b.N {
			return sender.Work{}, io.EOF
		}
		n++
		return list[0], nil
	}, func(o sender.Outcome) error {
		accepted.Add(int64(len(o.Index)))
		return nil
	})
	if err != nil || accepted.Load() != int64(b.N)*100 {
		b.Fatalf("%v, %d accepted", err, accepted.Load())
	}
}

// BenchmarkBareLoop is three loops that post the same prebuilt body with
// net/http and look at nothing but the status.
func BenchmarkBareLoop(b *testing.B) {
	server, err := sandbox.Listen("127.0.0.1:0", sandbox.New(sandbox.Options{}))
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	var ids []string
	for _, r := range batches(100, 100)[0].Batch.Records {
		ids = append(ids, string(r.Identity))
	}
	body, err := json.Marshal(map[string]any{"identities": ids})
	if err != nil {
		b.Fatal(err)
	}
	transport := &http.Transport{MaxConnsPerHost: 3, MaxIdleConnsPerHost: 3, DisableCompression: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ReportAllocs()
	b.ResetTimer()
	var wait sync.WaitGroup
	for range 3 {
		wait.Go(func() {
			for left.Add(-1) >= 0 {
				req, err := http.NewRequest(http.MethodPost, server.URL+"/1/demerge/profiles.json", bytes.NewReader(body))
				if err != nil {
					b.Error(err)
					return
				}
				req.Header.Set("Content-Type", "application/json; charset=utf-8")
				req.Header.Set("X-CleverTap-Account-Id", account)
				req.Header.Set("X-CleverTap-Passcode", passcode)
				resp, err := client.Do(req)
				if err != nil {
					b.Error(err)
					return
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					b.Errorf("answered %d", resp.StatusCode)
					return
				}
			}
		})
	}
	wait.Wait()
}

// Command bareloop is the ceiling of the benchmarks: three goroutines that post
// requests whose bodies were built before the clock started, and believe every
// 200. It reads no file meanwhile, writes no report, retries nothing.
//
//	bareloop URL FILE
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	slots     = 3   // the API takes so many requests of an account at once
	batchSize = 100 // identities in a request
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return errors.New("bareloop needs two arguments: URL FILE")
	}
	bodies, err := build(args[1])
	if err != nil {
		return err
	}
	began := time.Now()
	done, err := post(args[0]+"/1/demerge/profiles.json", bodies)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"done": done * batchSize, "failed": (int64(len(bodies)) - done) * batchSize, "seconds": time.Since(began).Seconds(),
	})
}

// build makes all request bodies of a CSV file whose first column is the
// identity; its number of rows is a multiple of batchSize.
func build(name string) ([][]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("opening the input: %w", err)
	}
	defer f.Close()
	var bodies [][]byte
	var batch []string
	lines := bufio.NewScanner(f)
	lines.Scan() // the header
	for lines.Scan() {
		id, _, _ := strings.Cut(lines.Text(), ",")
		if batch = append(batch, id); len(batch) < batchSize {
			continue
		}
		body, err := json.Marshal(map[string][]string{"identities": batch})
		if err != nil {
			return nil, fmt.Errorf("building a body: %w", err)
		}
		bodies, batch = append(bodies, body), batch[:0]
	}
	return bodies, lines.Err()
}

// post sends all bodies and tells how many were answered 200.
func post(url string, bodies [][]byte) (int64, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: slots, MaxConnsPerHost: slots}}
	defer client.CloseIdleConnections()
	var next, done atomic.Int64
	var group errgroup.Group
	for range slots {
		group.Go(func() error {
			for {
				i := next.Add(1) - 1
				if i >= int64(len(bodies)) {
					return nil
				}
				ok, err := postOne(client, url, bodies[i])
				if err != nil {
					return err
				}
				if ok {
					done.Add(1)
				}
			}
		})
	}
	err := group.Wait()
	return done.Load(), err
}

func postOne(client *http.Client, url string, body []byte) (bool, error) {
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return false, fmt.Errorf("making a request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("X-CleverTap-Account-Id", "BENCH")
	req.Header.Set("X-CleverTap-Passcode", "bench")
	resp, err := client.Do(req)
	if err != nil {
		return false, fmt.Errorf("posting: %w", err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return false, fmt.Errorf("reading an answer: %w", err)
	}
	return resp.StatusCode == http.StatusOK, nil
}

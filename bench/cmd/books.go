//go:build unix

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"
)

// slots is how many requests the API takes at once.
const slots = 3

// books is the part of the sandbox's books that is of interest here.
type books struct {
	Requests int64     `json:"requests"`
	Distinct int64     `json:"distinct"`
	Repeated int64     `json:"repeated"`
	Busy     float64   `json:"busy_seconds"`
	Hung     float64   `json:"hung_seconds"`
	First    time.Time `json:"first_at"`
	Last     time.Time `json:"last_at"`
}

// busy is the share of the slots' time, up to a moment, that they were at
// work; slots that a hung request held count neither way.
func (b books) busy(until time.Time) float64 {
	there := slots*until.Sub(b.First).Seconds() - b.Hung
	if b.First.IsZero() || there <= 0 {
		return 0
	}
	return b.Busy / there
}

// api is the simulated API in a process of its own.
type api struct {
	url string
	cmd *exec.Cmd
}

func startAPI(ctx context.Context, bin string, flags ...string) (*api, error) {
	cmd := exec.CommandContext(ctx, bin, append([]string{"sandbox", "--listen", "127.0.0.1:0"}, flags...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the sandbox: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the sandbox: %w", err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("starting the sandbox: %w", err)
	}
	return &api{url: strings.TrimSpace(line), cmd: cmd}, nil
}

// stop ends the process; how it ends is of no interest.
func (a *api) stop() {
	_ = a.cmd.Process.Signal(os.Interrupt)
	_ = a.cmd.Wait()
}

func (a *api) books(ctx context.Context) (books, error) {
	var b books
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url+"/_sandbox/books", nil)
	if err != nil {
		return b, fmt.Errorf("reading the books: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return b, fmt.Errorf("reading the books: %w", err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&b); err != nil {
		return b, fmt.Errorf("reading the books: %w", err)
	}
	return b, nil
}

func (a *api) reset(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url+"/_sandbox/books/reset", nil)
	if err != nil {
		return fmt.Errorf("resetting the books: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("resetting the books: %w", err)
	}
	return resp.Body.Close()
}

// pollEvery is how often the books are looked at while a tool runs.
const pollEvery = 20 * time.Millisecond

// await looks at the books until reached is content with them, and returns
// them with the time; false if ctx ends before.
func (a *api) await(ctx context.Context, reached func(books) bool) (books, time.Time, bool) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return books{}, time.Time{}, false
		case <-tick.C:
		}
		b, err := a.books(ctx)
		now := time.Now()
		if err == nil && reached(b) {
			return b, now, true
		}
	}
}

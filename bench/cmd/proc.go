//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// tooLong ends a run that hangs.
const tooLong = 4 * time.Minute

// usage is what a process took.
type usage struct {
	began time.Time
	wall  float64 // seconds
	cpu   float64 // seconds, user and system
	peak  float64 // memory, MiB
	exit  int
	out   []byte
}

// measure runs a command to its end. That it exits with another code than 0 is
// no error: exit codes mean something. started, if not nil, is called with the
// process once it runs.
func measure(ctx context.Context, c command, started func(*os.Process)) (usage, error) {
	ctx, cancel := context.WithTimeout(ctx, tooLong)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.name, c.args...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), c.env...)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	u := usage{began: time.Now()}
	if err := cmd.Start(); err != nil {
		return u, fmt.Errorf("starting %s: %w", filepath.Base(c.name), err)
	}
	if started != nil {
		started(cmd.Process)
	}
	err := cmd.Wait()
	u.wall = time.Since(u.began).Seconds()
	u.out = out.Bytes()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return u, fmt.Errorf("running %s: %w", filepath.Base(c.name), err)
	}
	if ctx.Err() != nil {
		return u, fmt.Errorf("running %s: %w", filepath.Base(c.name), ctx.Err())
	}
	state := cmd.ProcessState
	u.exit = state.ExitCode()
	u.cpu = (state.UserTime() + state.SystemTime()).Seconds()
	if r, ok := state.SysUsage().(*syscall.Rusage); ok {
		u.peak = float64(r.Maxrss) / maxrssPerMiB
	}
	if u.exit > 0 && len(out.Bytes()) == 0 {
		u.out = problems.Bytes() // for whoever finds no result there
	}
	return u, nil
}

// maxrssPerMiB is for Linux, which counts ru_maxrss in KiB.
const maxrssPerMiB = 1024

// command is what is run.
type command struct {
	name string
	args []string
	dir  string
	env  []string
}

// runQuietly runs a command whose output matters only if it fails.
func runQuietly(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, args[0], err, lastLine(out))
	}
	return nil
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}

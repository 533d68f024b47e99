//go:build unix

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// machine says where it was measured, without anybody's name or place.
type machine struct {
	date  string
	words string
}

func describeMachine(ctx context.Context) machine {
	words := []string{fmt.Sprintf("%d cores", runtime.NumCPU())}
	if m := field("/proc/cpuinfo", `model name\s*: (.*)`); m != "" {
		words[0] += " (" + m + ")"
	}
	if kb, err := strconv.Atoi(field("/proc/meminfo", `MemTotal:\s*(\d+) kB`)); err == nil {
		words = append(words, fmt.Sprintf("%.0f GiB", float64(kb)/(1<<20)))
	}
	if release := field("/proc/sys/kernel/osrelease", `^(\d+\.\d+)`); release != "" {
		words = append(words, "Linux "+release)
	}
	words = append(words, strings.Replace(runtime.Version(), "go", "Go ", 1))
	for _, tool := range []string{"node", "python3"} {
		if v, err := exec.CommandContext(ctx, tool, "--version").Output(); err == nil {
			name := map[string]string{"node": "Node ", "python3": ""}[tool]
			words = append(words, name+strings.TrimPrefix(strings.TrimSpace(string(v)), "v"))
		}
	}
	return machine{date: time.Now().UTC().Format("2006-01-02 15:04 UTC"), words: strings.Join(words, ", ") + "."}
}

// field is what the first group of a pattern finds in a file, if there is one.
func field(file, pattern string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	m := regexp.MustCompile(pattern).FindSubmatch(b)
	if m == nil {
		return ""
	}
	return strings.TrimSpace(string(m[1]))
}

// load is the machine's load of the last minute, 0 where that can't be told.
func load() float64 {
	l, err := strconv.ParseFloat(field("/proc/loadavg", `^([\d.]+) `), 64)
	if err != nil {
		return 0
	}
	return l
}

// loadNote warns if others used the machine meanwhile: what the benchmark runs
// itself is two processes at a time, of which peers have several threads.
func loadNote(highest float64) string {
	const alone = 4.5
	if highest < alone {
		return ""
	}
	return fmt.Sprintf("Measured while others used the machine (load up to %.1f): seconds are too long, ratios unsteady.", highest)
}

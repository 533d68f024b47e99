//go:build unix

// Command cmd measures bulkdemerge beside what people would use instead, and
// writes the results to BENCHMARKS.md. bench/run.sh builds and starts it at the
// root of the checkout; -quick takes a tenth of everything, once.
//
// All tools send to the simulated API in a process of its own. Figures are the
// median of the runs; lost and repeated identities are the worst of them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

// Everything that the benchmark makes is in this folder, which git ignores.
const workDir = ".bench"

func main() {
	quick := flag.Bool("quick", false, "a tenth of everything, once, to "+workDir+"/BENCHMARKS.md")
	only := flag.String("only", "", "one case alone (see cases.go), to "+workDir+"/BENCHMARKS.md")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *quick, *only)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// bench is one run of the benchmark.
type bench struct {
	bin     string // bulkdemerge
	bare    string // the bare loop
	peers   string // folder of the peers
	scratch string // emptied before it is used, and at the end
	scale   int    // sizes are divided by it
	runs    int
	senders []tool
	page    page
}

func run(ctx context.Context, quick bool, only string) (err error) {
	began := time.Now()
	b, err := setUp(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.scratch)) }()
	out := "BENCHMARKS.md"
	if quick || only != "" {
		out = filepath.Join(workDir, out)
	}
	b.scale, b.runs = 1, 3
	if quick {
		b.scale, b.runs = 10, 1
	}
	b.page.machine = describeMachine(ctx)
	b.page.quick = quick
	known, highest := false, load()
	for _, c := range b.cases() {
		if only != "" && c.name != only {
			continue
		}
		known = true
		fmt.Fprintf(os.Stderr, "%6s  %s\n", time.Since(began).Round(time.Second), c.name)
		if err := c.run(ctx); err != nil {
			return fmt.Errorf("case %s: %w", c.name, err)
		}
		highest = max(highest, load())
	}
	if !known {
		return fmt.Errorf("no case is named %q", only)
	}
	b.page.took = time.Since(began)
	b.page.note(loadNote(highest))
	if err := os.WriteFile(out, b.page.render(), 0o644); err != nil {
		return fmt.Errorf("writing the results: %w", err)
	}
	fmt.Fprintln(os.Stderr, "written to", out)
	return nil
}

// setUp builds what is measured and installs the peers.
func setUp(ctx context.Context) (*bench, error) {
	root, err := filepath.Abs(workDir)
	if err != nil {
		return nil, err
	}
	b := &bench{
		bin: filepath.Join(root, "bin", "bulkdemerge"), bare: filepath.Join(root, "bin", "bareloop"),
		peers: filepath.Join(root, "peers"), scratch: filepath.Join(root, "scratch"),
	}
	for _, dir := range []string{filepath.Join(root, "data"), filepath.Join(root, "home"), b.peers} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, fmt.Errorf("making a folder: %w", err)
		}
	}
	for bin, pkg := range map[string]string{b.bin: "./cmd/bulkdemerge", b.bare: "./bench/bareloop"} {
		if err := runQuietly(ctx, ".", "go", "build", "-trimpath", "-o", bin, pkg); err != nil {
			return nil, err
		}
	}
	if err := copyPeers(b.peers); err != nil {
		return nil, err
	}
	b.senders = b.installPeers(ctx)
	return b, nil
}

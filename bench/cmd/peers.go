//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// tool is something that sends the identities of a file.
type tool struct {
	name string
	// command sends file to the API at url; dir is its own, kept when it is
	// started again after a kill.
	command func(url, file, dir string) command
	said    func(u usage, dir string) (result, error)
	missing string // why it can't be run; empty if it can
}

// result is what a tool says about its run.
type result struct {
	Done, Failed int64   // identities
	Seconds      float64 // what it takes for its time, if that is not the process's
}

// The senders' places in bench.senders.
const (
	bareLoop = iota
	ours
	pythonScript
	nodeScript
	akFetch
)

// copyPeers copies the peers into the ignored folder.
func copyPeers(to string) error {
	const from = "bench/peers"
	files, err := os.ReadDir(from)
	if err != nil {
		return fmt.Errorf("copying the peers: %w", err)
	}
	for _, f := range files {
		content, err := os.ReadFile(filepath.Join(from, f.Name()))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, f.Name()), content, 0o644)
		}
		if err != nil {
			return fmt.Errorf("copying the peers: %w", err)
		}
	}
	return nil
}

// installPeers installs what the peers need. One that can't be had says why in
// the table.
func (b *bench) installPeers(ctx context.Context) []tool {
	tools := []tool{
		bareLoop: {name: "bare loop", command: b.plain(b.bare), said: printed},
		ours:     {name: "**bulkdemerge run**", command: b.run, said: summarized},
		pythonScript: {
			name: "Python: requests, pool of 3, Retry", said: printed,
			command: b.plain("python3", filepath.Join(b.peers, "script.py")),
			missing: b.tried(ctx, "python3", "-c", "import requests"),
		},
		nodeScript: {
			name: "Node: csv-parser, p-limit(3), fetch", said: printed,
			command: b.plain("node", filepath.Join(b.peers, "script.mjs")),
		},
		akFetch: {
			name: "ak-fetch 2.0.12", said: printed,
			command: b.plain("node", filepath.Join(b.peers, "akfetch.mjs")),
		},
	}
	npm := b.tried(ctx, "npm", "install", "--no-audit", "--no-fund")
	tools[nodeScript].missing, tools[akFetch].missing = npm, npm
	return tools
}

// tried runs a command in the peers' folder and returns why it failed.
func (b *bench) tried(ctx context.Context, name string, args ...string) string {
	if _, err := exec.LookPath(name); err != nil {
		return name + " is not installed"
	}
	if err := runQuietly(ctx, b.peers, name, args...); err != nil {
		return err.Error()
	}
	return ""
}

// plain is a command that takes URL and FILE.
func (b *bench) plain(name string, args ...string) func(url, file, dir string) command {
	return func(url, file, _ string) command {
		// ak-fetch reads ./package.json of wherever it is started.
		return command{name: name, args: append(args[:len(args):len(args)], url, file), dir: b.peers}
	}
}

// run is bulkdemerge with everything on; flags are added to it.
func (b *bench) run(url, file, dir string) command {
	return command{
		name: b.bin, dir: b.scratch,
		args: []string{"run", "--endpoint", url, "--yes", "--progress", "none", "--quiet", "--out", dir, file},
		env:  b.env(),
	}
}

// env has the credentials, and no settings of whoever measures.
func (b *bench) env() []string {
	home := filepath.Join(filepath.Dir(b.scratch), "home")
	return []string{"HOME=" + home, "XDG_CONFIG_HOME=" + home, "CLEVERTAP_ACCOUNT_ID=BENCH", "CLEVERTAP_PASSCODE=bench"}
}

// printed reads the JSON line that a peer ends with.
func printed(u usage, _ string) (result, error) {
	var r result
	if err := json.Unmarshal(u.out, &r); err != nil {
		return r, fmt.Errorf("it printed no result (exit %d): %s", u.exit, lastLine(u.out))
	}
	return r, nil
}

// summarized reads bulkdemerge's summary.
func summarized(u usage, dir string) (result, error) {
	b, err := os.ReadFile(filepath.Join(dir, "summary.json"))
	if err != nil {
		return result{}, errors.Join(err, errors.New(lastLine(u.out)))
	}
	var sum struct {
		Counts struct{ Accepted, Rejected, Failed int64 }
	}
	if err := json.Unmarshal(b, &sum); err != nil {
		return result{}, fmt.Errorf("reading its summary: %w", err)
	}
	return result{Done: sum.Counts.Accepted, Failed: sum.Counts.Rejected + sum.Counts.Failed}, nil
}

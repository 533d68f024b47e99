package report

import "time"

// SummaryVersion is the version of summary.json that this package writes.
const SummaryVersion = 1

// The states of a run.
const (
	StateRunning  = "running"  // a process holds its lock
	StateFinished = "finished" // every record has its row
	StateStopped  = "stopped"  // ended early and cleanly: the same command goes on
	StateDied     = "died"     // ended without a word: the same command goes on
)

// Stop says why a run stopped early.
type Stop struct {
	Kind    string `json:"kind"`    // one word for scripts, such as signal, limit, credentials
	Message string `json:"message"` // one sentence for people
	Hint    string `json:"hint,omitempty"`
}

// Place is a record's place in the input.
type Place struct {
	Source string `json:"source"`
	Line   int64  `json:"line"` // 1-based
}

// Summary is what a run came to: summary.json, the last lines on the terminal,
// and the head of the page. It holds no identity.
type Summary struct {
	Version int      `json:"version"` // of this format: SummaryVersion
	Program string   `json:"program"` // its name and version
	RunID   string   `json:"run_id"`
	Inputs  []string `json:"inputs"`
	Account string   `json:"account,omitempty"`
	Host    string   `json:"host,omitempty"`
	Sandbox bool     `json:"sandbox"` // the other side was simulated: nobody was demerged

	State    string `json:"state"`
	Stop     *Stop  `json:"stop_reason,omitempty"` // nil unless stopped
	ExitCode int    `json:"exit_code"`

	Records  int64  `json:"records"` // settled so far: the sum of Counts
	Counts   Counts `json:"counts"`
	Requests int64  `json:"requests"` // of all starts, retries included
	Retries  int64  `json:"retries"`
	Starts   int    `json:"starts"` // how often the run was started, this start included

	StartedAt    time.Time `json:"started_at"`        // this start
	EndedAt      time.Time `json:"ended_at,omitzero"` // zero while it runs
	Seconds      float64   `json:"elapsed_seconds"`   // this start
	TotalSeconds float64   `json:"total_seconds"`     // all starts
	Rate         float64   `json:"rate"`              // accepted a second, this start

	Resume  *Place   `json:"resume,omitempty"` // the first record that is not settled; nil if all are
	Reasons []Reason `json:"reasons"`
	Report  string   `json:"report"`         // path of report.csv
	Next    string   `json:"next,omitempty"` // the command to type next
}

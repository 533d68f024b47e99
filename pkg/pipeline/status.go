package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"syscall"
	"time"

	"github.com/bulkdemerge/bulkdemerge/internal/vfs"
	"github.com/bulkdemerge/bulkdemerge/pkg/checkpoint"
	"github.com/bulkdemerge/bulkdemerge/pkg/report"
)

// Status is how far a run is, running or not.
type Status struct {
	report.Summary
	PID int `json:"pid,omitempty"` // of the process that runs it
	// ExitCode is the summary's; nil, and not there, while it runs.
	ExitCode *int `json:"exit_code,omitempty"`
	// Progress is the share of the input before the first record that is not
	// settled, 0 to 1; nil where it can't be told, as of streams.
	Progress *float64 `json:"progress,omitempty"`
	Retry    *Part    `json:"retry,omitempty"`
	Dir      string   `json:"dir"`
}

// Part is a retry that is not finished.
type Part struct {
	Settled int64         `json:"settled"` // rows that have a newer outcome
	Counts  report.Counts `json:"counts"`  // of these; the report has them from the retry's next stop on
	Damage  string        `json:"damage,omitempty"`
}

// Look reads a run directory, also beside a running run, and changes nothing.
// samples, if not nil, sees what happened between each two syncs.
func Look(dir string, samples func(report.Sample)) (Status, error) {
	held, who, err := running(dir)
	if err != nil && !isNoRun(err) {
		return Status{}, usage(err)
	}
	return look(dir, held, who, samples)
}

// look is Look where it is known whether a process holds the run.
func look(dir string, held bool, who holder, samples func(report.Sample)) (Status, error) {
	fsys := vfs.OS{}
	var sent traffic
	var recent []report.Sample
	v, err := checkpoint.Look(fsys, dir, report.Header(), func(at time.Time, words json.RawMessage) {
		sent.add(at, words)
		var s report.Sample
		if len(words) == 0 || json.Unmarshal(words, &s) != nil {
			return
		}
		recent = append(recent, s)[max(0, len(recent)-recentSamples):]
		if samples != nil {
			samples(s)
		}
	})
	if isNoRun(err) {
		return Status{}, usage(noRun(dir))
	}
	if err != nil {
		return Status{}, usage(err)
	}
	var names []string
	for _, src := range v.Start.Sources {
		names = append(names, src.Name)
	}
	st := Status{Summary: summarize(v, names, dir), Dir: dir}
	st.Requests, st.Retries = sent.Requests, sent.Retries
	st.Account = v.Header.Pinned["--account-id"]
	st.Progress = progress(v)
	st.Retry = lookPart(fsys, filepath.Join(dir, partDir))
	st.state(v, held, who)
	if held {
		st.Rate = rate(recent, v.Start.At)
	} else {
		st.ExitCode = &st.Summary.ExitCode
	}
	return st, nil
}

// recentSamples are as many samples as the rate of a run under way is told
// from, of about a second each.
const recentSamples = 30

// rate is the identities accepted a second in those samples that a start has
// left.
func rate(samples []report.Sample, start time.Time) float64 {
	var accepted, seconds float64
	for _, s := range samples {
		if !s.At.Before(start) {
			accepted += float64(s.Accepted)
			seconds += s.Seconds
		}
	}
	if seconds <= 0 {
		return 0
	}
	return accepted / seconds
}

// progress is the share of the input that is whole.
func progress(v checkpoint.View) *float64 {
	if len(v.Start.Sources) == 0 {
		return nil // nothing was taken up yet
	}
	whole, total := v.End.Offset, int64(0)
	for i, src := range v.Start.Sources {
		if !src.Seekable {
			return nil
		}
		if i < v.End.Source {
			whole += src.Size
		}
		total += src.Size
	}
	share := 1.0
	if total > 0 && !v.Finished {
		share = min(1, float64(whole)/float64(total))
	}
	return &share
}

// state says whether the run runs, and how it ended if it does not.
func (st *Status) state(v checkpoint.View, held bool, who holder) {
	var last report.Summary
	said := readSummary(vfs.OS{}, st.Dir, &last) && last.RunID == st.RunID
	switch {
	case held:
		st.State, st.PID = report.StateRunning, who.PID
		st.Seconds = time.Since(v.Start.At).Seconds()
		st.TotalSeconds += max(0, time.Since(v.LastAt).Seconds())
	case said && last.Records == st.Records && last.Counts == st.Counts && last.Starts == st.Starts:
		keep := *st
		st.Summary = last
		st.Reasons, st.Report = keep.Reasons, keep.Report
		// A start that was stopped by its disk has left no mark of its last ones.
		st.Requests, st.Retries = max(last.Requests, keep.Requests), max(last.Retries, keep.Retries)
		if len(keep.Inputs) > 0 {
			st.Inputs = keep.Inputs // as the journal has them
		}
	case v.Finished:
		st.State, st.Summary.ExitCode = report.StateFinished, finishedCode(v.Counts)
	default:
		st.State, st.Next = report.StateDied, v.Start.Command
		st.Summary.ExitCode = ExitStopped
	}
	if said {
		st.Sandbox, st.Host = last.Sandbox, last.Host
	}
}

func readSummary(fsys vfs.FS, dir string, sum *report.Summary) bool {
	f, err := fsys.Open(filepath.Join(dir, SummaryFile))
	if err != nil {
		return false
	}
	defer f.Close()
	return json.NewDecoder(f).Decode(sum) == nil
}

// OwnFiles are the files of a run directory that a run rests on.
func OwnFiles(dir string) []string {
	var list []string
	for _, folder := range []string{dir, filepath.Join(dir, partDir)} {
		for _, name := range []string{checkpoint.JournalFile, checkpoint.ReportFile, checkpoint.CheckpointFile, SummaryFile, LockFile, selectionFile} {
			list = append(list, filepath.Join(folder, name))
		}
	}
	return list
}

// isNoRun tells the errors of a place that is no run directory: an empty one,
// none, or a file.
func isNoRun(err error) bool {
	return errors.Is(err, checkpoint.ErrNoRun) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// lookPart is the retry that is not finished, nil if there is none. Where it is
// damaged the run itself is whole.
func lookPart(fsys vfs.FS, dir string) *Part {
	if _, err := fsys.Size(filepath.Join(dir, selectionFile)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	v, err := checkpoint.Look(fsys, dir, report.Header(), nil)
	switch {
	case errors.Is(err, checkpoint.ErrNoRun):
		return &Part{}
	case err != nil:
		return &Part{Damage: err.Error()}
	}
	return &Part{Settled: v.Records, Counts: report.Counts(v.Counts)}
}

// Rows reads the rows of a run's report that hold, in the order in which they
// were settled.
func Rows(dir string, each func(*report.Raw) error) error {
	v, err := checkpoint.Look(vfs.OS{}, dir, report.Header(), nil)
	if err != nil {
		if isNoRun(err) {
			err = noRun(dir)
		}
		return usage(err)
	}
	f, err := vfs.OS{}.Open(filepath.Join(dir, checkpoint.ReportFile))
	if err != nil {
		return usage(fmt.Errorf("opening the report: %w", err))
	}
	defer f.Close()
	return usage(report.ScanRaw(io.LimitReader(f, v.ReportLen), each))
}

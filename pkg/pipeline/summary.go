package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/bulkdemerge/bulkdemerge/internal/hint"
	"github.com/bulkdemerge/bulkdemerge/pkg/checkpoint"
	"github.com/bulkdemerge/bulkdemerge/pkg/reader"
	"github.com/bulkdemerge/bulkdemerge/pkg/report"
	"github.com/bulkdemerge/bulkdemerge/pkg/sender"
)

// SummaryFile is the summary in a run directory.
const SummaryFile = "summary.json"

func encodeSummary(sum report.Summary) ([]byte, error) {
	b, err := json.MarshalIndent(sum, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding the summary: %w", err)
	}
	return append(b, '\n'), nil
}

// summary says what this start came to; err is why it ended early, nil if it
// did not.
func (r *run) summary(err error) report.Summary {
	v := r.store.View()
	st := r.sample.stats()
	now := r.o.Now()
	sum := summarize(v, r.names, r.o.Dir)
	sum.Program, sum.Account, sum.Host, sum.Sandbox = r.o.Tool, r.o.Sender.AccountID, r.o.Host, r.o.Sandbox
	sum.StartedAt, sum.EndedAt = r.started.UTC(), now.UTC()
	sum.Seconds = now.Sub(r.started).Seconds()
	sum.TotalSeconds = v.Elapsed.Seconds() + sum.Seconds
	if sum.Seconds > 0 {
		sum.Rate = float64(v.Counts.Accepted-r.before.Counts.Accepted) / sum.Seconds
	}
	sum.Requests, sum.Retries = r.past.Requests+st.Requests, r.past.Retries+st.Retries
	if err == nil {
		sum.State, sum.ExitCode = report.StateFinished, finishedCode(v.Counts)
		sum.Next = r.o.nextAfter(v.Counts)
		return sum
	}
	sum.State, sum.ExitCode, sum.Next = report.StateStopped, ExitStopped, r.o.Command
	sum.Stop = r.stopped(err)
	if sum.Stop.Kind == StopLimit && r.o.RestCommand != "" {
		sum.Next = r.o.RestCommand
	}
	var damage *reader.DamageError
	if errors.As(err, &damage) {
		sum.ExitCode = ExitDamaged
	}
	return sum
}

// summarize is the part of a summary that the run directory alone tells.
func summarize(v checkpoint.View, names []string, dir string) report.Summary {
	sum := report.Summary{
		Version: report.SummaryVersion, Program: v.Start.Tool, RunID: v.Header.RunID, Inputs: names, Host: v.Start.Host,
		Records: v.Records, Counts: report.Counts(v.Counts), Starts: v.Starts,
		StartedAt: v.Start.At, TotalSeconds: v.Elapsed.Seconds(), Report: filepath.Join(dir, checkpoint.ReportFile),
	}
	sum.Reasons = []report.Reason{} // a list for scripts, also where it is empty
	for _, t := range v.Tallies {
		sum.Reasons = append(sum.Reasons, report.Reason(t))
	}
	if !v.Finished && v.End.Source < len(names) {
		sum.Resume = &report.Place{Source: names[v.End.Source], Line: v.End.Line + 1}
	}
	return sum
}

func finishedCode(c checkpoint.Counts) int {
	if c.Rejected+c.Failed+c.Invalid > 0 {
		return ExitSome
	}
	return ExitDone
}

// nextAfter is what a person would type after a finished run.
func (o *Options) nextAfter(c checkpoint.Counts) string {
	if c.Failed > 0 {
		return o.RetryCommand
	}
	return o.ReportCommand
}

// stopped puts an error into the summary's words.
func (r *run) stopped(err error) *report.Stop {
	var (
		stop   *Stop
		api    *sender.StopError
		damage *reader.DamageError
		write  *checkpoint.WriteError
	)
	switch {
	case errors.As(err, &write):
		return &report.Stop{Kind: StopDisk, Message: write.Error(), Hint: write.Hint()}
	case errors.As(err, &stop):
		return &stop.Stop
	case errors.As(err, &api):
		return &report.Stop{Kind: api.Kind.String(), Message: api.Error(), Hint: api.Hint}
	case errors.As(err, &damage):
		return &report.Stop{Kind: "damaged-input", Message: damage.Error(), Hint: hint.Of(damage)}
	}
	return &report.Stop{Kind: "error", Message: err.Error(), Hint: hint.Of(err)}
}

// Snapshot is how a run under way stands.
type Snapshot struct {
	Read, Total int64 // bytes of the input as stored; Total -1: not known; Read counts what was taken up
	Counts      checkpoint.Counts
	Before      checkpoint.Counts // what earlier starts settled
	Stats       sender.Stats
	Phase       string
	Started     time.Time
}

// Snapshot may be called from another goroutine than Run's.
func (s *Session) Snapshot() Snapshot {
	snap := Snapshot{Total: -1, Phase: "checking what is done"}
	if s.fresh {
		snap.Phase = "starting"
	}
	r := s.run.Load()
	if r == nil {
		return snap
	}
	snap.Read, snap.Total = s.input.Progress()
	if taken := r.taken.Load(); taken >= 0 {
		snap.Read = taken // what was read ahead is not done
	}
	snap.Counts, snap.Before, snap.Stats, snap.Started = s.store.Counts(), r.before.Counts, s.sender.Stats(), r.started
	if phase := r.phase.Load(); phase != phaseChecking {
		snap.Phase = [...]string{phaseSending: "sending", phaseStopping: "stopping"}[phase]
	}
	return snap
}

//go:build browser

package browser

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/bulkdemerge/bulkdemerge/pkg/report"
)

// started is the run's first start, fixed so that pictures can be compared.
func started() time.Time { return time.Date(2026, 3, 4, 21, 15, 0, 0, time.UTC) }

// longRun is a run of a million records with what happens on the way: two
// starts, a slow stretch with 503s, some 429s, dirt in the file.
func longRun() report.PageData {
	r := rand.New(rand.NewPCG(7, 7))
	d := report.PageData{Summary: report.Summary{
		Version: report.SummaryVersion, Program: "bulkdemerge 1.4.0", RunID: "20260304-211500-7f3a",
		Inputs: []string{"exports/wrongly-merged-profiles-2026-03.csv"}, Account: "ABC-123-4DE", Host: "in1.api.clevertap.com",
		State: report.StateFinished, ExitCode: 1, Starts: 2,
		StartedAt: started(), EndedAt: started().Add(401 * time.Second), Seconds: 401, TotalSeconds: 401,
		Report: "exports/wrongly-merged-profiles-2026-03.csv.demerge/report.csv",
		Next:   "bulkdemerge retry exports/wrongly-merged-profiles-2026-03.csv.demerge",
	}}
	s := &d.Summary
	for i := range 401 {
		p := report.Sample{At: started().Add(time.Duration(i) * time.Second), Seconds: 1, Answers: map[string]int64{}}
		ms := 95 + 10*math.Sin(float64(i)/40)
		batches := int64(27 + r.IntN(5))
		if i > 180 && i < 215 {
			ms, batches = 700, int64(2+r.IntN(3))
			p.Answers[report.AnswerError] = int64(4 + r.IntN(6))
			p.Answers[report.AnswerNone] = int64(r.IntN(2))
		}
		if r.IntN(6) == 0 {
			p.Answers[report.Answer429] = int64(1 + r.IntN(3))
		}
		if r.IntN(40) == 0 {
			p.Answers[report.AnswerGarbage]++
		}
		for range batches {
			p.Latency.Add(time.Duration(ms*(0.7+0.6*r.Float64()+0.05*r.ExpFloat64())*1e3) * time.Microsecond)
		}
		p.Answers[report.AnswerAccepted] = batches
		p.Accepted = batches * 100
		s.Counts.Accepted += p.Accepted
		for kind, n := range p.Answers {
			s.Requests += n
			if kind != report.AnswerAccepted {
				s.Retries += n
			}
		}
		d.Samples = append(d.Samples, p)
	}
	addRows(&d)
	s.Counts.Rejected, s.Counts.Failed, s.Counts.Invalid, s.Counts.Duplicate, s.Counts.Skipped = 22, 300, 1278, 9512, 41
	s.Records = s.Counts.Records()
	s.Rate = float64(s.Counts.Accepted) / s.Seconds
	s.Reasons = []report.Reason{
		{Status: "invalid", Reason: "empty", Count: 1130},
		{Status: "failed", Reason: "HTTP 503: Service Unavailable", Count: 300},
		{Status: "invalid", Reason: "broken quoting", Count: 103},
		{Status: "invalid", Reason: "not valid UTF-8", Count: 45},
		{Status: "rejected", Reason: "No profile found for identity «identity», it may have been deleted or never existed in this account", Code: 523, Count: 20},
		{Status: "rejected", Reason: "Invalid objectId", Code: 526, Count: 2},
	}
	d.Total = s.Counts.NeedPerson()
	return d
}

func addRows(d *report.PageData) {
	for i := range report.MaxPageRows {
		row := report.Row{
			Identity: fmt.Sprintf("client-%08d", 19827239+i*37), Status: report.StatusInvalid, Reason: "broken quoting",
			Batch: int64(i), Source: d.Summary.Inputs[0], Line: int64(100 + i*973), SettledAt: started().Add(time.Duration(i) * 300 * time.Millisecond),
		}
		switch i % 7 {
		case 1:
			row.Identity, row.Reason = "", "empty"
		case 2:
			row.Status, row.Code, row.HTTPStatus, row.Attempts = report.StatusRejected, 523, 200, 2
			row.Identity = fmt.Sprintf("zoë.%d@example.com", i)
			row.Reason = "No profile found for identity " + row.Identity + ", it may have been deleted or never existed in this account"
		case 3:
			row.Status, row.HTTPStatus, row.Attempts, row.Reason = report.StatusFailed, 503, 8, "HTTP 503: Service Unavailable"
		case 4:
			row.Identity, row.Reason = `<script>alert("x")</script>&\xFF`+fmt.Sprint(i), "not valid UTF-8"
		}
		d.Rows = append(d.Rows, row)
	}
	d.Rows[9].Identity = fmt.Sprintf("%0300d", 9)
}

// cleanRun went through without a word.
func cleanRun() report.PageData {
	d := longRun()
	d.Rows, d.Total = nil, 0
	d.Summary.Counts = report.Counts{Accepted: 200_000}
	d.Summary.ExitCode, d.Summary.Starts, d.Summary.Sandbox = 0, 1, true
	d.Summary.Account, d.Summary.Host, d.Summary.Reasons, d.Summary.Next = "SANDBOX", "127.0.0.1:41234", nil, ""
	d.Samples = d.Samples[:60]
	return d
}

// stoppedRun hit the wall at once: no samples, nothing accepted.
func stoppedRun() report.PageData {
	return report.PageData{Summary: report.Summary{
		Version: report.SummaryVersion, Program: "bulkdemerge 1.4.0", Inputs: []string{"ids.csv"}, Account: "ABC-123-4DE", Host: "eu1.api.clevertap.com",
		State: report.StateStopped, ExitCode: 3, StartedAt: started(), EndedAt: started().Add(time.Second), Seconds: 1, TotalSeconds: 1, Starts: 1, Requests: 1,
		Stop: &report.Stop{
			Kind: "credentials", Message: "the API answered 401 to the first request",
			Hint: "check the passcode and the region: the wrong region's host answers as if the passcode were wrong",
		},
		Resume: &report.Place{Source: "ids.csv", Line: 2}, Report: "ids.csv.demerge/report.csv", Next: "bulkdemerge run ids.csv",
	}}
}

package main

import (
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bulkdemerge/bulkdemerge/internal/hint"
	"github.com/bulkdemerge/bulkdemerge/internal/sandbox"
	"github.com/bulkdemerge/bulkdemerge/internal/settings"
	"github.com/bulkdemerge/bulkdemerge/internal/ui"
	"github.com/bulkdemerge/bulkdemerge/pkg/batcher"
	"github.com/bulkdemerge/bulkdemerge/pkg/pipeline"
	"github.com/bulkdemerge/bulkdemerge/pkg/reader"
	"github.com/bulkdemerge/bulkdemerge/pkg/sender"
)

// inputFlags say how files are read and cut: all of them are pinned for the
// life of a run.
type inputFlags struct {
	format, encoding *settings.Enum
	column, field    string
	delimiter        settings.Delimiter
	noHeader         bool
	trim, dedupe     bool
	skip             []string
	batchSize        int
}

func (f *inputFlags) add(fs *pflag.FlagSet) {
	f.format = settings.NewEnum(reader.FormatAuto, reader.FormatAuto, reader.FormatCSV, reader.FormatNDJSON, reader.FormatText)
	f.encoding = settings.NewEnum(reader.EncodingAuto, reader.EncodingAuto, reader.EncodingUTF8, reader.EncodingUTF16, reader.EncodingWin1252)
	fs.Var(f.format, "format", "how the input is written")
	fs.StringVar(&f.column, "column", "", "CSV: the identity's column, by `NAME|N`, counted from 1; several, comma-separated: the first that is not empty")
	fs.StringVar(&f.field, "field", "", "NDJSON: the identity's field, `a.b.c` for nested ones (default identity)")
	fs.Var(&f.delimiter, "delimiter", "CSV: , ; | or tab (default: told from the first line)")
	fs.BoolVar(&f.noHeader, "no-header", false, "CSV: the first line is a record")
	fs.Var(f.encoding, "encoding", "of the input")
	fs.BoolVar(&f.trim, "trim", true, "cut white space off both ends of identities")
	fs.StringArrayVar(&f.skip, "skip", nil, "identity that is not to be sent, a `VALUE` such as unknown (repeatable)")
	fs.IntVar(&f.batchSize, "batch-size", batcher.MaxBatchSize, "identities in a request, 1 to 100")
	fs.BoolVar(&f.dedupe, "dedupe", true, "send each identity once; 24 bytes of memory for each")
}

func (f *inputFlags) reader(stdin *os.File) reader.Options {
	return reader.Options{
		Format: f.format.String(), Column: f.column, Field: f.field, Delimiter: byte(f.delimiter),
		NoHeader: f.noHeader, Encoding: f.encoding.String(), Stdin: stdin, Trim: f.trim,
	}
}

func (f *inputFlags) batcher() (batcher.Options, error) {
	if f.batchSize < 1 || f.batchSize > batcher.MaxBatchSize {
		return batcher.Options{}, hint.New(fmt.Sprintf("--batch-size %d is out of range", f.batchSize), "the API takes 1 to 100 identities in a request")
	}
	return batcher.Options{BatchSize: f.batchSize, Trim: f.trim, Skip: f.skip, Dedupe: f.dedupe}, nil
}

// pinned is what may not change between the starts of a run.
func (f *inputFlags) pinned() map[string]string {
	return map[string]string{
		"--format": f.format.String(), "--column": f.column, "--field": f.field, "--delimiter": f.delimiter.String(),
		"--no-header": fmt.Sprint(f.noHeader), "--encoding": f.encoding.String(), "--trim": fmt.Sprint(f.trim),
		"--skip": strings.Join(f.skip, "\n"), "--batch-size": fmt.Sprint(f.batchSize), "--dedupe": fmt.Sprint(f.dedupe),
	}
}

// targetFlags say whom a run sends to.
type targetFlags struct {
	region               *settings.Enum
	endpoint, account    string
	passcodeFile, caFile string
	sandbox              bool
	sandboxLatency       time.Duration
}

func (f *targetFlags) add(fs *pflag.FlagSet) {
	f.region = settings.NewEnum("", sender.Regions()...)
	fs.Var(f.region, "region", "whose API host; there is no default, a wrong one answers 401")
	fs.StringVar(&f.endpoint, "endpoint", "", "`URL` instead of --region: https, or http on loopback; host part only")
	fs.BoolVar(&f.sandbox, "sandbox", false, "send to the simulated API inside this process")
	fs.StringVar(&f.account, "account-id", "", "account (project) `ID`, or CLEVERTAP_ACCOUNT_ID")
	fs.StringVar(&f.passcodeFile, "passcode-file", "", "`FILE` with the passcode, or CLEVERTAP_PASSCODE")
	fs.StringVar(&f.caFile, "ca-file", "", "PEM `FILE` of further authorities to trust (company proxies)")
	fs.DurationVar(&f.sandboxLatency, "sandbox-latency", 25*time.Millisecond, "how long the simulated API takes for an answer")
	_ = fs.MarkHidden("sandbox-latency") // fails only for a flag that is not there
}

// apply puts the target into the sender's options and into the run's.
func (f *targetFlags) apply(cmd *cobra.Command, o *pipeline.Options, environ []string) error {
	s := &o.Sender
	s.AccountID, s.CAFile, s.UserAgent = f.account, f.caFile, "bulkdemerge/"+versionText()
	o.Sandbox = f.sandbox
	if f.sandbox {
		return f.applySandbox(o, onCommandLine(cmd, "account-id"))
	}
	var err error
	switch {
	case f.endpoint != "":
		s.Endpoint = f.endpoint
	case f.region.String() != "":
		s.Endpoint, err = sender.RegionURL(f.region.String())
	default:
		err = hint.New("no region given", "say whose host it is: --region "+strings.Join(sender.Regions(), "|")+", or try --sandbox")
	}
	if err != nil {
		return err
	}
	if s.AccountID == "" {
		return hint.New("no account id given", "use --account-id ID or CLEVERTAP_ACCOUNT_ID")
	}
	if s.Passcode, err = settings.Passcode(f.passcodeFile, environ); err != nil {
		return err
	}
	if u, err := url.Parse(s.Endpoint); err == nil {
		o.Host, o.Loopback = u.Host, sender.IsLoopback(u.Hostname())
	}
	return nil
}

// applySandbox is apply for a trial. Its account counts only if it was named for
// it: one that the environment has for real runs would be another one tomorrow,
// and the run's account may not change.
func (f *targetFlags) applySandbox(o *pipeline.Options, named bool) error {
	if f.endpoint != "" || f.region.String() != "" {
		return hint.New("--sandbox sends to nobody, --region and --endpoint name somebody", "use one of them")
	}
	s := &o.Sender
	if !named {
		s.AccountID = "SANDBOX"
	}
	s.Endpoint, s.Passcode = "http://127.0.0.1", "sandbox"
	s.Transport = sandbox.New(sandbox.Options{Latency: f.sandboxLatency, Jitter: f.sandboxLatency / 5}).Transport()
	o.Host, o.Loopback = "sandbox", true
	return nil
}

// sendFlags say how fast, how long and how stubbornly.
type sendFlags struct {
	concurrency, maxAttempts int
	rate                     float64
	timeout, maxOutage       time.Duration
	keepGoing                bool
	maxDuration              time.Duration
	stopAt                   settings.Clock
	limit                    int64
	maxFailures              settings.Share
}

func (f *sendFlags) add(fs *pflag.FlagSet) {
	fs.Int64Var(&f.limit, "limit", 0, "send at most so many identities this time, then stop; the same command goes on")
	fs.IntVar(&f.concurrency, "concurrency", sender.DefaultConcurrency, "requests at once; the API takes 3 for an account")
	fs.Float64Var(&f.rate, "rate", 0, "requests a second at most")
	fs.DurationVar(&f.timeout, "timeout", sender.DefaultTimeout, "for each request, like 30s")
	fs.IntVar(&f.maxAttempts, "max-attempts", sender.DefaultMaxAttempts, "requests for a batch before it has failed, 429s not counted")
	fs.Var(&f.maxFailures, "max-failures", "stop when more than N records, or P% of those settled, are rejected or failed")
	fs.BoolVar(&f.keepGoing, "keep-going", false, "never stop because everything is refused")
	fs.DurationVar(&f.maxDuration, "max-duration", 0, "stop after so long, like 2h; the same command goes on")
	fs.Var(&f.stopAt, "stop-at", "stop at that time, local; the same command goes on")
	fs.DurationVar(&f.maxOutage, "max-outage", sender.DefaultMaxOutage, "stop when the API is down for so long")
}

func (f *sendFlags) apply(o *pipeline.Options, now time.Time) error {
	s := &o.Sender
	s.Concurrency, s.Rate, s.Timeout, s.MaxAttempts = f.concurrency, f.rate, f.timeout, f.maxAttempts
	s.MaxOutage, s.KeepGoing = f.maxOutage, f.keepGoing
	for _, bound := range []struct {
		bad         bool
		name, takes string
	}{
		{f.concurrency < 1, "--concurrency", "a number from 1 on"},
		{f.maxAttempts < 1, "--max-attempts", "a number from 1 on"},
		{f.timeout <= 0, "--timeout", "a time above 0, like 30s"},
		{f.maxOutage <= 0, "--max-outage", "a time above 0, like 15m"},
		{f.limit < 0, "--limit", "a number from 1 on; 0 for no limit"},
		{f.rate < 0, "--rate", "a number above 0; 0 for no limit"},
		{f.maxDuration < 0, "--max-duration", "a time above 0, like 2h; 0 for no limit"},
	} {
		if bound.bad {
			return hint.New(bound.name+" is out of range", "it takes "+bound.takes)
		}
	}
	o.Limit = f.limit
	if f.maxFailures.Given {
		o.MaxFailures = f.maxFailures
	}
	if f.maxDuration > 0 {
		o.Deadlines = append(o.Deadlines, pipeline.Deadline{At: now.Add(f.maxDuration), Flag: "--max-duration " + f.maxDuration.String()})
	}
	if f.stopAt.Given {
		o.Deadlines = append(o.Deadlines, pipeline.Deadline{At: f.stopAt.Next(now), Flag: "--stop-at " + f.stopAt.String()})
	}
	return nil
}

// showFlags say what is shown meanwhile.
type showFlags struct {
	progress, logFormat *settings.Enum
	quiet               bool
}

func (f *showFlags) add(fs *pflag.FlagSet) {
	f.progress = settings.NewEnum("auto", "auto", "bar", "log", "none")
	f.logFormat = settings.NewEnum("text", "text", "json")
	fs.Var(f.progress, "progress", "what stderr shows; auto: a bar on a terminal, else a log")
	fs.Var(f.logFormat, "log-format", "of the log, warnings and errors")
	fs.BoolVar(&f.quiet, "quiet", false, "errors and warnings only")
}

// resolve fills the flags that are not on the command line from environment
// and config file, and prints what it warns of.
func (a *app) resolve(cmd *cobra.Command) (*settings.Resolved, error) {
	a.readLogFormat(cmd)
	var known []string
	for _, c := range cmd.Root().Commands() {
		c.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
	}
	r, err := settings.Resolve(cmd.Flags(), settings.Options{
		Environ: a.environ, DefaultConfig: settings.DefaultConfig(), Known: known,
		Paths: []string{"passcode-file", "ca-file", "out"},
		OneOf: [][]string{{"region", "endpoint", "sandbox"}},
	})
	if err != nil {
		return nil, err
	}
	a.readLogFormat(cmd)
	for _, w := range r.Warnings {
		a.warn(w)
	}
	if f := cmd.Flags().Lookup("restart"); f != nil && f.Value.String() == "true" && r.Origin("restart") != "flag" {
		a.warn("restart is set by " + r.Origin("restart") + ": every start begins the run anew and sends everybody again")
	}
	return r, nil
}

// readLogFormat takes over --log-format as far as it is known: an error on the
// way to knowing the settings is to be JSON too.
func (a *app) readLogFormat(cmd *cobra.Command) {
	f := cmd.Flags().Lookup("log-format")
	if f == nil {
		return
	}
	a.logFormat = f.Value.String()
	if twin := a.env("BULKDEMERGE_LOG_FORMAT"); !f.Changed && twin != "" {
		a.logFormat = strings.ToLower(twin)
	}
}

// outDir is the run directory of these inputs.
func outDir(out string, inputs []string, sandboxed bool) (string, error) {
	if out != "" {
		return filepath.Clean(out), nil
	}
	if len(inputs) != 1 || inputs[0] == "-" || isGlob(inputs[0]) {
		return "", hint.New("several files or stdin need a run directory", "say where with --out DIR")
	}
	if sandboxed {
		return filepath.Clean(inputs[0]) + ".sandbox", nil
	}
	return filepath.Clean(inputs[0]) + ".demerge", nil
}

func isGlob(name string) bool {
	_, err := os.Stat(name)
	return err != nil && strings.ContainsAny(name, "*?[")
}

func (a *app) warn(text string) {
	if logs := a.jsonLogs(); logs != nil {
		logs.Warn(text)
		return
	}
	ui.Printer{Err: a.stderr}.Warn(text)
}

func (a *app) info(text string) {
	if logs := a.jsonLogs(); logs != nil {
		logs.Info(text)
		return
	}
	ui.Printer{Err: a.stderr}.Info(text)
}

// jsonLogs is a JSON logger if the command was told to log in JSON: then
// nothing else may stand on stderr.
func (a *app) jsonLogs() *slog.Logger {
	if a.logFormat != "json" {
		return nil
	}
	return ui.NewLogger(a.stderr, "json", slog.LevelInfo)
}

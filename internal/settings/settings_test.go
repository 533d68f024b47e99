package settings_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/bulkdemerge/bulkdemerge/internal/hint"
	"github.com/bulkdemerge/bulkdemerge/internal/settings"
)

// flags is a set like the command's.
func flags(t *testing.T, args ...string) *pflag.FlagSet {
	t.Helper()
	fs := pflag.NewFlagSet("run", pflag.ContinueOnError)
	fs.Var(settings.NewEnum("", "eu", "in1", "sg1", "us1", "aps3", "mec1"), "region", "")
	fs.Var(new(settings.Share), "max-failures", "")
	fs.Var(new(settings.Clock), "stop-at", "")
	fs.Var(new(settings.Delimiter), "delimiter", "")
	fs.String("endpoint", "", "")
	fs.Bool("sandbox", false, "")
	fs.String("account-id", "", "")
	fs.String("passcode-file", "", "")
	fs.String("column", "", "")
	fs.StringArray("skip", nil, "")
	fs.Int("concurrency", 3, "")
	fs.Float64("rate", 0, "")
	fs.Duration("timeout", 30*time.Second, "")
	fs.String("config", "", "")
	fs.String("profile", "", "")
	fs.Bool("help", false, "")
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	return fs
}

func options(config string, environ ...string) settings.Options {
	return settings.Options{
		Environ:       environ,
		DefaultConfig: config,
		Known:         []string{"html", "failed"},
		Paths:         []string{"passcode-file", "ca-file"},
		OneOf:         [][]string{{"region", "endpoint", "sandbox"}},
	}
}

func writeConfig(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func entry(t *testing.T, r *settings.Resolved, name string) settings.Entry {
	t.Helper()
	i := slices.IndexFunc(r.Entries(), func(e settings.Entry) bool { return e.Name == name })
	if i < 0 {
		t.Fatalf("no entry %q", name)
	}
	return r.Entries()[i]
}

const config = `concurrency = 2
region = "eu"
skip = ["N/A", "a,b"]
column = 2
max-failures = "1%"

[prod-india]
region = "in1"
account-id = "FILE-ID"
passcode-file = "pass"
stop-at = 03:45
timeout = "1m"

[trial]
sandbox = true
rate = 2.5
concurrency = 1_0
`

func TestPrecedence(t *testing.T) {
	path := writeConfig(t, config)
	here := filepath.Dir(path)
	tests := []struct {
		test    string
		environ []string
		args    []string
		name    string
		value   string
		origin  string
	}{
		{"default", nil, nil, "rate", "0", "default"},
		{"file", nil, nil, "concurrency", "2", "file " + path + ":1"},
		{"a list in the file", nil, nil, "skip", "N/A, a,b", "file " + path + ":3"},
		{"a number for a text flag", nil, nil, "column", "2", "file " + path + ":4"},
		{"profile over file", nil, []string{"--profile", "prod-india"}, "region", "in1", "file " + path + ":8 [prod-india]"},
		{"a profile leaves the rest", nil, []string{"--profile", "prod-india"}, "concurrency", "2", "file " + path + ":1"},
		{"a bare time", nil, []string{"--profile", "prod-india"}, "stop-at", "03:45", "file " + path + ":11 [prod-india]"},
		{"profile from the environment", []string{"BULKDEMERGE_PROFILE=trial"}, nil, "rate", "2.5", "file " + path + ":16 [trial]"},
		{"underscores in numbers", []string{"BULKDEMERGE_PROFILE=trial"}, nil, "concurrency", "10", "file " + path + ":17 [trial]"},
		{"profile flag over environment", []string{"BULKDEMERGE_PROFILE=trial"}, []string{"--profile=prod-india"}, "rate", "0", "default"},
		{"environment over profile", []string{"BULKDEMERGE_REGION=sg1"}, []string{"--profile=prod-india"}, "region", "sg1", "env BULKDEMERGE_REGION"},
		{"flag over environment", []string{"BULKDEMERGE_REGION=sg1"}, []string{"--region=us1"}, "region", "us1", "flag"},
		{"an empty variable is none", []string{"BULKDEMERGE_CONCURRENCY="}, nil, "concurrency", "2", "file " + path + ":1"},
		{"the later variable counts", []string{"BULKDEMERGE_RATE=1", "BULKDEMERGE_RATE=7"}, nil, "rate", "7", "env BULKDEMERGE_RATE"},
		{"dashes", []string{"BULKDEMERGE_MAX_FAILURES=500"}, nil, "max-failures", "500", "env BULKDEMERGE_MAX_FAILURES"},
		{"one value", []string{"BULKDEMERGE_SKIP=a,b"}, nil, "skip", "a,b", "env BULKDEMERGE_SKIP"},
		{"one value a line", []string{"BULKDEMERGE_SKIP=a\nb\n"}, nil, "skip", "a, b", "env BULKDEMERGE_SKIP"},
		{"flag list over file list", nil, []string{"--skip=x", "--skip=y"}, "skip", "x, y", "flag"},
		{"account of other tools", []string{"CLEVERTAP_ACCOUNT_ID=CT"}, []string{"--profile=prod-india"}, "account-id", "CT", "env CLEVERTAP_ACCOUNT_ID"},
		{"our own account variable wins", []string{"CLEVERTAP_ACCOUNT_ID=CT", "BULKDEMERGE_ACCOUNT_ID=BD"}, nil, "account-id", "BD", "env BULKDEMERGE_ACCOUNT_ID"},
		{"a path beside the file", nil, []string{"--profile=prod-india"}, "passcode-file", filepath.Join(here, "pass"), "file " + path + ":10 [prod-india]"},
		{"passcode variable over file", []string{"CLEVERTAP_PASSCODE=s3cret"}, []string{"--profile=prod-india"}, "passcode-file", "", "default"},
		{"passcode twin over passcode variable", []string{"CLEVERTAP_PASSCODE=s3cret", "BULKDEMERGE_PASSCODE_FILE=p"}, nil, "passcode-file", "p", "env BULKDEMERGE_PASSCODE_FILE"},
		{"passcode is masked", []string{"CLEVERTAP_PASSCODE=s3cret"}, nil, "passcode", "set (CLEVERTAP_PASSCODE)", "env CLEVERTAP_PASSCODE"},
		{"passcode file is told", []string{"CLEVERTAP_PASSCODE=s3cret"}, []string{"--passcode-file=p"}, "passcode", "set (passcode-file)", "flag"},
		{"no passcode", nil, nil, "passcode", "not set", "default"},
		{"an endpoint outdoes a region of the file", nil, []string{"--endpoint=https://x"}, "region", "", "default"},
		{"a sandbox outdoes a region of the file", []string{"BULKDEMERGE_SANDBOX=true"}, nil, "region", "", "default"},
		{"no sandbox outdoes nothing", nil, []string{"--sandbox=false"}, "region", "eu", "file " + path + ":2"},
		{"a profile outdoes the top level", nil, []string{"--profile=trial"}, "region", "", "default"},
	}
	for _, tt := range tests {
		t.Run(tt.test, func(t *testing.T) {
			fs := flags(t, tt.args...)
			r, err := settings.Resolve(fs, options(path, tt.environ...))
			if err != nil {
				t.Fatal(err)
			}
			e := entry(t, r, tt.name)
			if e.Value != tt.value || e.Origin != tt.origin {
				t.Errorf("%s = %q from %q, want %q from %q", tt.name, e.Value, e.Origin, tt.value, tt.origin)
			}
			if got, want := r.Given(tt.name), tt.origin != "default"; got != want {
				t.Errorf("Given(%s) = %v, want %v", tt.name, got, want)
			}
			if f := fs.Lookup(tt.name); f != nil && tt.name != "skip" && f.Value.String() != tt.value {
				t.Errorf("the flag itself is %q", f.Value)
			}
			for _, e := range r.Entries() {
				if strings.Contains(e.Value+e.Origin, "s3cret") {
					t.Errorf("entry %+v shows the passcode", e)
				}
			}
			if len(r.Warnings) > 0 {
				t.Errorf("warnings: %q", r.Warnings)
			}
		})
	}
}

func TestListsReachTheFlag(t *testing.T) {
	fs := flags(t)
	if _, err := settings.Resolve(fs, options(writeConfig(t, config))); err != nil {
		t.Fatal(err)
	}
	got, _ := fs.GetStringArray("skip")
	if want := []string{"N/A", "a,b"}; !slices.Equal(got, want) {
		t.Errorf("skip = %q, want %q", got, want)
	}
}

func TestWhichConfig(t *testing.T) {
	standard, named, other := writeConfig(t, "rate = 1"), writeConfig(t, "rate = 2"), writeConfig(t, "rate = 3")
	tests := []struct {
		test     string
		standard string
		environ  []string
		args     []string
		rate     string
	}{
		{"none", "", nil, nil, "0"},
		{"default place", standard, nil, nil, "1"},
		{"default place, no file", standard + ".none", nil, nil, "0"},
		{"variable", standard, []string{"BULKDEMERGE_CONFIG=" + named}, nil, "2"},
		{"flag", standard, []string{"BULKDEMERGE_CONFIG=" + named}, []string{"--config=" + other}, "3"},
	}
	for _, tt := range tests {
		t.Run(tt.test, func(t *testing.T) {
			r, err := settings.Resolve(flags(t, tt.args...), options(tt.standard, tt.environ...))
			if err != nil {
				t.Fatal(err)
			}
			if got := entry(t, r, "rate").Value; got != tt.rate {
				t.Errorf("rate = %s, want %s (config %s)", got, tt.rate, r.Config)
			}
		})
	}
}

func TestFlagsOfOtherCommands(t *testing.T) {
	path := writeConfig(t, "html = \"page.html\"\nfailed = true\n")
	r, err := settings.Resolve(flags(t), options(path, "BULKDEMERGE_HTML=x"))
	if err != nil || len(r.Warnings) > 0 {
		t.Errorf("err %v, warnings %q", err, r.Warnings)
	}
}

// anyHint stands for a hint whose words are not ours.
const anyHint = "*"

func TestRefusals(t *testing.T) {
	tests := []struct {
		test    string
		config  string
		environ []string
		args    []string
		err     string // FILE stands for the config file's path
		hint    string
	}{
		{"unknown key", "\nregoin = \"eu\"", nil, nil, `FILE:2: unknown setting "regoin"`, "did you mean region?"},
		{"unknown key in another profile", "[a]\nconcurency = 1", nil, nil, `FILE:2: unknown setting "concurency"`, "did you mean concurrency?"},
		{"the first of two", "zzz = 1\nyyy = 2", nil, nil, `FILE:1: unknown setting "zzz"`, ""},
		{"passcode", "[a]\npasscode = \"s3cret\"", nil, nil, "FILE:2: the passcode does not belong in the config file", "write it to a file of its own, name that as passcode-file = \"...\", and delete it here"},
		{"config in config", "config = \"x\"", nil, nil, "FILE:1: config can't be set here", "delete the line"},
		{"profile in profile", "[a]\nprofile = \"a\"", nil, nil, "FILE:2: profile can't be set here", "delete the line"},
		{"not TOML", "rate = 1\nregion = eu\n", nil, nil, "FILE:2: not valid TOML: ", "write settings as name = \"value\", one a line"},
		{"twice", "rate = 1\nrate = 2\n", nil, nil, "FILE:2: not valid TOML: ", "write settings as name = \"value\", one a line"},
		{"dotted key", "prod.rate = 1\n", nil, nil, "FILE:1: prod.rate is neither a setting nor a profile", "a setting is a line like region = \"in1\", a profile a section like [prod]"},
		{"section in section", "[profile.prod]\nrate = 1\n", nil, nil, "FILE:1: profile.prod is neither a setting nor a profile", "a setting is a line like region = \"in1\", a profile a section like [prod]"},
		{"array of sections", "\n[[prod]]\nrate = 1\n", nil, nil, "FILE:2: prod is neither", "a setting is a line like region = \"in1\", a profile a section like [prod]"},
		{"nameless section", "[\"\"]\nrate = 1\n", nil, nil, "FILE:1:  is neither", "a setting is a line like region = \"in1\", a profile a section like [prod]"},
		{"inline table", "rate = { a = 1 }", nil, nil, "FILE:1: rate has a value of a kind that no setting has", "write it as text, like \"in1\""},
		{"list in list", "skip = [[\"a\"]]", nil, nil, "FILE:1: skip has a value of a kind that no setting has", "write it as text, like \"in1\""},
		{"list for one value", "rate = [1]", nil, nil, "FILE:1: rate: takes one value, not a list", ""},
		{"file: not a number", "\n\nconcurrency = \"many\"", nil, nil, `FILE:3: concurrency: "many": not a whole number in range`, "write it in digits, like 3"},
		{"file: too large a number", "concurrency = 99999999999999999999", nil, nil, `FILE:1: `, anyHint},
		{"file: duration without unit", "timeout = 30", nil, nil, `FILE:1: timeout: "30": not a duration`, "write it with its unit, like 30s, 15m or 2h"},
		{"variable: not a number", "", []string{"BULKDEMERGE_CONCURRENCY=many"}, nil, `BULKDEMERGE_CONCURRENCY: "many": not a whole number in range`, "write it in digits, like 3"},
		{"variable: not a float", "", []string{"BULKDEMERGE_RATE=fast"}, nil, `BULKDEMERGE_RATE: "fast": not a number`, "write it like 50 or 2.5"},
		{"variable: not a bool", "", []string{"BULKDEMERGE_SANDBOX=si"}, nil, `BULKDEMERGE_SANDBOX: "si": neither true nor false`, "write true or false"},
		{"variable: region", "", []string{"BULKDEMERGE_REGION=us"}, nil, `BULKDEMERGE_REGION: "us": not one of eu, in1, sg1, us1, aps3, mec1`, "did you mean us1?"},
		{"unknown profile", "[prod]\n[trial]\n", nil, []string{"--profile=prd"}, `there is no profile "prd" in FILE, only prod, trial`, "did you mean prod?"},
		{"far off profile", "[prod]\n[trial]\n", nil, []string{"--profile=x"}, `there is no profile "x" in FILE, only prod, trial`, "choose one of these, or add a section [x]"},
		{"no profiles", "rate = 1", nil, []string{"--profile=x"}, `there is no profile "x" in FILE`, "add a section [x] to it"},
		{"profile of the top level", "profile = \"gone\"\n[prod]\n", nil, nil, `there is no profile "gone" in FILE, only prod`, "choose one of these, or add a section [gone]"},
		{"both in the file", "region = \"eu\"\nendpoint = \"https://x\"", nil, nil, "region and endpoint are both given (file FILE:1, file FILE:2)", "give one of them"},
		{"both flags", "", nil, []string{"--region=eu", "--sandbox"}, "region and sandbox are both given (flag, flag)", "give one of them"},
		{"no such config", "", nil, []string{"--config=nowhere.toml"}, "reading the config file: open nowhere.toml", "check --config and BULKDEMERGE_CONFIG"},
	}
	for _, tt := range tests {
		t.Run(tt.test, func(t *testing.T) {
			path := writeConfig(t, tt.config)
			_, err := settings.Resolve(flags(t, tt.args...), options(path, tt.environ...))
			if err == nil {
				t.Fatal("no error")
			}
			if got := strings.ReplaceAll(err.Error(), path, "FILE"); !strings.HasPrefix(got, tt.err) {
				t.Errorf("error %q, want %q", got, tt.err)
			}
			if got := hint.Of(err); tt.hint != anyHint && got != tt.hint {
				t.Errorf("hint %q, want %q", got, tt.hint)
			}
			if strings.Contains(err.Error()+hint.Of(err), "s3cret") {
				t.Error("the passcode is in the error")
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
		})
	}
}

func TestProfileWithoutFile(t *testing.T) {
	_, err := settings.Resolve(flags(t, "--profile=prod"), options(filepath.Join(t.TempDir(), "none.toml")))
	if err == nil || !strings.Contains(err.Error(), "there is no config file") {
		t.Errorf("err = %v", err)
	}
}

func TestTwoWeakOnesAgainstAFlag(t *testing.T) {
	path := writeConfig(t, "region = \"eu\"\nendpoint = \"https://x\"")
	if _, err := settings.Resolve(flags(t, "--sandbox"), options(path)); err != nil {
		t.Errorf("what is outdone can't clash: %v", err)
	}
}

func TestWarnings(t *testing.T) {
	r, err := settings.Resolve(flags(t), options("",
		"BULKDEMERGE_CONCURENCY=3", "BULKDEMERGE_PORT=tcp://10.0.0.1:80", "BULKDEMERGE_PASSCODE=s3cret", "HOME=/", "BULKDEMERGE_RATE=2"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"unknown environment variable BULKDEMERGE_CONCURENCY is ignored: did you mean BULKDEMERGE_CONCURRENCY?",
		"unknown environment variable BULKDEMERGE_PASSCODE is ignored: the passcode is read from CLEVERTAP_PASSCODE or from --passcode-file",
		"unknown environment variable BULKDEMERGE_PORT is ignored",
	}
	if !slices.Equal(r.Warnings, want) {
		t.Errorf("warnings %q", r.Warnings)
	}
}

func TestHomeInPaths(t *testing.T) {
	t.Setenv("HOME", "/home/someone")
	t.Setenv("USERPROFILE", "/home/someone")
	for value, want := range map[string]string{
		"~/.secrets/x": filepath.FromSlash("/home/someone/.secrets/x"),
		"/etc/x":       "/etc/x",
	} {
		path := writeConfig(t, "passcode-file = \""+value+"\"")
		r, err := settings.Resolve(flags(t), options(path))
		if err != nil {
			t.Fatal(err)
		}
		if got := entry(t, r, "passcode-file").Value; got != want {
			t.Errorf("%s is %s, want %s", value, got, want)
		}
	}
}

func TestByteOrderMark(t *testing.T) {
	r, err := settings.Resolve(flags(t), options(writeConfig(t, "\xef\xbb\xbfrate = 5\n")))
	if err != nil {
		t.Fatal(err)
	}
	if e := entry(t, r, "rate"); e.Value != "5" || !strings.HasSuffix(e.Origin, ":1") {
		t.Errorf("entry %+v", e)
	}
}

func TestFlagError(t *testing.T) {
	tests := []struct {
		arg, err, hint string
	}{
		{"--regoin=eu", "unknown flag: --regoin", "did you mean --region?"},
		{"--passcode=s3cret", "unknown flag: --passcode", "everybody on the machine can read a command line: use --passcode-file or CLEVERTAP_PASSCODE"},
		{"--zzzzzz", "unknown flag: --zzzzzz", "see --help for all flags"},
		{"-region", "unknown shorthand flag: 'r' in -region", "flags begin with two dashes, like --region"},
		{"--region=us", `--region: "us": not one of eu, in1, sg1, us1, aps3, mec1`, "did you mean us1?"},
		{"--concurrency=x", `--concurrency: "x": not a whole number in range`, "write it in digits, like 3"},
		{"--stop-at=3am", `--stop-at: "3am": not a time of day`, `write it as "HH:MM", 24 hours, like "03:45"`},
		{"--region", "flag needs an argument: --region", ""},
	}
	for _, tt := range tests {
		fs := flags(t)
		err := settings.FlagError(fs, fs.Parse([]string{tt.arg}))
		if err == nil || err.Error() != tt.err {
			t.Errorf("%s: error %v, want %s", tt.arg, err, tt.err)
		}
		if got := hint.Of(err); got != tt.hint {
			t.Errorf("%s: hint %q, want %q", tt.arg, got, tt.hint)
		}
	}
}

func FuzzConfig(f *testing.F) {
	f.Add(config)
	f.Add("a.b = 1\n[[c]]\nd = {}\n")
	f.Add("\"\" = 1\n['']\nx = 1979-05-27T07:32:00Z\ny = [1, [2]]")
	f.Fuzz(func(t *testing.T, text string) {
		path := writeConfig(t, text)
		if _, err := settings.Resolve(flags(t), options(path)); err != nil && !strings.Contains(err.Error(), path) {
			t.Errorf("the error does not name the file: %v", err)
		}
	})
}

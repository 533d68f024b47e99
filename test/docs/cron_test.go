//go:build unix

package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/bulkdemerge/bulkdemerge/pkg/pipeline"
)

// TestExamplesStandOnThePage: who copies from the page gets what is tested.
func TestExamplesStandOnThePage(t *testing.T) {
	page := read(t, "docs/cron.md")
	for name, language := range map[string]string{
		"config.toml": "toml", "crontab": "crontab", "bulkdemerge.service": "ini", "bulkdemerge.timer": "ini", "cronjob.yaml": "yaml",
	} {
		if block := "\n```" + language + "\n" + read(t, "docs/examples/"+name) + "```\n"; !strings.Contains(page, block) {
			t.Errorf("docs/cron.md doesn't hold docs/examples/%s word for word", name)
		}
	}
}

// TestCrontab runs the line as cron does: the percent signs unescaped, by sh.
func TestCrontab(t *testing.T) {
	p := newPlace(t)
	p.export("customers-2026-01-31.csv")
	settings := replace(t, read(t, "docs/examples/config.toml"), `region = "in1"`, `endpoint = "`+p.url+`"`)
	settings = replace(t, settings, "/etc/bulkdemerge/", p.etc+"/")
	p.write(filepath.Join(p.etc, "config.toml"), settings, 0o644)

	var env []string
	var command string
	for line := range strings.Lines(read(t, "docs/examples/crontab")) {
		line = strings.TrimSpace(line)
		switch fields := strings.Fields(line); {
		case line == "" || line[0] == '#':
		case strings.HasPrefix(line, "BULKDEMERGE_"):
			env = append(env, replace(t, line, "/etc/bulkdemerge/", p.etc+"/"))
		case len(fields) > 5:
			_, rest, _ := strings.Cut(line, "  ") // the five fields of the time end there
			command = strings.TrimSpace(rest)
		}
	}
	if strings.Contains(strings.ReplaceAll(command, `\%`, ""), "%") {
		t.Error("cron takes a percent sign that isn't escaped as the end of the line")
	}
	command = replace(t, strings.ReplaceAll(command, `\%`, "%"), "/srv/demerge", p.data)

	code, out := p.run(env, "sh", "-c", command)
	if code != 0 || !strings.HasPrefix(out, "finished: ") {
		t.Errorf("exit %d, and the mail should be the summary, because of the invalid rows:\n%s", code, out)
	}
	p.arrived(sendable)
	requests := p.api.Books().Requests
	if code, out := p.run(env, "sh", "-c", command); code != 0 || p.api.Books().Requests != requests {
		t.Errorf("the second night: exit %d, %d requests more:\n%s", code, p.api.Books().Requests-requests, out)
	}
}

// setting returns the values of a key in a systemd unit.
func setting(unit, key string) []string {
	var values []string
	for line := range strings.Lines(unit) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), key+"="); ok {
			values = append(values, strings.Fields(value)...)
		}
	}
	return values
}

func TestServiceRuns(t *testing.T) {
	p := newPlace(t)
	p.export("customers.csv")
	unit := read(t, "docs/examples/bulkdemerge.service")
	start := setting(unit, "ExecStart")
	if start[0] != "/usr/bin/bulkdemerge" {
		t.Fatalf("the service starts %s", start[0])
	}
	args := strings.Split(replace(t, strings.Join(start[1:], "\n"), "${CREDENTIALS_DIRECTORY}", p.etc), "\n")
	env := slices.DeleteFunc(setting(unit, "Environment"), func(kv string) bool { return strings.HasPrefix(kv, "BULKDEMERGE_REGION=") })
	code, out := p.run(append(env, "BULKDEMERGE_ENDPOINT="+p.url), binary, args...)
	if code != pipeline.ExitSome {
		t.Errorf("exit %d:\n%s", code, out)
	}
	p.arrived(sendable)

	never := setting(unit, "RestartPreventExitStatus")
	fine := setting(unit, "SuccessExitStatus")
	if !slices.Equal(never, []string{"1", "2", "5"}) || !slices.Equal(fine, []string{"4"}) {
		t.Errorf("never again: %s, fine: %s; exit 3 and crashes alone are worth another start", never, fine)
	}
	if len(setting(unit, "StartLimitBurst")) == 0 {
		t.Error("nothing bounds how often it is started again")
	}
}

// TestUnitsVerify asks systemd itself, where it is installed.
func TestUnitsVerify(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	dir := t.TempDir()
	var names []string
	for _, name := range []string{"bulkdemerge.service", "bulkdemerge.timer"} {
		unit := strings.ReplaceAll(read(t, "docs/examples/"+name), "/usr/bin/bulkdemerge", binary)
		names = append(names, filepath.Join(dir, name))
		if err := os.WriteFile(names[len(names)-1], []byte(unit), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.CommandContext(t.Context(), analyze, append([]string{"verify"}, names...)...).CombinedOutput()
	if err != nil || strings.Contains(string(out), dir) {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

// cronJob is what of the CronJob the test looks at.
type cronJob struct {
	Kind string
	Spec struct {
		ConcurrencyPolicy string `yaml:"concurrencyPolicy"`
		JobTemplate       struct {
			Spec struct {
				PodFailurePolicy struct {
					Rules []struct {
						Action      string
						OnExitCodes struct {
							ContainerName string `yaml:"containerName"`
							Operator      string
							Values        []int
						} `yaml:"onExitCodes"`
					}
				} `yaml:"podFailurePolicy"`
				Template struct {
					Spec podSpec
				}
			}
		} `yaml:"jobTemplate"`
	}
}

type podSpec struct {
	RestartPolicy   string `yaml:"restartPolicy"`
	SecurityContext struct {
		FSGroup int `yaml:"fsGroup"`
	} `yaml:"securityContext"`
	Containers []struct {
		Name         string
		Args         []string
		Env          []struct{ Name, Value string }
		VolumeMounts []struct {
			Name      string
			MountPath string `yaml:"mountPath"`
		} `yaml:"volumeMounts"`
	}
	Volumes []struct {
		Name   string
		Secret struct {
			DefaultMode os.FileMode `yaml:"defaultMode"`
		}
	}
}

func TestCronJob(t *testing.T) {
	var job cronJob
	if err := yaml.Unmarshal([]byte(read(t, "docs/examples/cronjob.yaml")), &job); err != nil {
		t.Fatal(err)
	}
	spec := job.Spec.JobTemplate.Spec
	pod := spec.Template.Spec
	if job.Kind != "CronJob" || job.Spec.ConcurrencyPolicy != "Forbid" || pod.RestartPolicy != "Never" || len(pod.Containers) != 1 {
		t.Fatalf("kind %q, %q, %q, %d containers", job.Kind, job.Spec.ConcurrencyPolicy, pod.RestartPolicy, len(pod.Containers))
	}
	container := pod.Containers[0]
	rule := spec.PodFailurePolicy.Rules[0]
	want := []int{pipeline.ExitSome, pipeline.ExitUsage, pipeline.ExitDamaged}
	if rule.Action != "FailJob" || rule.OnExitCodes.Operator != "In" || !slices.Equal(rule.OnExitCodes.Values, want) || rule.OnExitCodes.ContainerName != container.Name {
		t.Errorf("the first rule is %+v, want the job to fail at once with %v", rule, want)
	}
	runCronJob(t, pod)
}

// runCronJob runs the container's command with its mounts as folders.
func runCronJob(t *testing.T, pod podSpec) {
	p := newPlace(t)
	p.export("customers.csv")
	folders := map[string]string{"data": p.data, "passcode": p.etc}
	for _, v := range pod.Volumes {
		if mode := v.Secret.DefaultMode; mode != 0 {
			if mode != 0o440 || pod.SecurityContext.FSGroup == 0 {
				t.Errorf("the secret has mode %04o and group %d", mode, pod.SecurityContext.FSGroup)
			}
			p.write(filepath.Join(p.etc, "passcode"), "docs-passcode\n", mode)
		}
	}
	container := pod.Containers[0]
	args := strings.Join(container.Args, "\n")
	env := []string{"BULKDEMERGE_ENDPOINT=" + p.url}
	for _, e := range container.Env {
		switch e.Name {
		case "BULKDEMERGE_REGION":
		case "BULKDEMERGE_ACCOUNT_ID": // from the secret
			env = append(env, e.Name+"=ABC-123-4DE")
		default:
			env = append(env, e.Name+"="+replace(t, e.Value, "/secrets", p.etc))
		}
	}
	for _, m := range container.VolumeMounts {
		folder, ok := folders[m.Name]
		if !ok {
			t.Fatalf("the mount %s is not known to the test", m.Name)
		}
		if m.Name == "data" {
			args = replace(t, args, m.MountPath+"/", folder+"/")
		}
	}
	code, out := p.run(env, binary, strings.Split(args, "\n")...)
	if code != pipeline.ExitSome {
		t.Errorf("exit %d:\n%s", code, out)
	}
	p.arrived(sendable)
}

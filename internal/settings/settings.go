// Package settings decides what each setting is and where it comes from.
//
// A setting is a flag. If it is not on the command line, its value is, of these
// the first that there is:
//
//	the environment     BULKDEMERGE_REGION for --region; for --account-id also
//	                    CLEVERTAP_ACCOUNT_ID. An empty variable is none; of a
//	                    repeatable flag it holds one value a line
//	a profile           the section of the config file that --profile names
//	the config file     its top level
//	the flag's default
//
// The config file is TOML. Its keys are the flags' names, each of its sections
// is a profile:
//
//	concurrency = 3
//	[prod-india]
//	region = "in1"
//	account-id = "ABC-123-4DE"
//	passcode-file = "~/.secrets/clevertap-india"
//
// The passcode is no setting: it is never in a flag nor in the config file. A
// passcode file given by a flag or by the environment comes before
// CLEVERTAP_PASSCODE, one given by the config file after it.
package settings

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/bulkdemerge/bulkdemerge/internal/hint"
)

// prefix begins the name of each environment variable that is a flag's twin.
const prefix = "BULKDEMERGE_"

// The variables that other tools of CleverTap's users know as well.
const (
	accountVariable  = "CLEVERTAP_ACCOUNT_ID"
	passcodeVariable = "CLEVERTAP_PASSCODE"
)

// The flags that Resolve itself has to know.
const (
	configFlag   = "config"
	profileFlag  = "profile"
	accountFlag  = "account-id"
	passcodeFlag = "passcode-file"
)

// Options is what Resolve reads besides the flags.
type Options struct {
	// Environ is the environment, "NAME=value" each.
	Environ []string
	// DefaultConfig is the config file that is read if none is named and this
	// one exists; "" is none. See DefaultConfig.
	DefaultConfig string
	// Known are the names of flags that other commands have: one config file
	// and one environment serve them all.
	Known []string
	// Paths are the flags whose values are paths. In the config file a path is
	// relative to the file's folder, and ~/ is the home folder.
	Paths []string
	// OneOf holds groups of flags of which one replaces the others: with
	// region and endpoint in a group, --endpoint on the command line outdoes a
	// region in the config file. Two from the same place are an error.
	OneOf [][]string
}

// Entry is one setting in force.
type Entry struct {
	Name   string // the flag's name
	Value  string // "" if there is none
	Origin string // "flag", "env NAME", "file PATH:LINE", "file PATH:LINE [profile]" or "default"
}

// Resolved is what Resolve found.
type Resolved struct {
	Config   string   // path of the config file that was read; "" if none
	Profile  string   // the profile in force; "" if none
	Warnings []string // one line each, for the user
	entries  []Entry
}

// Entries are all settings in force, by name, and the passcode, of which only
// its source is told.
func (r *Resolved) Entries() []Entry { return slices.Clone(r.entries) }

// Given tells whether the setting comes from anywhere but its default. Unlike
// pflag's Changed it knows of the environment and the config file.
func (r *Resolved) Given(name string) bool {
	return slices.ContainsFunc(r.entries, func(e Entry) bool {
		return e.Name == name && e.Origin != byDefault.String()
	})
}

// Origin is where a setting comes from, as Entry has it.
func (r *Resolved) Origin(name string) string {
	for _, e := range r.entries {
		if e.Name == name {
			return e.Origin
		}
	}
	return byDefault.String()
}

// DefaultConfig is where the config file is looked for if none is named, or ""
// on a system without such a place.
func DefaultConfig() string {
	dir, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "bulkdemerge", "config.toml")
}

// level is how strong a source is.
type level int

const (
	byDefault level = iota
	byFile
	byProfile
	byCleverTap // a CLEVERTAP_ variable
	byTwin      // a BULKDEMERGE_ variable
	byFlag
)

func (l level) String() string {
	return [...]string{"default", "file", "file", "env", "env", "flag"}[l]
}

// source is where a value comes from, and the value as it stands there.
type source struct {
	level  level
	values []string
	list   bool   // values was written as a list
	origin string // as Entry has it
	where  string // how an error names it
}

// chosen tells whether a member of a group of flags is chosen by this source:
// a switch that is off chooses nothing.
func (s source) chosen() bool {
	if s.level == byDefault || len(s.values) != 1 || s.values[0] == "" {
		return false
	}
	on, err := strconv.ParseBool(s.values[0])
	return err != nil || on
}

// resolver is one call of Resolve.
type resolver struct {
	fs   *pflag.FlagSet
	o    Options
	env  map[string]string
	file *file // nil if there is none
	out  *Resolved
}

// Resolve sets every flag of fs that is not on the command line from the
// environment or the config file, where they have it. fs must be parsed.
func Resolve(fs *pflag.FlagSet, o Options) (*Resolved, error) {
	r := &resolver{fs: fs, o: o, env: environment(o.Environ), out: &Resolved{}}
	r.out.Warnings = r.unknownVariables()
	if err := r.readFile(); err != nil {
		return nil, err
	}
	if err := r.chooseProfile(); err != nil {
		return nil, err
	}
	sources := map[string]source{}
	fs.VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" {
			sources[f.Name] = r.find(f)
		}
	})
	for _, group := range o.OneOf {
		if err := settleGroup(group, sources); err != nil {
			return nil, err
		}
	}
	var failed error
	fs.VisitAll(func(f *pflag.Flag) { // in the order of names
		s, ok := sources[f.Name]
		if !ok || failed != nil {
			return
		}
		if failed = apply(f, s); failed == nil {
			r.out.entries = append(r.out.entries, Entry{f.Name, show(f.Value), s.origin})
		}
	})
	if failed != nil {
		return nil, failed
	}
	if s, ok := sources[passcodeFlag]; ok {
		r.out.entries = append(r.out.entries, r.passcodeEntry(s))
	}
	slices.SortFunc(r.out.entries, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return r.out, nil
}

// find is the strongest source that has a value for the flag.
func (r *resolver) find(f *pflag.Flag) source {
	if f.Changed {
		return source{level: byFlag, values: []string{f.Value.String()}, origin: byFlag.String(), where: "--" + f.Name}
	}
	if v := r.variable(f.Name); v != "" {
		return fromVariable(byTwin, variableName(f.Name), f, v)
	}
	if v := r.env[accountVariable]; v != "" && f.Name == accountFlag {
		return fromVariable(byCleverTap, accountVariable, f, v)
	}
	if r.file == nil || f.Name == passcodeFlag && r.env[passcodeVariable] != "" {
		return defaultSource()
	}
	for _, section := range []string{r.out.Profile, topLevel} {
		if e, ok := r.file.sections[section][f.Name]; ok {
			return r.fromFile(section, e)
		}
	}
	return defaultSource()
}

func defaultSource() source { return source{origin: byDefault.String()} }

func fromVariable(l level, name string, f *pflag.Flag, value string) source {
	s := source{level: l, values: []string{value}, origin: "env " + name, where: name}
	if _, many := f.Value.(pflag.SliceValue); many {
		s.values = strings.Split(strings.TrimSuffix(value, "\n"), "\n")
	}
	return s
}

func (r *resolver) fromFile(section string, e entry) source {
	place := fmt.Sprintf("%s:%d", r.file.path, e.line)
	s := source{level: byFile, values: e.values, list: e.list, origin: "file " + place, where: place + ": " + e.key}
	if section != topLevel {
		s.level = byProfile
		s.origin += " [" + section + "]"
	}
	if slices.Contains(r.o.Paths, e.key) && len(e.values) == 1 {
		s.values = []string{r.file.resolvePath(e.values[0])}
	}
	return s
}

// settleGroup leaves the strongest member of a group of flags and puts the
// others back to their defaults.
func settleGroup(group []string, sources map[string]source) error {
	strongest := byDefault
	for _, name := range group {
		if s := sources[name]; s.chosen() {
			strongest = max(strongest, s.level)
		}
	}
	winner := ""
	for _, name := range group {
		s, ok := sources[name]
		switch {
		case !ok:
		case s.level < strongest:
			sources[name] = defaultSource()
		case s.level == strongest && s.chosen() && winner != "":
			return hint.New(fmt.Sprintf("%s and %s are both given (%s, %s)", winner, name, sources[winner].origin, s.origin),
				"give one of them")
		case s.level == strongest && s.chosen():
			winner = name
		}
	}
	return nil
}

// apply sets the flag, unless the command line or the default has done so.
func apply(f *pflag.Flag, s source) error {
	if s.level == byDefault || s.level == byFlag {
		return nil
	}
	if many, ok := f.Value.(pflag.SliceValue); ok {
		if err := many.Replace(s.values); err != nil {
			return fmt.Errorf("%s: %w", s.where, clearer(f.Value.Type(), err))
		}
		return nil
	}
	if s.list || len(s.values) != 1 {
		return hint.New(s.where+": takes one value, not a list", "")
	}
	if err := f.Value.Set(s.values[0]); err != nil {
		return fmt.Errorf("%s: %q: %w", s.where, s.values[0], clearer(f.Value.Type(), err))
	}
	return nil
}

// show is a flag's value for people.
func show(v pflag.Value) string {
	if many, ok := v.(pflag.SliceValue); ok {
		return strings.Join(many.GetSlice(), ", ")
	}
	return v.String()
}

// passcodeEntry tells that there is a passcode, and never what it is.
func (r *resolver) passcodeEntry(file source) Entry {
	e := Entry{Name: "passcode", Value: "not set", Origin: byDefault.String()}
	switch {
	case file.level != byDefault:
		e.Value, e.Origin = "set (passcode-file)", file.origin
	case r.env[passcodeVariable] != "":
		e.Value, e.Origin = "set ("+passcodeVariable+")", "env "+passcodeVariable
	}
	return e
}

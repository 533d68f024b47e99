package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/bulkdemerge/bulkdemerge/internal/hint"
)

// topLevel is the name of the part of the config file before its sections. No
// profile can have it: TOML allows an empty name only in quotes, and those are
// refused.
const topLevel = ""

// maxFile is the longest config file that is read, in bytes.
const maxFile = 1 << 20

// file is a config file.
type file struct {
	path     string
	sections map[string]map[string]entry
}

// entry is one line of the config file.
type entry struct {
	key    string
	values []string // as text, to be parsed by the flag
	list   bool
	line   int // 1-based
}

// readFile reads the config file, if there is one.
func (r *resolver) readFile() error {
	path, named := r.o.DefaultConfig, false
	if f := r.fs.Lookup(configFlag); f != nil && f.Changed {
		path, named = f.Value.String(), true
	} else if v := r.variable(configFlag); v != "" {
		path, named = v, true
	}
	if path == "" {
		return nil
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return nil
	}
	if err != nil {
		return hint.Wrap(fmt.Errorf("reading the config file: %w", err), "check --config and "+variableName(configFlag))
	}
	defer f.Close()
	data, err := readLimited(f, maxFile)
	if err != nil {
		return fmt.Errorf("reading the config file: %w", err)
	}
	r.out.Config = path
	r.file, err = parseFile(path, data)
	if err != nil {
		return err
	}
	return r.checkKeys()
}

// readLimited reads a file that must not be longer than limit bytes.
func readLimited(f *os.File, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s is longer than %d bytes", f.Name(), limit)
	}
	return data, nil
}

// parseFile reads a config file's text. The library decodes it once to tell
// what is not TOML; the values are then taken from its syntax tree, because
// only that knows the lines that they stand on.
func parseFile(path string, data []byte) (*file, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if err := toml.Unmarshal(data, new(map[string]any)); err != nil {
		line := 1
		var at *toml.DecodeError
		if errors.As(err, &at) {
			line, _ = at.Position()
		}
		return nil, hint.New(fmt.Sprintf("%s:%d: not valid TOML: %s", path, line, strings.TrimPrefix(err.Error(), "toml: ")),
			`write settings as name = "value", one a line`)
	}
	f := &file{path: path, sections: map[string]map[string]entry{topLevel: {}}}
	section := topLevel
	var p unstable.Parser
	p.Reset(data)
	for p.NextExpression() {
		node := p.Expression()
		key, line := keyOf(&p, node)
		if len(key) != 1 || key[0] == "" || node.Kind == unstable.ArrayTable {
			return nil, hint.New(fmt.Sprintf("%s:%d: %s is neither a setting nor a profile", path, line, strings.Join(key, ".")),
				`a setting is a line like region = "in1", a profile a section like [prod]`)
		}
		if node.Kind == unstable.Table {
			section = key[0]
			f.sections[section] = map[string]entry{}
			continue
		}
		values, ok := valuesOf(node.Value())
		if !ok {
			return nil, hint.New(fmt.Sprintf("%s:%d: %s has a value of a kind that no setting has", path, line, key[0]),
				`write it as text, like "in1"`)
		}
		f.sections[section][key[0]] = entry{key[0], values, node.Value().Kind == unstable.Array, line}
	}
	if err := p.Error(); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return f, nil
}

// keyOf is the dotted key of an expression, and its line.
func keyOf(p *unstable.Parser, node *unstable.Node) (key []string, line int) {
	for it := node.Key(); it.Next(); {
		if line == 0 {
			line = p.Shape(it.Node().Raw).Start.Line
		}
		key = append(key, string(it.Node().Data))
	}
	return key, line
}

// valuesOf is a value as text, or those of a list; not ok if it is neither.
func valuesOf(node *unstable.Node) (values []string, ok bool) {
	switch node.Kind {
	case unstable.String, unstable.Bool, unstable.Float, unstable.LocalTime:
		return []string{string(node.Data)}, true
	case unstable.Integer: // 1_000 is a way to write 1000
		return []string{strings.ReplaceAll(string(node.Data), "_", "")}, true
	case unstable.Array:
		values = []string{}
		for it := node.Children(); it.Next(); {
			one, ok := valuesOf(it.Node())
			if !ok || it.Node().Kind == unstable.Array {
				return nil, false
			}
			values = append(values, one...)
		}
		return values, true
	}
	return nil, false
}

// checkKeys refuses keys that no flag has, also those of profiles that are not
// in force: a misspelt name would otherwise be found on the day it matters.
func (r *resolver) checkKeys() error {
	type place struct {
		entry
		section string
	}
	var all []place
	for section, entries := range r.file.sections {
		for _, e := range entries {
			all = append(all, place{e, section})
		}
	}
	slices.SortFunc(all, func(a, b place) int { return a.line - b.line })
	names := r.names()
	for _, e := range all {
		at := fmt.Sprintf("%s:%d: ", r.file.path, e.line)
		switch {
		case e.key == "passcode":
			return hint.New(at+"the passcode does not belong in the config file",
				`write it to a file of its own, name that as passcode-file = "...", and delete it here`)
		case e.key == configFlag, e.key == profileFlag && e.section != topLevel:
			return hint.New(at+e.key+" can't be set here", "delete the line")
		case !slices.Contains(names, e.key):
			return hint.New(fmt.Sprintf("%sunknown setting %q", at, e.key), hint.DidYouMean(e.key, names))
		}
	}
	return nil
}

// chooseProfile finds the profile in force and checks that there is one of its
// name.
func (r *resolver) chooseProfile() error {
	f := r.fs.Lookup(profileFlag)
	switch {
	case f != nil && f.Changed:
		r.out.Profile = f.Value.String()
	case r.variable(profileFlag) != "":
		r.out.Profile = r.variable(profileFlag)
	case r.file != nil:
		if e := r.file.sections[topLevel][profileFlag]; len(e.values) == 1 {
			r.out.Profile = e.values[0]
		}
	}
	name := r.out.Profile
	if name == topLevel {
		return nil
	}
	if r.file == nil {
		return hint.New(fmt.Sprintf("there is no profile %q, because there is no config file", name),
			"name one with --config, or write "+r.o.DefaultConfig)
	}
	if _, ok := r.file.sections[name]; ok {
		return nil
	}
	profiles := slices.Sorted(maps.Keys(r.file.sections))[1:] // the first is the top level
	if len(profiles) == 0 {
		return hint.New(fmt.Sprintf("there is no profile %q in %s", name, r.file.path), "add a section ["+name+"] to it")
	}
	next := hint.DidYouMean(name, profiles)
	if next == "" {
		next = "choose one of these, or add a section [" + name + "]"
	}
	return hint.New(fmt.Sprintf("there is no profile %q in %s, only %s", name, r.file.path, strings.Join(profiles, ", ")), next)
}

// resolvePath is a path of the config file as seen from the working directory.
func (f *file) resolvePath(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	if path == "" || path == "-" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(f.path), path)
}

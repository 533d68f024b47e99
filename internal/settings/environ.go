package settings

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/bulkdemerge/bulkdemerge/internal/hint"
)

// environment is the environment as a map. Where a variable stands twice the
// later one counts, as it does for a started process.
func environment(environ []string) map[string]string {
	env := make(map[string]string, len(environ))
	for _, line := range environ {
		if name, value, ok := strings.Cut(line, "="); ok {
			env[name] = value
		}
	}
	return env
}

// variableName is the environment twin of a flag.
func variableName(flag string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// variable is the value of a flag's environment twin; "" if there is none.
func (r *resolver) variable(flag string) string { return r.env[variableName(flag)] }

// names are all flags that a variable or a key of the config file may name.
func (r *resolver) names() []string {
	names := append([]string{configFlag, profileFlag}, r.o.Known...)
	r.fs.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	slices.Sort(names)
	names = slices.Compact(names)
	return slices.DeleteFunc(names, func(n string) bool { return n == "help" })
}

// unknownVariables warns of variables that look like ours. They are no errors:
// Kubernetes, for one, adds some of its own for a service named bulkdemerge.
func (r *resolver) unknownVariables() []string {
	var twins []string
	for _, name := range r.names() {
		twins = append(twins, variableName(name))
	}
	var warnings []string
	for name := range r.env {
		if !strings.HasPrefix(name, prefix) || slices.Contains(twins, name) {
			continue
		}
		w := "unknown environment variable " + name + " is ignored"
		switch near := hint.Nearest(strings.TrimPrefix(name, prefix), trimPrefix(twins)); {
		case name == prefix+"PASSCODE":
			w += ": the passcode is read from " + passcodeVariable + " or from --" + passcodeFlag
		case near != "":
			w += ": did you mean " + prefix + near + "?"
		}
		warnings = append(warnings, w)
	}
	slices.Sort(warnings)
	return warnings
}

// trimPrefix leaves what tells the variables apart: with the prefix on, all of
// them would be near each other.
func trimPrefix(twins []string) []string {
	short := make([]string, len(twins))
	for i, t := range twins {
		short[i] = strings.TrimPrefix(t, prefix)
	}
	return short
}

package settings

import (
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/bulkdemerge/bulkdemerge/internal/hint"
)

// FlagError makes an error of parsing the command line one that helps: an
// unknown flag suggests the nearest of fs, a value that does not parse says
// what is expected. Other errors come back as they are.
func FlagError(fs *pflag.FlagSet, err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		return unknownFlag(fs, unknown)
	}
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		f := invalid.GetFlag()
		return fmt.Errorf("--%s: %q: %w", f.Name, invalid.GetValue(), clearer(f.Value.Type(), invalid.Unwrap()))
	}
	return err
}

func unknownFlag(fs *pflag.FlagSet, err *pflag.NotExistError) error {
	if err.GetSpecifiedShortnames() != "" {
		return hint.Wrap(err, "flags begin with two dashes, like --region")
	}
	name := err.GetSpecifiedName()
	if name == "passcode" {
		return hint.Wrap(err, "everybody on the machine can read a command line: use --"+passcodeFlag+" or "+passcodeVariable)
	}
	var names []string
	fs.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	if near := hint.Nearest(name, names); near != "" {
		return hint.Wrap(err, "did you mean --"+near+"?")
	}
	return hint.Wrap(err, "see --help for all flags")
}

// clearer replaces what the standard library says about a value that does not
// parse by what is expected instead. kind is the flag's type, as pflag names it.
func clearer(kind string, err error) error {
	switch kind {
	case "int", "int64", "uint", "uint64":
		return hint.New("not a whole number in range", "write it in digits, like 3")
	case "float64":
		return hint.New("not a number", "write it like 50 or 2.5")
	case "bool":
		return hint.New("neither true nor false", "write true or false")
	case "duration":
		return hint.New("not a duration", "write it with its unit, like 30s, 15m or 2h")
	}
	return err
}

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/pprof"
	"runtime/trace"

	"github.com/spf13/pflag"
)

// profileFlags are for support cases: hidden from --help.
type profileFlags struct{ cpu, mem, trace string }

func (f *profileFlags) add(fs *pflag.FlagSet) {
	fs.StringVar(&f.cpu, "cpuprofile", "", "write a CPU profile to this file")
	fs.StringVar(&f.mem, "memprofile", "", "write a heap profile to this file")
	fs.StringVar(&f.trace, "trace", "", "write an execution trace to this file")
	for _, name := range []string{"cpuprofile", "memprofile", "trace"} {
		_ = fs.MarkHidden(name) // fails only for a flag that is not there
	}
}

// start begins what was asked for; the function that it returns ends it and
// must be called once.
func (f *profileFlags) start() (func() error, error) {
	var ends []func() error
	begin := func(name string, start func(io.Writer) error, stop func()) error {
		if name == "" {
			return nil
		}
		file, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("creating a profile: %w", err)
		}
		if err := start(file); err != nil {
			return errors.Join(fmt.Errorf("starting a profile: %w", err), file.Close())
		}
		ends = append(ends, func() error { stop(); return file.Close() })
		return nil
	}
	if err := begin(f.cpu, pprof.StartCPUProfile, pprof.StopCPUProfile); err != nil {
		return nil, err
	}
	if err := begin(f.trace, trace.Start, trace.Stop); err != nil {
		return nil, err
	}
	if f.mem != "" {
		ends = append(ends, f.heap)
	}
	return func() error {
		var errs []error
		for _, end := range ends {
			errs = append(errs, end())
		}
		return errors.Join(errs...)
	}, nil
}

func (f *profileFlags) heap() error {
	file, err := os.OpenFile(f.mem, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("creating a profile: %w", err)
	}
	runtime.GC()
	return errors.Join(pprof.WriteHeapProfile(file), file.Close())
}

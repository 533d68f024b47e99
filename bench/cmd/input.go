//go:build unix

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// The identities are in no order, as those of real files, and all different:
// i times a number, modulo a prime larger than any i.
const factor, prime = 387_420_489, 1_000_000_007

// input makes a CSV file of n identities and a second column, or takes the one
// of an earlier benchmark. A smaller file is a prefix of a larger one.
func input(n int) (string, error) {
	name, err := filepath.Abs(filepath.Join(workDir, "data", fmt.Sprintf("mixed-%d.csv", n)))
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		return name, err
	}
	if err := writeInput(name+".part", n); err != nil {
		return "", fmt.Errorf("writing the input: %w", err)
	}
	return name, os.Rename(name+".part", name)
}

func writeInput(name string, n int) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<16)
	line := []byte("identity,city\n")
	for i := range n {
		if _, err := w.Write(line); err != nil {
			return errors.Join(err, f.Close())
		}
		line = append(line[:0], "client-"...)
		line = strconv.AppendInt(line, int64(i)*factor%prime, 10)
		line = append(line, ",city "...)
		line = strconv.AppendInt(line, int64(i%1000), 10)
		line = append(line, '\n')
	}
	_, err = w.Write(line)
	return errors.Join(err, w.Flush(), f.Close())
}

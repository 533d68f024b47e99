package settings

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/bulkdemerge/bulkdemerge/internal/hint"
)

// maxPasscode is the longest passcode that is taken, in bytes. CleverTap's have
// about a dozen.
const maxPasscode = 1024

// worldReadable is the bit of a file's mode that lets all the world read it.
const worldReadable = 0o004

// Passcode reads the passcode: from the file, if one is named, else from
// CLEVERTAP_PASSCODE. No error holds any part of it.
func Passcode(file string, environ []string) (string, error) {
	if file == "" {
		passcode := environment(environ)[passcodeVariable]
		if passcode == "" {
			return "", hint.New("there is no passcode", "set "+passcodeVariable+", or name a file that holds it with --"+passcodeFlag)
		}
		return check(passcode, passcodeVariable)
	}
	f, err := os.Open(file)
	if err != nil {
		return "", hint.Wrap(fmt.Errorf("reading the passcode: %w", err), "check --"+passcodeFlag)
	}
	defer f.Close()
	if err := checkMode(f); err != nil {
		return "", err
	}
	data, err := readLimited(f, maxPasscode)
	if err != nil {
		return "", fmt.Errorf("reading the passcode: %w", err)
	}
	data = bytes.TrimSuffix(bytes.TrimSuffix(data, []byte("\n")), []byte("\r"))
	return check(string(data), "the passcode file "+file)
}

// checkMode refuses a passcode file that all the world can read. The group may:
// secrets that are mounted into containers are often readable for theirs. On
// Windows the mode says nothing about it. Pipes have no lasting content.
func checkMode(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("reading the passcode: %w", err)
	}
	if info.IsDir() {
		return hint.New("the passcode file "+f.Name()+" is a folder", "name a file in it")
	}
	if runtime.GOOS == "windows" || !info.Mode().IsRegular() || info.Mode().Perm()&worldReadable == 0 {
		return nil
	}
	return hint.New(fmt.Sprintf("everybody on the machine can read the passcode file %s (mode %04o)", f.Name(), info.Mode().Perm()),
		"chmod 600 "+ShellQuoted(f.Name()))
}

// check refuses what can't be a passcode, and would be refused as a header.
func check(passcode, from string) (string, error) {
	if passcode == "" {
		return "", hint.New(from+" is empty", "write the passcode to it, on one line")
	}
	for i := range len(passcode) {
		switch c := passcode[i]; {
		case c == '\n' || c == '\r':
			return "", hint.New(from+" holds more than one line", "leave nothing in it but the passcode")
		case c <= ' ' || c > '~':
			return "", hint.New(from+" holds a space, a control character or one beyond ASCII, which no passcode has",
				"save it as plain text, nothing in it but the passcode")
		}
	}
	return passcode, nil
}

// ShellQuoted is the text as a shell takes it for one word.
func ShellQuoted(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+:@%,", r)
	}
	if strings.TrimFunc(text, plain) == "" && text != "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

package settings_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/bulkdemerge/bulkdemerge/internal/hint"
	"github.com/bulkdemerge/bulkdemerge/internal/settings"
)

func TestPasscode(t *testing.T) {
	tests := []struct {
		name    string
		content string
		mode    os.FileMode
		want    string
		err     string // FILE stands for the path; "" is no error
		hint    string
	}{
		{"plain", "ABC-DEF-GHI", 0o600, "ABC-DEF-GHI", "", ""},
		{"line end", "ABC-DEF-GHI\n", 0o600, "ABC-DEF-GHI", "", ""},
		{"line end of Windows", "ABC-DEF-GHI\r\n", 0o600, "ABC-DEF-GHI", "", ""},
		{"a mounted secret", "ABC-DEF-GHI", 0o440, "ABC-DEF-GHI", "", ""},
		{"for all the world", "ABC-DEF-GHI", 0o644, "", "everybody on the machine can read the passcode file FILE (mode 0644)", "chmod 600 FILE"},
		{"for the others alone", "ABC-DEF-GHI", 0o604, "", "everybody on the machine can read the passcode file FILE (mode 0604)", "chmod 600 FILE"},
		{"empty", "", 0o600, "", "the passcode file FILE is empty", "write the passcode to it, on one line"},
		{"a line end alone", "\n", 0o600, "", "the passcode file FILE is empty", "write the passcode to it, on one line"},
		{"two lines", "ABC-DEF\nGHI\n", 0o600, "", "the passcode file FILE holds more than one line", "leave nothing in it but the passcode"},
		{"two line ends", "ABC-DEF\n\n", 0o600, "", "the passcode file FILE holds more than one line", "leave nothing in it but the passcode"},
		{"a space", "ABC-DEF ", 0o600, "", "the passcode file FILE holds a space, a control character or one beyond ASCII, which no passcode has", "save it as plain text, nothing in it but the passcode"},
		{"UTF-16", "\xff\xfeA\x00B\x00", 0o600, "", "the passcode file FILE holds a space, a control character or one beyond ASCII, which no passcode has", "save it as plain text, nothing in it but the passcode"},
		{"too long", strings.Repeat("ABC-DEF", 200), 0o600, "", "reading the passcode: FILE is longer than 1024 bytes", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if runtime.GOOS == "windows" && tt.hint == "chmod 600 FILE" {
				t.Skip("modes mean nothing on Windows")
			}
			path := filepath.Join(t.TempDir(), "pass")
			if err := os.WriteFile(path, []byte(tt.content), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, tt.mode); err != nil {
				t.Fatal(err)
			}
			got, err := settings.Passcode(path, []string{"CLEVERTAP_PASSCODE=other"})
			if got != tt.want {
				t.Errorf("passcode %q, want %q", got, tt.want)
			}
			text := ""
			if err != nil {
				text = err.Error()
			}
			if got := strings.ReplaceAll(text, path, "FILE"); got != tt.err {
				t.Errorf("error %q, want %q", got, tt.err)
			}
			if got := strings.ReplaceAll(hint.Of(err), path, "FILE"); got != tt.hint {
				t.Errorf("hint %q, want %q", got, tt.hint)
			}
			if strings.Contains(text, "ABC") {
				t.Error("the error shows the passcode")
			}
		})
	}
}

func TestPasscodeFromTheEnvironment(t *testing.T) {
	if got, err := settings.Passcode("", []string{"CLEVERTAP_PASSCODE=ABC"}); err != nil || got != "ABC" {
		t.Errorf("Passcode = %q, %v", got, err)
	}
	for _, environ := range [][]string{nil, {"CLEVERTAP_PASSCODE="}} {
		_, err := settings.Passcode("", environ)
		if err == nil || !strings.Contains(hint.Of(err), "--passcode-file") {
			t.Errorf("error %v, hint %q", err, hint.Of(err))
		}
	}
	_, err := settings.Passcode("", []string{"CLEVERTAP_PASSCODE=A B\nC"})
	if err == nil || strings.Contains(err.Error(), "A B") {
		t.Errorf("error %v", err)
	}
}

func TestPasscodeFileErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := settings.Passcode(dir, nil); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := settings.Passcode(filepath.Join(dir, "none"), nil); err == nil || hint.Of(err) == "" {
		t.Errorf("no file: %v, hint %q", err, hint.Of(err))
	}
}

// A shell's <(command) is a pipe, which others may read by its mode.
func TestPasscodeFromAPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := w.WriteString("ABC-DEF\n"); err != nil {
		t.Fatal(err)
	}
	w.Close()
	path := fmt.Sprintf("/dev/fd/%d", r.Fd())
	if _, err := os.Stat(path); err != nil {
		t.Skip("there is no /dev/fd")
	}
	if got, err := settings.Passcode(path, nil); err != nil || got != "ABC-DEF" {
		t.Errorf("Passcode = %q, %v", got, err)
	}
}

func TestChmodCanBePasted(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes mean nothing on Windows")
	}
	path := filepath.Join(t.TempDir(), "it's here")
	if err := os.WriteFile(path, []byte("ABC"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := settings.Passcode(path, nil)
	want := "chmod 600 '" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	if got := hint.Of(err); got != want {
		t.Errorf("hint %q, want %q", got, want)
	}
}

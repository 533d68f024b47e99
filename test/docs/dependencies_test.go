//go:build unix

package docs

import (
	"regexp"
	"slices"
	"testing"
)

// TestDependencies: each direct dependency has its reason on the page, and no
// other stands there.
func TestDependencies(t *testing.T) {
	var want, got []string
	for _, m := range regexp.MustCompile(`(?m)^\t(\S+) v\S+$`).FindAllStringSubmatch(read(t, "go.mod"), -1) {
		want = append(want, m[1])
	}
	for _, row := range regexp.MustCompile(`(?m)^\| [^|]*\.[^|]*/[^|]* \|`).FindAllString(read(t, "docs/dependencies.md"), -1) {
		got = append(got, regexp.MustCompile(`[a-z][^\s,|]+`).FindAllString(row, -1)...)
	}
	if len(want) == 0 {
		t.Skip("go.mod names no direct dependency: it waits for go mod tidy")
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("docs/dependencies.md names\n%q, go.mod\n%q", got, want)
	}
}

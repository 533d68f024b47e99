package hint

import (
	"strings"

	"github.com/agnivade/levenshtein"
)

// Nearest is the candidate that word was most likely meant to be, or "" if none
// is near enough to be worth suggesting. Case does not count, and of equally
// near candidates the first wins.
//
// Near enough is one edit for each three characters of the longer word, and one
// at least: "regoin" is near "region", "port" is not near "out". A word that
// only leaves off the end ("pass" for "passcode-file") is near as well.
func Nearest(word string, candidates []string) string {
	word = strings.ToLower(word)
	if word == "" {
		return ""
	}
	best, least := "", 0
	for _, c := range candidates {
		low := strings.ToLower(c)
		d, longer := levenshtein.ComputeDistance(word, low), max(len(word), len(low))
		if swapped(word, low) {
			d = 1
		}
		if d > max(1, longer/3) || d >= longer {
			continue
		}
		if best == "" || d < least {
			best, least = c, d
		}
	}
	if best != "" {
		return best
	}
	for _, c := range candidates {
		if len(word) >= 3 && strings.HasPrefix(strings.ToLower(c), word) {
			return c
		}
	}
	return ""
}

// swapped tells whether two neighbouring characters that changed places are all
// that tells the words apart: the commonest slip, which counts as two edits.
func swapped(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 1; i < len(a); i++ {
		if a[:i-1] == b[:i-1] && a[i-1] == b[i] && a[i] == b[i-1] && a[i+1:] == b[i+1:] {
			return true
		}
	}
	return false
}

// DidYouMean is a hint that suggests the nearest candidate, or "" if there is
// none.
func DidYouMean(word string, candidates []string) string {
	if near := Nearest(word, candidates); near != "" {
		return "did you mean " + near + "?"
	}
	return ""
}

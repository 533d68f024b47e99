package reader

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// A file that was cut off is right up to there; behind a wrong checksum nobody
// can say where the damage began, and the hint must not promise it.
func TestHintOfDamage(t *testing.T) {
	for _, test := range []struct {
		cause   error
		promise bool
	}{{io.ErrUnexpectedEOF, true}, {errors.New("invalid checksum"), false}} {
		hint := (&DamageError{cause: test.cause}).Hint()
		if strings.Contains(hint, "every record before the damage was taken") != test.promise ||
			strings.Contains(hint, "--restart") == test.promise || !strings.Contains(hint, "the same command goes on") {
			t.Errorf("%v: %s", test.cause, hint)
		}
	}
}

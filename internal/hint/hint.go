// Package hint gives errors a second line: what the user can do next.
//
// An error says what went wrong, its hint what to try. Both are one line, in
// lower case, without a full stop. Printing them is the work of package ui.
package hint

// Error is an error with a hint for the user.
type Error struct {
	Msg  string // what went wrong; empty if Err says it all
	Hint string // what to try next; may be empty
	Err  error  // the cause; may be nil
}

// New returns an error that reads msg and carries the hint.
func New(msg, hint string) error { return &Error{Msg: msg, Hint: hint} }

// Wrap returns err with a hint, its text unchanged. It returns nil if err is nil.
func Wrap(err error, hint string) error {
	if err == nil {
		return nil
	}
	return &Error{Hint: hint, Err: err}
}

// Error is the message, the cause after it.
func (e *Error) Error() string {
	switch {
	case e.Err == nil:
		return e.Msg
	case e.Msg == "":
		return e.Err.Error()
	}
	return e.Msg + ": " + e.Err.Error()
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// Of is the outermost hint in err's tree: the caller who added it knew most
// about what the user was doing. It is empty if there is none. Errors of other
// packages take part if they have a method Hint() string.
func Of(err error) string {
	if err == nil {
		return ""
	}
	if h := own(err); h != "" {
		return h
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		return Of(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			if h := Of(one); h != "" {
				return h
			}
		}
	}
	return ""
}

// own is the hint of err itself, without its causes. A multi-level errors.As
// would lose which of two hints is the outer one.
func own(err error) string {
	switch e := err.(type) {
	case *Error:
		return e.Hint
	case interface{ Hint() string }:
		return e.Hint()
	}
	return ""
}

package sender

import "fmt"

// StopKind says why a run can't go on.
type StopKind uint8

// The kinds of a StopError.
const (
	StopCredentials   StopKind = iota + 1 // 401
	StopForbidden                         // 403
	StopWrongResource                     // 404, 405
	StopRedirect                          // 3xx, never followed
	StopProxyAuth                         // 407: the proxy on the way wants a login
	StopRefusals                          // everything is refused
	StopOutage                            // the API is down for too long
)

// String is a word for the kind, as logs and summaries have it.
func (k StopKind) String() string {
	return [...]string{"", "credentials", "forbidden", "wrong-resource", "redirect", "proxy", "refusals", "outage"}[k]
}

// StopError says why Run stopped before the end of its input. What is not
// settled was not accepted, or got no answer; a later run sends it again.
type StopError struct {
	Kind       StopKind
	HTTPStatus int    // 0 if no answer came
	Words      string // the API's words: one line, at most 200 bytes, no identity
	Hint       string // what to do
	what       string
}

func (e *StopError) Error() string {
	if e.Words == "" {
		return e.what
	}
	return e.what + ": " + e.Words
}

// newStop is the error for an answer that no retry can mend.
func newStop(v *verdict, words string) *StopError {
	e := &StopError{Kind: v.stop, HTTPStatus: v.httpStatus, Words: words}
	status := v.httpStatus
	if v.code != 0 && status < 300 {
		status = v.code
	}
	e.what = fmt.Sprintf("the API answers %d", status)
	switch v.stop {
	case StopCredentials:
		e.what += ", account, passcode or region is wrong"
		e.Hint = "check passcode and region: the host of another region answers 401 as well"
	case StopForbidden:
		e.what += ", this account may not do that"
		e.Hint = "ask CleverTap's support whether the Demerge API is switched on for this account"
	case StopWrongResource:
		e.what += ", there is no Demerge API at this address"
		e.Hint = "check --region or --endpoint"
	case StopRedirect:
		e.what += ", a redirect; it was not followed, the passcode goes to one host only"
		e.Hint = "check --region or --endpoint; behind a company network, sign in to its proxy first"
	case StopProxyAuth:
		e.what = "the proxy " + v.proxy + " wants a login (407)"
		if v.proxy == "" {
			e.what = "a proxy on the way wants a login (407)"
		}
		e.Hint = "put user and password into HTTPS_PROXY, or the API's host into NO_PROXY"
	}
	return e
}

// refusalsStop is the error for maxRefused batches refused to the last record.
func refusalsStop(v *verdict, words string, settled bool) *StopError {
	e := &StopError{Kind: StopRefusals, HTTPStatus: v.httpStatus, Words: words,
		what: fmt.Sprintf("the API refuses everything: %d batches one after the other", maxRefused),
		Hint: "look at the API's words and at the account; nothing of these batches is settled, the same command sends them again"}
	if settled {
		e.Hint = "look at the API's words and at the account; then `retry --rejected` sends these again, and the same command goes on behind them"
	}
	return e
}

// heldStop is the error for a run that pauses with nothing but refusals.
func heldStop(v *verdict, words string) *StopError {
	return &StopError{Kind: StopRefusals, HTTPStatus: v.httpStatus, Words: words,
		what: "the API refused every identity that was sent",
		Hint: "look at the API's words and at the account; nothing of it is settled, the same command sends them again"}
}

// outageStop is the error for an API that is down for longer than MaxOutage.
func outageStop(waiting string, status int, since string) *StopError {
	return &StopError{Kind: StopOutage, HTTPStatus: status, what: "the API is down since " + since + ": " + waiting,
		Hint: "the same command goes on when it is back; --max-outage sets how long to wait"}
}

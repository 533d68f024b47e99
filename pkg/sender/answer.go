package sender

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/bulkdemerge/bulkdemerge/pkg/batcher"
)

// decision is what an answer means for the piece that it answers.
type decision uint8

const (
	acceptAll decision = iota // every identity was accepted
	sortOut                   // some were accepted, others not: see parts
	refuse                    // something in the piece is bad: split it
	giveUp                    // failed for good
	slowDown                  // the slots are taken: send again
	tryAgain                  // not accepted, for a reason that may pass
	stopRun                   // no request of this run can succeed
)

// verdict is an answer, understood.
type verdict struct {
	decision   decision
	kind       AnswerKind
	stop       StopKind // of stopRun
	httpStatus int
	code       int           // the API's own code, 0 if it gave none
	words      string        // the API's words, one line; may hold identities
	reason     string        // for the report: the words, or ours where it gave none
	waiting    string        // of tryAgain: for people and logs, never an identity
	retryAfter time.Duration // 0 if it didn't ask for a pause
	parts      parts         // of sortOut
	proxy      string        // of a proxy's refusal: its host
}

// parts are positions in Batch.Records, rising, by what became of them.
type parts struct {
	accepted []int
	rejected []rejection
	again    []int // to be sent again
	split    []int // one of them was refused, the API did not say which
}

// rejection is a record that the API refused by name.
type rejection struct {
	record int
	code   int
	reason string
}

// classify understands an answer to the records index of batch. It depends on
// nothing else: testdata/answers holds a file for each shape.
func classify(a *answer, batch *batcher.Batch, index []int) verdict {
	v := verdict{httpStatus: a.status}
	if a.status == 0 {
		v.noAnswer(a)
		return v
	}
	v.retryAfter = retryAfter(a.header, a.at)
	success := a.status >= 200 && a.status < 300
	switch {
	case a.status == http.StatusNoContent:
		// API.md lists 204 as success; it has no body that could say more.
		v.decision, v.kind = acceptAll, AnswerAccepted
	case success && a.err != nil && a.timeout:
		v.again(AnswerNone, "timed out in the middle of the answer", "requests time out")
	case success && a.err != nil:
		v.garbage("answer cut off: "+netWords(a.err), nil)
	case success && a.tooLong:
		v.garbage("answer longer than 1 MiB", nil)
	case a.status == 200 || a.status == 201 || a.status == 202:
		v.success(a.body, batch, index)
	default:
		v.code, v.words = failWords(a.body)
		v.byStatus(a.status)
	}
	if location := a.header.Get("Location"); v.stop == StopRedirect && location != "" {
		// Its host is what a person needs; its query may hold anything.
		if u, err := url.Parse(location); err == nil && u.Host != "" {
			v.words = "redirected to " + clean(u.Host)
		}
	}
	return v
}

// byStatus decides by an HTTP status, or by a code that stands for one.
func (v *verdict) byStatus(status int) {
	v.reason = v.words
	if v.reason == "" {
		v.reason = "API answered " + strconv.Itoa(status)
	}
	stop := func(kind StopKind) { v.decision, v.kind, v.stop = stopRun, AnswerStop, kind }
	switch {
	case status >= 300 && status < 400:
		stop(StopRedirect)
	case status == http.StatusBadRequest, status == http.StatusRequestEntityTooLarge:
		v.decision, v.kind = refuse, AnswerRefused
	case status == http.StatusUnauthorized:
		stop(StopCredentials)
	case status == http.StatusForbidden:
		stop(StopForbidden)
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed:
		stop(StopWrongResource)
	case status == http.StatusProxyAuthRequired:
		stop(StopProxyAuth)
	case status == http.StatusConflict:
		v.decision, v.kind = giveUp, AnswerConflict
	case status == http.StatusTooManyRequests:
		v.decision, v.kind = slowDown, AnswerThrottled
		v.waiting = "API answers 429"
	default:
		reason := "API answered " + strconv.Itoa(status)
		if v.words != "" {
			reason += ": " + v.words
		}
		v.again(AnswerError, reason, "API answers "+strconv.Itoa(status))
	}
}

// again is the verdict on what may pass.
func (v *verdict) again(kind AnswerKind, reason, waiting string) {
	v.decision, v.kind, v.reason, v.waiting = tryAgain, kind, reason, waiting
}

// garbage is the verdict on a success that is none. Its first bytes are kept:
// they are what a person needs to find out who answered.
func (v *verdict) garbage(what string, body []byte) {
	if words := clean(string(body[:min(len(body), 4*maxWords)])); words != "" {
		what += ": " + words
	}
	v.again(AnswerGarbage, what, "API answers "+strconv.Itoa(v.httpStatus)+" with something that is no answer of it")
}

// success decides by the body of a 200, 201 or 202.
func (v *verdict) success(body []byte, batch *batcher.Batch, index []int) {
	if string(body) == `{"status":"success"}` { // what nearly every answer is
		v.decision, v.kind = acceptAll, AnswerAccepted
		return
	}
	noShape := "an answer that is none"
	fields, ok := parseObject(body)
	if !ok {
		v.garbage(noShape, body)
		return
	}
	status, _ := stringOf(fields["status"])
	switch status {
	case "success", "partial":
		p, whole, ok := parsePartial(fields, status == "success", batch, index)
		switch {
		case !ok:
			v.garbage(noShape, body)
		case whole:
			v.decision, v.kind = acceptAll, AnswerAccepted
		default:
			v.decision, v.kind, v.parts = sortOut, AnswerPartial, p.parts
			v.code, v.words = p.code, p.words
			v.reason = orElse(v.words, "refused without a reason")
			v.waiting = "API answers " + strconv.Itoa(v.httpStatus) + " and takes nothing"
		}
	case "fail":
		v.code, v.words = failWords(body)
		v.byCode(body)
	default:
		v.garbage(noShape, body)
	}
}

// byCode decides by the code of a fail that came with a 200.
func (v *verdict) byCode(body []byte) {
	switch code := v.code; {
	case refusedCode(code):
		v.decision, v.kind = refuse, AnswerRefused
		v.reason = orElse(v.words, "API code "+strconv.Itoa(code))
	case code == 400, code == 401, code == 403, code == 404, code == 405, code == 409, code == 413, again(code):
		v.byStatus(code)
	default:
		v.garbage("an answer that is none", body)
	}
}

// refusedCode tells the upload API's codes for a record that is bad in itself
// (API.md has 523 missing identity, 524 neither event nor profile, 526 invalid
// objectId; those beside them are of their kind).
func refusedCode(code int) bool { return code >= 505 && code < 600 && !again(code) }

// retryAfter reads the header's seconds or HTTP date (RFC 9110, 10.2.3).
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(header.Get("Retry-After"))
	if value == "" {
		return 0
	}
	if seconds, err := strconv.ParseUint(value, 10, 64); err == nil {
		return time.Duration(min(seconds, 1<<20)) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

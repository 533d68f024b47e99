package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// ending is how the connection goes on after a request.
type ending uint8

const (
	answered ending = iota
	dropped         // closed without an answer
	wasReset        // closed without an answer, by a reset
)

// The kinds of answers, as Books.Answers counts them, that are no plain status.
const (
	kindSuccess = "success"
	kindPartial = "partial"
	kindReset   = "reset"
	kindDrop    = "drop"
	kindHang    = "hang"
	kindGarbage = "garbage"
	kindGone    = "gone"
)

// The API's own codes for single records (api-errors in its documentation).
const (
	codeMissingIdentity = 523
	codeMiscellaneous   = 555
)

const contentJSON = "application/json; charset=utf-8"

// answer is what a request comes to.
type answer struct {
	kind        string
	end         ending
	status      int
	contentType string
	body        []byte
}

func success() answer {
	return answer{kind: kindSuccess, status: http.StatusOK, contentType: contentJSON, body: successBody}
}

// successBody is written by every right request and changed by none.
var successBody = []byte(`{"status":"success"}`)

// fail is an error in the API's words, with the HTTP status as its code.
func fail(status int, words string) answer { return failCode(status, status, words) }

func failCode(status, code int, words string) answer {
	return answer{
		kind: fmt.Sprint(status), status: status, contentType: contentJSON,
		body: fmt.Appendf(nil, `{"status":"fail","error":%q,"code":%d}`, words, code),
	}
}

func tooMany() answer {
	return fail(http.StatusTooManyRequests, "Too many concurrent requests")
}

func internal() answer {
	return fail(http.StatusInternalServerError, "Internal server error")
}

func unavailable() answer {
	return fail(http.StatusServiceUnavailable, "Service unavailable")
}

// garbage is a 200 that is no success. The shapes take turns: the sign-in page
// of a proxy, nothing at all, an answer cut off, and JSON of another kind.
func garbage(turn int) answer {
	a := answer{kind: kindGarbage, status: http.StatusOK, contentType: contentJSON}
	switch turn % 4 {
	case 0:
		a.contentType = "text/html; charset=utf-8"
		a.body = []byte("<!doctype html><html><head><title>Sign in</title></head><body><h1>Sign in to the network</h1></body></html>")
	case 1:
		a.body = []byte{}
	case 2:
		a.body = successBody[:len(successBody)-7]
	case 3:
		a.body = []byte(`{"ok":true,"result":[]}`)
	}
	return a
}

// words are the API's words for a code of a record.
func words(code int) string {
	if code == codeMissingIdentity {
		return "Identity is missing or not valid"
	}
	return "Miscellaneous server error"
}

// partial names the records that were left out, those with a code; asObject has
// each as an object with an identity, as an upload's records are, otherwise as
// the bare string.
func partial(ids [][]byte, codes []int, asObject bool) answer {
	out := []byte(nil)
	taken := 0
	for i, id := range ids {
		if codes[i] == 0 {
			taken++
			continue
		}
		if out != nil {
			out = append(out, ',')
		}
		out = fmt.Appendf(out, `{"status":"fail","code":%d,"error":%q,"record":`, codes[i], words(codes[i]))
		record, _ := json.Marshal(string(id)) // a string always marshals
		if asObject {
			out = fmt.Appendf(out, `{"identity":%s}}`, record)
		} else {
			out = fmt.Appendf(out, `%s}`, record)
		}
	}
	return answer{
		kind: kindPartial, status: http.StatusOK, contentType: contentJSON,
		body: fmt.Appendf(nil, `{"status":"partial","processed":%d,"unprocessed":[%s]}`, taken, out),
	}
}

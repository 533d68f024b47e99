package sandbox

import (
	"encoding/json"
	"net/http"
	"time"
)

// ControlPrefix starts the paths that are the sandbox's own. They are not in
// the books, and they ask for no credentials: it is reached from this machine
// alone.
//
//	GET  /_sandbox/books               the books
//	GET  /_sandbox/books?identity=X    how many times X was applied
//	GET  /_sandbox/books/repeats       how many identities were applied how many times
//	POST /_sandbox/books/reset         empty books
//	POST /_sandbox/faults?set=429=5%25 other faults (% is written %25 in a URL)
//	POST /_sandbox/down?for=4s         an outage; for=0s ends it
const ControlPrefix = "/_sandbox/"

// control carries out a control request.
func (s *Server) control(r *http.Request, command string) answer {
	query := r.URL.Query()
	method := http.MethodPost
	var run func() answer
	switch command {
	case "books":
		method = http.MethodGet
		run = func() answer {
			if query.Has("identity") {
				return result(map[string]int{"count": s.Count(query.Get("identity"))})
			}
			return result(s.Books())
		}
	case "books/repeats":
		method = http.MethodGet
		run = func() answer { return result(s.Repeats()) }
	case "books/reset":
		run = func() answer { s.ResetBooks(); return success() }
	case "faults":
		run = func() answer { return s.controlFaults(query.Get("set")) }
	case "down":
		run = func() answer { return s.controlDown(query.Get("for")) }
	default:
		return fail(http.StatusNotFound, "No such control path")
	}
	if r.Method != method {
		return fail(http.StatusMethodNotAllowed, "Use "+method)
	}
	return run()
}

func (s *Server) controlFaults(list string) answer {
	f, err := ParseFaults(list)
	if err != nil {
		return fail(http.StatusBadRequest, err.Error())
	}
	s.SetFaults(f)
	return success()
}

func (s *Server) controlDown(text string) answer {
	d, err := time.ParseDuration(text)
	if err != nil {
		return fail(http.StatusBadRequest, "down needs for=DURATION, as in for=4s")
	}
	s.SetDownFor(d)
	return success()
}

// result is a value of ours as JSON.
func result(v any) answer {
	body, err := json.Marshal(v)
	if err != nil { // only for a value that JSON has no word for: a mistake of ours
		return fail(http.StatusInternalServerError, err.Error())
	}
	return answer{status: http.StatusOK, contentType: contentJSON, body: append(body, '\n')}
}

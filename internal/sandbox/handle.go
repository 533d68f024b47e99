package sandbox

import (
	"bytes"
	"context"
	"io"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Path is the only path of the API that the sandbox serves.
const Path = "/1/demerge/profiles.json"

// The headers that carry the credentials.
const (
	headerAccount  = "X-Clevertap-Account-Id" // in net/http's canonical spelling
	headerPasscode = "X-Clevertap-Passcode"
)

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := s.handle(r)
	switch a.end {
	case wasReset:
		reset(w)
	case dropped:
		panic(http.ErrAbortHandler) // net/http's way to close without an answer
	}
	h := w.Header()
	h["Content-Type"] = []string{a.contentType}
	h["Content-Length"] = []string{strconv.Itoa(len(a.body))}
	w.WriteHeader(a.status)
	// A client that doesn't take its answer is nobody's business here: the books
	// say what was applied.
	_, _ = w.Write(a.body)
}

// reset closes the connection so that its client sees a reset, and does not
// come back.
func reset(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // closing then sends RST; without it, a plain close
		}
		_ = conn.Close()
	}
	panic(http.ErrAbortHandler)
}

// handle decides a request. The flight has left, and its slot is free, before
// the client can see the answer.
func (s *Server) handle(r *http.Request) answer {
	if command, ok := strings.CutPrefix(r.URL.Path, ControlPrefix); ok {
		return s.control(r, command)
	}
	f := s.arrive(r)
	a := s.decide(r, f)
	s.land(f, a.kind)
	return a
}

// decide takes the checks in the API's order: is it there, may you, is it
// right, is there a slot; then chance has its say.
func (s *Server) decide(r *http.Request, f *flight) answer {
	if s.isDown() {
		return unavailable()
	}
	if a, ok := s.checkHead(r); !ok {
		return a
	}
	in := s.inputs.Get().(*input)
	defer s.inputs.Put(in)
	if a, ok := in.read(r.Body); !ok {
		return a
	}
	l, ok := s.admit(f)
	if !ok {
		return tooMany()
	}
	switch l.fault {
	case faultTooMany:
		return tooMany()
	case faultInternal:
		return internal()
	case faultUnavailable:
		return unavailable()
	case faultReset:
		return answer{kind: kindReset, end: wasReset}
	case faultHang:
		hang(r.Context(), s.opts.HangFor)
		return answer{kind: kindHang, end: wasReset}
	}
	if !wait(r.Context(), l.latency) {
		return answer{kind: kindGone, end: dropped}
	}
	return s.apply(in.ids, l)
}

// checkHead checks everything that stands before the body.
func (s *Server) checkHead(r *http.Request) (answer, bool) {
	switch {
	case r.URL.Path != Path:
		return fail(http.StatusNotFound, "Resource not found"), false
	case r.Method != http.MethodPost:
		return fail(http.StatusMethodNotAllowed, "Method not allowed"), false
	case !matches(r.Header.Get(headerAccount), s.opts.Account),
		!matches(r.Header.Get(headerPasscode), s.opts.Passcode):
		return fail(http.StatusUnauthorized, "Unauthorized"), false
	case !isJSON(r.Header.Get("Content-Type")):
		return fail(http.StatusBadRequest, "Content-Type must be application/json"), false
	}
	return answer{}, true
}

func matches(got, want string) bool { return got != "" && (want == "" || got == want) }

func isJSON(contentType string) bool {
	if contentType == contentJSON || contentType == "application/json" {
		return true
	}
	kind, params, err := mime.ParseMediaType(contentType)
	charset, named := params["charset"]
	return err == nil && kind == "application/json" && (!named || strings.EqualFold(charset, "utf-8"))
}

// input is the reused memory of one request.
type input struct {
	buf bytes.Buffer
	ids [][]byte
}

// read takes the identities from a request's body.
func (in *input) read(body io.Reader) (answer, bool) {
	in.buf.Reset()
	if body == nil {
		body = http.NoBody
	}
	if _, err := in.buf.ReadFrom(io.LimitReader(body, maxBody+1)); err != nil {
		return answer{kind: kindGone, end: dropped}, false
	}
	if in.buf.Len() > maxBody {
		return fail(http.StatusRequestEntityTooLarge, "Request body is too large"), false
	}
	var bad refusal
	if in.ids, bad = parseBody(in.buf.Bytes(), in.ids); bad != "" {
		return fail(http.StatusBadRequest, string(bad)), false
	}
	return answer{}, true
}

// wait is the API at work; false means that the client has gone meanwhile.
func wait(ctx context.Context, d time.Duration) bool {
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
		}
	}
	return ctx.Err() == nil
}

// hang holds a request until its client has gone, or for d if that is not 0.
func hang(ctx context.Context, d time.Duration) {
	if d > 0 {
		wait(ctx, d)
		return
	}
	<-ctx.Done()
}

// apply is the demerge of a batch: what is taken goes into the books.
func (s *Server) apply(ids [][]byte, l lot) answer {
	if l.fault == faultGarbage {
		return garbage(s.next(&s.garbages))
	}
	var all [MaxIdentities]int
	codes := all[:len(ids)] // why each identity is left out, 0 if it is taken
	some := s.refuse(ids, codes)
	if some && !s.opts.PoisonPartial {
		if l.fault == faultDrop {
			return answer{kind: kindDrop, end: dropped}
		}
		return failCode(http.StatusBadRequest, codeMissingIdentity, words(codeMissingIdentity))
	}
	if l.fault == faultPartial {
		leaveOut(codes, l.turn)
		some = true
	}
	s.ledger.add(ids, codes)
	switch {
	case l.fault == faultDrop:
		return answer{kind: kindDrop, end: dropped}
	case some:
		return partial(ids, codes, s.next(&s.partials)%2 == 1)
	}
	return success()
}

// refuse marks the poisonous identities and says whether there are any.
func (s *Server) refuse(ids [][]byte, codes []int) bool {
	some := false
	if s.opts.Poison != nil {
		for i, id := range ids {
			if s.opts.Poison(string(id)) {
				codes[i], some = codeMissingIdentity, true
			}
		}
	}
	return some
}

// leaveOut marks every tenth identity, and at least one, from a place that turn
// decides. A poisonous one keeps its own code.
func leaveOut(codes []int, turn uint64) {
	start := int(turn % uint64(len(codes)))
	for i := 0; i < len(codes); i += 10 {
		if at := (start + i) % len(codes); codes[at] == 0 {
			codes[at] = codeMiscellaneous
		}
	}
}

// next counts one up and returns what was there before.
func (s *Server) next(n *int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	*n++
	return *n - 1
}

package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
)

const anyURL = "http://sandbox" + Path

// request is a right request for these identities.
func request(ctx context.Context, t testing.TB, url string, identities ...string) *http.Request {
	t.Helper()
	body, err := json.Marshal(map[string][]string{"identities": identities})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-CleverTap-Account-Id", "ABC-123-4DE")
	r.Header.Set("X-CleverTap-Passcode", "open")
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	return r
}

// send returns the status and the body, or 0 and the error.
func send(t testing.TB, way http.RoundTripper, r *http.Request) (int, string, error) {
	t.Helper()
	resp, err := way.RoundTrip(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.ContentLength != int64(len(body)) {
		t.Errorf("Content-Length %d, body of %d bytes", resp.ContentLength, len(body))
	}
	return resp.StatusCode, string(body), nil
}

// listen serves s for the length of the test.
func listen(t testing.TB, s *Server) (base string, way http.RoundTripper) {
	t.Helper()
	l, err := Listen("127.0.0.1:0", s)
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{}
	t.Cleanup(func() {
		tr.CloseIdleConnections()
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l.URL, tr
}

func TestStrict(t *testing.T) {
	set := func(key, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(key, value) }
	}
	body := func(s string) func(*http.Request) {
		return func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(s)), int64(len(s))
		}
	}
	path := func(s string) func(*http.Request) { return func(r *http.Request) { r.URL.Path = s } }
	for _, tt := range []struct {
		name   string
		change func(*http.Request)
		status int
		says   string
	}{
		{"right", func(*http.Request) {}, 200, `{"status":"success"}`},
		{"no charset", set("Content-Type", "application/json"), 200, "success"},
		{"charset in capitals", set("Content-Type", "application/json;charset=UTF-8"), 200, "success"},
		{"a bare string", body(`{"identities":"a"}`), 200, "success"},
		{"the delete API", path("/1/delete/profiles.json"), 404, "Resource not found"},
		{"a slash behind", path(Path + "/"), 404, "Resource not found"},
		{"two slashes", path("/" + Path), 404, "Resource not found"},
		{"the root", path("/"), 404, "Resource not found"},
		{"GET", func(r *http.Request) { r.Method = http.MethodGet }, 405, "Method not allowed"},
		{"PUT", func(r *http.Request) { r.Method = http.MethodPut }, 405, "Method not allowed"},
		{"no account", func(r *http.Request) { r.Header.Del("X-CleverTap-Account-Id") }, 401, "Unauthorized"},
		{"no passcode", func(r *http.Request) { r.Header.Del("X-CleverTap-Passcode") }, 401, "Unauthorized"},
		{"another account", set("X-CleverTap-Account-Id", "X"), 401, "Unauthorized"},
		{"another passcode", set("X-CleverTap-Passcode", "shut"), 401, "Unauthorized"},
		{"no content type", func(r *http.Request) { r.Header.Del("Content-Type") }, 400, "Content-Type"},
		{"a form", set("Content-Type", "application/x-www-form-urlencoded"), 400, "Content-Type"},
		{"another charset", set("Content-Type", "application/json; charset=utf-16"), 400, "Content-Type"},
		{"no body", body(""), 400, "JSON"},
		{"no identities", body(`{"identities":[]}`), 400, "No identities"},
		{"a hundred and one", body(`{"identities":["a"` + strings.Repeat(`,"a"`, 100) + `]}`), 400, "More than 100"},
		{"too large", body(`{"identities":"` + strings.Repeat("a", maxBody) + `"}`), 413, "too large"},
	} {
		check := func(t *testing.T, base string, s *Server, way http.RoundTripper) {
			r := request(t.Context(), t, base+Path, "a")
			tt.change(r)
			status, says, err := send(t, way, r)
			if err != nil || status != tt.status || !strings.Contains(says, tt.says) {
				t.Errorf("got %d %s %v, want %d %s", status, says, err, tt.status, tt.says)
			}
			var fail struct {
				Status, Error string
				Code          int
			}
			if err := json.Unmarshal([]byte(says), &fail); err != nil {
				t.Error(err)
			}
			if status != 200 && (fail.Status != "fail" || fail.Code != status || fail.Error == "") {
				t.Errorf("not the API's error body: %s", says)
			}
			b := s.Books()
			if taken := b.Identities == 1; taken != (tt.status == 200) {
				t.Errorf("%d identities applied after a %d", b.Identities, tt.status)
			}
			if wrong := b.WrongPath == 1; wrong != (tt.status == 404) || b.Requests != 1 {
				t.Errorf("%d requests to wrong paths of %d after a %d", b.WrongPath, b.Requests, tt.status)
			}
		}
		o := Options{Account: "ABC-123-4DE", Passcode: "open"}
		t.Run(tt.name+"/in process", func(t *testing.T) {
			s := New(o)
			check(t, "http://sandbox", s, s.Transport())
		})
		t.Run(tt.name+"/served", func(t *testing.T) {
			s := New(o)
			base, way := listen(t, s)
			check(t, base, s, way)
		})
	}
}

func TestAnyCredentialsWillDoIfNoneAreAsked(t *testing.T) {
	s := New(Options{})
	if status, _, err := send(t, s.Transport(), request(t.Context(), t, anyURL, "a")); status != 200 {
		t.Errorf("got %d, %v", status, err)
	}
	r := request(t.Context(), t, anyURL, "a")
	r.Header.Set("X-CleverTap-Passcode", "")
	if status, _, err := send(t, s.Transport(), r); status != 401 {
		t.Errorf("empty passcode: got %d, %v", status, err)
	}
}

// batch is n different identities.
func batch(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("client-%03d", i)
	}
	return ids
}

// TestEachFault sends one batch into each fault and checks what the client
// sees against what the server took.
func TestEachFault(t *testing.T) {
	for _, tt := range []struct {
		name    string
		faults  Faults
		status  int // 0: a connection error
		says    string
		applied int64
	}{
		{"success", Faults{}, 200, `{"status":"success"}`, 20},
		{"429", Faults{TooMany: 1}, 429, `{"status":"fail","error":"Too many concurrent requests","code":429}`, 0},
		{"500", Faults{Internal: 1}, 500, `"code":500`, 0},
		{"503", Faults{Unavailable: 1}, 503, `"code":503`, 0},
		{"reset", Faults{Reset: 1}, 0, "", 0},
		{"drop", Faults{Drop: 1}, 0, "", 20},
		{"garbage", Faults{Garbage: 1}, 200, "<html>", 0},
		{"partial", Faults{Partial: 1}, 200, `"code":555,"error":"Miscellaneous server error","record":"client-0`, 18},
	} {
		check := func(t *testing.T, base string, s *Server, way http.RoundTripper) {
			status, says, err := send(t, way, request(t.Context(), t, base+Path, batch(20)...))
			if status != tt.status || !strings.Contains(says, tt.says) || (err != nil) != (tt.status == 0) {
				t.Errorf("got %d %s %v, want %d %s", status, says, err, tt.status, tt.says)
			}
			// A served drop is a plain end of the connection, as from a real server.
			if err != nil && !errors.Is(err, syscall.ECONNRESET) && !(tt.name == "drop" && errors.Is(err, io.EOF)) {
				t.Errorf("%v is no lost connection", err)
			}
			b := s.Books()
			if b.Identities != tt.applied || !maps.Equal(b.Answers, map[string]int64{tt.name: 1}) {
				t.Errorf("%d applied, answers %v; want %d, one %s", b.Identities, b.Answers, tt.applied, tt.name)
			}
		}
		t.Run(tt.name+"/in process", func(t *testing.T) {
			s := New(Options{Faults: tt.faults})
			check(t, "http://sandbox", s, s.Transport())
		})
		t.Run(tt.name+"/served", func(t *testing.T) {
			s := New(Options{Faults: tt.faults})
			base, way := listen(t, s)
			check(t, base, s, way)
		})
	}
}

func TestGarbageAndPartialTakeTurns(t *testing.T) {
	s := New(Options{Faults: Faults{Garbage: 1}})
	var shapes []string
	for range 5 {
		_, says, _ := send(t, s.Transport(), request(t.Context(), t, anyURL, "a"))
		if slices.Contains(shapes, says) != (len(shapes) == 4) {
			t.Errorf("answer %d is %q, after %q", len(shapes), says, shapes)
		}
		shapes = append(shapes, says)
	}
	s = New(Options{Faults: Faults{Partial: 1}})
	for _, want := range []string{`"record":"a"}`, `"record":{"identity":"a"}}`, `"record":"a"}`} {
		if _, says, _ := send(t, s.Transport(), request(t.Context(), t, anyURL, "a")); !strings.Contains(says, want) {
			t.Errorf("got %s, want %s", says, want)
		}
	}
}

func TestPoison(t *testing.T) {
	poison := func(id string) bool { return id == `bad"one` || id == "client-003" }
	ids := append(batch(20), `bad"one`)

	s := New(Options{Poison: poison})
	status, says, _ := send(t, s.Transport(), request(t.Context(), t, anyURL, ids...))
	if status != 400 || !strings.Contains(says, `"status":"fail"`) || !strings.Contains(says, `"code":523`) {
		t.Errorf("got %d %s", status, says)
	}
	if b := s.Books(); b.Identities != 0 {
		t.Errorf("%d applied of a refused batch", b.Identities)
	}

	s = New(Options{Poison: poison, PoisonPartial: true})
	status, says, _ = send(t, s.Transport(), request(t.Context(), t, anyURL, ids...))
	var got struct {
		Status      string
		Processed   int
		Unprocessed []struct {
			Code   int
			Record string
		}
	}
	if err := json.Unmarshal([]byte(says), &got); err != nil {
		t.Fatal(err)
	}
	if status != 200 || got.Status != "partial" || got.Processed != 19 || len(got.Unprocessed) != 2 ||
		got.Unprocessed[0].Record != "client-003" || got.Unprocessed[1].Record != `bad"one` || got.Unprocessed[1].Code != 523 {
		t.Errorf("got %d %s", status, says)
	}
	if s.Count(`bad"one`) != 0 || s.Count("client-003") != 0 || s.Count("client-004") != 1 || s.Books().Identities != 19 {
		t.Errorf("the wrong ones were applied: %+v", s.Books())
	}
}

// TestSeedDecides: the same requests under the same seed meet the same fates.
func TestSeedDecides(t *testing.T) {
	faults, err := ParseFaults("429=10%,500=10%,503=10%,reset=10%,drop=10%,garbage=10%,partial=10%")
	if err != nil {
		t.Fatal(err)
	}
	run := func(seed uint64) (fates []string) {
		s := New(Options{Seed: seed, Faults: faults})
		for range 300 {
			status, says, err := send(t, s.Transport(), request(t.Context(), t, anyURL, batch(20)...))
			fates = append(fates, fmt.Sprint(status, says, err))
		}
		b := s.Books()
		for _, kind := range []string{"success", "429", "500", "503", "reset", "drop", "garbage", "partial"} {
			if b.Answers[kind] < 10 {
				t.Errorf("seed %d: %d of 300 are %s", seed, b.Answers[kind], kind)
			}
		}
		return fates
	}
	one := run(1)
	if !slices.Equal(one, run(1)) {
		t.Error("the same seed gave different fates")
	}
	if slices.Equal(one, run(2)) {
		t.Error("different seeds gave the same fates")
	}
}

func TestControl(t *testing.T) {
	s := New(Options{})
	way := s.Transport()
	for range 2 {
		send(t, way, request(t.Context(), t, anyURL, "a"))
	}
	send(t, way, request(t.Context(), t, anyURL, "b"))
	for _, tt := range []struct {
		method, path string
		status       int
		says         string
	}{
		{"GET", "books", 200, `"identities":3,"distinct":2,"repeated":1,"max_in_flight":1,`},
		{"GET", "books?identity=a", 200, `{"count":2}`},
		{"GET", "books?identity=", 200, `{"count":0}`},
		{"GET", "books/repeats", 200, `{"1":1,"2":1}`},
		{"POST", "books", 405, "Use GET"},
		{"GET", "books/reset", 405, "Use POST"},
		{"GET", "cooks", 404, "No such"},
		{"POST", "faults?set=429=100", 400, "not a share"},
		{"POST", "faults?set=429=100%25", 200, "success"},
		{"POST", "/1/demerge/profiles.json", 404, "No such"},
		{"POST", "down?for=x", 400, "for=4s"},
		{"POST", "down?for=1h", 200, "success"},
		{"POST", "books/reset", 200, "success"},
		{"GET", "books", 200, `{"requests":0,"identities":0,"distinct":0,`},
	} {
		r, err := http.NewRequestWithContext(t.Context(), tt.method, "http://sandbox"+ControlPrefix+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if status, says, err := send(t, way, r); status != tt.status || !strings.Contains(says, tt.says) {
			t.Errorf("%s %s: got %d %s %v", tt.method, tt.path, status, says, err)
		}
	}
	if status, _, _ := send(t, way, request(t.Context(), t, anyURL, "a")); status != 503 {
		t.Errorf("while down: %d", status)
	}
	s.SetDown(false)
	if status, _, _ := send(t, way, request(t.Context(), t, anyURL, "a")); status != 429 {
		t.Errorf("all faults 429: %d", status)
	}
}

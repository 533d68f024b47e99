package sender

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bulkdemerge/bulkdemerge/pkg/batcher"
)

// clock is when the recorded answers were read.
var clock = time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)

func batchOf(ids ...string) (*batcher.Batch, []int) {
	b := &batcher.Batch{Seq: 1}
	var index []int
	for i, id := range ids {
		index = append(index, i)
		b.Records = append(b.Records, batcher.Record{Identity: []byte(id)})
	}
	return b, index
}

// read makes an answer of a recorded one, as the client would.
func read(t testing.TB, file []byte) (answer, http.Header) {
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(file)), &http.Request{Method: http.MethodPost})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header, at: clock, sent: true}
	a.body, a.tooLong, a.err = readAll(resp.Body, nil)
	return a, resp.Header
}

// describe is a verdict in the words of the files' X-Test-Expect.
func describe(v *verdict, b *batcher.Batch) string {
	names := func(index []int) string {
		var ids []string
		for _, i := range index {
			ids = append(ids, string(b.Records[i].Identity))
		}
		return strings.Join(ids, ",")
	}
	var words []string
	switch v.decision {
	case acceptAll:
		words = append(words, "accepted")
	case refuse:
		words = append(words, fmt.Sprintf("refused:%d", v.code))
	case giveUp:
		words = append(words, fmt.Sprintf("failed:%d", v.code))
	case slowDown:
		words = append(words, "throttled")
	case tryAgain:
		words = append(words, "again")
	case stopRun:
		words = append(words, "stop="+v.stop.String())
	case sortOut:
		if len(v.parts.accepted) > 0 {
			words = append(words, "accepted="+names(v.parts.accepted))
		}
		var refused []string
		for _, r := range v.parts.rejected {
			refused = append(refused, fmt.Sprintf("%s:%d", b.Records[r.record].Identity, r.code))
		}
		if len(refused) > 0 {
			words = append(words, "rejected="+strings.Join(refused, ","))
		}
		if len(v.parts.split) > 0 {
			words = append(words, "split="+names(v.parts.split))
		}
		if len(v.parts.again) > 0 {
			words = append(words, "again="+names(v.parts.again))
		}
	}
	if v.retryAfter > 0 {
		words = append(words, "wait="+v.retryAfter.String())
	}
	return strings.Join(words, " ")
}

func recorded(t testing.TB) []string {
	files, err := filepath.Glob("../../testdata/answers/*.http")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded answers: %v", err)
	}
	return files
}

// A new shape seen in the wild is one more file.
func TestRecordedAnswers(t *testing.T) {
	for _, file := range recorded(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			a, header := read(t, data)
			b, index := batchOf(strings.Fields(header.Get("X-Test-Sent"))...)
			v := classify(&a, b, index)
			if got, want := describe(&v, b), header.Get("X-Test-Expect"); got != want {
				t.Errorf("understood as %q, want %q", got, want)
			}
			if v.decision != acceptAll && v.decision != stopRun && v.decision != slowDown && v.reason == "" {
				t.Error("no reason for the report")
			}
			if strings.ContainsAny(v.reason+v.words+v.waiting, "\r\n\t") || len(v.words) > maxWords {
				t.Errorf("words are not one short line: %q, %q", v.words, v.reason)
			}
		})
	}
}

// docs/answers.md has a row for each file, and no row without one.
func TestAnswersAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/answers.md")
	if err != nil {
		t.Fatal(err)
	}
	var linked []string
	for _, m := range regexp.MustCompile(`\.\./testdata/answers/([^)]+)\)`).FindAllStringSubmatch(string(doc), -1) {
		linked = append(linked, m[1])
	}
	var files []string
	for _, file := range recorded(t) {
		files = append(files, filepath.Base(file))
	}
	slices.Sort(linked)
	if !slices.Equal(linked, files) {
		t.Errorf("docs/answers.md links\n%v\nthe files are\n%v", linked, files)
	}
}

// What came without an answer, or was too long for one.
func TestNoAnswer(t *testing.T) {
	opErr := func(e error) error { return &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", e)} }
	cases := []struct {
		a       answer
		want    string
		reason  string
		waiting string
	}{
		{answer{err: errTimeout, timeout: true, sent: true}, "again", "no answer in time", "requests time out"},
		{answer{err: errTimeout, timeout: true}, "again", "timed out before the request was sent", "requests time out"},
		{answer{err: opErr(syscall.ECONNRESET), sent: true}, "again", "no answer: connection reset", "API can't be reached: connection reset"},
		{answer{err: opErr(syscall.ECONNREFUSED)}, "again", "no answer: connection refused", "API can't be reached: connection refused"},
		{answer{err: io.EOF, sent: true}, "again", "no answer: connection closed in the middle", "API can't be reached: connection closed in the middle"},
		{answer{err: &net.DNSError{Name: "in1.example", Err: "no such host"}}, "again", "no answer: name lookup of in1.example failed: no such host",
			"API can't be reached: name lookup of in1.example failed: no such host"},
		{answer{err: errors.New("odd\nthing")}, "again", "no answer: odd thing", "API can't be reached: odd thing"},
		{answer{err: &proxyError{"proxy.example:3128", 407}}, "stop=proxy", "", ""},
		{answer{err: &proxyError{"proxy.example:3128", 502}}, "again", "no answer: the proxy proxy.example:3128 answers 502",
			"API can't be reached: the proxy proxy.example:3128 answers 502"},
		{answer{status: 200, body: []byte(`{"status":"success"}`), tooLong: true}, "again", "answer longer than 1 MiB",
			"API answers 200 with something that is no answer of it"},
		{answer{status: 200, err: errTimeout, timeout: true}, "again", "timed out in the middle of the answer", "requests time out"},
		{answer{status: 400, err: io.ErrUnexpectedEOF}, "refused:0", "API answered 400", ""},
	}
	for _, c := range cases {
		c.a.at = clock
		b, index := batchOf("ann", "bob")
		v := classify(&c.a, b, index)
		if got := describe(&v, b); got != c.want || v.reason != c.reason || v.waiting != c.waiting {
			t.Errorf("%v: %q, %q, %q; want %q, %q, %q", c.a.err, got, v.reason, v.waiting, c.want, c.reason, c.waiting)
		}
	}
}

// Whatever comes back: no panic, every record in exactly one part, and nobody
// accepted whom the body could not have meant.
func FuzzClassify(f *testing.F) {
	for _, file := range recorded(f) {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		a, _ := read(f, data)
		f.Add(a.status, a.body, a.header.Get("Retry-After"))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte, wait string) {
		if status < 200 || status > 599 {
			return
		}
		b, index := batchOf("ann", "bob", "42")
		a := answer{status: status, body: body, header: http.Header{"Retry-After": {wait}}, at: clock}
		v := classify(&a, b, index)
		if v.retryAfter < 0 || len(v.words) > maxWords {
			t.Errorf("wait %v, words of %d bytes", v.retryAfter, len(v.words))
		}
		if v.decision == acceptAll && status != 204 && (status > 202 || !bytes.Contains(body, []byte(`status`))) {
			t.Errorf("accepted a %d of %q", status, body)
		}
		if v.decision != sortOut {
			return
		}
		seen := slices.Concat(v.parts.accepted, v.parts.again, v.parts.split)
		for _, r := range v.parts.rejected {
			seen = append(seen, r.record)
		}
		slices.Sort(seen)
		if !slices.Equal(seen, index) {
			t.Errorf("parts hold %v", seen)
		}
	})
}

func TestIdentitiesLeaveTheWords(t *testing.T) {
	b, index := batchOf("ann@example.com", "x")
	long := strings.Repeat("no, ", 46)
	for words, want := range map[string]string{
		"no: ann@example.com is not it":                      "no: «identity» is not it",
		clean(long + "not ann@example.com"):                  long + "not",
		clean(long[:180] + "ann@example.com, not at all"):    long[:180] + "«identity», no",
		"no: Ann@Example.COM is not it, nor ANN@EXAMPLE.COM": "no: «identity» is not it, nor «identity»",
		"": "",
	} {
		if got := withoutIdentities(words, b, index[:1]); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestThePasscodeLeavesTheWords(t *testing.T) {
	const passcode = "PASS-CODE-9"
	for _, body := range []string{
		`{"status":"fail","error":"no PASS-CODE-9, no","code":1}`,
		`{"status":"fail","error":"no \u0050ASS-CODE-9, no","code":523}`,
		`{"status":"partial","processed":0,"unprocessed":[{"status":"fail","code":523,"error":"PASS-CODE-9","record":"ann"}]}`,
		"X-CleverTap-Passcode: PASS-CODE-9",
		strings.Repeat("n", 194) + " PASS-CODE-9",
	} {
		for _, status := range []int{200, 302, 400, 401, 403, 409, 429, 500} {
			b, index := batchOf("ann")
			v := classify(&answer{status: status, body: []byte(body), header: http.Header{}, at: clock}, b, index)
			v.withoutPasscode(passcode)
			said := fmt.Sprintf("%q %q %q %+v", v.words, v.reason, v.waiting, v.parts)
			if strings.Contains(said, "PASS-") || len(v.words) > maxWords+len("«passcode»") {
				t.Errorf("%d %s: %s", status, body, said)
			}
		}
	}
}

package sender

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"github.com/bulkdemerge/bulkdemerge/pkg/batcher"
)

// maxWords is how much of an answer is kept for people, in bytes.
const maxWords = 200

// clean makes one line of at most maxWords bytes of what somebody else wrote:
// control characters and runs of space become one space.
func clean(s string) string {
	var b strings.Builder
	space := false
	for _, r := range s {
		if unicode.IsSpace(r) || unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			space = b.Len() > 0
			continue
		}
		if b.Len()+utf8.RuneLen(r)+1 > maxWords {
			break
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	return b.String()
}

// withoutIdentities takes the piece's identities out of the API's words, for
// messages that may go to a log.
func withoutIdentities(words string, batch *batcher.Batch, index []int) string {
	if words == "" {
		return ""
	}
	cut := len(words) > maxWords-2*utf8.UTFMax
	for _, record := range index {
		id := batch.Records[record].Identity
		words = replaceFold(words, string(id), "«identity»")
		// The end of words that were cut may be the beginning of an identity.
		for n := len(id) - 1; cut && n > 2; n-- {
			if len(words) >= n && strings.EqualFold(words[len(words)-n:], string(id[:n])) {
				words = words[:len(words)-n]
				break
			}
		}
	}
	return clean(words)
}

// withoutOthers takes the identities of the piece but that of record out of what
// the API says of record: its row is its own.
func withoutOthers(words string, batch *batcher.Batch, index []int, record int) string {
	others := make([]int, 0, len(index))
	for _, i := range index {
		if !bytes.Equal(batch.Records[i].Identity, batch.Records[record].Identity) {
			others = append(others, i)
		}
	}
	return withoutIdentities(words, batch, others)
}

// replaceFold is strings.ReplaceAll whatever the case of ASCII letters: an API
// may say an e-mail address as it keeps it.
func replaceFold(s, old, by string) string {
	if old == "" || len(s) < len(old) {
		return s
	}
	lower, part := lowerASCII(s), lowerASCII(old)
	var b strings.Builder
	for {
		i := strings.Index(lower, part)
		if i < 0 {
			break
		}
		b.WriteString(s[:i] + by)
		s, lower = s[i+len(part):], lower[i+len(part):]
	}
	return b.String() + s
}

// lowerASCII keeps the length, which strings.ToLower does not.
func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// withoutPasscode takes the passcode out of all that the other side said: an
// error page that repeats the request's headers must not carry it into the
// report or a log.
func (v *verdict) withoutPasscode(passcode string) {
	for _, words := range []*string{&v.words, &v.reason, &v.waiting} {
		*words = hidePasscode(*words, passcode)
	}
	for i := range v.parts.rejected {
		r := &v.parts.rejected[i]
		r.reason = hidePasscode(r.reason, passcode)
	}
}

func hidePasscode(words, passcode string) string {
	if words == "" || passcode == "" {
		return words
	}
	words = strings.ReplaceAll(words, passcode, "«passcode»")
	// The end of words that were cut, by us or on the way, may be the beginning
	// of it.
	for n := len(passcode) - 1; n > 2; n-- {
		if strings.HasSuffix(words, passcode[:n]) {
			return words[:len(words)-n]
		}
	}
	return words
}

// noAnswer is the verdict on a request that got none.
func (v *verdict) noAnswer(a *answer) {
	var proxy *proxyError
	switch {
	case errors.As(a.err, &proxy) && proxy.status == 407:
		v.decision, v.kind, v.stop = stopRun, AnswerStop, StopProxyAuth
		v.httpStatus, v.proxy = proxy.status, proxy.host
	case a.timeout && a.sent:
		v.again(AnswerNone, "no answer in time", "requests time out")
	case a.timeout:
		v.again(AnswerNone, "timed out before the request was sent", "requests time out")
	default:
		words := netWords(a.err)
		v.again(AnswerNone, "no answer: "+words, "API can't be reached: "+words)
	}
}

// netWords names a network error as people know it.
func netWords(err error) string {
	var dns *net.DNSError
	var record tls.RecordHeaderError
	var certificate *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	switch {
	case errors.As(err, &dns):
		return clean("name lookup of " + dns.Name + " failed: " + dns.Err)
	case errors.As(err, &authority):
		return "TLS: certificate of an unknown authority (a company proxy? --ca-file)"
	case errors.As(err, &certificate):
		return clean("TLS: " + certificate.Err.Error())
	case errors.As(err, &record):
		return "TLS: the other side doesn't speak it"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed in the middle"
	}
	// What net/http quotes is the other side's: it may be an identity.
	words, quoted, _ := strings.Cut(err.Error(), "\"")
	if quoted != "" || strings.Contains(words, "malformed") {
		return "the other side doesn't speak HTTP as it should"
	}
	return clean(words)
}

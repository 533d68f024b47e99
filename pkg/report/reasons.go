package report

import (
	"bytes"
	"cmp"
	"slices"
	"unicode"
	"unicode/utf8"
)

// MaxReasons bounds the distinct reasons that a summary tells apart; what
// comes after them is counted as OtherReasons.
const MaxReasons = 1000

// OtherReasons is the reason of the records beyond MaxReasons.
const OtherReasons = "other reasons"

// maxWordings bounds how many wordings Reasons remembers the group of. It is
// for speed alone: a forgotten one is worked out again.
const maxWordings = 4096

// Reason is a group of records that ended for the same reason.
type Reason struct {
	Status string `json:"status"`
	Reason string `json:"reason"`         // without the identities it spoke of
	Code   int    `json:"code,omitempty"` // the API's own, 0: none
	Count  int64  `json:"count"`
}

// Reasons groups the records that need a person by why. Reasons that differ
// only in the identity or the numbers they quote are one group, so that the
// groups are few and show nobody. The zero value is ready.
type Reasons struct {
	groups   map[reasonKey]*Reason
	wordings map[wording]*Reason
}

type reasonKey struct {
	status, reason string
	code           int
}

type wording struct{ status, reason, code string }

// Add counts a row. Rows that need no person are not counted.
func (g *Reasons) Add(r *Raw) {
	if !needsPerson(r.Status) {
		return
	}
	if len(r.Identity) > 0 && bytes.Contains(r.Reason, r.Identity) || len(r.Reason) > maxReason-utf8.UTFMax {
		g.group(r).Count++
		return
	}
	if p, ok := g.wordings[wording{string(r.Status), string(r.Reason), string(r.Code)}]; ok {
		p.Count++
		return
	}
	p := g.group(r)
	p.Count++
	if g.wordings == nil || len(g.wordings) >= maxWordings {
		g.wordings = map[wording]*Reason{}
	}
	g.wordings[wording{string(r.Status), string(r.Reason), string(r.Code)}] = p
}

func needsPerson(status []byte) bool {
	switch string(status) {
	case StatusRejected, StatusFailed, StatusInvalid:
		return true
	}
	return false
}

// group finds or makes the group of a row.
func (g *Reasons) group(r *Raw) *Reason {
	code := 0
	for _, c := range r.Code {
		code = code*10 + int(c-'0')
	}
	k := reasonKey{string(r.Status), anonymous(r.Reason, r.Identity), code}
	if p, ok := g.groups[k]; ok {
		return p
	}
	if len(g.groups) >= MaxReasons {
		k = reasonKey{k.status, OtherReasons, 0}
		if p, ok := g.groups[k]; ok {
			return p
		}
	}
	if g.groups == nil {
		g.groups = map[reasonKey]*Reason{}
	}
	p := &Reason{Status: k.status, Reason: k.reason, Code: k.code}
	g.groups[k] = p
	return p
}

// List is the groups, the largest first.
func (g *Reasons) List() []Reason {
	list := make([]Reason, 0, len(g.groups))
	for _, p := range g.groups {
		list = append(list, *p)
	}
	slices.SortFunc(list, func(a, b Reason) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Status, b.Status),
			cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Code, b.Code))
	})
	return list
}

// anonymous is a reason without the identities in it: the row's own stands as
// «identity», and any other word that looks like one (an @, four digits) or
// like a number that only makes reasons differ as «…».
func anonymous(reason, identity []byte) string {
	if len(identity) < longIdentity {
		return string(appendAnonymous(nil, reason, identity))
	}
	var out []byte
	for i, part := range bytes.Split(reason, identity) {
		if i > 0 {
			out = append(out, "«identity»"...)
		}
		out = appendAnonymous(out, part, identity)
	}
	return string(out)
}

// longIdentity is the length, in bytes, from which an identity is taken out of
// a reason wherever it stands; a shorter one only as a word, because a reason
// without its letters a says nothing.
const longIdentity = 6

func appendAnonymous(out, reason, identity []byte) []byte {
	for len(reason) > 0 {
		if n := quotes(reason, identity); n > 0 && (len(out) == 0 || !endsInWord(out)) {
			out = append(out, "«identity»"...)
			reason = reason[n:]
			continue
		}
		n := wordLen(reason)
		if n == 0 {
			_, n = utf8.DecodeRune(reason)
			out = append(out, reason[:n]...)
		} else if looksLikeData(reason[:n]) {
			out = append(out, "«…»"...)
		} else {
			out = append(out, reason[:n]...)
		}
		reason = reason[n:]
	}
	return out
}

// quotes is the length of the identity where s begins with it, whole or up to
// where a reason was cut; 0 if it doesn't.
func quotes(s, identity []byte) int {
	n := len(identity)
	if n == 0 {
		return 0
	}
	if bytes.HasPrefix(s, identity) {
		if r, _ := utf8.DecodeRune(s[n:]); n == len(s) || !isWord(r) {
			return n
		}
		return 0
	}
	if len(s) >= 3 && bytes.HasPrefix(identity, s) {
		return len(s)
	}
	return 0
}

// isWord reports whether a rune belongs to a word that may be an identity.
func isWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '@' || r == '.' || r == '_' || r == '-' || r == '+'
}

func endsInWord(b []byte) bool {
	r, _ := utf8.DecodeLastRune(b)
	return isWord(r)
}

func wordLen(s []byte) int {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRune(s[i:])
		if !isWord(r) {
			return i
		}
		i += n
	}
	return len(s)
}

func looksLikeData(word []byte) bool {
	digits := 0
	for _, c := range word {
		if c == '@' {
			return true
		}
		if '0' <= c && c <= '9' {
			digits++
		}
	}
	return digits >= 4
}

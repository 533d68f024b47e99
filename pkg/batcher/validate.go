package batcher

import (
	"bytes"
	"encoding/binary"
	"unicode"
	"unicode/utf8"

	"github.com/bulkdemerge/bulkdemerge/pkg/reader"
)

// item is a record on its way into a batch. Its id points into the block.
type item struct {
	id     []byte
	reason string
	key    entry
	class  Class
	flags  Flags
}

// classifier looks at one record at a time.
type classifier struct {
	trim   bool
	skip   map[string]struct{}
	hasher *hasher // nil without Dedupe
}

func newClassifier(o *Options) *classifier {
	c := &classifier{trim: o.Trim}
	if len(o.Skip) > 0 {
		c.skip = make(map[string]struct{}, len(o.Skip))
		for _, s := range o.Skip {
			c.skip[s] = struct{}{}
		}
	}
	if o.Dedupe {
		c.hasher = newHasher()
	}
	return c
}

// look finds out everything about a record but whether it came before.
func (c *classifier) look(r *reader.Record, it *item) {
	upper := c.classify(r, it)
	if it.class == Send && c.hasher != nil {
		it.key = c.hasher.key(it.id, upper)
	}
}

// classify decides everything about a record but whether it came before.
// upper tells whether an identity to be sent has an upper-case ASCII letter.
func (c *classifier) classify(r *reader.Record, it *item) (upper bool) {
	*it = item{class: Invalid}
	if r.Problem != reader.None {
		it.reason = r.Problem.Reason()
		return false
	}
	id := r.Identity
	if outerSpace(id) {
		it.flags = OuterSpace
		if c.trim {
			id = bytes.TrimSpace(id)
		}
	}
	it.id = id
	if len(c.skip) > 0 {
		if _, ok := c.skip[string(id)]; ok {
			it.class = Skipped
			it.id = clip(id)
			return false
		}
	}
	var plain bool
	it.reason, upper, plain = check(id)
	if it.reason == "" {
		it.class = Send
		if plain && (c.trim || it.flags&OuterSpace == 0) {
			it.flags |= Plain
		}
		return upper
	}
	it.id = clip(id)
	return false
}

// clip cuts what was too long to be sent, so that no batch holds much of it.
// One byte more than the limit shows that there was more.
func clip(id []byte) []byte { return id[:min(len(id), MaxIdentity+1)] }

// outerSpace tells whether bytes.TrimSpace would cut anything off.
func outerSpace(id []byte) bool {
	if len(id) == 0 {
		return false
	}
	first, last := id[0], id[len(id)-1]
	if first > ' ' && first < utf8.RuneSelf && last > ' ' && last < utf8.RuneSelf {
		return false
	}
	r, _ := utf8.DecodeRune(id)
	if unicode.IsSpace(r) {
		return true
	}
	r, _ = utf8.DecodeLastRune(id)
	return unicode.IsSpace(r)
}

// check gives the reason why an identity can't be sent, empty if it can, and
// whether it has an upper-case ASCII letter, and nothing but plain ASCII.
func check(id []byte) (reason string, upper, plain bool) {
	if len(id) == 0 {
		return ReasonEmpty, false, false
	}
	if len(id) > MaxIdentity {
		return ReasonTooLong, false, false
	}
	flags := uint64(0)
	if len(id) < 8 {
		flags = scan8(short(id))
	} else {
		i := 0
		for ; i+8 <= len(id); i += 8 {
			flags |= scan8(binary.LittleEndian.Uint64(id[i:]))
		}
		// The last eight bytes again, overlapping: cheaper than a loop over the rest.
		flags |= scan8(binary.LittleEndian.Uint64(id[len(id)-8:]))
	}
	if flags&hasWide != 0 {
		reason, upper = checkWide(id)
		return reason, upper, false
	}
	if flags&hasControl != 0 {
		return ReasonControl, false, false
	}
	return "", flags&hasUpper != 0, flags&hasSpecial == 0
}

// What scan8 finds: one bit of each byte, so that the findings of many words
// can be or-ed together.
const (
	ones       = 0x0101010101010101
	hasWide    = 0x80 * ones // a byte that is not ASCII
	hasControl = 0x40 * ones // C0 or DEL, if nothing is wide
	hasUpper   = 0x20 * ones // A to Z, if nothing is wide
	hasSpecial = 0x10 * ones // a quote, a comma or a backslash, if nothing is wide
)

// scan8 looks at eight bytes at once. Each sum below stays within its byte as
// long as all bytes are ASCII (at most 0x7f + 0x7f), so that no carry reaches
// the neighbour; where one is not, hasWide is set and the rest is not used.
func scan8(w uint64) uint64 {
	const high = 0x80 * ones
	control := ^(w + (0x80-0x20)*ones) | (w + ones) // below the space, or 0x7f
	upper := (w + (0x80-'A')*ones) &^ (w + (0x80-'Z'-1)*ones)
	const low = 0x7f * ones // added to a byte of at most 0x7f it sets the high bit unless that is 0
	other := ((w ^ '"'*ones) + low) & ((w ^ ','*ones) + low) & ((w ^ '\\'*ones) + low)
	return w&high | control&high>>1 | upper&high>>2 | ^other&high>>3
}

// filler is a harmless byte wherever short has none to put.
const filler = 0x3030303030 << 24

// short makes a word of 1 to 7 bytes; bytes may stand in it twice, the rest
// is filler.
func short(id []byte) uint64 {
	n := len(id)
	if n >= 4 {
		return uint64(binary.LittleEndian.Uint32(id)) | uint64(binary.LittleEndian.Uint32(id[n-4:]))<<32
	}
	return uint64(id[0]) | uint64(id[n/2])<<8 | uint64(id[n-1])<<16 | filler
}

// checkWide is check for identities with bytes beyond ASCII.
func checkWide(id []byte) (reason string, upper bool) {
	if !utf8.Valid(id) {
		return ReasonNotUTF8, false
	}
	for _, r := range string(id) {
		if unicode.IsControl(r) {
			return ReasonControl, false
		}
		upper = upper || 'A' <= r && r <= 'Z'
	}
	return "", upper
}

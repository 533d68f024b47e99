package sandbox

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// MaxDirt is how many records Dirt can write with different identities.
const MaxDirt = 100_000_000

// DirtCounts says what a tool must find in a file that Dirt wrote, read as CSV
// with --column identity, trimmed, duplicates on. Records is the sum of the
// others.
type DirtCounts struct {
	Records   int64 `json:"records"`
	Sendable  int64 `json:"sendable"`
	Invalid   int64 `json:"invalid"`
	Duplicate int64 `json:"duplicate"`
}

// Dirt writes a CSV of n records, header aside, as a careless export has them:
// customer,identity,country with client numbers, e-mail addresses and phone
// numbers; about 1 % duplicates, some blanks and broken rows, here and there
// CRLF, quoted fields with commas and line ends, outer white space, an empty
// line. The same n and seed give the same bytes.
func Dirt(w io.Writer, n int, seed uint64) (DirtCounts, error) {
	if n < 0 || n > MaxDirt {
		return DirtCounts{}, fmt.Errorf("write sample records: %d is not from 0 to %d; ask for fewer", n, MaxDirt)
	}
	out := bufio.NewWriterSize(w, 64<<10)
	d := dirt{seed: seed}
	line := []byte("customer,identity,country\n")
	for i := range n + 1 {
		// The writer keeps its first error, and Flush returns it.
		if _, err := out.Write(line); err != nil || i == n {
			break
		}
		line = d.appendRow(line[:0], uint64(i))
	}
	if err := out.Flush(); err != nil {
		return DirtCounts{}, fmt.Errorf("write sample records: %w", err)
	}
	return d.counts, nil
}

// dirt makes rows. What a row is depends on the seed and its index alone, so
// that a duplicate can name any earlier row again without a memory of them.
type dirt struct {
	seed   uint64
	counts DirtCounts
}

// flaw is what is wrong with a row's identity.
type flaw uint8

const (
	flawless flaw = iota
	repeated
	blank
	spacesOnly
	shortRow     // ends before the identity
	afterQuote   // bytes after a closing quote
	openQuote    // a quote that doesn't close
	controlInner // a control character inside
	overlong     // more than 1,024 bytes
	notUTF8
)

// flawShares are the shares of the flaws, in 1/10,000 of the rows.
var flawShares = [...]uint64{
	repeated: 100, blank: 40, spacesOnly: 8, shortRow: 10,
	afterQuote: 8, openQuote: 4, controlInner: 6, overlong: 2, notUTF8: 4,
}

func (d *dirt) flaw(i uint64) flaw {
	if i == 0 {
		return flawless // so that every duplicate has something to repeat
	}
	draw := d.dice(i, 1).upTo(10_000)
	for kind, share := range flawShares {
		if draw < share {
			return flaw(kind)
		}
		draw -= share
	}
	return flawless
}

// appendRow appends row i with its line end and counts it.
func (d *dirt) appendRow(b []byte, i uint64) []byte {
	dice := d.dice(i, 2)
	kind := d.flaw(i)
	d.counts.Records++
	switch kind {
	case flawless:
		d.counts.Sendable++
	case repeated:
		d.counts.Duplicate++
	default:
		d.counts.Invalid++
	}
	switch kind {
	case shortRow:
		return append(appendCustomer(b, dice), lineEnd(dice)...)
	case afterQuote, openQuote: // these cost a line: their rows must have only one
		b = append(b, dice.pick(firstNames)...)
	default:
		b = appendCustomer(b, dice)
	}
	b = append(b, ',')
	b = d.appendField(b, i, kind, dice)
	b = append(b, ',')
	b = append(b, [...]string{"IN", "IN", "IN", "AE", "ID", "SG", "US", ""}[dice.upTo(8)]...)
	b = append(b, lineEnd(dice)...)
	if dice.oneIn(1000) {
		b = append(b, '\n') // an empty line is no record
	}
	return b
}

// appendField appends the identity's field with its flaw.
//
// The two kinds of broken quoting each cost their own line and no other, for
// the next quote in the file is always one that opens a field and is followed
// by a letter, a digit or a plus sign: it cannot close a quote properly.
func (d *dirt) appendField(b []byte, i uint64, kind flaw, dice *dice) []byte {
	switch kind {
	case blank:
		return b
	case spacesOnly:
		return append(b, "   "...)
	case repeated:
		return d.appendIdentity(b, d.earlier(i, dice))
	case afterQuote:
		b = d.appendIdentity(append(b, '"'), i)
		return append(b, `"x`...)
	case openQuote:
		return d.appendIdentity(append(b, '"'), i)
	case controlInner:
		return append(d.appendIdentity(b, i), "\x07x"...)
	case overlong:
		b = d.appendIdentity(b, i)
		return append(b, strings.Repeat("0", 1024)...)
	case notUTF8:
		return append(d.appendIdentity(b, i), "\xe9x"...) // an é of Windows-1252
	}
	switch {
	case dice.oneIn(50):
		b = d.appendIdentity(append(b, '"'), i)
		return append(b, '"')
	case dice.oneIn(100):
		b = d.appendIdentity(append(b, ' '), i)
		return append(b, ' ')
	}
	return d.appendIdentity(b, i)
}

// earlier is the index of a flawless row before i, seldom far away.
func (d *dirt) earlier(i uint64, dice *dice) uint64 {
	j := i - 1 - dice.upTo(min(i, 50_000))
	for d.flaw(j) != flawless {
		j-- // row 0 is flawless
	}
	return j
}

// appendIdentity appends the identity of row i, which is no other row's: its
// number is a permutation of the indexes, the factor having no divisor in
// common with the number of them.
func (d *dirt) appendIdentity(b []byte, i uint64) []byte {
	number := (i*48_271_117 + 19_827_239 + d.seed%MaxDirt*1_000_003) % MaxDirt
	dice := d.dice(i, 3)
	switch kind := dice.upTo(20); {
	case kind < 12:
		return fmt.Appendf(b, "client-%08d", number)
	case kind < 17:
		return fmt.Appendf(b, "%s.%s%d@%s", strings.ToLower(dice.pick(firstNames)),
			strings.ToLower(dice.pick(lastNames)), number, dice.pick(domains))
	default:
		return fmt.Appendf(b, "+9198%08d", number)
	}
}

var (
	firstNames = []string{"Priya", "Rahul", "Ananya", "Vikram", "Fatima", "Omar", "Siti", "Budi", "Grace", "Daniel"}
	lastNames  = []string{"Sharma", "Patel", "Iyer", "Khan", "Haddad", "Wijaya", "Tan", "Smith", "Reddy", "Das"}
	domains    = []string{"example.com", "example.org", "example.net", "mail.example.com"}
)

// appendCustomer appends a name, now and then one that needs its quotes.
func appendCustomer(b []byte, dice *dice) []byte {
	first, last := dice.pick(firstNames), dice.pick(lastNames)
	switch draw := dice.upTo(200); {
	case draw < 10:
		return fmt.Appendf(b, `"%s, %s"`, last, first)
	case draw < 11:
		return fmt.Appendf(b, "\"%s\n%s\"", first, last)
	case draw < 12:
		return fmt.Appendf(b, `"%s ""%.1s"" %s"`, first, first, last)
	default:
		return fmt.Appendf(b, "%s %s", first, last)
	}
}

func lineEnd(dice *dice) string {
	if dice.oneIn(25) {
		return "\r\n"
	}
	return "\n"
}

// dice is a row's own stream of draws (the splitmix64 generator).
type dice struct{ state uint64 }

// dice returns the stream of row i for one purpose.
func (d *dirt) dice(i, purpose uint64) *dice {
	return &dice{state: (d.seed*0xd1342543de82ef95 + i) * (2*purpose + 1)}
}

func (d *dice) upTo(n uint64) uint64 {
	d.state += 0x9e3779b97f4a7c15
	z := d.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return (z ^ z>>31) % n
}

func (d *dice) oneIn(n uint64) bool { return d.upTo(n) == 0 }

func (d *dice) pick(of []string) string { return of[d.upTo(uint64(len(of)))] }

package batcher

import (
	"bytes"
	"fmt"
)

// What a kind needs to be called the column's own: so many values in all, and
// so large a share of them.
const (
	surveyValues = 3
	surveyShare  = 0.6
)

// Warning is something that plan points out before a demerge that can't be
// undone. It never holds an identity.
type Warning struct {
	// Kind is scientific, placeholder, case_variants, outer_space, inner_space
	// or other_kind; the last may come once for each kind in the minority.
	Kind    string `json:"kind"`
	Count   int64  `json:"count"`   // records
	Source  int32  `json:"source"`  // of the first one: index into the sources, 0-based
	Line    int64  `json:"line"`    // of the first one, 1-based
	Message string `json:"message"` // what it is and what to do, for people
}

// finding counts one kind of warning.
type finding struct {
	count  int64
	source int32
	line   int64
}

func (f *finding) add(r *Record) {
	if f.count == 0 {
		f.source, f.line = r.Source, r.Line
	}
	f.count++
}

// Survey looks at identities for what is allowed but hardly meant. The zero
// value is ready for use.
type Survey struct {
	scientific, placeholder, caseVariants, outerSpace, innerSpace finding

	untrimmed bool // outer space is still there
	kinds     [kindCount]finding
}

// Add takes a record in. Those that are Invalid or Skipped say nothing about
// what is sent; duplicates count: a placeholder is sent once, but stands for
// many.
func (s *Survey) Add(r *Record) {
	if r.Class != Send && r.Class != Duplicate {
		return
	}
	id := r.Identity
	if r.Flags&Variant != 0 {
		s.caseVariants.add(r)
	}
	if r.Flags&OuterSpace != 0 {
		s.outerSpace.add(r)
		if outerSpace(id) {
			s.untrimmed = true
			id = bytes.TrimSpace(id)
		}
	}
	kind, space := kindOf(id)
	if space {
		s.innerSpace.add(r)
	}
	switch {
	case isPlaceholder(id):
		s.placeholder.add(r)
	case kind == text && isScientific(id):
		s.scientific.add(r)
	default:
		s.kinds[kind].add(r)
	}
}

// Warnings is what was found, in a fixed order.
func (s *Survey) Warnings() []Warning {
	outer := "white space around the identity, trimmed before sending (--trim=false keeps it)"
	if s.untrimmed {
		outer = "white space around the identity is sent with it: leave out --trim=false to cut it off"
	}
	var out []Warning
	for _, w := range []struct {
		kind    string
		f       *finding
		message string
	}{
		{"scientific", &s.scientific, "a number as a spreadsheet abbreviates it (like 1.23E+11), whose digits are lost: export the column as text"},
		{"placeholder", &s.placeholder, "a placeholder (like null, N/A, 0 or test), hardly anybody's identity: leave it out with --skip"},
		{"case_variants", &s.caseVariants, "differs from an earlier identity only in upper and lower case: both are sent, check which one is meant"},
		{"outer_space", &s.outerSpace, outer},
		{"inner_space", &s.innerSpace, "white space inside the identity: check that the column is the right one"},
	} {
		if w.f.count > 0 {
			out = append(out, Warning{w.kind, w.f.count, w.f.source, w.f.line, w.message})
		}
	}
	return append(out, s.otherKinds()...)
}

// otherKinds is a warning for each kind that stands in a column of another.
func (s *Survey) otherKinds() []Warning {
	total, major := int64(0), kind(0)
	for k := range kindCount {
		total += s.kinds[k].count
		if s.kinds[k].count > s.kinds[major].count {
			major = k
		}
	}
	if total < surveyValues || float64(s.kinds[major].count) < surveyShare*float64(total) {
		return nil
	}
	var out []Warning
	for k := range kindCount {
		f := &s.kinds[k]
		if k == major || f.count == 0 || related(major, k) {
			continue
		}
		out = append(out, Warning{"other_kind", f.count, f.source, f.line,
			fmt.Sprintf("%s in a column of %s: check that it belongs there", k.one(), major.many())})
	}
	return out
}

package sandbox

import (
	"fmt"
	"strconv"
	"strings"
)

// Faults are the shares of the requests, 0 to 1 each and at most 1 together,
// that go wrong in each way. Only requests that are right and were given a slot
// can be hit.
type Faults struct {
	TooMany     float64 // 429 at once
	Internal    float64 // 500 at once
	Unavailable float64 // 503 at once
	Reset       float64 // the connection is reset at once, nothing applied
	Drop        float64 // applied, then the connection is closed without an answer
	Hang        float64 // held with its slot, nothing applied
	Garbage     float64 // a 200 that is no success, nothing applied
	Partial     float64 // a 200 that leaves about a tenth of the batch out
}

// fault is one of the ways in which a request goes wrong.
type fault uint8

const (
	noFault fault = iota
	faultTooMany
	faultInternal
	faultUnavailable
	faultReset
	faultDrop
	faultHang
	faultGarbage
	faultPartial
	faultCount
)

// faultNames are the names that ParseFaults knows.
var faultNames = [faultCount]string{"", "429", "500", "503", "reset", "drop", "hang", "garbage", "partial"}

// share is where the share of a kind of fault stands.
func (f *Faults) share(kind fault) *float64 {
	return [faultCount]*float64{
		nil, &f.TooMany, &f.Internal, &f.Unavailable, &f.Reset,
		&f.Drop, &f.Hang, &f.Garbage, &f.Partial,
	}[kind]
}

// at maps a draw from [0,1) to a fault: the shares lie side by side from 0 up,
// and what they leave free is no fault.
func (f *Faults) at(draw float64) fault {
	for kind := noFault + 1; kind < faultCount; kind++ {
		share := *f.share(kind)
		if draw < share {
			return kind
		}
		draw -= share
	}
	return noFault
}

// ParseFaults reads a list such as "429=5%,500=2%,reset=0.5%,hang=0.003". The
// names are 429, 500, 503, reset, drop, hang, garbage and partial; a share is a
// percentage or a plain number from 0 to 1. An empty list is no faults.
func ParseFaults(s string) (Faults, error) {
	var f Faults
	if strings.TrimSpace(s) == "" {
		return f, nil
	}
	var seen [faultCount]bool
	sum := 0.0
	for part := range strings.SplitSeq(s, ",") {
		name, value, ok := strings.Cut(part, "=")
		kind := faultNamed(strings.TrimSpace(name))
		if !ok || kind == noFault {
			return Faults{}, fmt.Errorf("read faults: %q is none; write NAME=SHARE with a name of %s",
				part, strings.Join(faultNames[1:], ", "))
		}
		if seen[kind] {
			return Faults{}, fmt.Errorf("read faults: %s stands twice; name it once", faultNames[kind])
		}
		seen[kind] = true
		share, err := parseShare(strings.TrimSpace(value))
		if err != nil {
			return Faults{}, fmt.Errorf("read faults: share of %s: %w", faultNames[kind], err)
		}
		*f.share(kind) = share
		sum += share
	}
	if sum > 1+1e-9 { // a sum of rounded shares may pass 1 by a hair
		return Faults{}, fmt.Errorf("read faults: the shares make %g %%; together they may reach 100 %%", sum*100)
	}
	return f, nil
}

func faultNamed(name string) fault {
	for kind := noFault + 1; kind < faultCount; kind++ {
		if faultNames[kind] == name {
			return kind
		}
	}
	return noFault
}

func parseShare(s string) (float64, error) {
	number, percent := strings.CutSuffix(s, "%")
	share, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		share /= 100
	}
	if err != nil || !(share >= 0 && share <= 1) { // NaN fails both
		return 0, fmt.Errorf("%q is not a share; write 5%% or 0.05, from 0 to 100 %%", s)
	}
	return share, nil
}

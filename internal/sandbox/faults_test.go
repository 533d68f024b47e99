package sandbox

import (
	"testing"

	"pgregory.net/rapid"
)

func TestParseFaults(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want Faults
		ok   bool
	}{
		{"", Faults{}, true},
		{" ", Faults{}, true},
		{"429=5%,500=2%,503=1%,reset=0.5%,drop=0.5%,hang=0.25%,garbage=0.125%,partial=100e-2%",
			Faults{.05, .02, .01, .005, .005, .0025, .00125, .01}, true},
		{" 429 = 0.05 , drop = 1 % ", Faults{TooMany: .05, Drop: .01}, true},
		{"drop=1", Faults{Drop: 1}, true},
		{"429=10%,500=20%,503=70%", Faults{TooMany: .1, Internal: .2, Unavailable: .7}, true},
		{"429", Faults{}, false},
		{"=5%", Faults{}, false},
		{"428=5%", Faults{}, false},
		{"429=5%,", Faults{}, false},
		{"429=", Faults{}, false},
		{"429=5", Faults{}, false},
		{"429=-1%", Faults{}, false},
		{"429=NaN", Faults{}, false},
		{"429=1%,429=2%", Faults{}, false},
		{"429=60%,500=60%", Faults{}, false},
	} {
		got, err := ParseFaults(tt.in)
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("ParseFaults(%q) = %+v, %v", tt.in, got, err)
		}
	}
}

func TestEachFaultHasItsShareOfTheDraws(t *testing.T) {
	f, err := ParseFaults("429=12.5%,500=12.5%,503=12.5%,reset=12.5%,drop=12.5%,hang=12.5%,garbage=6.25%,partial=6.25%")
	if err != nil {
		t.Fatal(err)
	}
	got := [faultCount]int{}
	const draws = 1600
	for i := range draws {
		got[f.at(float64(i)/draws)]++
	}
	if want := [faultCount]int{200, 200, 200, 200, 200, 200, 200, 100, 100}; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func FuzzParseFaults(f *testing.F) {
	f.Add("429=5%,reset=0.5%")
	f.Add("drop=1e-3")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseFaults(s)
		sum := 0.0
		for kind := noFault + 1; kind < faultCount; kind++ {
			share := *got.share(kind)
			if !(share >= 0 && share <= 1) {
				t.Errorf("%s has the share %v", faultNames[kind], share)
			}
			sum += share
		}
		if sum > 1+1e-6 || err != nil && sum != 0 {
			t.Errorf("shares make %v, error %v", sum, err)
		}
	})
}

func TestLeaveOutTakesATenthAndAtLeastOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, MaxIdentities).Draw(t, "n")
		codes := make([]int, n)
		leaveOut(codes, rapid.Uint64().Draw(t, "turn"))
		left := 0
		for _, c := range codes {
			if c == codeMiscellaneous {
				left++
			}
		}
		if want := (n + 9) / 10; left != want {
			t.Errorf("%d of %d left out, want %d", left, n, want)
		}
	})
}

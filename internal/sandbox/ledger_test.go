package sandbox

import (
	"fmt"
	"testing"

	"github.com/zeebo/xxh3"
	"pgregory.net/rapid"
)

// TestLedgerCountsLikeAMap: whatever is applied, and however often, the ledger
// says what a plain map of the identities says.
func TestLedgerCountsLikeAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l ledger
		want := map[string]int{}
		total := 0
		pool := rapid.IntRange(1, 5000).Draw(t, "pool")
		for range rapid.IntRange(0, 60).Draw(t, "batches") {
			start := rapid.IntRange(0, pool).Draw(t, "start")
			n := rapid.IntRange(1, MaxIdentities).Draw(t, "n")
			ids, codes := make([][]byte, n), make([]int, n)
			for i := range ids {
				id := fmt.Sprint((start + i) % pool)
				ids[i] = []byte(id)
				if (start+i)%7 == 0 {
					codes[i] = codeMiscellaneous
					continue
				}
				want[id]++
				total++
			}
			l.add(ids, codes)
		}
		if applied, distinct := l.totals(); applied != int64(total) || distinct != int64(len(want)) {
			t.Fatalf("applied %d, distinct %d, want %d and %d", applied, distinct, total, len(want))
		}
		repeats := map[int]int{}
		for i := range pool {
			id := fmt.Sprint(i)
			if got := l.count(xxh3.HashString128(id)); got != want[id] {
				t.Fatalf("%s: %d, want %d", id, got, want[id])
			}
			if want[id] > 0 {
				repeats[want[id]]++
			}
		}
		if got := l.repeats(); fmt.Sprint(got) != fmt.Sprint(repeats) {
			t.Fatalf("repeats %v, want %v", got, repeats)
		}
	})
}

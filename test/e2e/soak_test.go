//go:build unix

package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/bulkdemerge/bulkdemerge/internal/sandbox"
)

// TestSoak goes on, for the duration that BULKDEMERGE_SOAK says, to kill runs of
// random inputs against random APIs, two hundred times each.
func TestSoak(t *testing.T) {
	long, err := time.ParseDuration(os.Getenv("BULKDEMERGE_SOAK"))
	if err != nil {
		t.Skip("make soak runs it")
	}
	for end, round := time.Now().Add(long), 1; time.Now().Before(end) && !t.Failed(); round++ {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("round %d, seed %d", round, seed), func(t *testing.T) { soakRound(t, seed) })
	}
}

func soakRound(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 200))
	share := func(most float64) float64 { return rng.Float64() * most }
	pick := func(of ...int) int { return of[rng.IntN(len(of))] }
	o := sandbox.Options{
		Latency: 4 * time.Millisecond, Jitter: 4 * time.Millisecond, Seed: seed, Poison: poisoned, PoisonPartial: rng.IntN(2) == 0,
		Faults: sandbox.Faults{TooMany: share(.05), Internal: share(.03), Unavailable: share(.02), Reset: share(.02),
			Drop: share(.02), Garbage: share(.02), Partial: share(.1)},
	}
	k := kind{n: 80_000, dup: pick(0, 10, 100), blank: pick(0, 20, 500), poison: pick(0, 200, 3000), quoted: pick(0, 5, 100),
		dedupe: rng.IntN(2) == 0, seed: seed}
	args := []string{"--batch-size", fmt.Sprint(pick(100, 100, 60, 90))}
	if !k.dedupe {
		args = append(args, "--dedupe=false")
	}
	w := newWorld
	if rng.IntN(2) == 0 {
		w = worldThatWorksOn
	}
	kl, dir, wants := setUp(w(t, o), []string{"", "gzip", "files", "stdin"}[rng.IntN(4)], k, args)
	kl.late = 8 * time.Millisecond
	finishAfter(t, kl, 200, dir, wants)
}

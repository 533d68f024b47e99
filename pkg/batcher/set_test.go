package batcher

import (
	"encoding/binary"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestSetMemory fills a set and looks at what it holds all the way.
func TestSetMemory(t *testing.T) {
	const floor, total = 5_000, 3_000_000
	scale := int64(os.Getpagesize() / 4096) // pages of 16 KiB take four times as many identities to pay
	s, h := newSet(), newHasher()
	defer s.close()
	var id [8]byte
	worst := 0.0
	for i := range uint64(total) {
		binary.LittleEndian.PutUint64(id[:], i)
		k := h.key(id[:], false)
		if added, variant := s.insert(&k); !added || variant {
			t.Fatalf("identity %d: added %v, variant %v", i, added, variant)
		}
		if s.n >= floor*scale {
			worst = max(worst, float64(s.bytes())/float64(s.n))
		} else if s.bytes() > 128<<10*scale {
			t.Fatalf("%d bytes for %d identities", s.bytes(), s.n)
		}
	}
	if worst > 24 {
		t.Errorf("%.2f bytes an identity at worst, want at most 24", worst)
	}
	for i := range uint64(total) {
		binary.LittleEndian.PutUint64(id[:], i)
		if k := h.key(id[:], false); mustInsert(s, k) {
			t.Fatalf("identity %d was lost", i)
		}
	}
}

func mustInsert(s *set, k entry) bool {
	added, _ := s.insert(&k)
	return added
}

// TestSetModel holds the set against maps, with keys from so few folds that
// they collide, form long runs, wrap around a table's end and grow it.
func TestSetModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSet()
		defer s.close()
		folds := rapid.SliceOfN(rapid.Uint64Range(0, 1<<13), 1, 20).Draw(t, "folds")
		top := rapid.Bool().Draw(t, "top")
		exacts := uint64(rapid.IntRange(1, 100).Draw(t, "exacts"))
		type pair struct{ fold, exact uint64 }
		seen, others := map[pair]bool{}, map[uint64]int{}
		for _, fold := range folds {
			fold <<= 64 - foldBits
			if top {
				fold = ^fold &^ (1<<(64-foldBits) - 1)
			}
			for exact := range exacts {
				p := pair{fold, exact*2 + 1}
				k := makeKey(p.fold, p.exact)
				added, variant := s.insert(&k)
				if added == seen[p] || added && variant != (others[fold] > 0) {
					t.Fatalf("%v: added %v, variant %v; seen %v, others %d", p, added, variant, seen[p], others[fold])
				}
				if added {
					seen[p] = true
					others[fold]++
				}
			}
		}
		if s.n != int64(len(seen)) {
			t.Fatalf("%d entries, want %d", s.n, len(seen))
		}
	})
}

func TestKeyIsNeverEmpty(t *testing.T) {
	for _, exact := range []uint64{0, 1 << 32, 1 << exactBits, 1 << 63, 1} {
		if k := makeKey(0, exact); k.empty() {
			t.Errorf("the key of exact bits %#x counts as empty", exact)
		}
	}
}

func TestKeyUsesAllBits(t *testing.T) {
	base := makeKey(0, 0xf)
	for bit := range 64 {
		if k := makeKey(1<<bit, 0xf); (k != base) != (bit >= 64-foldBits) {
			t.Errorf("fold bit %d: %v", bit, k)
		}
		if k := makeKey(0, 0xf^1<<bit); (k != base) != (bit < exactBits) {
			t.Errorf("exact bit %d: %v", bit, k)
		}
	}
}

func TestVariants(t *testing.T) {
	tests := []struct {
		name string
		ids  []string
		want string // one letter each: n new, v new and a variant, d duplicate
	}{
		{"lower first", []string{"ann@example.com", "Ann@example.com", "ann@example.com", "Ann@example.com"}, "nvdd"},
		{"upper first", []string{"ANN", "ann", "Ann"}, "nvv"},
		{"beyond ASCII is not folded", []string{"ÉVE", "éVE", "Éve"}, "nnv"},
		{"digits", []string{"1", "2", "12"}, "nnn"},
		{"longest", []string{strings.Repeat("x", MaxIdentity), strings.Repeat("X", MaxIdentity)}, "nv"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, h := newSet(), newHasher()
			defer s.close()
			got := ""
			for _, id := range tt.ids {
				_, upper, _ := check([]byte(id))
				k := h.key([]byte(id), upper)
				switch added, variant := s.insert(&k); {
				case !added:
					got += "d"
				case variant:
					got += "v"
				default:
					got += "n"
				}
			}
			if got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

// TestCloseGivesBack: closing leaves nothing, and may be done twice.
func TestCloseGivesBack(t *testing.T) {
	s := newSet()
	k := newHasher().key([]byte("x"), false)
	s.insert(&k)
	s.close()
	s.close()
	if s.n != 0 || s.bytes() != 0 {
		t.Errorf("%d identities, %d bytes after closing", s.n, s.bytes())
	}
}

// TestSeeds: hashes of one process tell nothing about those of another.
func TestSeeds(t *testing.T) {
	a, b := newHasher(), newHasher()
	if a.key([]byte("x"), false) == b.key([]byte("x"), false) {
		t.Error("two hashers share a seed")
	}
}

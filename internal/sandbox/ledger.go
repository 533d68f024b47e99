package sandbox

import (
	"sync"

	"github.com/zeebo/xxh3"
)

// ledger counts how often each identity was applied. It keeps 96 bits of a hash
// of it, not the identity: among a billion identities the odds that any two
// share one are 1 in 10^11.
//
// It is one lock and many small tables: a batch takes the lock once, so that
// the processor can fetch the places of several identities at the same time,
// and a table that grows holds nobody up for long.
type ledger struct {
	mu      sync.Mutex
	tables  [64]table
	applied int64
}

// table is a hash table with open addressing, 16 bytes a place.
type table struct {
	places []place // a power of two of them, or none
	used   int
}

// place holds one identity's count; it is free while times is 0.
type place struct {
	high  uint64 // the hash's upper half
	low   uint32 // and the upper half of its lower half
	times uint32
}

// minPlaces is the size that a table begins with.
const minPlaces = 16

// add counts each of a batch's identities whose code is 0, at most
// MaxIdentities.
func (l *ledger) add(ids [][]byte, codes []int) {
	var hashes [MaxIdentities]xxh3.Uint128
	n := 0
	for i, id := range ids {
		if codes[i] == 0 {
			hashes[n] = xxh3.Hash128(id)
			n++
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range hashes[:n] {
		l.of(h).add(h)
	}
	l.applied += int64(n)
}

// of picks a table by the hash's top bits; its places go by the lowest of the
// same half.
func (l *ledger) of(h xxh3.Uint128) *table { return &l.tables[h.Hi>>58] }

func (l *ledger) count(h xxh3.Uint128) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.of(h)
	if t.used == 0 {
		return 0
	}
	return int(t.find(h.Hi, uint32(h.Lo>>32)).times)
}

func (l *ledger) totals() (applied, distinct int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.tables {
		distinct += int64(l.tables[i].used)
	}
	return l.applied, distinct
}

func (l *ledger) repeats() map[int]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := map[int]int{}
	for i := range l.tables {
		for _, p := range l.tables[i].places {
			if p.times > 0 {
				out[int(p.times)]++
			}
		}
	}
	return out
}

func (l *ledger) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tables, l.applied = [64]table{}, 0
}

func (t *table) add(h xxh3.Uint128) {
	if t.used >= len(t.places)/4*3 { // so that there is always a free place
		t.grow()
	}
	high, low := h.Hi, uint32(h.Lo>>32)
	p := t.find(high, low)
	if p.times == 0 {
		p.high, p.low = high, low
		t.used++
	}
	p.times++
}

// find returns the identity's place, or the free one where it belongs.
func (t *table) find(high uint64, low uint32) *place {
	mask := uint64(len(t.places) - 1)
	for i := high & mask; ; i = (i + 1) & mask {
		p := &t.places[i]
		if p.times == 0 || p.high == high && p.low == low {
			return p
		}
	}
}

func (t *table) grow() {
	old := t.places
	t.places = make([]place, max(minPlaces, 2*len(old)))
	for _, p := range old {
		if p.times > 0 {
			*t.find(p.high, p.low) = p
		}
	}
}

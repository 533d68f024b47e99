package batcher

import (
	"math/rand/v2"
	"os"
	"unsafe"

	"github.com/zeebo/xxh3"
)

// set remembers which identities were seen, as hashes of 96 bits in 12 bytes.
// It is one table, which grows in place: there is never an old half beside a
// new one, so that it holds at most 24 bytes for each distinct identity at
// every size from 5,000 up, also while it grows (on Unix; where memory can't
// grow in place, the old table stands beside the new one for the time of a
// copy).
//
// 54 of the bits come from the identity with its ASCII letters folded to lower
// case, 42 from the identity as it stands, so that identities that differ in
// case only are neighbours and are noticed while probing. An identity without
// upper-case letters, the usual one, needs a single hash for both. (Folding
// beyond ASCII would need tables and find little: identities with letters
// beyond ASCII are rare.)
//
// The odds that any two of n identities are taken for the same one, by the
// birthday bound n²/2 / 2^96: 6.3e-18 for a million, 6.3e-12 for a billion.
// Between two that differ in case only, whose folded part agrees, it is 2^-42
// a pair: 2.3e-7 where a million identities all stand there in two cases. A
// false case warning (54 bits agree by chance) is met once in some 190 million
// identities; it is a warning only. The seed is drawn for each process, so
// collisions can't be prepared in a file.
type set struct {
	page    int     // bytes
	entries []entry // an open-addressing table with linear probing
	memory  []byte  // what entries lies in, whole pages
	n       int64   // distinct identities
	limit   int64   // of n, at which it grows
}

// entry is what is stored of an identity: 32 bits of the fold; 22 of the fold
// and 10 of the exact form; 32 of the exact form. An entry whose last word is
// zero is empty: keys never have that.
type entry [3]uint32

const (
	entryBytes = 12
	foldBits   = 54
	exactBits  = 96 - foldBits
	foldMask   = 1<<32 - 1<<(exactBits-32) // of an entry's second word
)

// It grows by growNum/growDen when it is loadNum/loadDen full: that is 12/0.78
// = 15.4 bytes an entry before and 23.1 after, the worst.
const (
	loadNum, loadDen = 78, 100
	growNum, growDen = 3, 2
)

func newSet() *set { return &set{page: os.Getpagesize()} }

// hasher makes the entries of a set.
type hasher struct {
	seed   uint64
	folded [MaxIdentity]byte
}

func newHasher() *hasher { return &hasher{seed: rand.Uint64()} }

// key hashes an identity of at most MaxIdentity bytes; upper says that it has
// an upper-case ASCII letter.
func (h *hasher) key(id []byte, upper bool) entry {
	sum := xxh3.Hash128Seed(id, h.seed)
	fold, exact := sum.Hi, sum.Lo
	if upper {
		lower := h.folded[:len(id)]
		for i, c := range id {
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			lower[i] = c
		}
		fold = xxh3.Hash128Seed(lower, h.seed).Hi
	}
	return makeKey(fold, exact)
}

// makeKey takes the 54 high bits of the fold and the 42 low ones of exact.
func makeKey(fold, exact uint64) entry {
	exact &= 1<<exactBits - 1
	if uint32(exact) == 0 {
		exact |= 1 // zero there marks an empty entry
	}
	return entry{uint32(fold >> 32), uint32(fold)&foldMask | uint32(exact>>32), uint32(exact)}
}

func (e *entry) empty() bool { return e[2] == 0 }

// home is the slot where an entry belongs: its first word scaled to the table's
// size. It rises with the word, so that growing reads and writes in order.
func (s *set) home(e *entry) int { return int(uint64(e[0]) * uint64(len(s.entries)) >> 32) }

// touch reads a key's home slot and one a cache line further, so that the
// slots of a whole group come into the cache side by side and not one after
// the other. The caller has to keep what it returns, else the compiler would
// drop the reading.
func (s *set) touch(key *entry) uint32 {
	if len(s.entries) == 0 {
		return 0
	}
	home := s.home(key)
	return s.entries[home][2] ^ s.entries[min(home+64/entryBytes, len(s.entries)-1)][2]
}

// insert adds a key. added is false if it was there already; variant tells
// that another one with the same fold is there.
func (s *set) insert(key *entry) (added, variant bool) {
	if s.n >= s.limit {
		s.grow()
	}
	entries, e := s.entries, *key
	for i := s.home(&e); ; i++ {
		if i >= len(entries) {
			i = 0
		}
		at := &entries[i]
		if at.empty() {
			*at = e
			s.n++
			return true, variant
		}
		if at[0] == e[0] && (at[1]^e[1])&foldMask == 0 {
			if *at == e {
				return false, variant
			}
			variant = true
		}
	}
}

// grow makes the table larger when it is full.
func (s *set) grow() {
	pages := len(s.memory) / s.page
	s.resize(max(pages+1, pages*growNum/growDen) * s.page)
}

// expect makes room for n identities at once.
func (s *set) expect(n int64) {
	size := (int(n*loadDen/loadNum+1)*entryBytes/s.page + 1) * s.page
	if size > len(s.memory) {
		s.resize(size)
	}
}

// resize makes the table larger, to size bytes, whole pages, and moves every
// entry to where it belongs now, from the last slot to the first. A home lies at
// its old place or further up, where everything is in its new place already; the
// few entries of which that does not hold (behind a long run at the table's
// beginning, or around its end) wait until all others have moved.
func (s *set) resize(size int) {
	old := len(s.entries)
	s.memory = enlarge(s.memory, size)
	s.entries = unsafe.Slice((*entry)(unsafe.Pointer(unsafe.SliceData(s.memory))), size/entryBytes)
	s.limit = int64(len(s.entries)) * loadNum / loadDen
	var late []entry
	for i := old - 1; i >= 0; i-- {
		e := s.entries[i]
		if e.empty() {
			continue
		}
		s.entries[i] = entry{}
		to := s.home(&e)
		if to >= i {
			for to < len(s.entries) && !s.entries[to].empty() {
				to++
			}
		}
		if to < i || to == len(s.entries) {
			late = append(late, e)
			continue
		}
		s.entries[to] = e
	}
	for _, e := range late {
		to := s.home(&e)
		for !s.entries[to].empty() {
			if to++; to == len(s.entries) {
				to = 0
			}
		}
		s.entries[to] = e
	}
}

// bytes is what the table holds.
func (s *set) bytes() int64 { return int64(len(s.memory)) }

// close gives the memory back; the set is empty afterwards.
func (s *set) close() {
	release(s.memory)
	s.memory, s.entries, s.n, s.limit = nil, nil, 0, 0
}

package batcher

import (
	"math/rand/v2"
	"os"
	"unsafe"

	"github.com/zeebo/xxh3"
)

// set remembers which identities were seen, as hashes of 104 bits: 8 choose
// the shard, 96 are stored, in 12 bytes. It holds at most 24 bytes for each
// distinct identity at every size from 100,000 up (with pages of 4 KiB; below
// that, 2 MiB in all), also while it grows: a shard alone grows at a time, so
// that the old half of a move is 1/256 of the whole.
//
// Half of the bits (52, the shard's included) come from the identity with its
// ASCII letters folded to lower case, half from the identity as it stands, so
// that identities that differ in case only are neighbours and are noticed
// while probing. An identity without upper-case letters, the usual one, needs
// a single hash for both. (Folding beyond ASCII would need tables and find
// little: identities with letters beyond ASCII are rare.)
//
// The odds that any two of n identities are taken for the same one, by the
// birthday bound n²/2 / 2^104: 2.5e-20 for a million, 2.5e-14 for a
// billion. Between two that differ in case only, whose folded half agrees, it
// is 2^-52 a pair: 2.2e-7 where a billion identities all stand there in two
// cases. A false case warning (52 bits agree by chance) is met once in some
// 95 million identities; it is a warning only. The seed is drawn for each
// process, so collisions can't be prepared in a file.
type set struct {
	seed   uint64
	page   int // bytes
	shards [256]shard
	n      int64 // distinct identities
	bytes  int64 // held by the tables
	folded [MaxIdentity]byte
}

// entry is what is stored: 32 bits of the fold; 12 of the fold and 20 of the
// exact form; 32 of the exact form. An entry whose last word is zero is empty:
// keys never have that.
type entry [3]uint32

const (
	entryBytes = 12
	foldMask   = 0xfff00000 // of an entry's second word
)

// key is an identity as the set sees it.
type key struct {
	entry entry
	shard uint8
}

// shard is an open-addressing table with linear probing. The home slot is the
// first word scaled to the table's size: it rises with the word, so that a
// move to a bigger table reads and writes in order.
type shard struct {
	entries []entry
	memory  []byte // what entries lies in, whole pages
	n       int
	limit   int // entries at which it grows
}

// A shard grows by growNum/growDen when it is loadNum/loadDen full: that is
// 12/0.78 = 15.4 bytes an entry before and 23.1 after, the worst.
const (
	loadNum, loadDen = 78, 100
	growNum, growDen = 3, 2
)

func newSet() *set { return &set{seed: rand.Uint64(), page: os.Getpagesize()} }

// key hashes an identity of at most MaxIdentity bytes; upper says that it has
// an upper-case ASCII letter.
func (s *set) key(id []byte, upper bool) key {
	h := xxh3.Hash128Seed(id, s.seed)
	fold, exact := h.Hi, h.Lo
	if upper {
		lower := s.folded[:len(id)]
		for i, c := range id {
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			lower[i] = c
		}
		fold = xxh3.Hash128Seed(lower, s.seed).Hi
	}
	return makeKey(fold, exact)
}

// makeKey takes the 52 high bits of the fold and the 52 low ones of exact.
func makeKey(fold, exact uint64) key {
	exact &= 1<<52 - 1
	if uint32(exact) == 0 {
		exact |= 1 // zero there marks an empty entry
	}
	return key{
		shard: uint8(fold >> 56),
		entry: entry{uint32(fold >> 24), uint32(fold<<8)&foldMask | uint32(exact>>32), uint32(exact)},
	}
}

func (e *entry) empty() bool { return e[2] == 0 }

func (t *shard) home(e *entry) int { return int(uint64(e[0]) * uint64(len(t.entries)) >> 32) }

// touch reads a key's home slot and one a cache line further, so that the
// slots of a whole group come into the cache side by side and not one after
// the other. The caller has to keep what it returns, else the compiler would
// drop the reading.
func (s *set) touch(k *key) uint32 {
	t := &s.shards[k.shard]
	if len(t.entries) == 0 {
		return 0
	}
	home := t.home(&k.entry)
	return t.entries[home][2] ^ t.entries[min(home+64/entryBytes, len(t.entries)-1)][2]
}

// insert adds a key. added is false if it was there already; variant tells
// that another one with the same fold is there.
func (s *set) insert(k *key) (added, variant bool) {
	t := &s.shards[k.shard]
	if t.n >= t.limit {
		s.grow(t)
	}
	entries, e := t.entries, k.entry
	for i := t.home(&e); ; i++ {
		if i >= len(entries) {
			i = 0
		}
		at := &entries[i]
		if at.empty() {
			*at = e
			t.n++
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

// grow moves a shard into a bigger table and gives the old one back at once.
func (s *set) grow(t *shard) {
	pages := len(t.memory) / s.page
	size := max(pages+1, pages*growNum/growDen) * s.page
	old := *t
	t.memory = allocate(size)
	t.entries = unsafe.Slice((*entry)(unsafe.Pointer(unsafe.SliceData(t.memory))), size/entryBytes)
	t.limit = len(t.entries) * loadNum / loadDen
	for i := range old.entries {
		if e := &old.entries[i]; !e.empty() {
			t.move(e)
		}
	}
	s.bytes += int64(len(t.memory) - len(old.memory))
	release(old.memory)
}

// move puts an entry that is not there yet into a table with room.
func (t *shard) move(e *entry) {
	i := t.home(e)
	for !t.entries[i].empty() {
		if i++; i == len(t.entries) {
			i = 0
		}
	}
	t.entries[i] = *e
}

// close gives all memory back; the set is empty afterwards.
func (s *set) close() {
	for i := range s.shards {
		release(s.shards[i].memory)
		s.shards[i] = shard{}
	}
	s.n, s.bytes = 0, 0
}

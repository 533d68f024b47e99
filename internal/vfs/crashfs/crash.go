package crashfs

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
)

const (
	// tornEverywhere is the length, in bytes, up to which a file's unsynced
	// bytes are torn at every byte; longer ones at the bounds of each write
	// and at tornSample places between.
	tornEverywhere = 600
	tornSample     = 48
	// mixes is how many random mixtures of all files' fates are tried.
	mixes = 16
)

// at replays the log's first operations.
func (f *FS) at(prefix int) *disk {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.base == nil {
		return f.now.clone()
	}
	d := f.base.clone()
	for _, o := range f.log[:prefix] {
		d.apply(o)
	}
	return d
}

// Killed is what a process finds that starts after another one was killed
// behind the log's first operations: everything. What was not synced still is
// not, and a later power cut may take it.
func (f *FS) Killed(prefix int) *FS { return on(f.at(prefix)) }

// Crashes are the file systems that a crash behind the log's first operations
// may leave, each with words that say what happened: Killed first, then what
// a power cut may leave, each state once. Of what was not synced each file may
// have all, none, a part cut at any byte, zeros in full length, or all but one
// write; the other files all or none of theirs, or anything; names that were
// made, changed or removed since their folder was synced may be so or not.
func (f *FS) Crashes(prefix int) iter.Seq2[string, *FS] {
	return func(yield func(string, *FS) bool) {
		d := f.at(prefix)
		if !yield("killed", on(d.clone())) {
			return
		}
		c := cutter{disk: d, seed: maphash.MakeSeed(), seen: map[uint64]bool{}, yield: yield}
		c.all(uint64(prefix))
	}
}

// fate is a possible content of a file after a power cut.
type fate struct {
	name    string
	content []byte
}

// Coarse is a small part of Crashes: each file with all or nothing of what was
// not synced, each name changed or not; after the killed process.
func (f *FS) Coarse(prefix int) iter.Seq2[string, *FS] {
	return func(yield func(string, *FS) bool) {
		d := f.at(prefix)
		if !yield("killed", on(d.clone())) {
			return
		}
		c := cutter{disk: d, seed: maphash.MakeSeed(), seen: map[uint64]bool{}, yield: yield}
		c.coarse()
	}
}

// cutter enumerates the states that a power cut may leave.
type cutter struct {
	disk  *disk
	seed  maphash.Seed
	seen  map[uint64]bool
	yield func(string, *FS) bool
	done  bool
}

// coarse emits what Coarse promises.
func (c *cutter) coarse() {
	var open []int // the files that have a choice
	files := make([]fate, len(c.disk.nodes))
	for i, n := range c.disk.nodes {
		files[i] = fate{content: n.synced}
		if len(n.since) > 0 {
			open = append(open, i)
		}
	}
	for _, ns := range names(c.disk.since) {
		for set := range 1 << min(len(open), 4) {
			mixed := slices.Clone(files)
			for bit, i := range open {
				if set>>bit&1 == 1 {
					mixed[i] = fate{"kept", c.disk.nodes[i].data}
				}
			}
			c.emit(ns, mixed)
		}
	}
}

func (c *cutter) all(seed uint64) {
	fates := make([][]fate, len(c.disk.nodes))
	var kept, dropped []fate
	for i, n := range c.disk.nodes {
		fates[i] = n.fates()
		kept = append(kept, fates[i][0])
		dropped = append(dropped, fates[i][len(fates[i])-1])
	}
	c.coarse()
	all := names(c.disk.since)
	for _, others := range [][]fate{kept, dropped} {
		for i := range fates {
			for _, ft := range fates[i] {
				mixed := slices.Clone(others)
				mixed[i] = ft
				c.emit(all[0], mixed)
				c.emit(all[len(all)-1], mixed)
			}
		}
	}
	rng := rand.New(rand.NewPCG(1, seed))
	for range mixes {
		mixed := slices.Clone(kept)
		for i := range fates {
			mixed[i] = fates[i][rng.IntN(len(fates[i]))]
		}
		c.emit(all[rng.IntN(len(all))], mixed)
	}
}

// emit yields a state, unless it was there before.
func (c *cutter) emit(ns nameFate, files []fate) {
	if c.done {
		return
	}
	d := newDisk()
	d.names = maps.Clone(c.disk.durable)
	for _, o := range ns.kept {
		rename(o, d.names)
	}
	d.durable = maps.Clone(d.names)
	d.nodes = d.nodes[:0]
	words := ns.name
	for _, n := range c.disk.nodes {
		d.nodes = append(d.nodes, &node{dir: n.dir})
	}
	for _, id := range d.names { // files without a name are gone
		d.nodes[id].data = bytes.Clone(files[id].content)
		d.nodes[id].synced = bytes.Clone(files[id].content)
	}
	for _, name := range slices.Sorted(maps.Keys(d.names)) {
		if id := d.names[name]; files[id].name != "" {
			words += fmt.Sprintf(", %s %s", name, files[id].name)
		}
	}
	if sum := c.sum(d); !c.seen[sum] {
		c.seen[sum] = true
		c.done = !c.yield("power cut: "+words, on(d))
	}
}

func (c *cutter) sum(d *disk) uint64 {
	var h maphash.Hash
	h.SetSeed(c.seed)
	for _, name := range slices.Sorted(maps.Keys(d.names)) {
		n := d.nodes[d.names[name]]
		fmt.Fprintf(&h, "%q %v %d ", name, n.dir, len(n.data))
		_, _ = h.Write(n.data) // a hash's Write returns no error
	}
	return h.Sum64()
}

// nameFate says which changes of names reached the disk.
type nameFate struct {
	name string
	kept []Op
}

// names are the fates of changes of names: all kept first, none last; between
// them every subset of a few, every prefix of many.
func names(since []Op) []nameFate {
	n := len(since)
	if n > 4 {
		fates := make([]nameFate, 0, n+1)
		for k := n; k >= 0; k-- {
			fates = append(fates, nameFate{fmt.Sprintf("first %d of %d names", k, n), since[:k]})
		}
		return fates
	}
	var fates []nameFate
	for set := 1<<n - 1; set >= 0; set-- {
		f := nameFate{name: fmt.Sprintf("names %0*b", n, set)}
		for i, o := range since {
			if set>>i&1 == 1 {
				f.kept = append(f.kept, o)
			}
		}
		fates = append(fates, f)
	}
	return fates
}

// fates are the contents that a file may have: all kept first, all dropped
// last.
func (n *node) fates() []fate {
	if len(n.since) == 0 {
		return []fate{{"", n.synced}}
	}
	fates := []fate{{"kept", n.after(func(int, Op) *Op { return nil })}}
	fates = append(fates, n.torn()...)
	zeros := fate{name: "zeros", content: bytes.Clone(fates[0].content)}
	clear(zeros.content[min(len(n.common()), len(zeros.content)):])
	fates = append(fates, zeros)
	for i := range n.since {
		if len(n.since) == 1 {
			break
		}
		fates = append(fates, fate{fmt.Sprintf("without change %d", i), n.after(func(j int, o Op) *Op {
			if i != j {
				return nil
			}
			o.Data, o.At = nil, 0
			o.Kind = Write // of nothing
			return &o
		})})
	}
	return append(fates, fate{"dropped", n.synced})
}

// after is the content with all changes, as instead would have them.
func (n *node) after(instead func(int, Op) *Op) []byte {
	b := bytes.Clone(n.synced)
	for i, o := range n.since {
		if other := instead(i, o); other != nil {
			o = *other
		}
		b = o.on(b)
	}
	return b
}

// common is the part of the synced content that was never cut away: zeros may
// stand where a file has grown.
func (n *node) common() []byte {
	end := int64(len(n.synced))
	for _, o := range n.since {
		if o.Kind == Truncate {
			end = min(end, o.At)
		}
	}
	return n.synced[:end]
}

// torn are the contents where only the first bytes of what was written since
// the last sync have reached the disk.
func (n *node) torn() []fate {
	total := 0
	places := map[int]bool{}
	for _, o := range n.since {
		places[total], places[total+1] = true, true
		total += len(o.Data)
		places[total-1] = true
	}
	step := 1
	if total > tornEverywhere {
		step = total/tornSample + 1
	}
	for at := 0; at < total; at += step {
		places[at] = true
	}
	var fates []fate
	for _, at := range slices.Sorted(maps.Keys(places)) {
		if at < 0 || at >= total {
			continue
		}
		left := at
		fates = append(fates, fate{fmt.Sprintf("torn at %d", at), n.after(func(_ int, o Op) *Op {
			o.Data = o.Data[:min(left, len(o.Data))]
			left -= len(o.Data)
			if len(o.Data) == 0 && o.Kind == Write {
				o.At = 0
			}
			return &o
		})})
	}
	return fates
}

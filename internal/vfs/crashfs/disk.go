package crashfs

import (
	"fmt"
	"maps"
	"path/filepath"
	"strings"
)

// Kind is what an operation does.
type Kind string

// The operations that change something, each an entry of the log.
const (
	Mkdir    Kind = "mkdir"
	Create   Kind = "create"
	Append   Kind = "append"
	Write    Kind = "write"
	Truncate Kind = "truncate"
	Sync     Kind = "sync"
	Rename   Kind = "rename"
	Remove   Kind = "remove"
	SyncDir  Kind = "syncdir"
)

// Op is an operation that was carried out.
type Op struct {
	Kind Kind
	Name string // the file or folder; a rename's old name
	To   string // a rename's new name
	Data []byte // what was written
	At   int64  // where it was written, or the length that was cut to, in bytes

	node   int  // index into disk.nodes
	failed bool // a sync that reported an error
	lost   bool // a change that a failed sync gave up
}

func (o Op) String() string {
	switch o.Kind {
	case Write:
		return fmt.Sprintf("write %s [%d:%d]", o.Name, o.At, o.At+int64(len(o.Data)))
	case Truncate:
		return fmt.Sprintf("truncate %s to %d", o.Name, o.At)
	case Rename:
		return fmt.Sprintf("rename %s to %s", o.Name, o.To)
	default:
		return string(o.Kind) + " " + o.Name
	}
}

// node is a file or a folder, whatever its name is at the moment.
type node struct {
	dir    bool
	data   []byte // what a reader sees
	synced []byte // what is on stable storage for certain
	since  []Op   // writes and truncates that are not
}

// on is the content b after a write or a truncate.
func (o Op) on(b []byte) []byte {
	end := o.At + int64(len(o.Data))
	if o.Kind == Truncate && int64(len(b)) > end {
		b = b[:end]
	}
	if grow := end - int64(len(b)); grow > 0 {
		b = append(b, make([]byte, grow)...)
	}
	copy(b[o.At:], o.Data)
	return b
}

// disk is the state that operations change: what processes see of it, and what
// of that is on stable storage.
type disk struct {
	nodes   []*node
	names   map[string]int // what processes see
	durable map[string]int // what the folders on the disk hold for certain
	since   []Op           // changes of names that they may not hold yet
}

func newDisk() *disk {
	return &disk{
		nodes: []*node{{dir: true}}, // the root, which is every path's end
		names: map[string]int{}, durable: map[string]int{},
	}
}

func (d *disk) clone() *disk {
	c := &disk{names: maps.Clone(d.names), durable: maps.Clone(d.durable), since: append([]Op(nil), d.since...)}
	for _, n := range d.nodes {
		c.nodes = append(c.nodes, &node{
			dir: n.dir, data: append([]byte(nil), n.data...),
			synced: append([]byte(nil), n.synced...), since: append([]Op(nil), n.since...),
		})
	}
	return c
}

// apply carries an operation out.
func (d *disk) apply(o Op) {
	switch o.Kind {
	case Mkdir: // durable at once: FS.MkdirAll syncs
		d.nodes = append(d.nodes, &node{dir: true})
		rename(o, d.names)
		rename(o, d.durable)
	case Create, Append:
		if o.node == len(d.nodes) {
			d.nodes = append(d.nodes, &node{})
			d.since = append(d.since, o)
			rename(o, d.names)
		} else if o.Kind == Create {
			d.change(Op{Kind: Truncate, Name: o.Name, node: o.node})
		}
	case Write, Truncate:
		d.change(o)
	case Sync:
		d.sync(o)
	case Rename, Remove:
		d.since = append(d.since, o)
		rename(o, d.names)
	case SyncDir:
		d.syncDir(o.Name)
	}
}

func (d *disk) change(o Op) {
	n := d.nodes[o.node]
	n.data = o.on(n.data)
	n.since = append(n.since, o)
}

// sync is what fsync does: when it fails, the system forgets that the changes
// are not on the disk, and a later success says nothing about them.
func (d *disk) sync(o Op) {
	n := d.nodes[o.node]
	if o.failed {
		for i := range n.since {
			n.since[i].lost = true
		}
		return
	}
	for _, c := range n.since {
		if !c.lost {
			n.synced = c.on(n.synced)
		}
	}
	n.since = nil
}

func (d *disk) syncDir(dir string) {
	var rest []Op
	for _, o := range d.since {
		name := o.Name
		if o.Kind == Rename {
			name = o.To
		}
		if filepath.Dir(name) == dir {
			rename(o, d.durable)
		} else {
			rest = append(rest, o)
		}
	}
	d.since = rest
}

// rename carries a change of names out in one of a disk's two sets of names.
func rename(o Op, names map[string]int) {
	switch o.Kind {
	case Remove:
		delete(names, o.Name)
	case Rename:
		below := o.Name + string(filepath.Separator)
		for name, node := range maps.Clone(names) {
			if strings.HasPrefix(name, below) {
				delete(names, name)
				names[filepath.Join(o.To, name[len(below):])] = node
			}
		}
		delete(names, o.Name)
		names[o.To] = o.node
	default:
		names[o.Name] = o.node
	}
}

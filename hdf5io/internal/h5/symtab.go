// Symbol-table groups: a version 1 B-tree of symbol nodes, with names in a local heap.

package h5

import (
	"bytes"
	"strings"
)

// link is one name in a group and the address of the object it names.
type link struct {
	name  string
	addr  uint64
	order uint64 // creation order, where the file keeps one
	stab  *stab  // the copy of a group's symbol table that sits beside the link, if any
}

// refuse notes a link that leads elsewhere than to an object of this file. One such link makes the whole file unacceptable; the
// walk goes on, because the deepest of them, which is nearest to a weight, is the one to name.
func (l *loader) refuse(k *link, why string) {
	k.addr = undefined
	l.refused++
	if place := join(l.here, k.name); l.refused == 1 || strings.Count(place, "/") > strings.Count(l.refusedAt, "/") {
		l.refusedAt, l.refusedWhy = place, why
	}
}

// symbols lists the members of a symbol-table group in file order, which is the order of names.
func (l *loader) symbols(s stab) ([]link, error) {
	heap, err := l.localHeap(s.heap)
	if err != nil {
		return nil, err
	}
	var links []link
	names := 0 // bytes of all names, each of which has its own place in the heap
	err = l.tree1(s.tree, 0, l.sb.groupK, l.l, "group tree", func(_ []byte, child uint64) error {
		links, err = l.symbolNode(child, heap, &names, links)
		return err
	})
	return links, err
}

// localHeap reads the names of a group and checks the heap's list of free blocks, which libhdf5 walks.
func (l *loader) localHeap(addr uint64) ([]byte, error) {
	const what = "local heap"
	head := uint64(8 + 2*l.l + l.o)
	d, err := l.cursor(addr, head, what)
	if err != nil {
		return nil, err
	}
	if !d.signature("HEAP") || d.u8() != 0 {
		return nil, fail(ErrCorrupt, what, "no local heap at %d", addr)
	}
	d.skip(3)
	size, free, data := d.length(), d.length(), d.offset()
	if l.within(data, size, what) != nil {
		return nil, fail(ErrCorrupt, "local heap size", "%d bytes at %d, the file has %d", size, data, l.end)
	}
	if err := l.claim(addr, head, what); err != nil {
		return nil, err
	}
	if err := l.claim(data, size, what); err != nil {
		return nil, err
	}
	heap, err := l.bytes(data, size, what)
	if err != nil {
		return nil, err
	}
	for n := uint64(0); free != 1 && !(l.l < 8 && free == 1<<(8*l.l)-1 || free == undefined); n++ {
		if free >= size || size-free < uint64(2*l.l) || n > size/uint64(2*l.l) {
			return nil, fail(ErrCorrupt, what, "free list leads to %d of %d", free, size)
		}
		f := l.dec(heap[free:])
		next, length := f.length(), f.length()
		if length > size-free {
			return nil, fail(ErrCorrupt, what, "free block of %d bytes at %d of %d", length, free, size)
		}
		free = next
	}
	return heap, nil
}

// symbolNode appends the entries of one symbol node.
func (l *loader) symbolNode(addr uint64, heap []byte, names *int, links []link) ([]link, error) {
	const what = "symbol table node"
	d, err := l.cursor(addr, 8, what)
	if err != nil {
		return nil, err
	}
	if !d.signature("SNOD") || d.u8() != 1 {
		return nil, fail(ErrCorrupt, what, "no symbol table node at %d", addr)
	}
	d.skip(1)
	count := int(d.u16())
	if count > 2*l.sb.leafK {
		return nil, fail(ErrCorrupt, what, "%d entries, want at most %d", count, 2*l.sb.leafK)
	}
	entry := l.l + l.o + 24
	n := uint64(8 + count*entry)
	if err := l.claim(addr, n, what); err != nil {
		return nil, err
	}
	if d, err = l.cursor(addr+8, n-8, what); err != nil {
		return nil, err
	}
	for range count {
		nameAt, obj, cache := d.length(), d.offset(), d.u32()
		d.skip(4)
		scratch := l.dec(d.next(16))
		if nameAt >= uint64(len(heap)) {
			return nil, fail(ErrCorrupt, what, "name at %d of a heap of %d bytes", nameAt, len(heap))
		}
		n := bytes.IndexByte(heap[nameAt:], 0)
		if n < 0 {
			return nil, fail(ErrCorrupt, what, "name without end")
		}
		if *names += n + 1; *names > len(heap) {
			return nil, fail(ErrCorrupt, what, "names share bytes")
		}
		k := link{name: string(heap[nameAt : nameAt+uint64(n)]), addr: obj}
		switch cache {
		case 0:
		case 1:
			k.stab = &stab{scratch.offset(), scratch.offset()}
		case 2:
			l.refuse(&k, "soft link; only hard links are followed")
			continue
		default:
			return nil, fail(ErrCorrupt, what, "cache type %d", cache)
		}
		links = append(links, k)
	}
	if d.bad {
		return nil, fail(ErrCorrupt, what, "node at %d names addresses outside the file", addr)
	}
	return links, nil
}

// tree1 walks a version 1 B-tree of the given node type and calls leaf with the left key and address of each entry at level 0.
func (l *loader) tree1(root uint64, kind byte, k, keySize int, what string, leaf func(key []byte, child uint64) error) error {
	seen := map[uint64]bool{}
	var walk func(addr uint64, level int) error
	walk = func(addr uint64, level int) error {
		if seen[addr] {
			return fail(ErrCorrupt, what, "node at %d occurs twice", addr)
		}
		seen[addr] = true
		head := uint64(8 + 2*l.o)
		d, err := l.cursor(addr, head, what)
		if err != nil {
			return err
		}
		if !d.signature("TREE") || d.u8() != kind {
			return fail(ErrCorrupt, what, "no tree node of type %d at %d", kind, addr)
		}
		got, count := int(d.u8()), int(d.u16())
		d.offset() // the nodes to the left and right
		d.offset()
		switch {
		case d.bad:
			return fail(ErrCorrupt, what, "node at %d has neighbours outside the file", addr)
		case level >= 0 && got != level:
			return fail(ErrCorrupt, what, "node at %d has level %d, want %d", addr, got, level)
		case got > maxTreeDepth:
			return fail(ErrTooDeep, what, "tree of %d levels, want at most %d", got, maxTreeDepth)
		case count > 2*k:
			return fail(ErrCorrupt, what, "node with %d entries, want at most %d", count, 2*k)
		}
		n := uint64(count*(keySize+l.o) + keySize)
		if err := l.claim(addr, head+n, what); err != nil {
			return err
		}
		if d, err = l.cursor(addr+head, n, what); err != nil {
			return err
		}
		for range count {
			key := d.next(keySize)
			child := d.offset()
			if got == 0 {
				err = leaf(key, child)
			} else {
				err = walk(child, got-1)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	return walk(root, -1)
}

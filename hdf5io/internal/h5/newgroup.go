// Link messages: compact groups keep them in the header, dense groups in a fractal heap under a version 2 B-tree.

package h5

import (
	"cmp"
	"slices"
)

// links lists the members of a new-style group, by creation order where the file keeps it, else by name, as other readers do.
func (l *loader) links(msgs []message) ([]link, error) {
	var links []link
	ordered := true
	add := func(body []byte) error {
		k, hasOrder, err := l.linkMessage(body)
		if err == nil && k.addr != undefined {
			links = append(links, k)
		}
		ordered = ordered && hasOrder
		return err
	}
	for _, m := range msgs {
		var err error
		switch m.kind {
		case msgLink:
			err = add(m.body)
		case msgLinkInfo:
			var heap, tree uint64
			if heap, tree, err = l.denseInfo(m.body, 8, "link info"); err == nil && heap != undefined {
				err = l.denseMessages(heap, tree, 5, func(_ byte, body []byte) error { return add(body) })
			}
		}
		if err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(links, func(a, b link) int {
		if ordered {
			return cmp.Compare(a.order, b.order)
		}
		return cmp.Compare(a.name, b.name)
	})
	return links, nil
}

// denseInfo decodes a link-info or attribute-info message; maxOrder is the width of its largest creation order.
func (l *loader) denseInfo(body []byte, maxOrder int, what string) (heap, tree uint64, err error) {
	d := l.dec(body)
	version, flags := d.u8(), d.u8()
	if flags&1 != 0 {
		d.skip(maxOrder)
	}
	heap, tree = d.offset(), d.offset()
	if flags&2 != 0 {
		d.offset() // an index by creation order, not needed here
	}
	if d.bad || version != 0 {
		return 0, 0, fail(ErrCorrupt, what, "version %d, %d bytes", version, len(body))
	}
	if heap != undefined && tree == undefined {
		return 0, 0, fail(ErrCorrupt, what, "a heap without an index")
	}
	return heap, tree, nil
}

// linkMessage decodes one link. Links other than hard ones are noted and have no address.
func (l *loader) linkMessage(body []byte) (k link, ordered bool, err error) {
	const what = "link"
	d := l.dec(body)
	version, flags := d.u8(), d.u8()
	kind := byte(0)
	if flags&8 != 0 {
		kind = d.u8()
	}
	if ordered = flags&4 != 0; ordered {
		k.order = d.uint(8)
	}
	if flags&16 != 0 {
		d.skip(1)
	}
	n := d.uint(1 << (flags & 3))
	if version != 1 || n > uint64(d.left()) {
		return k, false, fail(ErrCorrupt, what, "version %d, name of %d bytes in a message of %d", version, n, len(body))
	}
	k.name = string(d.next(int(n)))
	switch kind {
	case 0:
		if k.addr = d.offset(); k.addr == undefined {
			return k, false, fail(ErrCorrupt, what, "without an address")
		}
	case 1:
		l.refuse(&k, "soft link; only hard links are followed")
	case 64:
		l.refuse(&k, "external link; other files are never opened")
	default:
		l.refuse(&k, "user-defined link; only hard links are followed")
	}
	if d.bad {
		return k, false, fail(ErrCorrupt, what, "message too short")
	}
	return k, ordered, nil
}

// denseMessages calls f with the flags and bytes of each message kept in a fractal heap and indexed by a tree of the given
// record type: 5 for links by name, 8 for attributes by name.
func (l *loader) denseMessages(heapAddr, treeAddr uint64, kind byte, f func(flags byte, body []byte) error) error {
	heap, err := l.fractalHeap(heapAddr)
	if err != nil {
		return err
	}
	return l.tree2(treeAddr, kind, func(rec []byte) error {
		d := l.dec(rec)
		var flags byte
		if kind == 5 {
			d.skip(4)
		}
		id := d.next(heap.idLen)
		if kind == 8 {
			flags = d.u8()
		}
		if d.bad {
			return fail(ErrCorrupt, "index tree", "records of %d bytes are too short", len(rec))
		}
		body, err := heap.object(id)
		if err != nil {
			return err
		}
		return f(flags, body)
	})
}

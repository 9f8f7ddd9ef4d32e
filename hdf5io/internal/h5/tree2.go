// Version 2 B-trees: indexes of dense links, dense attributes, huge heap objects and chunks.

package h5

import "math/bits"

// tree2 walks the tree at addr in key order and calls f with each record. All records must be of the given type.
func (l *loader) tree2(addr uint64, kind byte, f func(rec []byte) error) error {
	const what = "index tree"
	d, err := l.summed(addr, uint64(4+1+1+4+2+2+1+1+l.o+2+l.l+4), "BTHD", what)
	if err != nil {
		return err
	}
	version, got := d.u8(), d.u8()
	nodeSize, recSize, depth := uint64(d.u32()), uint64(d.u16()), int(d.u16())
	d.skip(2)
	root, count := d.offset(), uint64(d.u16())
	total := d.length()
	switch {
	case version != 0 || got != kind:
		return fail(ErrCorrupt, what, "version %d, type %d; want type %d", version, got, kind)
	case depth > maxTreeDepth:
		return fail(ErrTooDeep, what, "tree of %d levels, want at most %d", depth, maxTreeDepth)
	case recSize == 0 || nodeSize < 10+recSize || nodeSize > maxMetadata:
		return fail(ErrCorrupt, what, "nodes of %d bytes with records of %d", nodeSize, recSize)
	case root == undefined || total == 0:
		return nil
	}
	// The widths of counts in child pointers follow from how many records can lie below each level.
	type shape struct{ most, below, belowBytes uint64 }
	levels := make([]shape, depth+1)
	levels[0] = shape{most: (nodeSize - 10) / recSize}
	levels[0].below = levels[0].most
	mostBytes := byteWidth(levels[0].most)
	for i := 1; i <= depth; i++ {
		ptr := uint64(l.o) + mostBytes + levels[i-1].belowBytes
		if nodeSize < 10+ptr+recSize+ptr {
			return fail(ErrCorrupt, what, "nodes of %d bytes with records of %d", nodeSize, recSize)
		}
		most := (nodeSize - 10 - ptr) / (recSize + ptr)
		hi, lo := bits.Mul64(most+1, levels[i-1].below)
		if hi != 0 || lo > 1<<62 {
			return fail(ErrTooDeep, what, "tree of %d levels holds more than 2^62 records", depth)
		}
		below := lo + most
		levels[i] = shape{most, below, byteWidth(below)}
	}
	seen := map[uint64]bool{}
	var walk func(addr, count uint64, level int) error
	walk = func(addr, count uint64, level int) error {
		if seen[addr] {
			return fail(ErrCorrupt, what, "node at %d occurs twice", addr)
		}
		seen[addr] = true
		if count > levels[level].most {
			return fail(ErrCorrupt, what, "node with %d records, want at most %d", count, levels[level].most)
		}
		n, sig := 10+count*recSize, "BTLF"
		if level > 0 {
			n, sig = n+(count+1)*(uint64(l.o)+mostBytes+levels[level-1].belowBytes), "BTIN"
		}
		d, err := l.summed(addr, n, sig, what)
		if err != nil {
			return err
		}
		if d.u8() != 0 || d.u8() != kind {
			return fail(ErrCorrupt, what, "node at %d is of another tree", addr)
		}
		recs := d.next(int(count * recSize))
		for i := uint64(0); ; i++ {
			if level > 0 {
				child, n := d.offset(), d.uint(int(mostBytes))
				d.skip(int(levels[level-1].belowBytes))
				if err := walk(child, n, level-1); err != nil {
					return err
				}
			}
			if i == count {
				return nil
			}
			if err := f(recs[i*recSize : (i+1)*recSize]); err != nil {
				return err
			}
		}
	}
	// The counts below the first level are not stored for leaves, which is why levels[0].belowBytes is 0.
	return walk(root, count, depth)
}

// byteWidth is how many bytes HDF5 takes for a number that may be as large as most.
func byteWidth(most uint64) uint64 {
	return uint64(max(bits.Len64(most), 1)-1)/8 + 1
}

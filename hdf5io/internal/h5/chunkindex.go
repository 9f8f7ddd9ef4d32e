// The six chunk indexes: version 1 B-tree, single chunk, implicit, fixed array, extensible array, version 2 B-tree.

package h5

import (
	"cmp"
	"math/bits"
	"slices"
)

const whatIndex = "chunk index"

// indexer collects the chunks of one dataset.
type indexer struct {
	l   *loader
	lay *layout
	s   space
}

// add notes the chunk at the given place in the grid.
func (x *indexer) add(scaled []uint64, addr, size uint64, mask uint32) error {
	index := uint64(0)
	for i, c := range scaled {
		if c >= x.lay.grid[i] {
			return fail(ErrCorrupt, whatIndex, "chunk %v outside the grid %v", scaled, x.lay.grid)
		}
		index = index*x.lay.grid[i] + c
	}
	if len(x.lay.filters) == 0 && size != x.lay.chunkBytes {
		return fail(ErrCorrupt, whatIndex, "unfiltered chunk of %d bytes, want %d", size, x.lay.chunkBytes)
	}
	if len(x.lay.filters) < 32 && mask>>len(x.lay.filters) != 0 {
		return fail(ErrCorrupt, whatIndex, "filter mask %x for %d filters", mask, len(x.lay.filters))
	}
	if size == 0 {
		return fail(ErrCorrupt, whatIndex, "chunk of 0 bytes")
	}
	if size > x.l.lim.ChunkBytes+1<<10 {
		return fail(ErrTooLarge, whatIndex, "stored chunk of %d bytes, want at most %d", size, x.l.lim.ChunkBytes)
	}
	if len(x.lay.chunks) >= maxChunks {
		return fail(ErrTooLarge, whatIndex, "more than %d chunks", maxChunks)
	}
	x.lay.chunks = append(x.lay.chunks, chunk{index, addr, size, mask})
	return x.l.claim(addr, size, "chunk")
}

// done sorts the chunks and checks that none occurs twice and that unpacking them stays within the limits.
func (x *indexer) done() error {
	c := x.lay.chunks
	slices.SortFunc(c, func(a, b chunk) int { return cmp.Compare(a.index, b.index) })
	for i := 1; i < len(c); i++ {
		if c[i].index == c[i-1].index {
			return fail(ErrCorrupt, whatIndex, "chunk %d occurs twice", c[i].index)
		}
	}
	if n, ok := product([]uint64{uint64(len(c))}, x.lay.chunkBytes); !ok || n > x.l.lim.DataBytes {
		return fail(ErrTooLarge, whatIndex, "%d chunks of %d bytes; datasets may have %d", len(c), x.lay.chunkBytes, x.l.lim.DataBytes)
	}
	return nil
}

// chunkTree1 reads a version 1 B-tree, whose keys are: bytes, filter mask, place of the chunk in elements, a zero.
func (l *loader) chunkTree1(lay *layout, root uint64, s space) error {
	if root == undefined {
		return nil
	}
	x := &indexer{l, lay, s}
	rank := len(lay.chunk)
	scaled := make([]uint64, rank)
	err := l.tree1(root, 1, l.sb.chunkK, 8+8*(rank+1), "chunk tree", func(key []byte, child uint64) error {
		d := l.dec(key)
		size, mask := uint64(d.u32()), d.u32()
		for i := range scaled {
			at := d.uint(8)
			if at%lay.chunk[i] != 0 {
				return fail(ErrCorrupt, whatIndex, "chunk begins at %d, not at a multiple of %d", at, lay.chunk[i])
			}
			scaled[i] = at / lay.chunk[i]
		}
		return x.add(scaled, child, size, mask)
	})
	if err != nil {
		return err
	}
	return x.done()
}

// chunkedV4 decodes a version 4 layout of chunks and reads its index.
func (l *loader) chunkedV4(d *dec, lay *layout, t Type, s space) error {
	flags, rank, width := d.u8(), int(d.u8()), int(d.u8())
	if rank < 2 || rank > maxRank+1 || width < 1 || width > 8 {
		return fail(ErrCorrupt, whatLayout, "chunks of rank %d, dimensions of %d bytes", rank, width)
	}
	dims := make([]uint64, rank)
	for i := range dims {
		dims[i] = d.uint(width)
	}
	kind := d.u8()
	if d.bad || dims[rank-1] != uint64(t.Size) {
		return fail(ErrCorrupt, whatLayout, "chunk elements of %d bytes, want %d", dims[rank-1], t.Size)
	}
	if flags&1 != 0 {
		return fail(ErrUnsupported, whatLayout, "unfiltered edge chunks")
	}
	if err := l.gridOf(lay, dims[:rank-1], t, s); err != nil {
		return err
	}
	x := &indexer{l, lay, s}
	var err error
	switch kind {
	case 1:
		size, mask := lay.chunkBytes, uint32(0)
		if flags&2 != 0 {
			size, mask = d.length(), d.u32()
		}
		if addr := d.offset(); !d.bad && addr != undefined && s.count > 0 {
			err = x.add(make([]uint64, rank-1), addr, size, mask)
		}
	case 2:
		err = x.implicit(d.offset())
	case 3:
		d.skip(1)
		err = x.fixedArray(d.offset())
	case 4:
		d.skip(5)
		err = x.extensibleArray(d.offset())
	case 5:
		d.skip(6)
		err = x.tree2(d.offset())
	default:
		return fail(ErrCorrupt, whatIndex, "kind %d", kind)
	}
	if err != nil {
		return err
	}
	if d.bad {
		return fail(ErrCorrupt, whatLayout, "message too short")
	}
	return x.done()
}

// implicit: unfiltered chunks one after the other, for the whole of the largest shape.
func (x *indexer) implicit(addr uint64) error {
	if addr == undefined {
		return nil
	}
	place, err := x.places(false)
	if err != nil {
		return err
	}
	total, ok := product(place.grid, x.lay.chunkBytes)
	if !ok || total/x.lay.chunkBytes > maxChunks {
		return fail(ErrTooLarge, whatIndex, "grid %v of chunks, want at most %d chunks", place.grid, maxChunks)
	}
	if err := x.l.within(addr, total, whatIndex); err != nil {
		return err
	}
	count := total / x.lay.chunkBytes
	for i := uint64(0); i < count; i++ {
		if scaled := place.scaled(i); place.inside(scaled) {
			if err := x.add(scaled, addr+i*x.lay.chunkBytes, x.lay.chunkBytes, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// places turns positions in an array index into places in the grid. Arrays count chunks of the largest shape the dataset may
// take, row-major, an unlimited dimension coming first.
type places struct {
	grid []uint64 // of the largest shape, in the order of counting
	from []int    // from[i] = the dataset's dimension that is counted i-th
	now  []uint64 // the present grid, in the dataset's order
	out  []uint64
}

func (x *indexer) places(unlimited bool) (*places, error) {
	rank := len(x.lay.chunk)
	p := &places{grid: make([]uint64, rank), from: make([]int, 0, rank), now: x.lay.grid, out: make([]uint64, rank)}
	endless := -1
	for i, n := range x.s.max {
		if n == undefined {
			if endless >= 0 || !unlimited {
				return nil, fail(ErrCorrupt, whatIndex, "does not fit a dataset with unlimited dimensions")
			}
			endless = i
		}
	}
	if endless >= 0 {
		p.from = append(p.from, endless)
	}
	for i := range x.s.max {
		if i != endless {
			p.from = append(p.from, i)
		}
	}
	for i, dim := range p.from {
		p.grid[i] = chunksAlong(x.s.max[dim], x.lay.chunk[dim])
	}
	if _, ok := product(p.grid[min(1, rank):], 1); !ok {
		return nil, fail(ErrTooLarge, whatIndex, "grid %v of chunks", p.grid)
	}
	return p, nil
}

// scaled gives the place of position i; the slice is reused.
func (p *places) scaled(i uint64) []uint64 {
	for k := len(p.grid) - 1; k > 0; k-- {
		n := max(p.grid[k], 1)
		p.out[p.from[k]] = i % n
		i /= n
	}
	p.out[p.from[0]] = i
	return p.out
}

// inside reports whether a place lies in the present grid.
func (p *places) inside(scaled []uint64) bool {
	for i, c := range scaled {
		if c >= p.now[i] {
			return false
		}
	}
	return true
}

// elements decodes array elements that begin at position first: an address, and for filtered chunks their bytes and filter mask.
func (x *indexer) elements(d *dec, p *places, first, n uint64, filtered bool, elemSize int) error {
	for i := first; i < first+n; i++ {
		e := x.l.dec(d.next(elemSize))
		if d.bad {
			return fail(ErrCorrupt, whatIndex, "elements cut short")
		}
		addr, size, mask := e.offset(), x.lay.chunkBytes, uint32(0)
		if filtered {
			size, mask = e.uint(elemSize-x.l.o-4), e.u32()
		}
		if addr == undefined {
			continue
		}
		// Positions outside the present shape are left over from a larger one.
		if scaled := p.scaled(i); p.inside(scaled) {
			if err := x.add(scaled, addr, size, mask); err != nil {
				return err
			}
		}
	}
	return nil
}

// client checks the element type of an array index: 0 unfiltered, 1 filtered.
func (x *indexer) client(id byte, elemSize int) (filtered bool, err error) {
	filtered = id == 1
	if id > 1 || filtered != (len(x.lay.filters) > 0) ||
		!filtered && elemSize != x.l.o || filtered && (elemSize <= x.l.o+4 || elemSize > x.l.o+12) {
		return false, fail(ErrCorrupt, whatIndex, "elements of type %d, %d bytes", id, elemSize)
	}
	return filtered, nil
}

// fixedArray reads the index of a dataset without unlimited dimensions.
func (x *indexer) fixedArray(addr uint64) error {
	if addr == undefined {
		return nil
	}
	l := x.l
	d, err := l.summed(addr, uint64(8+l.l+l.o+4), "FAHD", whatIndex)
	if err != nil {
		return err
	}
	version, client, elemSize, pageBits := d.u8(), d.u8(), int(d.u8()), d.u8()
	count, block := d.length(), d.offset()
	filtered, err := x.client(client, elemSize)
	if err != nil {
		return err
	}
	p, err := x.places(false)
	if err != nil {
		return err
	}
	if want, ok := product(p.grid, 1); version != 0 || !ok || count != want || pageBits == 0 || pageBits > 32 {
		return fail(ErrCorrupt, whatIndex, "array of %d elements, want %d", count, want)
	}
	if block == undefined {
		return nil
	}
	if count > l.end/uint64(elemSize) {
		return fail(ErrCorrupt, whatIndex, "array of %d elements does not fit the file", count)
	}
	head := uint64(6 + l.o)
	perPage := uint64(1) << pageBits
	if count <= perPage {
		if d, err = l.summed(block, head+count*uint64(elemSize)+4, "FADB", whatIndex); err != nil {
			return err
		}
		if d.u8() != 0 || d.u8() != client || d.offset() != addr {
			return fail(ErrCorrupt, whatIndex, "data block at %d belongs elsewhere", block)
		}
		return x.elements(d, p, 0, count, filtered, elemSize)
	}
	pages := (count-1)/perPage + 1
	head += (pages+7)/8 + 4
	if d, err = l.summed(block, head, "FADB", whatIndex); err != nil {
		return err
	}
	if d.u8() != 0 || d.u8() != client || d.offset() != addr {
		return fail(ErrCorrupt, whatIndex, "data block at %d belongs elsewhere", block)
	}
	used := d.next(int((pages + 7) / 8))
	return x.pages(p, block+head, 0, count, perPage, func(i uint64) bool { return bitSet(used, i) }, filtered, elemSize)
}

// pages reads count elements kept in checksummed pages from addr on; pages never written are skipped.
func (x *indexer) pages(p *places, addr, first, count, perPage uint64, used func(uint64) bool, filtered bool, elemSize int) error {
	for page := uint64(0); page*perPage < count; page++ {
		n := min(perPage, count-page*perPage)
		if used(page) {
			b, err := x.l.bytes(addr, n*uint64(elemSize)+4, whatIndex)
			if err != nil {
				return err
			}
			if err := checkSum(b, whatIndex); err != nil {
				return err
			}
			if err := x.l.claim(addr, uint64(len(b)), whatIndex); err != nil {
				return err
			}
			if err := x.elements(x.l.dec(b), p, first+page*perPage, n, filtered, elemSize); err != nil {
				return err
			}
		}
		addr += n*uint64(elemSize) + 4
	}
	return nil
}

// bitSet tells bit i of a bitmap whose first bit is the highest of the first byte.
func bitSet(bitmap []byte, i uint64) bool {
	return i/8 < uint64(len(bitmap)) && bitmap[i/8]&(0x80>>(i%8)) != 0
}

// extensibleArray reads the index of a dataset with one unlimited dimension. Elements lie first in the index block, then in
// data blocks that it lists, then in data blocks listed by super blocks; super block u has 2^(u/2) data blocks of 2^((u+1)/2)
// times the smallest size.
func (x *indexer) extensibleArray(addr uint64) error {
	if addr == undefined {
		return nil
	}
	l := x.l
	d, err := l.summed(addr, uint64(12+6*l.l+l.o+4), "EAHD", whatIndex)
	if err != nil {
		return err
	}
	version, client, elemSize := d.u8(), d.u8(), int(d.u8())
	maxBits, inIndex := uint64(d.u8()), uint64(d.u8())
	minBlock, minPointers, pageBits := uint64(d.u8()), uint64(d.u8()), d.u8()
	for range 6 {
		d.length()
	}
	index := d.offset()
	filtered, err := x.client(client, elemSize)
	if err != nil {
		return err
	}
	p, err := x.places(true)
	if err != nil {
		return err
	}
	if version != 0 || maxBits == 0 || maxBits > 64 || bits.OnesCount64(minBlock) != 1 ||
		bits.OnesCount64(minPointers) != 1 || minPointers < 2 || pageBits == 0 || pageBits > 32 ||
		uint64(bits.Len64(minBlock)-1) > maxBits {
		return fail(ErrCorrupt, whatIndex, "impossible header at %d", addr)
	}
	if index == undefined {
		return nil
	}
	a := &extArray{x: x, p: p, addr: addr, client: client, filtered: filtered, elemSize: elemSize,
		offsetSize: int(maxBits+7) / 8, perPage: 1 << pageBits, end: 1}
	// No element can lie at or past the number of chunks in the present shape.
	for i, dim := range p.from {
		n := p.grid[i]
		if i == 0 {
			n = x.lay.grid[dim]
		}
		var ok bool
		if a.end, ok = product([]uint64{a.end}, n); !ok {
			return fail(ErrTooLarge, whatIndex, "grid %v of chunks", p.grid)
		}
	}
	supers := 1 + maxBits - uint64(bits.Len64(minBlock)-1)
	direct := min(2*uint64(bits.Len64(minPointers)-1), supers) // super blocks whose data blocks the index block lists
	blocks := 2 * (minPointers - 1)
	d, err = l.summed(index, uint64(6+l.o)+inIndex*uint64(elemSize)+(blocks+supers-direct)*uint64(l.o)+4, "EAIB", whatIndex)
	if err != nil {
		return err
	}
	if d.u8() != 0 || d.u8() != client || d.offset() != addr {
		return fail(ErrCorrupt, whatIndex, "index block at %d belongs elsewhere", index)
	}
	if err := x.elements(d, p, 0, inIndex, filtered, elemSize); err != nil {
		return err
	}
	first := inIndex
	for u := uint64(0); u < supers && first < a.end; u++ {
		n, size := uint64(1)<<(u/2), minBlock<<((u+1)/2)
		if u < direct {
			for range n {
				if err := a.dataBlock(d.offset(), first, size, nil, 0); err != nil {
					return err
				}
				first += size
			}
			continue
		}
		super := d.offset()
		if super != undefined {
			if err := a.superBlock(super, first, n, size); err != nil {
				return err
			}
		}
		if hi, lo := bits.Mul64(n, size); hi != 0 || first+lo < first {
			break
		}
		first += n * size
	}
	if d.bad {
		return fail(ErrCorrupt, whatIndex, "index block cut short")
	}
	return nil
}

// extArray is an extensible array that is being read.
type extArray struct {
	x          *indexer
	p          *places
	addr       uint64
	client     byte
	filtered   bool
	elemSize   int
	offsetSize int
	perPage    uint64
	end        uint64 // elements at and past this position are not wanted
}

// superBlock reads a list of n data blocks of size elements each.
func (a *extArray) superBlock(addr, first, n, size uint64) error {
	l := a.x.l
	bitmap := uint64(0) // bytes for each data block
	if size > a.perPage {
		bitmap = (size/a.perPage + 7) / 8
	}
	if n > l.end/uint64(l.o) || bitmap > l.end/n {
		return fail(ErrCorrupt, whatIndex, "super block with %d data blocks does not fit the file", n)
	}
	d, err := l.summed(addr, uint64(6+l.o+a.offsetSize)+n*bitmap+n*uint64(l.o)+4, "EASB", whatIndex)
	if err != nil {
		return err
	}
	if d.u8() != 0 || d.u8() != a.client || d.offset() != a.addr {
		return fail(ErrCorrupt, whatIndex, "super block at %d belongs elsewhere", addr)
	}
	d.skip(a.offsetSize)
	used := d.next(int(n * bitmap))
	for i := uint64(0); i < n && first < a.end; i++ {
		if err := a.dataBlock(d.offset(), first, size, used, i*(size/a.perPage)); err != nil {
			return err
		}
		first += size
	}
	return nil
}

// dataBlock reads size elements from position first on. Large ones come in pages; bit pageBit+i of used tells whether page i
// was written.
func (a *extArray) dataBlock(addr, first, size uint64, used []byte, pageBit uint64) error {
	if addr == undefined {
		return nil
	}
	l := a.x.l
	head := uint64(6 + l.o + a.offsetSize)
	paged := size > a.perPage
	n := head + 4
	if !paged {
		n += size * uint64(a.elemSize)
	} else if used == nil {
		return fail(ErrUnsupported, whatIndex, "pages below the index block")
	}
	d, err := l.summed(addr, n, "EADB", whatIndex)
	if err != nil {
		return err
	}
	if d.u8() != 0 || d.u8() != a.client || d.offset() != a.addr {
		return fail(ErrCorrupt, whatIndex, "data block at %d belongs elsewhere", addr)
	}
	d.skip(a.offsetSize)
	if !paged {
		return a.x.elements(d, a.p, first, size, a.filtered, a.elemSize)
	}
	isUsed := func(i uint64) bool { return bitSet(used, pageBit+i) }
	return a.x.pages(a.p, addr+n, first, size, a.perPage, isUsed, a.filtered, a.elemSize)
}

// tree2 reads the index of a dataset with several unlimited dimensions.
func (x *indexer) tree2(addr uint64) error {
	if addr == undefined {
		return nil
	}
	rank, kind := len(x.lay.chunk), byte(10)
	if len(x.lay.filters) > 0 {
		kind = 11
	}
	scaled := make([]uint64, rank)
	return x.l.tree2(addr, kind, func(rec []byte) error {
		d := x.l.dec(rec)
		at, size, mask := d.offset(), x.lay.chunkBytes, uint32(0)
		if kind == 11 {
			width := len(rec) - x.l.o - 4 - 8*rank
			if width < 1 || width > 8 {
				return fail(ErrCorrupt, whatIndex, "records of %d bytes", len(rec))
			}
			size, mask = d.uint(width), d.u32()
		}
		for i := range scaled {
			scaled[i] = d.uint(8)
		}
		if d.bad {
			return fail(ErrCorrupt, whatIndex, "records of %d bytes", len(rec))
		}
		return x.add(scaled, at, size, mask)
	})
}

// Fractal heaps: where dense groups and objects with many attributes keep their messages.

package h5

import "math/bits"

const (
	whatHeap = "fractal heap"
	whatHuge = "large heap object"
)

// fractalHeap is an open heap. Objects are found by the offset or number in their identifier.
type fractalHeap struct {
	l          *loader
	addr       uint64
	idLen      int
	summed     bool // direct blocks carry checksums
	maxObject  uint64
	hugeTree   uint64
	huge       map[uint64]extent // by number; end is the length
	width      uint64            // blocks in a row
	start      uint64            // size of the blocks of the first row
	maxDirect  uint64
	root       uint64
	rows       uint64 // rows of the root, 0 = the root is a direct block
	offsetSize int
	lengthSize int
	offsetBits uint64
	given      uint64              // bytes of all objects asked for
	indirect   map[uint64][]uint64 // children of indirect blocks, by address
	direct     map[uint64][]byte   // direct blocks, by address
}

// fractalHeap reads a heap's header.
func (l *loader) fractalHeap(addr uint64) (*fractalHeap, error) {
	d, err := l.summed(addr, uint64(4+1+2+2+1+4+12*l.l+3*l.o+4*2+4), "FRHP", whatHeap)
	if err != nil {
		return nil, err
	}
	h := &fractalHeap{l: l, addr: addr, indirect: map[uint64][]uint64{}, direct: map[uint64][]byte{}}
	version := d.u8()
	h.idLen = int(d.u16())
	filters := d.u16()
	h.summed = d.u8()&2 != 0
	h.maxObject = uint64(d.u32())
	d.length()
	h.hugeTree = d.offset()
	d.length() // bytes free, and where that is managed: for writers
	d.offset()
	space, allocated, next := d.length(), d.length(), d.length()
	for range 5 { // numbers and sizes of objects
		d.length()
	}
	h.width = uint64(d.u16())
	h.start, h.maxDirect = d.length(), d.length()
	h.offsetBits = uint64(d.u16())
	d.u16()
	h.root = d.offset()
	h.rows = uint64(d.u16())
	switch {
	case d.bad:
		return nil, fail(ErrCorrupt, whatHeap, "header at %d has addresses outside the file", addr)
	case version != 0:
		return nil, fail(ErrUnsupported, whatHeap, "version %d", version)
	case filters != 0:
		return nil, fail(ErrUnsupported, whatHeap, "compressed heap")
	case h.idLen < 1+1 || h.idLen > 64 || h.width == 0 || h.width > 4096 || bits.OnesCount64(h.width) != 1,
		bits.OnesCount64(h.start) != 1 || bits.OnesCount64(h.maxDirect) != 1 || h.start > h.maxDirect,
		h.maxDirect > maxMetadata || h.offsetBits == 0 || h.offsetBits > 64 || h.rows > 64:
		return nil, fail(ErrCorrupt, whatHeap, "impossible header at %d", addr)
	}
	// libhdf5 believes these sums, so they must be right: what the root spans, how much of it has blocks, where the next block goes.
	spans := uint64(0)
	for r := range h.rows {
		spans += h.rowSize(r) * h.width
	}
	if h.rows == 0 && h.root != undefined {
		spans = h.start
	}
	if space != spans || allocated > spans || next > spans {
		return nil, fail(ErrCorrupt, whatHeap, "header at %d claims %d bytes, its blocks span %d", addr, space, spans)
	}
	h.offsetSize = int(h.offsetBits+7) / 8
	h.lengthSize = min((bits.Len64(h.maxDirect)-1+7)/8, int(byteWidth(h.maxObject)))
	return h, h.readHuge()
}

// object returns the bytes of the object with the given identifier.
func (h *fractalHeap) object(id []byte) ([]byte, error) {
	d := h.l.dec(id)
	flags := d.u8()
	if flags>>6 != 0 {
		return nil, fail(ErrCorrupt, whatHeap, "identifier version %d", flags>>6)
	}
	switch flags >> 4 & 3 {
	case 0:
		offset, n := d.uint(h.offsetSize), d.uint(h.lengthSize)
		if d.bad || n == 0 {
			return nil, fail(ErrCorrupt, whatHeap, "identifier of %d bytes, object of %d", len(id), n)
		}
		if h.given += n; h.given > h.l.end {
			return nil, fail(ErrCorrupt, whatHeap, "objects share bytes")
		}
		return h.managed(offset, n)
	case 1:
		return h.hugeObject(d)
	case 2:
		n := int(flags&15) + 1
		if h.idLen-1 > 16 {
			n = int(flags&15)<<8 + int(d.u8()) + 1
		}
		if b := d.next(n); b != nil {
			return b, nil
		}
	}
	return nil, fail(ErrCorrupt, whatHeap, "impossible identifier % x", id)
}

// rowSize is the size of the blocks in row r: start, start, 2*start, 4*start, ...
func (h *fractalHeap) rowSize(r uint64) uint64 {
	if r == 0 {
		return h.start
	}
	return h.start << (r - 1)
}

// managed finds n bytes at offset in the heap's address space.
func (h *fractalHeap) managed(offset, n uint64) ([]byte, error) {
	block, size := h.root, h.start
	blockAt := uint64(0) // the block's place in the heap's address space
	startBits, widthBits := uint64(bits.Len64(h.start)-1), uint64(bits.Len64(h.width)-1)
	directRows := uint64(bits.Len64(h.maxDirect)-1) - startBits + 2
	for rows, depth := h.rows, 0; rows > 0; depth++ {
		if depth > maxTreeDepth {
			return nil, fail(ErrTooDeep, whatHeap, "more than %d levels of blocks", maxTreeDepth)
		}
		// Find row and column of the child that holds offset.
		rel, row := offset-blockAt, uint64(0)
		for ; row < rows && rel >= h.rowSize(row)*h.width; row++ {
			rel -= h.rowSize(row) * h.width
		}
		if row == rows {
			return nil, fail(ErrCorrupt, whatHeap, "object at %d lies outside the heap", offset)
		}
		children, err := h.children(block, rows, blockAt)
		if err != nil {
			return nil, err
		}
		size = h.rowSize(row)
		col := rel / size
		block, blockAt = children[row*h.width+col], offset-rel%size
		if row < directRows {
			break
		}
		rows = uint64(bits.Len64(size)-1) - startBits - widthBits + 1
		if rows == 0 || rows > 64 {
			return nil, fail(ErrCorrupt, whatHeap, "impossible indirect block")
		}
	}
	b, err := h.directBlock(block, size, blockAt)
	if err != nil {
		return nil, err
	}
	from := offset - blockAt
	if from < h.directHead() || from > size || n > size-from {
		return nil, fail(ErrCorrupt, whatHeap, "object of %d bytes at %d of a block of %d", n, from, size)
	}
	return b[from : from+n : from+n], nil
}

func (h *fractalHeap) directHead() uint64 {
	n := uint64(5 + h.l.o + h.offsetSize)
	if h.summed {
		n += 4
	}
	return n
}

// children reads the addresses in an indirect block. Without filters those of direct and indirect blocks look alike.
func (h *fractalHeap) children(addr, rows, blockAt uint64) ([]uint64, error) {
	if c, ok := h.indirect[addr]; ok {
		if uint64(len(c)) != rows*h.width {
			return nil, fail(ErrCorrupt, whatHeap, "indirect block at %d occurs twice", addr)
		}
		return c, nil
	}
	d, err := h.l.summed(addr, uint64(5+h.l.o+h.offsetSize)+rows*h.width*uint64(h.l.o)+4, "FHIB", whatHeap)
	if err != nil {
		return nil, err
	}
	version, owner, place := d.u8(), d.offset(), d.uint(h.offsetSize)
	if version != 0 || owner != h.addr || place != blockAt {
		return nil, fail(ErrCorrupt, whatHeap, "indirect block at %d belongs elsewhere", addr)
	}
	c := make([]uint64, rows*h.width)
	for i := range c {
		c[i] = d.offset()
	}
	if d.bad {
		return nil, fail(ErrCorrupt, whatHeap, "indirect block at %d names addresses outside the file", addr)
	}
	h.indirect[addr] = c
	return c, nil
}

// directBlock reads a block of objects.
func (h *fractalHeap) directBlock(addr, size, blockAt uint64) ([]byte, error) {
	if b, ok := h.direct[addr]; ok {
		if uint64(len(b)) != size {
			return nil, fail(ErrCorrupt, whatHeap, "block at %d occurs twice", addr)
		}
		return b, nil
	}
	b, err := h.l.bytes(addr, size, whatHeap)
	if err != nil {
		return nil, err
	}
	if err := h.l.claim(addr, size, whatHeap); err != nil {
		return nil, err
	}
	d := h.l.dec(b)
	sig := d.signature("FHDB")
	version, owner, place := d.u8(), d.offset(), d.uint(h.offsetSize)
	if !sig || version != 0 || owner != h.addr || place != blockAt || d.bad {
		return nil, fail(ErrCorrupt, whatHeap, "block at %d belongs elsewhere", addr)
	}
	if h.summed {
		// The sum was taken with its own field zero.
		at := d.pos
		stored := d.u32()
		clean := append([]byte(nil), b...)
		clear(clean[at : at+4])
		if got := lookup3(clean); got != stored {
			return nil, fail(ErrChecksum, whatHeap, "block at %d: stored checksum %08x, bytes have %08x", addr, stored, got)
		}
	}
	h.direct[addr] = b
	return b, nil
}

// hugeObject finds an object that has its own place in the file, because it is larger than the heap's blocks take.
func (h *fractalHeap) hugeObject(id *dec) ([]byte, error) {
	if h.placed() {
		return h.hugeBytes(extent{id.offset(), id.length()})
	}
	number := id.uint(min(h.idLen-1, h.l.l))
	e, ok := h.huge[number]
	if !ok {
		return nil, fail(ErrCorrupt, whatHuge, "no object %d", number)
	}
	return h.hugeBytes(e)
}

// placed reports whether identifiers have room for the place of a large object, and so give it instead of a number.
func (h *fractalHeap) placed() bool { return h.l.o+h.l.l <= h.idLen-1 }

// readHuge reads the index of large objects.
func (h *fractalHeap) readHuge() error {
	if h.hugeTree == undefined {
		return nil
	}
	kind := byte(1)
	if h.placed() {
		kind = 3
	}
	h.huge = map[uint64]extent{}
	return h.l.tree2(h.hugeTree, kind, func(rec []byte) error {
		d := h.l.dec(rec)
		e := extent{d.offset(), d.length()}
		number := uint64(len(h.huge))
		if !h.placed() {
			number = d.length()
		}
		if d.bad {
			return fail(ErrCorrupt, whatHuge, "record of %d bytes", len(rec))
		}
		h.huge[number] = e
		return nil
	})
}

// hugeBytes reads an object whose place is given as start and length.
func (h *fractalHeap) hugeBytes(e extent) ([]byte, error) {
	b, err := h.l.bytes(e.start, e.end, whatHuge)
	if err != nil {
		return nil, err
	}
	return b, h.l.claim(e.start, e.end, whatHuge)
}

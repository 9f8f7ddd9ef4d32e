// Where a dataset's bytes are: the layout, fill value, filter and external-file messages.

package h5

import (
	"math"
	"math/bits"
	"slices"
)

// storage is how a dataset's elements are kept.
type storage uint8

const (
	compact    storage = iota // in the header
	contiguous                // in one stretch of the file
	chunked                   // in blocks of equal shape, possibly filtered
)

// layout is the decoded place of a dataset's elements.
type layout struct {
	storage storage
	inline  []byte // compact
	addr    uint64 // contiguous, or undefined = never written, all elements have the fill value
	fill    []byte // one element, or nil = zeros

	chunk      []uint64 // shape of a chunk
	grid       []uint64 // chunks along each dimension
	chunkBytes uint64   // of a chunk when unfiltered
	chunks     []chunk  // those that are stored, by index
	filters    []filter
}

// chunk is one stored chunk.
type chunk struct {
	index uint64 // row-major place in the grid
	addr  uint64
	size  uint64 // bytes in the file
	mask  uint32 // bit i set = filter i was skipped
}

const whatLayout = "layout"

// layoutOf decodes all messages that say how the elements of d are kept.
func (l *loader) layoutOf(msgs []message, t Type, s space) (layout, error) {
	lay := layout{addr: undefined}
	var body []byte
	for _, m := range msgs {
		var err error
		switch m.kind {
		case msgExternal:
			err = fail(ErrExternalStorage, "", "data kept in other files, which are never opened")
		case msgLayout:
			body = m.body
		case msgFill, msgFillOld:
			err = lay.fillValue(l.dec(m.body), m.kind, t.Size)
		case msgFilters:
			lay.filters, err = l.pipeline(m.body)
		}
		if err != nil {
			return lay, err
		}
	}
	bytes, ok := product([]uint64{s.count, uint64(t.Size)}, 1)
	if l.declared += bytes; !ok || l.declared > l.lim.DataBytes || l.declared < bytes || bytes > math.MaxInt {
		return lay, fail(ErrTooLarge, "", "shape %v of %v; datasets may declare %d bytes in all", s.dims, t, l.lim.DataBytes)
	}
	d := l.dec(body)
	version := d.u8()
	var err error
	switch version {
	case 1, 2:
		err = l.layoutOld(d, version, &lay, t, s, bytes)
	case 3, 4:
		err = l.layoutNew(d, version, &lay, t, s, bytes)
	default:
		err = fail(ErrUnsupported, whatLayout, "version %d", version)
	}
	if err == nil && lay.storage != chunked && len(lay.filters) > 0 {
		err = fail(ErrCorrupt, whatLayout, "filters on data that is not chunked")
	}
	return lay, err
}

// layoutOld decodes versions 1 and 2.
func (l *loader) layoutOld(d *dec, version byte, lay *layout, t Type, s space, bytes uint64) error {
	rank, class := int(d.u8()), d.u8()
	d.skip(5)
	addr := undefined
	if class != 0 {
		addr = d.offset()
	}
	if rank > maxRank+1 {
		return fail(ErrCorrupt, whatLayout, "rank %d", rank)
	}
	dims := make([]uint64, rank)
	for i := range dims {
		dims[i] = uint64(d.u32())
	}
	switch class {
	case 0:
		return l.inline(d, lay, uint64(d.u32()), bytes)
	case 1:
		if d.bad {
			return fail(ErrCorrupt, whatLayout, "message too short")
		}
		return l.contiguous(lay, addr, bytes, bytes)
	case 2:
		if d.bad || rank < 1 || dims[rank-1] != uint64(t.Size) {
			return fail(ErrCorrupt, whatLayout, "chunks of rank %d", rank)
		}
		if err := l.gridOf(lay, dims[:rank-1], t, s); err != nil {
			return err
		}
		return l.chunkTree1(lay, addr, s)
	}
	return fail(ErrCorrupt, whatLayout, "version %d, class %d", version, class)
}

// layoutNew decodes versions 3 and 4, which differ in chunked storage only.
func (l *loader) layoutNew(d *dec, version byte, lay *layout, t Type, s space, bytes uint64) error {
	switch class := d.u8(); class {
	case 0:
		return l.inline(d, lay, uint64(d.u16()), bytes)
	case 1:
		addr, n := d.offset(), d.length()
		if d.bad {
			return fail(ErrCorrupt, whatLayout, "message too short")
		}
		return l.contiguous(lay, addr, n, bytes)
	case 2:
		if version == 4 {
			return l.chunkedV4(d, lay, t, s)
		}
		rank := int(d.u8())
		addr := d.offset()
		if rank < 1 || rank > maxRank+1 {
			return fail(ErrCorrupt, whatLayout, "chunks of rank %d", rank)
		}
		dims := make([]uint64, rank)
		for i := range dims {
			dims[i] = uint64(d.u32())
		}
		if d.bad || dims[rank-1] != uint64(t.Size) {
			return fail(ErrCorrupt, whatLayout, "chunk elements of %d bytes, want %d", dims[rank-1], t.Size)
		}
		if err := l.gridOf(lay, dims[:rank-1], t, s); err != nil {
			return err
		}
		return l.chunkTree1(lay, addr, s)
	case 3:
		return fail(ErrExternalStorage, "", "virtual dataset, made of other datasets")
	default:
		return fail(ErrCorrupt, whatLayout, "version %d, class %d", version, class)
	}
}

// inline takes compact data out of the message. An empty dataset may have none.
func (l *loader) inline(d *dec, lay *layout, n, want uint64) error {
	lay.storage = compact
	b := d.next(int(n))
	if d.bad || n < want {
		return fail(ErrCorrupt, whatLayout, "%d bytes in the header, want %d", n, want)
	}
	lay.inline = slices.Clone(b[:want])
	return nil
}

// contiguous notes where the data is. n is what the message says, want what the shape needs.
func (l *loader) contiguous(lay *layout, addr, n, want uint64) error {
	lay.storage = contiguous
	if addr == undefined || want == 0 {
		return nil
	}
	if n < want {
		return fail(ErrCorrupt, whatLayout, "%d bytes stored, the shape needs %d", n, want)
	}
	lay.addr = addr
	return l.claim(addr, want, "data")
}

// gridOf sets the chunk shape and the grid.
func (l *loader) gridOf(lay *layout, dims []uint64, t Type, s space) error {
	lay.storage = chunked
	if len(dims) != len(s.dims) || len(dims) == 0 {
		return fail(ErrCorrupt, whatLayout, "chunks of rank %d for data of rank %d", len(dims), len(s.dims))
	}
	n, ok := product(dims, uint64(t.Size))
	if !ok || n > l.lim.ChunkBytes {
		return fail(ErrTooLarge, whatLayout, "chunk shape %v of %v, want at most %d bytes", dims, t, l.lim.ChunkBytes)
	}
	if n == 0 {
		return fail(ErrCorrupt, whatLayout, "chunk shape %v", dims)
	}
	lay.chunk, lay.chunkBytes, lay.grid = dims, n, make([]uint64, len(dims))
	for i := range dims {
		lay.grid[i] = chunksAlong(s.dims[i], dims[i])
	}
	return nil
}

func chunksAlong(n, chunk uint64) uint64 {
	if n == 0 {
		return 0
	}
	return (n-1)/chunk + 1
}

// fillValue decodes a fill-value message of either kind.
func (lay *layout) fillValue(d *dec, kind, size int) error {
	defined := true
	if kind == msgFill {
		switch version := d.u8(); version {
		case 1, 2:
			d.skip(2)
			defined = d.u8() != 0 || version == 1
		case 3:
			defined = d.u8()&0x20 != 0
		default:
			return fail(ErrUnsupported, "fill value", "version %d", version)
		}
	}
	if !defined {
		return nil
	}
	n := int32(d.u32())
	if d.bad && kind == msgFill || n <= 0 {
		return nil
	}
	b := d.next(int(n))
	if d.bad {
		return fail(ErrCorrupt, "fill value", "%d bytes cut short", n)
	}
	// The old message may keep a value of the type before a change; only one that fits is used.
	if int(n) == size {
		lay.fill = slices.Clone(b)
	}
	return nil
}

// product multiplies; ok is false above 2^62.
func product(dims []uint64, by uint64) (p uint64, ok bool) {
	p = by
	zero := p == 0
	ok = true
	for _, n := range dims {
		zero = zero || n == 0
		hi, lo := bits.Mul64(p, max(n, 1))
		if hi != 0 || lo > 1<<62 {
			ok = false
			lo = 1
		}
		p = lo
	}
	if zero {
		return 0, true
	}
	return p, ok
}

// intShape converts dimensions to int, whose width depends on the machine.
func intShape(dims []uint64) ([]int, error) {
	out := make([]int, len(dims))
	for i, n := range dims {
		if out[i] = int(n); n > 1<<62 || out[i] < 0 || uint64(out[i]) != n {
			return nil, fail(ErrTooLarge, "dataspace", "dimension %d is %d", i, n)
		}
	}
	if n, ok := product(dims, 1); !ok || uint64(int(n)) != n || int(n) < 0 {
		return nil, fail(ErrTooLarge, "dataspace", "shape %v", dims)
	}
	return out, nil
}

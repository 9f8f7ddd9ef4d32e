// Dataset: reading contents into the caller's memory.

package h5

import "strings"

// Dataset is an array in the file. Its contents are read on demand.
type Dataset struct {
	object
	Shape []int // empty for a scalar
	Null  bool  // has a type but no elements and no shape
	Type  Type

	file   *File
	lay    layout
	format format
}

// Len is the number of elements: 1 for a scalar.
func (d *Dataset) Len() int {
	if d.Null {
		return 0
	}
	n := 1
	for _, k := range d.Shape {
		n *= k
	}
	return n
}

// IsBFloat16 reports whether the elements are bfloat16, stored as such or as the two opaque bytes that Keras writes.
func (d *Dataset) IsBFloat16() bool { return d.format.kind == kindBF16 }

// IsNumeric reports whether the elements can be read as float32.
func (d *Dataset) IsNumeric() bool { return d.format.kind != kindNone }

// Layout describes the storage: "contiguous", "compact", "chunked", the last with the names of its filters.
func (d *Dataset) Layout() string {
	s := [...]string{"compact", "contiguous", "chunked"}[d.lay.storage]
	for _, f := range d.lay.filters {
		s += [...]string{"", " gzip", " shuffle", " fletcher32"}[f.id]
	}
	return s
}

// ReadFloat32 fills dst, row-major, with the dataset converted to float32. len(dst) must be Len. Contiguous little-endian
// float32 goes straight from the file into dst. Integers and float64 are rounded to nearest even; float16 and bfloat16 are
// exact.
func (d *Dataset) ReadFloat32(dst []float32) error { return readNumbers(d, dst) }

// ReadFloat64 fills dst, row-major, with the dataset converted to float64. Only 64-bit integers beyond 2^53 are rounded.
func (d *Dataset) ReadFloat64(dst []float64) error { return readNumbers(d, dst) }

// ReadInt64 fills dst, row-major, with an integer or enumeration dataset.
func (d *Dataset) ReadInt64(dst []int64) error { return readNumbers(d, dst) }

// ReadRaw fills dst with the elements as stored, in the file's byte order: Len times Type.Size bytes. It takes any fixed-size
// type.
func (d *Dataset) ReadRaw(dst []byte) error {
	if len(dst) != d.Len()*d.Type.Size {
		return fail(ErrShapeMismatch, shown(d.path), "destination has %d bytes, dataset %d", len(dst), d.Len()*d.Type.Size)
	}
	same := func(dst, raw []byte) error {
		copy(dst, raw)
		return nil
	}
	return at(shown(d.path), readElems(d, dst, d.Type.Size, dst, same))
}

// Strings returns the elements of a string dataset, row-major.
func (d *Dataset) Strings() ([]string, error) {
	if d.Type.Class != ClassString {
		return nil, fail(ErrWrongType, shown(d.path), "got %s, want strings", d.Type)
	}
	raw := make([]byte, d.Len()*d.Type.Size)
	if err := d.ReadRaw(raw); err != nil {
		return nil, err
	}
	src := *d.file.src
	src.pages, src.extents, src.claimed = map[uint64][]byte{}, nil, 0
	l := &loader{source: &src, globals: map[uint64]collection{}}
	s, err := l.stringElems(d.Type, raw)
	return s, at(shown(d.path), err)
}

func readNumbers[T number](d *Dataset, dst []T) error {
	if !d.format.readableAs(kindOf[T]()) {
		return fail(ErrWrongType, shown(d.path), "got %s, want numbers of another sort", d.Type)
	}
	if len(dst) != d.Len() {
		return fail(ErrShapeMismatch, shown(d.path), "destination has %d elements, dataset %d with shape %s",
			len(dst), d.Len(), shapeString(d.Shape))
	}
	var direct []byte
	if d.format.sameAs(kindOf[T]()) {
		direct = memory(dst)
	}
	conv := func(dst []T, raw []byte) error { return convert(dst, raw, d.format) }
	return at(shown(d.path), readElems(d, dst, 1, direct, conv))
}

// blockBytes is how much is converted at a time.
const blockBytes = 256 << 10

// readElems reads all elements, per units of dst for each, with conv decoding a stretch of them. direct, if not nil, is dst's
// memory when the stored bytes need no conversion.
func readElems[T any](d *Dataset, dst []T, per int, direct []byte, conv func(dst []T, raw []byte) error) error {
	if len(dst) == 0 {
		return nil
	}
	size := d.Type.Size
	switch lay := &d.lay; {
	case lay.storage == compact:
		raw := append([]byte(nil), lay.inline...)
		return conv(dst, raw)
	case lay.storage == chunked:
		return readChunks(d, dst, per, conv)
	case lay.addr == undefined:
		return fillWith(d, dst, per, conv)
	case direct != nil:
		return d.readStored(direct)
	default:
		if d.library() != nil {
			raw := make([]byte, len(dst)/per*size)
			if err := d.readStored(raw); err != nil {
				return err
			}
			return conv(dst, raw)
		}
		block := max(blockBytes/size, 1)
		raw := make([]byte, min(block, len(dst)/per)*size)
		for at := lay.addr; len(dst) > 0; {
			n := min(block, len(dst)/per)
			if err := d.file.src.readAt(raw[:n*size], at); err != nil {
				return err
			}
			if err := conv(dst[:n*per], raw[:n*size]); err != nil {
				return err
			}
			dst, at = dst[n*per:], at+uint64(n*size)
		}
		return nil
	}
}

// library is libhdf5 if the dataset may be read through it: never what holds references, which it would turn into pointers.
func (d *Dataset) library() library {
	switch d.Type.Class {
	case ClassInt, ClassFloat, ClassBitfield, ClassOpaque, ClassEnum:
		return d.file.lib
	case ClassString:
		if !d.Type.VarLen {
			return d.file.lib
		}
	}
	return nil
}

// readStored fills dst with all elements of a contiguous dataset as they lie in the file.
func (d *Dataset) readStored(dst []byte) error {
	if lib := d.library(); lib != nil {
		err := lib.read(d.path, d.Type.Size, dst)
		if err == nil || d.file.force {
			return err
		}
		// Older libhdf5 versions refuse some sound files, and file locks may be in the way; the Go reader needs neither.
	}
	return d.file.src.readAt(dst, d.lay.addr)
}

// fillWith gives every element of dst the fill value.
func fillWith[T any](d *Dataset, dst []T, per int, conv func(dst []T, raw []byte) error) error {
	raw := make([]byte, d.Type.Size)
	copy(raw, d.lay.fill)
	if err := conv(dst[:per], raw); err != nil {
		return err
	}
	for n := per; n < len(dst); n *= 2 {
		copy(dst[n:], dst[:n])
	}
	return nil
}

// readChunks unpacks the chunks one after the other and copies their rows into place.
func readChunks[T any](d *Dataset, dst []T, per int, conv func(dst []T, raw []byte) error) error {
	lay := &d.lay
	total := uint64(1)
	for _, n := range lay.grid {
		total *= n
	}
	if uint64(len(lay.chunks)) < total {
		if err := fillWith(d, dst, per, conv); err != nil {
			return err
		}
	}
	rank, size := len(lay.chunk), uint64(d.Type.Size)
	start := make([]uint64, rank) // of the chunk, in elements
	count := make([]uint64, rank) // of the chunk's elements that lie in the dataset
	pos := make([]uint64, rank)   // of a row inside the chunk
	for _, c := range lay.chunks {
		for i, rest := rank-1, c.index; i >= 0; i-- {
			start[i] = rest % lay.grid[i] * lay.chunk[i]
			rest /= lay.grid[i]
			count[i] = min(lay.chunk[i], uint64(d.Shape[i])-start[i])
		}
		raw := make([]byte, c.size)
		err := d.file.src.readAt(raw, c.addr)
		if err == nil {
			raw, err = undo(lay.filters, c.mask, raw, int(lay.chunkBytes), d.Type.Size)
		}
		if err != nil {
			return at(shown(d.path)+" chunk "+chunkPlace(start), err)
		}
		clear(pos)
		for {
			from, to := uint64(0), uint64(0)
			for i := range pos {
				from = from*lay.chunk[i] + pos[i]
				to = to*uint64(d.Shape[i]) + start[i] + pos[i]
			}
			n := count[rank-1]
			if err := conv(dst[to*uint64(per):(to+n)*uint64(per)], raw[from*size:(from+n)*size]); err != nil {
				return err
			}
			i := rank - 2
			for ; i >= 0; i-- {
				if pos[i]++; pos[i] < count[i] {
					break
				}
				pos[i] = 0
			}
			if i < 0 {
				break
			}
		}
	}
	return nil
}

// chunkPlace writes the place of a chunk's first element.
func chunkPlace(start []uint64) string {
	s := make([]string, len(start))
	for i, n := range start {
		s[i] = itoa(n)
	}
	return "(" + strings.Join(s, ",") + ")"
}

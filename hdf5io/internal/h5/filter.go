// Filters: undoing gzip, shuffle and fletcher32 on a chunk.

package h5

import (
	"bytes"
	"compress/zlib"
	"io"
	"math/bits"
)

// filter is one stage of a pipeline, in the order of writing.
type filter struct {
	id     uint16
	values []uint32
}

const (
	filterDeflate  = 1
	filterShuffle  = 2
	filterFletcher = 3
)

// pipeline decodes a filter message and refuses filters that this package does not have.
func (l *loader) pipeline(body []byte) ([]filter, error) {
	const what = "filter pipeline"
	d := l.dec(body)
	version, n := d.u8(), int(d.u8())
	if version != 1 && version != 2 || n > 32 {
		return nil, fail(ErrCorrupt, what, "version %d, %d filters", version, n)
	}
	if version == 1 {
		d.skip(6)
	}
	var fs []filter
	gzips := 0
	for range n {
		f := filter{id: d.u16()}
		nameLen := 0
		if version == 1 || f.id >= 256 {
			nameLen = int(d.u16())
		}
		d.skip(2)
		count := int(d.u16())
		if version == 1 {
			nameLen += -nameLen & 7
		}
		name := cutNul(string(d.next(nameLen)))
		if count > d.left()/4 {
			return nil, fail(ErrCorrupt, what, "%d parameters in %d bytes", count, d.left())
		}
		for range count {
			f.values = append(f.values, d.u32())
		}
		if version == 1 && count%2 == 1 {
			d.skip(min(4, d.left()))
		}
		if d.bad {
			return nil, fail(ErrCorrupt, what, "message cut short")
		}
		switch f.id {
		case filterDeflate:
			if gzips++; gzips > 1 {
				return nil, fail(ErrUnsupported, what, "gzip twice")
			}
		case filterShuffle, filterFletcher:
		default:
			place := "filter " + itoa(uint64(f.id))
			if name != "" {
				place += " (" + shown(name) + ")"
			}
			return nil, fail(ErrUnsupported, place, "only gzip, shuffle and fletcher32 are known; rewrite the file without it")
		}
		fs = append(fs, f)
	}
	return fs, nil
}

// undo takes the filters off raw, which may be overwritten; the result has exactly want bytes. elem is the size of an element.
func undo(fs []filter, mask uint32, raw []byte, want, elem int) ([]byte, error) {
	// The length before each stage is known, forwards, up to gzip; unpacking must give exactly that.
	before := make([]int, len(fs))
	n := want
	for i, f := range fs {
		before[i] = n
		if f.id == filterFletcher && mask>>i&1 == 0 {
			n += 4
		}
	}
	for i := len(fs) - 1; i >= 0; i-- {
		if mask>>i&1 != 0 {
			continue
		}
		var err error
		switch f := fs[i]; f.id {
		case filterDeflate:
			raw, err = inflate(raw, before[i])
		case filterFletcher:
			raw, err = unfletcher(raw)
		case filterShuffle:
			size := elem
			if len(f.values) > 0 {
				size = int(min(f.values[0], 1<<30))
			}
			raw = unshuffle(raw, size)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(raw) != want {
		return nil, fail(ErrCorrupt, "", "%d bytes after unpacking, want %d", len(raw), want)
	}
	return raw, nil
}

// inflate unpacks a zlib stream that must hold exactly want bytes and nothing behind it.
func inflate(raw []byte, want int) ([]byte, error) {
	src := bytes.NewReader(raw)
	z, err := zlib.NewReader(src)
	if err != nil {
		return nil, fail(ErrCorrupt, "", "gzip: %w", err)
	}
	// The buffer grows with the data, so that a chunk that only claims to be large costs nothing.
	out := bytes.NewBuffer(make([]byte, 0, min(want, 64*len(raw))+bytes.MinRead))
	n, err := io.Copy(out, io.LimitReader(z, int64(want)+1))
	if err != nil {
		return nil, fail(ErrCorrupt, "", "gzip: %w", err)
	}
	if n != int64(want) || src.Len() > 0 {
		return nil, fail(ErrCorrupt, "", "gzip: unpacks to another length than the %d bytes wanted", want)
	}
	return out.Bytes(), nil
}

// unfletcher checks and drops the checksum behind the data. HDF5 before 1.6.3 wrote it with swapped bytes on some machines.
func unfletcher(raw []byte) ([]byte, error) {
	if len(raw) < 4 {
		return nil, fail(ErrCorrupt, "", "%d bytes are too few for a checksum", len(raw))
	}
	data := raw[:len(raw)-4]
	stored := (&dec{b: raw[len(data):]}).u32()
	sum := fletcher32(data)
	if old := sum<<8&0xff00ff00 | sum>>8&0x00ff00ff; stored != sum && stored != old && stored != bits.ReverseBytes32(sum) {
		return nil, fail(ErrChecksum, "", "stored fletcher32 checksum %08x, bytes have %08x", stored, sum)
	}
	return data, nil
}

// unshuffle undoes the sorting of bytes by significance. Bytes that do not make a whole element stay at the end.
func unshuffle(raw []byte, size int) []byte {
	if size <= 1 || len(raw) < 2*size {
		return raw
	}
	out := make([]byte, len(raw))
	n := len(raw) / size
	for b := range size {
		for i, c := range raw[b*n : (b+1)*n] {
			out[i*size+b] = c
		}
	}
	copy(out[n*size:], raw[n*size:])
	return out
}

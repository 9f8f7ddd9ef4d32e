// dec: a cursor over bytes of the file that cannot run past the end.

package h5

import "encoding/binary"

// dec reads little-endian fields. Reading past the end yields zeros and sets bad, and so does an address outside the file, even
// one that nobody will follow here: libhdf5 may. Callers test bad once, at the end.
type dec struct {
	b    []byte
	pos  int
	bad  bool
	o, l int    // sizes of offsets and lengths in this file
	end  uint64 // addresses must lie below, unless 0
}

// next returns the following n bytes.
func (d *dec) next(n int) []byte {
	if n < 0 || n > len(d.b)-d.pos {
		d.bad = true
		d.pos = len(d.b)
		return nil
	}
	d.pos += n
	return d.b[d.pos-n : d.pos : d.pos]
}

func (d *dec) skip(n int) { d.next(n) }

func (d *dec) left() int { return len(d.b) - d.pos }

// uint reads an unsigned integer of n bytes, n <= 8.
func (d *dec) uint(n int) uint64 {
	var v uint64
	for i, c := range d.next(n) {
		v |= uint64(c) << (8 * i)
	}
	return v
}

func (d *dec) u8() byte {
	b := d.next(1)
	if b == nil {
		return 0
	}
	return b[0]
}

func (d *dec) u16() uint16 {
	b := d.next(2)
	if b == nil {
		return 0
	}
	return binary.LittleEndian.Uint16(b)
}

func (d *dec) u32() uint32 {
	b := d.next(4)
	if b == nil {
		return 0
	}
	return binary.LittleEndian.Uint32(b)
}

// offset reads an address; all bits set means "undefined", at any width.
func (d *dec) offset() uint64 {
	v := d.uint(d.o)
	if d.o < 8 && v == 1<<(8*d.o)-1 {
		return undefined
	}
	if v != undefined && d.end != 0 && v >= d.end {
		d.bad = true
	}
	return v
}

func (d *dec) length() uint64 { return d.uint(d.l) }

// undefined is the address of something that has no place in the file.
const undefined = ^uint64(0)

// signature consumes four bytes and reports whether they are s.
func (d *dec) signature(s string) bool { return string(d.next(4)) == s }

// cstring reads up to and including a NUL.
func (d *dec) cstring() string {
	for i := d.pos; i < len(d.b); i++ {
		if d.b[i] == 0 {
			s := string(d.b[d.pos:i])
			d.pos = i + 1
			return s
		}
	}
	d.bad = true
	return ""
}

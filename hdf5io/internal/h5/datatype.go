// Type: the HDF5 datatype of a dataset or attribute, and its decoding.

package h5

import (
	"fmt"
	"strings"
)

// Class is the HDF5 class of a datatype.
type Class uint8

// The classes, with HDF5's numbers.
const (
	ClassInt       Class = 0
	ClassFloat     Class = 1
	ClassTime      Class = 2
	ClassString    Class = 3 // fixed or variable length, see Type.VarLen
	ClassBitfield  Class = 4
	ClassOpaque    Class = 5
	ClassCompound  Class = 6
	ClassReference Class = 7
	ClassEnum      Class = 8
	ClassVarLen    Class = 9 // sequences of something other than characters
	ClassArray     Class = 10
	ClassComplex   Class = 11
)

var classNames = [...]string{"integer", "float", "time", "string", "bitfield", "opaque", "compound", "reference", "enum",
	"sequence", "array", "complex"}

// String names the class.
func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return fmt.Sprintf("class %d", uint8(c))
}

// Pad is how a fixed-length string is filled up.
type Pad uint8

// The paddings, with HDF5's numbers.
const (
	PadNullTerm Pad = 0 // ends at the first NUL
	PadNull     Pad = 1 // trailing NULs are padding
	PadSpace    Pad = 2 // trailing spaces are padding
)

// EnumMember is one name of an enumeration.
type EnumMember struct {
	Name  string
	Value int64
}

// Type describes the elements of a dataset or attribute.
type Type struct {
	Class     Class
	Size      int          // bytes of one element in the file
	BigEndian bool         // integers, floats and enumerations
	Signed    bool         // integers and enumerations
	VarLen    bool         // strings: variable length
	Pad       Pad          // strings
	UTF8      bool         // strings: declared UTF-8, else ASCII
	Tag       string       // opaque
	Enum      []EnumMember // enumerations
	bits      floatBits    // floats
	whole     bool         // integers: every bit of the element counts
}

// floatBits is the layout of a floating-point format: exponent and mantissa width, their places, and the exponent's bias.
type floatBits struct {
	precision, expAt, expBits, manAt, manBits uint16
	bias                                      uint32
	implied                                   bool // leading 1 of the mantissa is not stored
	sign                                      uint8
}

var (
	bitsF16  = floatBits{16, 10, 5, 0, 10, 15, true, 15}
	bitsBF16 = floatBits{16, 7, 8, 0, 7, 127, true, 15}
	bitsF32  = floatBits{32, 23, 8, 0, 23, 127, true, 31}
	bitsF64  = floatBits{64, 52, 11, 0, 52, 1023, true, 63}
)

// The types that the writer makes. All are little-endian.
var (
	Float16  = Type{Class: ClassFloat, Size: 2, bits: bitsF16}
	Float32  = Type{Class: ClassFloat, Size: 4, bits: bitsF32}
	Float64  = Type{Class: ClassFloat, Size: 8, bits: bitsF64}
	BFloat16 = Type{Class: ClassOpaque, Size: 2} // Keras marks such a dataset with the attribute dtype = "bfloat16"
	Int8     = intType(1, true)
	Int16    = intType(2, true)
	Int32    = intType(4, true)
	Int64    = intType(8, true)
	Uint8    = intType(1, false)
	Uint16   = intType(2, false)
	Uint32   = intType(4, false)
	Uint64   = intType(8, false)
	// Bool is what h5py makes of booleans.
	Bool = Type{Class: ClassEnum, Size: 1, Signed: true, whole: true, Enum: []EnumMember{{"FALSE", 0}, {"TRUE", 1}}}
)

func intType(size int, signed bool) Type {
	return Type{Class: ClassInt, Size: size, Signed: signed, whole: true}
}

// String describes the type as a person would: "float32", "int64 big-endian", "string[12]", "compound of 8 bytes".
func (t Type) String() string {
	var b strings.Builder
	switch t.Class {
	case ClassInt, ClassEnum:
		if t.Class == ClassEnum {
			b.WriteString("enum of ")
		}
		if !t.Signed {
			b.WriteByte('u')
		}
		fmt.Fprintf(&b, "int%d", 8*t.Size)
	case ClassFloat:
		if t.bits == bitsBF16 {
			b.WriteByte('b')
		}
		fmt.Fprintf(&b, "float%d", 8*t.Size)
	case ClassString:
		if t.VarLen {
			return "string"
		}
		return fmt.Sprintf("string[%d]", t.Size)
	default:
		return fmt.Sprintf("%v of %d bytes", t.Class, t.Size)
	}
	if t.BigEndian && t.Size > 1 {
		b.WriteString(" big-endian")
	}
	return b.String()
}

// maxTypeSize bounds one element; the widest real ones are fixed strings of a few KB.
const maxTypeSize = 64 << 20

// datatype decodes a datatype message. depth bounds types inside types.
func datatype(d *dec, depth int) (Type, error) {
	const what = "datatype"
	if depth > maxTypeDepth {
		return Type{}, fail(ErrTooDeep, what, "types nested deeper than %d", maxTypeDepth)
	}
	head := d.u8()
	bits := uint32(d.uint(3))
	size := d.u32()
	version := head >> 4
	t := Type{Class: Class(head & 15), Size: int(size & (1<<31 - 1))}
	if d.bad {
		return t, fail(ErrCorrupt, what, "message too short")
	}
	if version < 1 || version > 5 {
		return t, fail(ErrUnsupported, what, "version %d", version)
	}
	if size == 0 || size > maxTypeSize {
		return t, fail(ErrCorrupt, what, "%v of %d bytes", t.Class, size)
	}
	switch t.Class {
	case ClassInt, ClassBitfield:
		t.BigEndian, t.Signed = bits&1 != 0, bits&8 != 0
		offset, precision := d.u16(), d.u16()
		if precision == 0 || uint32(offset)+uint32(precision) > 8*size {
			return t, fail(ErrCorrupt, what, "%d bits at bit %d of a %d-byte integer", precision, offset, size)
		}
		t.whole = offset == 0 && uint32(precision) == 8*size
	case ClassFloat:
		t.BigEndian = bits&1 != 0
		offset, precision := d.u16(), d.u16()
		f := floatBits{precision: precision, sign: uint8(bits >> 8), implied: bits>>4&3 == 2}
		f.expAt, f.expBits = uint16(d.u8()), uint16(d.u8())
		f.manAt, f.manBits = uint16(d.u8()), uint16(d.u8())
		f.bias = d.u32()
		total := 8 * size
		if precision == 0 || uint32(offset)+uint32(precision) > total || uint32(f.expAt+f.expBits) > total ||
			uint32(f.manAt+f.manBits) > total || uint32(f.sign) >= total || f.expBits == 0 || f.manBits == 0 {
			return t, fail(ErrCorrupt, what, "float of %d bytes with impossible fields", size)
		}
		if bits&64 == 0 && offset == 0 { // bit 6 marks the VAX order, which stays unreadable as a number
			t.bits = f
		}
	case ClassString:
		t.Pad, t.UTF8 = Pad(bits&15), bits>>4&15 == 1
		if t.Pad > PadSpace || bits>>4&15 > 1 {
			return t, fail(ErrCorrupt, what, "string with padding %d, character set %d", t.Pad, bits>>4&15)
		}
	case ClassOpaque:
		t.Tag = strings.TrimRight(string(d.next(int(bits&0xff))), "\x00")
	case ClassEnum:
		return t, enumeration(d, &t, version, int(bits&0xffff), depth)
	case ClassVarLen:
		if size != uint32(8+d.o) {
			return t, fail(ErrCorrupt, what, "variable-length element of %d bytes, want %d", size, 8+d.o)
		}
		base, err := datatype(d, depth+1)
		if err != nil {
			return t, err
		}
		if bits&15 == 1 {
			if base.Size != 1 {
				return t, fail(ErrCorrupt, what, "string of characters of %d bytes", base.Size)
			}
			t.Class, t.VarLen, t.Pad, t.UTF8 = ClassString, true, Pad(bits>>4&15), bits>>8&15 == 1
		}
	case ClassTime, ClassCompound, ClassReference, ClassArray, ClassComplex:
		// No Keras file needs their contents; the class and the size are enough to refuse them by name.
	default:
		return t, fail(ErrCorrupt, what, "unknown class %d", t.Class)
	}
	if d.bad {
		return t, fail(ErrCorrupt, what, "message too short for %v", t.Class)
	}
	return t, nil
}

// enumeration decodes the base type, names and values of an enumeration into t.
func enumeration(d *dec, t *Type, version byte, members, depth int) error {
	const what = "datatype"
	base, err := datatype(d, depth+1)
	if err != nil {
		return err
	}
	if base.Class != ClassInt || base.Size != t.Size || base.Size > 8 {
		return fail(ErrCorrupt, what, "enumeration of %d bytes over %v", t.Size, base)
	}
	t.BigEndian, t.Signed, t.whole = base.BigEndian, base.Signed, base.whole
	for range members {
		start := d.pos
		name := d.cstring()
		if d.bad {
			break
		}
		if version < 3 {
			d.skip((8 - (d.pos-start)%8) % 8)
		}
		t.Enum = append(t.Enum, EnumMember{Name: name})
	}
	for i := range t.Enum {
		raw := append([]byte(nil), d.next(base.Size)...)
		if d.bad {
			break
		}
		if t.BigEndian {
			swapBytes(raw, base.Size)
		}
		v := (&dec{b: raw}).uint(base.Size)
		if shift := 64 - 8*base.Size; t.Signed {
			t.Enum[i].Value = int64(v<<shift) >> shift
		} else {
			t.Enum[i].Value = int64(v)
		}
	}
	if d.bad {
		return fail(ErrCorrupt, what, "enumeration cut short")
	}
	return nil
}

// space is a decoded dataspace.
type space struct {
	null  bool
	dims  []uint64
	max   []uint64 // same length; undefined = unlimited
	count uint64
}

// dataspace decodes a dataspace message.
func dataspace(d *dec) (space, error) {
	const what = "dataspace"
	var s space
	version, rank, flags := d.u8(), int(d.u8()), d.u8()
	switch version {
	case 1:
		d.skip(5)
	case 2:
		s.null = d.u8() == 2
	default:
		return s, fail(ErrCorrupt, what, "version %d", version)
	}
	if rank > maxRank || s.null && rank > 0 {
		return s, fail(ErrCorrupt, what, "rank %d, want at most %d", rank, maxRank)
	}
	s.dims, s.max = make([]uint64, rank), make([]uint64, rank)
	for i := range s.dims {
		s.dims[i] = d.length()
	}
	for i := range s.max {
		s.max[i] = s.dims[i]
		if flags&1 != 0 {
			s.max[i] = d.length()
			if d.l < 8 && s.max[i] == 1<<(8*d.l)-1 {
				s.max[i] = undefined
			}
			if s.max[i] < s.dims[i] {
				return s, fail(ErrCorrupt, what, "dimension %d is %d, more than its maximum %d", i, s.dims[i], s.max[i])
			}
		}
	}
	if d.bad {
		return s, fail(ErrCorrupt, what, "message too short for rank %d", rank)
	}
	var ok bool
	if s.count, ok = product(s.dims, 1); !ok {
		return s, fail(ErrTooLarge, what, "shape %v has more than 2^62 elements", s.dims)
	}
	if s.null {
		s.count = 0
	}
	return s, nil
}

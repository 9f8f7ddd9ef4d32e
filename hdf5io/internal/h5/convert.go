// Conversion of stored numbers to Go numbers.

package h5

import (
	"encoding/binary"
	"math"
	"slices"
	"unsafe"
)

// number is what contents can be read as.
type number interface{ float32 | float64 | int64 }

// kind is a format of stored numbers, apart from byte order.
type kind uint8

const (
	kindNone kind = iota
	kindI8
	kindI16
	kindI32
	kindI64
	kindU8
	kindU16
	kindU32
	kindU64
	kindF16
	kindBF16
	kindF32
	kindF64
)

var kindSizes = [...]int{0, 1, 2, 4, 8, 1, 2, 4, 8, 2, 2, 4, 8}

// format is how numbers are stored; kindNone = not numbers, or not of a known form.
type format struct {
	kind      kind
	bigEndian bool
}

// formatOf finds the format of a type.
func formatOf(t Type) format {
	f := format{bigEndian: t.BigEndian}
	switch t.Class {
	case ClassInt, ClassEnum:
		i := slices.Index(kindSizes[1:5], t.Size)
		if i < 0 || !t.whole {
			return format{}
		}
		if f.kind = kindI8 + kind(i); !t.Signed {
			f.kind += kindU8 - kindI8
		}
	case ClassFloat:
		for k, bits := range map[kind]floatBits{kindF16: bitsF16, kindBF16: bitsBF16, kindF32: bitsF32, kindF64: bitsF64} {
			if t.bits == bits && t.Size == kindSizes[k] {
				f.kind = k
			}
		}
	}
	if f.kind == kindNone {
		return format{}
	}
	return f
}

// kindOf is the format of T in memory.
func kindOf[T number]() kind {
	switch any(T(0)).(type) {
	case float32:
		return kindF32
	case float64:
		return kindF64
	default:
		return kindI64
	}
}

// readableAs reports whether numbers stored as f can be read as a Go type: integers only from integers, floats from anything.
func (f format) readableAs(to kind) bool {
	return f.kind != kindNone && (to != kindI64 || f.kind <= kindU64)
}

// sameAs reports whether stored bytes are those of k in this machine's memory.
func (f format) sameAs(k kind) bool {
	return f.kind == k && f.bigEndian == hostBigEndian
}

var hostBigEndian = binary.NativeEndian.Uint16([]byte{0, 1}) == 1

// memory views numbers as the bytes they occupy.
func memory[T any](v []T) []byte {
	var zero T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), len(v)*int(unsafe.Sizeof(zero)))
}

// convert decodes len(dst) numbers from raw, which it may overwrite. Floats are rounded to nearest even once; an unsigned
// integer that does not fit int64 is an error.
func convert[T number](dst []T, raw []byte, f format) error {
	size := kindSizes[f.kind]
	raw = raw[:len(dst)*size]
	if f.sameAs(kindOf[T]()) {
		copy(memory(dst), raw)
		return nil
	}
	if f.bigEndian {
		swapBytes(raw, size)
	}
	le := binary.LittleEndian
	switch f.kind {
	case kindI8:
		for i := range dst {
			dst[i] = T(int8(raw[i]))
		}
	case kindU8:
		for i := range dst {
			dst[i] = T(raw[i])
		}
	case kindI16:
		for i := range dst {
			dst[i] = T(int16(le.Uint16(raw[2*i:])))
		}
	case kindU16:
		for i := range dst {
			dst[i] = T(le.Uint16(raw[2*i:]))
		}
	case kindI32:
		for i := range dst {
			dst[i] = T(int32(le.Uint32(raw[4*i:])))
		}
	case kindU32:
		for i := range dst {
			dst[i] = T(le.Uint32(raw[4*i:]))
		}
	case kindI64:
		for i := range dst {
			dst[i] = T(int64(le.Uint64(raw[8*i:])))
		}
	case kindU64:
		for i := range dst {
			v := le.Uint64(raw[8*i:])
			if v > math.MaxInt64 && kindOf[T]() == kindI64 {
				return fail(ErrWrongType, "", "element %d is %d, too large for int64", i, v)
			}
			dst[i] = T(v)
		}
	case kindF16:
		for i := range dst {
			dst[i] = T(half(le.Uint16(raw[2*i:])))
		}
	case kindBF16:
		for i := range dst {
			dst[i] = T(math.Float32frombits(uint32(le.Uint16(raw[2*i:])) << 16))
		}
	case kindF32:
		for i := range dst {
			dst[i] = T(math.Float32frombits(le.Uint32(raw[4*i:])))
		}
	case kindF64:
		for i := range dst {
			dst[i] = T(math.Float64frombits(le.Uint64(raw[8*i:])))
		}
	}
	return nil
}

// half decodes an IEEE 754 binary16; every value is a float32.
func half(h uint16) float32 {
	sign, exp, man := uint32(h>>15)<<31, uint32(h>>10&31), uint32(h&1023)
	switch exp {
	case 0: // zero or subnormal: man * 2^-24
		return math.Float32frombits(math.Float32bits(float32(man)*0x1p-24) | sign)
	case 31: // infinity, or NaN with its payload kept
		return math.Float32frombits(sign | 255<<23 | man<<13)
	default:
		return math.Float32frombits(sign | (exp+127-15)<<23 | man<<13)
	}
}

// swapBytes reverses the bytes of every element.
func swapBytes(b []byte, size int) {
	for ; len(b) >= size && size > 1; b = b[size:] {
		slices.Reverse(b[:size])
	}
}

package hdf5io

import (
	"encoding/binary"
	"math"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/hdf5io/internal/h5"
)

// This file owns the types in which weights are stored. In memory all are float32.

// dataset is a weight as a file holds it. float32 is written from where it lies.
func dataset(w *core.Weight) *h5.DatasetSpec {
	d := &h5.DatasetSpec{Shape: w.Shape, Data: w.Data()}
	switch w.DType {
	case "float16":
		d.Data = halves(w.Data(), h5.Float16, float16)
	case "bfloat16":
		d.Data = halves(w.Data(), h5.BFloat16, bfloat16)
		d.Attrs = []h5.AttrSpec{{Name: "dtype", Value: "bfloat16"}}
	case "float64":
		d.Data = converted[float64](w.Data())
	case "int64":
		d.Data = converted[int64](w.Data())
	case "int32":
		d.Data = converted[int32](w.Data())
	case "int16":
		d.Data = converted[int16](w.Data())
	case "int8":
		d.Data = converted[int8](w.Data())
	case "uint64":
		d.Data = converted[uint64](w.Data())
	case "uint32":
		d.Data = converted[uint32](w.Data())
	case "uint16":
		d.Data = converted[uint16](w.Data())
	case "uint8":
		d.Data = converted[uint8](w.Data())
	}
	return d
}

func converted[T float64 | int64 | int32 | int16 | int8 | uint64 | uint32 | uint16 | uint8](x []float32) []T {
	out := make([]T, len(x))
	for i, v := range x {
		out[i] = T(v)
	}
	return out
}

func halves(x []float32, t h5.Type, bits func(float32) uint16) h5.Raw {
	raw := h5.Raw{Type: t, Bytes: make([]byte, 2*len(x))}
	for i, v := range x {
		binary.LittleEndian.PutUint16(raw.Bytes[2*i:], bits(v))
	}
	return raw
}

// float16 rounds to the nearest IEEE half, ties to even.
func float16(v float32) uint16 {
	b := math.Float32bits(v)
	sign := uint16(b >> 16 & 0x8000)
	switch exp := int(b>>23&0xFF) - 127; {
	case exp == 128: // infinite, or NaN
		if b&0x7FFFFF != 0 {
			return sign | 0x7E00
		}
		return sign | 0x7C00
	case exp < -25:
		return sign
	case exp < -14: // subnormal: a multiple of 2^-24
		return sign | uint16(roundOff(b&0x7FFFFF|0x800000, -exp-1))
	default:
		// Rounding may carry into the exponent, up to infinity.
		return sign | uint16(min(roundOff(b&0x7FFFFF, 13)+uint32(exp+15)<<10, 0x7C00))
	}
}

// bfloat16 rounds to the nearest bfloat16, ties to even.
func bfloat16(v float32) uint16 {
	b := math.Float32bits(v)
	if v != v { //nolint:gocritic // NaN
		return uint16(b>>16) | 0x40
	}
	return uint16(roundOff(b, 16))
}

// roundOff drops the last n bits, rounding to nearest, ties to even.
func roundOff(b uint32, n int) uint32 {
	half := uint32(1) << (n - 1)
	return uint32((uint64(b) + uint64(half) - 1 + uint64(b>>n&1)) >> n)
}

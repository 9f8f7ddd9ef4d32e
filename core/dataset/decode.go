package dataset

// This file owns elements as files store them: sizes that are checked before memory is taken, and conversion while reading.

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"

	"github.com/gokeras/gk/core/tensor"
)

const maxInt = math.MaxInt

// maxRatio is the most that deflate can shrink data (258 bytes in two bits), so a compressed file of n bytes holds at most
// maxRatio·n bytes. Declared sizes beyond that are lies.
const maxRatio = 1032

// stream is a file, or a member of one, with what is known of its length.
type stream struct {
	name   string // for errors
	r      *bufio.Reader
	length int64 // bytes that are there (exact), or the most that can be there (compressed)
	exact  bool
	limit  int64 // most bytes that an array may take in memory
}

// elements is how a file stores the elements of an array.
type elements struct {
	kind  byte // 'f' float, 'i' signed, 'u' unsigned, 'b' bool
	size  int  // bytes
	order binary.ByteOrder
}

// storage is what becomes of one kind of elements in memory.
type storage struct {
	dtype  tensor.DType
	decode func(r io.Reader, e elements, shape tensor.Shape, n int, fortran bool) (*tensor.Tensor, error)
}

// storages has every kind that can be read, each as the tensor type that holds all its values: narrow integers widen to int32,
// uint32 and uint64 to int64, float16 to float32; bool becomes uint8.
var storages = map[string]storage{
	"f2": stored(func(o binary.ByteOrder, b []byte) float32 { return half(o.Uint16(b)) }),
	"f4": stored(func(o binary.ByteOrder, b []byte) float32 { return math.Float32frombits(o.Uint32(b)) }),
	"f8": stored(func(o binary.ByteOrder, b []byte) float64 { return math.Float64frombits(o.Uint64(b)) }),
	"i1": stored(func(_ binary.ByteOrder, b []byte) int32 { return int32(int8(b[0])) }),
	"i2": stored(func(o binary.ByteOrder, b []byte) int32 { return int32(int16(o.Uint16(b))) }),
	"i4": stored(func(o binary.ByteOrder, b []byte) int32 { return int32(o.Uint32(b)) }),
	"i8": stored(func(o binary.ByteOrder, b []byte) int64 { return int64(o.Uint64(b)) }),
	"u1": stored(func(_ binary.ByteOrder, b []byte) uint8 { return b[0] }),
	"u2": stored(func(o binary.ByteOrder, b []byte) int32 { return int32(o.Uint16(b)) }),
	"u4": stored(func(o binary.ByteOrder, b []byte) int64 { return int64(o.Uint32(b)) }),
	"u8": stored(func(o binary.ByteOrder, b []byte) int64 { return int64(o.Uint64(b)) }),
	"b1": stored(func(_ binary.ByteOrder, b []byte) uint8 { return b[0] }),
}

func stored[T tensor.Element](get func(binary.ByteOrder, []byte) T) storage {
	return storage{tensor.DTypeOf[T](), func(r io.Reader, e elements, shape tensor.Shape, n int, fortran bool) (*tensor.Tensor, error) {
		data, err := decode(r, e, n, get)
		if err != nil {
			return nil, err
		}
		if fortran {
			data = rowMajor(data, shape)
		}
		return tensor.FromChecked(data, append(tensor.Shape{}, shape...)...)
	}}
}

// storage is how the elements are held in memory, and false where nothing holds them.
func (e elements) storage() (storage, bool) {
	s, ok := storages[fmt.Sprintf("%c%d", e.kind, e.size)]
	return s, ok
}

var dtypeBytes = map[tensor.DType]int64{tensor.Float32: 4, tensor.Float64: 8, tensor.Int32: 4, tensor.Int64: 8, tensor.Uint8: 1}

// read reads the rest of a stream, which a header of headerBytes has declared to be an array of the given shape, and nothing more.
// With fortran the first axis is the fastest in the file.
func (s stream) read(e elements, shape tensor.Shape, headerBytes int64, fortran bool) (*tensor.Tensor, error) {
	in, ok := e.storage()
	if !ok {
		return nil, fmt.Errorf("%s: cannot read elements of kind %q and %d bytes", s.name, e.kind, e.size)
	}
	n, err := count(shape, max(int64(e.size), dtypeBytes[in.dtype]))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	switch declared, there := int64(n)*int64(e.size), s.length-headerBytes; {
	case s.exact && declared != there:
		return nil, fmt.Errorf("%s: header declares shape %v, %d bytes, got %d bytes after it", s.name, shape, declared, there)
	case declared > there:
		return nil, fmt.Errorf("%s: header declares shape %v, %d bytes, got a file that holds at most %d", s.name, shape, declared, there)
	}
	if need := int64(n) * dtypeBytes[in.dtype]; need > s.limit {
		return nil, fmt.Errorf("%s: shape %v takes %d bytes of memory, want at most %d", s.name, shape, need, s.limit)
	}
	t, err := in.decode(s.r, e, shape, n, fortran)
	if err != nil {
		return nil, fmt.Errorf("%s: shape %v: %w", s.name, shape, err)
	}
	// Going on to the end also makes the decompressors compare their checksums.
	switch _, err := s.r.ReadByte(); err {
	case io.EOF:
		return t, nil
	case nil:
		return nil, fmt.Errorf("%s: got more bytes after the array of shape %v, want the end", s.name, shape)
	default:
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
}

// count is the number of elements of a shape, checked against overflow of their size in bytes.
func count(shape tensor.Shape, size int64) (int, error) {
	n := uint64(1)
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("got shape %v with a negative dimension", shape)
		}
		if d == 0 {
			return 0, nil
		}
	}
	for _, d := range shape {
		hi, lo := bits.Mul64(n, uint64(d))
		if hi != 0 || lo > uint64(maxInt)/uint64(size) {
			return 0, fmt.Errorf("shape %v is beyond the memory of any machine", shape)
		}
		n = lo
	}
	return int(n), nil
}

// decode reads n elements through a small buffer.
func decode[T tensor.Element](r io.Reader, e elements, n int, get func(binary.ByteOrder, []byte) T) ([]T, error) {
	data := make([]T, n)
	if raw, ok := any(data).([]uint8); ok {
		_, err := io.ReadFull(r, raw)
		return data, short(err)
	}
	buf := make([]byte, min(n, 8192)*e.size)
	for done := 0; done < n; {
		part := buf[:min(n-done, 8192)*e.size]
		if _, err := io.ReadFull(r, part); err != nil {
			return nil, short(err)
		}
		for ; len(part) > 0; part = part[e.size:] {
			data[done] = get(e.order, part)
			done++
		}
	}
	if e.kind == 'u' && e.size == 8 {
		for i, v := range data {
			if v < 0 { // wrapped around in int64
				return nil, fmt.Errorf("element %d: got the uint64 %d, want at most %d", i, uint64(v), int64(math.MaxInt64))
			}
		}
	}
	return data, nil
}

// short names the end of a file for what it is here.
func short(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the file ends early")
	}
	return err
}

// rowMajor turns data whose first axis is fastest into data whose last axis is.
func rowMajor[T any](data []T, shape tensor.Shape) []T {
	if len(shape) < 2 || len(data) == 0 {
		return data
	}
	out, at := make([]T, len(data)), make([]int, len(shape))
	stride := make([]int, len(shape))
	for i, step := len(shape)-1, 1; i >= 0; i-- {
		stride[i] = step
		step *= shape[i]
	}
	pos := 0
	for _, v := range data {
		out[pos] = v
		for i := range shape { // count up with the first axis fastest, pos following
			at[i]++
			pos += stride[i]
			if at[i] < shape[i] {
				break
			}
			pos -= at[i] * stride[i]
			at[i] = 0
		}
	}
	return out
}

// half is an IEEE 754 binary16 as float32.
func half(h uint16) float32 {
	sign, exp, frac := uint32(h>>15)<<31, uint32(h>>10&31), uint32(h&1023)
	switch exp {
	case 31: // infinite or NaN
		return math.Float32frombits(sign | 255<<23 | frac<<13)
	case 0: // zero or subnormal: frac·2⁻²⁴, exact in float32
		return math.Float32frombits(sign | math.Float32bits(float32(frac)*(1.0/(1<<24))))
	}
	return math.Float32frombits(sign | (exp+127-15)<<23 | frac<<13)
}

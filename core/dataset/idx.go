package dataset

// This file owns the IDX format of the original MNIST: two zero bytes, a type, the number of axes, then big-endian sizes and data.
// http://yann.lecun.com/exdb/mnist/ describes it.

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/gokeras/gk/core/tensor"
)

var idxElements = map[byte]elements{
	0x08: {kind: 'u', size: 1}, 0x09: {kind: 'i', size: 1}, 0x0B: {kind: 'i', size: 2},
	0x0C: {kind: 'i', size: 4}, 0x0D: {kind: 'f', size: 4}, 0x0E: {kind: 'f', size: 8},
}

// isIDX looks at the first four bytes of a file.
func isIDX(b []byte) bool {
	if len(b) < 4 || b[0] != 0 || b[1] != 0 {
		return false
	}
	_, ok := idxElements[b[2]]
	return ok
}

// readIDX reads a whole IDX stream.
func readIDX(s stream) (*tensor.Tensor, error) {
	start := make([]byte, 4)
	if _, err := io.ReadFull(s.r, start); err != nil {
		return nil, fmt.Errorf("%s: IDX header: %w", s.name, short(err))
	}
	e, ok := idxElements[start[2]]
	if !ok || !isIDX(start) {
		return nil, fmt.Errorf("%s: got % x at the start, want the IDX header 00 00 TYPE AXES", s.name, start)
	}
	e.order = binary.BigEndian
	sizes := make([]byte, 4*int(start[3]))
	if _, err := io.ReadFull(s.r, sizes); err != nil {
		return nil, fmt.Errorf("%s: IDX header: %w", s.name, short(err))
	}
	shape := tensor.Shape{}
	for at := 0; at < len(sizes); at += 4 {
		d := binary.BigEndian.Uint32(sizes[at:])
		if uint64(d) > maxInt {
			return nil, fmt.Errorf("%s: IDX header: dimension %d is too large for this machine", s.name, d)
		}
		shape = append(shape, int(d))
	}
	return s.read(e, shape, int64(4+len(sizes)), false)
}

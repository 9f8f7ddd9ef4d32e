package dataset

// This file owns the .npy format (numpy's NEP 1). The header is read here rather than by npyio, which trusts the declared lengths,
// fills truncated arrays with zeros and ignores Fortran order; the tests hold this reader against npyio and against numpy's files.

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/gokeras/gk/core/tensor"
)

const npyMagic = "\x93NUMPY"

// maxNpyHeader is numpy's own limit (max_header_size of numpy.load); arrays of one plain type need about a hundred bytes.
const maxNpyHeader = 10000

// readNpy reads a whole .npy stream.
func readNpy(s stream) (*tensor.Tensor, error) {
	text, used, err := npyHeader(s.r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	h, err := parseNpyHeader(text)
	if err != nil {
		return nil, fmt.Errorf("%s: npy header: %w", s.name, err)
	}
	e, err := npyElements(h.descr)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	return s.read(e, h.shape, used, h.fortran)
}

// npyHeader reads up to the first element: the text of the header, and the bytes used.
func npyHeader(r io.Reader) (text string, used int64, err error) {
	start := make([]byte, 8, 12)
	if _, err := io.ReadFull(r, start); err != nil {
		return "", 0, fmt.Errorf("npy header: %w", short(err))
	}
	if string(start[:6]) != npyMagic {
		return "", 0, fmt.Errorf("got %q at the start, want the magic %q of a .npy array", start[:6], npyMagic)
	}
	size := 4
	switch start[6] {
	case 1:
		size = 2
	case 2, 3:
	default:
		return "", 0, fmt.Errorf("npy header: got version %d.%d, want 1.0 to 3.0", start[6], start[7])
	}
	var length [4]byte
	if _, err := io.ReadFull(r, length[:size]); err != nil {
		return "", 0, fmt.Errorf("npy header: %w", short(err))
	}
	n := binary.LittleEndian.Uint32(length[:])
	if n > maxNpyHeader {
		return "", 0, fmt.Errorf("npy header: got %d bytes, want at most %d", n, maxNpyHeader)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return "", 0, fmt.Errorf("npy header: %w", short(err))
	}
	return string(b), int64(8 + size + len(b)), nil
}

type npyInfo struct {
	descr   string
	fortran bool
	shape   tensor.Shape
}

// parseNpyHeader reads the Python dictionary of the header: {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }.
// Exactly these keys, each once, in any order.
func parseNpyHeader(text string) (h npyInfo, err error) {
	p := literal{rest: strings.TrimSpace(text)}
	seen := map[string]bool{}
	p.take("{")
	for !p.peek("}") && p.err == nil {
		key := p.text()
		p.take(":")
		if seen[key] {
			return h, fmt.Errorf("key %q: got it twice", key)
		}
		seen[key] = true
		switch key {
		case "descr":
			if p.peek("[") {
				return h, fmt.Errorf("structured arrays are not supported; want one array of plain numbers per field")
			}
			h.descr = p.text()
		case "fortran_order":
			h.fortran = p.bool()
		case "shape":
			h.shape = p.shape()
		default:
			p.fail("descr, fortran_order or shape")
		}
		if !p.peek("}") {
			p.take(",")
		}
	}
	p.take("}")
	if p.err == nil && p.rest != "" {
		p.fail("the end")
	}
	if p.err == nil && len(seen) != 3 {
		p.err = fmt.Errorf("got %d keys, want descr, fortran_order and shape", len(seen))
	}
	return h, p.err
}

// npyElements reads numpy's short type strings, such as "<f4".
func npyElements(descr string) (elements, error) {
	e := elements{order: binary.LittleEndian}
	rest := descr
	if rest != "" && strings.ContainsRune("<>|=", rune(rest[0])) {
		if rest[0] == '>' {
			e.order = binary.BigEndian
		}
		rest = rest[1:]
	}
	if rest != "" {
		switch rest[0] {
		case 'O':
			return e, fmt.Errorf("dtype %q: an object array is a pickle, which can run code and is refused; save plain numbers", descr)
		case 'U', 'S', 'a':
			return e, fmt.Errorf("dtype %q: strings are not numbers; save class indices instead", descr)
		case 'c':
			return e, fmt.Errorf("dtype %q: complex numbers are not supported", descr)
		}
		size, err := strconv.Atoi(rest[1:])
		e.kind, e.size = rest[0], size
		if _, ok := e.storage(); ok && err == nil {
			return e, nil
		}
	}
	return e, fmt.Errorf("dtype %q: want float16 to float64, an integer or bool", descr)
}

// literal reads the few kinds of Python literals that a header is made of. After an error it stands still.
type literal struct {
	rest string
	err  error
}

func (p *literal) fail(want string) {
	if p.err == nil {
		p.err = fmt.Errorf("got %.20q, want %s", p.rest, want)
	}
}

func (p *literal) skip() { p.rest = strings.TrimLeft(p.rest, " \t\n") }

func (p *literal) peek(token string) bool {
	p.skip()
	return strings.HasPrefix(p.rest, token)
}

func (p *literal) take(token string) {
	if !p.peek(token) {
		p.fail(strconv.Quote(token))
	}
	if p.err == nil {
		p.rest = p.rest[len(token):]
		p.skip()
	}
}

func (p *literal) text() string {
	p.skip()
	if p.rest != "" && (p.rest[0] == '\'' || p.rest[0] == '"') && p.err == nil {
		if s, rest, ok := strings.Cut(p.rest[1:], p.rest[:1]); ok && !strings.Contains(s, `\`) {
			p.rest = rest
			return s
		}
	}
	p.fail("a string")
	return ""
}

func (p *literal) bool() bool {
	v := p.peek("True")
	if v {
		p.take("True")
	} else {
		p.take("False")
	}
	return v
}

// shape is a tuple of integers. Python 2 marked long ones by an L.
func (p *literal) shape() tensor.Shape {
	s := tensor.Shape{}
	p.take("(")
	for !p.peek(")") && p.err == nil {
		end := 0
		for end < len(p.rest) && p.rest[end] >= '0' && p.rest[end] <= '9' {
			end++
		}
		n, err := strconv.Atoi(p.rest[:end])
		if err != nil {
			p.fail("a dimension")
			return nil
		}
		s = append(s, n)
		p.rest = strings.TrimPrefix(p.rest[end:], "L")
		if !p.peek(")") {
			p.take(",")
		}
	}
	p.take(")")
	return s
}

// npyType is numpy's type string of a dtype in little-endian order.
func npyType(d tensor.DType) string {
	return map[tensor.DType]string{tensor.Float32: "<f4", tensor.Float64: "<f8", tensor.Int32: "<i4", tensor.Int64: "<i8", tensor.Uint8: "|u1"}[d]
}

// writeNpy writes an array in C order and version 1.0, the data aligned to 64 bytes as numpy does.
func writeNpy(w io.Writer, t *tensor.Tensor) error {
	var dims strings.Builder
	for _, d := range t.Shape() {
		fmt.Fprintf(&dims, "%d, ", d)
	}
	shape := strings.TrimSuffix(dims.String(), " ")
	if len(t.Shape()) > 1 {
		shape = strings.TrimSuffix(shape, ",")
	}
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", npyType(t.DType()), shape)
	start := len(npyMagic) + 4
	header += strings.Repeat(" ", 63-(start+len(header))%64) + "\n"
	if len(header) > math.MaxUint16 {
		return fmt.Errorf("shape of %d axes does not fit a npy header", len(t.Shape()))
	}
	b := bytes.NewBufferString(npyMagic + "\x01\x00")
	b.Write(binary.LittleEndian.AppendUint16(nil, uint16(len(header))))
	b.WriteString(header)
	if _, err := w.Write(b.Bytes()); err != nil {
		return err
	}
	switch t.DType() {
	case tensor.Float32:
		return encode(w, tensor.Data[float32](t), func(b []byte, v float32) []byte {
			return binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		})
	case tensor.Float64:
		return encode(w, tensor.Data[float64](t), func(b []byte, v float64) []byte {
			return binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		})
	case tensor.Int32:
		return encode(w, tensor.Data[int32](t), func(b []byte, v int32) []byte { return binary.LittleEndian.AppendUint32(b, uint32(v)) })
	case tensor.Int64:
		return encode(w, tensor.Data[int64](t), func(b []byte, v int64) []byte { return binary.LittleEndian.AppendUint64(b, uint64(v)) })
	}
	_, err := w.Write(tensor.Data[uint8](t))
	return err
}

// encode writes elements through a small buffer.
func encode[T any](w io.Writer, data []T, put func([]byte, T) []byte) error {
	buf := make([]byte, 0, 8*8192)
	for len(data) > 0 {
		n := min(len(data), 8192)
		buf = buf[:0]
		for _, v := range data[:n] {
			buf = put(buf, v)
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

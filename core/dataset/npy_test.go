package dataset

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/gokeras/gk/core/tensor"
	"github.com/sbinet/npyio"
	"pgregory.net/rapid"
)

// memory is bytes as a stream of exactly their length.
func memory(b []byte) stream {
	return stream{name: "t", r: bufio.NewReader(bytes.NewReader(b)), length: int64(len(b)), exact: true, limit: 1 << 20}
}

func openSample(t *testing.T, name string, o Options) *archive {
	t.Helper()
	f, size, err := openFile(sample(name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	a, err := openArchive(f, size, name, o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestNumpyTypes(t *testing.T) {
	types := map[string]tensor.DType{"f2": tensor.Float32, "f4": tensor.Float32, "f8": tensor.Float64, "i1": tensor.Int32, "i2": tensor.Int32,
		"i4": tensor.Int32, "i8": tensor.Int64, "u1": tensor.Uint8, "u2": tensor.Int32, "u4": tensor.Int64, "u8": tensor.Int64}
	for _, file := range []string{"types.npz", "types_deflated.npz"} {
		a := openSample(t, file, Options{})
		if len(a.members) != 34 {
			t.Fatalf("%s: got %d arrays", file, len(a.members))
		}
		for name := range a.members {
			x, err := a.read(name)
			if err != nil {
				t.Error(err)
				continue
			}
			kind := strings.Split(name, "_")[1]
			if x.DType() != types[kind] || !x.Shape().Equal(tensor.Shape{2, 3, 4}) {
				t.Errorf("%s: got %s %v", name, x.DType(), x.Shape())
			}
			for i, v := range x.Float64s() {
				want := float64(i)
				if kind[0] != 'u' {
					want -= 5
				}
				if kind[0] == 'f' {
					want /= 2
				}
				if v != want {
					t.Errorf("%s: element %d: got %v, want %v", name, i, v, want)
					break
				}
			}
		}
	}
}

func TestNpyVersionsAndOddArrays(t *testing.T) {
	for version := 1; version <= 3; version++ {
		s := load(t, sample(fmt.Sprintf("version%d.npy", version)), Options{})
		if x := s.Train.X[0]; tensor.MaxAbsDiff(x, counting(2, 3)) != 0 {
			t.Errorf("version %d: got %v", version, x.Float32s())
		}
	}
	a := openSample(t, "odd.npz", Options{})
	for name, want := range map[string]string{"scalar": "float32 () [1.5]", "empty": "float32 (0, 3) []", "yes": "uint8 (3,) [1 0 1]",
		"vector": "int32 (3,) [0 1 2]"} {
		x, err := a.read(name)
		if err != nil {
			t.Error(err)
		} else if got := fmt.Sprint(x.DType(), x.Shape(), x.Float32s()); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

func TestHalfPrecision(t *testing.T) {
	got := load(t, sample("half.npy"), Options{}).Train.X[0]
	want := load(t, sample("half_as_single.npy"), Options{}).Train.X[0]
	for i, v := range tensor.Data[float32](want) {
		if g := tensor.Data[float32](got)[i]; g != v && !(math.IsNaN(float64(g)) && math.IsNaN(float64(v))) {
			t.Errorf("%#04x: got %v, want %v", i*61, g, v)
		}
	}
}

func TestRefusedNumpyTypes(t *testing.T) {
	a := openSample(t, "refused.npz", Options{})
	for name, words := range map[string][]string{
		"object": {"pickle"}, "strings": {"strings"}, "bytes": {"strings"}, "complex": {"complex"}, "fields": {"structured"},
		"date": {`"<M8[D]"`}, "huge": {"uint64 9223372036854775808"}, "long": {"dtype"},
	} {
		_, err := a.read(name)
		wantError(t, err, append(words, fmt.Sprintf("refused.npz: array %q", name))...)
	}
}

// What is written must come back, and npyio, which shares nothing with this reader, must see the same.
func TestNpyRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape := rapid.SliceOfN(rapid.IntRange(0, 4), 0, 4).Draw(t, "shape")
		n := tensor.Shape(shape).Size()
		switch tensor.DType(rapid.IntRange(0, 4).Draw(t, "dtype")) {
		case tensor.Float32:
			roundTrip(t, shape, rapid.SliceOfN(rapid.Float32(), n, n))
		case tensor.Float64:
			roundTrip(t, shape, rapid.SliceOfN(rapid.Float64(), n, n))
		case tensor.Int32:
			roundTrip(t, shape, rapid.SliceOfN(rapid.Int32(), n, n))
		case tensor.Int64:
			roundTrip(t, shape, rapid.SliceOfN(rapid.Int64(), n, n))
		case tensor.Uint8:
			roundTrip(t, shape, rapid.SliceOfN(rapid.Uint8(), n, n))
		}
	})
}

func roundTrip[T tensor.Element](t *rapid.T, shape []int, data *rapid.Generator[[]T]) {
	x := tensor.From(data.Draw(t, "data"), append([]int{}, shape...)...)
	var b bytes.Buffer
	if err := writeNpy(&b, x); err != nil {
		t.Fatal(err)
	}
	start := 10 + int(binary.LittleEndian.Uint16(b.Bytes()[8:]))
	if start%64 != 0 || b.Bytes()[start-1] != '\n' {
		t.Fatalf("data begins at byte %d after %q", start, b.Bytes()[start-1])
	}
	back, err := readNpy(memory(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if back.DType() != x.DType() || !back.Shape().Equal(x.Shape()) || fmt.Sprint(tensor.Data[T](back)) != fmt.Sprint(tensor.Data[T](x)) {
		t.Fatalf("got %s %v, want %s %v", back.DType(), back.Shape(), x.DType(), x.Shape())
	}
	if x.Size() == 0 {
		return // npyio asks for at least one element
	}
	var theirs []T
	if err := npyio.Read(bytes.NewReader(b.Bytes()), &theirs); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(theirs) != fmt.Sprint(tensor.Data[T](x)) {
		t.Fatalf("npyio: got %v", theirs)
	}
}

// npy builds a file from a header text.
func npy(header string, data int) []byte {
	b := append([]byte(npyMagic+"\x01\x00"), byte(len(header)), byte(len(header)>>8))
	return append(append(b, header...), make([]byte, data)...)
}

func TestHostileNpy(t *testing.T) {
	good := "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"
	for header, words := range map[string][]string{
		"": {"header"}, "{": {"header"}, "}": {`"{"`}, "{}": {"0 keys"}, "[]": {"header"},
		"{'descr': '<f4', 'fortran_order': False}":                                                     {"2 keys"},
		"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,3)}":                     {"descr", "twice"},
		"{'descr': '<f4', 'fortran_order': False, 'shape': (2,3), 'x': 1}":                             {"fortran_order or shape"},
		"{'descr': '<f4', 'fortran_order': 0, 'shape': (2,3)}":                                         {"False"},
		"{'descr': '<f4', 'fortran_order': False, 'shape': (2,-3)}":                                    {"dimension"},
		"{'descr': '<f4', 'fortran_order': False, 'shape': 6}":                                         {`"("`},
		"{'descr': '<f4', 'fortran_order': False, 'shape': (6":                                         {`","`},
		"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}":                   {"dimension"},
		"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904,4611686018427387904)}": {"beyond"},
		"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296,4294967296,4294967296,)}":       {"beyond"},
		"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000,)}":                             {"(1000000000,)", "got 24 bytes"},
		"{'descr': '<f4', 'fortran_order': False, 'shape': (5,)}":                                      {"got 24 bytes"},
		"{'descr': '<f4', 'fortran_order': False, 'shape': (2,3)} x":                                   {"the end"},
		"{'descr': '<f4\\'', 'fortran_order': False, 'shape': (2,3)}":                                  {"a string"},
		"{'descr': '', 'fortran_order': False, 'shape': (2,3)}":                                        {"dtype"},
		"{'descr': '<', 'fortran_order': False, 'shape': (2,3)}":                                       {"dtype"},
		"{'descr': '<f0', 'fortran_order': False, 'shape': (2,3)}":                                     {"dtype"},
		"{'descr': '<f-4', 'fortran_order': False, 'shape': (2,3)}":                                    {"dtype"},
		"{'descr': '<f16', 'fortran_order': False, 'shape': (2,3)}":                                    {"dtype"},
		"{'descr': '<V4', 'fortran_order': False, 'shape': (2,3)}":                                     {"dtype"},
		"{'descr': '|O', 'fortran_order': False, 'shape': (3,)}":                                       {"pickle"},
		"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (6,)}":                             {"structured"},
		strings.Replace(good, "descr", "descr\x00", 1):                                                 {"header"},
		strings.Repeat("(", 9000):                                                                      {"header"},
		"{'descr': '<f4', 'fortran_order': False, 'shape': (" + strings.Repeat("1,", 4000) + "7)}":     {"got 24 bytes"},
	} {
		_, err := readNpy(memory(npy(header, 24)))
		wantError(t, err, append(words, "t: ")...)
	}
	if x, err := readNpy(memory(npy(good, 24))); err != nil || x.Size() != 6 {
		t.Errorf("the good header: %v", err)
	}
	if _, err := readNpy(memory(npy("{\"shape\":(2L,3L),\"fortran_order\":True,\"descr\":\"<f4\"}\n", 24))); err != nil {
		t.Errorf("another order and other quotes, as Python 2 may write: %v", err)
	}
	whole := npy(good, 24)
	for n := range whole {
		if _, err := readNpy(memory(whole[:n])); err == nil {
			t.Fatalf("the first %d of %d bytes: no error", n, len(whole))
		}
		// Where the length is not known beforehand, as under gzip, the data must still be missed.
		s := memory(whole[:n])
		s.length, s.exact = 1<<20, false
		_, err := readNpy(s)
		wantError(t, err, "ends early")
	}
	_, err := readNpy(memory(append(whole, 0)))
	wantError(t, err, "25 bytes")
	s := memory(append(whole, 0))
	s.length, s.exact = 1<<20, false
	_, err = readNpy(s)
	wantError(t, err, "more bytes")
	s = memory(whole)
	s.limit = 23
	_, err = readNpy(s)
	wantError(t, err, "memory", "24", "23")
	_, err = readNpy(memory([]byte(npyMagic + "\x04\x00\x00\x00")))
	wantError(t, err, "version 4.0")
	_, err = readNpy(memory([]byte(npyMagic + "\x02\x00\xff\xff\xff\xff{}")))
	wantError(t, err, "4294967295", "10000")
}

func TestIDX(t *testing.T) {
	for code, want := range map[byte]string{8: "uint8 [1 2 3 250]", 9: "int32 [1 2 3 -6]"} {
		x, err := readIDX(memory([]byte{0, 0, code, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 250}))
		if err != nil {
			t.Error(err)
		} else if got := fmt.Sprint(x.DType(), " ", x.Float32s()); got != want || !x.Shape().Equal(tensor.Shape{2, 2}) {
			t.Errorf("got %s %v, want %s", got, x.Shape(), want)
		}
	}
	for code, b := range map[byte][]byte{0x0B: {0xff, 0xfe}, 0x0C: {0xff, 0xff, 0xff, 0xfe}, 0x0D: {0xc0, 0, 0, 0}, 0x0E: {0xc0, 0, 0, 0, 0, 0, 0, 0}} {
		x, err := readIDX(memory(append([]byte{0, 0, code, 1, 0, 0, 0, 1}, b...)))
		if err != nil || x.Float32s()[0] != -2 {
			t.Errorf("type %#x: got %v, %v, want -2", code, x, err)
		}
	}
	for text, words := range map[string][]string{
		"":                                              {"ends early"},
		"\x00\x00\x08":                                  {"ends early"},
		"\x00\x00\x0a\x01\x00\x00\x00\x01x":             {"00 00 0a 01"},
		"\x00\x01\x08\x01\x00\x00\x00\x01x":             {"00 01 08 01"},
		"\x00\x00\x08\x02\x00\x00\x00\x01":              {"ends early"},
		"\x00\x00\x08\x01\xff\xff\xff\xff":              {"4294967295", "got 0 bytes"},
		"\x00\x00\x08\x01\x00\x00\x00\x01":              {"got 0 bytes"},
		"\x00\x00\x08\x01\x00\x00\x00\x01xx":            {"got 2 bytes"},
		"\x00\x00\x08\xff\x00\x00\x00\x01xx":            {"ends early"},
		"\x00\x00\x0e\x03" + strings.Repeat("\x7f", 12): {"beyond"},
	} {
		_, err := readIDX(memory([]byte(text)))
		wantError(t, err, words...)
	}
}

// Whatever the bytes are, readers return an error or a sound array, and take no memory that the bytes do not justify.
func FuzzArrays(f *testing.F) {
	for _, name := range []string{"version1.npy", "version2.npy", "version3.npy", "half.npy"} {
		b, err := os.ReadFile(sample(name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte{0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 250})
	f.Add(npy("{'descr': '>i2', 'fortran_order': True, 'shape': (2, 2, 1), }", 8))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, read := range []func(stream) (*tensor.Tensor, error){readNpy, readIDX} {
			x, err := read(memory(b))
			if err == nil && (x.Size() > len(b) || x.Size() != len(x.Float64s())) {
				t.Errorf("got %d elements of %d bytes", x.Size(), len(b))
			}
		}
	})
}

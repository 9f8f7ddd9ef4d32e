// Tests with damaged and hostile files, limits, and use in unusual ways.

package h5

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

func encoded(t testing.TB, tree *GroupSpec) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Encode(&b, tree); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// goodFiles are sound files: what the writer makes, and h5py's where they are at hand.
func goodFiles(t testing.TB) [][]byte {
	files := [][]byte{encoded(t, kerasTree())}
	paths, _ := filepath.Glob("../../../testdata/h5/good/*.h5")
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, b)
	}
	return files
}

// TestTruncated cuts a file at every byte, and others at many.
func TestTruncated(t *testing.T) {
	for i, b := range goodFiles(t) {
		step := 1
		if i > 0 || testing.Short() {
			step = 61
		}
		for n := 0; n < len(b); n += step {
			err := openBytes(t, b[:n])
			if n < 1032 && errors.Is(err, ErrNotModel) { // behind a user block the signature itself may be cut off
				continue
			}
			if !errors.Is(err, ErrTruncated) {
				t.Fatalf("%d of %d bytes: %v, want ErrTruncated", n, len(b), err)
			}
		}
	}
}

// mutate changes a few fields, bytes or bits of b, near what a structure of HDF5 begins with more often than elsewhere.
// at are the places to choose from.
func mutate(r *rand.Rand, b []byte, at []int) {
	for range 1 + r.IntN(3) {
		i := at[r.IntN(len(at))]
		if r.IntN(4) == 0 {
			sign := [...]string{"GCOL", "TREE", "SNOD", "HEAP", "OHDR", "FRHP", "FHDB", "BTHD", "BTLF"}[r.IntN(9)]
			if at := bytes.Index(b[i:], []byte(sign)); at >= 0 {
				i = min(i+at+r.IntN(200), len(b)-1)
			}
		}
		switch r.IntN(5) {
		case 0:
			b[i] ^= 1 << r.IntN(8)
		case 1:
			b[i] = byte(r.IntN(256))
		case 2: // a small or an extreme number where numbers are
			if i = i &^ 7; i+8 <= len(b) {
				v := []uint64{0, 1, 8, 255, 4096, uint64(len(b)), uint64(r.IntN(len(b))), 1<<32 - 1, 1 << 40, 1<<63 - 1, 1 << 63, 1<<64 - 1}
				binary.LittleEndian.PutUint64(b[i:], v[r.IntN(len(v))])
			}
		case 3: // an address, or what looks like one, in the place of another
			addresses := 0
			for k := range min(2000, len(b)/8) {
				from := (i&^7 + 8*k) % (len(b) &^ 7)
				if v := binary.LittleEndian.Uint64(b[from:]); v > 0 && v < uint64(len(b)) {
					if addresses++; addresses > 1+r.IntN(8) && i&^7+8 <= len(b) {
						copy(b[i&^7:], b[from:from+8])
						break
					}
				}
			}
		case 4: // one structure over another
			n := 8 * (1 + r.IntN(40))
			if from := r.IntN(len(b)) &^ 7; from+n <= len(b) && i&^7+n <= len(b) {
				copy(b[i&^7:], b[from:from+n])
			}
		}
	}
}

// metadata are the places of a good file that are not the numbers of a dataset.
func metadata(t testing.TB, b []byte) []int {
	f, err := NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	data := make([]bool, len(b))
	mark := func(addr, n uint64) {
		for i := range n {
			data[f.src.base+addr+i] = true
		}
	}
	for _, d := range f.Root().Datasets() {
		if d.lay.storage == contiguous && d.lay.addr != undefined {
			mark(d.lay.addr, uint64(d.Len()*d.Type.Size))
		}
		for _, c := range d.lay.chunks {
			mark(c.addr, c.size)
		}
	}
	var at []int
	for i, is := range data {
		if !is {
			at = append(at, i)
		}
	}
	return at
}

// fixSums recomputes the checksums of structures whose length is known, so that changes reach the code behind the checksums.
func fixSums(b []byte) {
	set := func(at, n int) {
		if n >= 4 && at+n+4 <= len(b) {
			binary.LittleEndian.PutUint32(b[at+n:], lookup3(b[at:at+n]))
		}
	}
	if len(b) > 48 && string(b[:8]) == magic && b[8] >= 2 {
		set(0, 44)
	}
	sizes := map[string]int{"FRHP": 142, "BTHD": 34, "FAHD": 24, "EAHD": 68}
	for i := 0; i+8 < len(b); i++ {
		if b[i] != 'O' && b[i] != 'F' && b[i] != 'B' && b[i] != 'E' {
			continue
		}
		if n := sizes[string(b[i:i+4])]; n > 0 {
			set(i, n)
		}
		if string(b[i:i+4]) == "OHDR" && i+40 < len(b) {
			d := dec{b: b[i:], pos: 5}
			flags := d.u8()
			if flags&0x20 != 0 {
				d.skip(16)
			}
			if flags&0x10 != 0 {
				d.skip(4)
			}
			if n := d.uint(1 << (flags & 3)); n < uint64(len(b)) {
				set(i, d.pos+int(n))
			}
		}
	}
}

// TestMutants reads damaged files: no panic, no hang, no error of another type.
func TestMutants(t *testing.T) {
	n := 500
	if testing.Short() {
		n = 50
	}
	for i, good := range goodFiles(t) {
		r := rand.New(rand.NewPCG(1, uint64(i)))
		at := metadata(t, good)
		accepted := 0
		for range n {
			b := slices.Clone(good)
			mutate(r, b, at)
			fixSums(b)
			if openBytes(t, b) == nil {
				accepted++
			}
		}
		t.Logf("file %d of %d bytes: %d of %d mutants accepted", i, len(good), accepted, n)
	}
}

// TestMemory opens hostile files and watches what is allocated.
func TestMemory(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(above(t, "shared/malformed/files"), "*.h5"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f, err := Open(path, WithBackend(BackendGo))
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 8<<20 {
			t.Errorf("%s: %d bytes allocated", filepath.Base(path), n)
		}
		if err == nil {
			_ = f.Close()
		}
	}
}

// TestNoCopy reads contiguous float32 without memory of its own.
func TestNoCopy(t *testing.T) {
	const n = 1 << 20
	root := &GroupSpec{}
	in := make([]float32, n)
	for i := range in {
		in[i] = float32(i) * 0.5
	}
	if err := root.Add("d", &DatasetSpec{Shape: []int{n}, Data: in}); err != nil {
		t.Fatal(err)
	}
	for name, path := range writers(t, root) {
		for _, b := range backends() {
			f := open(t, path, b)
			d, err := f.Root().Dataset("d")
			if err != nil {
				t.Fatal(err)
			}
			out := make([]float32, n)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if err := d.ReadFloat32(out); err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&after)
			if extra := after.TotalAlloc - before.TotalAlloc; extra > 64<<10 {
				t.Errorf("%s writer, %v reader: %d bytes allocated", name, b, extra)
			}
			if !slices.Equal(bits32(in), bits32(out)) {
				t.Errorf("%s writer, %v reader: wrong values", name, b)
			}
		}
	}
}

func TestLimits(t *testing.T) {
	b := encoded(t, kerasTree())
	for _, c := range []struct {
		lim  Limits
		kind Kind
	}{
		{Limits{}, ""},
		{Limits{FileBytes: 100}, ErrTooLarge},
		{Limits{DataBytes: 24 + 12 + 8}, ""},
		{Limits{DataBytes: 24 + 12 + 7}, ErrTooLarge},
		{Limits{AttributeBytes: 31}, ErrTooLarge}, // two references of 16 bytes
		{Limits{Objects: 5}, ErrTooLarge},
		{Limits{Depth: 4}, ""},
		{Limits{Depth: 3}, ErrTooDeep},
	} {
		_, err := NewReader(bytes.NewReader(b), int64(len(b)), WithLimits(c.lim))
		if c.kind == "" && err != nil || c.kind != "" && !errors.Is(err, c.kind) {
			t.Errorf("%+v: %v, want %q", c.lim, err, c.kind)
		}
	}
}

// TestPlaces reads a file inside another, and behind user blocks old and new.
func TestPlaces(t *testing.T) {
	b := encoded(t, kerasTree())
	want, err := everythingIn(b)
	if err != nil {
		t.Fatal(err)
	}
	padded := slices.Concat(make([]byte, 777), b, make([]byte, 99))
	f, err := NewReader(io.NewSectionReader(bytes.NewReader(padded), 777, int64(len(b))), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := everything(f); err != nil || !slices.Equal(got, want) {
		t.Errorf("section: %v", err)
	}
	for _, n := range []int{512, 1024, 4096} {
		moved := slices.Concat(make([]byte, n), b) // the superblock still says 0
		if got, err := everythingIn(moved); err != nil || !slices.Equal(got, want) {
			t.Errorf("moved by %d: %v", n, err)
		}
		made := slices.Clone(moved)
		binary.LittleEndian.PutUint64(made[n+24:], uint64(n))
		binary.LittleEndian.PutUint64(made[n+40:], uint64(len(made)))
		if got, err := everythingIn(made); err != nil || !slices.Equal(got, want) {
			t.Errorf("user block of %d: %v", n, err)
		}
	}
	if _, err := everythingIn(slices.Concat(make([]byte, 513), b)); !errors.Is(err, ErrNotModel) {
		t.Errorf("moved by 513: %v", err)
	}
}

func everythingIn(b []byte) ([]string, error) {
	f, err := NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, err
	}
	return everything(f)
}

// rootEntries finds the symbol-table entries of the root's members in an encoded file: name at +0, header at +8, copy of the
// table at +24.
func rootEntries(t *testing.T, b []byte) map[string]int {
	t.Helper()
	src := &source{r: bytes.NewReader(b), size: uint64(len(b)), lim: Limits{}.withDefaults(0), pages: map[uint64][]byte{}}
	l := &loader{source: src}
	var err error
	if l.sb, err = l.readSuperblock(); err != nil {
		t.Fatal(err)
	}
	links, err := l.symbols(*l.sb.rootStab)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int{}
	for _, k := range links {
		// Nothing else in the file is a header's address.
		out[k.name] = bytes.Index(b, binary.LittleEndian.AppendUint64(nil, k.addr)) - 8
	}
	return out
}

// TestHardLinks has a dataset with two names, which is fine, and groups with two names, which are refused.
func TestHardLinks(t *testing.T) {
	root := &GroupSpec{}
	for _, name := range []string{"a", "b"} {
		if err := root.Add(name, &DatasetSpec{Data: []int32{int32(name[0])}}); err != nil {
			t.Fatal(err)
		}
		if _, err := root.Group("g" + name); err != nil {
			t.Fatal(err)
		}
	}
	good := encoded(t, root)
	e := rootEntries(t, good)
	twice := slices.Clone(good)
	copy(twice[e["b"]+8:e["b"]+16], twice[e["a"]+8:])
	f, err := NewReader(bytes.NewReader(twice), int64(len(twice)))
	if err != nil {
		t.Fatal(err)
	}
	d, err := f.Root().Dataset("b")
	v := make([]int64, 1)
	if err != nil || d.ReadInt64(v) != nil || v[0] != 'a' {
		t.Errorf("second name of a: %v, %v", v, err)
	}
	groups := slices.Clone(good)
	copy(groups[e["gb"]+8:e["gb"]+40], groups[e["ga"]+8:])
	if err := openBytes(t, groups); !errors.Is(err, ErrLink) {
		t.Errorf("group with two names: %v, want ErrLink", err)
	}
	cycle := slices.Clone(good)
	copy(cycle[e["ga"]+8:e["ga"]+40], cycle[64:]) // the root's own entry in the superblock
	if err := openBytes(t, cycle); !errors.Is(err, ErrLink) || !strings.Contains(err.Error(), "/ga") {
		t.Errorf("root below itself: %v, want ErrLink at /ga", err)
	}
}

// TestOldLayout reads the layout messages that HDF5 wrote before 1.6.3.
func TestOldLayout(t *testing.T) {
	root := &GroupSpec{}
	if err := root.Add("d", &DatasetSpec{Shape: []int{3}, Data: []float32{1, 2, 3}}); err != nil {
		t.Fatal(err)
	}
	good := encoded(t, root)
	at := bytes.Index(good, []byte{msgLayout, 0, 24, 0, 0, 0, 0, 0, 3, 1})
	if at < 0 {
		t.Fatal("no layout message")
	}
	message := good[at+8 : at+32]
	addr := binary.LittleEndian.Uint64(message[2:])
	contiguous := b8{}.u8(1, 1, 1).zeros(5).u64(addr).u32(3)
	compact := b8{}.u8(2, 0, 0).zeros(5).u32(12).bytes(good[addr : addr+12])
	short := b8{}.u8(2, 0, 0).zeros(5).u32(8).bytes(good[addr : addr+8])
	broken := b8{}.u8(1, 1, 7).zeros(5).u64(addr)
	for _, c := range []struct {
		name   string
		layout b8
		kind   Kind
	}{{"contiguous", contiguous, ""}, {"compact", compact, ""}, {"short", short, ErrCorrupt}, {"class", broken, ErrCorrupt}} {
		b := slices.Clone(good)
		copy(b[at+8:at+32], c.layout.zeros(24-len(c.layout)))
		f, err := NewReader(bytes.NewReader(b), int64(len(b)))
		if c.kind != "" {
			if !errors.Is(err, c.kind) {
				t.Errorf("%s: %v, want %v", c.name, err, c.kind)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		d, err := f.Root().Dataset("d")
		v := make([]float32, 3)
		if err != nil || d.ReadFloat32(v) != nil || !slices.Equal(v, []float32{1, 2, 3}) || d.Layout() != c.name {
			t.Errorf("%s: %v, %v", c.name, v, err)
		}
	}
}

// TestShared has groups that name each other's bytes: the work they cause stays within the size of the file.
func TestShared(t *testing.T) {
	root := &GroupSpec{}
	long := strings.Repeat("n", 60000)
	for i := range 200 {
		g, err := root.Group(fmt.Sprintf("g%03d", i))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if _, err := g.Group(long); err != nil {
				t.Fatal(err)
			}
		}
	}
	b := encoded(t, root)
	// Give all groups the symbol table of the first, in their headers and beside their links.
	entries := rootEntries(t, b)
	table := slices.Clone(b[entries["g000"]+24 : entries["g000"]+40])
	for _, e := range entries {
		header := binary.LittleEndian.Uint64(b[e+8:])
		copy(b[header+24:header+40], table)
		copy(b[e+24:e+40], table)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := openBytes(t, b)
	runtime.ReadMemStats(&after)
	if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrLink) {
		t.Errorf("%v, want ErrCorrupt", err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > uint64(8*len(b)) {
		t.Errorf("%d bytes allocated for a file of %d", n, len(b))
	}
}

// TestMisuse asks for what is not there, in the wrong type, into the wrong length, after closing.
func TestMisuse(t *testing.T) {
	for name, path := range writers(t, kerasTree()) {
		for _, b := range backends() {
			f, err := Open(path, WithBackend(b))
			if err != nil {
				t.Fatal(err)
			}
			r := f.Root()
			kernel, err := r.Dataset("model_weights/dense/dense/kernel:0")
			if err != nil {
				t.Fatal(err)
			}
			wrong := func(what string, err error, k Kind, where string) {
				t.Helper()
				var e *Error
				if !errors.As(err, &e) || e.Kind != k || e.Where != where {
					t.Errorf("%s writer, %v reader, %s: %v; want %s at %s", name, b, what, err, k, where)
				}
			}
			_, err = r.Dataset("model_weights/dense/nope")
			wrong("no dataset", err, ErrNotFound, "/model_weights/dense/nope")
			_, err = r.Group("model_weights/../model_weights")
			wrong("dots", err, ErrNotFound, "/model_weights/..")
			_, err = r.Group("model_weights/dense/dense/kernel:0")
			wrong("dataset as group", err, ErrWrongType, "/model_weights/dense/dense/kernel:0")
			_, err = r.Group("model_weights/dense/dense/kernel:0/x")
			wrong("below a dataset", err, ErrWrongType, "/model_weights/dense/dense/kernel:0")
			_, err = r.Dataset("model_weights")
			wrong("group as dataset", err, ErrWrongType, "/model_weights")
			_, err = r.Attr("nope")
			wrong("no attribute", err, ErrNotFound, "/ attribute nope")
			a, err := r.Attr("model_config")
			if err != nil || r.HasAttr("nope") || !r.HasAttr("backend") || !r.Has("model_weights/dense") {
				t.Fatal(err)
			}
			_, err = a.Strs()
			wrong("scalar as list", err, ErrWrongType, "/ attribute model_config")
			_, err = a.Ints()
			wrong("string as number", err, ErrWrongType, "/ attribute model_config")
			wrong("short", kernel.ReadFloat32(make([]float32, 5)), ErrShapeMismatch, kernel.Path())
			wrong("floats as integers", kernel.ReadInt64(make([]int64, 6)), ErrWrongType, kernel.Path())
			if err := errors.Join(f.Close(), f.Close()); err == nil {
				t.Error("closing twice is not noticed")
			}
			wrong("closed", kernel.ReadFloat32(make([]float32, 6)), ErrIO, kernel.Path())
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, ErrIO) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := Open(t.TempDir()); !errors.Is(err, ErrNotModel) {
		t.Errorf("folder: %v", err)
	}
	if _, err := NewReader(bytes.NewReader(nil), 0, WithBackend(BackendGonum)); !errors.Is(err, ErrUnsupported) {
		t.Errorf("gonum without a named file: %v", err)
	}
}

// TestConcurrent reads one file from many goroutines, and several files at once.
func TestConcurrent(t *testing.T) {
	for name, path := range writers(t, kerasTree()) {
		for _, b := range backends() {
			var wg sync.WaitGroup
			shared := open(t, path, b)
			for range 8 {
				wg.Go(func() {
					own, err := Open(path, WithBackend(b))
					if err != nil {
						t.Error(err)
						return
					}
					for _, f := range []*File{shared, own} {
						for range 20 {
							if _, err := everything(f); err != nil {
								t.Errorf("%s writer, %v reader: %v", name, b, err)
							}
						}
					}
					if err := own.Close(); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		}
	}
}

func TestSums(t *testing.T) {
	// The first two are in the comments of lookup3.c.
	for s, want := range map[string]uint32{"": 0xdeadbeef, "Four score and seven years ago": 0x17770551} {
		if got := lookup3([]byte(s)); got != want {
			t.Errorf("lookup3(%q) = %08x, want %08x", s, got, want)
		}
	}
	r := rand.New(rand.NewPCG(3, 3))
	for n := range 2000 {
		b := make([]byte, n)
		var s1, s2 uint64
		for i := range b {
			b[i] = byte(r.IntN(256))
		}
		for i := 0; i < n; i += 2 {
			w := uint64(b[i]) << 8
			if i+1 < n {
				w |= uint64(b[i+1])
			}
			s1 += w
			s2 += s1
		}
		// Folding leaves 65535 where a remainder would be 0, except when nothing was added.
		fold := func(s uint64) uint32 {
			if s == 0 {
				return 0
			}
			return uint32((s-1)%65535 + 1)
		}
		if got, want := fletcher32(b), fold(s2)<<16|fold(s1); got != want {
			t.Fatalf("fletcher32 of %d bytes = %08x, want %08x", n, got, want)
		}
	}
}

// TestHalf compares every float16 with its definition.
func TestHalf(t *testing.T) {
	for h := range 1 << 16 {
		exp, man := h>>10&31, float64(h&1023)
		want := math.Ldexp(1+man/1024, exp-15)
		switch {
		case exp == 0:
			want = math.Ldexp(man, -24)
		case exp == 31 && man == 0:
			want = math.Inf(1)
		case exp == 31:
			want = math.NaN()
		}
		got := float64(half(uint16(h)))
		want = math.Copysign(want, []float64{1, -1}[h>>15])
		if got != want && !(got != got && want != want) || math.Signbit(got) != (h>>15 == 1) {
			t.Fatalf("half(%04x) = %v, want %v", h, got, want)
		}
	}
}

// TestConvert checks rounding and range where formats are wider than what they are read as.
func TestConvert(t *testing.T) {
	le := binary.LittleEndian
	u64 := le.AppendUint64(nil, math.MaxUint64)
	if err := convert(make([]int64, 1), slices.Clone(u64), format{kind: kindU64}); !errors.Is(err, ErrWrongType) {
		t.Errorf("uint64 max as int64: %v", err)
	}
	f := make([]float32, 1)
	if err := convert(f, u64, format{kind: kindU64}); err != nil || f[0] != 1<<64 {
		t.Errorf("uint64 max as float32: %v, %v", f, err)
	}
	// 2^24+1 lies halfway between two float32 and rounds to the even one.
	if err := convert(f, le.AppendUint64(nil, 1<<24+1), format{kind: kindI64}); err != nil || f[0] != 1<<24 {
		t.Errorf("2^24+1 as float32: %v, %v", f, err)
	}
	if err := convert(f, le.AppendUint64(nil, math.Float64bits(0.1)), format{kind: kindF64}); err != nil || f[0] != float32(0.1) {
		t.Errorf("0.1 as float32: %v, %v", f, err)
	}
	if err := convert(f, []byte{0x3f, 0xc0}, format{kind: kindBF16, bigEndian: true}); err != nil || f[0] != 1.5 {
		t.Errorf("bfloat16 1.5: %v, %v", f, err)
	}
}

// TestShown keeps control characters and endless names out of messages.
func TestShown(t *testing.T) {
	for in, want := range map[string]string{"/a b/ü": "/a b/ü", "a\x1b[31m\n": `a\x1b[31m\n`, "\xff": `\xff`, `a"b`: `a"b`} {
		if got := shown(in); got != want {
			t.Errorf("shown(%q) = %q, want %q", in, got, want)
		}
	}
	if n := len(shown(strings.Repeat("\x00", 100000))); n > maxShown+maxShown/4 {
		t.Errorf("%d bytes shown", n)
	}
}

// TestHeapLies has what libhdf5 1.10 crashes of or hangs in when it reads a string attribute: each lie alone must be refused.
func TestHeapLies(t *testing.T) {
	good := encoded(t, kerasTree())
	heap := bytes.Index(good, []byte("GCOL"))
	free := heap + 16
	for binary.LittleEndian.Uint16(good[free:]) != 0 {
		free += 16 + int(binary.LittleEndian.Uint64(good[free+8:])+7)&^7
	}
	ref := bytes.Index(good, binary.LittleEndian.AppendUint64(nil, uint64(heap))) - 4 // length, place and number of a string
	base := bytes.Index(good, []byte{0x10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 8, 0})          // the type of its characters
	if heap < 0 || ref < 0 || base < 0 {
		t.Fatal("the file has no string of variable length")
	}
	for name, lie := range map[string]func(b []byte){
		"free space of no bytes":        func(b []byte) { clear(b[free+8 : free+16]) },
		"free space too short":          func(b []byte) { b[free+8] -= 8 },
		"object up to the very end":     func(b []byte) { binary.LittleEndian.PutUint16(b[free:], 77) },
		"string shorter than object":    func(b []byte) { b[ref]-- },
		"empty string without object":   func(b []byte) { clear(b[ref : ref+4]); binary.LittleEndian.PutUint32(b[ref+12:], 9999) },
		"empty string outside the file": func(b []byte) { clear(b[ref : ref+4]); b[ref+8] = 1 },
		"characters of 16 MB":           func(b []byte) { b[base+7] = 1 },
	} {
		b := slices.Clone(good)
		lie(b)
		if err := openBytes(t, b); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		}
	}
	if err := openBytes(t, good); err != nil {
		t.Error(err)
	}
}

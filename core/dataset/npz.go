package dataset

// This file owns .npz files: zip archives of .npy members, and which of their arrays are inputs and targets.

import (
	"archive/zip"
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"
	"strings"

	"github.com/gokeras/gk/core/tensor"
)

// archive is the arrays of a .npz file, none of them read yet.
type archive struct {
	path    string
	members map[string]*zip.File
	order   []string // the names as they stand in the file
	size    int64    // of the file
	left    int64    // bytes of memory that arrays may still take
}

func openArchive(r io.ReaderAt, size int64, path string, o Options) (*archive, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	a := &archive{path: path, members: map[string]*zip.File{}, size: size, left: o.maxBytes()}
	for _, f := range z.File {
		name, ok := strings.CutSuffix(f.Name, ".npy")
		if !ok {
			continue
		}
		if a.members[name] != nil {
			return nil, fmt.Errorf("%s: array %q: got it twice", path, name)
		}
		a.members[name] = f
		a.order = append(a.order, name)
	}
	if len(a.members) == 0 {
		return nil, fmt.Errorf("%s: a zip archive without .npy arrays; want a file of numpy.savez", path)
	}
	return a, nil
}

func (a *archive) has(names ...string) bool {
	return !slices.ContainsFunc(names, func(n string) bool { return a.members[n] == nil })
}

// names lists the arrays for errors, shortened where there are many.
func (a *archive) names() string {
	var names []string
	for n := range a.members {
		names = append(names, fmt.Sprintf("%.40q", n))
	}
	sort.Strings(names)
	if more := len(names) - 10; more > 0 {
		names = append(names[:10], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

// read reads one array. The sizes that the archive declares for it are held against the file first.
func (a *archive) read(name string) (*tensor.Tensor, error) {
	f := a.members[name]
	place := fmt.Sprintf("%s: array %q", a.path, name)
	switch {
	case f.Method != zip.Store && f.Method != zip.Deflate:
		return nil, fmt.Errorf("%s: got compression method %d, want none or deflate", place, f.Method)
	case f.CompressedSize64 > uint64(a.size):
		return nil, fmt.Errorf("%s: declared as %d bytes in a file of %d", place, f.CompressedSize64, a.size)
	case f.UncompressedSize64/maxRatio > f.CompressedSize64:
		return nil, fmt.Errorf("%s: declared to unpack from %d to %d bytes, more than deflate can shrink",
			place, f.CompressedSize64, f.UncompressedSize64)
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", place, err)
	}
	defer r.Close()
	s := stream{name: place, r: bufio.NewReaderSize(r, 1<<16), length: int64(f.UncompressedSize64), exact: true, limit: a.left}
	t, err := readNpy(s)
	if err != nil {
		return nil, err
	}
	a.left -= int64(t.Size()) * dtypeBytes[t.DType()]
	return t, nil
}

func (a *archive) readAll(names []string) ([]*tensor.Tensor, error) {
	var ts []*tensor.Tensor
	for _, n := range names {
		t, err := a.read(n)
		if err != nil {
			return nil, err
		}
		ts = append(ts, t)
	}
	return ts, nil
}

// ReadArrays reads every array of a .npz file, in the order in which they stand there: the counterpart of Write.
func ReadArrays(path string) (names []string, arrays []*tensor.Tensor, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	a, err := openArchive(f, info.Size(), path, Options{})
	if err != nil {
		return nil, nil, err
	}
	arrays, err = a.readAll(a.order)
	return a.order, arrays, err
}

// part reads the arrays x, y and w as one data set. Targets and weights may be missing.
func (a *archive) part(x, y []string, w string) (*Dataset, error) {
	d := &Dataset{XNames: x}
	var err error
	if d.X, err = a.readAll(x); err != nil {
		return nil, err
	}
	if len(y) > 0 && a.has(y...) {
		d.YNames = y
		if d.Y, err = a.readAll(y); err != nil {
			return nil, err
		}
	}
	if a.has(w) {
		if d.W, err = a.readAll([]string{w}); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func loadNpz(r io.ReaderAt, size int64, path string, o Options) (*Split, error) {
	a, err := openArchive(r, size, path, o)
	if err != nil {
		return nil, err
	}
	return a.split(o)
}

// split finds the arrays by the rules of Load, the most explicit ones first.
func (a *archive) split(o Options) (*Split, error) {
	suffixed := func(names []string, suffix string) []string {
		var s []string
		for _, n := range names {
			s = append(s, n+suffix)
		}
		return s
	}
	for _, inputs := range [][]string{o.Inputs, {"x"}} {
		outputs := o.Outputs
		for _, suffix := range []string{"_train", ""} {
			x := suffixed(inputs, suffix)
			if len(x) == 0 || !a.has(x...) {
				continue
			}
			part := func(suffix string) (*Dataset, error) {
				y := suffixed(outputs, suffix)
				if len(y) == 0 || !a.has(y...) {
					y = []string{"y" + suffix}
				}
				return a.part(suffixed(inputs, suffix), y, "sample_weight"+suffix)
			}
			train, err := part(suffix)
			if err != nil {
				return nil, err
			}
			s := &Split{Train: train}
			if test := suffixed(inputs, "_test"); suffix == "_train" && a.has(test...) {
				s.Test, err = part("_test")
			}
			return s, err
		}
	}
	if len(a.members) == 1 {
		for name := range a.members {
			d, err := a.part([]string{name}, nil, "")
			return &Split{Train: d}, err
		}
	}
	want := "x_train, y_train, x_test, y_test; or x, y"
	if len(o.Inputs) > 0 {
		want += "; or inputs named " + strings.Join(o.Inputs, ", ")
	}
	return nil, fmt.Errorf("%s: got arrays %s; want %s", a.path, a.names(), want)
}

package dataset

// This file owns writing arrays, such as predictions, as whole files or not at all.

import (
	"archive/zip"
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gokeras/gk/core/atomicfile"
	"github.com/gokeras/gk/core/tensor"
)

// writers are the formats of Write by extension.
var writers = map[string]func(w io.Writer, names []string, tensors []*tensor.Tensor) error{
	".npz": writeNpz,
	".npy": writeOneNpy,
	".csv": writeCSV,
}

// Write stores arrays in the format that path's extension names:
//
//   - .npz holds all of them, as numpy.savez does;
//   - .npy holds one;
//   - .csv has a line per sample under a header, the elements of each array side by side.
//
// A name that is missing or empty becomes out_0, out_1, ... The file appears whole or, after an error, not at all: an earlier file of
// that name is then as it was.
func Write(path string, names []string, tensors []*tensor.Tensor) error {
	write := writers[strings.ToLower(filepath.Ext(path))]
	if write == nil {
		return fmt.Errorf("%s: got extension %q, want .npz, .npy or .csv", path, filepath.Ext(path))
	}
	names, err := completeNames(names, tensors)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	f, err := atomicfile.Create(path)
	if err != nil {
		return err
	}
	defer f.Abort()
	w := bufio.NewWriterSize(f, 1<<16)
	if err := write(w, names, tensors); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return f.Commit()
}

// completeNames is a name for each array, all different.
func completeNames(names []string, tensors []*tensor.Tensor) ([]string, error) {
	if len(tensors) == 0 {
		return nil, errors.New("got no arrays, want one or more")
	}
	if len(names) > len(tensors) {
		return nil, fmt.Errorf("got %d names for %d arrays", len(names), len(tensors))
	}
	all, seen := make([]string, len(tensors)), map[string]bool{}
	for i := range tensors {
		if i < len(names) {
			all[i] = names[i]
		}
		if all[i] == "" {
			all[i] = fmt.Sprintf("out_%d", i)
		}
		if seen[all[i]] {
			return nil, fmt.Errorf("array %q: got the name twice", all[i])
		}
		seen[all[i]] = true
	}
	return all, nil
}

func writeNpz(w io.Writer, names []string, tensors []*tensor.Tensor) error {
	z := zip.NewWriter(w)
	for i, t := range tensors {
		// Stored, not deflated, as numpy.savez does: floats hardly shrink.
		member, err := z.CreateHeader(&zip.FileHeader{Name: names[i] + ".npy", Method: zip.Store})
		if err != nil {
			return err
		}
		if err := writeNpy(member, t); err != nil {
			return err
		}
	}
	return z.Close()
}

func writeOneNpy(w io.Writer, _ []string, tensors []*tensor.Tensor) error {
	if len(tensors) != 1 {
		return fmt.Errorf("a .npy file holds one array, got %d; use .npz", len(tensors))
	}
	return writeNpy(w, tensors[0])
}

func writeCSV(w io.Writer, names []string, tensors []*tensor.Tensor) error {
	var header []string
	rows := tensors[0].Shape().Dim(0)
	for i, t := range tensors {
		if len(t.Shape()) == 0 || t.Shape()[0] != rows {
			return fmt.Errorf("array %q: got shape %v, want samples along a first axis, as many as in %q", names[i], t.Shape(), names[0])
		}
		columns := t.Shape()[1:].Size()
		for j := range columns {
			name := names[i]
			if columns > 1 {
				name += "_" + strconv.Itoa(j)
			}
			header = append(header, name)
		}
	}
	c := csv.NewWriter(w)
	if err := c.Write(header); err != nil {
		return err
	}
	cells := make([]func(i int) string, len(tensors))
	for i, t := range tensors {
		cells[i] = formatter(t)
	}
	line := make([]string, 0, len(header))
	for row := range rows {
		line = line[:0]
		for i, t := range tensors {
			columns := t.Shape()[1:].Size()
			for j := range columns {
				line = append(line, cells[i](row*columns+j))
			}
		}
		if err := c.Write(line); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// formatter writes element i of t in as few digits as tell it from its neighbours.
func formatter(t *tensor.Tensor) func(i int) string {
	switch t.DType() {
	case tensor.Float64:
		data := tensor.Data[float64](t)
		return func(i int) string { return strconv.FormatFloat(data[i], 'g', -1, 64) }
	case tensor.Int32:
		return integers(tensor.Data[int32](t))
	case tensor.Int64:
		return integers(tensor.Data[int64](t))
	case tensor.Uint8:
		return integers(tensor.Data[uint8](t))
	}
	data := tensor.Data[float32](t)
	return func(i int) string { return strconv.FormatFloat(float64(data[i]), 'g', -1, 32) }
}

func integers[T int32 | int64 | uint8](data []T) func(i int) string {
	return func(i int) string { return strconv.FormatInt(int64(data[i]), 10) }
}

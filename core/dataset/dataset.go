// Package dataset is the data side of training: it finds or reads data sets (named ones, .npz, .npy, IDX, CSV, images), cuts them
// into shuffled batches, converts rows into the buffers of a model, and writes results.
//
// Data keeps the element type that it has in its source (MNIST stays uint8, an eighth of float64), and is converted a batch at a
// time by Gather. Files are not trusted: what a header declares is held against the size of the file before anything is allocated.
package dataset

import (
	"fmt"
	"math"

	"github.com/gokeras/gk/core/tensor"
)

// Dataset is samples for a model with one or several inputs and outputs. The first axis of every array counts the samples.
type Dataset struct {
	X []*tensor.Tensor // inputs
	Y []*tensor.Tensor // targets; none where the data has no labels
	// W is sample weights of shape (N,): none, one array for all outputs, or one for each.
	W []*tensor.Tensor

	XNames, YNames []string // names of the arrays in their source; a missing name is made up from the index by errors
	Classes        []string // names of the classes 0, 1, ... where the source names them
	Files          []string // the file of each sample, for folders of images
}

// Split is a data set in the parts that its source has.
type Split struct {
	Train *Dataset // never nil; everything, where the source is one part
	Test  *Dataset // nil where the source has no second part

	Name   string // the named set ("mnist", "digits", ...), or the path that was read
	Origin string // where the data came from, for people: a path, an address, or how it was made
}

// Len is the number of samples.
func (d *Dataset) Len() int {
	if len(d.X) == 0 || len(d.X[0].Shape()) == 0 {
		return 0
	}
	return d.X[0].Shape()[0]
}

// Validate reports the first array without samples, or with another number of samples than the first input.
func (d *Dataset) Validate() error {
	if len(d.X) == 0 {
		return fmt.Errorf("data: got no input array, want one or more")
	}
	if len(d.W) > 1 && len(d.W) != len(d.Y) {
		return fmt.Errorf("data: sample weights: got %d arrays, want none, one, or %d as there are targets", len(d.W), len(d.Y))
	}
	first := named(d.XNames, "x", 0)
	n := d.Len()
	check := func(t *tensor.Tensor, name string) error {
		switch {
		case len(t.Shape()) == 0:
			return fmt.Errorf("array %q: got a scalar, want samples along a first axis", name)
		case t.Size() == 0:
			return fmt.Errorf("array %q: got no data (shape %v), want at least one sample", name, t.Shape())
		case t.Shape()[0] != n:
			return fmt.Errorf("array %q: got %d samples, want %d as in %q", name, t.Shape()[0], n, first)
		}
		return nil
	}
	for i, t := range d.X {
		if err := check(t, named(d.XNames, "x", i)); err != nil {
			return err
		}
	}
	for i, t := range d.Y {
		if err := check(t, named(d.YNames, "y", i)); err != nil {
			return err
		}
	}
	for i, t := range d.W {
		name := named(nil, "sample_weight", i)
		if err := check(t, name); err != nil {
			return err
		}
		if len(t.Shape()) != 1 {
			return fmt.Errorf("array %q: got shape %v, want (%d,)", name, t.Shape(), n)
		}
	}
	if d.Files != nil && len(d.Files) != n {
		return fmt.Errorf("file names: got %d, want %d as in %q", len(d.Files), n, first)
	}
	return nil
}

// named is the name of array i, or one made up from its kind.
func named(names []string, kind string, i int) string {
	switch {
	case i < len(names) && names[i] != "":
		return names[i]
	case i == 0:
		return kind
	}
	return fmt.Sprintf("%s_%d", kind, i)
}

// Slice is samples lo to hi over the same data.
func (d *Dataset) Slice(lo, hi int) *Dataset {
	rows := func(ts []*tensor.Tensor) []*tensor.Tensor {
		var s []*tensor.Tensor
		for _, t := range ts {
			s = append(s, t.Rows(lo, hi))
		}
		return s
	}
	s := *d
	s.X, s.Y, s.W = rows(d.X), rows(d.Y), rows(d.W)
	if d.Files != nil {
		s.Files = d.Files[lo:hi]
	}
	return &s
}

// SplitLast keeps the last fraction of the samples for validation: train is the first floor(N·(1-fraction)), as Keras'
// validation_split has it (before any shuffling). Both parts must have samples.
func (d *Dataset) SplitLast(fraction float64) (train, validation *Dataset, err error) {
	if !(fraction > 0 && fraction < 1) {
		return nil, nil, fmt.Errorf("validation split: got %v, want a fraction between 0 and 1", fraction)
	}
	n := d.Len()
	at := int(math.Floor(float64(n) * (1 - fraction)))
	if at == 0 || at == n {
		return nil, nil, fmt.Errorf("validation split: %v of %d samples leaves a part without samples; use more data or another fraction",
			fraction, n)
	}
	return d.Slice(0, at), d.Slice(at, n), nil
}

// Limit keeps the first n samples of each part, for quick runs; 0 keeps everything.
func (s *Split) Limit(n int) *Split {
	c := *s
	cut := func(d *Dataset) *Dataset {
		if d == nil || n <= 0 || n >= d.Len() {
			return d
		}
		return d.Slice(0, n)
	}
	c.Train, c.Test = cut(s.Train), cut(s.Test)
	return &c
}

// Validate checks each part.
func (s *Split) Validate() error {
	if err := s.Train.Validate(); err != nil {
		return err
	}
	if s.Test != nil {
		return s.Test.Validate()
	}
	return nil
}

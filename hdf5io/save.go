package hdf5io

import (
	"errors"
	"os"
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/atomicfile"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/hdf5io/internal/h5"
)

// This file owns saving: which form a name means, and that a file is replaced in one go.

// SaveOptions say how a model is saved.
type SaveOptions struct {
	// WeightsOnly leaves out the architecture. A .weights.h5 never has one.
	WeightsOnly bool
	// OptimizerWeights writes the state of the optimizer into a legacy .h5 where tf.keras and Keras 2 look for it, in their order. They
	// train on exactly where gk left off; Keras 3.15 loads such a file but cannot train on before the model is compiled anew.
	OptimizerWeights bool
	// KerasVersion is the Keras that a legacy .h5 is to be one of, "2.3.1" for instance: names that mean something else there are written
	// in its words. "" is Keras 3, or Keras 2 for models that were loaded from files of Keras 1 and 2. Of 2.0 to 2.3, the package keras
	// before it became tf.keras, the optimizer's state is where that reads it, too, and metrics go by the names of functions, as it loads
	// no others, not even its own; those that average no function are left out.
	KerasVersion string
}

// Save writes a model to a file of the form that the ending of its name says: .h5 or .hdf5, .keras, .weights.h5, .json. The file is
// replaced in one go, or stays as it is.
func Save(m *model.Model, path string, o SaveOptions) error {
	if !m.Built() {
		return core.Errorf(core.ErrUsage, m.Place(), "is not built, so it has nothing to save (give the first layer an input_shape)")
	}
	m.Initialize()
	write := writerFor(path, o)
	if write == nil {
		return &core.Error{Kind: core.ErrUsage, File: path, Msg: "no form of file has this ending, want .h5, .keras, .weights.h5 or .json"}
	}
	return core.InFile(path, write(m, path, o))
}

type writer func(m *model.Model, path string, o SaveOptions) error

// writerFor is nil where no form has the ending.
func writerFor(path string, o SaveOptions) writer {
	low := strings.ToLower(path)
	switch {
	case strings.HasSuffix(low, ".weights.h5"):
		return writePathWeights
	case strings.HasSuffix(low, ".h5"), strings.HasSuffix(low, ".hdf5"):
		if o.WeightsOnly {
			return writeLegacyWeights
		}
		return writeLegacyModel
	case strings.HasSuffix(low, ".keras") && !o.WeightsOnly:
		return writeArchive
	case strings.HasSuffix(low, ".json") && !o.WeightsOnly && !strings.HasSuffix(low, ".weights.json"):
		return writeJSON
	}
	return nil
}

// replace makes the file at path anew: fill writes it under another name.
func replace(path string, fill func(f *atomicfile.File) error) error {
	f, err := atomicfile.Create(path)
	if err != nil {
		return saveError(err)
	}
	defer f.Abort()
	if err := fill(f); err != nil {
		return saveError(err)
	}
	return saveError(f.Commit())
}

// saveError makes an error of gk of one of the operating system, without the name of the file, which gk's error has a field for.
func saveError(err error) error {
	if err == nil {
		return nil
	}
	if e := (*core.Error)(nil); errors.As(err, &e) {
		return err
	}
	if e := (*h5.Error)(nil); errors.As(err, &e) {
		return fromH5(err)
	}
	if e := (*os.PathError)(nil); errors.As(err, &e) {
		err = e.Err
	}
	return &core.Error{Kind: core.ErrIO, Where: "save", Err: err}
}

func writeTree(path string, tree *h5.GroupSpec, err error) error {
	if err != nil {
		return err
	}
	return replace(path, func(f *atomicfile.File) error { return h5.Create(f.Name(), tree) })
}

func writeLegacyModel(m *model.Model, path string, o SaveOptions) error {
	tree, err := wholeModel(m, o)
	return writeTree(path, tree, err)
}

func writeLegacyWeights(m *model.Model, path string, o SaveOptions) error {
	version, err := legacyVersion(m, o, nil)
	if err != nil {
		return err
	}
	tree := &h5.GroupSpec{}
	return writeTree(path, tree, legacyWeights(tree, m, version))
}

func writePathWeights(m *model.Model, path string, _ SaveOptions) error {
	tree, err := pathWeights(m)
	return writeTree(path, tree, err)
}

func writeArchive(m *model.Model, path string, _ SaveOptions) error {
	return replace(path, func(f *atomicfile.File) error { return archiveOf(f, m) })
}

func writeJSON(m *model.Model, path string, _ SaveOptions) error {
	text, err := jsonOf(m)
	if err != nil {
		return err
	}
	return replace(path, func(f *atomicfile.File) error { _, err := f.Write(text); return err })
}

// register adds a form of file to package model.
func register(name string, want content, ending func(low string) bool) {
	model.RegisterFormat(model.Format{
		Name: name,
		Read: func(path string, o model.LoadOptions) (*model.Model, bool, error) {
			if want == contentUnknown {
				return nil, false, nil
			}
			return read(path, o, want)
		},
		Write: func(m *model.Model, path string, weights bool) (bool, error) {
			low := strings.ToLower(path)
			o := SaveOptions{WeightsOnly: weights}
			if !ending(low) || writerFor(path, o) == nil {
				return false, nil
			}
			return true, Save(m, path, o)
		},
	})
}

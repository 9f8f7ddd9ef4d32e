package model

import (
	"errors"
	"os"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/registry"
)

// This file owns how models meet files: formats register themselves, as image formats do in Go.

// Format reads and writes models in files of some form.
type Format struct {
	Name string
	// Read opens a model; ok is false where the content of the file is of another form.
	Read func(path string, o LoadOptions) (m *Model, ok bool, err error)
	// Write saves a model, with the state of its optimizer, unless weights says weights alone; ok is false where the format does not
	// write files of that name.
	Write func(m *Model, path string, weights bool) (ok bool, err error)
}

// LoadOptions say how a file is read where it cannot say so itself.
type LoadOptions struct {
	Registry     *registry.Registry // nil: the default
	KerasVersion string             // "" is what the file says
	Backend      string             // likewise: "theano" flips kernels
	// Config is the architecture, as Keras JSON, for files that hold weights alone.
	Config []byte
	// AllowMissing opens a model though nothing provides some of its layers. They keep their configs, and their weights as the file has
	// them; the model is not compiled and cannot run.
	AllowMissing bool
	// NoCompile leaves out loss, metrics and optimizer.
	NoCompile bool
	// Warn is told what could not be restored; nil drops it.
	Warn func(message string)
}

var formats []Format

// RegisterFormat adds a format; package hdf5io does so when it is imported.
func RegisterFormat(f Format) { formats = append(formats, f) }

// Load reads a model from a file. What the file is, its content says, not its name.
func Load(path string, o LoadOptions) (*Model, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, &core.Error{Kind: core.ErrNotFound, File: path, Err: unwrapPath(err)}
	}
	for _, f := range formats {
		m, ok, err := f.Read(path, o)
		if !ok {
			continue
		}
		return m, core.InFile(path, err)
	}
	return nil, &core.Error{Kind: core.ErrNotModel, File: path, Msg: "no Keras model of any form that gk knows"}
}

// unwrapPath takes the path out of an error of package os: it stands in Error.File already.
func unwrapPath(err error) error {
	var e *os.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// Save writes the model to a file, with what it was compiled with and the state of the optimizer. The name's ending says the form:
// .h5, .keras, .json. An existing file is replaced in one go, or stays as it is.
func (m *Model) Save(path string) error { return m.write(path, false) }

// SaveWeights writes the weights alone.
func (m *Model) SaveWeights(path string) error { return m.write(path, true) }

func (m *Model) write(path string, weights bool) error {
	if !m.Built() {
		return core.Errorf(core.ErrUsage, m.Place(), "is not built, so it has nothing to save (give the first layer an input_shape)")
	}
	m.Initialize()
	for _, f := range formats {
		if ok, err := f.Write(m, path, weights); ok {
			return core.InFile(path, err)
		}
	}
	return &core.Error{Kind: core.ErrUsage, File: path, Msg: "no form of file has this ending, want .h5, .keras or .json"}
}

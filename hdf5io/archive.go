package hdf5io

import (
	"archive/zip"
	"errors"
	"hash/crc32"
	"io"
	"time"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/hdf5io/internal/h5"
)

// This file owns .keras files: an archive of metadata.json, config.json and model.weights.h5, all stored without compression.

const (
	memberMetadata = "metadata.json"
	memberConfig   = "config.json"
	memberWeights  = "model.weights.h5"
)

func (l *loader) loadArchive() error {
	z, err := openZip(l.path)
	if err != nil {
		return err
	}
	defer z.close()
	l.Format = ".keras"
	if z.files["model.weights.npz"] != nil && z.files[memberWeights] == nil {
		return core.WithHint(core.Errorf(core.ErrUnsupported, "member model.weights.npz", "weights as .npz"),
			"save the model with weights as HDF5, Keras' default")
	}
	if z.files[memberConfig] == nil && z.files[memberWeights] == nil {
		return core.Errorf(core.ErrNotModel, "member "+memberConfig, "is not there, so the archive is no .keras file")
	}
	for _, want := range []string{memberConfig, memberWeights} {
		if z.files[want] == nil {
			return core.Errorf(core.ErrMissingWeights, "member "+want, "is not there")
		}
	}
	if z.files[memberMetadata] != nil {
		v, err := z.json(memberMetadata)
		if err != nil {
			l.warn("%v", err)
		}
		if o, ok := v.(map[string]any); ok {
			version, _ := o["keras_version"].(string)
			l.says(version, "")
		}
	}
	config, err := z.json(memberConfig)
	if err != nil {
		return err
	}
	if err := l.architecture(config, "member "+memberConfig); err != nil {
		return err
	}
	r, size, err := z.weights()
	if err != nil {
		return err
	}
	f, err := h5.NewReader(r, size, l.h5Options()...)
	if err != nil {
		return core.In("member "+memberWeights, core.ErrCorrupt, fromH5(err))
	}
	defer f.Close() // it was only read
	if !l.o.NoCompile {
		if o, ok := config.(map[string]any); ok && o["compile_config"] != nil {
			l.compile(o["compile_config"])
		}
	}
	if err := l.buildFromConfig(config); err != nil {
		return err
	}
	return core.In("", core.ErrCorrupt, l.loadPaths(single{f.Root()}))
}

// buildFromConfig builds a model that does not say what its input is for the shape that build_config has.
func (l *loader) buildFromConfig(config any) error {
	if l.Model.Built() {
		return nil
	}
	o, _ := config.(map[string]any)
	build, _ := o["build_config"].(map[string]any)
	if shape, ok := shapeOf(build["input_shape"]); ok {
		return l.Model.BuildFor(shape)
	}
	return nil
}

// archiveOf writes a .keras file to w.
func archiveOf(w io.Writer, m *model.Model) error {
	config, err := m.Config(core.Keras3)
	if err != nil {
		return err
	}
	config["build_config"] = map[string]any{"input_shape": inputShapes(m)}
	compile, err := trainingConfig(m, core.Keras3, "")
	if err != nil {
		return err
	}
	if compile != nil {
		config["compile_config"] = compile
	}
	text, err := core.FormatJSON(config)
	if err != nil {
		return err
	}
	metadata, err := core.FormatJSON(map[string]any{"keras_version": kerasVersion, "date_saved": time.Now().UTC().Format("2006-01-02@15:04:05")})
	if err != nil {
		return err
	}
	tree, err := pathWeights(m)
	if err != nil {
		return err
	}
	z := zip.NewWriter(w)
	for _, member := range []struct {
		name  string
		write func(w io.Writer) error
	}{
		{memberMetadata, func(w io.Writer) error { _, err := w.Write(metadata); return err }},
		{memberConfig, func(w io.Writer) error { _, err := w.Write(text); return err }},
		{memberWeights, func(w io.Writer) error { return fromH5(h5.Encode(w, tree)) }},
	} {
		if err := addStored(z, member.name, member.write); err != nil {
			return err
		}
	}
	return z.Close()
}

// addStored adds a member whose header says its size and checksum, for readers that do not look behind the data: it is made twice.
func addStored(z *zip.Writer, name string, write func(w io.Writer) error) error {
	sum := crc32.NewIEEE()
	count := &counter{hash: sum.Write}
	if err := write(count); err != nil {
		return err
	}
	h := &zip.FileHeader{Name: name, Method: zip.Store, CRC32: sum.Sum32(), CompressedSize64: count.n, UncompressedSize64: count.n}
	h.SetMode(0o600)
	h.Modified = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC) // as Keras has it
	w, err := z.CreateRaw(h)
	if err != nil {
		return err
	}
	return write(w)
}

type counter struct {
	n    uint64
	hash func([]byte) (int, error)
}

func (c *counter) Write(p []byte) (int, error) {
	c.n += uint64(len(p))
	return c.hash(p)
}

// isZipError reports what archive/zip says of bytes that are no archive.
func isZipError(err error) bool {
	return errors.Is(err, zip.ErrFormat) || errors.Is(err, io.ErrUnexpectedEOF)
}

package hdf5io

import (
	"bytes"
	"io"
	"os"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// This file owns files of text: architectures as JSON or YAML, and the lists of shards.

// loadJSON reads an architecture. ok is false for text of another sort.
func (l *loader) loadJSON(c content) (ok bool, err error) {
	text, err := readLimited(l.path, maxConfig)
	if err != nil {
		return false, err
	}
	name, format := "JSON", ".json"
	if c == contentYAML {
		name, format = "YAML", ".yaml"
	}
	v, err := parseText(text, name)
	if err != nil {
		return false, err
	}
	o, _ := v.(map[string]any)
	switch {
	case o["weight_map"] != nil:
		l.Format = ".weights.json"
		return true, l.loadShards(o)
	case o["class_name"] == nil && o["layers"] == nil: // Keras 0 has no class_name
		return false, nil
	}
	l.Format = format
	if err := l.architecture(v, "config"); err != nil {
		return true, err
	}
	if c := o["compile_config"]; c != nil && !l.o.NoCompile {
		l.compile(c)
	}
	return true, l.buildFromConfig(v)
}

func readLimited(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, openError(err)
	}
	defer f.Close() // it was only read
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, openError(err)
	}
	if int64(len(text)) > limit {
		return nil, core.Errorf(core.ErrTooLarge, "file", "more than %d bytes of JSON", limit)
	}
	return bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), nil // Windows tools begin UTF-8 so
}

// jsonOf is the architecture as Keras' to_json gives it, with what the model was compiled with.
func jsonOf(m *model.Model) ([]byte, error) {
	config, err := m.Config(core.Keras3)
	if err != nil {
		return nil, err
	}
	config["build_config"] = map[string]any{"input_shape": inputShapes(m)}
	compile, err := trainingConfig(m, core.Keras3, "")
	if err != nil {
		return nil, err
	}
	if compile != nil {
		config["compile_config"] = compile
	}
	text, err := core.FormatJSON(config)
	return append(text, '\n'), err
}

// inputShapes are what build_config says: one shape, or a list of several.
func inputShapes(m *model.Model) any {
	if in := m.Inputs(); len(in) == 1 {
		return registry.ShapeConfig(in[0].Shape())
	}
	var list []any
	for _, t := range m.Inputs() {
		list = append(list, registry.ShapeConfig(t.Shape()))
	}
	return list
}

// shapeOf is a shape of JSON; ok is false if it is none.
func shapeOf(v any) (tensor.Shape, bool) {
	list, ok := v.([]any)
	if !ok || len(list) == 0 {
		return nil, false
	}
	s := make(tensor.Shape, len(list))
	for i, x := range list {
		switch n := x.(type) {
		case nil:
			s[i] = tensor.Unknown
		case float64:
			s[i] = int(n)
		default:
			return nil, false
		}
	}
	return s, true
}

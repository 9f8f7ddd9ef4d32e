package hdf5io

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/gokeras/gk/core"
)

// This file owns architectures as YAML, which Keras 1 and 2 write with to_yaml. Decoded, they are what the JSON of to_json is: maps, lists,
// strings, numbers, true, false and null.
//
// YAML of Python names the types of what it holds: !!python/tuple is a list here, and the plain types of Python 2 and a number of numpy are
// what they are. Every other type would have to be made by running Python, and is refused. An anchor may stand for a value that comes
// again, as PyYAML writes it; what all of them stand for together is bounded.

const (
	maxYAMLText  = 16 << 20 // bytes
	maxYAMLDepth = 500      // lists and maps in each other
	maxYAMLNodes = 1 << 20  // values, those that aliases stand for included
)

// yamlBeginnings are the keys of an architecture, one of which begins the text: Python sorts them.
var yamlBeginnings = []string{"class_name", "backend", "config", "keras_version"}

// isYAML reports whether text begins as an architecture in YAML does.
func isYAML(text []byte) bool {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' || line[0] == '%' || string(line) == "---" {
			continue
		}
		key, _, ok := bytes.Cut(bytes.TrimPrefix(line, []byte("--- ")), []byte(":"))
		return ok && slices.Contains(yamlBeginnings, strings.Trim(string(key), ` "'`))
	}
	return false
}

// parseText reads an architecture that is JSON or YAML, which its beginning says.
func parseText(text []byte, where string) (any, error) {
	if !isYAML(text) {
		return parse(text, where)
	}
	v, err := parseYAML(text)
	if err != nil {
		return nil, core.In(where, core.ErrConfigJSON, err)
	}
	return v, nil
}

func parseYAML(text []byte) (any, error) {
	if len(text) > maxYAMLText {
		return nil, core.Errorf(core.ErrTooLarge, "", "got %d bytes of YAML, want at most %d", len(text), maxYAMLText)
	}
	var document yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(&document); err != nil {
		return nil, core.Errorf(core.ErrConfigJSON, "", "%s", strings.TrimPrefix(firstLine(err.Error()), "yaml: "))
	}
	if document.Kind != yaml.DocumentNode || len(document.Content) != 1 {
		return nil, core.Errorf(core.ErrConfigJSON, "", "got no YAML document")
	}
	r := yamlReader{}
	return r.value(document.Content[0], 0)
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	if len(s) > 200 {
		s = s[:200] + "..."
	}
	return s
}

// yamlReader counts what it has read.
type yamlReader struct{ nodes int }

func yamlError(kind core.Kind, n *yaml.Node, format string, args ...any) error {
	e := core.Errorf(kind, "", format, args...)
	return core.In("line "+strconv.Itoa(n.Line), kind, e)
}

func (r *yamlReader) value(n *yaml.Node, depth int) (any, error) {
	if r.nodes++; r.nodes > maxYAMLNodes {
		return nil, yamlError(core.ErrTooLarge, n, "more than %d values, those that aliases stand for included", maxYAMLNodes)
	}
	if depth > maxYAMLDepth {
		return nil, yamlError(core.ErrTooDeep, n, "more than %d levels of lists and maps", maxYAMLDepth)
	}
	if n.Kind == yaml.AliasNode {
		if n.Alias == nil {
			return nil, yamlError(core.ErrConfigJSON, n, "got an alias of nothing")
		}
		return r.value(n.Alias, depth+1)
	}
	tag := n.ShortTag()
	if python, ok := strings.CutPrefix(tag, "!!python/"); ok {
		return r.python(python, n, depth)
	}
	switch n.Kind {
	case yaml.MappingNode:
		if tag != "!!map" {
			return nil, yamlError(core.ErrUnsafeObject, n, "got an object of type %q, want a map", tag)
		}
		return r.object(n, depth)
	case yaml.SequenceNode:
		if tag != "!!seq" {
			return nil, yamlError(core.ErrUnsafeObject, n, "got an object of type %q, want a list", tag)
		}
		return r.list(n, depth)
	case yaml.ScalarNode:
		return scalar(n, tag)
	}
	return nil, yamlError(core.ErrConfigJSON, n, "got neither a value nor a list nor a map")
}

func (r *yamlReader) list(n *yaml.Node, depth int) (any, error) {
	list := make([]any, len(n.Content))
	for i, item := range n.Content {
		var err error
		if list[i], err = r.value(item, depth+1); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (r *yamlReader) object(n *yaml.Node, depth int) (any, error) {
	object := make(map[string]any, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		key, err := r.value(k, depth+1)
		if err != nil {
			return nil, err
		}
		name, ok := key.(string)
		if !ok || k.ShortTag() == "!!merge" {
			return nil, yamlError(core.ErrConfigJSON, k, "got key %q, want a string", firstLine(k.Value))
		}
		if _, twice := object[name]; twice {
			return nil, yamlError(core.ErrConfigJSON, k, "key %q comes twice", firstLine(name))
		}
		if object[name], err = r.value(n.Content[i+1], depth+1); err != nil {
			return nil, err
		}
	}
	return object, nil
}

// scalar is a value that is neither a list nor a map.
func scalar(n *yaml.Node, tag string) (any, error) {
	switch tag {
	case "!!null":
		return nil, nil
	case "!!bool":
		switch strings.ToLower(n.Value) {
		case "true", "yes", "on", "y":
			return true, nil
		}
		return false, nil
	case "!!int", "!!float":
		var x float64
		if err := n.Decode(&x); err != nil {
			return nil, yamlError(core.ErrConfigJSON, n, "got %q, want a number", firstLine(n.Value))
		}
		return x, nil
	case "!!str", "!!timestamp", "!!merge":
		return n.Value, nil
	}
	return nil, yamlError(core.ErrUnsafeObject, n, "got a value of type %q, want one of JSON's", tag)
}

// python reads the types of Python that are data.
func (r *yamlReader) python(kind string, n *yaml.Node, depth int) (any, error) {
	switch {
	case n.Kind == yaml.SequenceNode && (kind == "tuple" || kind == "list"):
		return r.list(n, depth)
	case n.Kind == yaml.MappingNode && kind == "dict":
		return r.object(n, depth)
	case n.Kind == yaml.ScalarNode:
		switch kind {
		case "unicode", "str":
			return n.Value, nil
		case "int", "long":
			return scalar(n, "!!int")
		case "float":
			return scalar(n, "!!float")
		case "bool":
			return scalar(n, "!!bool")
		case "none":
			return nil, nil
		}
	case n.Kind == yaml.SequenceNode && (kind == "object/apply:numpy.core.multiarray.scalar" || kind == "object/apply:numpy._core.multiarray.scalar"):
		if len(n.Content) == 2 {
			if x, ok := numpyNumber(n.Content[0], n.Content[1]); ok {
				return x, nil
			}
		}
	case n.Kind == yaml.MappingNode && (kind == "object/apply:numpy.core.multiarray._reconstruct" || kind == "object/apply:numpy._core.multiarray._reconstruct"):
		if x, ok := numpyScalarArray(n); ok {
			return x, nil
		}
	}
	err := core.WithHint(core.Errorf(core.ErrUnsafeObject, "", "got a Python object of type %q, which gk never makes", firstLine(kind)),
		"write the architecture as JSON, with to_json")
	return nil, core.In("line "+strconv.Itoa(n.Line), core.ErrUnsafeObject, err)
}

// numpyScalarArray reads what Python writes of an array of numpy without axes, as which Keras 2 keeps the settings of a ReLU: its state is
// a version, the shape, the dtype, an order and the bytes.
func numpyScalarArray(n *yaml.Node) (float64, bool) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		state := resolved(n.Content[i+1])
		if n.Content[i].Value == "state" && state.Kind == yaml.SequenceNode && len(state.Content) == 5 {
			if shape := resolved(state.Content[1]); shape.Kind == yaml.SequenceNode && len(shape.Content) == 0 {
				return numpyNumber(state.Content[2], state.Content[4])
			}
		}
	}
	return 0, false
}

// numpyNumber reads what Python writes of a number of numpy: its dtype and its bytes. Sizes that numpy has computed, such as the input of
// the Dense after a Flatten, stand so in files of Keras 1.
func numpyNumber(dtype, data *yaml.Node) (float64, bool) {
	dtype, data = resolved(dtype), resolved(data)
	code, order := "", "<"
	for i := 0; dtype.Kind == yaml.MappingNode && i+1 < len(dtype.Content); i += 2 {
		v := resolved(dtype.Content[i+1])
		switch key := dtype.Content[i].Value; {
		case v.Kind != yaml.SequenceNode || len(v.Content) < 2:
		case key == "args":
			code = resolved(v.Content[0]).Value
		case key == "state":
			order = resolved(v.Content[1]).Value
		}
	}
	b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(data.Value), ""))
	if err != nil || len(code) != 2 || len(b) != int(code[1]-'0') {
		return 0, false
	}
	if order == ">" {
		slices.Reverse(b)
	}
	wide := make([]byte, 8)
	copy(wide, b)
	bits := binary.LittleEndian.Uint64(wide)
	unused := 64 - 8*len(b)
	switch code {
	case "i1", "i2", "i4", "i8":
		return float64(int64(bits<<unused) >> unused), true
	case "u1", "u2", "u4", "u8", "b1":
		return float64(bits), true
	case "f4":
		return float64(math.Float32frombits(uint32(bits))), true
	case "f8":
		return math.Float64frombits(bits), true
	}
	return 0, false
}

// resolved is what an alias stands for.
func resolved(n *yaml.Node) *yaml.Node {
	for range 8 {
		if n.Kind != yaml.AliasNode || n.Alias == nil {
			break
		}
		n = n.Alias
	}
	return n
}

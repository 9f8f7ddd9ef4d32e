package model

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// This file owns the Keras config of models: reading all its dialects.
//
//	Sequential  Keras 1 to 2.2.2: a bare list of layers; later {name, layers, ...}, with or without an InputLayer
//	Functional  {name, layers: [{class_name, config, name, inbound_nodes}], input_layers, output_layers}
//
// inbound_nodes is a list with an item for each call of the layer. An item is a list of [layer, call, output] or [layer, call, output,
// kwargs] before Keras 3, and {args, kwargs} with __keras_tensor__ objects since.

// FromJSON makes a model of a Keras architecture as JSON, what to_json gives and what .h5 files hold. A JSON string that holds JSON is
// read as well: some tools encode twice.
func FromJSON(text []byte, r *registry.Registry, from registry.Origin) (*Model, error) {
	v, err := core.ParseJSON(text)
	if s, ok := v.(string); ok {
		v, err = core.ParseJSON([]byte(s))
	}
	if err != nil {
		return nil, core.In("model config", core.ErrConfigJSON, err)
	}
	return FromConfig(v, r, from)
}

// FromConfig makes a model of a decoded Keras architecture: {class_name: Sequential or Functional, config}. A layer by itself is no
// model. Sequential models that say what their input is are built.
func FromConfig(v any, r *registry.Registry, from registry.Origin) (*Model, error) {
	if r == nil {
		r = registry.Default
	}
	if raw, ok := v.(map[string]any); ok && raw["class_name"] == nil && from.KerasVersion == "" {
		from.KerasVersion = "1" // Keras 0, see modern: what it calls otherwise, Keras 1 does, too
	}
	o, ok := registry.ObjectOf(modern(v))
	if from.Major() == 1 && from.DataFormat == "" {
		from.DataFormat = commonFormat(v)
	}
	if ok && o.Class == "Graph" {
		return nil, core.Errorf(core.ErrUnsupported, "model config", "got a Graph of Keras 0, want Sequential or a functional model")
	}
	if !ok {
		return nil, core.Errorf(core.ErrConfigJSON, "model config", "want an object with class_name and config")
	}
	l, err := r.Decoder(from).Layer(o.Raw)
	if err != nil {
		return nil, inside(o, err)
	}
	m, ok := l.(*Model)
	if missing, is := l.(*registry.Missing); is {
		return nil, missing.Reason // a model of which nothing is known
	}
	if !ok {
		return nil, core.Errorf(core.ErrConfigJSON, "model config", "got class %q, want Sequential or Functional", o.Class)
	}
	m.origin.KerasVersion, m.origin.Backend = from.KerasVersion, from.Backend
	return m, nil
}

// commonFormat is the data format that layers of a model of Keras 1 name, if they all name the same: some layers do not write theirs, which is
// the default of the one who made the model, and so mostly that of the others. "" if they disagree, or if none names one.
func commonFormat(v any) string {
	named := map[any]bool{}
	var look func(v any)
	look = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				look(x)
			}
		case map[string]any:
			if f := v["dim_ordering"]; f == "th" || f == "tf" {
				named[f] = true
			}
			for _, x := range v {
				look(x)
			}
		}
	}
	look(v)
	switch {
	case len(named) != 1:
		return ""
	case named["th"]:
		return "channels_first"
	}
	return "channels_last"
}

// inside takes the outermost model out of the place of an error: it is the file, and a layer's name says enough.
func inside(o registry.Object, err error) error {
	var e *core.Error
	if errors.As(err, &e) {
		if _, rest, ok := strings.Cut(e.Where, "("+o.Class+"): "); ok && strings.HasPrefix(e.Where, "layer ") && strings.HasPrefix(rest, "layer ") {
			c := *e
			c.Where = rest
			return &c
		}
	}
	return err
}

// DecodeConfig reads the config of a model.
func (m *Model) DecodeConfig(d *registry.Decoder, c core.Config) error {
	m.registry = d.Registry
	if name, ok := c["name"].(string); ok && name != "" {
		m.Name = name
	}
	if err := m.Trainable.SetConfig(orTrue(c["trainable"])); err != nil {
		return core.In("trainable", core.ErrLayerConfig, err)
	}
	if err := m.DType.SetConfig(c["dtype"]); err != nil {
		return core.In("dtype", core.ErrLayerConfig, err)
	}
	list, ok := c["layers"].([]any)
	if !ok {
		return core.Errorf(core.ErrConfigJSON, "config.layers", "got %v, want a list of layers", kindOf(c["layers"]))
	}
	if len(list) > maxDepth {
		return core.Errorf(core.ErrTooLarge, "config.layers", "got %d, want at most %d", len(list), maxDepth)
	}
	if m.sequential {
		return m.decodeSequential(d, c, list)
	}
	return m.decodeFunctional(d, c, list)
}

// orTrue is v, or true if there is none. A missing flag is on.
func orTrue(v any) any {
	if v == nil {
		return true
	}
	return v
}

// notALayer is the error about an item of the list of layers that is none.
func notALayer(i int, item any) error {
	where := fmt.Sprintf("config.layers[%d]", i)
	if o, ok := item.(map[string]any); ok {
		return core.Errorf(core.ErrConfigJSON, where+".class_name", "got %s, want a string", kindOf(o["class_name"]))
	}
	return core.Errorf(core.ErrConfigJSON, where, "got %s, want a layer as {class_name, config}", kindOf(item))
}

func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "nothing"
	case string:
		return "a string"
	case float64:
		return "a number"
	case bool:
		return "true or false"
	case []any:
		return "a list"
	}
	return "an object"
}

func (m *Model) decodeSequential(d *registry.Decoder, c core.Config, list []any) error {
	if _, _, ok := branchesOf(list); ok {
		return m.decodeBranches(d, list)
	}
	names := map[string]bool{}
	for i, item := range list {
		o, ok := registry.ObjectOf(modern(item))
		if !ok {
			return notALayer(i, item)
		}
		l, err := d.Layer(o.Raw)
		if err != nil {
			return err
		}
		m.hint(l, o)
		b := l.Common()
		if named, _ := o.Config["name"].(string); named == "" && o.Config != nil {
			b.Name = "" // given by the model
		} else if names[b.Name] {
			return core.Errorf(core.ErrGraph, b.Place(), "two layers have this name")
		}
		names[b.Name] = true
		if err := m.Add(l); err != nil {
			return err
		}
	}
	if err := m.buildFromShape(); err != nil || m.Built() {
		return err
	}
	// Without an input layer the shape that the model was built for may still be known.
	if shape, ok := shapeOf(c["build_input_shape"]); ok {
		return m.BuildFor(shape)
	}
	return nil
}

func shapeOf(v any) (tensor.Shape, bool) {
	list, ok := v.([]any)
	if !ok || len(list) == 0 {
		return nil, false
	}
	var s tensor.Shape
	for _, x := range list {
		switch n := x.(type) {
		case nil:
			s = append(s, tensor.Unknown)
		case float64:
			s = append(s, int(n))
		default:
			return nil, false
		}
	}
	return s, true
}

// functional is a functional config while it is read.
type functional struct {
	layers map[string]core.Layer
	nodes  map[string][]*node
}

func (m *Model) decodeFunctional(d *registry.Decoder, c core.Config, list []any) error {
	f := &functional{map[string]core.Layer{}, map[string][]*node{}}
	calls := make([][]any, len(list))
	names := make([]string, len(list))
	for i, item := range list {
		o, ok := registry.ObjectOf(item)
		if !ok {
			return notALayer(i, item)
		}
		raw := o.Raw
		if isOperation(d.Registry, o) {
			raw = maps.Clone(raw)
			raw["module"] = registry.OperationModule
		}
		l, err := d.Layer(raw)
		if err != nil {
			return err
		}
		b := l.Common()
		if name, ok := o.Raw["name"].(string); ok && name != "" {
			b.Name = name // nodes refer to it
		}
		if f.layers[b.Name] != nil {
			return core.Errorf(core.ErrGraph, b.Place(), "two layers have this name")
		}
		names[i], f.layers[b.Name] = b.Name, l
		switch v := o.Raw["inbound_nodes"].(type) {
		case nil:
		case []any:
			calls[i] = v
		default:
			return core.Errorf(core.ErrConfigJSON, b.Place()+": inbound_nodes", "got %s, want a list", kindOf(v))
		}
		count := len(calls[i])
		if _, ok := l.(inputSource); ok && count == 0 {
			count = 1
		}
		for index := range count {
			f.nodes[b.Name] = append(f.nodes[b.Name], &node{layer: l, index: index})
		}
	}
	old := false
	for i, name := range names {
		for index, call := range calls[i] {
			if _, ok := call.([]any); ok {
				old = true
			}
			n := f.nodes[name][index]
			var err error
			if l, ok := f.layers[name].(core.Rewriter); ok {
				err = f.rewrite(n, l, index, call)
			} else {
				err = f.read(n, call)
			}
			if err != nil {
				return core.In(fmt.Sprintf("%s: inbound_nodes[%d]", f.layers[name].Common().Place(), index), core.ErrGraph, err)
			}
		}
	}
	var err error
	if m.inputs, m.singleInput, err = f.ends("input_layers", c["input_layers"], old); err != nil {
		return err
	}
	if m.outputs, m.singleOutput, err = f.ends("output_layers", c["output_layers"], old); err != nil {
		return err
	}
	return m.connect()
}

// isOperation reports whether an object without a module, as .h5 files have them, is a function of keras.ops: there is no layer of that
// name, or the object has not what every layer has in its config and is called with arguments side by side, or made with others than the
// layer has. Some, such as Concatenate, are the same either way.
func isOperation(r *registry.Registry, o registry.Object) bool {
	calls, _ := o.Raw["inbound_nodes"].([]any)
	if o.Module != "" || strings.Contains(o.RegisteredName, ">") || len(calls) == 0 || r.Layers.Lookup(registry.OperationName(o.Class)) == nil {
		return false
	}
	call, _ := calls[0].(map[string]any)
	layer := r.Layers.Lookup(o.Class)
	if _, has := o.Config["trainable"]; has || call == nil || layer == nil {
		return call != nil && layer == nil
	}
	if args, _ := call["args"].([]any); len(args) > 1 || slices.ContainsFunc(args, hasConstant) {
		return true
	}
	known, err := r.Encoder(core.Keras3).Config(layer.New())
	for key := range o.Config {
		if _, ok := known[key]; !ok && err == nil {
			return true
		}
	}
	return false
}

// hasConstant reports whether something else than tensors, in a list or not, is an argument.
func hasConstant(arg any) bool {
	switch arg := arg.(type) {
	case []any:
		return slices.ContainsFunc(arg, hasConstant)
	case map[string]any:
		return arg["class_name"] != "__keras_tensor__"
	}
	return true
}

// read reads one call of a layer.
func (f *functional) read(n *node, call any) error {
	switch call := call.(type) {
	case []any:
		return f.readOld(n, call)
	case map[string]any:
		args, ok := call["args"].([]any)
		if !ok {
			return core.Errorf(core.ErrConfigJSON, "args", "got %s, want a list", kindOf(call["args"]))
		}
		for i, a := range args {
			v, err := f.revive(a, 0)
			if err != nil {
				return core.In(fmt.Sprintf("args[%d]", i), core.ErrGraph, err)
			}
			n.args = append(n.args, v)
			eachTensor(v, func(t *Tensor) { n.inputs = append(n.inputs, t) })
		}
		kwargs, _ := call["kwargs"].(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(kwargs)) {
			if kwargs[key] == nil {
				if _, function := n.layer.(core.Function); function { // which may not have a default for it in Keras
					n.setInert(key, nil)
				}
				continue
			}
			if key == "training" { // Keras 3 records it and overrides it in every run
				n.setInert(key, kwargs[key])
				continue
			}
			v, err := f.revive(kwargs[key], 0)
			if err != nil {
				return core.In(key, core.ErrGraph, err)
			}
			n.setKwarg(key, v)
		}
		return n.findInputs()
	}
	return core.Errorf(core.ErrConfigJSON, "", "got %s, want a list or {args, kwargs}", kindOf(call))
}

func (n *node) setInert(key string, v any) {
	if n.inert == nil {
		n.inert = map[string]any{}
	}
	n.inert[key] = v
}

func (n *node) setKwarg(key string, v any) {
	if n.kwargs == nil {
		n.kwargs = map[string]any{}
	}
	n.kwargs[key] = v
}

// readOld reads a call as Kerases before 3 wrote it.
func (f *functional) readOld(n *node, call []any) error {
	// A single call of one tensor may lack the outer list.
	if len(call) > 0 {
		if _, ok := call[0].(string); ok {
			call = []any{call}
		}
	}
	list := []any{}
	for i, item := range call {
		parts, ok := item.([]any)
		if !ok || len(parts) < 3 {
			return core.Errorf(core.ErrConfigJSON, fmt.Sprintf("[%d]", i), "got %v, want [layer, call, output]", item)
		}
		t, err := f.refer(parts, true)
		if err != nil {
			return err
		}
		list = append(list, t)
		n.inputs = append(n.inputs, t)
		if len(parts) < 4 {
			continue
		}
		kwargs, _ := parts[3].(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(kwargs)) {
			if kwargs[key] == nil {
				continue
			}
			v, err := f.reviveOld(kwargs[key], 0)
			if err != nil {
				return core.In(key, core.ErrGraph, err)
			}
			n.setKwarg(key, v)
		}
	}
	if len(list) == 1 {
		n.args = list
	} else {
		n.args = []any{list}
	}
	return n.findInputs()
}

// revive puts tensors in the place of __keras_tensor__ objects.
func (f *functional) revive(v any, depth int) (any, error) {
	if depth > 64 {
		return nil, core.Errorf(core.ErrTooDeep, "", "lists in lists, more than 64")
	}
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			var err error
			if out[i], err = f.revive(x, depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		config, _ := v["config"].(map[string]any)
		switch v["class_name"] {
		case "__keras_tensor__":
			history, ok := config["keras_history"].([]any)
			if !ok || len(history) < 3 {
				return nil, core.Errorf(core.ErrGraph, "keras_history", "got %v, want [layer, call, output]", config["keras_history"])
			}
			t, err := f.refer(history, false)
			if dtype, ok := config["dtype"].(string); ok && err == nil {
				t.dtype = dtype
			}
			if err == nil && t.hint == nil {
				t.hint, _ = shapeOf(config["shape"])
			}
			return t, err
		case "__tuple__":
			items, ok := config["value"].([]any)
			if !ok {
				items, _ = v["items"].([]any)
			}
			return f.revive(items, depth+1)
		}
		out := map[string]any{}
		for key, x := range v {
			var err error
			if out[key], err = f.revive(x, depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return v, nil
}

// reviveOld puts tensors in the place of [layer, call, output] lists in kwargs.
func (f *functional) reviveOld(v any, depth int) (any, error) {
	if depth > 64 {
		return nil, core.Errorf(core.ErrTooDeep, "", "lists in lists, more than 64")
	}
	switch v := v.(type) {
	case []any:
		if len(v) >= 3 {
			if name, ok := v[0].(string); ok && f.layers[name] != nil {
				return f.refer(v, true)
			}
		}
		out := make([]any, len(v))
		for i, x := range v {
			var err error
			if out[i], err = f.reviveOld(x, depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any: // a slice
		out := make(map[string]any, len(v))
		for key, x := range v {
			var err error
			if out[key], err = f.reviveOld(x, depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return v, nil
}

// refer finds the tensor that [layer, call, output] means. Kerases before 3 count the making of a nested model as its first call.
func (f *functional) refer(parts []any, old bool) (*Tensor, error) {
	name, ok := parts[0].(string)
	call, cok := wholeNumber(parts[1])
	output, ook := wholeNumber(parts[2])
	if !ok || !cok || !ook {
		return nil, core.Errorf(core.ErrConfigJSON, "", "got %v, want [layer, call, output]", parts)
	}
	l := f.layers[name]
	if l == nil {
		err := core.Errorf(core.ErrGraph, "", "refers to layer %q, which is not there", name)
		err.Hint = registry.DidYouMean(name, slices.Collect(maps.Keys(f.layers)))
		return nil, err
	}
	nodes := f.nodes[name]
	if _, nested := l.(*Model); nested && old && call > 0 {
		call--
	}
	if call < 0 || call >= len(nodes) {
		return nil, core.Errorf(core.ErrGraph, "", "refers to call %d of layer %q, which has %d", call, name, len(nodes))
	}
	if output < 0 || output > maxOutputs {
		return nil, core.Errorf(core.ErrGraph, "", "refers to output %d of layer %q", output, name)
	}
	return nodes[call].output(output), nil
}

const maxOutputs = 10_000

func wholeNumber(v any) (int, bool) {
	n, ok := v.(float64)
	return int(n), ok && n == float64(int(n))
}

// ends reads input_layers or output_layers: a list of triples, one bare triple, or a map of triples. single says that it was bare.
func (f *functional) ends(key string, v any, old bool) (ts []*Tensor, single bool, err error) {
	switch x := v.(type) {
	case map[string]any:
		list := []any{}
		for _, k := range slices.Sorted(maps.Keys(x)) {
			list = append(list, x[k])
		}
		v = list
	case []any:
		if len(x) > 0 {
			if _, ok := x[0].(string); ok {
				v, single = []any{x}, true
			}
		}
	}
	list, ok := v.([]any)
	if !ok || len(list) == 0 {
		return nil, false, core.Errorf(core.ErrGraph, key, "got %s, want a list of [layer, call, output]", kindOf(v))
	}
	for i, item := range list {
		parts, ok := item.([]any)
		if ok && len(parts) == 1 { // a list in a list
			parts, ok = parts[0].([]any)
		}
		if !ok || len(parts) < 3 {
			return nil, false, core.Errorf(core.ErrConfigJSON, fmt.Sprintf("%s[%d]", key, i), "got %v, want [layer, call, output]", item)
		}
		name, _ := parts[0].(string)
		nested, isModel := f.layers[name].(*Model)
		// Keras 3 counts the making of a functional model here, though not in inbound_nodes.
		t, err := f.refer(parts, old || isModel && !nested.sequential)
		if err != nil {
			return nil, false, core.In(fmt.Sprintf("%s[%d]", key, i), core.ErrGraph, err)
		}
		ts = append(ts, t)
	}
	return ts, single, nil
}

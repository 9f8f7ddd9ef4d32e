package model

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// This file owns what two models have that differs: settings, weights, training.
//
// Layers of the two are matched by their names, those left over by class, in order. Settings are compared as Keras 3 writes them, with
// every default in place, so that it is no matter which form of file or which generation of Keras a model came from.

// DiffOptions say what is compared, and how.
type DiffOptions struct {
	// Tolerance is by how much two numbers may differ and count as equal: |a-b| <= Tolerance * max(1, |a|, |b|). 0 wants equal bits.
	Tolerance float64
	// NoWeights, NoTraining and NoState leave out what one of the models cannot have: an architecture alone has no weights and no state
	// of an optimizer, and weights alone are not compiled.
	NoWeights, NoTraining, NoState bool
}

// Differences is what Diff finds.
type Differences struct {
	Config   []SettingDifference
	Weights  []WeightPair // all weights, equal ones included
	Training []SettingDifference
	State    []WeightPair // all arrays of the optimizers, equal ones included
}

// SettingDifference is a setting that differs.
type SettingDifference struct {
	Layer string `json:"layer"` // "" for the model itself; "inner/dense" for a layer of a model inside
	Key   string `json:"key"`   // "units", "kernel_initializer.config.seed"; "" for a layer that only one of the models has
	A     any    `json:"a"`
	B     any    `json:"b"`
	Only  string `json:"only,omitempty"` // "a" or "b" where the other has no such layer or setting
}

// WeightPair is a weight of one model and its counterpart in the other.
type WeightPair struct {
	Layer, Name    string
	ShapeA, ShapeB tensor.Shape
	DTypeA, DTypeB string
	Only           string // "a" or "b" where the other has no such weight
	// Largest is the largest |a-b|, Relative the largest |a-b| / max(|a|, |b|), and Count how many numbers differ by more than the
	// tolerance. NaN where a number meets one that is not finite.
	Largest, Relative float64
	Count             int
	Exact             bool // equal bit for bit
	Equal             bool // shape, dtype, and all numbers within the tolerance
}

// Equal reports whether nothing differs.
func (d *Differences) Equal() bool {
	differs := func(p WeightPair) bool { return !p.Equal }
	return len(d.Config) == 0 && len(d.Training) == 0 && !slices.ContainsFunc(d.Weights, differs) && !slices.ContainsFunc(d.State, differs)
}

// Diff compares two models.
func Diff(a, b *Model, o DiffOptions) (*Differences, error) {
	c := &comparison{DiffOptions: o}
	if err := c.models(a, b, ""); err != nil {
		return nil, err
	}
	if !o.NoTraining {
		if err := c.training(a, b); err != nil {
			return nil, err
		}
	}
	return &c.Differences, nil
}

type comparison struct {
	DiffOptions
	Differences
}

// models compares two models that lie at the same place.
func (c *comparison) models(a, b *Model, place string) error {
	configA, err := plainConfig(a)
	if err != nil {
		return err
	}
	configB, err := plainConfig(b)
	if err != nil {
		return err
	}
	class := a.RegistryName() == b.RegistryName()
	if !class {
		c.Config = append(c.Config, SettingDifference{Layer: place, Key: "class_name", A: a.RegistryName(), B: b.RegistryName()})
	}
	layersA, layersB := objectsOf(configA), objectsOf(configB)
	pairs := matched(layersA, layersB)
	names := map[string]string{}
	for _, p := range pairs {
		if p[0] >= 0 && p[1] >= 0 {
			names[layersB[p[1]].name] = layersA[p[0]].name
		}
	}
	for _, p := range pairs {
		switch {
		case p[1] < 0:
			x := layersA[p[0]]
			c.Config = append(c.Config, SettingDifference{Layer: at(place, x.name), A: x.o.Class, Only: "a"})
			c.weights(a.Layer(x.name), nil, at(place, x.name))
		case p[0] < 0:
			x := layersB[p[1]]
			c.Config = append(c.Config, SettingDifference{Layer: at(place, x.name), B: x.o.Class, Only: "b"})
			c.weights(nil, b.Layer(x.name), at(place, x.name))
		default:
			if err := c.layers(a, b, layersA[p[0]], layersB[p[1]], place, class, names); err != nil {
				return err
			}
		}
	}
	for _, key := range []string{"layers", "name", "build_input_shape"} {
		delete(configA, key)
		delete(configB, key)
	}
	if class {
		c.settings(place, "", settled(configA, nil), settled(configB, names))
	}
	return nil
}

// at is the place of a layer in a model that lies at a place.
func at(place, name string) string { return strings.TrimPrefix(place+"/"+name, "/") }

// layers compares two layers that have been matched.
func (c *comparison) layers(a, b *Model, x, y listed, place string, calls bool, names map[string]string) error {
	where := at(place, x.name)
	if x.name != y.name {
		c.Config = append(c.Config, SettingDifference{Layer: where, Key: "name", A: x.name, B: y.name})
	}
	if calls {
		c.settings(where, "inbound_nodes", settled(x.o.Raw["inbound_nodes"], nil), settled(y.o.Raw["inbound_nodes"], names))
	}
	la, lb := a.Layer(x.name), b.Layer(y.name)
	if ma, ok := la.(*Model); ok {
		if mb, ok := lb.(*Model); ok {
			return c.models(ma, mb, where)
		}
	}
	if x.o.Class != y.o.Class {
		c.Config = append(c.Config, SettingDifference{Layer: where, Key: "class_name", A: x.o.Class, B: y.o.Class})
	} else {
		configA, configB := maps.Clone(x.o.Config), maps.Clone(y.o.Config)
		delete(configA, "name") // it has been compared
		delete(configB, "name")
		c.settings(where, "", settled(configA, nil), settled(configB, nil))
	}
	c.weights(la, lb, where)
	return nil
}

// plainConfig is the config of a model with nothing but what JSON has.
func plainConfig(m *Model) (core.Config, error) {
	o, err := m.Config(core.Keras3)
	if err != nil {
		return nil, err
	}
	text, err := core.FormatJSON(o["config"])
	if err != nil {
		return nil, err
	}
	v, err := core.ParseJSON(text)
	config, _ := v.(map[string]any)
	return config, err
}

// listed is a layer in the config of a model.
type listed struct {
	name string
	o    registry.Object
}

func objectsOf(config core.Config) []listed {
	var out []listed
	items, _ := config["layers"].([]any)
	for _, v := range items {
		o, _ := registry.ObjectOf(v)
		name, _ := o.Config["name"].(string)
		if named, ok := o.Raw["name"].(string); ok {
			name = named
		}
		out = append(out, listed{name, o})
	}
	return out
}

// matched pairs the layers of two models by their indices, -1 for none: in the order of the first model, then what is left of the second.
func matched(a, b []listed) [][2]int {
	of := make([]int, len(a))
	taken := make([]bool, len(b))
	match := func(same func(x, y listed) bool) {
		for i, x := range a {
			if of[i] > 0 {
				continue
			}
			for j, y := range b {
				if !taken[j] && same(x, y) {
					of[i], taken[j] = j+1, true
					break
				}
			}
		}
	}
	match(func(x, y listed) bool { return x.name == y.name })
	match(func(x, y listed) bool { return x.o.Class == y.o.Class })
	var pairs [][2]int
	for i := range a {
		pairs = append(pairs, [2]int{i, of[i] - 1})
	}
	for j := range b {
		if !taken[j] {
			pairs = append(pairs, [2]int{-1, j})
		}
	}
	return pairs
}

// settled is a value of a config in a form that is easy to compare and to read: without the module of objects, tensors as
// "layer[call][output]" under the names that matched layers have in the first model.
func settled(v any, names map[string]string) any {
	reference := func(parts []any) (string, bool) {
		if len(parts) != 3 {
			return "", false
		}
		name, ok := parts[0].(string)
		_, call := parts[1].(float64)
		_, output := parts[2].(float64)
		if !ok || !call || !output {
			return "", false
		}
		return fmt.Sprintf("%s[%v][%v]", cmp.Or(names[name], name), parts[1], parts[2]), true
	}
	switch v := v.(type) {
	case []any:
		if s, ok := reference(v); ok {
			return s
		}
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = settled(x, names)
		}
		return out
	case map[string]any:
		if v["class_name"] == "__keras_tensor__" {
			config, _ := v["config"].(map[string]any)
			history, _ := config["keras_history"].([]any)
			if s, ok := reference(history); ok {
				return s
			}
		}
		out := map[string]any{}
		for key, x := range v {
			if _, isObject := v["class_name"]; isObject && (key == "module" || key == "registered_name" || key == "build_config") {
				continue
			}
			out[key] = settled(x, names)
		}
		return out
	}
	return v
}

// settings compares two values and what is in them.
func (c *comparison) settings(layer, key string, a, b any) {
	c.Config = append(c.Config, compared(layer, key, a, b)...)
}

func compared(layer, key string, a, b any) []SettingDifference {
	x, isObjectA := a.(map[string]any)
	y, isObjectB := b.(map[string]any)
	if isObjectA && isObjectB && x["class_name"] == y["class_name"] {
		var found []SettingDifference
		keys := maps.Clone(x)
		maps.Copy(keys, y)
		for _, k := range slices.Sorted(maps.Keys(keys)) {
			v, inA := x[k]
			w, inB := y[k]
			below := strings.TrimPrefix(key+"."+k, ".")
			switch {
			case !inA:
				found = append(found, SettingDifference{Layer: layer, Key: below, B: w, Only: "b"})
			case !inB:
				found = append(found, SettingDifference{Layer: layer, Key: below, A: v, Only: "a"})
			default:
				found = append(found, compared(layer, below, v, w)...)
			}
		}
		return found
	}
	if sameSetting(a, b) {
		return nil
	}
	return []SettingDifference{{Layer: layer, Key: key, A: a, B: b}}
}

// sameSetting compares numbers as float32, in which they are computed: some files keep a learning rate so, and others as text.
func sameSetting(a, b any) bool {
	switch a := a.(type) {
	case float64:
		b, ok := b.(float64)
		return ok && (a == b || float32(a) == float32(b))
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !sameSetting(a[i], b[i]) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(a, b)
}

// weights compares the weights of two layers; either may be nil.
func (c *comparison) weights(a, b core.Layer, layer string) {
	if c.NoWeights {
		return
	}
	c.Weights = append(c.Weights, c.pairs(layer, ownNames(a), ownNames(b))...)
}

type namedWeight struct {
	name string
	*core.Weight
}

// ownNames are the weights of a layer in the order of files, by their names inside of it.
func ownNames(l core.Layer) []namedWeight {
	if l == nil {
		return nil
	}
	t, f := core.Weights(l)
	var out []namedWeight
	inside := l.Common().Name + "/"
	for _, w := range append(t, f...) {
		name := w.Name
		if at := strings.LastIndex("/"+name, "/"+inside); at >= 0 {
			name = name[at+len(inside):]
		}
		out = append(out, namedWeight{name, w})
	}
	return out
}

// pairs compares two lists of weights: by name, or in order where as many have other names, such as those that Keras numbers.
func (c *comparison) pairs(layer string, a, b []namedWeight) []WeightPair {
	find := func(list []namedWeight, name string) int {
		return slices.IndexFunc(list, func(w namedWeight) bool { return w.name == name })
	}
	inOrder := len(a) == len(b)
	var out []WeightPair
	taken := map[int]bool{}
	for i, w := range a {
		j := i
		if !inOrder {
			j = find(b, w.name)
		}
		if j < 0 || taken[j] {
			out = append(out, WeightPair{Layer: layer, Name: w.name, ShapeA: w.Shape, DTypeA: w.DType, Only: "a"})
			continue
		}
		taken[j] = true
		out = append(out, c.pair(layer, w, b[j]))
	}
	for j, w := range b {
		if !taken[j] {
			out = append(out, WeightPair{Layer: layer, Name: w.name, ShapeB: w.Shape, DTypeB: w.DType, Only: "b"})
		}
	}
	return out
}

// pair compares two weights number by number.
func (c *comparison) pair(layer string, a, b namedWeight) WeightPair {
	p := WeightPair{Layer: layer, Name: a.name, ShapeA: a.Shape, ShapeB: b.Shape, DTypeA: a.DType, DTypeB: b.DType}
	if !a.Shape.Equal(b.Shape) {
		return p
	}
	p.Exact = true
	x, y := a.Data(), b.Data()
	for i := range x {
		if math.Float32bits(x[i]) == math.Float32bits(y[i]) {
			continue
		}
		p.Exact = false
		v, w := float64(x[i]), float64(y[i])
		if v == w { // 0 and -0
			if c.Tolerance == 0 {
				p.Count++
			}
			continue
		}
		if math.IsNaN(v) && math.IsNaN(w) {
			continue
		}
		d, scale := math.Abs(v-w), max(math.Abs(v), math.Abs(w))
		if math.IsInf(scale, 0) {
			d = math.NaN()
		}
		p.Largest, p.Relative = max(p.Largest, d), max(p.Relative, d/scale) // max of NaN is NaN
		if !(d <= c.Tolerance*max(1, scale)) {
			p.Count++
		}
	}
	p.Equal = p.Count == 0 && a.DType == b.DType
	return p
}

// training compares what two models are compiled with, and the state of their optimizers.
func (c *comparison) training(a, b *Model) error {
	differ := func(key string, x, y any) { c.Training = append(c.Training, compared("", key, x, y)...) }
	if a.Compiled() != b.Compiled() {
		differ("compiled", a.Compiled(), b.Compiled())
		return nil
	}
	if !a.Compiled() {
		return nil
	}
	x, err := a.compileConfig()
	if err != nil {
		return err
	}
	y, err := b.compileConfig()
	if err != nil {
		return err
	}
	c.Training = append(c.Training, compared("", "", x, y)...)
	if c.NoState {
		return nil
	}
	p, q := a.Optimizer(), b.Optimizer()
	differ("iterations", float64(p.Common().Iterations), float64(q.Common().Iterations))
	if p.Common().Built() != q.Common().Built() {
		words := map[bool]string{false: "not started", true: "arrays"}
		differ("optimizer state", words[p.Common().Built()], words[q.Common().Built()])
		return nil
	}
	c.State = c.pairs("optimizer", slotNames(p), slotNames(q))
	return nil
}

func slotNames(o core.Optimizer) []namedWeight {
	var out []namedWeight
	for _, w := range core.OptimizerSlots(o) {
		out = append(out, namedWeight{w.Name, w})
	}
	return out
}

// compileConfig is what a model is compiled with, with every default in place and one loss and one list of metrics for each output.
func (m *Model) compileConfig() (map[string]any, error) {
	o := m.compiled.options
	e, d := m.registry.Encoder(core.Keras3), m.decoder()
	optimizer, err := e.Optimizer(m.compiled.optimizer)
	if err != nil {
		return nil, err
	}
	out := map[string]any{"optimizer": optimizer}
	for _, x := range []struct {
		key    string
		v      any
		isList bool
		encode func(v any) (any, error)
	}{
		{"loss", o.Loss, false, func(v any) (any, error) {
			l, err := d.Loss(v)
			if err != nil {
				return v, nil // a name that only the shapes of targets give a meaning
			}
			return e.Loss(l)
		}},
		{"loss_weights", o.LossWeights, false, func(v any) (any, error) { return v, nil }},
		{"metrics", o.Metrics, true, m.metricConfig},
		{"weighted_metrics", o.WeightedMetrics, true, m.metricConfig},
	} {
		each, err := m.perOutput(x.key, list(x.v), x.isList)
		if err != nil {
			return nil, err
		}
		for i, v := range each {
			if each[i], err = encodeEach(list(v), x.encode); err != nil {
				return nil, core.In(x.key, core.ErrLayerConfig, err)
			}
			if each[i] == nil && x.isList {
				each[i] = []any{}
			}
		}
		out[x.key] = each
	}
	text, err := core.FormatJSON(out)
	if err != nil {
		return nil, err
	}
	v, err := core.ParseJSON(text)
	settledConfig, _ := settled(v, nil).(map[string]any)
	return settledConfig, err
}

func encodeEach(v any, encode func(v any) (any, error)) (any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			var err error
			if out[i], err = encodeEach(x, encode); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return encode(v)
}

// metricConfig is a metric as an object; "accuracy" stays a name, as it means another metric for each sort of output.
func (m *Model) metricConfig(v any) (any, error) {
	name, isName := v.(string)
	switch name {
	case "acc":
		return "accuracy", nil
	case "ce":
		return "crossentropy", nil
	case "accuracy", "crossentropy":
		return name, nil
	}
	x, err := m.decoder().Metric(v)
	if err != nil {
		return v, nil // a loss that serves as a metric
	}
	if isName {
		x.Common().Name = name
	}
	return m.registry.Encoder(core.Keras3).Metric(x)
}

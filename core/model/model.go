// Package model is Keras' models: layers in a row (NewSequential) or in a graph (NewInput, Apply, New), which are compiled, fitted,
// evaluated and asked for predictions. A model is a layer itself, so models nest.
package model

import (
	"fmt"
	"maps"
	"slices"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// Model is a network. It is not for use by several goroutines at a time.
type Model struct {
	core.Base
	registry   *registry.Registry
	sequential bool
	layers     []core.Layer // in Keras' order, those that stand for inputs included
	inFiles    []core.Layer // in the order of old files, if that is another one
	nodes      []*node      // the calls of layers in the order of computation
	inputs     []*Tensor
	outputs    []*Tensor
	// The only input or output was given by itself, not as a list of one.
	singleInput, singleOutput bool
	origin                    Origin
	hints                     map[core.Layer]tensor.Shape // of inputs of layers, as the file says; see missing.go

	compiled *compiled
	programs map[string]*program
	seed     uint64
}

// Origin says where a model was loaded from; it is zero for models made in Go.
type Origin struct {
	File         string
	Format       string
	KerasVersion string
	Backend      string
}

// node is one call of a layer.
type node struct {
	layer  core.Layer
	index  int            // which call of the layer in this model it is
	args   []any          // what Keras was called with: *Tensor, lists of them, constants
	kwargs map[string]any // likewise
	inert  map[string]any // kwargs that files hold and that mean nothing
	config core.Config    // of a written call: arguments that Keras 3 keeps in the layer
	inputs []*Tensor      // the tensors among args, in order
	// unmasked are the inputs whose masks the call does not see, see branches.go.
	unmasked []bool
	outputs  []*Tensor
	depth    int
	err      error
}

// Tensor is a result of a layer in a model that is being described: what Apply takes and gives.
type Tensor struct {
	node   *node
	index  int
	shape  tensor.Shape
	dtype  string         // what a file calls it; "" for float32
	static *tensor.Tensor // its numbers, where they depend on shapes alone; NaN for what the batch decides
	hint   tensor.Shape   // what the file says that the shape is, for what a missing layer gives
}

// Shape is the shape once the model is made, with the batch Unknown; nil before.
func (t *Tensor) Shape() tensor.Shape { return t.shape }

// Layer is the layer that computes the tensor.
func (t *Tensor) Layer() core.Layer { return t.node.layer }

// inputSource is a layer that stands for an input.
type inputSource interface{ InputShape() tensor.Shape }

// NewInput starts a graph: an input of samples of the given shape, without the batch; Unknown (-1) is a size that varies.
func NewInput(shape ...int) *Tensor { return NamedInput("", shape...) }

// NamedInput is NewInput with a name of the input, under which data is looked for.
func NamedInput(name string, shape ...int) *Tensor {
	l, err := inputLayer(registry.Default, name, append(tensor.Shape{tensor.Unknown}, shape...))
	n := &node{layer: l, err: err}
	return n.output(0)
}

func inputLayer(r *registry.Registry, name string, shape tensor.Shape) (core.Layer, error) {
	return r.Decoder(registry.Origin{}).LayerOf(registry.Object{Class: "InputLayer",
		Config: core.Config{"batch_shape": registry.ShapeConfig(shape), "dtype": "float32"}}, name)
}

func (n *node) output(i int) *Tensor {
	for len(n.outputs) <= i {
		n.outputs = append(n.outputs, &Tensor{node: n, index: len(n.outputs)})
	}
	return n.outputs[i]
}

// Apply calls a layer on one tensor, or on several where the layer takes a list, and gives its first output. A layer that is applied
// twice is shared: both calls use the same weights. Mistakes are reported by New.
func Apply(l core.Layer, inputs ...*Tensor) *Tensor { return ApplyWith(l, nil, inputs...) }

// Outputs are further outputs of the call that gave t: states of a recurrent layer, say.
func (t *Tensor) Outputs(n int) []*Tensor {
	t.node.output(n - 1)
	return t.node.outputs[:n]
}

// ApplyWith is Apply with further arguments by Keras' names, such as "initial_state": tensors, lists of tensors, or values.
func ApplyWith(l core.Layer, kwargs map[string]any, inputs ...*Tensor) *Tensor {
	n := &node{layer: l, kwargs: kwargs, inputs: inputs}
	list := make([]any, len(inputs))
	for i, t := range inputs {
		list[i] = t
	}
	if _, ok := l.(core.SideBySide); ok || len(inputs) == 1 {
		n.args = list
	} else {
		n.args = []any{list}
	}
	n.err = core.In(l.Common().Place(), core.ErrGraph, n.findInputs())
	return n.output(0)
}

// NewSequential makes a model of layers one after the other. The first one may say what its input is, with input_shape in its
// settings; otherwise the model is built when it sees data.
func NewSequential(layers ...core.Layer) (*Model, error) {
	m := newModel(registry.Default, true)
	for _, l := range layers {
		if err := m.Add(l); err != nil {
			return nil, err
		}
	}
	return m, m.buildFromShape()
}

// New makes a model of a graph: what leads from inputs to outputs.
func New(inputs, outputs []*Tensor, name ...string) (*Model, error) {
	m := newModel(registry.Default, false)
	if len(name) > 0 {
		m.Name = name[0]
	}
	m.inputs, m.outputs = inputs, outputs
	if err := m.connect(); err != nil {
		return nil, core.In(m.Place(), core.ErrGraph, err)
	}
	return m, nil
}

func newModel(r *registry.Registry, sequential bool) *Model {
	m := &Model{registry: r, sequential: sequential, programs: map[string]*program{}, seed: 1}
	m.Name = "functional"
	if sequential {
		m.Name = "sequential"
	}
	m.SetClass(m.RegistryName())
	return m
}

// RegistryName is the Keras class of the model.
func (m *Model) RegistryName() string {
	if m.sequential {
		return "Sequential"
	}
	return "Functional"
}

func init() {
	registry.Default.Layers.MustAdd(registry.Entry[core.Layer]{Name: "Sequential", Module: "keras",
		New: func() core.Layer { return newModel(registry.Default, true) }})
	registry.Default.Layers.MustAdd(registry.Entry[core.Layer]{Name: "Functional", Aliases: []string{"Model"}, Legacy: "Model", Module: "keras.src.models.functional", Registered: "Functional",
		New: func() core.Layer { return newModel(registry.Default, false) }})
}

// Add appends a layer to a Sequential model that has not been built.
func (m *Model) Add(l core.Layer) error {
	if !m.sequential || m.Built() {
		return core.Errorf(core.ErrUsage, m.Place(), "layers can be added to a Sequential model only, before it is built")
	}
	b := l.Common()
	if err := b.Err(); err != nil {
		return core.In(m.Place(), core.ErrLayerConfig, err)
	}
	if len(m.layers) == 0 && b.Shape != nil {
		if _, ok := l.(inputSource); !ok {
			in, err := inputLayer(m.registry, "", b.Shape)
			if err != nil {
				return err
			}
			m.layers = append(m.layers, in)
		}
	}
	m.layers = append(m.layers, l)
	return nil
}

// buildFromShape builds a Sequential model whose first layer says what the input is.
func (m *Model) buildFromShape() error {
	if len(m.layers) == 0 {
		return nil
	}
	if in, ok := m.layers[0].(inputSource); ok {
		return m.BuildFor(in.InputShape())
	}
	if inner, ok := m.layers[0].(*Model); ok && inner.Built() {
		return m.BuildFor(inner.inputs[0].shape)
	}
	return nil
}

// BuildFor builds the model for inputs of these shapes, with the batch Unknown. A model that knows its inputs is built already.
func (m *Model) BuildFor(inputs ...tensor.Shape) error {
	if m.Built() {
		return nil
	}
	return core.Build(m, inputs)
}

// Build connects and builds the layers.
func (m *Model) Build(b *core.Builder, inputs []tensor.Shape) error {
	if m.nodes == nil {
		if err := m.connectInRow(inputs); err != nil {
			return err
		}
	}
	if len(inputs) != len(m.inputs) {
		return core.Errorf(core.ErrGraph, "", "got %d inputs, want %d", len(inputs), len(m.inputs))
	}
	m.nameLayers()
	for i, t := range m.inputs {
		t.shape = inputs[i].Clone()
	}
	for _, n := range m.nodes {
		if err := m.buildOrKeep(b, n); err != nil {
			return err
		}
	}
	// Keras' order of weights is that of the layers, not that of the calls.
	for _, l := range m.layers {
		if err := b.Child("", l); err != nil {
			return err
		}
	}
	return nil
}

// connectInRow makes the nodes of a Sequential model.
func (m *Model) connectInRow(inputs []tensor.Shape) error {
	if len(inputs) != 1 {
		return core.Errorf(core.ErrGraph, "", "got %d inputs, want 1", len(inputs))
	}
	if len(m.layers) == 0 {
		return core.Errorf(core.ErrGraph, "", "a Sequential model without layers")
	}
	rest := m.layers
	first, ok := m.layers[0].(inputSource)
	if !ok {
		in, err := inputLayer(m.registry, "", inputs[0])
		if err != nil {
			return err
		}
		m.layers = append([]core.Layer{in}, m.layers...)
	} else {
		rest = rest[1:]
		if !first.InputShape().Matches(inputs[0]) && !inputs[0].Matches(first.InputShape()) {
			return core.Errorf(core.ErrShapeMismatch, "input", "got shape %v, want %v", inputs[0], first.InputShape())
		}
	}
	n := &node{layer: m.layers[0]}
	x := n.output(0)
	m.nodes, m.inputs = []*node{n}, []*Tensor{x}
	calls := map[core.Layer]int{}
	for _, l := range rest {
		x.hint = m.hints[l]
		n := &node{layer: l, inputs: []*Tensor{x}, args: []any{x}, index: calls[l]}
		calls[l]++
		m.nodes = append(m.nodes, n)
		x = n.output(0)
	}
	m.outputs = []*Tensor{x}
	return nil
}

// nameLayers gives names to the layers that have none: dense, dense_1, ...
func (m *Model) nameLayers() {
	taken := map[string]bool{}
	for _, l := range m.layers {
		taken[l.Common().Name] = true
	}
	count := map[string]int{}
	for _, l := range m.layers {
		b := l.Common()
		if b.Name != "" {
			continue
		}
		base := registry.SnakeCase(b.Class())
		for b.Name == "" || taken[b.Name] {
			b.Name = base
			if n := count[base]; n > 0 {
				b.Name = fmt.Sprintf("%s_%d", base, n)
			}
			count[base]++
		}
		taken[b.Name] = true
	}
}

// buildNode builds a layer at its first call and finds the shapes of the call's outputs.
func (m *Model) buildNode(b *core.Builder, n *node) error {
	if len(n.args) == 0 && len(n.inputs) == 0 {
		if n.outputs[0].shape == nil {
			n.outputs[0].shape = n.layer.(inputSource).InputShape()
		}
		return core.Build(n.layer, []tensor.Shape{n.outputs[0].shape})
	}
	shapes := make([]tensor.Shape, len(n.inputs))
	for i, t := range n.inputs {
		shapes[i] = t.shape
	}
	if err := b.Prepare(n.layer, m.sequential, shapes); err != nil {
		return err
	}
	g := graph.New()
	v := &values{g: g, of: map[*Tensor]graph.Value{}, masks: map[*Tensor]graph.Value{}}
	n.eachInput(func(t *Tensor) { v.of[t] = t.placeholder(g) })
	r, err := v.call(n, core.NewCall(g, false, core.NewShared()))
	if err != nil {
		return err
	}
	if len(n.outputs) > len(r.Values) {
		return core.Errorf(core.ErrGraph, n.layer.Common().Place(), "has %d outputs, output %d is used", len(r.Values), len(n.outputs)-1)
	}
	for i, out := range r.Values {
		n.output(i).shape = out.Shape()
	}
	n.keepStatic(r.Values)
	return nil
}

// eachInput visits every tensor among the arguments.
func (n *node) eachInput(f func(t *Tensor)) {
	for _, a := range n.args {
		eachTensor(a, f)
	}
	for _, key := range slices.Sorted(maps.Keys(n.kwargs)) {
		eachTensor(n.kwargs[key], f)
	}
}

// findInputs puts the inputs of a call in order where the layer takes them side by side, by place or by name.
func (n *node) findInputs() error {
	l, ok := n.layer.(core.SideBySide)
	if !ok {
		return nil
	}
	names, count := l.CallArguments()
	if len(n.args) > len(names) {
		return core.Errorf(core.ErrGraph, "", "called with %d arguments, want at most %d", len(n.args), len(names))
	}
	n.inputs = nil
	for i, name := range names[:count] {
		v := n.kwargs[name]
		if i < len(n.args) {
			v = n.args[i]
		}
		t, ok := v.(*Tensor)
		switch {
		case ok && len(n.inputs) == i:
			n.inputs = append(n.inputs, t)
		case ok:
			return core.Errorf(core.ErrGraph, "", "called with %s and without %s", name, names[len(n.inputs)])
		case v != nil:
			return core.Errorf(core.ErrGraph, name, "got %s, want a tensor", kindOf(v))
		}
	}
	return nil
}

func eachTensor(v any, f func(t *Tensor)) {
	switch v := v.(type) {
	case *Tensor:
		f(v)
	case []*Tensor:
		for _, t := range v {
			f(t)
		}
	case []any:
		for _, x := range v {
			eachTensor(x, f)
		}
	case map[string]any:
		for _, x := range v {
			eachTensor(x, f)
		}
	}
}

// Layers are the layers in Keras' order, those that stand for inputs included.
func (m *Model) Layers() []core.Layer { return m.layers }

// Layer finds a layer by name; nil if there is none.
func (m *Model) Layer(name string) core.Layer {
	for _, l := range m.layers {
		if l.Common().Name == name {
			return l
		}
	}
	return nil
}

// Sequential reports whether the model is layers in a row.
func (m *Model) Sequential() bool { return m.sequential }

// Registry is where the model's objects come from.
func (m *Model) Registry() *registry.Registry { return m.registry }

// Origin says where the model was loaded from.
func (m *Model) Origin() Origin { return m.origin }

// SetOrigin is for what loads models.
func (m *Model) SetOrigin(o Origin) { m.origin = o }

// Inputs are the inputs of a model that has been built.
func (m *Model) Inputs() []*Tensor { return m.inputs }

// Outputs are the outputs of a model that has been built.
func (m *Model) Outputs() []*Tensor { return m.outputs }

// InputNames are the names of the input layers.
func (m *Model) InputNames() []string { return namesOf(m.inputs) }

// OutputNames are the names of the layers that give the outputs.
func (m *Model) OutputNames() []string { return namesOf(m.outputs) }

func namesOf(ts []*Tensor) []string {
	names := make([]string, len(ts))
	for i, t := range ts {
		names[i] = t.node.layer.Common().Name
		for n := 1; slices.Contains(names[:i], names[i]); n++ {
			names[i] = fmt.Sprintf("%s_%d", t.node.layer.Common().Name, n)
		}
	}
	return names
}

// AllWeights are all weights of the model: layer by layer, those of a layer that are trained first: the order of files.
func (m *Model) AllWeights() []*core.Weight {
	var all []*core.Weight
	seen := map[*core.Weight]bool{}
	for _, l := range m.layers {
		t, f := core.Weights(l)
		for _, w := range append(t, f...) {
			if !seen[w] {
				seen[w] = true
				all = append(all, w)
			}
		}
	}
	return all
}

// ResetStates sets what stateful layers keep from batch to batch to 0.
func (m *Model) ResetStates() {
	for _, w := range core.LayerStates(m) {
		clear(w.Data())
	}
}

// TrainableWeights are the weights that training changes.
func (m *Model) TrainableWeights() []*core.Weight {
	t, _ := core.Weights(m)
	return t
}

// SetSeed fixes the random numbers of initial weights, shuffling and dropout.
func (m *Model) SetSeed(seed uint64) { m.seed = seed }

// ParameterCount is the number of numbers in all weights, and how many of them are trained.
func (m *Model) ParameterCount() (all, trained int) {
	for _, w := range m.AllWeights() {
		all += w.Shape.Size()
	}
	for _, w := range m.TrainableWeights() {
		trained += w.Shape.Size()
	}
	return all, trained
}

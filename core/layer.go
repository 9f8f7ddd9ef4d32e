package core

import (
	"fmt"
	"slices"

	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns the contract of layers: what they declare when they are built and what they write when they are called.

// Layer is a layer as Keras has them. Its exported, JSON-tagged fields are its Keras config; Base, which every layer embeds, has those
// that all layers share.
type Layer interface {
	// Build checks the shapes of the inputs, whose batch is Unknown, and declares the weights. It is called once, before the first call.
	Build(b *Builder, inputs []tensor.Shape) error
	// Call writes the operations that compute the outputs. It is called with Unknown sizes to find shapes, and with known ones to
	// run; each use of a shared layer is a call. Mistakes go to c.Graph.Fail.
	Call(c *Call, inputs []graph.Value) []graph.Value
	// Common is the embedded Base.
	Common() *Base
}

// SideBySide is a layer whose call takes several tensors as arguments of their own, layer(query, value), not as a list.
type SideBySide interface {
	Layer
	// CallArguments are the names of the arguments of Keras' call in their order. The first inputs of them are the inputs of Build and
	// Call, of which the last may be left out; the others reach Call as Arg and Setting.
	CallArguments() (names []string, inputs int)
}

// Borrower is a layer that Keras has hold weights of a layer inside of it as its own, too: .weights.h5 files have them in both places, here
// before those that the layer declared itself.
type Borrower interface {
	Layer
	Borrowed() []*Weight
}

// Base is what all layers have in their config, and their weights. The zero Base is ready for use.
type Base struct {
	Name      string      `json:"name"`
	Trainable Flag        `json:"trainable"`
	DType     DTypePolicy `json:"dtype"`
	// ActivityRegularizer is a penalty on the output, added to the loss.
	ActivityRegularizer Regularizer  `json:"activity_regularizer" keras:"omitnull"`
	Shape               tensor.Shape `json:"-"` // batch_input_shape of a first layer, or nil

	class    string
	err      error
	built    bool
	kept     bool
	weights  []*Weight
	states   []*Weight
	children []Child
}

// Common is b itself.
func (b *Base) Common() *Base { return b }

// Class is the class name under which the registry made the layer.
func (b *Base) Class() string { return b.class }

// SetClass is for the registry.
func (b *Base) SetClass(name string) { b.class = name }

// Fail records a mistake in the layer's config, which is reported when it is built.
func (b *Base) Fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

// Err is the first mistake recorded by Fail, with the layer's name.
func (b *Base) Err() error { return In(b.Place(), ErrLayerConfig, b.err) }

// Built reports whether the layer has been built.
func (b *Base) Built() bool { return b.built }

// Keep gives the weights that a file has to a layer that cannot be built, because nobody knows what it computes or what it is given.
func (b *Base) Keep(weights ...*Weight) {
	b.weights, b.children, b.built, b.kept = weights, nil, true, true
}

// Kept reports whether the weights of the layer are from Keep.
func (b *Base) Kept() bool { return b.kept }

// Weights are the layer's own weights in the order of declaration, without those of its children.
func (b *Base) Weights() []*Weight { return b.weights }

// Children are the layers inside of this one, in the order in which they were built.
func (b *Base) Children() []Child { return b.children }

// Place names the layer in errors: `layer "dense_1" (Dense)`.
func (b *Base) Place() string {
	if b.class == "" {
		return fmt.Sprintf("layer %q", b.Name)
	}
	return fmt.Sprintf("layer %q (%s)", b.Name, b.class)
}

// Child is a layer inside of another one.
type Child struct {
	Attr  string // the attribute of the Keras class that holds it: "forward_layer", "layer", "cell"
	Layer Layer
}

// Builder is where a layer declares what it holds.
type Builder struct {
	base *Base
	path string
}

// Build builds a layer for inputs of these shapes, once; later calls do nothing.
func Build(l Layer, inputs []tensor.Shape) error { return build(l, "", inputs) }

func build(l Layer, path string, inputs []tensor.Shape) error {
	b := l.Common()
	if b.built {
		return nil
	}
	if b.err != nil {
		return b.Err()
	}
	if path != "" {
		path += "/"
	}
	if err := l.Build(&Builder{base: b, path: path + b.Name}, inputs); err != nil {
		return In(b.Place(), ErrLayerConfig, err)
	}
	if b.err != nil {
		return In(b.Place(), ErrLayerConfig, b.err)
	}
	b.built = true
	return nil
}

// Weight declares a weight. Order matters: files hold weights in the order of declaration, trainable ones first.
func (b *Builder) Weight(s WeightSpec) *Weight {
	if c, ok := s.Initializer.(ShapeChecker); ok {
		if err := c.CheckShape(s.Shape); err != nil {
			b.base.Fail(In("initializer of "+s.Name, ErrLayerConfig, err))
		}
	}
	s.Name = b.path + "/" + s.Name
	w := NewWeight(s)
	b.base.weights = append(b.base.weights, w)
	return w
}

// State declares what the layer keeps from run to run and no file holds, such as the last states of a stateful recurrent layer.
func (b *Builder) State(s WeightSpec) *Weight {
	s.Name, s.State = b.path+"/"+s.Name, true
	w := NewWeight(s)
	b.base.states = append(b.base.states, w)
	return w
}

// Child declares and builds a layer inside of this one. The error names it.
func (b *Builder) Child(attr string, l Layer, inputs ...tensor.Shape) error {
	b.base.children = append(b.base.children, Child{attr, l})
	return build(l, b.path, inputs)
}

// Prepare builds a layer, under the name of this one if nested, without declaring it as a child yet: for models, which build layers in
// the order of computation and declare them in Keras' order.
func (b *Builder) Prepare(l Layer, nested bool, inputs []tensor.Shape) error {
	if !nested {
		return Build(l, inputs)
	}
	return build(l, b.path, inputs)
}

// Weights are all weights of a layer and the layers inside of it: those that are trained, and the others, each in Keras' order. A layer
// that is not trainable makes everything inside of it not trainable.
func Weights(l Layer) (trainable, fixed []*Weight) {
	b := l.Common()
	var t, f []*Weight
	for _, w := range b.weights {
		if w.Trainable {
			t = append(t, w)
		} else {
			f = append(f, w)
		}
	}
	for _, c := range b.children {
		ct, cf := Weights(c.Layer)
		t, f = append(t, ct...), append(f, cf...)
	}
	if !b.Trainable.On() {
		return nil, append(t, f...)
	}
	return t, f
}

// LayerStates is everything that a layer and the layers inside of it declared by State.
func LayerStates(l Layer) []*Weight {
	b := l.Common()
	states := slices.Clone(b.states)
	for _, c := range b.children {
		states = append(states, LayerStates(c.Layer)...)
	}
	return states
}

// Call is one use of a layer in a graph.
type Call struct {
	Graph    *graph.Graph
	Training bool

	masks   []graph.Value  // of the inputs
	args    map[string]any // further arguments: graph.Value, []graph.Value, or what the config holds
	outMask map[int]graph.Value
	noMask  bool
	shared  *Shared
}

// Shared is what all calls in one graph have in common.
type Shared struct {
	Losses  []graph.Value           // what layers add to the loss
	Updates map[*Weight]graph.Value // the new values of states
	Order   []*Weight               // the keys of Updates in the order of their first update
}

// NewShared is for a new graph.
func NewShared() *Shared {
	return &Shared{Updates: map[*Weight]graph.Value{}}
}

// Result is what a call of a layer gives. Masks are "none" where there is none.
type Result struct {
	Values []graph.Value
	Masks  []graph.Value
}

// NewCall is the outermost call in a graph.
func NewCall(g *graph.Graph, training bool, s *Shared) *Call {
	return &Call{Graph: g, Training: training, shared: s}
}

// WithTraining is the same call with training on or off.
func (c *Call) WithTraining(on bool) *Call {
	d := *c
	d.Training = on
	return &d
}

// Do calls a layer that has been built from inside of this call.
func (c *Call) Do(l Layer, inputs, masks []graph.Value, args map[string]any) (Result, error) {
	return Apply(l, c.Graph, c.Training, c.shared, inputs, masks, args)
}

// Apply calls a layer that has been built: it runs Call under the layer's name, passes masks on as Keras does, and turns mistakes into
// errors that name the layer. masks and args may be nil.
func Apply(l Layer, g *graph.Graph, training bool, s *Shared, inputs, masks []graph.Value, args map[string]any) (Result, error) {
	b := l.Common()
	if err := g.Err(); err != nil {
		return Result{}, err
	}
	if len(masks) < len(inputs) {
		masks = append(masks[:len(masks):len(masks)], make([]graph.Value, len(inputs)-len(masks))...)
	}
	c := &Call{Graph: g, Training: training, masks: masks, args: args, outMask: map[int]graph.Value{}, shared: s}
	before := g.Scope(b.Name)
	values := l.Call(c, inputs)
	g.Scope(before)
	if err := g.Err(); err != nil {
		return Result{}, In(b.Place(), ErrShapeMismatch, err)
	}
	r := Result{Values: values, Masks: make([]graph.Value, len(values))}
	for i := range values {
		switch m, ok := c.outMask[i]; {
		case ok:
			r.Masks[i] = m
		case !c.noMask && i < len(masks):
			r.Masks[i] = masks[i] // Keras' default: a mask passes through
		}
	}
	if b.ActivityRegularizer != nil {
		for _, v := range values {
			c.AddActivityLoss(b.ActivityRegularizer.Penalty(g, v), v)
		}
	}
	return r, nil
}

// Read is the value of a weight: that from before the run, or the one that Update gave it in this graph.
func (c *Call) Read(w *Weight) graph.Value { return NewStates(c.Graph, c.shared).Get(w) }

// Update gives a state its value for the next run.
func (c *Call) Update(w *Weight, v graph.Value) { c.shared.update(w, v) }

func (s *Shared) update(w *Weight, v graph.Value) {
	if _, ok := s.Updates[w]; !ok {
		s.Order = append(s.Order, w)
	}
	s.Updates[w] = v
}

// Assign writes the updates into the graph: from then on they take effect when a run ends.
func (s *Shared) Assign(g *graph.Graph) {
	for _, w := range s.Order {
		g.Assign(&w.Variable, s.Updates[w])
	}
}

// AddLoss adds a scalar to the loss of the model.
func (c *Call) AddLoss(v graph.Value) { c.shared.Losses = append(c.shared.Losses, v) }

// AddActivityLoss adds a penalty on an output to the loss of the model, divided by the size of the batch, as Keras does.
func (c *Call) AddActivityLoss(penalty, output graph.Value) {
	if output.Rank() > 0 {
		penalty = c.Graph.Mul(penalty, c.Graph.Const(1/float64(max(1, output.Dim(0)))))
	}
	c.AddLoss(penalty)
}

// Mask is the mask of an input: (batch, steps), 0 where a step is to be skipped; "none" if there is no mask.
func (c *Call) Mask(input int) graph.Value {
	if input < len(c.masks) {
		return c.masks[input]
	}
	return graph.Value{}
}

// SetMask says which mask an output has; "none" drops it. Without a word from the layer, output i has the mask of input i.
func (c *Call) SetMask(output int, m graph.Value) { c.outMask[output] = m }

// DropMasks says that no output has a mask unless SetMask says otherwise.
func (c *Call) DropMasks() { c.noMask = true }

// Arg is a further argument of the call by name, such as "initial_state": the tensors given; nil if there are none.
func (c *Call) Arg(name string) []graph.Value {
	switch v := c.args[name].(type) {
	case graph.Value:
		return []graph.Value{v}
	case []graph.Value:
		return v
	}
	return nil
}

// PositionalArguments is the Setting under which a call whose positional arguments are more than one tensor, or one list of tensors, has
// all of them: []any of graph.Value, lists of those, and what JSON holds.
const PositionalArguments = "*args"

// Function is a layer that stands for a function: all that Keras knows of it is its name and its arguments.
type Function interface {
	Layer
	// DescribesShape reports whether the result depends on the shapes of its arguments alone, and Keras 3 has no such function.
	DescribesShape() bool
	// KeepsArgument reports whether an argument of that name is kept in the object by Keras 3, and is not one of its calls.
	KeepsArgument(name string) bool
}

// Setting is a further argument of the call that is no tensor; nil if there is none.
func (c *Call) Setting(name string) any { return c.args[name] }

// Settings are all further arguments of the call, by name, that are no tensors; tensors are the names of those that are.
func (c *Call) Settings() (settings Config, tensors []string) {
	for name, v := range c.args {
		switch v := v.(type) {
		case graph.Value, []graph.Value:
			tensors = append(tensors, name)
		default:
			if settings == nil {
				settings = Config{}
			}
			settings[name] = v
		}
	}
	slices.Sort(tensors)
	return settings, tensors
}

// Child calls a layer inside of this one.
func (c *Call) Child(l Layer, inputs, masks []graph.Value, args map[string]any) Result {
	r, err := c.Do(l, inputs, masks, args)
	if err != nil {
		c.Graph.Fail(err)
		return Result{Values: make([]graph.Value, 8), Masks: make([]graph.Value, 8)}
	}
	return r
}

// OutputShapes describes what a built layer makes of inputs of these shapes.
func OutputShapes(l Layer, inputs []tensor.Shape) ([]tensor.Shape, error) {
	g := graph.New()
	in := make([]graph.Value, len(inputs))
	for i, s := range inputs {
		in[i] = g.Input(fmt.Sprint(i), s)
	}
	r, err := Apply(l, g, false, NewShared(), in, nil, nil)
	if err != nil {
		return nil, err
	}
	out := make([]tensor.Shape, len(r.Values))
	for i, v := range r.Values {
		out[i] = v.Shape()
	}
	return out, nil
}

// WantInputs checks how many inputs a layer got and the rank of the first; rank 0 takes any.
func WantInputs(inputs []tensor.Shape, count, rank int) error {
	if len(inputs) != count {
		return Errorf(ErrGraph, "", "got %d inputs, want %d", len(inputs), count)
	}
	if rank > 0 && len(inputs[0]) != rank {
		return Errorf(ErrShapeMismatch, "input", "got shape %v, want rank %d", inputs[0], rank)
	}
	return nil
}

// WantDim checks that an axis of an input has a known size, which weights depend on.
func WantDim(input tensor.Shape, axis int) (int, error) {
	d := input.Dim(axis)
	if d == tensor.Unknown {
		return 0, Errorf(ErrShapeMismatch, "input", "got shape %v, want a known size of axis %d", input, axis)
	}
	return d, nil
}

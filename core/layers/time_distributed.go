package layers

import (
	"slices"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// TimeDistributed applies a layer to each step of a sequence.
//
// Input (batch, steps, ...), output (batch, steps, ...): the layer sees steps as further rows of the batch, (batch*steps, ...). While
// one trains that keeps a state, such as moving averages, it sees one step after the other, as in Keras, because that changes what it
// computes. Source: keras/src/layers/rnn/time_distributed.py.
type TimeDistributed struct {
	core.Base
	Layer core.Layer `json:"layer"`
}

func init() {
	registerUpgraded("TimeDistributed", func() *TimeDistributed { return &TimeDistributed{} }, upgradeRNN)
}

// NewTimeDistributed makes a TimeDistributed layer around another, which belongs to it from then on.
func NewTimeDistributed(layer core.Layer, with ...With) *TimeDistributed {
	return configure[*TimeDistributed]("TimeDistributed", With{"layer": layer}, with)
}

// Build builds the layer for one step.
func (l *TimeDistributed) Build(b *core.Builder, inputs []tensor.Shape) error {
	if err := core.WantInputs(inputs, 1, 0); err != nil {
		return err
	}
	step, err := wantSequence(inputs, 0)
	if err != nil {
		return err
	}
	if l.Layer == nil {
		return core.Errorf(core.ErrLayerConfig, "layer", "got none, want a layer")
	}
	l.Layer.Common().Name = nameOf(l.Layer)
	return b.Child("layer", l.Layer, step.With(0, tensor.Unknown))
}

// Call runs the layer on all steps.
func (l *TimeDistributed) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	x, mask := inputs[0], c.Mask(0)
	if mask.Valid() && mask.Rank() < 3 { // says which steps count, and nothing of what is inside of a step
		mask = graph.Value{}
	}
	if c.Training && x.Dim(1) > 0 && keepsState(l.Layer) {
		return l.oneByOne(c, x, mask)
	}
	merge := func(v graph.Value) graph.Value {
		s := v.Shape()
		return c.Graph.Reshape(v, append(tensor.Shape{s[:2].Size()}, s[2:]...)...)
	}
	inner := graph.Value{}
	if mask.Valid() {
		inner = merge(mask)
	}
	out := c.Child(l.Layer, []graph.Value{merge(x)}, []graph.Value{inner}, nil).Values
	if c.Graph.Err() != nil {
		return nil
	}
	for i, y := range out {
		out[i] = c.Graph.Reshape(y, append(x.Shape()[:2].Clone(), y.Shape()[1:]...)...)
	}
	return out
}

// oneByOne runs the layer on one step after the other.
func (l *TimeDistributed) oneByOne(c *core.Call, x, mask graph.Value) []graph.Value {
	g := c.Graph
	var steps [][]graph.Value // of each output
	for t := range x.Dim(1) {
		inner := graph.Value{}
		if mask.Valid() {
			inner = stepAt(g, mask, t)
		}
		out := c.Child(l.Layer, []graph.Value{stepAt(g, x, t)}, []graph.Value{inner}, nil).Values
		if g.Err() != nil {
			return nil
		}
		if steps == nil {
			steps = make([][]graph.Value, len(out))
		}
		for i, y := range out {
			steps[i] = append(steps[i], g.ExpandDims(y, 1))
		}
	}
	out := make([]graph.Value, len(steps))
	for i, s := range steps {
		out[i] = g.Concat(1, s...)
	}
	return out
}

// keepsState reports whether a layer, or one inside of it, has weights that no gradient trains but the layer itself changes.
func keepsState(l core.Layer) bool {
	b := l.Common()
	return slices.ContainsFunc(b.Weights(), func(w *core.Weight) bool { return !w.Trainable }) ||
		slices.ContainsFunc(b.Children(), func(c core.Child) bool { return keepsState(c.Layer) })
}

// Package losses is Keras' losses. A loss is a struct whose exported, JSON-tagged fields are exactly its Keras config; Call writes the
// operations that give the loss of every sample. How those are weighted and reduced is core.ComputeLoss.
//
// In formulas t is y_true and p is y_pred, both (batch, d0, ..., dN) unless a loss says otherwise, and mean and sum go over the last
// axis: the result is (batch, d0, ..., dN-1). Targets (batch,) go with predictions (batch, 1).
//
// Every loss goes by the name of its class ("MeanSquaredError"), by that of Keras' function ("mean_squared_error") and by the short
// names that Keras 1 to 3 know ("mse", "MSE").
package losses

import (
	"math"
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// With is settings of a loss by Keras' keys: With{"from_logits": true}.
type With = core.Config

// New makes a loss from its name and settings.
func New(name string, with ...With) (core.Loss, error) {
	c := With{}
	for _, w := range with {
		for k, v := range w {
			c[k] = v
		}
	}
	return registry.Default.Decoder(registry.Origin{}).Loss(With{"class_name": name, "config": c})
}

// register adds a loss to the standard set, under the names of class and function and under others.
func register[L core.Loss](class string, newLoss func() L, aliases ...string) {
	function := registry.SnakeCase(class)
	registry.Default.Losses.MustAdd(registry.Entry[core.Loss]{
		Name: class, Aliases: append([]string{function}, aliases...), Upgrade: modernise,
		New: func() core.Loss {
			l := newLoss()
			b := l.Common()
			if b.Reduction = "sum_over_batch_size"; b.Name == "" {
				b.Name = function
			}
			return l
		},
	})
}

// modernise changes what older Kerases call a reduction: tf.keras has "auto" for the default, and Keras 3 writes null for "none".
func modernise(c core.Config, _ registry.Origin) error {
	switch v, ok := c["reduction"]; {
	case ok && v == nil:
		c["reduction"] = "none"
	case v == "auto":
		c["reduction"] = "sum_over_batch_size"
	}
	return nil
}

// Resolve makes the loss that compile names: a string, {class_name, config} or a core.Loss. "crossentropy" and "ce" are the
// cross-entropy that goes with the shapes of targets and predictions. Source: keras/src/trainers/compile_utils.py, get_loss.
func Resolve(d *registry.Decoder, identifier any, yTrue, yPred tensor.Shape) (core.Loss, error) {
	if s, ok := identifier.(string); ok && ByShapes(s) {
		return d.Loss(KindOf(yTrue, yPred) + "_crossentropy")
	}
	return d.Loss(identifier)
}

// ByShapes reports whether a name means one of several losses, chosen by shapes.
func ByShapes(name string) bool {
	return strings.EqualFold(name, "crossentropy") || strings.EqualFold(name, "ce")
}

// KindOf is what Keras takes a problem for by the shapes of targets and predictions: "binary" if there is one prediction,
// "sparse_categorical" if there are several and one target, the number of a class, and "categorical" if there are as many of both.
func KindOf(yTrue, yPred tensor.Shape) string {
	switch {
	case yPred.Dim(-1) == 1:
		return "binary"
	case len(yTrue) < len(yPred), yTrue.Dim(-1) == 1 && yPred.Dim(-1) > 1:
		return "sparse_categorical"
	}
	return "categorical"
}

// epsilon is what Keras adds to or keeps away from what must not be 0.
const epsilon = 1e-7

var negInf = math.Inf(-1)

var last = []int{-1}

// clip keeps x within [low, high]; no gradient flows where it is outside.
func clip(g *graph.Graph, x graph.Value, low, high float64) graph.Value {
	return g.Minimum(g.Maximum(x, g.Const(low)), g.Const(high))
}

// smooth moves labels by a part of what is given toward target.
func smooth(g *graph.Graph, labels graph.Value, part, target float64) graph.Value {
	if part == 0 {
		return labels
	}
	return g.Add(g.Mul(labels, g.Const(1-part)), g.Const(part*target))
}

// sameShape records a mistake unless targets are shaped as predictions. hint says what may be wanted instead.
func sameShape(g *graph.Graph, yTrue, yPred graph.Value, hint string) bool {
	if g.Err() != nil {
		return false
	}
	t, p := yTrue.Shape(), yPred.Shape()
	if p.Matches(t) || t.Matches(p) {
		return true
	}
	err := core.Errorf(core.ErrShapeMismatch, "y_true", "got shape %v, want %v, that of y_pred", t, p)
	err.Hint = hint
	g.Fail(err)
	return false
}

// classes are labels without a last axis of size 1, where they are to have one axis less than predictions.
func classes(g *graph.Graph, yTrue, yPred graph.Value) (graph.Value, bool) {
	if g.Err() != nil {
		return yTrue, false
	}
	p := yPred.Shape()
	if len(p) > 0 && len(yTrue.Shape()) == len(p) && yTrue.Dim(-1) == 1 {
		yTrue = g.Squeeze(yTrue, -1)
	}
	if t := yTrue.Shape(); len(p) > 0 && (p[:len(p)-1].Matches(t) || t.Matches(p[:len(p)-1])) {
		return yTrue, true
	}
	err := core.Errorf(core.ErrShapeMismatch, "y_true", "got shape %v, want %v, a class number for each %d values of y_pred",
		yTrue.Shape(), p[:max(0, len(p)-1)], p.Dim(-1))
	if p.Matches(yTrue.Shape()) || yTrue.Shape().Matches(p) {
		err.Hint = "one-hot targets go with categorical_crossentropy"
	}
	g.Fail(err)
	return yTrue, false
}

// oneHot is 1 at the class of each label, and fails the run where a label is no class.
func oneHot(g *graph.Graph, label graph.Value, n int) graph.Value {
	label = g.Floor(label)
	ones := make([]float64, n)
	for i := range ones {
		ones[i] = 1
	}
	there := g.Reshape(g.Gather(g.Table(tensor.From(ones, n, 1)), label), label.Shape()...)
	return g.Mul(g.OneHot(label, n), g.ExpandDims(there, -1))
}

// logSumExp is ln(sum(e^x)) along the last axis, -Inf where all of x is.
func logSumExp(g *graph.Graph, x graph.Value) graph.Value {
	m := g.StopGradient(g.Max(x, last, true))
	m = g.Select(g.IsFinite(m), m, g.Const(0))
	return g.Add(g.Log(g.Sum(g.Exp(g.Sub(x, m)), last, false)), g.Squeeze(m, -1))
}

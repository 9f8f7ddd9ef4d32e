package optimizers_test

import (
	"math"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/coretest"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/optimizers"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns what the goldens do not have: constraints, weights without gradients, gradients that are not finite, shapes.

// halve is a constraint.
type halve struct{}

func (halve) Project(g *graph.Graph, w graph.Value) graph.Value { return g.Mul(w, g.Const(0.5)) }

// steps builds an optimizer for weights and takes steps, each with a gradient of each weight.
func steps(t *testing.T, o core.Optimizer, weights []*core.Weight, grads ...[]*tensor.Tensor) {
	t.Helper()
	if err := core.BuildOptimizer(o, weights); err != nil {
		t.Fatal(err)
	}
	for _, g := range grads {
		if err := take(o, weights, g, coretest.Mode{}); err != nil {
			t.Fatal(err)
		}
	}
}

func equal(t *testing.T, what string, got *core.Weight, want ...float32) {
	t.Helper()
	if err := coretest.Near(what, got.Value(), tensor.From(want, got.Shape...), 1e-6); err != nil {
		t.Error(err)
	}
}

func vector(x ...float32) *tensor.Tensor { return tensor.From(x, len(x)) }

// The average is taken of what the update leaves, the constraint comes last; without a gradient there is an average but no constraint.
func TestConstraintComesLast(t *testing.T) {
	o := optimizers.NewSGD(1, optimizers.With{"use_ema": true, "ema_momentum": 0.5})
	weights := newWeights(t, vector(4, 8), vector(6, 6))
	weights[0].Constraint, weights[1].Constraint = halve{}, halve{}
	one := vector(2, -2)
	steps(t, o, weights, []*tensor.Tensor{one, nil})
	equal(t, "weight", weights[0], 1, 5)
	equal(t, "weight without a gradient", weights[1], 6, 6)
	equal(t, "average", o.Slots()[0], 2, 10)
	steps(t, o, weights, []*tensor.Tensor{one, nil})
	equal(t, "weight", weights[0], -0.5, 3.5)
	equal(t, "average", o.Slots()[0], 0.5, 8.5) // (2 + -1)/2, (10 + 7)/2
	equal(t, "average without a gradient", o.Slots()[1], 6, 6)
	core.FinalizeEMA(o, weights)
	equal(t, "final weight", weights[0], 0.5, 8.5)
}

// The slots of a weight without a gradient stay as they are, and clipping does not see it.
func TestWithoutGradient(t *testing.T) {
	o := optimizers.NewSGD(1, optimizers.With{"momentum": 0.5, "global_clipnorm": 5, "weight_decay": 0.1})
	weights := newWeights(t, vector(10, 10), vector(7))
	steps(t, o, weights, []*tensor.Tensor{vector(6, 8), nil}) // |g| = 10, so g becomes (3, 4)
	equal(t, "weight", weights[0], 6, 5)
	equal(t, "weight without a gradient", weights[1], 7)
	equal(t, "momentum", o.Slots()[0], -3, -4)
	equal(t, "momentum without a gradient", o.Slots()[1], 0)
	if err := take(o, weights, []*tensor.Tensor{nil, nil}, coretest.Mode{}); err == nil {
		t.Error("got no error for a step without any gradient")
	}
}

// An infinite gradient makes all weights NaN under global_clipnorm, as in Keras, instead of being hidden.
func TestInfiniteGradient(t *testing.T) {
	o := optimizers.NewSGD(1, optimizers.With{"global_clipnorm": 5})
	weights := newWeights(t, vector(1, 2), vector(3))
	steps(t, o, weights, []*tensor.Tensor{vector(float32(math.Inf(1)), 0), vector(1)})
	for _, w := range weights {
		for _, v := range w.Data() {
			if !math.IsNaN(float64(v)) {
				t.Errorf("%s: got %v, want NaN", w.Name, v)
			}
		}
	}
}

// A loss scale leaves steps out and halves itself where a gradient is not finite, and doubles itself after enough good steps.
func TestLossScale(t *testing.T) {
	inner := optimizers.NewSGD(1, optimizers.With{"momentum": 0.5, "loss_scale_factor": 3})
	o := optimizers.NewLossScaleOptimizer(inner, optimizers.With{"initial_scale": 8, "dynamic_growth_steps": 2})
	weights := newWeights(t, vector(1, 2))
	good, bad := []*tensor.Tensor{vector(8, 8)}, []*tensor.Tensor{vector(8, float32(math.NaN()))}
	counter, scale, momentum := 0, 1, 2
	check := func(what string, w0, w1, count, factor, m float32) {
		t.Helper()
		slots := core.OptimizerSlots(o)
		equal(t, what+": weight", weights[0], w0, w1)
		equal(t, what+": counter", slots[counter], count)
		equal(t, what+": scale", slots[scale], factor)
		equal(t, what+": momentum", slots[momentum], m, m)
	}
	steps(t, o, weights, good)
	check("first", 0, 1, 1, 8, -1)
	steps(t, o, weights, bad)
	check("not finite", 0, 1, 0, 4, -1)
	steps(t, o, weights, good)
	check("after it", -2.5, -1.5, 1, 4, -2.5)
	steps(t, o, weights, good)
	check("grown", -5.75, -4.75, 0, 8, -3.25)

	g := graph.New()
	shared := core.NewShared()
	loss := core.ScaleLoss(o, core.NewStates(g, shared), g.Const(2))
	w := core.OptimizerSlots(o)[scale]
	out, err := eval(g, []graph.Value{loss}, nil, coretest.Memory[float32]{&w.Variable: w.Data()}, coretest.Mode{})
	if err != nil {
		t.Fatal(err)
	}
	if got := out[0].Float64s()[0]; got != 16 {
		t.Errorf("scaled loss: got %v, want 16", got)
	}
}

var (
	matrix   = []float32{0.5, -1, 2, 0.25, 1.5, -0.75}
	slope    = []float32{1, 2, -0.5, 0.3, -1.2, 0.7}
	matrixT  = []float32{0.5, 0.25, -1, 1.5, 2, -0.75}
	slopeT   = []float32{1, 0.3, 2, -1.2, -0.5, 0.7}
	adamLike = optimizers.With{"weight_decay": 0.1, "adam_weight_decay": 0.3}
)

// Muon does the same to a matrix and to its transpose.
func TestMuonTransposed(t *testing.T) {
	wide, tall := newWeights(t, tensor.From(matrix, 2, 3)), newWeights(t, tensor.From(matrixT, 3, 2))
	for range 3 {
		steps(t, optimizers.NewMuon(0.1), wide, []*tensor.Tensor{tensor.From(slope, 2, 3)})
		steps(t, optimizers.NewMuon(0.1), tall, []*tensor.Tensor{tensor.From(slopeT, 3, 2)})
	}
	x := tall[0].Data()
	equal(t, "wide", wide[0], x[0], x[2], x[4], x[1], x[3], x[5])
}

// Muon does as AdamW to embeddings, to what is excluded, and to what is no matrix.
func TestMuonExcludes(t *testing.T) {
	for _, name := range []string{"Embedding_1/embeddings", "head/kernel", "conv/kernel"} {
		shape := tensor.Shape{2, 3}
		if name == "conv/kernel" {
			shape = tensor.Shape{1, 2, 3}
		}
		muon := optimizers.NewMuon(0.1, adamLike, optimizers.With{"exclude_layers": []string{"^he.d"}})
		adamw := optimizers.NewAdamW(0.1, optimizers.With{"weight_decay": 0.3})
		var results [2]*core.Weight
		for i, o := range []core.Optimizer{muon, adamw} {
			w := core.NewWeight(core.WeightSpec{Name: name, Shape: shape})
			copy(w.Data(), matrix)
			steps(t, o, []*core.Weight{w}, []*tensor.Tensor{tensor.From(slope, shape...)}, []*tensor.Tensor{tensor.From(slopeT, shape...)})
			results[i] = w
		}
		equal(t, name, results[0], results[1].Data()...)
		if len(muon.Slots()) != 2 {
			t.Errorf("%s: got %d slots, want momentum and velocity", name, len(muon.Slots()))
		}
	}
	bad := optimizers.NewMuon(0.1, optimizers.With{"exclude_layers": []string{"("}})
	if err := core.BuildOptimizer(bad, nil); err == nil {
		t.Error("exclude_layers: got no error for a broken regular expression")
	}
}

// Adafactor does the same to a matrix and to a stack of one.
func TestAdafactorStack(t *testing.T) {
	flat, stack := newWeights(t, tensor.From(matrix, 2, 3)), newWeights(t, tensor.From(matrix, 1, 2, 3))
	a, b := optimizers.NewAdafactor(0.1), optimizers.NewAdafactor(0.1)
	for _, g := range [][]float32{slope, slopeT} {
		steps(t, a, flat, []*tensor.Tensor{tensor.From(g, 2, 3)})
		steps(t, b, stack, []*tensor.Tensor{tensor.From(g, 1, 2, 3)})
	}
	equal(t, "stack", stack[0], flat[0].Data()...)
	if got := b.Slots()[1].Shape; !got.Equal(tensor.Shape{1, 3}) {
		t.Errorf("c: got shape %v, want [1 3]", got)
	}
}

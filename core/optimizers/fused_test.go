package optimizers_test

import (
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/internal/plan"
	"github.com/gokeras/gk/core/optimizers"
	"github.com/gokeras/gk/core/tensor"
)

// program plans one step of an optimizer for one weight of rows by columns numbers.
func program(t *testing.T, o core.Optimizer, rows, columns int) *plan.Program[float32] {
	t.Helper()
	w := core.NewWeight(core.WeightSpec{Name: "kernel", Shape: tensor.Shape{rows, columns}})
	weights := []*core.Weight{w}
	if err := core.BuildOptimizer(o, weights); err != nil {
		t.Fatal(err)
	}
	g, shared := graph.New(), core.NewShared()
	core.ApplyGradients(o, &core.Step{States: core.NewStates(g, shared), Weights: weights,
		LearningRate: g.Input("learning_rate", nil), Iteration: g.Input("iteration", nil)},
		[]graph.Value{g.Input("gradient", w.Shape)})
	shared.Assign(g)
	memory := map[*graph.Variable][]float32{}
	for _, x := range append(weights, core.OptimizerSlots(o)...) {
		memory[&x.Variable] = x.Data()
	}
	p, err := plan.Compile(g, plan.Options[float32]{Variables: func(v *graph.Variable) []float32 { return memory[v] }})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestFused checks that an update is one loop over the weight that reads and writes each tensor once, in place: the gradient read, the
// weight and each slot read and written. What is done once for all weights are loops over one number.
func TestFused(t *testing.T) {
	const rows, columns, number = 100, 200, 4 // bytes
	for _, c := range []struct {
		name    string
		o       core.Optimizer
		tensors float64 // read or written
	}{
		{"SGD", optimizers.NewSGD(0.1), 3},
		{"SGD with momentum", optimizers.NewSGD(0.1, optimizers.With{"momentum": 0.9, "nesterov": true}), 5},
		{"SGD with clipvalue", optimizers.NewSGD(0.1, optimizers.With{"clipvalue": 0.5}), 3},
		{"Adam", optimizers.NewAdam(0.1), 7},
		{"Adam with amsgrad", optimizers.NewAdam(0.1, optimizers.With{"amsgrad": true}), 9},
		{"Adam with averages", optimizers.NewAdam(0.1, optimizers.With{"use_ema": true, "ema_overwrite_frequency": 3}), 9},
		{"Adam with accumulation", optimizers.NewAdam(0.1, optimizers.With{"gradient_accumulation_steps": 2, "weight_decay": 0.1}), 9},
		{"AdamW", optimizers.NewAdamW(0.1), 7},
		{"RMSprop", optimizers.NewRMSprop(0.1), 5},
		{"RMSprop, centered", optimizers.NewRMSprop(0.1, optimizers.With{"momentum": 0.9, "centered": true}), 9},
		{"Adagrad", optimizers.NewAdagrad(0.1), 5},
		{"Adadelta", optimizers.NewAdadelta(0.1), 7},
		{"Adamax", optimizers.NewAdamax(0.1), 7},
		{"Nadam", optimizers.NewNadam(0.1), 7},
		{"Ftrl", optimizers.NewFtrl(0.1), 7},
		{"ScheduleFreeAdamW", optimizers.NewScheduleFreeAdamW(0.1), 7},
	} {
		p := program(t, c.o, rows, columns)
		large, bytes := 0, 0
		for _, s := range p.Steps() {
			bytes += s.Bytes
			if s.Bytes >= rows*columns*number {
				large++
			}
		}
		tensors := float64(bytes) / (rows * columns * number)
		if large != 1 || tensors > c.tensors+0.01 || p.ArenaBytes() > 4096 {
			t.Errorf("%s: got %d loops that move %.2f tensors and %d bytes of memory, want 1 that moves %v and at most 4096: %+v",
				c.name, large, tensors, p.ArenaBytes(), c.tensors, p.Steps())
		}
	}
}

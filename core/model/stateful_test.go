package model_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/coretest"
	"github.com/gokeras/gk/core/layers"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// withoutName hides the name of an activation, so that recurrent layers take their steps one by one.
type withoutName struct{ core.Activation }

// TestStateful checks that a stateful layer goes on where the batch before ended: two halves of a sequence give what the whole gives.
func TestStateful(t *testing.T) {
	const batch, steps = 2, 6
	tanh, err := registry.Default.Activations.New("tanh")
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(5, 1))
	x := make([]float32, batch*steps*3)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	part := func(from, to int) *tensor.Tensor {
		var rows []float32
		for b := range batch {
			rows = append(rows, x[(b*steps+from)*3:(b*steps+to)*3]...)
		}
		return tensor.From(rows, batch, to-from, 3)
	}
	for name, layer := range map[string]func(with layers.With) core.Layer{
		"LSTM":      func(w layers.With) core.Layer { return layers.NewLSTM(4, w) },
		"GRU":       func(w layers.With) core.Layer { return layers.NewGRU(4, w) },
		"SimpleRNN": func(w layers.With) core.Layer { return layers.NewSimpleRNN(4, w) },
		"RNN": func(w layers.With) core.Layer {
			return layers.NewRNN(layers.NewStackedRNNCells([]core.Layer{layers.NewLSTMCell(4), layers.NewGRUCell(4)}), w)
		},
		"step by step": func(w layers.With) core.Layer {
			return layers.NewLSTM(4, w, layers.With{"activation": withoutName{tanh}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			predict := func(m *model.Model, x *tensor.Tensor) *tensor.Tensor {
				t.Helper()
				out, err := m.Predict(context.Background(), []*tensor.Tensor{x}, model.Run{BatchSize: batch})
				if err != nil {
					t.Fatal(err)
				}
				return out[0]
			}
			build := func(with layers.With) *model.Model {
				t.Helper()
				m, err := model.NewSequential(layer(with))
				if err != nil {
					t.Fatal(err)
				}
				m.Initialize()
				return m
			}
			m := build(layers.With{"stateful": true, "batch_input_shape": []int{batch, -1, 3}})
			whole := build(layers.With{"input_shape": []int{-1, 3}})
			for i, w := range m.AllWeights() {
				copy(whole.AllWeights()[i].Data(), w.Data())
			}
			want := predict(whole, part(0, steps))
			first := predict(m, part(0, 2))
			if err := coretest.Near("two parts", predict(m, part(2, steps)), want, 1e-6); err != nil {
				t.Error(err)
			}
			m.ResetStates()
			if err := coretest.Near("after ResetStates", predict(m, part(0, 2)), first, 0); err != nil {
				t.Error(err)
			}
			if _, err := m.Predict(context.Background(), []*tensor.Tensor{tensor.New(tensor.Float32, 3, 2, 3)}, model.Run{BatchSize: 3}); err == nil {
				t.Error("a batch of 3: got no error")
			}
		})
	}
}

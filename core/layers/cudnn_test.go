package layers_test

import (
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/coretest"
	"github.com/gokeras/gk/core/layers"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// TestCuDNN compares with what tf_keras 2.21 makes of the same weights of cuDNN.
func TestCuDNN(t *testing.T) {
	single := func(x *tensor.Tensor) *tensor.Tensor { return tensor.From(x.Float32s(), x.Shape()...) }
	for _, c := range []struct {
		layer core.Layer
		gates int
		want  []*tensor.Tensor
	}{
		{layers.NewLSTM(2), 4, []*tensor.Tensor{
			tensor.From([]float64{-0.25, -0.625, 0.125, -0.25, 0.5, 0.125, -0.5, 0.5, 0.625, 0, -0.375, 0.375, 0, -0.625, 0.375, -0.25,
				-0.125, -0.5, 0.25, -0.125, 0.625, 0.25, -0.375, 0.625}, 3, 8),
			tensor.From([]float64{-0.375, -0.1875, 0.1875, 0.375, 0.75, 0.9375, -0.75, -0.5625, 0.9375, -0.9375, -0.5625, -0.375, 0, 0.1875, 0.5625, 0.75}, 2, 8),
			tensor.From([]float64{-0.75, 0, 0.75, -1.25, 2.25, 0.25, -1.75, 1.75}, 8)}},
		{layers.NewGRU(2), 3, []*tensor.Tensor{
			tensor.From([]float64{-0.25, 0.375, 0.125, -0.625, 0.5, -0.25, 0.625, 0.625, -0.375, -0.375, 0, 0, -0.5, 0.125, -0.125, 0.5, 0.25, -0.5}, 3, 6),
			tensor.From([]float64{-0.375, -0.75, 0.1875, -0.1875, 0.75, 0.375, 0.9375, 0.5625, -0.5625, -0.9375, 0, -0.375}, 2, 6),
			tensor.From([]float64{-0.5, 1.25, 0.25, -0.75, 1, 0, -1, 0.75, -0.25, -1.25, 0.5, -0.5}, 2, 6)}},
	} {
		given := []*tensor.Tensor{single(pattern(0.5, 3, 2*c.gates)), single(pattern(0.75, 2, 2*c.gates)), single(pattern(1, 4*c.gates))}
		got, what, err := c.layer.(registry.WeightUpgrader).UpgradeWeights(given, registry.Origin{KerasVersion: "2.1.6", Backend: "tensorflow"})
		if err != nil || what == "" {
			t.Errorf("%s: got %q, %v", c.layer.Common().Class(), what, err)
			continue
		}
		for i, want := range c.want {
			if err := coretest.Near(c.layer.Common().Class(), got[i], want, 0); err != nil {
				t.Errorf("array %d: %v", i, err)
			}
		}
	}
	// Without reset_after, a GRU has no place for the two biases of cuDNN, and the check of shapes says so.
	given := []*tensor.Tensor{single(pattern(1, 3, 6)), single(pattern(1, 2, 6)), single(pattern(1, 12))}
	got, what, err := layers.NewGRU(2, layers.With{"reset_after": false}).UpgradeWeights(given, registry.Origin{KerasVersion: "2.1.6"})
	if err != nil || what != "" || got[2] != given[2] {
		t.Errorf("got %q, %v, want the arrays as they are", what, err)
	}
}

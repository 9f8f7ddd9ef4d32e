package layers

import (
	"slices"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// Permute puts the axes of each sample in another order: axis i of the output is axis dims[i-1] of the input. The batch, axis 0, stays
// and is not in dims: [2, 1] swaps the two axes after it. Source: keras/src/layers/reshaping/permute.py.
type Permute struct {
	core.Base
	Dims []int `json:"dims"`
}

func init() { register("Permute", func() *Permute { return &Permute{} }) }

// NewPermute makes a Permute layer.
func NewPermute(dims []int, with ...With) *Permute {
	return configure[*Permute]("Permute", With{"dims": dims}, with)
}

// Build checks that dims is a permutation of 1 to N.
func (l *Permute) Build(_ *core.Builder, inputs []tensor.Shape) error {
	for i, d := range slices.Sorted(slices.Values(l.Dims)) {
		if d != i+1 {
			return core.Errorf(core.ErrLayerConfig, "dims", "got %v, want each of 1 to %d once", l.Dims, len(l.Dims))
		}
	}
	return core.WantInputs(inputs, 1, len(l.Dims)+1)
}

// Call transposes. It drops masks.
func (l *Permute) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	c.DropMasks()
	return []graph.Value{c.Graph.Transpose(inputs[0], append([]int{0}, l.Dims...)...)}
}

package layers

import (
	"slices"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// Discretization gives the number of the stretch between boundaries in which a number lies: how many of bin_boundaries are not above it.
//
// Input and output of any shape; for the values of output_mode other than "int" see CategoryEncoding. A layer with num_bins that has not
// been adapted to data cannot be used. Source: keras/src/layers/preprocessing/discretization.py.
type Discretization struct {
	core.Base
	BinBoundaries []float64 `json:"bin_boundaries"`
	NumBins       *int      `json:"num_bins" want:">=0"`
	Epsilon       float64   `json:"epsilon"`
	OutputMode    string    `json:"output_mode" want:"int|one_hot|multi_hot|count"`
	Sparse        bool      `json:"sparse"`
}

func init() {
	registerUpgraded("Discretization", func() *Discretization { return &Discretization{Epsilon: 0.01, OutputMode: "int"} },
		func(c core.Config, _ registry.Origin) error {
			oldModes(c)
			renameOld(c, "bins", "bin_boundaries") // TensorFlow 2.3
			return nil
		})
}

// NewDiscretization makes a Discretization layer.
func NewDiscretization(binBoundaries []float64, with ...With) *Discretization {
	return configure[*Discretization]("Discretization", With{"bin_boundaries": binBoundaries}, with)
}

type discretizationFields Discretization

// DecodeConfig takes the fields.
func (l *Discretization) DecodeConfig(d *registry.Decoder, c core.Config) error {
	return d.Into((*discretizationFields)(l), c)
}

// EncodeConfig gives what Keras' class takes.
func (l *Discretization) EncodeConfig(e *registry.Encoder) (core.Config, error) {
	return encodeSpatial(e, (*discretizationFields)(l), &l.Base)
}

// Build checks the boundaries.
func (l *Discretization) Build(_ *core.Builder, inputs []tensor.Shape) error {
	if len(l.BinBoundaries) == 0 {
		return core.Errorf(core.ErrLayerConfig, "bin_boundaries", "got none, want numbers, which Keras puts into the config when the layer is adapted")
	}
	if !slices.IsSorted(l.BinBoundaries) || len(l.BinBoundaries) >= maxCategories {
		return core.Errorf(core.ErrLayerConfig, "bin_boundaries", "got %d numbers, want fewer than %d in ascending order", len(l.BinBoundaries), maxCategories)
	}
	return wantCategories(inputs, l.OutputMode, l.Sparse)
}

// Call counts boundaries. It drops masks.
func (l *Discretization) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	c.DropMasks()
	g := c.Graph
	boundaries := g.Table(tensor.From(slices.Clone(l.BinBoundaries), len(l.BinBoundaries)))
	bins := g.Sum(g.GreaterEqual(g.ExpandDims(inputs[0], -1), boundaries), []int{-1}, false)
	return []graph.Value{categories(g, bins, l.OutputMode, len(l.BinBoundaries)+1, graph.Value{})}
}

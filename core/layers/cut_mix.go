package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// CutMix puts a rectangle of another image of the batch over each in training, at its place. The rectangle is on average a part 1-w of the image, w from
// the distribution Beta(a, a) with a random a for the batch, between the two numbers of factor. Otherwise it does nothing. Labels, which Keras mixes
// likewise where they come in a dictionary with the images, stay as they are.
//
// Input and output (batch, height, width, channels); with data_format "channels_first" channels come second.
// Source: keras/src/layers/preprocessing/image_preprocessing/cut_mix.py; Yun et al., ICCV 2019.
type CutMix struct {
	imageLayer
	Factor core.Range `json:"factor"`
	Seed   any        `json:"seed"`
}

func init() {
	register("CutMix", func() *CutMix { return &CutMix{imageLayer: newImageLayer(), Factor: core.Range{High: 1, Max: 1}} })
}

// NewCutMix makes a CutMix layer.
func NewCutMix(with ...With) *CutMix { return configure[*CutMix]("CutMix", nil, with) }

// Call mixes in training.
func (l *CutMix) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.augment(c, inputs[0], l)
}

// change mixes.
func (l *CutMix) change(c *core.Call, x graph.Value) graph.Value {
	g := c.Graph
	w := beta(g, tensor.Shape{x.Dim(0), 1, 1, 1}, oneBetween(g, l.Factor.Low+1e-6, l.Factor.High+1e-6))
	side := g.Sqrt(g.Sub(g.Const(1), w))
	return g.Select(rectangle(g, x, side, side), shuffled(g, x), x)
}

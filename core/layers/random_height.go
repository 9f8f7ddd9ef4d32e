package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns RandomHeight and what it shares with RandomWidth.

// RandomHeight makes all images of a batch higher or lower in training, by a random part of their height between the two numbers of factor.
// Otherwise it does nothing. Keras 3 has it no more.
//
// Graphs of gk have sizes that do not change from batch to batch, so training runs where factor leaves one height only, as [0.2, 0.2] does,
// and else is refused when the model is compiled.
//
// Input (batch, height, width, channels), output the same, in training with another height. Source:
// tf_keras/src/layers/preprocessing/image_preprocessing.py.
type RandomHeight struct{ randomSize }

// RandomWidth is RandomHeight for widths.
type RandomWidth struct{ randomSize }

func init() {
	registerLegacy("RandomHeight", func() *RandomHeight { return &RandomHeight{newRandomSize()} }, upgradeRandomImage)
	registerLegacy("RandomWidth", func() *RandomWidth { return &RandomWidth{newRandomSize()} }, upgradeRandomImage)
}

// NewRandomHeight makes a RandomHeight layer. factor is a number or two.
func NewRandomHeight(factor any, with ...With) *RandomHeight {
	return configure[*RandomHeight]("RandomHeight", With{"factor": factor}, with)
}

// NewRandomWidth makes a RandomWidth layer. factor is a number or two.
func NewRandomWidth(factor any, with ...With) *RandomWidth {
	return configure[*RandomWidth]("RandomWidth", With{"factor": factor}, with)
}

// Call changes heights in training.
func (l *RandomHeight) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.resize(c, inputs[0], 1, "height")
}

// Call changes widths in training.
func (l *RandomWidth) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.resize(c, inputs[0], 2, "width")
}

// randomSize is the settings of both.
type randomSize struct {
	core.Base
	Factor        core.Range `json:"factor"`
	Interpolation string     `json:"interpolation" want:"bilinear|nearest|bicubic|area|lanczos3|lanczos5|gaussian|mitchellcubic"`
	Seed          any        `json:"seed"`
}

func newRandomSize() randomSize {
	return randomSize{Factor: core.Range{Min: -1, Max: maxGrowth, AsGiven: true}, Interpolation: "bilinear"}
}

// maxGrowth bounds how many times larger an image may become.
const maxGrowth = 1 << 10

// Build checks the input.
func (l *randomSize) Build(_ *core.Builder, inputs []tensor.Shape) error {
	if l.Factor.Null() {
		return core.Errorf(core.ErrLayerConfig, "factor", "got null, want a number or two")
	}
	return core.WantInputs(inputs, 1, 4)
}

// resize makes an axis of x another size in training.
func (l *randomSize) resize(c *core.Call, x graph.Value, axis int, what string) []graph.Value {
	c.DropMasks()
	n := x.Dim(axis)
	if !c.Training || n < 0 {
		return []graph.Value{x}
	}
	least, most := int(float32(1+l.Factor.Low)*float32(n)), int(float32(1+l.Factor.High)*float32(n))
	if least != most || least < 1 {
		err := core.Errorf(core.ErrUnsupported, "factor", "got %v to %v, by which training would give each batch another %s, from %d to %d; gk has one size for all batches",
			l.Factor.Low, l.Factor.High, what, least, most)
		c.Graph.Fail(core.WithHint(err, "with factor [0, 0] the layer does nothing; RandomZoom and RandomTranslation leave sizes as they are"))
		return []graph.Value{x}
	}
	size := [2]int{x.Dim(1), x.Dim(2)}
	size[axis-1] = least
	return []graph.Value{resizeTo(c.Graph, x, size, l.Interpolation, false)} // the kernels of the last two smooth along the other axis, too
}

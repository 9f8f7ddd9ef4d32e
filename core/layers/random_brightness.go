package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// RandomBrightness makes each image brighter or darker in training: it adds a random part, between the two numbers of factor, of the width of
// value_range, to which it then cuts. Otherwise it does nothing.
//
// Input and output (batch, height, width, channels). Source: keras/src/layers/preprocessing/image_preprocessing/random_brightness.py.
type RandomBrightness struct {
	imageLayer
	Factor     core.Range      `json:"factor"`
	ValueRange core.ValueRange `json:"value_range"`
	Seed       any             `json:"seed"`
}

func init() {
	registerUpgraded("RandomBrightness", func() *RandomBrightness {
		return &RandomBrightness{imageLayer: newImageLayer(), Factor: core.Range{Min: -1, Max: 1}, ValueRange: core.ValueRange{Low: 0, High: 255}}
	}, upgradeRandomImage)
}

// NewRandomBrightness makes a RandomBrightness layer. factor is a number or two.
func NewRandomBrightness(factor any, with ...With) *RandomBrightness {
	return configure[*RandomBrightness]("RandomBrightness", With{"factor": factor}, with)
}

// Call changes brightness in training.
func (l *RandomBrightness) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.augment(c, inputs[0], l)
}

// change makes images brighter or darker.
func (l *RandomBrightness) change(c *core.Call, x graph.Value) graph.Value {
	g := c.Graph
	return clip(g, g.Add(x, perImage(g, x, l.Factor.Low*l.ValueRange.Width(), l.Factor.High*l.ValueRange.Width())), l.ValueRange.Low, l.ValueRange.High)
}

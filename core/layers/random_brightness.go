package layers

import (
	"slices"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/registry"
)

// RandomBrightness makes each image brighter or darker in training: it adds a random part, between the two numbers of factor, of the width of
// value_range, to which it then cuts. Otherwise it does nothing.
//
// Input and output (batch, height, width, channels). Source: keras/src/layers/preprocessing/image_preprocessing/random_brightness.py.
type RandomBrightness struct {
	imageLayer
	Factor     core.Range `json:"factor"`
	ValueRange []float64  `json:"value_range"`
	Seed       any        `json:"seed"`
}

func init() {
	registerUpgraded("RandomBrightness", func() *RandomBrightness {
		return &RandomBrightness{imageLayer: newImageLayer(), Factor: core.Range{Min: -1, Max: 1}, ValueRange: []float64{0, 255}}
	}, upgradeRandomImage)
}

// NewRandomBrightness makes a RandomBrightness layer. factor is a number or two.
func NewRandomBrightness(factor any, with ...With) *RandomBrightness {
	return configure[*RandomBrightness]("RandomBrightness", With{"factor": factor}, with)
}

type randomBrightnessFields RandomBrightness

// DecodeConfig takes the fields. Keras puts the range in order.
func (l *RandomBrightness) DecodeConfig(d *registry.Decoder, c core.Config) error {
	if err := d.Into((*randomBrightnessFields)(l), c); err != nil {
		return err
	}
	l.ValueRange = slices.Sorted(slices.Values(l.ValueRange))
	return nil
}

// EncodeConfig gives the fields.
func (l *RandomBrightness) EncodeConfig(e *registry.Encoder) (core.Config, error) {
	return e.Config((*randomBrightnessFields)(l))
}

// Call changes brightness in training.
func (l *RandomBrightness) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.augment(c, inputs[0], func(g *graph.Graph, x graph.Value) graph.Value {
		low, high, ok := pairOf(c, "value_range", l.ValueRange)
		if !ok {
			return x
		}
		return clip(g, g.Add(x, perImage(g, x, l.Factor.Low*(high-low), l.Factor.High*(high-low))), low, high)
	})
}

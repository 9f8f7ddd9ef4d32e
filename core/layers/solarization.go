package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// Solarization adds a random number to the numbers of each image in training, and turns those upside down that are not below another random
// one: with numbers from 0 to 255,
//
//	output = x where x < threshold, else 255 - x,  x = min(input + addition, 255)
//
// The addition is from addition_factor[0] to 255 addition_factor[1], the threshold likewise: Keras multiplies the second number only. Otherwise it
// does nothing. One number as a factor stands for 0 and that number.
//
// Input and output (batch, height, width, channels); with data_format "channels_first" channels come second.
// Source: keras/src/layers/preprocessing/image_preprocessing/solarization.py.
type Solarization struct {
	imageLayer
	ValueRange      core.ValueRange `json:"value_range"`
	AdditionFactor  core.Range      `json:"addition_factor"`
	ThresholdFactor core.Range      `json:"threshold_factor"`
	Seed            any             `json:"seed"`
}

func init() {
	register("Solarization", func() *Solarization {
		return &Solarization{imageLayer: newImageLayer(), ValueRange: bytes, AdditionFactor: share, ThresholdFactor: share}
	})
}

// share is a range of numbers from 0 to 1, at first 0 to 0.
var share = core.Range{Min: 0, Max: 1}

// NewSolarization makes a Solarization layer. Factors are a number or two.
func NewSolarization(additionFactor, thresholdFactor any, with ...With) *Solarization {
	return configure[*Solarization]("Solarization", With{"addition_factor": additionFactor, "threshold_factor": thresholdFactor}, with)
}

// Call solarizes in training.
func (l *Solarization) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.augment(c, inputs[0], l)
}

// change solarizes.
func (l *Solarization) change(c *core.Call, x graph.Value) graph.Value {
	g := c.Graph
	x = inRange(g, x, l.ValueRange, bytes)
	addition := perImage(g, x, l.AdditionFactor.Low, l.AdditionFactor.High*bytes.High)
	threshold := perImage(g, x, l.ThresholdFactor.Low, l.ThresholdFactor.High*bytes.High)
	x = clip(g, g.Add(x, addition), bytes.Low, bytes.High)
	x = g.Select(g.Less(x, threshold), x, g.Sub(g.Const(bytes.High), x))
	return inRange(g, x, bytes, l.ValueRange)
}

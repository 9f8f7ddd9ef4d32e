package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// RandomColorJitter is RandomBrightness, RandomContrast, RandomSaturation and RandomHue one after the other, each with its factor; one without a
// factor is left out.
//
// Input and output (batch, height, width, channels); with data_format "channels_first" channels come second.
// Source: keras/src/layers/preprocessing/image_preprocessing/random_color_jitter.py; its
// layers take channels to be last always, those of gk where they are.
type RandomColorJitter struct {
	imageLayer
	ValueRange       core.ValueRange `json:"value_range"`
	BrightnessFactor core.Range      `json:"brightness_factor"`
	ContrastFactor   core.Range      `json:"contrast_factor"`
	SaturationFactor core.Range      `json:"saturation_factor"`
	HueFactor        core.Range      `json:"hue_factor"`
	Seed             any             `json:"seed"`
}

func init() {
	register("RandomColorJitter", func() *RandomColorJitter {
		within := func(low float64) core.Range { return core.Range{Min: low, Max: 1, AsGiven: true} }
		return &RandomColorJitter{imageLayer: newImageLayer(), ValueRange: bytes,
			BrightnessFactor: within(-1), ContrastFactor: within(0), SaturationFactor: within(-1), HueFactor: within(0)}
	})
}

// NewRandomColorJitter makes a RandomColorJitter layer.
func NewRandomColorJitter(with ...With) *RandomColorJitter {
	return configure[*RandomColorJitter]("RandomColorJitter", nil, with)
}

// Call changes colours in training.
func (l *RandomColorJitter) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.augment(c, inputs[0], l)
}

// change changes colours.
func (l *RandomColorJitter) change(c *core.Call, x graph.Value) graph.Value {
	for _, step := range []struct {
		factor core.Range
		augmentation
	}{
		{l.BrightnessFactor, &RandomBrightness{Factor: l.BrightnessFactor, ValueRange: l.ValueRange}},
		{l.ContrastFactor, &RandomContrast{Factor: l.ContrastFactor, ValueRange: l.ValueRange}},
		{l.SaturationFactor, &RandomSaturation{Factor: l.SaturationFactor, ValueRange: l.ValueRange}},
		{l.HueFactor, &RandomHue{Factor: l.HueFactor, ValueRange: l.ValueRange}},
	} {
		if !step.factor.Null() {
			x = step.change(c, x)
		}
	}
	return x
}

package layers

import (
	"math"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// This file owns RandAugment and the augmentations that it and AugMix choose from.

// RandAugment does num_ops augmentations to the images of a batch in training, each time a random one of eleven: RandomShear, RandomTranslation,
// RandomRotation, RandomPosterization, Solarization, AutoContrast, Equalization, RandomBrightness, RandomColorDegeneration, RandomContrast and
// RandomSharpness, with factor as theirs. Otherwise it does nothing. Where one is chosen twice, gk draws its random numbers anew and Keras does not.
//
// Input and output (batch, height, width, channels); with data_format "channels_first" channels come second.
// Source: keras/src/layers/preprocessing/image_preprocessing/rand_augment.py; Cubuk et al., NeurIPS 2020.
type RandAugment struct {
	imageLayer
	ValueRange    core.ValueRange `json:"value_range"`
	NumOps        int             `json:"num_ops" want:">=0"`
	Factor        core.Range      `json:"factor"`
	Interpolation string          `json:"interpolation" want:"bilinear|nearest"`
	Seed          any             `json:"seed"`
}

func init() {
	register("RandAugment", func() *RandAugment {
		return &RandAugment{imageLayer: newImageLayer(), ValueRange: bytes, NumOps: 2, Factor: core.Range{High: 0.5, Max: 1}, Interpolation: "bilinear"}
	})
}

// NewRandAugment makes a RandAugment layer.
func NewRandAugment(with ...With) *RandAugment {
	return configure[*RandAugment]("RandAugment", nil, with)
}

// maxSteps bounds how many augmentations follow on each other: each is as many operations in a graph as all eleven have.
const maxSteps = 64

// Call augments in training.
func (l *RandAugment) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.augment(c, inputs[0], l)
}

// change augments.
func (l *RandAugment) change(c *core.Call, x graph.Value) graph.Value {
	if l.NumOps > maxSteps {
		c.Graph.Fail(core.Errorf(core.ErrUnsupported, "num_ops", "got %d, want at most %d", l.NumOps, maxSteps))
		return x
	}
	all := augmentations(l.Factor, l.ValueRange, l.Interpolation)
	for range l.NumOps {
		x = oneOfThem(c, x, all, len(all))
	}
	return x
}

// simpleAugmentations is how many of the augmentations AugMix has without all_ops: those that come first.
const simpleAugmentations = 7

// augmentations are what RandAugment and AugMix choose from.
func augmentations(factor core.Range, values core.ValueRange, interpolation string) []augmentation {
	f := newFill()
	f.Interpolation = interpolation
	bits := core.Range{Low: 1, High: max(1, math.Floor(8*factor.High))}
	return []augmentation{
		&RandomShear{XFactor: factor, YFactor: factor, fill: f},
		&RandomTranslation{HeightFactor: factor, WidthFactor: factor, fill: f},
		&RandomRotation{Factor: factor, fill: f},
		&RandomPosterization{Factor: bits, ValueRange: values},
		&Solarization{AdditionFactor: factor, ThresholdFactor: factor, ValueRange: values},
		&AutoContrast{ValueRange: values},
		&Equalization{ValueRange: values, Bins: 256},
		&RandomBrightness{Factor: factor, ValueRange: values},
		&RandomColorDegeneration{Factor: factor, ValueRange: values},
		&RandomContrast{Factor: factor, ValueRange: values},
		&RandomSharpness{Factor: factor, ValueRange: values},
	}
}

// oneOfThem does a random one of the augmentations to all images of a batch, or with a choice of one more perhaps none. All of them are computed.
func oneOfThem(c *core.Call, x graph.Value, all []augmentation, choice int) graph.Value {
	g := c.Graph
	chosen := g.Reshape(g.Floor(oneBetween(g, 0, float64(choice))), 1, 1, 1, 1)
	y := x
	for i, a := range all {
		y = g.Select(g.Equal(chosen, g.Const(float64(i))), a.change(c, x), y)
	}
	return y
}

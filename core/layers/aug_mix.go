package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// AugMix mixes images with augmented ones in training. num_chains times it does chain_depth random augmentations to the images of a batch, each one of
// those of RandAugment or none; without all_ops one of the first seven or none. What comes out of the chains is mixed by weights from Dirichlet's
// distribution with alpha, and that with the images by one from Beta(alpha, alpha), and cut to value_range. Otherwise the layer does nothing.
//
// Input and output (batch, height, width, channels); with data_format "channels_first" channels come second.
// Source: keras/src/layers/preprocessing/image_preprocessing/aug_mix.py; Hendrycks et al., ICLR 2020.
type AugMix struct {
	imageLayer
	ValueRange    core.ValueRange `json:"value_range"`
	NumChains     int             `json:"num_chains" want:">0"`
	ChainDepth    int             `json:"chain_depth" want:">=0"`
	Factor        core.Range      `json:"factor"`
	Alpha         float64         `json:"alpha" want:">0"`
	AllOps        bool            `json:"all_ops"`
	Interpolation string          `json:"interpolation" want:"bilinear|nearest"`
	Seed          any             `json:"seed"`
}

func init() {
	register("AugMix", func() *AugMix {
		return &AugMix{imageLayer: newImageLayer(), ValueRange: bytes, NumChains: 3, ChainDepth: 3, Factor: core.Range{High: 0.3, Max: 1}, Alpha: 1,
			AllOps: true, Interpolation: "bilinear"}
	})
}

// NewAugMix makes an AugMix layer.
func NewAugMix(with ...With) *AugMix { return configure[*AugMix]("AugMix", nil, with) }

// Call augments in training.
func (l *AugMix) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.augment(c, inputs[0], l)
}

// change augments.
func (l *AugMix) change(c *core.Call, x graph.Value) graph.Value {
	g := c.Graph
	if l.NumChains < 1 || l.NumChains > maxSteps || l.ChainDepth > maxSteps || l.NumChains*l.ChainDepth > maxSteps {
		g.Fail(core.Errorf(core.ErrUnsupported, "num_chains", "got %d of chain_depth %d, want at most %d augmentations", l.NumChains, l.ChainDepth, maxSteps))
		return x
	}
	all := augmentations(l.Factor, l.ValueRange, l.Interpolation)
	if !l.AllOps {
		all = all[:simpleAugmentations]
	}
	alpha := g.Const(l.Alpha)
	weights := g.Softmax(logGamma(g, tensor.Shape{1, l.NumChains}, alpha)) // of Gamma's distribution, divided by their sum
	mixed := g.Zeros(x)
	for i := range l.NumChains {
		y := x
		for range l.ChainDepth {
			y = oneOfThem(c, y, all, len(all)+1)
		}
		mixed = g.Add(mixed, g.Mul(y, g.Reshape(g.Narrow(weights, 1, i, 1), 1, 1, 1, 1)))
	}
	kept := beta(g, tensor.Shape{1, 1, 1, 1}, alpha)
	return clip(g, g.Add(mixed, g.Mul(kept, g.Sub(x, mixed))), l.ValueRange.Low, l.ValueRange.High)
}

package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// Dropout sets each element to 0 with probability rate in training and multiplies the others by 1/(1-rate). Otherwise it does nothing.
//
// Input and output of any shape. noise_shape makes elements share their fate along axes where it has 1.
// Source: keras/src/layers/regularization/dropout.py; Srivastava et al., JMLR 15, 2014.
type Dropout struct {
	core.Base
	Rate       float64      `json:"rate" want:"0..1"`
	Seed       any          `json:"seed" keras:"3"`
	NoiseShape tensor.Shape `json:"noise_shape"`
}

func init() {
	registerUpgraded("Dropout", func() *Dropout { return &Dropout{} }, renamed(rateName))
}

// NewDropout makes a Dropout layer.
func NewDropout(rate float64, with ...With) *Dropout {
	return configure[*Dropout]("Dropout", With{"rate": rate}, with)
}

// Build checks the noise shape.
func (l *Dropout) Build(_ *core.Builder, inputs []tensor.Shape) error {
	if err := core.WantInputs(inputs, 1, 0); err != nil {
		return err
	}
	return wantNoiseShape(l.NoiseShape, inputs[0])
}

// wantNoiseShape checks that a noise shape, if there is one, broadcasts to an input.
func wantNoiseShape(noise, input tensor.Shape) error {
	if noise == nil {
		return nil
	}
	ok := len(noise) == len(input)
	for i := 0; ok && i < len(noise); i++ {
		ok = noise[i] <= 1 || input[i] < 0 || noise[i] == input[i]
	}
	if !ok {
		return core.Errorf(core.ErrLayerConfig, "noise_shape", "got %v, want one that broadcasts to %v", noise, input)
	}
	return nil
}

// noiseShape is a noise shape with the sizes of x where it says nothing.
func noiseShape(x graph.Value, noise tensor.Shape) tensor.Shape {
	shape := x.Shape().Clone()
	for i, d := range noise {
		if d >= 0 {
			shape[i] = d
		}
	}
	return shape
}

// Call drops elements in training.
func (l *Dropout) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return []graph.Value{dropout(c, inputs[0], l.Rate, l.NoiseShape)}
}

// dropout multiplies x by 0 or by 1/(1-rate), chosen anew for each element of the noise shape (nil: of x); an Unknown size there is
// that of x.
func dropout(c *core.Call, x graph.Value, rate float64, noise tensor.Shape) graph.Value {
	if !c.Training || rate == 0 {
		return x
	}
	g := c.Graph
	if rate == 1 {
		return g.Mul(x, g.Const(0))
	}
	keep := g.GreaterEqual(g.Random(noiseShape(x, noise)), g.Const(rate))
	return g.Mul(x, g.Mul(keep, g.Const(1/(1-rate))))
}

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
	Seed       any          `json:"seed,3"`
	NoiseShape tensor.Shape `json:"noise_shape"`
}

func init() { register("Dropout", func() *Dropout { return &Dropout{} }) }

// NewDropout makes a Dropout layer.
func NewDropout(rate float64, with ...With) *Dropout {
	return configure[*Dropout]("Dropout", With{"rate": rate}, with)
}

// Build checks the noise shape.
func (l *Dropout) Build(_ *core.Builder, inputs []tensor.Shape) error {
	if err := core.WantInputs(inputs, 1, 0); err != nil {
		return err
	}
	if l.NoiseShape != nil && len(l.NoiseShape) != len(inputs[0]) {
		return core.Errorf(core.ErrLayerConfig, "noise_shape", "got %v, want rank %d", l.NoiseShape, len(inputs[0]))
	}
	return nil
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
	g, shape := c.Graph, x.Shape().Clone()
	for i, d := range noise {
		if d >= 0 {
			shape[i] = d
		}
	}
	if rate == 1 {
		return g.Mul(x, g.Const(0))
	}
	keep := g.GreaterEqual(g.Random(shape), g.Const(rate))
	return g.Mul(x, g.Mul(keep, g.Const(1/(1-rate))))
}

package layers

import (
	"path"
	"slices"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// SpectralNormalization is a layer whose kernel is divided, before each step of training, by an estimate of its largest singular value:
//
//	v = norm(u kernel^T), u = norm(v kernel), power_iterations times; kernel = kernel / (v kernel u^T)
//
// the kernel as a matrix (..., filters), norm(x) = x/|x|. A kernel of zeros stays. Otherwise it does what the layer inside does, which has a
// kernel or a table of embeddings.
//
// Weights: those of the layer, vector_u (1, filters). Source: keras/src/layers/normalization/spectral_normalization.py; Miyato et al., ICLR 2018.
type SpectralNormalization struct {
	core.Base
	Layer           core.Layer `json:"layer"`
	PowerIterations int        `json:"power_iterations" want:">0"`

	kernel, u *core.Weight
}

func init() {
	register("SpectralNormalization", func() *SpectralNormalization { return &SpectralNormalization{PowerIterations: 1} })
}

// NewSpectralNormalization makes a SpectralNormalization layer around another, which belongs to it from then on.
func NewSpectralNormalization(layer core.Layer, with ...With) *SpectralNormalization {
	return configure[*SpectralNormalization]("SpectralNormalization", With{"layer": layer}, with)
}

// Build builds the layer inside and declares the vector.
func (l *SpectralNormalization) Build(b *core.Builder, inputs []tensor.Shape) error {
	if l.Layer == nil {
		return core.Errorf(core.ErrLayerConfig, "layer", "got none, want a layer")
	}
	l.Layer.Common().Name = nameOf(l.Layer)
	if err := b.Child("layer", l.Layer, inputs...); err != nil {
		return err
	}
	weights := l.Layer.Common().Weights()
	at := slices.IndexFunc(weights, func(w *core.Weight) bool {
		name := path.Base(w.Name)
		return name == "kernel" || name == "embeddings"
	})
	if at < 0 {
		return core.Errorf(core.ErrLayerConfig, "layer", "got %s, want a layer with a kernel or embeddings", l.Layer.Common().Place())
	}
	l.kernel = weights[at]
	l.u = b.Weight(core.WeightSpec{Name: "vector_u", Shape: tensor.Shape{1, l.kernel.Shape.Dim(-1)},
		Initializer: initializer("TruncatedNormal"), State: true})
	return nil
}

// Borrowed is the kernel.
func (l *SpectralNormalization) Borrowed() []*core.Weight { return []*core.Weight{l.kernel} }

// Call normalises the kernel in training, and calls the layer inside.
func (l *SpectralNormalization) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	g := c.Graph
	if c.Training {
		old, u := c.Read(l.kernel), c.Read(l.u)
		kernel := g.StopGradient(old)
		w := g.Flatten(kernel, -1)
		unit := func(x graph.Value) graph.Value {
			return g.Mul(x, g.Rsqrt(g.Maximum(g.Sum(g.Square(x), nil, false), g.Const(1e-14)))) // 1e-7 squared
		}
		next, v := u, graph.Value{}
		for range l.PowerIterations {
			v = unit(g.MatMul(next, w, false, true))
			next = unit(g.MatMul(v, w, false, false))
		}
		sigma := g.Reshape(g.MatMul(g.MatMul(v, w, false, false), next, false, true))
		zero := g.Equal(g.Max(g.Abs(kernel), nil, false), g.Const(0))
		c.Update(l.u, g.Select(zero, u, next))
		// What is trained is the kernel that results, so the gradient passes the division by.
		through := g.Sub(old, kernel)
		c.Update(l.kernel, g.Add(g.Select(zero, kernel, g.Div(kernel, sigma)), through))
	}
	masks := make([]graph.Value, len(inputs))
	for i := range masks {
		masks[i] = c.Mask(i)
	}
	r := c.Child(l.Layer, inputs, masks, nil)
	if g.Err() != nil {
		return nil
	}
	for i, m := range r.Masks {
		c.SetMask(i, m)
	}
	return r.Values
}

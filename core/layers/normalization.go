package layers

import (
	"math"
	"slices"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// Normalization shifts and scales by fixed statistics:
//
//	output = (input - mean)/max(sqrt(variance), 1e-7)
//	output = mean + input max(sqrt(variance), 1e-7), with invert
//
// mean and variance, one number for each place along axis (which may be several axes, or none), come from the config, or from data that
// Adapt has seen.
//
// Input and output of any shape. Weights, without mean and variance in the config: mean, variance, and count, which nothing uses any
// more. Source: keras/src/layers/preprocessing/normalization.py.
type Normalization struct {
	core.Base
	Axis     []int `json:"axis"`
	Invert   bool  `json:"invert"`
	Mean     any   `json:"mean"`
	Variance any   `json:"variance"`

	mean, variance *core.Weight
}

func init() {
	registerUpgraded("Normalization", func() *Normalization { return &Normalization{Axis: []int{-1}} },
		func(c core.Config, from registry.Origin) error {
			if v, ok := c["axis"]; ok && v == nil {
				c["axis"] = []any{}
			}
			return listAxis(c, from)
		})
}

// NewNormalization makes a Normalization layer.
func NewNormalization(with ...With) *Normalization {
	return configure[*Normalization]("Normalization", nil, with)
}

// Build checks mean and variance, or declares them as weights.
func (l *Normalization) Build(b *core.Builder, inputs []tensor.Shape) error {
	if err := core.WantInputs(inputs, 1, 0); err != nil {
		return err
	}
	axes, err := core.Resolve(l.Axis, len(inputs[0]))
	if err != nil {
		return err
	}
	shape, err := sizesOf(inputs[0], axes)
	if err != nil {
		return err
	}
	if (l.Mean == nil) != (l.Variance == nil) {
		return core.Errorf(core.ErrLayerConfig, "mean", "got %v with variance %v, want both or none", l.Mean, l.Variance)
	}
	if l.Mean != nil {
		_, _, err := l.given(shape)
		return err
	}
	l.mean = b.Weight(core.WeightSpec{Name: "mean", Shape: shape, Initializer: initializer("Zeros"), State: true})
	l.variance = b.Weight(core.WeightSpec{Name: "variance", Shape: shape, Initializer: initializer("Ones"), State: true})
	b.Weight(core.WeightSpec{Name: "count", Shape: tensor.Shape{}, Initializer: initializer("Zeros"), State: true, DType: "int64"})
	return nil
}

// given is mean and variance of the config, which broadcast to a shape.
func (l *Normalization) given(shape tensor.Shape) (mean, variance *tensor.Tensor, err error) {
	for i, v := range []any{l.Mean, l.Variance} {
		key := []string{"mean", "variance"}[i]
		t, err := numbers(v)
		if err != nil {
			return nil, nil, core.In(key, core.ErrLayerConfig, err)
		}
		if s, ok := graph.Broadcast(t.Shape(), shape); !ok || !s.Equal(shape) {
			return nil, nil, core.Errorf(core.ErrLayerConfig, key, "got shape %v, want one that broadcasts to %v", t.Shape(), shape)
		}
		mean, variance = variance, t
	}
	return mean, variance, nil
}

// Call normalises.
func (l *Normalization) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	g, x := c.Graph, inputs[0]
	axes, err := core.Resolve(l.Axis, x.Rank())
	if err != nil {
		g.Fail(err)
		return inputs
	}
	// Everywhere else the statistics have size 1.
	shape, kept := make(tensor.Shape, x.Rank()), make(tensor.Shape, len(axes))
	for i := range shape {
		shape[i] = 1
	}
	for i, a := range axes {
		shape[a], kept[i] = x.Dim(a), x.Dim(a)
	}
	var mean, variance graph.Value
	if l.Mean == nil {
		mean, variance = c.Read(l.mean), c.Read(l.variance)
	} else {
		m, v, err := l.given(kept)
		if err != nil {
			g.Fail(err)
			return inputs
		}
		mean, variance = g.BroadcastTo(g.Table(m), kept), g.BroadcastTo(g.Table(v), kept)
	}
	mean = g.Reshape(mean, shape...)
	scale := g.Maximum(g.Sqrt(g.Reshape(variance, shape...)), g.Const(1e-7))
	if l.Invert {
		return []graph.Value{g.Add(mean, g.Mul(x, scale))}
	}
	return []graph.Value{g.Div(g.Sub(x, mean), scale)}
}

// Adapt sets mean and variance to those of data, (batch, ...), and builds the layer for such data if it has not been built. A layer
// whose config has them is not to be adapted.
func (l *Normalization) Adapt(data *tensor.Tensor) error {
	if l.Mean != nil {
		return core.Errorf(core.ErrUsage, l.Place(), "mean and variance are given, so there is nothing to adapt")
	}
	shape := data.Shape()
	if len(shape) == 0 || data.Size() == 0 {
		return core.Errorf(core.ErrData, l.Place(), "got data of shape %v, want samples", shape)
	}
	if err := core.Build(l, []tensor.Shape{shape.With(0, tensor.Unknown)}); err != nil {
		return err
	}
	axes, err := core.Resolve(l.Axis, len(shape))
	if err != nil {
		return core.In(l.Place(), core.ErrLayerConfig, err)
	}
	if kept, err := sizesOf(shape, axes); err != nil || !kept.Equal(l.mean.Shape) {
		return core.Errorf(core.ErrShapeMismatch, l.Place(), "got data of shape %v, want sizes %v along axes %v", shape, l.mean.Shape, l.Axis)
	}
	// place is where the statistics of each number of data are.
	stride, strides := 1, make([]int, len(shape))
	for i, a := range slices.Backward(axes) {
		strides[a], stride = stride, stride*l.mean.Shape[i]
	}
	place := func(at int) (p int) {
		for i := len(shape) - 1; i >= 0; i-- {
			p += at % shape[i] * strides[i]
			at /= shape[i]
		}
		return p
	}
	values, count := data.Float64s(), float64(data.Size()/stride)
	mean, variance := make([]float64, stride), make([]float64, stride)
	for i, v := range values {
		mean[place(i)] += v / count
	}
	for i, v := range values {
		variance[place(i)] += math.Pow(v-mean[place(i)], 2) / count
	}
	for i := range mean {
		l.mean.Data()[i], l.variance.Data()[i] = float32(mean[i]), float32(variance[i])
	}
	return nil
}

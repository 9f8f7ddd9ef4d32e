package optimizers

import (
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// Adafactor keeps mean square gradients of matrices as one number per row and one per column. With q = g^2 + epsilon_1 and
// beta = 1 - t^beta_2_decay:
//
//	vectors   v = beta v + (1-beta) q
//	matrices  r = beta r + (1-beta) mean(q along columns),  c = beta c + (1-beta) mean(q along rows),  v = r c/mean(r)
//	u = g/sqrt(v),  w = w - a max(epsilon_2, rms(w)) u/max(1, rms(u)/clip_threshold),  a = min(lr, 1/sqrt(t))
//
// The last two axes of larger tensors are as those of matrices. relative_step makes no difference in Keras either: a is the same.
// Slots of each weight: r, c and velocity v; those of a vector are scalars that are not used, and v.
// Source: keras/src/optimizers/adafactor.py; Shazeer and Stern, arXiv:1804.04235.
type Adafactor struct {
	core.OptimizerBase
	Beta2Decay    float64 `json:"beta_2_decay"`
	Epsilon1      float64 `json:"epsilon_1"`
	Epsilon2      float64 `json:"epsilon_2"`
	ClipThreshold float64 `json:"clip_threshold" want:">0"`
	RelativeStep  bool    `json:"relative_step"`

	r, c, v []*core.Weight
}

func init() {
	register("Adafactor", 0.001, func() *Adafactor {
		return &Adafactor{Beta2Decay: -0.8, Epsilon1: 1e-30, Epsilon2: 1e-3, ClipThreshold: 1, RelativeStep: true}
	})
}

// NewAdafactor makes an Adafactor.
func NewAdafactor(lr float64, with ...With) *Adafactor {
	return configure[*Adafactor]("Adafactor", lr, with)
}

// Build declares the slots.
func (o *Adafactor) Build(s *core.State, weights []*core.Weight) {
	for i, w := range weights {
		name := w.Name[strings.LastIndexByte(w.Name, '/')+1:] // Keras names r and c as the weight
		var rows, columns tensor.Shape
		rank := len(w.Shape)
		if rank >= 2 {
			rows = w.Shape[:rank-1]
			columns = append(w.Shape[:rank-2:rank-2], w.Shape[rank-1])
		}
		r, c := s.New(name, rows, nil), s.New(name, columns, nil)
		if rank < 2 {
			r.Name, r.DType = name, "int32"
			c.Name, c.DType = name, "int32"
		}
		o.r, o.c = append(o.r, r), append(o.c, c)
		o.v = append(o.v, s.NewFor("velocity", nil, weights[i:i+1])...)
	}
}

// Update takes one step.
func (o *Adafactor) Update(s *core.Step, i int, w *core.Weight, grad graph.Value) {
	one, t := s.Const(1), time(s)
	rms := func(x graph.Value) graph.Value { return s.Sqrt(s.Mean(s.Square(x), nil, false)) }
	beta := s.Sub(one, s.Pow(t, s.Const(o.Beta2Decay)))
	slot := func(k *core.Weight, x graph.Value) graph.Value {
		v := s.Add(s.Mul(beta, s.Get(k)), s.Mul(s.Sub(one, beta), x))
		s.Set(k, v)
		return v
	}
	q := s.Add(s.Square(grad), s.Const(o.Epsilon1))
	var v graph.Value
	if grad.Rank() < 2 {
		v = slot(o.v[i], q)
	} else {
		r := slot(o.r[i], s.Mean(q, []int{-1}, false))
		c := slot(o.c[i], s.Mean(q, []int{-2}, false))
		v = s.Mul(s.ExpandDims(s.Div(r, s.Mean(r, []int{-1}, true)), -1), s.ExpandDims(c, -2))
		s.Set(o.v[i], v)
	}
	u := s.Div(grad, s.Sqrt(v))
	rate := s.Minimum(s.LearningRate, s.Rsqrt(t))
	alpha := s.Mul(s.Maximum(s.Const(o.Epsilon2), rms(s.Get(w))), rate)
	descend(s, w, s.Mul(s.Div(alpha, s.Maximum(one, s.Div(rms(u), s.Const(o.ClipThreshold)))), u))
}

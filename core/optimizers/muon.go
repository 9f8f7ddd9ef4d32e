package optimizers

import (
	"math"
	"regexp"
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// Muon moves matrices along the nearest orthogonal matrix to their momentum, which five steps of Newton and Schulz find roughly:
//
//	m = momentum m + g,  G = g + momentum m with nesterov, else m
//	X = G/(|G| + 1e-7), then ns_steps times  A = X X',  X = muon_a X + (muon_b A + muon_c A A) X
//	w = w - lr X rms_rate sqrt(max(rows, columns))
//
// X is G transposed while that has more rows than columns; without rms_rate the last factors are 1. All other weights, embeddings (of
// a name with "embedding" in it) with exclude_embeddings, and those whose name matches a regular expression of exclude_layers take
// Adam's steps with lr adam_lr_ratio, adam_weight_decay, adam_beta_1 and adam_beta_2.
//
// Slots of each weight: momentum; where Adam is used also velocity.
// Source: keras/src/optimizers/muon.py; Jordan et al., 2024; Liu et al., arXiv:2502.16982.
type Muon struct {
	core.OptimizerBase
	AdamBeta1         float64  `json:"adam_beta_1" want:"0..<1"`
	AdamBeta2         float64  `json:"adam_beta_2" want:"0..<1"`
	Epsilon           float64  `json:"epsilon"`
	ExcludeLayers     []string `json:"exclude_layers"`
	A                 float64  `json:"muon_a"`
	B                 float64  `json:"muon_b"`
	C                 float64  `json:"muon_c"`
	AdamLRRatio       float64  `json:"adam_lr_ratio"`
	Momentum          float64  `json:"momentum"`
	NSSteps           int      `json:"ns_steps" want:">=0"`
	Nesterov          bool     `json:"nesterov"`
	ExcludeEmbeddings bool     `json:"exclude_embeddings"`
	AdamWeightDecay   *float64 `json:"adam_weight_decay"`
	RMSRate           *float64 `json:"rms_rate"`

	m, v    []*core.Weight // v is nil for weights without Adam
	exclude []*regexp.Regexp
}

func init() {
	register("Muon", 0.001, func() *Muon {
		decay, adamDecay, rate := 0.004, 0.004, 0.2
		return &Muon{OptimizerBase: core.OptimizerBase{WeightDecay: &decay}, AdamBeta1: 0.9, AdamBeta2: 0.999, Epsilon: 1e-7,
			ExcludeLayers: []string{}, A: 3.4445, B: -4.7750, C: 2.0315, AdamLRRatio: 1, Momentum: 0.95, NSSteps: 5, Nesterov: true,
			ExcludeEmbeddings: true, AdamWeightDecay: &adamDecay, RMSRate: &rate}
	})
}

// NewMuon makes a Muon.
func NewMuon(lr float64, with ...With) *Muon { return configure[*Muon]("Muon", lr, with) }

// Build declares the slots.
func (o *Muon) Build(s *core.State, weights []*core.Weight) {
	for _, pattern := range o.ExcludeLayers {
		r, err := regexp.Compile(pattern)
		if err != nil {
			o.Fail(core.In(`optimizer "Muon": exclude_layers`, core.ErrLayerConfig, err))
			return
		}
		o.exclude = append(o.exclude, r)
	}
	o.v = make([]*core.Weight, len(weights))
	for i, w := range weights {
		o.m = append(o.m, s.NewFor("momentum", nil, weights[i:i+1])...)
		if o.usesAdam(w) {
			o.v[i] = s.NewFor("velocity", nil, weights[i:i+1])[0]
		}
	}
}

func (o *Muon) usesAdam(w *core.Weight) bool {
	if len(w.Shape) != 2 || o.ExcludeEmbeddings && strings.Contains(strings.ToLower(w.Name), "embedding") {
		return true
	}
	for _, r := range o.exclude {
		if r.MatchString(w.Name) {
			return true
		}
	}
	return false
}

// WeightDecayOf is another one where Adam is used.
func (o *Muon) WeightDecayOf(w *core.Weight) *float64 {
	if o.usesAdam(w) {
		return o.AdamWeightDecay
	}
	return o.WeightDecay
}

// Update takes one step.
func (o *Muon) Update(s *core.Step, i int, w *core.Weight, grad graph.Value) {
	if o.v[i] != nil {
		alpha := adamRate(s, s.Mul(s.LearningRate, s.Const(o.AdamLRRatio)), o.AdamBeta1, o.AdamBeta2)
		m := toward(s, o.m[i], grad, 1-o.AdamBeta1)
		v := toward(s, o.v[i], s.Square(grad), 1-o.AdamBeta2)
		descend(s, w, s.Div(s.Mul(m, alpha), s.Add(s.Sqrt(v), s.Const(o.Epsilon))))
		return
	}
	momentum := s.Const(o.Momentum)
	m := s.Add(s.Mul(s.Get(o.m[i]), momentum), grad)
	s.Set(o.m[i], m)
	x := m
	if o.Nesterov {
		x = s.Add(grad, s.Mul(momentum, m))
	}
	rate := 1.0
	if o.RMSRate != nil {
		rate = *o.RMSRate * math.Sqrt(float64(max(w.Shape[0], w.Shape[1])))
	}
	descend(s, w, s.Mul(s.Mul(s.LearningRate, s.Const(rate)), o.orthogonal(s, x)))
}

// orthogonal is roughly U V' for x = U S V'.
func (o *Muon) orthogonal(s *core.Step, x graph.Value) graph.Value {
	tall := x.Dim(0) > x.Dim(1)
	if tall {
		x = s.Transpose(x, 1, 0)
	}
	norm := s.Sqrt(s.Sum(s.Square(x), nil, false))
	x = s.Div(x, s.Add(norm, s.Const(1e-7)))
	for range o.NSSteps {
		a := s.MatMul(x, x, false, true)
		b := s.Add(s.Mul(s.Const(o.B), a), s.Mul(s.Const(o.C), s.MatMul(a, a, false, false)))
		x = s.Add(s.Mul(s.Const(o.A), x), s.MatMul(b, x, false, false))
	}
	if tall {
		x = s.Transpose(x, 1, 0)
	}
	return x
}

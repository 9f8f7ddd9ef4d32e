package optimizers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/registry"
)

// Nadam is Adam that looks one step ahead, as Nesterov's momentum does, with a momentum u_t that grows from beta_1/2 to beta_1:
//
//	u_t = beta_1 (1 - 0.96^t/2),  p_t = u_1 u_2 ... u_t
//	m = m + (1-beta_1) (g - m),  v = v + (1-beta_2) (g^2 - v)
//	w = w - lr (u_t+1 m/(1-p_t+1) + (1-u_t) g/(1-p_t))/(sqrt(v/(1-beta_2^t)) + epsilon)
//
// Slots: momentum m, velocity v; then one scalar, p. Source: keras/src/optimizers/nadam.py; Dozat, ICLR 2016 workshop.
type Nadam struct {
	core.OptimizerBase
	Beta1   float64 `json:"beta_1" want:"0..<1"`
	Beta2   float64 `json:"beta_2" want:"0..<1"`
	Epsilon float64 `json:"epsilon"`

	m, v    []*core.Weight
	product *core.Weight
}

func init() {
	registerUpgraded("Nadam", 0.001, func() *Nadam {
		return &Nadam{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-7}
	}, func(c core.Config, from registry.Origin) {
		// Old Kerases let u_t grow by 0.96^(t schedule_decay), which tf.keras writes as decay; Keras 3 has no setting for it.
		delete(c, "schedule_decay")
		if m := from.Major(); m == 1 || m == 2 {
			delete(c, "decay")
		}
	})
}

// NewNadam makes a Nadam.
func NewNadam(lr float64, with ...With) *Nadam { return configure[*Nadam]("Nadam", lr, with) }

// Build declares the slots.
func (o *Nadam) Build(s *core.State, weights []*core.Weight) {
	o.m, o.v = pairs(s, "momentum", "velocity", nil, weights)
	o.product = s.New("variable", nil, number(1))
	o.product.Name = "variable" // Keras forgets to give it a name
}

// momentum is u_t.
func (o *Nadam) momentum(s *core.Step, t graph.Value) graph.Value {
	return s.Mul(s.Const(o.Beta1), s.Sub(s.Const(1), s.Mul(s.Const(0.5), s.Pow(s.Const(0.96), t))))
}

// Update takes one step. The product is that of the step before until Finish.
func (o *Nadam) Update(s *core.Step, i int, w *core.Weight, grad graph.Value) {
	one := s.Const(1)
	now, next := o.momentum(s, time(s)), o.momentum(s, s.Add(s.Iteration, s.Const(2)))
	product := s.Mul(s.Get(o.product), now)
	ahead := s.Div(next, s.Sub(one, s.Mul(product, next)))
	here := s.Div(s.Sub(one, now), s.Sub(one, product))

	m := toward(s, o.m[i], grad, 1-o.Beta1)
	v := toward(s, o.v[i], s.Square(grad), 1-o.Beta2)
	mean := s.Add(s.Mul(ahead, m), s.Mul(here, grad))
	root := s.Sqrt(s.Div(v, correction(s, o.Beta2)))
	descend(s, w, s.Div(s.Mul(mean, s.LearningRate), s.Add(root, s.Const(o.Epsilon))))
}

// Finish goes on to the product of this step.
func (o *Nadam) Finish(s *core.Step) {
	s.Set(o.product, s.Mul(s.Get(o.product), o.momentum(s, time(s))))
}

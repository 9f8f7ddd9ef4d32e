// Package optimizers is Keras' optimizers, one file each. An optimizer is a struct whose exported, JSON-tagged fields are exactly its
// Keras config; Build declares its slots in the order in which Keras saves them, and Update writes the operations of one step for one
// weight. What all optimizers share (clipping, weight decay, averages, accumulation) is core.ApplyGradients.
//
// In Go code an optimizer reads as it does in Keras:
//
//	optimizers.NewSGD(0.01, optimizers.With{"momentum": 0.9, "nesterov": true})
//
// In formulas w is the weight, g its gradient, lr the learning rate and t the step, counted from 1.
package optimizers

import (
	"maps"
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// With is settings of an optimizer by Keras' keys. A learning rate schedule goes under "learning_rate" and wins over the argument. A key
// that the optimizer does not have is reported when training begins.
type With = core.Config

// register adds an optimizer to the standard set. newOptimizer makes one with Keras' defaults and the learning rate lr.
func register[O core.Optimizer](name string, lr float64, newOptimizer func() O, aliases ...string) {
	registerUpgraded(name, lr, newOptimizer, nil, aliases...)
}

// registerUpgraded is register for an optimizer with more to change in old configs than all have.
func registerUpgraded[O core.Optimizer](name string, lr float64, newOptimizer func() O, more func(c core.Config, from registry.Origin), aliases ...string) {
	registry.Default.Optimizers.MustAdd(registry.Entry[core.Optimizer]{
		Name: name,
		// Keras finds optimizers by lower-case names; tf.keras 2.11 to 2.15 writes "Custom>" in front of the class.
		Aliases: append([]string{strings.ToLower(name), "Custom>" + name}, aliases...),
		New: func() core.Optimizer {
			o := newOptimizer()
			b := o.Common()
			b.Name, b.EMAMomentum = registry.SnakeCase(name), 0.99
			b.LearningRate.Value = lr
			return o
		},
		Upgrade: func(c core.Config, from registry.Origin) error {
			if more != nil {
				more(c, from)
			}
			return modernise(c)
		},
	})
}

// configure makes an optimizer of the standard set from a learning rate and settings. Mistakes stay in it until it is built.
func configure[O core.Optimizer](class string, lr float64, with []With) O {
	c := With{"learning_rate": lr}
	for _, w := range with {
		maps.Copy(c, w)
	}
	o, err := registry.Default.Decoder(registry.Origin{}).Optimizer(core.Config{"class_name": class, "config": c})
	if err != nil {
		o = registry.Default.Optimizers.Lookup(class).New()
		o.Common().Fail(err)
	}
	return o.(O)
}

// number is a scalar that slots start from.
type number float64

// Fill sets all of dst.
func (n number) Fill(dst []float32, _ tensor.Shape, _ core.Rand) {
	for i := range dst {
		dst[i] = float32(n)
	}
}

// pairs declares two slots for each weight, interleaved, as Keras saves them.
func pairs(s *core.State, first, second string, init core.Initializer, weights []*core.Weight) (a, b []*core.Weight) {
	for i := range weights {
		a = append(a, s.NewFor(first, init, weights[i:i+1])...)
		b = append(b, s.NewFor(second, nil, weights[i:i+1])...)
	}
	return a, b
}

// correction is 1 - beta^t, what makes up for a moving average that started from 0.
func correction(s *core.Step, beta float64) graph.Value {
	return s.Sub(s.Const(1), s.Pow(s.Const(beta), time(s)))
}

// time is t.
func time(s *core.Step) graph.Value { return s.Add(s.Iteration, s.Const(1)) }

// toward moves a slot the given part of the way to x, and gives the new value: m + (x-m) part.
func toward(s *core.Step, m *core.Weight, x graph.Value, part float64) graph.Value {
	old := s.Get(m)
	v := s.Add(old, s.Mul(s.Sub(x, old), s.Const(part)))
	s.Set(m, v)
	return v
}

// mix sets a slot to rho m + (1-rho) x, and gives the new value.
func mix(s *core.Step, m *core.Weight, x graph.Value, rho float64) graph.Value {
	v := s.Add(s.Mul(s.Const(rho), s.Get(m)), s.Mul(s.Const(1-rho), x))
	s.Set(m, v)
	return v
}

// descend sets w to w - d.
func descend(s *core.Step, w *core.Weight, d graph.Value) { s.Set(w, s.Sub(s.Get(w), d)) }

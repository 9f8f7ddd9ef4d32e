package core

import (
	"math"

	"github.com/gokeras/gk/core/graph"
)

// This file owns a whole step of an optimizer: what Keras does around the update of each weight, for all optimizers alike.

// ApplyGradients writes one step of o along grads, one for each of s.Weights; a gradient may be "none". In this order, each part only
// where the config asks for it:
//
//	loss scale    g = g/loss_scale_factor
//	accumulation  g is added up, and every gradient_accumulation_steps-th step goes on with the mean
//	clipping      clipnorm: g clip/max(|g|, clip), |g| of each weight; global_clipnorm: likewise with |g| over all weights;
//	              clipvalue: min(max(g, -clip), clip)
//	decay         w = w - w weight_decay learning_rate
//	update        the optimizer's own
//	average       a = m a + (1-m) w, m = ema_momentum, 0 in the first step; every ema_overwrite_frequency-th step w = a
//	constraint    w = the weight's projection of w
//
// A weight without a gradient only takes part in the averages. s.Iteration counts batches; with accumulation the update and the
// averages see how many times gradients have been applied. Source: keras/src/optimizers/base_optimizer.py, apply.
func ApplyGradients(o Optimizer, s *Step, grads []graph.Value) {
	if around, ok := o.(OptimizerWrapper); ok {
		around.ApplyAround(s, grads)
		return
	}
	b := o.Common()
	var have []int // weights with a gradient
	g := make([]graph.Value, len(grads))
	for i, v := range grads {
		if !v.Valid() {
			continue
		}
		have = append(have, i)
		g[i] = v
		if b.LossScaleFactor != nil {
			g[i] = s.Mul(v, s.Const(1 / *b.LossScaleFactor))
		}
	}
	if len(have) == 0 && len(grads) > 0 {
		s.Fail(Errorf(ErrGraph, "optimizer \""+b.Name+"\"", "the loss depends on no weight that is trained"))
		return
	}
	step := *s
	if b.GradientAccumulationSteps == nil {
		b.update(o, &step, g, have)
	} else {
		steps := s.Const(float64(*b.GradientAccumulationSteps))
		due := s.Equal(s.Mod(s.Add(s.Iteration, s.Const(1)), steps), s.Const(0))
		for _, i := range have {
			sum := s.Add(g[i], s.Get(b.accumulated[i]))
			s.Set(b.accumulated[i], s.Select(due, s.Const(0), sum))
			g[i] = s.Mul(sum, s.Const(1/float64(*b.GradientAccumulationSteps)))
		}
		step.Iteration = s.FloorDiv(s.Iteration, steps)
		s.When(due, func(inner *States) {
			again := step
			again.States = inner
			b.update(o, &again, g, have)
		})
	}
	if b.UseEMA {
		b.average(&step)
	}
	for _, i := range have {
		if w := s.Weights[i]; w.Constraint != nil {
			s.Set(w, w.Constraint.Project(s.Graph, s.Get(w)))
		}
	}
}

// update clips gradients, decays weights and lets the optimizer do the rest.
func (b *OptimizerBase) update(o Optimizer, s *Step, grads []graph.Value, have []int) {
	b.clip(s, grads, have)
	for _, i := range have {
		w, decay := s.Weights[i], b.WeightDecay
		if d, ok := o.(WeightDecayer); ok {
			decay = d.WeightDecayOf(w)
		}
		if decay != nil && *decay != 0 {
			v := s.Get(w)
			s.Set(w, s.Sub(v, s.Mul(v, s.Mul(s.Const(*decay), s.LearningRate))))
		}
		o.Update(s, i, w, grads[i])
	}
	if f, ok := o.(OptimizerFinisher); ok {
		f.Finish(s)
	}
}

// clip replaces gradients by clipped ones.
func (b *OptimizerBase) clip(s *Step, grads []graph.Value, have []int) {
	squares := func(i int) graph.Value { return s.Sum(s.Square(grads[i]), nil, false) }
	switch {
	case b.ClipNorm != nil:
		limit := s.Const(*b.ClipNorm)
		for _, i := range have {
			grads[i] = s.Mul(grads[i], s.Div(limit, s.Maximum(s.Sqrt(squares(i)), limit)))
		}
	case b.GlobalClipNorm != nil:
		limit, total := s.Const(*b.GlobalClipNorm), s.Const(0)
		for _, i := range have {
			total = s.Add(total, squares(i))
		}
		scale := s.Div(limit, s.Maximum(s.Sqrt(total), limit))
		// A gradient that is infinite somewhere must not look like one that was merely large.
		scale = s.Select(s.IsFinite(total), scale, s.Const(math.NaN()))
		for _, i := range have {
			grads[i] = s.Mul(grads[i], scale)
		}
	case b.ClipValue != nil:
		for _, i := range have {
			grads[i] = s.Minimum(s.Maximum(grads[i], s.Const(-*b.ClipValue)), s.Const(*b.ClipValue))
		}
	}
}

// average moves the averages of weights, and weights to their averages when that is due.
func (b *OptimizerBase) average(s *Step) {
	momentum := s.Mul(s.NotEqual(s.Iteration, s.Const(0)), s.Const(b.EMAMomentum))
	for i, w := range s.Weights {
		a := b.averages[i]
		s.Set(a, s.Add(s.Mul(momentum, s.Get(a)), s.Mul(s.Sub(s.Const(1), momentum), s.Get(w))))
	}
	if b.EMAOverwriteFrequency == nil {
		return
	}
	due := s.Equal(s.Mod(s.Add(s.Iteration, s.Const(1)), s.Const(float64(*b.EMAOverwriteFrequency))), s.Const(0))
	for i, w := range s.Weights {
		s.Set(w, s.Select(due, s.Get(b.averages[i]), s.Get(w)))
	}
}

// ScaleLoss is what the loss is to be multiplied by before gradients are taken, which ApplyGradients makes up for.
func ScaleLoss(o Optimizer, s *States, loss graph.Value) graph.Value {
	if around, ok := o.(OptimizerWrapper); ok {
		return around.ScaleLoss(s, loss)
	}
	if f := o.Common().LossScaleFactor; f != nil {
		return s.Mul(loss, s.Const(*f))
	}
	return loss
}

// FinalizeEMA gives weights, those that the optimizer was built with, the values of their averages at the end of training, where the
// config says use_ema. Otherwise it does nothing.
func FinalizeEMA(o Optimizer, weights []*Weight) {
	for i, a := range o.Common().averages {
		copy(weights[i].Data(), a.Data())
	}
}

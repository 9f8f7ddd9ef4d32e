package plugintest

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/coretest"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	pb "github.com/gokeras/gk/plugins/proto/v1"
	"github.com/gokeras/gk/registry"
)

// This file owns what is checked of everything that is no layer.

// eval runs a small graph in float32.
func eval(memory []*core.Weight, feeds []*tensor.Tensor, f func(g *graph.Graph, in []graph.Value) ([]graph.Value, error)) ([]*tensor.Tensor, error) {
	g := graph.New()
	named := map[string]*tensor.Tensor{}
	var in []graph.Value
	for i, t := range feeds {
		name := fmt.Sprint(i)
		named[name] = t
		in = append(in, g.Input(name, t.Shape()))
	}
	out, err := f(g, in)
	if err == nil {
		err = g.Err()
	}
	if err != nil {
		return nil, err
	}
	m := coretest.Memory[float32]{}
	for _, w := range memory {
		m[&w.Variable] = w.Data()
	}
	return coretest.Eval[float32](g, out, named, m, coretest.Mode{})
}

func (s *suite) activation(class string, e example) {
	a, err := s.r.Decoder(registry.Origin{}).Activation(object(class, e.config))
	x := random(1, e.inputs[0])
	apply := func() (*tensor.Tensor, error) {
		y, err := eval(nil, []*tensor.Tensor{x}, func(g *graph.Graph, in []graph.Value) ([]graph.Value, error) {
			return []graph.Value{a.Apply(g, in[0])}, nil
		})
		if err != nil {
			return nil, err
		}
		return y[0], nil
	}
	var y *tensor.Tensor
	s.check("shape", func() (string, error) {
		if err != nil {
			return "", err
		}
		y, err = apply()
		if err == nil && !y.Shape().Equal(x.Shape()) {
			err = fmt.Errorf("got shape %v for %v", y.Shape(), x.Shape())
		}
		return "", err
	})
	if y == nil {
		return
	}
	s.check("finite", func() (string, error) { return "", finite(y) })
	s.check("gradient", func() (string, error) {
		p := &problem{inputs: []*tensor.Tensor{x}, write: func(g *graph.Graph, in, _ []graph.Value) (graph.Value, error) {
			return g.Sum(g.Mul(a.Apply(g, in[0]), g.Table(random(2, x.Shape()))), nil, false), nil
		}}
		return p.compare()
	})
	s.again(apply, y)
}

func (s *suite) initializer(class string, e example) {
	i, err := s.r.Decoder(registry.Origin{}).Initializer(object(class, e.config))
	shape := e.inputs[0]
	fill := func(seed uint64) (*tensor.Tensor, error) {
		if c, ok := i.(core.ShapeChecker); ok {
			if err := c.CheckShape(shape); err != nil {
				return nil, err
			}
		}
		v := make([]float32, shape.Size())
		i.Fill(v, shape, rand.New(rand.NewPCG(seed, 1)))
		return tensor.From(v, shape...), nil
	}
	var a *tensor.Tensor
	s.check("fills", func() (string, error) {
		if err != nil {
			return "", err
		}
		a, err = fill(1)
		if err == nil {
			err = finite(a)
		}
		return "", err
	})
	if a == nil {
		return
	}
	s.check("deterministic", func() (string, error) {
		b, err := fill(1)
		if err == nil && tensor.MaxAbsDiff(a, b) != 0 {
			err = errors.New("gives other numbers for the same seed")
		}
		return "", err
	})
	s.again(func() (*tensor.Tensor, error) { return fill(1) }, a)
}

func (s *suite) ofWeights(kind pb.Kind, class string, e example) {
	d := s.r.Decoder(registry.Origin{})
	w := random(1, e.inputs[0])
	var f func(g *graph.Graph, w graph.Value) graph.Value
	var err error
	if kind == pb.Kind_KIND_REGULARIZER {
		var r core.Regularizer
		if r, err = d.Regularizer(object(class, e.config)); err == nil {
			f = r.Penalty
		}
	} else {
		var c core.Constraint
		if c, err = d.Constraint(object(class, e.config)); err == nil {
			f = c.Project
		}
	}
	run := func(x *tensor.Tensor) (*tensor.Tensor, error) {
		y, err := eval(nil, []*tensor.Tensor{x}, func(g *graph.Graph, in []graph.Value) ([]graph.Value, error) {
			return []graph.Value{f(g, in[0])}, nil
		})
		if err != nil {
			return nil, err
		}
		return y[0], nil
	}
	var y *tensor.Tensor
	s.check("computes", func() (string, error) {
		if err != nil {
			return "", err
		}
		y, err = run(w)
		if err == nil {
			err = finite(y)
		}
		return "", err
	})
	if y == nil {
		return
	}
	if kind == pb.Kind_KIND_CONSTRAINT {
		s.check("what is projected stays", func() (string, error) {
			again, err := run(y)
			if err == nil && tensor.MaxAbsDiff(again, y) > 1e-5*scaleOf(y) {
				return "a projection of a projection is another one", nil
			}
			return "", err
		})
	} else {
		s.check("gradient", func() (string, error) {
			p := &problem{weights: []*tensor.Tensor{w}, write: func(g *graph.Graph, _, ws []graph.Value) (graph.Value, error) { return f(g, ws[0]), nil }}
			return p.compare()
		})
	}
	s.again(func() (*tensor.Tensor, error) { return run(w) }, y)
}

// targets are y_true and y_pred of an example: as given, or made of one shape.
func (e example) targets() (yTrue, yPred *tensor.Tensor) {
	a, b := e.inputs[0], e.inputs[len(e.inputs)-1]
	yTrue, yPred = random(1, a), random(2, b)
	for _, t := range []*tensor.Tensor{yTrue, yPred} { // between 0 and 1, as probabilities are
		v := tensor.Data[float32](t)
		for i := range v {
			v[i] = 0.5 + 0.4*v[i]/(1+max(v[i], -v[i]))
		}
	}
	return yTrue, yPred
}

func (s *suite) loss(class string, e example) {
	l, err := s.r.Decoder(registry.Origin{}).Loss(object(class, e.config))
	yTrue, yPred := e.targets()
	run := func() (*tensor.Tensor, error) {
		y, err := eval(nil, []*tensor.Tensor{yTrue, yPred}, func(g *graph.Graph, in []graph.Value) ([]graph.Value, error) {
			return []graph.Value{l.Call(g, in[0], in[1])}, nil
		})
		if err != nil {
			return nil, err
		}
		return y[0], nil
	}
	var y *tensor.Tensor
	s.check("a loss for each sample", func() (string, error) {
		if err != nil {
			return "", err
		}
		y, err = run()
		if err == nil && (len(y.Shape()) == 0 || y.Shape()[0] != yPred.Shape()[0]) {
			err = fmt.Errorf("got shape %v for %v", y.Shape(), yPred.Shape())
		}
		return "", err
	})
	if y == nil {
		return
	}
	s.check("finite", func() (string, error) { return "", finite(y) })
	s.check("gradient", func() (string, error) {
		p := &problem{inputs: []*tensor.Tensor{yPred}, write: func(g *graph.Graph, in, _ []graph.Value) (graph.Value, error) {
			return core.ComputeLoss(g, l, g.Table(yTrue), in[0], graph.Value{}, graph.Value{}), nil
		}}
		return p.compare()
	})
	s.again(run, y)
}

func (s *suite) metric(class string, e example) {
	m, err := s.r.Decoder(registry.Origin{}).Metric(object(class, e.config))
	yTrue, yPred := e.targets()
	if err == nil {
		err = core.BuildMetric(m, yTrue.Shape(), yPred.Shape())
	}
	run := func() (*tensor.Tensor, error) {
		m.Common().Reset()
		y, err := eval(m.Common().Weights(), []*tensor.Tensor{yTrue, yPred}, func(g *graph.Graph, in []graph.Value) ([]graph.Value, error) {
			shared := core.NewShared()
			states := core.NewStates(g, shared)
			m.Update(states, in[0], in[1], graph.Value{})
			return []graph.Value{m.Result(states)}, nil
		})
		if err != nil {
			return nil, err
		}
		return y[0], nil
	}
	var y *tensor.Tensor
	s.check("a result after a batch", func() (string, error) {
		if err != nil {
			return "", err
		}
		if y, err = run(); err != nil {
			return "", err
		}
		return fmt.Sprintf("%.5g", y.Float64s()[0]), finite(y)
	})
	if y != nil {
		s.again(run, y)
	}
}

func (s *suite) optimizer(class string, e example) {
	// The sum of squares of a weight, which starts at random, must become smaller.
	var first, last float64
	run := func() (*tensor.Tensor, error) {
		o, err := s.r.Decoder(registry.Origin{}).Optimizer(object(class, e.config))
		if err != nil {
			return nil, err
		}
		w := core.NewWeight(core.WeightSpec{Name: "w", Shape: e.inputs[0]})
		if err := w.Set(random(1, e.inputs[0])); err != nil {
			return nil, err
		}
		if err := core.BuildOptimizer(o, []*core.Weight{w}); err != nil {
			return nil, err
		}
		memory := append([]*core.Weight{w}, core.OptimizerSlots(o)...)
		for k := range 20 {
			rate := tensor.From([]float32{float32(o.Common().LearningRate.At(int64(k)))}).Rows(0, 1)
			iteration := tensor.From([]float32{float32(k)})
			y, err := eval(memory, []*tensor.Tensor{rate, iteration}, func(g *graph.Graph, in []graph.Value) ([]graph.Value, error) {
				shared := core.NewShared()
				v := g.Read(&w.Variable)
				loss := g.Sum(g.Square(v), nil, false)
				core.ApplyGradients(o, &core.Step{States: core.NewStates(g, shared), LearningRate: g.Squeeze(in[0], 0), Iteration: g.Squeeze(in[1], 0),
					Weights: []*core.Weight{w}}, g.Gradient(loss, v))
				shared.Assign(g)
				return []graph.Value{loss}, nil
			})
			if err != nil {
				return nil, err
			}
			last = y[0].Float64s()[0]
			if k == 0 {
				first = last
			}
		}
		return w.Value().Clone(), nil
	}
	var y *tensor.Tensor
	s.check("goes downhill", func() (string, error) {
		var err error
		if y, err = run(); err != nil {
			return "", err
		}
		if !(last < first) {
			return "", fmt.Errorf("a sum of squares went from %.5g to %.5g in 20 steps", first, last)
		}
		return fmt.Sprintf("%.4g to %.4g in 20 steps", first, last), nil
	})
	if y != nil {
		s.again(run, y)
	}
}

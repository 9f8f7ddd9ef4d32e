package plugins

import (
	"os"
	"testing"

	"github.com/gokeras/gk/core"
	_ "github.com/gokeras/gk/core/builtin"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	pb "github.com/gokeras/gk/plugins/proto/v1"
	"github.com/gokeras/gk/registry"
)

// This file owns the plugin that tests use: the test binary itself, run as gk runs plugins.

func TestMain(m *testing.M) {
	if os.Getenv("GK_TEST_HOST") != "" && os.Getenv(cookieKey) == "" {
		beHost()
	}
	if os.Getenv(cookieKey) == cookieValue {
		if fault := os.Getenv("GK_TEST_FAULT"); fault != "" {
			beFaulty(fault)
			serve(testPlugin(), func(s *server) pb.PluginServer { return &faulty{server: s} })
		}
		Serve(testPlugin())
	}
	os.Exit(m.Run())
}

// ThePlugin is for tests outside of the package.
func ThePlugin() Config { return testPlugin() }

func testPlugin() Config {
	r := registry.Default.Clone()
	register(r)
	return Config{Name: "test", Version: "1.2.3", About: "Layers to test with.", Registry: r,
		Examples: []Example{{Class: "test>Scale", Config: core.Config{"power": 2}, Inputs: [][]int{{3, 4}}}}}
}

// register adds the classes of the plugin to a registry, where they are as good as built in.
func register(r *registry.Registry) {
	r.Layers.MustAdd(registry.Entry[core.Layer]{Name: "Scale", Package: "test", About: "x^power times a weight, written in operations.", New: func() core.Layer { return &scale{Power: 1} }})
	r.Layers.MustAdd(registry.Entry[core.Layer]{Name: "Computed", Package: "test", About: "x times a weight, computed in Go.", New: func() core.Layer { return &computed{} }})
	r.Layers.MustAdd(registry.Entry[core.Layer]{Name: "Copy", Package: "test", About: "x, computed in Go.", New: func() core.Layer { return &identity{} }})
	r.Activations.MustAdd(registry.Entry[core.Activation]{Name: "bent", Package: "test", New: func() core.Activation { return &bent{} }})
	r.Initializers.MustAdd(registry.Entry[core.Initializer]{Name: "Ramp", Package: "test", New: func() core.Initializer { return &ramp{Step: 1} }})
	r.Regularizers.MustAdd(registry.Entry[core.Regularizer]{Name: "Cube", Package: "test", New: func() core.Regularizer { return &cube{} }})
	r.Constraints.MustAdd(registry.Entry[core.Constraint]{Name: "Clip", Package: "test", New: func() core.Constraint { return &clip{Limit: 1} }})
	r.Losses.MustAdd(registry.Entry[core.Loss]{Name: "Quartic", Package: "test", New: func() core.Loss {
		return &quartic{LossBase: core.LossBase{Name: "quartic", Reduction: "sum_over_batch_size"}}
	}})
	r.Metrics.MustAdd(registry.Entry[core.Metric]{Name: "Total", Package: "test", New: func() core.Metric { return &total{MetricBase: core.MetricBase{Name: "total"}} }})
	r.Optimizers.MustAdd(registry.Entry[core.Optimizer]{Name: "Heavy", Package: "test", New: func() core.Optimizer {
		o := &heavy{Momentum: 0.5}
		o.Name, o.LearningRate.Value = "heavy", 0.01
		return o
	}})
}

// scale is y = x^power * w, with a moving mean of its inputs, a loss and dropout.
type scale struct {
	core.Base
	Power    float64 `json:"power" want:">0"`
	Dropout  float64 `json:"dropout" want:"0..<1"`
	Penalize bool    `json:"penalize"`
	w, mean  *core.Weight
}

func (l *scale) Build(b *core.Builder, in []tensor.Shape) error {
	n, err := core.WantDim(in[0], -1)
	if err != nil {
		return err
	}
	l.w = b.Weight(core.WeightSpec{Name: "scale", Shape: tensor.Shape{n}, Initializer: &ramp{Step: 0.1}, Constraint: &clip{Limit: 5}, Regularizer: &cube{}})
	l.mean = b.Weight(core.WeightSpec{Name: "mean", Shape: tensor.Shape{n}, State: true})
	return nil
}

func (l *scale) Call(c *core.Call, in []graph.Value) []graph.Value {
	g, x := c.Graph, in[0]
	y := g.Mul(g.Pow(x, g.Const(l.Power)), c.Read(l.w))
	if c.Training {
		axes := make([]int, x.Rank()-1)
		for i := range axes {
			axes[i] = i
		}
		c.Update(l.mean, g.Add(g.Mul(c.Read(l.mean), g.Const(0.9)), g.Mul(g.Mean(x, axes, false), g.Const(0.1))))
		if l.Dropout > 0 {
			y = g.Mul(y, g.Div(g.GreaterEqual(g.Random(y.Shape()), g.Const(l.Dropout)), g.Const(1-l.Dropout)))
		}
	}
	if l.Penalize {
		c.AddLoss(g.Mean(g.Square(y), nil, false))
	}
	return []graph.Value{y}
}

// computed is y = x * w, by Go code.
type computed struct {
	core.Base
	w *core.Weight
}

func (l *computed) Build(b *core.Builder, in []tensor.Shape) error {
	l.w = b.Weight(core.WeightSpec{Name: "scale", Shape: tensor.Shape{in[0].Dim(-1)}, Initializer: &ramp{Step: 0.1}})
	return nil
}

func (l *computed) Call(c *core.Call, in []graph.Value) []graph.Value {
	return c.Graph.Compute(&graph.Func{Label: "scale", Gradients: []bool{true, true}, ReadsInputs: true,
		Forward: func(c *graph.FuncCall) error {
			x, w, y := c.In[0].Data, c.In[1].Data, c.Out[0].Data
			for i := range x {
				y[i] = x[i] * w[i%len(w)]
			}
			return misbehave(c, "forward")
		},
		Backward: func(c *graph.FuncCall) error {
			x, w, dy, dx, dw := c.In[0].Data, c.In[1].Data, c.In[2].Data, c.Out[0].Data, c.Out[1].Data
			clear(dw)
			for i := range x {
				dx[i] = dy[i] * w[i%len(w)]
				dw[i%len(w)] += dy[i] * x[i]
			}
			return misbehave(c, "backward")
		},
	}, []tensor.Shape{in[0].Shape()}, in[0], c.Read(l.w))
}

// identity is y = x, by Go code: nothing but the cost of crossing the border.
type identity struct{ core.Base }

func (l *identity) Build(*core.Builder, []tensor.Shape) error { return nil }

func (l *identity) Call(c *core.Call, in []graph.Value) []graph.Value {
	return c.Graph.Compute(&graph.Func{Label: "copy", Gradients: []bool{true},
		Forward:  func(c *graph.FuncCall) error { copy(c.Out[0].Data, c.In[0].Data); return nil },
		Backward: func(c *graph.FuncCall) error { copy(c.Out[0].Data, c.In[0].Data); return nil },
	}, []tensor.Shape{in[0].Shape()}, in[0])
}

type bent struct{}

func (*bent) Apply(g *graph.Graph, x graph.Value) graph.Value {
	return g.Add(x, g.Sqrt(g.Add(g.Square(x), g.Const(1))))
}

type ramp struct {
	Step float64 `json:"step"`
}

func (r *ramp) Fill(dst []float32, _ tensor.Shape, _ core.Rand) {
	for i := range dst {
		dst[i] = float32(r.Step * float64(i+1))
	}
}

type cube struct{}

func (*cube) Penalty(g *graph.Graph, w graph.Value) graph.Value {
	return g.Mul(g.Const(0.01), g.Sum(g.Abs(g.Mul(g.Square(w), w)), nil, false))
}

type clip struct {
	Limit float64 `json:"limit" want:">0"`
}

func (c *clip) Project(g *graph.Graph, w graph.Value) graph.Value {
	return g.Maximum(g.Minimum(w, g.Const(c.Limit)), g.Const(-c.Limit))
}

type quartic struct{ core.LossBase }

func (*quartic) Call(g *graph.Graph, yTrue, yPred graph.Value) graph.Value {
	return g.Mean(g.Square(g.Square(g.Sub(yTrue, yPred))), []int{yPred.Rank() - 1}, false)
}

type total struct {
	core.MetricBase
	sum *core.Weight
}

func (m *total) Build(s *core.State, _, _ tensor.Shape) error {
	m.sum = s.New("sum", tensor.Shape{}, nil)
	return nil
}

func (m *total) Update(s *core.States, yTrue, yPred, _ graph.Value) {
	s.Set(m.sum, s.Add(s.Get(m.sum), s.Sum(s.Sub(yPred, yTrue), nil, false)))
}

func (m *total) Result(s *core.States) graph.Value { return s.Get(m.sum) }

type heavy struct {
	core.OptimizerBase
	Momentum float64 `json:"momentum" want:"0..1"`
	v        []*core.Weight
}

func (o *heavy) Build(s *core.State, weights []*core.Weight) {
	o.v = s.NewFor("velocity", nil, weights)
}

func (o *heavy) Update(s *core.Step, i int, w *core.Weight, grad graph.Value) {
	v := s.Sub(s.Mul(s.Get(o.v[i]), s.Const(o.Momentum)), s.Mul(grad, s.LearningRate))
	s.Set(o.v[i], v)
	s.Set(w, s.Add(s.Get(w), v))
}

package plugins

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/plugins/internal/wire"
	pb "github.com/gokeras/gk/plugins/proto/v1"
	"github.com/gokeras/gk/registry"
)

// This file owns losses, metrics and optimizers that live in plugins.

// loss is a loss of a plugin.
type loss struct {
	core.LossBase
	thing
}

// DecodeConfig takes what all losses have.
func (l *loss) DecodeConfig(d *registry.Decoder, c core.Config) error {
	return l.split(d, &l.LossBase, []string{"name", "reduction", "dtype"}, c)
}

// Call is the loss of each sample.
func (l *loss) Call(g *graph.Graph, yTrue, yPred graph.Value) graph.Value {
	return l.one(g, "call", yTrue, yPred)
}

// LossMask is what the plugin says.
func (l *loss) LossMask(g *graph.Graph, yTrue, values graph.Value) graph.Value {
	r, err := l.write(g, &pb.TraceRequest{Method: "mask"}, []graph.Value{yTrue, values}, nil, nil)
	if err != nil {
		g.Fail(core.In(l.place(), core.ErrPlugin, err))
		return graph.Value{}
	}
	if len(r.Outputs) == 0 {
		return graph.Value{}
	}
	return r.Outputs[0]
}

// metric is a metric of a plugin.
type metric struct {
	core.MetricBase
	thing
	states []*core.Weight
}

// DecodeConfig takes what all metrics have.
func (m *metric) DecodeConfig(d *registry.Decoder, c core.Config) error {
	return m.split(d, &m.MetricBase, []string{"name", "dtype"}, c)
}

// Build asks for the state.
func (m *metric) Build(s *core.State, yTrue, yPred tensor.Shape) error {
	if err := m.make([]tensor.Shape{yTrue, yPred}, nil); err != nil {
		return err
	}
	specs, _, err := m.specs()
	if err != nil {
		return err
	}
	for _, x := range specs {
		m.states = append(m.states, s.New(x.Name, x.Shape, x.Initializer))
	}
	return nil
}

// Update adds a batch.
func (m *metric) Update(s *core.States, yTrue, yPred, weight graph.Value) {
	inputs := []graph.Value{yTrue, yPred}
	if weight.Valid() {
		inputs = append(inputs, weight)
	}
	m.do(s, "update", inputs)
}

// Result computes the metric.
func (m *metric) Result(s *core.States) graph.Value {
	r := m.do(s, "result", nil)
	if r == nil {
		return s.Const(0)
	}
	if len(r.Outputs) != 1 {
		s.Fail(core.In(m.place(), core.ErrPluginContract, wire.Contract("result", "got %d results, want 1", len(r.Outputs))))
		return s.Const(0)
	}
	return r.Outputs[0]
}

func (m *metric) do(s *core.States, method string, inputs []graph.Value) *wire.Result {
	r, err := m.write(s.Graph, &pb.TraceRequest{Method: method}, inputs, nil, readFrom(m.states, s.Get))
	if err == nil {
		err = apply(r.Updates, m.states, anyWeight, s.Set)
	}
	if err != nil {
		s.Fail(core.In(m.place(), core.ErrPlugin, err))
		return nil
	}
	return r
}

// optimizer is an optimizer of a plugin. What all optimizers share (clipping, decay, averages) gk does itself.
type optimizer struct {
	core.OptimizerBase
	thing
	all []*core.Weight // slots, then the model's weights
}

var optimizerKeys = []string{"name", "learning_rate", "weight_decay", "clipnorm", "global_clipnorm", "clipvalue", "use_ema", "ema_momentum",
	"ema_overwrite_frequency", "loss_scale_factor", "gradient_accumulation_steps"}

// DecodeConfig takes what all optimizers have.
func (o *optimizer) DecodeConfig(d *registry.Decoder, c core.Config) error {
	return o.split(d, &o.OptimizerBase, optimizerKeys, c)
}

// EncodeConfig is the plugin's config with what all optimizers have.
func (o *optimizer) EncodeConfig(e *registry.Encoder) (core.Config, error) {
	return o.join(e, &o.OptimizerBase)
}

// Build asks for the slots.
func (o *optimizer) Build(s *core.State, weights []*core.Weight) {
	shapes, names := make([]tensor.Shape, len(weights)), make([]string, len(weights))
	for i, w := range weights {
		shapes[i], names[i] = w.Shape, w.Name
	}
	err := o.make(shapes, names)
	if err == nil {
		var specs []core.WeightSpec
		specs, _, err = o.specs()
		for _, x := range specs {
			o.all = append(o.all, s.New(x.Name, x.Shape, x.Initializer))
		}
	}
	if err != nil {
		o.Fail(core.In(o.place(), core.ErrPlugin, err))
	}
	o.all = append(o.all, weights...)
}

// Update is a step of one weight.
func (o *optimizer) Update(s *core.Step, i int, _ *core.Weight, grad graph.Value) {
	o.do(s, &pb.TraceRequest{Method: "update", Weight: uint32(i)}, grad, s.LearningRate, s.Iteration)
}

// Finish is what comes after all weights.
func (o *optimizer) Finish(s *core.Step) {
	o.do(s, &pb.TraceRequest{Method: "finish"}, s.LearningRate, s.Iteration)
}

func (o *optimizer) do(s *core.Step, q *pb.TraceRequest, inputs ...graph.Value) {
	r, err := o.write(s.Graph, q, inputs, nil, readFrom(o.all, s.Get))
	if err == nil {
		err = apply(r.Updates, o.all, anyWeight, s.Set)
	}
	if err != nil {
		s.Fail(core.In(o.place(), core.ErrPlugin, err))
	}
}

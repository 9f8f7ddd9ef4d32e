package plugins

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/plugins/internal/wire"
	pb "github.com/gokeras/gk/plugins/proto/v1"
	"github.com/gokeras/gk/registry"
)

// This file owns the objects of the author's side: what Build makes, and the graphs that their methods write.

// object is a layer, an optimizer, ... that gk asked for.
type object struct {
	kind    pb.Kind
	thing   any
	weights []*core.Weight // in the order of the protocol
	model   []*core.Weight // of an optimizer: the weights that it updates
	groups  map[*core.Weight]string
	outputs []tensor.Shape
	config  core.Config
}

// build makes an object.
func build(reg *registry.Registry, q *pb.BuildRequest) (*object, error) {
	v, err := core.ParseJSON(q.GetConfig())
	if err != nil {
		return nil, core.In("config", core.ErrConfigJSON, err)
	}
	config, ok := v.(map[string]any)
	if !ok {
		return nil, core.Errorf(core.ErrConfigJSON, "config", "got %T, want an object", v)
	}
	inputs, err := wire.ShapesOf(q.GetInputs())
	if err != nil {
		return nil, err
	}
	o := &object{kind: q.GetKind()}
	d := reg.Decoder(registry.Origin{})
	form := map[string]any{"class_name": q.GetClass(), "registered_name": q.GetClass(), "config": config}
	switch q.GetKind() {
	case pb.Kind_KIND_LAYER:
		err = o.layer(d, form, inputs)
	case pb.Kind_KIND_OPTIMIZER:
		err = o.optimizer(d, form, inputs, q.GetNames())
	case pb.Kind_KIND_METRIC:
		err = o.metric(d, form, inputs)
	case pb.Kind_KIND_ACTIVATION:
		o.thing, err = d.Activation(form)
	case pb.Kind_KIND_INITIALIZER:
		o.thing, err = d.Initializer(form)
	case pb.Kind_KIND_REGULARIZER:
		o.thing, err = d.Regularizer(form)
	case pb.Kind_KIND_CONSTRAINT:
		o.thing, err = d.Constraint(form)
	case pb.Kind_KIND_LOSS:
		o.thing, err = d.Loss(form)
	default:
		err = core.Errorf(core.ErrPluginProtocol, "kind", "got %d, which this plugin does not know", q.GetKind())
	}
	if err != nil {
		return nil, err
	}
	o.config, err = reg.Encoder(core.Keras3).Config(o.thing)
	return o, err
}

func (o *object) layer(d *registry.Decoder, form map[string]any, inputs []tensor.Shape) error {
	l, err := d.Layer(form)
	if err != nil {
		return err
	}
	o.thing = l
	if err := core.Build(l, inputs); err != nil {
		return err
	}
	trained, fixed := core.Weights(l)
	o.weights = append(append(trained, fixed...), core.LayerStates(l)...)
	o.groups = map[*core.Weight]string{}
	o.group(l, "")
	o.outputs, err = core.OutputShapes(l, inputs)
	return err
}

// group notes where Keras keeps the weights of a layer and of those inside of it.
func (o *object) group(l core.Layer, prefix string) {
	b := l.Common()
	for _, w := range b.Weights() {
		o.groups[w] = strings.Trim(prefix+"/"+w.Group, "/")
	}
	for _, c := range b.Children() {
		o.group(c.Layer, strings.Trim(prefix+"/"+c.Attr, "/"))
	}
}

func (o *object) optimizer(d *registry.Decoder, form map[string]any, shapes []tensor.Shape, names []string) error {
	x, err := d.Optimizer(form)
	if err != nil {
		return err
	}
	if len(names) != len(shapes) {
		return wire.Contract("names", "got %d names for %d weights", len(names), len(shapes))
	}
	for i, s := range shapes {
		o.model = append(o.model, core.NewWeight(core.WeightSpec{Name: names[i], Shape: s}))
	}
	s := &core.State{Scope: x.Common().Name}
	x.Build(s, o.model)
	o.thing = x
	o.weights = append(s.Weights(), o.model...)
	return nil
}

func (o *object) metric(d *registry.Decoder, form map[string]any, inputs []tensor.Shape) error {
	x, err := d.Metric(form)
	if err != nil {
		return err
	}
	if len(inputs) != 2 {
		return wire.Contract("inputs", "got %d shapes, want those of y_true and y_pred", len(inputs))
	}
	if err := core.BuildMetric(x, inputs[0], inputs[1]); err != nil {
		return err
	}
	o.thing, o.weights = x, x.Common().Weights()
	return nil
}

// built describes an object for gk.
func (o *object) built(reg *registry.Registry, id uint64) (*pb.Built, error) {
	config, err := core.FormatJSON(o.config)
	if err != nil {
		return nil, err
	}
	m := &pb.Built{Object: id, Config: config, Outputs: wire.Shapes(o.outputs)}
	e := reg.Encoder(core.Keras3)
	own := o.weights[:len(o.weights)-len(o.model)]
	for _, w := range own {
		x := &pb.Weight{Name: o.nameOf(w), Shape: wire.Shape(w.Shape), Fixed: !w.Trainable, Group: o.groups[w], Dtype: w.DType}
		_, saved := o.groups[w]
		x.State = o.kind == pb.Kind_KIND_LAYER && !saved
		if w.Initializer != nil {
			if x.Initializer, err = encoded(e.Initializer(w.Initializer)); err != nil {
				x.Initializer = []byte(`{"fill": true}`)
			}
		}
		if w.Regularizer != nil {
			if x.Regularizer, err = encoded(e.Regularizer(w.Regularizer)); err != nil {
				return nil, err
			}
		}
		if w.Constraint != nil {
			if x.Constraint, err = encoded(e.Constraint(w.Constraint)); err != nil {
				return nil, err
			}
		}
		m.Weights = append(m.Weights, x)
	}
	return m, nil
}

func encoded(v any, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return core.FormatJSON(v)
}

// nameOf is a weight's name below the name of its object.
func (o *object) nameOf(w *core.Weight) string {
	name := ""
	switch x := o.thing.(type) {
	case core.Layer:
		name = x.Common().Name
	case core.Optimizer:
		name = x.Common().Name
	case core.Metric:
		name = x.Common().Name
	}
	return strings.TrimPrefix(w.Name, name+"/")
}

// tracing is a graph that a method of an object writes.
type tracing struct {
	wire.Trace
	shared *core.Shared
}

// trace runs a method over a new graph.
func (o *object) trace(q *pb.TraceRequest) (*tracing, error) {
	shapes, err := wire.ShapesOf(q.GetInputs())
	if err != nil {
		return nil, err
	}
	masks, err := wire.ShapesOf(q.GetMasks())
	if err != nil {
		return nil, err
	}
	t := &tracing{shared: core.NewShared()}
	t.Graph = graph.New()
	for i, s := range shapes {
		t.Inputs = append(t.Inputs, t.Graph.Input(fmt.Sprint("x", i), s))
	}
	t.Masks = make([]graph.Value, len(shapes))
	for i, there := range q.GetPresent() {
		if there && i < len(masks) && i < len(t.Masks) {
			t.Masks[i] = t.Graph.Input("mask", masks[i])
		}
	}
	for _, w := range o.weights {
		t.Weights = append(t.Weights, &w.Variable)
	}
	if err := o.writeSafely(t, q); err != nil {
		return nil, err
	}
	t.Losses = append(t.Losses, t.shared.Losses...)
	t.Updates = map[*graph.Variable]graph.Value{}
	for w, v := range t.shared.Updates {
		t.Updates[&w.Variable] = v
	}
	return t, nil
}

// writeSafely calls the method. After a mistake in a graph, shapes are not what they should be, and what panics then is not what was wrong.
func (o *object) writeSafely(t *tracing, q *pb.TraceRequest) error {
	defer func() {
		if r := recover(); r != nil {
			if t.Graph.Err() == nil {
				panic(r)
			}
		}
	}()
	return o.write(t, q)
}

// write calls the method.
func (o *object) write(t *tracing, q *pb.TraceRequest) error {
	g := t.Graph
	want := func(n int) error {
		if len(t.Inputs) != n {
			return wire.Contract("inputs", "got %d, want %d for method %q", len(t.Inputs), n, q.GetMethod())
		}
		return nil
	}
	states := core.NewStates(g, t.shared)
	method := q.GetMethod()
	switch x := o.thing.(type) {
	case core.Layer:
		if method == "call" {
			return o.call(t, x, q)
		}
	case core.Activation:
		if method == "call" && want(1) == nil {
			t.Outputs = []graph.Value{x.Apply(g, t.Inputs[0])}
			return nil
		}
	case core.Regularizer:
		if method == "penalty" && want(1) == nil {
			t.Outputs = []graph.Value{x.Penalty(g, t.Inputs[0])}
			return nil
		}
	case core.Constraint:
		if method == "project" && want(1) == nil {
			t.Outputs = []graph.Value{x.Project(g, t.Inputs[0])}
			return nil
		}
	case core.Loss:
		switch {
		case method == "call" && want(2) == nil:
			t.Outputs = []graph.Value{x.Call(g, t.Inputs[0], t.Inputs[1])}
			return nil
		case method == "mask" && want(2) == nil:
			if m, ok := x.(core.LossMasker); ok {
				if v := m.LossMask(g, t.Inputs[0], t.Inputs[1]); v.Valid() {
					t.Outputs = []graph.Value{v}
				}
			}
			return nil
		}
	case core.Metric:
		switch {
		case method == "update" && (want(2) == nil || want(3) == nil):
			x.Update(states, t.Inputs[0], t.Inputs[1], append(t.Inputs, graph.Value{})[2])
			return nil
		case method == "result" && want(0) == nil:
			t.Outputs = []graph.Value{x.Result(states)}
			return nil
		}
	case core.Optimizer:
		return o.step(t, x, q, states)
	}
	return wire.Contract("method", "got %q with %d inputs, which a %s does not have", method, len(t.Inputs), KindName(o.kind))
}

func (o *object) call(t *tracing, l core.Layer, q *pb.TraceRequest) error {
	args := map[string]any{}
	if len(q.GetArguments()) > 0 {
		v, err := core.ParseJSON(q.GetArguments())
		if err != nil {
			return core.In("arguments", core.ErrConfigJSON, err)
		}
		args, _ = v.(map[string]any)
	}
	r, err := core.Apply(l, t.Graph, q.GetTraining(), t.shared, t.Inputs, t.Masks, args)
	if err != nil {
		return err
	}
	t.Outputs, t.OutMask = r.Values, r.Masks
	return nil
}

func (o *object) step(t *tracing, x core.Optimizer, q *pb.TraceRequest, states *core.States) error {
	n := len(t.Inputs)
	s := &core.Step{States: states, Weights: o.model}
	switch {
	case q.GetMethod() == "update" && n == 3 && int(q.GetWeight()) < len(o.model):
		s.LearningRate, s.Iteration = t.Inputs[1], t.Inputs[2]
		x.Update(s, int(q.GetWeight()), o.model[q.GetWeight()], t.Inputs[0])
		return nil
	case q.GetMethod() == "finish" && n == 2:
		s.LearningRate, s.Iteration = t.Inputs[0], t.Inputs[1]
		if f, ok := x.(core.OptimizerFinisher); ok {
			f.Finish(s)
		}
		return nil
	}
	return wire.Contract("method", "got %q with %d inputs for weight %d, which an optimizer of %d weights does not have", q.GetMethod(), n, q.GetWeight(), len(o.model))
}

// fill makes numbers.
func (o *object) fill(q *pb.FillRequest) ([]float32, tensor.Shape, error) {
	r := rand.New(rand.NewPCG(q.GetSeed(), 0x6b))
	if i, ok := o.thing.(core.Initializer); ok {
		s, err := wire.ShapeOf(q.GetShape())
		if err != nil {
			return nil, nil, err
		}
		if !s.Known() {
			return nil, nil, wire.Contract("shape", "got %v, want known sizes", s)
		}
		if c, ok := i.(core.ShapeChecker); ok {
			if err := c.CheckShape(s); err != nil {
				return nil, nil, err
			}
		}
		v := make([]float32, s.Size())
		i.Fill(v, s, r)
		return v, s, nil
	}
	if int(q.GetWeight()) >= len(o.weights) {
		return nil, nil, wire.Contract("weight", "got %d of %d", q.GetWeight(), len(o.weights))
	}
	w := o.weights[q.GetWeight()]
	v := make([]float32, w.Shape.Size())
	if w.Initializer != nil {
		w.Initializer.Fill(v, w.Shape, r)
	}
	return v, w.Shape, nil
}

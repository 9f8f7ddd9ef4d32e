package plugins

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"strconv"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/plugins/internal/wire"
	pb "github.com/gokeras/gk/plugins/proto/v1"
	"github.com/gokeras/gk/registry"
)

// This file owns what all things that live in plugins have in common, and those that are one function: activations, initializers,
// regularizers and constraints.

// class is a class of a plugin.
type class struct {
	p *Plugin
	*pb.Class
	defaults core.Config
}

// thing is an object of such a class, or the wish for one: it is made in the plugin when it is first needed.
type thing struct {
	class  *class
	config core.Config // as it was given
	remote *remote
	err    error
	traces map[string]*traced
}

func newThing(c *class) thing { return thing{class: c, traces: map[string]*traced{}} }

// RegistryEntry is the full name of the class.
func (t *thing) RegistryEntry() string { return ClassName(t.class.Class) }

// DecodeConfig keeps the config; the plugin checks it when the object is made.
func (t *thing) DecodeConfig(_ *registry.Decoder, c core.Config) error {
	t.config = maps.Clone(c)
	return nil
}

// EncodeConfig is the whole config.
func (t *thing) EncodeConfig(*registry.Encoder) (core.Config, error) {
	c := maps.Clone(t.class.defaults)
	if t.remote != nil && t.remote.built != nil {
		if m, err := exactJSON(t.remote.built.GetConfig()); err == nil {
			return m, nil
		}
	}
	if c == nil {
		c = core.Config{}
	}
	maps.Copy(c, t.config)
	return c, nil
}

// exactJSON reads a config and keeps apart numbers with and without a point: a class in Python that is to read it again may want an integer.
func exactJSON(text []byte) (core.Config, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var m core.Config
	if err := d.Decode(&m); err != nil || m == nil {
		return nil, core.Errorf(core.ErrPluginContract, "config", "is no JSON object")
	}
	for k, v := range m {
		m[k] = exact(v)
	}
	return m, nil
}

func exact(v any) any {
	switch v := v.(type) {
	case json.Number:
		if i, err := strconv.Atoi(v.String()); err == nil {
			return i
		}
		f, _ := v.Float64() // what is too large is infinite
		return f
	case map[string]any:
		for k, x := range v {
			v[k] = exact(x)
		}
	case []any:
		for i, x := range v {
			v[i] = exact(x)
		}
	}
	return v
}

// split gives the base what it knows, the keys, and the thing everything.
func (t *thing) split(d *registry.Decoder, base any, keys []string, c core.Config) error {
	own := core.Config{}
	for _, k := range keys {
		if v, ok := c[k]; ok {
			own[k] = v
		}
	}
	if err := d.Into(base, own); err != nil {
		return err
	}
	return t.DecodeConfig(d, c)
}

// join is the way back: the whole config, with what the base knows.
func (t *thing) join(e *registry.Encoder, base any) (core.Config, error) {
	c, err := t.EncodeConfig(e)
	if err != nil {
		return nil, err
	}
	own, err := e.Config(base)
	if err != nil {
		return nil, err
	}
	maps.Copy(c, own)
	return c, nil
}

// make makes the object in the plugin, once.
func (t *thing) make(inputs []tensor.Shape, names []string) error {
	if t.remote != nil || t.err != nil {
		return t.err
	}
	config, err := core.FormatJSON(t.config)
	if err == nil {
		if t.config == nil {
			config = []byte("{}")
		}
		t.remote, err = t.class.p.build(&pb.BuildRequest{Kind: t.class.GetKind(), Class: t.RegistryEntry(), Config: config, Inputs: wire.Shapes(inputs), Names: names})
	}
	t.err = err
	return err
}

// write writes the operations of a method into a graph. weight reads weight i.
func (t *thing) write(g *graph.Graph, q *pb.TraceRequest, inputs, masks []graph.Value, weight func(i int) (graph.Value, bool)) (*wire.Result, error) {
	if err := g.Err(); err != nil {
		return nil, err
	}
	q.Inputs = wire.Shapes(shapesOf(inputs))
	for _, m := range masks {
		q.Present = append(q.Present, m.Valid())
		shape := tensor.Shape{}
		if m.Valid() {
			shape = m.Shape()
		}
		q.Masks = append(q.Masks, wire.Shape(shape))
	}
	key := fmt.Sprint(q.GetMethod(), shapesOf(inputs), q.GetPresent(), q.GetMasks(), q.GetTraining(), string(q.GetArguments()), q.GetWeight())
	x := t.traces[key]
	if x == nil {
		var err error
		if x, err = t.remote.trace(q); err != nil {
			return nil, err
		}
		t.traces[key] = x
	}
	if weight == nil {
		weight = func(int) (graph.Value, bool) { return graph.Value{}, false }
	}
	h := &wire.Host{Graph: g, Inputs: inputs, Masks: masks, Weight: weight, Compute: x.body}
	r, err := h.Splice(x.m)
	return r, core.In(t.class.p.place(), core.ErrPluginContract, err)
}

// readFrom reads weights by number.
func readFrom(all []*core.Weight, read func(w *core.Weight) graph.Value) func(i int) (graph.Value, bool) {
	return func(i int) (graph.Value, bool) {
		if i < 0 || i >= len(all) {
			return graph.Value{}, false
		}
		return read(all[i]), true
	}
}

// apply does the updates of a method, of weights that it may change.
func apply(updates []wire.Update, all []*core.Weight, may func(w *core.Weight) bool, set func(w *core.Weight, v graph.Value)) error {
	for _, u := range updates {
		if u.Weight < 0 || u.Weight >= len(all) || !may(all[u.Weight]) {
			return wire.Contract("update", "of weight %d of %d, which is not to be changed here", u.Weight, len(all))
		}
		w := all[u.Weight]
		if !u.Value.Shape().Equal(w.Shape) {
			return wire.Contract("update", "of %s: got shape %v, want %v", w.Name, u.Value.Shape(), w.Shape)
		}
		set(w, u.Value)
	}
	return nil
}

func anyWeight(*core.Weight) bool { return true }

// one is a function of tensors with one result.
func (t *thing) one(g *graph.Graph, method string, inputs ...graph.Value) graph.Value {
	if err := t.make(nil, nil); err != nil {
		g.Fail(core.In(t.place(), core.ErrPlugin, err))
	}
	r, err := t.write(g, &pb.TraceRequest{Method: method}, inputs, nil, nil)
	if err == nil && len(r.Outputs) != 1 {
		err = wire.Contract(method, "got %d results, want 1", len(r.Outputs))
	}
	if err != nil {
		g.Fail(core.In(t.place(), core.ErrPlugin, err))
		return g.Const(0)
	}
	return r.Outputs[0]
}

func (t *thing) place() string {
	return fmt.Sprintf("%s %q", KindName(t.class.GetKind()), t.RegistryEntry())
}

// activation, initializer, regularizer and constraint are functions of a plugin.
type (
	activation  struct{ thing }
	initializer struct{ thing }
	regularizer struct{ thing }
	constraint  struct{ thing }
)

// Apply is the activation.
func (f *activation) Apply(g *graph.Graph, x graph.Value) graph.Value { return f.one(g, "call", x) }

// Penalty is the regularizer.
func (f *regularizer) Penalty(g *graph.Graph, w graph.Value) graph.Value {
	v := f.one(g, "penalty", w)
	if g.Err() == nil && v.Rank() != 0 {
		g.Fail(core.In(f.place(), core.ErrPluginContract, wire.Contract("penalty", "got shape %v, want a scalar", v.Shape())))
	}
	return v
}

// Project is the constraint.
func (f *constraint) Project(g *graph.Graph, w graph.Value) graph.Value {
	v := f.one(g, "project", w)
	if g.Err() == nil && !v.Shape().Equal(w.Shape()) {
		g.Fail(core.In(f.place(), core.ErrPluginContract, wire.Contract("project", "got shape %v, want %v", v.Shape(), w.Shape())))
	}
	return v
}

// CheckShape makes first values of that shape, which Fill then hands over: Fill itself cannot fail.
func (f *initializer) CheckShape(s tensor.Shape) error {
	if err := f.make(nil, nil); err != nil {
		return err
	}
	return f.remote.fill(make([]float32, s.Size()), s, 0, 0)
}

// Fill is the initializer. What goes wrong here went wrong in CheckShape before; after that, values are zeros.
func (f *initializer) Fill(dst []float32, s tensor.Shape, r core.Rand) {
	if f.make(nil, nil) != nil || f.remote.fill(dst, s, 0, seedOf(r)) != nil {
		clear(dst)
	}
}

// seedOf is a seed from a source of random numbers, which may be nil where what is filled is no random numbers.
func seedOf(r core.Rand) uint64 {
	if r == nil {
		return 0
	}
	return r.Uint64()
}

// fill asks for numbers.
func (o *remote) fill(dst []float32, s tensor.Shape, weight int, seed uint64) error {
	proc, id, err := o.ensure()
	if err != nil {
		return err
	}
	_, err = call(o.p, proc, func(ctx context.Context, c pb.PluginClient) (struct{}, error) {
		stream, err := c.Fill(ctx, &pb.FillRequest{Object: id, Weight: uint32(weight), Shape: wire.Shape(s), Seed: seed})
		if err != nil {
			return struct{}{}, err
		}
		first, err := stream.Recv()
		if err == nil {
			_, err = receiveTensors(stream.Recv, first, 0, []graph.Array{{Shape: s, Data: dst}})
		}
		if errors.Is(err, io.EOF) {
			err = wire.Contract("fill", "got too few numbers")
		}
		return struct{}{}, err
	})
	return err
}

// filled is the initializer of a weight that only the plugin knows.
type filled struct {
	o      *remote
	weight int
}

// Fill asks the plugin.
func (f *filled) Fill(dst []float32, s tensor.Shape, r core.Rand) {
	if f.o.fill(dst, s, f.weight, seedOf(r)) != nil {
		clear(dst)
	}
}

// CheckShape asks for the numbers once, so that a plugin which cannot give them says so while the layer is built.
func (f *filled) CheckShape(s tensor.Shape) error {
	return f.o.fill(make([]float32, s.Size()), s, f.weight, 0)
}

// RegistryEntry is no name: this initializer is in no config.
func (f *filled) RegistryEntry() string { return "" }

// specs are the weights that an object wants.
func (t *thing) specs() ([]core.WeightSpec, []*pb.Weight, error) {
	d := t.class.p.decoder()
	var specs []core.WeightSpec
	for i, w := range t.remote.built.GetWeights() {
		s, err := wire.ShapeOf(w.GetShape())
		if err == nil && !s.Known() {
			err = wire.Contract("shape", "got %v, want known sizes", s)
		}
		if err == nil && !validWeight(w.GetName()) {
			err = wire.Contract("name", "got %.80q", w.GetName())
		}
		x := core.WeightSpec{Name: w.GetName(), Shape: s, State: w.GetFixed(), Group: w.GetGroup(), DType: w.GetDtype()}
		if err == nil && len(w.GetInitializer()) > 0 {
			x.Initializer, err = t.initializerOf(d, i, w.GetInitializer())
		}
		if err == nil && len(w.GetRegularizer()) > 0 {
			x.Regularizer, err = decoded(w.GetRegularizer(), d.Regularizer)
		}
		if err == nil && len(w.GetConstraint()) > 0 {
			x.Constraint, err = decoded(w.GetConstraint(), d.Constraint)
		}
		if err != nil {
			return nil, nil, core.In(fmt.Sprintf("%s: weight %d", t.class.p.place(), i), core.ErrPluginContract, err)
		}
		specs = append(specs, x)
	}
	return specs, t.remote.built.GetWeights(), nil
}

func (t *thing) initializerOf(d *registry.Decoder, i int, text []byte) (core.Initializer, error) {
	v, err := core.ParseJSON(text)
	if err != nil {
		return nil, err
	}
	if m, ok := v.(map[string]any); ok && m["fill"] == true {
		return &filled{t.remote, i}, nil
	}
	return d.Initializer(v)
}

func decoded[T any](text []byte, decode func(v any) (T, error)) (T, error) {
	v, err := core.ParseJSON(text)
	if err != nil {
		var none T
		return none, err
	}
	return decode(v)
}

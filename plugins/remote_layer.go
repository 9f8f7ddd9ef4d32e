package plugins

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/plugins/internal/wire"
	pb "github.com/gokeras/gk/plugins/proto/v1"
	"github.com/gokeras/gk/registry"
)

// This file owns layers that live in plugins.

// layer is a layer of a plugin, as models see it.
type layer struct {
	core.Base
	thing
	all []*core.Weight // in the order of the protocol
}

// baseKeys are the keys of a layer's config that gk reads too.
var baseKeys = []string{"name", "trainable", "dtype"}

// DecodeConfig takes what all layers have and keeps everything for the plugin.
func (l *layer) DecodeConfig(d *registry.Decoder, c core.Config) error {
	return l.split(d, &l.Base, baseKeys, c)
}

// EncodeConfig is the plugin's config with what all layers have.
func (l *layer) EncodeConfig(e *registry.Encoder) (core.Config, error) { return l.join(e, &l.Base) }

// Build asks the plugin for the weights.
func (l *layer) Build(b *core.Builder, inputs []tensor.Shape) error {
	l.config = maps.Clone(l.config)
	if l.config == nil {
		l.config = core.Config{}
	}
	l.config["name"] = l.Name
	if err := l.make(inputs, nil); err != nil {
		return err
	}
	specs, weights, err := l.specs()
	if err != nil {
		return err
	}
	for i, s := range specs {
		if weights[i].GetState() {
			l.all = append(l.all, b.State(s))
		} else {
			l.all = append(l.all, b.Weight(s))
		}
	}
	// The graph says which weights the plugin itself reads: these are to lie where it sees them.
	g := graph.New()
	in := make([]graph.Value, len(inputs))
	for i, s := range inputs {
		in[i] = g.Input(fmt.Sprint(i), s)
	}
	r, err := l.write(g, &pb.TraceRequest{Method: "call"}, in, make([]graph.Value, len(in)), readFrom(l.all, func(w *core.Weight) graph.Value { return g.Read(&w.Variable) }))
	if err != nil {
		return err
	}
	for _, i := range r.Computed {
		l.class.p.placeWeight(l.all[i])
	}
	return nil
}

// Call writes the plugin's operations.
func (l *layer) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	out, err := l.call(c, inputs)
	if err != nil {
		c.Graph.Fail(err)
		return make([]graph.Value, max(1, len(l.remote.built.GetOutputs())))
	}
	return out
}

func (l *layer) call(c *core.Call, inputs []graph.Value) ([]graph.Value, error) {
	q := &pb.TraceRequest{Method: "call", Training: c.Training}
	settings, tensors := c.Settings()
	if len(tensors) > 0 {
		return nil, core.Errorf(core.ErrUnsupported, "call", "got the tensors %s by name, a layer of a plugin takes tensors as inputs only", strings.Join(tensors, ", "))
	}
	if _, ok := settings[core.PositionalArguments]; ok {
		return nil, core.Errorf(core.ErrUnsupported, "call", "got constants among its inputs, a layer of a plugin takes tensors only")
	}
	delete(settings, "training")
	delete(settings, "mask")
	if len(settings) > 0 {
		var err error
		if q.Arguments, err = core.FormatJSON(settings); err != nil {
			return nil, err
		}
	}
	masks := make([]graph.Value, len(inputs))
	for i := range inputs {
		masks[i] = c.Mask(i)
	}
	r, err := l.write(c.Graph, q, inputs, masks, readFrom(l.all, c.Read))
	if err != nil {
		return nil, err
	}
	if len(r.Outputs) == 0 {
		return nil, core.In(l.class.p.place(), core.ErrPluginContract, wire.Contract("call", "got no outputs"))
	}
	said := l.remote.built.GetOutputs()
	for i, v := range r.Outputs {
		if i >= len(said) {
			return nil, core.In(l.class.p.place(), core.ErrPluginContract, wire.Contract("call", "got %d outputs, want %d as it said", len(r.Outputs), len(said)))
		}
		if s, err := wire.ShapeOf(said[i]); err != nil || !s.Matches(v.Shape()) {
			return nil, core.In(l.class.p.place(), core.ErrPluginContract, wire.Contract("call", "output %d: got shape %v, want %v as it said", i, v.Shape(), said[i].GetDims()))
		}
	}
	if err := apply(r.Updates, l.all, func(w *core.Weight) bool { return !w.Trainable }, c.Update); err != nil {
		return nil, core.In(l.class.p.place(), core.ErrPluginContract, err)
	}
	for _, v := range r.Losses {
		c.AddLoss(v)
	}
	if r.Masks != nil {
		c.DropMasks()
		for i, m := range r.Masks {
			if m.Valid() && i < len(r.Outputs) {
				c.SetMask(i, m)
			}
		}
	}
	return slices.Clone(r.Outputs), nil
}

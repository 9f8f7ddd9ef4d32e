package plugins

import (
	"fmt"
	"maps"
	"regexp"
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

var weightName = regexp.MustCompile(`^[A-Za-z0-9_.\-/ :]{1,256}$`)

// baseKeys are the keys of a layer's config that gk reads too.
var baseKeys = []string{"name", "trainable", "dtype"}

// DecodeConfig takes what all layers have and keeps the rest for the plugin.
func (l *layer) DecodeConfig(d *registry.Decoder, c core.Config) error {
	base := core.Config{}
	for _, k := range baseKeys {
		if v, ok := c[k]; ok {
			base[k] = v
		}
	}
	if err := d.Into(&l.Base, base); err != nil {
		return err
	}
	return l.thing.DecodeConfig(d, c)
}

// EncodeConfig is the plugin's config with what all layers have.
func (l *layer) EncodeConfig(e *registry.Encoder) (core.Config, error) {
	c, err := l.thing.EncodeConfig(e)
	if err != nil {
		return nil, err
	}
	base, err := e.Config(&l.Base)
	if err != nil {
		return nil, err
	}
	for _, k := range baseKeys {
		c[k] = base[k]
	}
	return c, nil
}

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
	r, err := l.write(g, &pb.TraceRequest{Method: "call"}, in, make([]graph.Value, len(in)), func(i int) (graph.Value, bool) {
		if i < 0 || i >= len(l.all) {
			return graph.Value{}, false
		}
		return g.Read(&l.all[i].Variable), true
	})
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
	r, err := l.write(c.Graph, q, inputs, masks, func(i int) (graph.Value, bool) {
		if i < 0 || i >= len(l.all) {
			return graph.Value{}, false
		}
		return c.Read(l.all[i]), true
	})
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
	for _, u := range r.Updates {
		if u.Weight < 0 || u.Weight >= len(l.all) || l.all[u.Weight].Trainable {
			return nil, core.In(l.class.p.place(), core.ErrPluginContract, wire.Contract("update", "of weight %d, which a call may not change", u.Weight))
		}
		if w := l.all[u.Weight]; !u.Value.Shape().Equal(w.Shape) {
			return nil, core.In(l.class.p.place(), core.ErrPluginContract, wire.Contract("update", "of %s: got shape %v, want %v", w.Name, u.Value.Shape(), w.Shape))
		}
		c.Update(l.all[u.Weight], u.Value)
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

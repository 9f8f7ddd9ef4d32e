package plugins

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/plugins/internal/wire"
	pb "github.com/gokeras/gk/plugins/proto/v1"
)

// This file owns single calls of a computation, for who measures what they cost.

// Call is one bound call of a computation, for measuring.
type Call struct {
	bound   graph.Bound
	release func()
	In, Out []graph.Array
}

// Run does the call.
func (c *Call) Run() error { return c.bound.Run(1, 1) }

// Release gives back what the call holds.
func (c *Call) Release() {
	c.bound.Release()
	c.release()
}

// CallOf prepares a call of the first computation of a layer of a plugin, for inputs of these shapes, with weights as they are first.
func (p *Plugin) CallOf(class string, config core.Config, inputs []tensor.Shape) (*Call, error) {
	text, err := core.FormatJSON(config)
	if err != nil {
		return nil, err
	}
	o, err := p.build(&pb.BuildRequest{Kind: pb.Kind_KIND_LAYER, Class: class, Config: text, Inputs: wire.Shapes(inputs)})
	if err != nil {
		return nil, err
	}
	q := &pb.TraceRequest{Method: "call", Inputs: wire.Shapes(inputs)}
	t, err := o.trace(q)
	if err != nil {
		return nil, err
	}
	g := graph.New()
	in := make([]graph.Value, len(inputs))
	for i, s := range inputs {
		in[i] = g.Input("x", s)
	}
	h := &wire.Host{Graph: g, Inputs: in, Compute: t.body, Weight: func(i int) (graph.Value, bool) {
		if i < 0 || i >= len(o.built.GetWeights()) {
			return graph.Value{}, false
		}
		s, err := wire.ShapeOf(o.built.GetWeights()[i].GetShape())
		return g.Input("w", s), err == nil
	}}
	if _, err := h.Splice(t.m); err != nil {
		return nil, err
	}
	for _, n := range g.Nodes() {
		a, ok := n.Attr.(graph.ComputeAttr)
		if !ok {
			continue
		}
		return p.bindAlone(a.Body, n)
	}
	return nil, core.Errorf(core.ErrUsage, class, "is traced: its calls cost nothing")
}

func (p *Plugin) bindAlone(body graph.Computation, n *graph.Node) (*Call, error) {
	c := &Call{}
	var owned [][]float32
	array := func(s tensor.Shape) graph.Array {
		a := graph.Array{Shape: s}
		if p.device != nil && s.Size() > 0 {
			a.Data = p.device.Alloc(s.Size())
			owned = append(owned, a.Data)
		}
		if a.Data == nil {
			a.Data = make([]float32, s.Size())
		}
		return a
	}
	for _, v := range n.In {
		c.In = append(c.In, array(v.Shape()))
	}
	for _, s := range n.Out {
		c.Out = append(c.Out, array(s))
	}
	var err error
	c.release = func() {
		for _, data := range owned {
			p.device.Free(data)
		}
	}
	c.bound, err = body.Bind(graph.Binding{In: c.In, Out: c.Out})
	if err != nil {
		c.release()
		return nil, err
	}
	return c, nil
}

package plan

import (
	"fmt"

	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/internal/kernel"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns the planner's own picture of a graph, which it may change: nodes and the values that they read and make. Views of
// other values (Reshape, StopGradient) remain as nodes, so that shapes stay right, but have no memory of their own.

// node is one operation.
type node struct {
	id    int
	op    string
	kind  nodeKind
	attr  any
	in    []*value // nil: an absent operand
	out   []*value
	scope string
	order int // in which it was written, to schedule by
}

// nodeKind says how the planner treats an operation.
type nodeKind uint8

const (
	kernelNode  nodeKind = iota // a kernel of its own
	loopNode                    // elementwise: part of a loop
	viewNode                    // the elements of its operand in the same order
	leafNode                    // input, variable or table: memory from outside
	scatterNode                 // like kernelNode, only moves numbers (Slice, Transpose, ...)
)

// value is one result of a node.
type value struct {
	def   *node
	index int
	shape tensor.Shape
	size  int
	uses  int // by live nodes, outputs and assigns
}

// assign is what a variable gets at the end.
type assign struct {
	to *graph.Variable
	x  *value
}

// ir is the whole program before it is cut in units.
type ir struct {
	nodes   []*node // each after those that it reads
	outputs []*value
	assigns []assign
	plain   bool

	known map[string]*node // common subexpressions
}

// newIR copies what is needed of g, with simplification unless plain.
func newIR(g *graph.Graph, outputs []graph.Value, plain bool) (*ir, error) {
	p := &ir{plain: plain, known: map[string]*node{}}
	nodes := g.Nodes()
	last := map[*graph.Variable]graph.Value{}
	var variables []*graph.Variable
	for _, a := range g.Assigns() {
		v := a.Attr.(graph.VariableAttr).Var
		if _, ok := last[v]; !ok {
			variables = append(variables, v)
		}
		last[v] = a.In[0]
	}
	live := make([]bool, len(nodes))
	mark := func(v graph.Value) {
		if v.Valid() {
			live[v.Node().ID] = true
		}
	}
	for _, v := range outputs {
		if !v.Valid() {
			return nil, fmt.Errorf("plan: an output is no value")
		}
		mark(v)
	}
	for _, v := range last {
		mark(v)
	}
	for i := len(nodes) - 1; i >= 0; i-- {
		if live[i] {
			for _, v := range nodes[i].In {
				mark(v)
			}
		}
	}
	made := make([][]*value, len(nodes))
	get := func(v graph.Value) *value {
		if !v.Valid() {
			return nil
		}
		return made[v.Node().ID][v.Index()]
	}
	for i, n := range nodes {
		if !live[i] {
			continue
		}
		in := make([]*value, len(n.In))
		for k, v := range n.In {
			in[k] = get(v)
		}
		shapes := n.Out
		switch a := n.Attr.(type) {
		case graph.VariableAttr:
			shapes = []tensor.Shape{a.Var.Shape}
		case graph.RNNAttr:
			if n.Op.Name == "RNN" {
				spec := rnnSpec(a, n.In[0].Shape(), n.In[1].Shape())
				shapes = append([]tensor.Shape{}, shapes...)
				shapes[3] = tensor.Shape{spec.SavedSize()}
			}
		}
		for _, s := range shapes {
			if !s.Known() {
				return nil, fmt.Errorf("plan: %s of %q: shape %v is not known", n.Op.Name, n.Scope, s)
			}
		}
		made[i] = p.add(n.Op.Name, n.Attr, shapes, n.Scope, n.ID, in)
	}
	for _, v := range outputs {
		p.outputs = append(p.outputs, get(v))
	}
	for _, v := range variables {
		x := get(last[v])
		if x.def.op == "Variable" && x.def.attr.(graph.VariableAttr).Var == v {
			continue // stays as it is
		}
		p.assigns = append(p.assigns, assign{v, x})
	}
	p.sweep()
	return p, nil
}

func rnnSpec(a graph.RNNAttr, x, r tensor.Shape) kernel.RNNSpec {
	return kernel.RNNSpec{Cell: a.Cell, Batch: x[0], Steps: x[1], Units: r[0], Activation: a.Activation,
		RecurrentActivation: a.RecurrentActivation, ResetAfter: a.ResetAfter, GoBackwards: a.GoBackwards, ZeroOutputForMask: a.ZeroOutputForMask}
}

// kindOf says how an operation is treated.
func kindOf(op string) nodeKind {
	switch op {
	case "Reshape", "StopGradient":
		return viewNode
	case "Input", "Variable", "Table":
		return leafNode
	case "Slice", "Place", "Concat", "Transpose":
		return scatterNode
	}
	if o := graph.OpByName(op); o != nil && o.Elementwise || kernel.Ternary[float64](op, true) != nil {
		return loopNode
	}
	return kernelNode
}

// put appends a node as it is, or finds one that computes the same.
func (p *ir) put(op string, attr any, shapes []tensor.Shape, scope string, order int, in ...*value) []*value {
	key := ""
	if _, own := attr.(graph.ComputeAttr); !own && (!p.plain || kindOf(op) == leafNode) {
		key = keyOf(op, attr, shapes, in)
		if n := p.known[key]; n != nil {
			return n.out
		}
	}
	n := &node{id: len(p.nodes), op: op, kind: kindOf(op), attr: attr, in: in, scope: scope, order: order}
	for i, s := range shapes {
		n.out = append(n.out, &value{def: n, index: i, shape: s, size: s.Size()})
	}
	p.nodes = append(p.nodes, n)
	if key != "" {
		p.known[key] = n
	}
	return n.out
}

// keyOf is the same for nodes that compute the same.
func keyOf(op string, attr any, shapes []tensor.Shape, in []*value) string {
	b := []byte(op)
	switch a := attr.(type) {
	case nil:
	case graph.TableAttr:
		b = fmt.Appendf(b, " %p", a.Values)
	case graph.VariableAttr:
		b = fmt.Appendf(b, " %p", a.Var)
	case graph.InputAttr:
		b = fmt.Appendf(b, " %q", a.Name)
	case graph.ConstAttr:
		b = fmt.Appendf(b, " %b", a.Value)
	default:
		b = fmt.Appendf(b, " %+v", attr)
	}
	if len(in) == 0 {
		b = fmt.Appendf(b, " %v", shapes)
	}
	for _, v := range in {
		if v == nil {
			b = append(b, " -"...)
			continue
		}
		b = append(b, ' ')
		b = appendInt(b, v.def.id)
		b = append(b, '.')
		b = appendInt(b, v.index)
	}
	return string(b)
}

func appendInt(b []byte, i int) []byte { return fmt.Append(b, i) }

// sweep drops nodes that nothing needs and counts uses.
func (p *ir) sweep() {
	live := make([]bool, len(p.nodes))
	for _, n := range p.nodes {
		for _, v := range n.out {
			v.uses = 0
		}
	}
	use := func(v *value) {
		if v != nil {
			v.uses++
			live[v.def.id] = true
		}
	}
	for _, v := range p.outputs {
		use(v)
	}
	for _, a := range p.assigns {
		use(a.x)
	}
	for i := len(p.nodes) - 1; i >= 0; i-- {
		if live[i] {
			for _, v := range p.nodes[i].in {
				use(v)
			}
		}
	}
	kept := p.nodes[:0]
	for i, n := range p.nodes {
		if live[i] {
			n.id = len(kept)
			kept = append(kept, n)
		}
	}
	p.nodes = kept
}

// root is the value whose elements, in the same order, v has: v seen through views.
func (v *value) root() *value {
	for v.def.kind == viewNode {
		v = v.def.in[0]
	}
	return v
}

// takes calls f for every value whose numbers a kernel reads; some operands only say what shape a gradient has.
func (n *node) takes(f func(x *value)) {
	for i, x := range n.in {
		switch {
		case x == nil, n.op == "AvgPoolGrad" && i == 1, n.op == "RNNGrad" && (i == 4 || i == 6 || i == 7):
		default:
			f(x.root())
		}
	}
}

package graph

import "github.com/gokeras/gk/core/tensor"

// This file owns the operations without inputs (what is fed, variables, constants, random numbers) and Assign, which stores.

// Variable is a tensor that lives longer than one run: a weight, an optimizer's slot, a layer's state. A run reads the value from before
// the run everywhere, and stores the assigned one at its end.
type Variable struct {
	Name  string
	Shape tensor.Shape
}

// InputAttr names a tensor that is fed for each run.
type InputAttr struct{ Name string }

// VariableAttr points at the variable that is read or assigned.
type VariableAttr struct{ Var *Variable }

// ConstAttr is a scalar constant.
type ConstAttr struct{ Value float64 }

// TableAttr is a constant tensor.
type TableAttr struct{ Values *tensor.Tensor }

// RandomAttr tells streams of random numbers of one graph apart.
type RandomAttr struct {
	Stream int
	Shape  tensor.Shape
}

func leafShape(n *Node) error { return nil }

func init() {
	define(&Op{Name: "Input", infer: leafShape})
	define(&Op{Name: "Variable", infer: leafShape})
	define(&Op{Name: "Const", Doc: "y = value, a scalar", Inputs: []string{}, Settings: ConstAttr{}, Elementwise: true,
		infer: func(n *Node) error { n.Out = []tensor.Shape{{}}; return nil }})
	define(&Op{Name: "Table", Doc: "constant numbers, which come beside the settings: see Node.table", Inputs: []string{},
		Settings: ShapeAttr{}, infer: func(n *Node) error {
			n.Out = []tensor.Shape{n.Attr.(TableAttr).Values.Shape()}
			return nil
		}})
	define(&Op{Name: "Random", Doc: "uniform numbers in [0, 1), other ones in every run", Inputs: []string{}, Settings: RandomAttr{},
		Without: []string{"Stream"}, Elementwise: true, infer: func(n *Node) error {
			s := n.Attr.(RandomAttr).Shape
			if err := n.checkShape("shape", s); err != nil {
				return err
			}
			n.Out = []tensor.Shape{s}
			return nil
		}})
	define(&Op{Name: "Assign", infer: func(n *Node) error {
		v := n.Attr.(VariableAttr).Var
		if !v.Shape.Equal(n.In[0].Shape()) {
			return n.bad("variable %q has shape %v", v.Name, v.Shape)
		}
		return nil
	}})
	define(&Op{Name: "StopGradient", Doc: "y = x", Inputs: []string{"x"}, Elementwise: true,
		infer: func(n *Node) error { n.Out = []tensor.Shape{n.In[0].Shape()}; return nil }})
}

// Input is a tensor that is fed for each run.
func (g *Graph) Input(name string, shape tensor.Shape) Value {
	n := g.add("Input", InputAttr{name})
	n.Out = []tensor.Shape{shape.Clone()}
	g.open = g.open || !shape.Known()
	return n.Value(0)
}

// Read is the value of a variable before the run, the same Value each time.
func (g *Graph) Read(v *Variable) Value {
	if r, ok := g.reads[v]; ok {
		return r
	}
	n := g.add("Variable", VariableAttr{v})
	n.Out = []tensor.Shape{v.Shape}
	g.open = g.open || !v.Shape.Known()
	g.reads[v] = n.Value(0)
	return n.Value(0)
}

// Assign stores x in v when the run ends. The last Assign to a variable counts.
func (g *Graph) Assign(v *Variable, x Value) {
	n := g.add("Assign", VariableAttr{v}, x)
	if g.err == nil {
		g.assigns = append(g.assigns, n)
	}
}

// Const is a scalar; it broadcasts against any shape.
func (g *Graph) Const(x float64) Value { return g.one("Const", ConstAttr{x}) }

// Table is a constant tensor. Where its size comes from a config, see Fits.
func (g *Graph) Table(t *tensor.Tensor) Value { return g.one("Table", TableAttr{t}) }

// Full is a tensor of one value.
func (g *Graph) Full(x float64, shape tensor.Shape) Value { return g.BroadcastTo(g.Const(x), shape) }

// Random is a tensor of uniform numbers in [0, 1), other ones in every run. They depend on the run's seed and step, on how many
// random tensors were made in this graph before, and on the place in the tensor, on nothing else.
func (g *Graph) Random(shape tensor.Shape) Value {
	g.streams++
	return g.one("Random", RandomAttr{g.streams, shape.Clone()})
}

// StopGradient is x, through which no gradient flows.
func (g *Graph) StopGradient(x Value) Value { return g.one("StopGradient", nil, x) }

// IsConst reports whether v is a scalar constant, and which.
func (v Value) IsConst() (float64, bool) {
	if v.Valid() && v.node.Op.Name == "Const" {
		return v.node.Attr.(ConstAttr).Value, true
	}
	return 0, false
}

// Zeros is a tensor of zeros shaped as x.
func (g *Graph) Zeros(x Value) Value { return g.Full(0, x.Shape()) }

package graph

import (
	"fmt"

	"github.com/gokeras/gk/core/tensor"
)

// This file owns Compute, the operation whose body is not made of operations: Go code, or code in another process.

// Computation is the body of a Compute operation. All numbers that it sees are float32.
type Computation interface {
	// Name is for errors and profiles.
	Name() string
	// Differentiable says for each input whether there is a gradient; nil if there is none at all.
	Differentiable() []bool
	// GradientReads says what Backward wants to see again besides the gradients of the outputs.
	GradientReads() (inputs, outputs bool)
	// Device is where the computation runs; nil is here.
	Device() Device
	// Bind prepares a call whose tensors are always the same memory. Programs bind once and run often.
	//
	// Forward: In are the inputs, Out the outputs. Backward: In are the inputs and the outputs, as far as GradientReads wants them, and
	// the gradients of the outputs; Out are the gradients of the differentiable inputs.
	Bind(b Binding) (Bound, error)
}

// Binding is the memory of one call.
type Binding struct {
	Backward bool
	In, Out  []Array
}

// Array is memory with a shape.
type Array struct {
	Shape tensor.Shape
	Data  []float32
}

// Bound is a call that is ready to run.
type Bound interface {
	// Run computes. seed and step are those of the run; random numbers must depend on nothing else.
	Run(seed, step uint64) error
	// Release says that the call is not needed any more.
	Release()
}

// Device is a place outside of this process where computations run, with memory that both can see.
type Device interface {
	// Alloc gives memory that computations of this device see without copies; nil if there is none.
	Alloc(n int) []float32
	// Free takes it back.
	Free(data []float32)
	// Run runs bound calls of this device one after the other, with one message. The index is that of the call that failed.
	Run(calls []Bound, seed, step uint64) (int, error)
}

// ComputeAttr is the body of a Compute operation, and, in ComputeGrad, which inputs are to get gradients.
type ComputeAttr struct {
	Body Computation
	Want []bool
}

// NoGradientError says that weights are to be trained whose gradient would go through a computation that has none.
type NoGradientError struct{ Name string }

func (e *NoGradientError) Error() string {
	return e.Name + " has no gradient, and weights before it are to be trained"
}

// maxComputed bounds what a computation may say its outputs are, in numbers.
const maxComputed = 1 << 36

func init() {
	define(&Op{Name: "Compute", infer: func(n *Node) error { return nil }, grad: func(g *Graph, n *Node, dy []Value) []Value {
		body := n.Attr.(ComputeAttr).Body
		want := body.Differentiable()
		grads := make([]Value, len(n.In))
		if len(want) != len(n.In) {
			g.Fail(&NoGradientError{body.Name()})
			return grads
		}
		var in []Value
		inputs, outputs := body.GradientReads()
		if inputs {
			in = append(in, n.In...)
		}
		for i := range n.Out {
			if outputs {
				in = append(in, n.Value(i))
			}
		}
		for i := range n.Out {
			if !dy[i].Valid() {
				dy[i] = g.Zeros(n.Value(i))
			}
			in = append(in, dy[i])
		}
		d := g.add("ComputeGrad", ComputeAttr{Body: body, Want: want}, in...)
		k := 0
		for i, w := range want {
			if w {
				if g.err == nil {
					d.Out = append(d.Out, n.In[i].Shape())
				}
				grads[i] = d.Value(k)
				k++
			}
		}
		return grads
	}})
	define(&Op{Name: "ComputeGrad", infer: func(n *Node) error { return nil }})
	define(&Op{Name: "Guard", infer: func(n *Node) error {
		if n.In[0].Rank() != 0 {
			return n.bad("want a scalar")
		}
		n.Out = []tensor.Shape{{}}
		return nil
	}, grad: func(g *Graph, n *Node, dy []Value) []Value { return []Value{dy[0]} }})
}

// Compute runs body on inputs and gives its outputs, of these shapes.
func (g *Graph) Compute(body Computation, outputs []tensor.Shape, inputs ...Value) []Value {
	if g.err != nil {
		return make([]Value, len(outputs))
	}
	for i, s := range outputs {
		n := int64(1)
		for _, d := range s {
			if d < tensor.Unknown || d > maxComputed {
				g.Fail(fmt.Errorf("%s: output %d: got shape %v", body.Name(), i, s))
				return make([]Value, len(outputs))
			}
			n *= max(1, int64(d))
			if n > maxComputed {
				g.Fail(fmt.Errorf("%s: output %d: got shape %v, want at most %d numbers", body.Name(), i, s, int64(maxComputed)))
				return make([]Value, len(outputs))
			}
		}
	}
	n := g.add("Compute", ComputeAttr{Body: body}, inputs...)
	values := make([]Value, len(outputs))
	for i, s := range outputs {
		n.Out = append(n.Out, s.Clone())
		values[i] = n.Value(i)
	}
	return values
}

// Guard is a scalar x. A run in which x is not finite fails before anything is assigned, if guards are on.
func (g *Graph) Guard(x Value) Value { return g.one("Guard", nil, x) }

// Package graph holds the operations that a model is made of: each operation's name, shape rule and gradient rule. A layer writes
// operations, Gradient adds the backward ones, and the planner turns the graph into steps. Nothing here computes numbers.
//
// A graph is built by calling operation methods on it. The first mistake (two shapes that do not go together, say) is kept and
// makes all later calls harmless, so that the code that builds a graph reads as a formula; Err returns it.
//
// Shapes may hold tensor.Unknown while a model is being described; a graph that is to be run is built again with concrete sizes.
package graph

import (
	"fmt"

	"github.com/gokeras/gk/core/tensor"
)

// Graph is a list of operations, each after those that it reads.
type Graph struct {
	nodes   []*Node
	assigns []*Node
	scope   string
	reads   map[*Variable]Value
	streams int
	most    float64 // elements of one value
	open    bool    // some input has Unknown sizes
	err     error
}

// MaxElements is how many elements one value of a new graph may have, where an Unknown size counts as 1: more than any sample in memory,
// and so few that sizes made of them by a layer's config do not overflow.
const MaxElements = 1 << 32

// New returns an empty graph.
func New() *Graph { return &Graph{reads: map[*Variable]Value{}, most: MaxElements} }

// ForBatch allows samples times as many elements, for a graph whose batch is known.
func (g *Graph) ForBatch(samples int) { g.most = MaxElements * max(1, float64(samples)) }

// Node is one operation with its inputs and the shapes of its outputs.
type Node struct {
	ID    int
	Op    *Op
	In    []Value // an absent optional input is the zero Value
	Attr  any     // the operation's settings: a struct type of its own, or nil
	Out   []tensor.Shape
	Scope string // the layer that wrote it, for errors and profiles
}

// Value is one output of a node. The zero Value stands for "none".
type Value struct {
	node *Node
	out  int
}

// Op is a kind of operation. Every Op is declared once, in the file of its family.
type Op struct {
	Name string
	// Doc says in one line what the operation computes. An operation without it is gk's own: Append does not take it.
	Doc string
	// Inputs names the operands in order: "x?" may be left out, "xs..." stands for one or more.
	Inputs []string
	// Outputs names the results that others may read; nil: one, "y". Further ones are between the operation and its gradient.
	Outputs []string
	// Settings is the zero value of Node.Attr as JSON shows it, a struct; nil: there are no settings.
	Settings any
	// Without names fields of Settings that this operation does not have, or finds out itself.
	Without []string
	// Elementwise operations compute each output element from the input elements at the same (broadcast) place.
	Elementwise bool
	// infer sets n.Out from inputs and settings.
	infer func(n *Node) error
	// grad returns the gradient for each input given those of the outputs (zero Value: none arrived). A zero Value in the result
	// means that no gradient flows to that input. Ops without grad stop gradients.
	grad func(g *Graph, n *Node, dy []Value) []Value
}

var ops = map[string]*Op{}

func define(o *Op) {
	if ops[o.Name] != nil {
		panic("graph: operation defined twice")
	}
	ops[o.Name] = o
}

// OpByName finds an operation; nil if there is none of that name.
func OpByName(name string) *Op { return ops[name] }

// Nodes are all operations in the order in which they were written. The caller must not change the slice.
func (g *Graph) Nodes() []*Node { return g.nodes }

// Assigns are the operations that store into variables when a run ends.
func (g *Graph) Assigns() []*Node { return g.assigns }

// Err is the first mistake made while building.
func (g *Graph) Err() error { return g.err }

// Fail records a mistake of whoever builds the graph; only the first counts.
func (g *Graph) Fail(err error) {
	if g.err == nil {
		g.err = err
	}
}

// Scope sets the name under which the following operations are written and returns the one before.
func (g *Graph) Scope(name string) (before string) {
	before, g.scope = g.scope, name
	return before
}

// ShapeError says which operation got shapes that do not fit it.
type ShapeError struct {
	Op     string
	Inputs []tensor.Shape
	Reason string
}

func (e *ShapeError) Error() string {
	s := e.Op
	for i, in := range e.Inputs {
		if i > 0 {
			s += ","
		}
		s += " " + in.String()
	}
	return s + ": " + e.Reason
}

// SizeError says which operation would give a value that no memory holds.
type SizeError struct {
	Op    string
	Shape tensor.Shape
	Most  float64
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("%s: a shape of %v has more than %.4g elements", e.Op, e.Shape, e.Most)
}

// Fits reports whether a shape has no more elements than a value may have, and fails the graph otherwise. Every result of an operation is
// priced so before anything is allocated for it; who makes a Table asks before.
func (g *Graph) Fits(op string, shape tensor.Shape) bool {
	if priceOf(shape) > g.most {
		g.Fail(&SizeError{op, shape.Clone(), g.most})
		return false
	}
	return true
}

func (n *Node) bad(format string, args ...any) error {
	e := &ShapeError{Op: n.Op.Name, Reason: fmt.Sprintf(format, args...)}
	for _, v := range n.In {
		if v.Valid() {
			e.Inputs = append(e.Inputs, v.Shape())
		}
	}
	return e
}

// add appends an operation, which it finds by name: gradient rules write operations and operations hold gradient rules, so neither
// can be a variable that the other's initialization needs. After a mistake it returns a node of scalars that nothing will run.
func (g *Graph) add(op string, attr any, in ...Value) *Node {
	n := &Node{ID: len(g.nodes), Op: ops[op], In: in, Attr: attr, Scope: g.scope}
	if g.err == nil {
		g.err = n.Op.infer(n)
	}
	for _, s := range n.Out {
		if g.err == nil {
			g.Fits(op, s)
		}
	}
	if g.err != nil {
		n.Out = []tensor.Shape{{}, {}, {}, {}, {}, {}, {}, {}}
		return n
	}
	g.nodes = append(g.nodes, n)
	return n
}

func (g *Graph) one(op string, attr any, in ...Value) Value { return g.add(op, attr, in...).Value(0) }

// Value is output i of the node.
func (n *Node) Value(i int) Value { return Value{n, i} }

// Valid reports whether v is an output of some node rather than "none".
func (v Value) Valid() bool { return v.node != nil }

// Node is the operation that computes v, and Index which of its outputs v is.
func (v Value) Node() *Node { return v.node }

// Index is the number of v among the outputs of its node.
func (v Value) Index() int { return v.out }

// Shape is the shape of v. The caller must not change it.
func (v Value) Shape() tensor.Shape { return v.node.Out[v.out] }

// Rank is the number of axes of v.
func (v Value) Rank() int { return len(v.Shape()) }

// Dim is the size of an axis of v; negative axes count from the end.
func (v Value) Dim(axis int) int { return v.Shape().Dim(axis) }

// axisOf resolves a negative axis and checks it.
func (n *Node) axisOf(axis, rank int) (int, error) {
	a := axis
	if a < 0 {
		a += rank
	}
	if a < 0 || a >= rank {
		return 0, n.bad("axis: got %d, want one of a rank-%d tensor", axis, rank)
	}
	return a, nil
}

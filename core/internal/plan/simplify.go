package plan

import (
	"math"
	"slices"

	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/internal/kernel"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns what is simplified while the graph is copied: operations that change nothing, arithmetic on constants, arithmetic on
// tensors that hold one number everywhere, and operations that another one contains.

// add appends an operation, or something simpler that gives the same values.
func (p *ir) add(op string, attr any, shapes []tensor.Shape, scope string, order int, in []*value) []*value {
	s := rewriter{p, scope, order}
	if !p.plain && len(shapes) == 1 {
		if v := s.simpler(op, attr, shapes[0], in); v != nil {
			return []*value{v}
		}
	}
	return p.put(op, attr, shapes, scope, order, in...)
}

// rewriter writes operations in place of one.
type rewriter struct {
	*ir
	scope string
	at    int
}

func (s rewriter) one(op string, attr any, shape tensor.Shape, in ...*value) *value {
	return s.add(op, attr, []tensor.Shape{shape}, s.scope, s.at, in)[0]
}

func (s rewriter) constant(x float64) *value {
	return s.one("Const", graph.ConstAttr{Value: x}, tensor.Shape{})
}

func (s rewriter) reshape(x *value, shape tensor.Shape) *value {
	if x.shape.Equal(shape) {
		return x
	}
	return s.one("Reshape", graph.ShapeAttr{Shape: shape}, shape, x)
}

func (s rewriter) broadcast(x *value, shape tensor.Shape) *value {
	if x.shape.Equal(shape) {
		return x
	}
	return s.one("BroadcastTo", graph.ShapeAttr{Shape: shape}, shape, x)
}

// simpler is a value equal to that of the operation, nil if there is nothing better.
func (s rewriter) simpler(op string, attr any, shape tensor.Shape, in []*value) *value {
	switch kindOf(op) {
	case viewNode:
		x := in[0]
		if x.shape.Equal(shape) {
			return x
		}
		if x.def.kind == viewNode {
			return s.one("Reshape", graph.ShapeAttr{Shape: shape}, shape, x.def.in[0])
		}
		if u := uniform(x); u != nil && x.def.op == "BroadcastTo" {
			return s.broadcast(s.reshape(u, tensor.Shape{}), shape)
		}
	case loopNode:
		return s.elementwise(op, attr, shape, in)
	case scatterNode:
		return s.moved(op, attr, shape, in)
	case kernelNode:
		return s.heavy(op, attr, shape, in)
	}
	return nil
}

// uniform is the one number that all of x are, as a scalar value; nil if they are not known to be one. A tensor of one element that is
// computed counts.
func uniform(x *value) *value {
	for x.def.op == "BroadcastTo" || x.def.kind == viewNode {
		x = x.def.in[0]
	}
	if x.size == 1 {
		return x
	}
	return nil
}

// number is the constant that all of x are.
func number(x *value) (float64, bool) {
	if u := uniform(x); u != nil && u.def.op == "Const" {
		return u.def.attr.(graph.ConstAttr).Value, true
	}
	return 0, false
}

func (s rewriter) elementwise(op string, attr any, shape tensor.Shape, in []*value) *value {
	if len(in) == 0 {
		return nil // a constant, random numbers
	}
	if op == "BroadcastTo" {
		x := in[0]
		if x.shape.Equal(shape) {
			return x
		}
		if x.def.op == "BroadcastTo" {
			return s.broadcast(x.def.in[0], shape)
		}
		if shape.Size() == 1 {
			return s.reshape(x, shape)
		}
		if u := uniform(x); u != nil && len(x.shape) > 0 {
			return s.broadcast(s.reshape(u, tensor.Shape{}), shape)
		}
		return nil
	}
	// On tensors of one number each it is done once.
	scalars, all, constants := make([]*value, len(in)), true, true
	numbers := make([]float64, len(in))
	for i, x := range in {
		if u := uniform(x); u != nil {
			scalars[i] = u
		} else {
			all = false
		}
		var ok bool
		if numbers[i], ok = number(x); !ok {
			constants = false
		}
	}
	if constants {
		if y, ok := fold(op, numbers); ok {
			return s.broadcast(s.constant(y), shape)
		}
	}
	if all && shape.Size() != 1 {
		for i := range scalars {
			scalars[i] = s.reshape(scalars[i], tensor.Shape{})
		}
		return s.broadcast(s.one(op, attr, tensor.Shape{}, scalars...), shape)
	}
	if v := s.identity(op, shape, in); v != nil {
		return v
	}
	// Broadcasting is part of what the operation does.
	stripped, changed := slices.Clone(in), false
	for i, x := range in {
		if x.def.op != "BroadcastTo" {
			continue
		}
		stripped[i] = x.def.in[0]
		if !broadcastOf(stripped).Equal(shape) {
			stripped[i] = x
			continue
		}
		changed = true
	}
	if changed {
		return s.one(op, attr, shape, stripped...)
	}
	return nil
}

func broadcastOf(in []*value) tensor.Shape {
	out := in[0].shape
	for _, v := range in[1:] {
		out, _ = graph.Broadcast(out, v.shape)
	}
	return out
}

// fold computes an operation on constants.
func fold(op string, x []float64) (float64, bool) {
	y := []float64{0}
	switch len(x) {
	case 1:
		if f := kernel.Unary[float64](op, true); f != nil {
			f(y, x)
			return y[0], true
		}
	case 2:
		if f := kernel.Binary[float64](op, true); f != nil {
			f(y, x[:1], x[1:])
			return y[0], true
		}
	case 3:
		if f := kernel.Ternary[float64](op, true); f != nil {
			f(y, x[:1], x[1:2], x[2:])
			return y[0], true
		}
	}
	return 0, false
}

// identity has the arithmetic that leaves an operand as it is or is another operation.
func (s rewriter) identity(op string, shape tensor.Shape, in []*value) *value {
	is := func(i int, want float64) bool {
		x, ok := number(in[i])
		return ok && x == want
	}
	whole := func(i int) *value { // operand i in the shape of the result
		return s.broadcast(in[i], shape)
	}
	switch op {
	case "add":
		switch {
		case is(1, 0):
			return whole(0)
		case is(0, 0):
			return whole(1)
		case in[1].def.op == "neg":
			return s.one("sub", nil, shape, in[0], in[1].def.in[0])
		}
	case "sub":
		switch {
		case is(1, 0):
			return whole(0)
		case in[1].def.op == "neg":
			return s.one("add", nil, shape, in[0], in[1].def.in[0])
		}
	case "mul":
		switch {
		case is(1, 1):
			return whole(0)
		case is(0, 1):
			return whole(1)
		case is(1, -1):
			return s.one("neg", nil, shape, whole(0))
		case is(0, -1):
			return s.one("neg", nil, shape, whole(1))
		case in[0] == in[1]:
			return s.one("square", nil, shape, in[0])
		}
	case "div":
		if x, ok := number(in[1]); ok {
			if f, e := math.Frexp(x); math.Abs(f) == 0.5 && e > -100 && e < 100 { // a power of two
				return s.one("mul", nil, shape, in[0], s.constant(1/x))
			}
		}
	case "pow":
		x, ok := number(in[1])
		if !ok {
			return nil
		}
		if name := map[float64]string{2: "square", 0.5: "sqrt", -1: "reciprocal", -0.5: "rsqrt"}[x]; name != "" {
			return s.one(name, nil, shape, whole(0))
		}
		if x == 1 {
			return whole(0)
		}
	case "neg":
		if in[0].def.op == "neg" {
			return in[0].def.in[0]
		}
	case "relu_grad":
		// The gradient of a maximum goes to one element of each window, which is positive where the maximum is: masking the small
		// tensor instead of the large one is the same.
		if d := in[0].def; d.op == "MaxPoolGrad" && d.in[1] == in[1] {
			dy := s.one("relu_grad", nil, d.in[2].shape, d.in[0], d.in[2])
			return s.one("MaxPoolGrad", d.attr, shape, dy, d.in[1], d.in[2])
		}
	}
	return nil
}

// moved simplifies operations that move numbers.
func (s rewriter) moved(op string, attr any, shape tensor.Shape, in []*value) *value {
	x := in[0]
	switch op {
	case "Transpose":
		perm := attr.(graph.PermAttr).Perm
		if x.def.op == "Transpose" {
			first, joined := x.def.attr.(graph.PermAttr).Perm, make([]int, len(perm))
			for i, axis := range perm {
				joined[i] = first[axis]
			}
			return s.one("Transpose", graph.PermAttr{Perm: joined}, shape, x.def.in[0])
		}
		last := -1
		for _, axis := range perm { // only axes of size 1 change places
			if x.shape[axis] == 1 {
				continue
			}
			if axis < last {
				return nil
			}
			last = axis
		}
		return s.reshape(x, shape)
	case "Slice", "Place":
		if shape.Equal(x.shape) && forward(attr.(graph.RangeAttr), shape) {
			return x
		}
	case "Concat":
		if len(in) == 1 {
			return x
		}
	}
	if u := uniform(x); op == "Slice" && u != nil && u != x {
		return s.broadcast(s.reshape(u, tensor.Shape{}), shape)
	}
	return nil
}

// forward reports whether a range of a whole tensor turns no axis around.
func forward(a graph.RangeAttr, shape tensor.Shape) bool {
	for i, d := range shape {
		if d > 1 && a.Step[i] < 0 {
			return false
		}
	}
	return true
}

// heavy simplifies operations with kernels of their own.
func (s rewriter) heavy(op string, attr any, shape tensor.Shape, in []*value) *value {
	switch op {
	case "Sum", "Mean", "Max", "Min", "Prod":
		if shape.Equal(in[0].shape) { // all axes that are reduced have size 1
			return in[0]
		}
		// Every element of the gradient goes somewhere within its channel, so the small tensor has the same sums.
		a, d := attr.(graph.ReduceAttr), in[0].def
		if op == "Sum" && (d.op == "MaxPoolGrad" || d.op == "AvgPoolGrad") && a.First == 0 && a.End == len(shape)-1 && noEmptyWindow(d) {
			return s.one("Sum", attr, shape, d.in[0])
		}
	case "MatMul":
		a := attr.(graph.MatMulAttr)
		x, y := in[0], in[1]
		if swapped(x) {
			x, a.TransA = x.def.in[0], !a.TransA
		}
		if swapped(y) {
			y, a.TransB = y.def.in[0], !a.TransB
		}
		if x != in[0] || y != in[1] {
			return s.one("MatMul", a, shape, x, y)
		}
	}
	return nil
}

// noEmptyWindow reports whether all windows of the gradient of a pooling have elements.
func noEmptyWindow(n *node) bool {
	a, y, x := n.attr.(graph.PoolAttr), n.in[0].shape, n.in[1].shape
	for i, size := range a.Size {
		if a.PadLo[i] >= size || (y[i+1]-1)*a.Strides[i]-a.PadLo[i] >= x[i+1] {
			return false
		}
	}
	return true
}

// swapped reports whether x is a transposition of its last two axes.
func swapped(x *value) bool {
	if x.def.op != "Transpose" {
		return false
	}
	perm := x.def.attr.(graph.PermAttr).Perm
	n := len(perm)
	if n < 2 || perm[n-1] != n-2 || perm[n-2] != n-1 {
		return false
	}
	return slices.IsSorted(perm[:n-2])
}

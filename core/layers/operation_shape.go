package layers

import (
	"slices"

	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns operations that move numbers: other shapes, orders of axes, joining, cutting, repeating, padding. Source:
// keras/src/ops/numpy.py and core.py.

func init() {
	operation("numpy", "Reshape(newshape)(x)", one(func(a *arguments) graph.Value {
		return a.g.Reshape(a.tensor("x"), a.shape("newshape")...)
	}))
	operation("numpy", "Ravel()(x)", one(func(a *arguments) graph.Value { x := a.tensor("x"); return a.g.Reshape(x, x.Shape().Size()) }))
	operation("numpy", "Transpose(axes=None)(x)", one(func(a *arguments) graph.Value {
		x := a.tensor("x")
		perm := a.axes("axes", x.Rank())
		if !a.has("axes") {
			perm = firstAxes(x.Rank())
			slices.Reverse(perm)
		}
		return a.g.Transpose(x, perm...)
	}))
	operation("numpy", "Moveaxis(source, destination)(x)", one(func(a *arguments) graph.Value {
		x := a.tensor("x")
		from, to := a.axes("source", x.Rank()), a.axes("destination", x.Rank())
		if len(from) != len(to) {
			a.fail("destination", "got %d axes for %d", len(to), len(from))
			return x
		}
		perm := slices.Repeat([]int{-1}, x.Rank())
		for i, axis := range to {
			perm[axis] = from[i]
		}
		rest := firstAxes(x.Rank())
		for i, p := range perm {
			if p >= 0 {
				continue
			}
			for len(rest) > 1 && slices.Contains(from, rest[0]) {
				rest = rest[1:]
			}
			perm[i], rest = rest[0], rest[1:]
		}
		return a.g.Transpose(x, perm...)
	}))
	operation("numpy", "Swapaxes(axis1, axis2)(x)", one(func(a *arguments) graph.Value {
		x := a.tensor("x")
		return swapAxes(a.g, x, a.axis("axis1", x.Rank()), a.axis("axis2", x.Rank()))
	}))
	operation("numpy", "ExpandDims(axis)(x)", one(func(a *arguments) graph.Value {
		x := a.tensor("x")
		list := a.ints("axis")
		axes := make([]int, len(list))
		for i, axis := range list {
			axes[i] = a.toAxis("axis", axis, x.Rank()+len(list))
		}
		slices.Sort(axes)
		shape := x.Shape().Clone()
		for _, axis := range axes {
			shape = slices.Insert(shape, min(axis, len(shape)), 1)
		}
		return a.g.Reshape(x, shape...)
	}))
	operation("numpy", "Squeeze(axis=None)(x)", one(func(a *arguments) graph.Value {
		x := a.tensor("x")
		axes := a.axes("axis", x.Rank())
		shape := tensor.Shape{}
		for i, d := range x.Shape() {
			named := slices.Contains(axes, i)
			if named && d > 1 {
				a.fail("axis", "got %d, where shape %v has more than one place", i, x.Shape())
			}
			if !named && (a.has("axis") || d != 1) {
				shape = append(shape, d)
			}
		}
		return a.g.Reshape(x, shape...)
	}))
	operation("numpy", "BroadcastTo(shape)(x)", one(func(a *arguments) graph.Value {
		x, shape := a.tensor("x"), a.shape("shape")
		for i, d := range shape { // -1 is the size that the tensor has
			if at := i - len(shape) + x.Rank(); d < 0 && at >= 0 {
				shape[i] = x.Dim(at)
			}
		}
		return a.g.BroadcastTo(x, shape)
	}))
	for class, axis := range map[string]string{"Concatenate(axis=0)(xs)": "axis", "Vstack()(xs)": "0", "Hstack()(xs)": "1", "Dstack()(xs)": "2"} {
		operation("numpy", class, one(func(a *arguments) graph.Value {
			xs := a.tensors("xs")
			switch axis {
			case "axis":
				return a.g.Concat(a.axis("axis", xs[0].Rank()), xs...)
			case "1":
				if xs[0].Rank() < 2 {
					return a.g.Concat(0, a.atLeast(xs, 1)...)
				}
				return a.g.Concat(1, xs...)
			case "2":
				return a.g.Concat(2, a.atLeast(xs, 3)...)
			}
			return a.g.Concat(0, a.atLeast(xs, 2)...)
		}))
	}
	operation("numpy", "Append(axis=None)(x1, x2)", one(func(a *arguments) graph.Value {
		x, axis := a.flat("axis", a.tensor("x1"))
		y, _ := a.flat("axis", a.tensor("x2"))
		return a.g.Concat(axis, x, y)
	}))
	operation("numpy", "Stack(axis=0)(x)", one(func(a *arguments) graph.Value { return a.stack(a.tensors("x"), a.int("axis")) }))
	operation("core", "Unstack(num=None, axis=0)(x)", func(a *arguments) []graph.Value {
		x := a.tensor("x")
		axis := a.axis("axis", x.Rank())
		n := x.Dim(axis)
		if a.has("num") {
			n = a.int("num")
		}
		parts := a.parts(x, axis, n, nil)
		for i, p := range parts {
			parts[i] = a.g.Squeeze(p, axis)
		}
		return parts
	})
	split := func(axis int, uneven bool) func(a *arguments) []graph.Value {
		return func(a *arguments) []graph.Value {
			x := a.tensor("x")
			at := axis
			if axis < 0 {
				at = a.axis("axis", x.Rank())
			}
			if axis == 1 && x.Rank() == 1 {
				at = 0
			}
			at = a.toAxis("axis", at, x.Rank())
			if _, one := number(a.values["indices_or_sections"]); !one {
				return a.parts(x, at, 0, a.ints("indices_or_sections"))
			}
			k, n := max(1, a.int("indices_or_sections")), x.Dim(at)
			if !uneven || n == tensor.Unknown {
				return a.parts(x, at, k, nil)
			}
			var ends []int
			for i := range k - 1 { // the first parts are one longer
				ends = append(ends, (i+1)*(n/k)+min(i+1, n%k))
			}
			return a.parts(x, at, 0, ends)
		}
	}
	operation("numpy", "Split(indices_or_sections, axis=0)(x)", split(-1, false))
	operation("numpy", "ArraySplit(indices_or_sections, axis=0)(x)", split(-1, true))
	operation("numpy", "Vsplit(indices_or_sections)(x)", split(0, false))
	operation("numpy", "Hsplit(indices_or_sections)(x)", split(1, false))
	operation("numpy", "Dsplit(indices_or_sections)(x)", split(2, false))

	operation("numpy", "Repeat(repeats, axis=None)(x)", one(func(a *arguments) graph.Value {
		x, axis := a.flat("axis", a.tensor("x"))
		counts := a.ints("repeats")
		if len(counts) == 1 {
			return a.g.Repeat(x, axis, max(0, counts[0]))
		}
		if n := x.Dim(axis); n != tensor.Unknown && n != len(counts) {
			a.fail("repeats", "got %d numbers for %d places", len(counts), n)
			return x
		}
		var places []int
		for i, n := range counts {
			places = append(places, slices.Repeat([]int{i}, max(0, n))...)
		}
		return a.pick(x, axis, places)
	}))
	operation("numpy", "Tile(repeats)(x)", one(func(a *arguments) graph.Value {
		x, counts := a.tensor("x"), a.ints("repeats")
		for x.Rank() < len(counts) {
			x = a.g.ExpandDims(x, 0)
		}
		for i, n := range counts {
			x = tile(a.g, x, i+x.Rank()-len(counts), n)
		}
		return x
	}))
	operation("numpy", "Flip(axis=None)(x)", one(func(a *arguments) graph.Value {
		x := a.tensor("x")
		for _, axis := range a.allAxes("axis", x.Rank()) {
			x = a.g.Reverse(x, axis)
		}
		return x
	}))
	operation("numpy", "Flipud()(x)", one(func(a *arguments) graph.Value { return a.g.Reverse(a.tensor("x"), 0) }))
	operation("numpy", "Fliplr()(x)", one(func(a *arguments) graph.Value {
		return a.g.Reverse(a.tensor("x"), a.toAxis("x", 1, a.tensor("x").Rank()))
	}))
	operation("numpy", "Rot90(k=1, axes=(0, 1))(array)", one(func(a *arguments) graph.Value {
		x := a.tensor("array")
		axes := a.axes("axes", x.Rank())
		if len(axes) != 2 {
			a.fail("axes", "got %v, want two", axes)
			return x
		}
		for range ((a.int("k") % 4) + 4) % 4 {
			x = swapAxes(a.g, a.g.Reverse(x, axes[1]), axes[0], axes[1])
		}
		return x
	}))
	operation("numpy", "Roll(shift, axis=None)(x)", one(func(a *arguments) graph.Value {
		x := a.tensor("x")
		shape := x.Shape()
		shifts, axes := a.ints("shift"), a.axes("axis", x.Rank())
		if !a.has("axis") {
			x, axes = a.g.Reshape(x, shape.Size()), []int{0}
		}
		if len(shifts) == 1 && len(axes) > 1 {
			shifts = slices.Repeat(shifts, len(axes))
		}
		if len(shifts) != len(axes) {
			a.fail("shift", "got %d numbers for %d axes", len(shifts), len(axes))
			return x
		}
		for i, axis := range axes {
			if n := x.Dim(axis); n > 0 {
				by := (shifts[i]%n + n) % n
				x = a.g.Concat(axis, a.g.Narrow(x, axis, n-by, by), a.g.Narrow(x, axis, 0, n-by))
			}
		}
		return a.g.Reshape(x, shape...)
	}))
	operation("numpy", "Pad(pad_width, mode='constant')(x, constant_values=None)", one(func(a *arguments) graph.Value {
		x := a.tensor("x")
		mode := a.oneOf("mode", "constant", "reflect", "symmetric", "edge", "wrap")
		for axis, p := range a.margins("pad_width", x.Rank()) {
			x = a.pad(x, axis, p[0], p[1], mode)
		}
		return x
	}))
	operation("numpy", "Meshgrid(indexing='xy')(*x)", func(a *arguments) []graph.Value {
		xs := a.tensors("x")
		shape := make(tensor.Shape, len(xs))
		order := firstAxes(len(xs))
		if a.word("indexing") == "xy" && len(xs) > 1 {
			order[0], order[1] = 1, 0
		}
		for i, x := range xs {
			shape[order[i]] = x.Shape().Size()
		}
		for i, x := range xs {
			own := tensor.Shape(slices.Repeat([]int{1}, len(xs)))
			own[order[i]] = shape[order[i]]
			xs[i] = a.g.BroadcastTo(a.g.Reshape(x, own...), shape)
		}
		return xs
	})

	operation("numpy", "ZerosLike(dtype=None)(x)", one(func(a *arguments) graph.Value { return a.g.Zeros(a.tensor("x")) }))
	operation("numpy", "EmptyLike(dtype=None)(x)", one(func(a *arguments) graph.Value { return a.g.Zeros(a.tensor("x")) }))
	operation("numpy", "OnesLike(dtype=None)(x)", one(func(a *arguments) graph.Value { return a.g.Full(1, a.tensor("x").Shape()) }))
	operation("numpy", "FullLike(dtype=None)(x, fill_value)", one(func(a *arguments) graph.Value {
		return a.g.BroadcastTo(a.tensor("fill_value"), a.tensor("x").Shape())
	}))
	operation("numpy", "Full(shape, dtype=None)(fill_value)", one(func(a *arguments) graph.Value {
		return a.g.BroadcastTo(a.tensor("fill_value"), a.shape("shape"))
	}))
	operation("numpy", "Ndim()(x)", one(func(a *arguments) graph.Value { return a.g.Const(float64(a.tensor("x").Rank())) }))
	operation("numpy", "Size()(x)", one(func(a *arguments) graph.Value { return a.g.Prod(a.g.ShapeOf(a.tensor("x")), nil, false) }))
	// Keras 3 knows shapes when it makes a model, so it has no such class; files of tf.keras have. See Rewriter in core.
	operation("core", "Shape()(x)", one(func(a *arguments) graph.Value { return a.g.ShapeOf(a.tensor("x")) }))
	linspace := func(f func(from, to float64, n int) []float64) func(a *arguments) []graph.Value {
		return one(func(a *arguments) graph.Value {
			g, from, to, n := a.g, a.tensor("start"), a.tensor("stop"), a.int("num")
			steps := f(0, 1, n)
			if !a.flag("endpoint") {
				steps = f(0, 1, n+1)[:n]
			}
			if shape, ok := graph.Broadcast(from.Shape(), to.Shape()); ok {
				from, to = g.BroadcastTo(from, shape), g.BroadcastTo(to, shape)
			}
			t := g.Reshape(g.Table(tensor.From(steps)), append([]int{n}, slices.Repeat([]int{1}, from.Rank())...)...)
			y := g.Add(g.Mul(g.ExpandDims(from, 0), g.Sub(g.Const(1), t)), g.Mul(g.ExpandDims(to, 0), t))
			return g.MoveAxis(y, 0, a.axis("axis", y.Rank()))
		})
	}
	operation("numpy", "Linspace(num=50, endpoint=True, retstep=False, dtype=None, axis=0)(start, stop)", linspace(evenly))
	power := func(a *arguments, base graph.Value) []graph.Value {
		return []graph.Value{a.g.Pow(base, linspace(evenly)(a)[0])}
	}
	operation("numpy", "Logspace(num=50, endpoint=True, base=10, dtype=None, axis=0)(start, stop)", func(a *arguments) []graph.Value {
		return power(a, a.tensor("base"))
	})
	operation("numpy", "Geomspace(num=50, endpoint=True, dtype=None, axis=0)(start, stop)", func(a *arguments) []graph.Value {
		a.values["start"], a.values["stop"] = a.g.Log(a.tensor("start")), a.g.Log(a.tensor("stop"))
		return []graph.Value{a.g.Exp(linspace(evenly)(a)[0])}
	})
	operation("numpy", "Arange(dtype=None)(start, stop=None, step=None)", one(func(a *arguments) graph.Value {
		from, to, step := 0.0, a.static("start"), 1.0
		if a.has("stop") {
			from, to = to, a.static("stop")
		}
		if a.has("step") {
			step = a.static("step")
		}
		switch {
		case to != to || from != from: // the size of the batch, while the model is described
			return a.shaped(tensor.Shape{tensor.Unknown})
		case step == 0 || (to-from)/step > 1<<24:
			a.fail("step", "got %v from %v to %v", step, from, to)
			return a.g.Const(0)
		}
		list := []float64{}
		for i := 0; step > 0 && from+float64(i)*step < to || step < 0 && from+float64(i)*step > to; i++ {
			list = append(list, from+float64(i)*step)
		}
		return a.g.Table(tensor.From(list))
	}))
}

// evenly is n numbers from one to another, both of them included.
func evenly(from, to float64, n int) []float64 {
	out := make([]float64, max(0, n))
	for i := range out {
		out[i] = from
		if n > 1 {
			out[i] += (to - from) * float64(i) / float64(n-1)
		}
	}
	return out
}

// static is a number that does not depend on data.
func (a *arguments) static(name string) float64 {
	if t, ok := a.values[name].(graph.Value); ok {
		n, ok := t.Static()
		if !ok || len(n) != 1 {
			a.fail(name, "got a tensor that depends on data, want a number")
			return 0
		}
		return n[0]
	}
	return a.float(name)
}

// atLeast gives tensors further axes of size 1, as numpy does: a vector becomes a row, for three axes (1, n, 1), a matrix (m, n, 1).
func (a *arguments) atLeast(xs []graph.Value, rank int) []graph.Value {
	for i, x := range xs {
		for x.Rank() < rank {
			axis := 0
			if x.Rank() == 2 {
				axis = 2
			}
			x = a.g.ExpandDims(x, axis)
		}
		xs[i] = x
	}
	return xs
}

func swapAxes(g *graph.Graph, x graph.Value, i, j int) graph.Value {
	perm := firstAxes(x.Rank())
	perm[i], perm[j] = perm[j], perm[i]
	return g.Transpose(x, perm...)
}

// parts cuts an axis of x into k equal parts, or where ends says.
func (a *arguments) parts(x graph.Value, axis, k int, ends []int) []graph.Value {
	n := x.Dim(axis)
	if ends == nil && n >= 0 {
		if k <= 0 || n%k != 0 {
			a.fail("indices_or_sections", "got %d for axis %d of shape %v", k, axis, x.Shape())
			return []graph.Value{x}
		}
		for i := range k - 1 {
			ends = append(ends, (i+1)*n/k)
		}
	}
	if n == tensor.Unknown {
		return slices.Repeat([]graph.Value{x}, max(1, max(k, len(ends)+1)))
	}
	var out []graph.Value
	at := 0
	for _, end := range append(slices.Clone(ends), n) {
		if end < 0 {
			end += n
		}
		start := min(at, n)
		out = append(out, a.g.Narrow(x, axis, start, max(0, min(end, n)-start)))
		at = max(at, end)
	}
	return out
}

// pick takes places along an axis.
func (a *arguments) pick(x graph.Value, axis int, places []int) graph.Value {
	index := make([]float64, len(places))
	for i, p := range places {
		index[i] = float64(p)
	}
	return take(a.g, x, a.g.Table(tensor.From(index, len(index))), axis)
}

// tile puts n copies of x one after the other along an axis.
func tile(g *graph.Graph, x graph.Value, axis, n int) graph.Value {
	if n == 1 {
		return x
	}
	shape := x.Shape().Clone()
	wide := slices.Insert(shape.Clone(), axis, max(0, n))
	if shape[axis] >= 0 {
		shape[axis] *= max(0, n)
	}
	return g.Reshape(g.BroadcastTo(g.ExpandDims(x, axis), wide), shape...)
}

// margins is a pad_width: a number for all sides, a pair for all axes, or a pair for each.
func (a *arguments) margins(name string, rank int) [][2]int {
	list := a.list(name)
	out := make([][2]int, rank)
	if _, nested := list[0].([]any); !nested {
		pair := a.ints(name)
		for i := range out {
			out[i] = [2]int{pair[0], pair[len(pair)-1]}
		}
		return a.checked(name, out)
	}
	if len(list) != rank && len(list) != 1 {
		a.fail(name, "got %d pairs for a tensor of rank %d", len(list), rank)
		return nil
	}
	for i := range out {
		pair, ok := list[min(i, len(list)-1)].([]any)
		if !ok || len(pair) == 0 {
			a.fail(name, "got %v, want pairs", list)
			return nil
		}
		out[i] = [2]int{a.toInt(name, pair[0]), a.toInt(name, pair[len(pair)-1])}
	}
	return a.checked(name, out)
}

func (a *arguments) checked(name string, margins [][2]int) [][2]int {
	for _, m := range margins {
		if m[0] < 0 || m[1] < 0 {
			a.fail(name, "got %v, want numbers >= 0", margins)
			return nil
		}
	}
	return margins
}

// pad puts places before and after those of an axis.
//
//	constant   a number, 0 unless constant_values says another
//	reflect    the neighbours of the edge, backwards; symmetric: the edge itself, too
//	edge       the number at the edge
//	wrap       those of the other end
func (a *arguments) pad(x graph.Value, axis, before, after int, mode string) graph.Value {
	n := x.Dim(axis)
	if before == 0 && after == 0 || n == tensor.Unknown {
		return x
	}
	if mode == "constant" {
		fill := a.g.Const(0)
		if a.has("constant_values") {
			fill = a.tensor("constant_values")
		}
		if v, ok := fill.IsConst(); ok && v == 0 {
			lo, hi := make([]int, x.Rank()), make([]int, x.Rank())
			lo[axis], hi[axis] = before, after
			return a.g.Pad(x, lo, hi)
		}
		return a.g.Concat(axis, a.g.BroadcastTo(fill, x.Shape().With(axis, before)), x, a.g.BroadcastTo(fill, x.Shape().With(axis, after)))
	}
	if n == 0 || mode == "reflect" && max(before, after) >= n || max(before, after) > n && mode != "edge" {
		a.fail("pad_width", "got %d and %d for %d places with mode %q", before, after, n, mode)
		return x
	}
	places := make([]int, 0, before+n+after)
	for i := -before; i < n+after; i++ {
		p := i
		switch {
		case i >= 0 && i < n:
		case mode == "edge":
			p = min(max(i, 0), n-1)
		case mode == "wrap":
			p = (i + n) % n
		case mode == "reflect" && i < 0:
			p = -i
		case mode == "reflect":
			p = 2*(n-1) - i
		case i < 0:
			p = -1 - i
		default:
			p = 2*n - 1 - i
		}
		places = append(places, p)
	}
	return a.pick(x, axis, places)
}

package layers

import (
	"math"
	"slices"

	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns operations that take numbers by their place, make places, and sort. Source: keras/src/ops/numpy.py, nn.py, math.py and
// core.py.

func init() {
	operation("numpy", "GetItem()(x, key)", one(func(a *arguments) graph.Value { return a.item(a.tensor("x"), a.keys("key")) }))
	operation("core", "Slice(shape)(inputs, start_indices)", one(func(a *arguments) graph.Value {
		x, sizes, starts := a.tensor("inputs"), a.ints("shape"), a.ints("start_indices")
		if len(sizes) != x.Rank() || len(starts) != x.Rank() {
			a.fail("shape", "got %v from %v for a tensor of rank %d", sizes, starts, x.Rank())
			return x
		}
		for axis := range sizes {
			n := sizes[axis]
			if d := x.Dim(axis); n < 0 && d >= 0 {
				n = d - starts[axis]
			}
			if starts[axis] != 0 || n >= 0 {
				x = a.g.Narrow(x, axis, starts[axis], n)
			}
		}
		return x
	}))
	operation("core", "SliceUpdate()(inputs, start_indices, updates)", one(func(a *arguments) graph.Value {
		x, y, starts := a.tensor("inputs"), a.tensor("updates"), a.ints("start_indices")
		if !known(x, y) {
			return x
		}
		if len(starts) != x.Rank() || y.Rank() != x.Rank() {
			a.fail("start_indices", "got %v for a tensor of rank %d", starts, x.Rank())
			return x
		}
		ones := slices.Repeat([]int{1}, x.Rank())
		inside := a.g.Place(a.g.Full(1, y.Shape()), starts, ones, x.Shape())
		return a.g.Select(inside, a.g.Place(y, starts, ones, x.Shape()), x)
	}))
	operation("numpy", "Take(axis=None)(x, indices)", one(func(a *arguments) graph.Value {
		x, axis := a.flat("axis", a.tensor("x"))
		return take(a.g, x, fromEnd(a.g, a.tensor("indices"), x.Dim(axis)), axis)
	}))
	operation("numpy", "TakeAlongAxis(axis=None)(x, indices)", one(func(a *arguments) graph.Value {
		x, axis := a.flat("axis", a.tensor("x"))
		index := a.tensor("indices")
		if !a.has("axis") {
			index = a.g.Reshape(index, index.Shape().Size())
		}
		return a.takeAlong(x, fromEnd(a.g, index, x.Dim(axis)), axis)
	}))
	operation("nn", "OneHot(num_classes, axis=-1, dtype=None, sparse=False)(x)", one(func(a *arguments) graph.Value {
		x := a.tensor("x")
		y := a.g.OneHot(x, max(0, a.int("num_classes")))
		return a.g.MoveAxis(y, -1, a.axis("axis", y.Rank()))
	}))
	operation("nn", "MultiHot(num_classes=None, axis=-1, dtype=None, sparse=False, num_tokens=None)(inputs)", one(func(a *arguments) graph.Value {
		x := a.tensor("inputs")
		if a.has("num_tokens") {
			a.values["num_classes"] = a.values["num_tokens"]
		}
		y := a.g.OneHot(x, max(0, a.int("num_classes")))
		y = a.g.MoveAxis(y, -1, a.axis("axis", y.Rank()))
		return a.g.Max(y, []int{min(1, x.Rank()-1)}, false)
	}))
	operation("numpy", "Sort(axis=-1)(x)", one(func(a *arguments) graph.Value {
		x := a.tensor("x")
		return a.sorted(x, a.axis("axis", x.Rank()))
	}))
	operation("numpy", "Argsort(axis=-1)(x)", one(func(a *arguments) graph.Value {
		x, axis := a.flat("axis", a.tensor("x"))
		if x.Dim(axis) == tensor.Unknown {
			return x
		}
		x = a.g.MoveAxis(x, axis, -1)
		return a.g.MoveAxis(ordered(a.g, x, orders(a.g, x, false), x.Dim(-1), true), -1, axis)
	}))
	operation("math", "TopK(k, sorted=True)(x)", func(a *arguments) []graph.Value {
		x, k := a.tensor("x"), a.int("k")
		if x.Dim(-1) == tensor.Unknown || k < 1 || k > x.Dim(-1) {
			if x.Dim(-1) != tensor.Unknown {
				a.fail("k", "got %d of %d numbers", k, x.Dim(-1))
			}
			return []graph.Value{x, x}
		}
		at := orders(a.g, x, true)
		return []graph.Value{ordered(a.g, x, at, k, false), ordered(a.g, x, at, k, true)}
	})
	operation("math", "InTopK(k)(targets, predictions)", one(func(a *arguments) graph.Value {
		g, x := a.g, a.tensor("predictions")
		if x.Dim(-1) == tensor.Unknown {
			return a.tensor("targets")
		}
		own := g.Sum(g.Mul(g.OneHot(a.tensor("targets"), x.Dim(-1)), x), []int{-1}, true)
		larger := g.Sum(g.Greater(x, own), []int{-1}, false)
		return g.Less(larger, g.Const(float64(a.int("k"))))
	}))
	quantile := func(percent float64, method string) func(a *arguments) []graph.Value {
		return one(func(a *arguments) graph.Value {
			at, many := []float64{0.5}, false
			if a.has("q") {
				q := a.tensor("q")
				list, ok := q.Static()
				if !ok {
					a.fail("q", "got a tensor that depends on data, want numbers")
					return a.tensor("x")
				}
				at, many = slices.Clone(list), q.Rank() > 0
			}
			for i := range at {
				at[i] /= percent
			}
			how := method
			if how == "" {
				how = a.oneOf("method", "linear", "lower", "higher", "midpoint", "nearest")
			}
			return a.quantile(a.tensor("x"), at, many, how)
		})
	}
	operation("numpy", "Median(axis=None, keepdims=False)(x)", quantile(1, "linear"))
	// Keras 3 pays no heed to the method of a Quantile in a model, as it does to that of a Percentile.
	operation("numpy", "Quantile(axis=None, method='linear', keepdims=False)(x, q)", quantile(1, "linear"))
	operation("numpy", "Percentile(axis=None, method='linear', keepdims=False)(x, q)", quantile(100, ""))
	operation("numpy", "SearchSorted(side='left')(sorted_sequence, values)", one(func(a *arguments) graph.Value {
		return a.search(a.tensor("sorted_sequence"), a.tensor("values"), a.oneOf("side", "left", "right") == "right")
	}))
	operation("numpy", "Digitize()(x, bins)", one(func(a *arguments) graph.Value { return a.search(a.tensor("bins"), a.tensor("x"), true) }))
	operation("numpy", "IsIn(assume_unique=False, invert=False)(x1, x2)", one(func(a *arguments) graph.Value {
		x, set := a.tensor("x1"), a.tensor("x2")
		hit := a.g.Max(a.g.Equal(a.g.ExpandDims(x, -1), a.g.Reshape(set, set.Shape().Size())), []int{-1}, false)
		if a.flag("invert") {
			return a.g.Not(hit)
		}
		return hit
	}))
	for class, f := range map[string]func(g *graph.Graph, hit, x graph.Value, axes []int) graph.Value{
		"SegmentSum": func(g *graph.Graph, hit, x graph.Value, axes []int) graph.Value {
			return g.Sum(g.Select(hit, x, g.Const(0)), axes, false)
		},
		"SegmentProd": func(g *graph.Graph, hit, x graph.Value, axes []int) graph.Value {
			return g.Prod(g.Select(hit, x, g.Const(1)), axes, false)
		},
		"SegmentMax": func(g *graph.Graph, hit, x graph.Value, axes []int) graph.Value {
			return g.Max(g.Select(hit, x, g.Const(-math.MaxFloat32)), axes, false)
		},
		"SegmentMin": func(g *graph.Graph, hit, x graph.Value, axes []int) graph.Value {
			return g.Min(g.Select(hit, x, g.Const(math.MaxFloat32)), axes, false)
		},
	} {
		// hit (segments, rows, 1...) says which rows belong to a segment.
		operation("math", class+"(num_segments=None, sorted=False)(data, segment_ids)", one(func(a *arguments) graph.Value {
			g, x, n := a.g, a.tensor("data"), 0
			if a.has("num_segments") {
				n = a.int("num_segments")
			} else {
				a.fail("num_segments", "got None, want a number: how many segments there are depends on data")
			}
			hit := g.MoveAxis(g.OneHot(a.tensor("segment_ids"), max(0, n)), -1, 0)
			for hit.Rank() <= x.Rank() {
				hit = g.ExpandDims(hit, -1)
			}
			return f(g, hit, g.ExpandDims(x, 0), []int{1})
		}))
	}
}

// span is one part of an index: a slice, one place, a new axis, "...", or tensors of places.
type span struct {
	start, stop, step *int
	at                *int
	places            graph.Value
	added, rest       bool
}

// keys reads the parts of an index, which Keras writes as __slice__ and __ellipsis__ objects.
func (a *arguments) keys(name string) []span {
	items := []any{a.values[name]}
	switch v := a.values[name].(type) {
	case []any:
		items = v
	case []graph.Value:
		items = a.list(name)
	case map[string]any:
		if v["class_name"] == "__tuple__" {
			items = a.list(name)
		}
	}
	bound := func(v any) *int {
		if v == nil {
			return nil
		}
		n := a.toInt(name, v)
		if t, ok := v.(graph.Value); ok { // a size that is unknown while the model is described: all there is
			if s, ok := t.Static(); ok && len(s) == 1 && math.IsNaN(s[0]) {
				return nil
			}
		}
		return &n
	}
	out := make([]span, len(items))
	for i, v := range items {
		switch v := v.(type) {
		case nil:
			out[i] = span{added: true}
		case map[string]any:
			c, _ := v["config"].(map[string]any)
			switch v["class_name"] {
			case "__ellipsis__":
				out[i] = span{rest: true}
			case "__slice__":
				out[i] = span{start: bound(c["start"]), stop: bound(c["stop"]), step: bound(c["step"])}
			default:
				out[i] = span{places: a.toTensor(name, v)}
			}
		case graph.Value:
			if s, ok := v.Static(); ok && len(s) == 1 && v.Rank() == 0 && !math.IsNaN(s[0]) {
				n := int(s[0])
				out[i] = span{at: &n}
				continue
			}
			out[i] = span{places: v}
		case []any:
			out[i] = span{places: a.toTensor(name, v)}
		default:
			n := a.toInt(name, v)
			out[i] = span{at: &n}
		}
	}
	return out
}

// item is x[key], as numpy has it; tensors of places may stand for one axis.
func (a *arguments) item(x graph.Value, keys []span) graph.Value {
	g, consumed, rest := a.g, 0, false
	for _, k := range keys {
		if !k.added && !k.rest {
			consumed++
		}
		if k.rest && rest {
			a.fail("key", "got two \"...\"")
			return x
		}
		rest = rest || k.rest
	}
	if consumed > x.Rank() {
		a.fail("key", "got %d indices for a tensor of rank %d", consumed, x.Rank())
		return x
	}
	free := x.Rank() - consumed
	axis := 0
	for _, k := range keys {
		switch n := x.Dim(min(axis, max(0, x.Rank()-1))); {
		case k.rest:
			axis += free
		case k.added:
			x = g.ExpandDims(x, axis)
			axis++
		case k.places.Valid():
			x = take(g, x, fromEnd(g, k.places, n), axis)
			axis += k.places.Rank()
		case k.at != nil:
			at := *k.at
			if at < 0 && n >= 0 {
				at += n
			}
			if n >= 0 && (at < 0 || at >= n) {
				a.fail("key", "got %d for axis %d of shape %v", *k.at, axis, x.Shape())
				return x
			}
			x = g.Squeeze(g.Narrow(x, axis, at, 1), axis)
		default:
			x = a.slice(x, axis, k)
			axis++
		}
	}
	return x
}

// slice takes start, start+step, ... up to stop along an axis, with Python's rules.
func (a *arguments) slice(x graph.Value, axis int, k span) graph.Value {
	n, step := x.Dim(axis), 1
	if k.step != nil {
		step = *k.step
	}
	switch {
	case step == 0:
		a.fail("key", "got step 0")
		return x
	case n == tensor.Unknown:
		if k.start != nil && *k.start >= 0 && k.stop != nil && *k.stop == *k.start+1 && step == 1 { // sure to be one
			return a.g.Narrow(x, axis, 0, 1)
		}
		return x
	}
	clip := func(p *int, otherwise, low, high int) int {
		if p == nil {
			return otherwise
		}
		at := *p
		if at < 0 {
			at += n
		}
		return min(max(at, low), high)
	}
	var start, size int
	if step > 0 {
		start = clip(k.start, 0, 0, n)
		size = (clip(k.stop, n, 0, n) - start + step - 1) / step
	} else {
		start = clip(k.start, n-1, -1, n-1)
		size = (start - clip(k.stop, -1, -1, n-1) - step - 1) / -step
	}
	if size <= 0 {
		return a.g.Narrow(x, axis, 0, 0)
	}
	if start == 0 && step == 1 && size == n {
		return x
	}
	starts, steps := make([]int, x.Rank()), slices.Repeat([]int{1}, x.Rank())
	sizes := x.Shape().Clone()
	starts[axis], sizes[axis], steps[axis] = start, size, step
	return a.g.Slice(x, starts, sizes, steps)
}

// fromEnd counts negative places from the end of n.
func fromEnd(g *graph.Graph, index graph.Value, n int) graph.Value {
	if values, ok := index.Static(); ok && !slices.ContainsFunc(values, func(v float64) bool { return v < 0 }) {
		return index
	}
	return g.Select(g.Less(index, g.Const(0)), g.Add(index, g.Const(float64(n))), index)
}

// take is the parts of x at places along an axis, which the axes of index replace.
func take(g *graph.Graph, x, index graph.Value, axis int) graph.Value {
	y := g.Gather(g.MoveAxis(x, axis, 0), index)
	if axis == 0 || g.Err() != nil {
		return y
	}
	perm := make([]int, 0, y.Rank()) // the axes of index come first; those before axis go before them
	for i := range axis {
		perm = append(perm, index.Rank()+i)
	}
	perm = append(perm, firstAxes(index.Rank())...)
	for i := index.Rank() + axis; i < y.Rank(); i++ {
		perm = append(perm, i)
	}
	return g.Transpose(y, perm...)
}

// takeAlong is x[..., index[..., i, ...], ...]: a place along the axis for each number of the result.
func (a *arguments) takeAlong(x, index graph.Value, axis int) graph.Value {
	g := a.g
	if x.Rank() != index.Rank() {
		a.fail("indices", "got shape %v for a tensor of shape %v, want the same rank", index.Shape(), x.Shape())
		return x
	}
	x, index = g.MoveAxis(x, axis, -1), g.MoveAxis(index, axis, -1)
	n, k, last := x.Dim(-1), index.Dim(-1), x.Rank()-1
	lead, ok := graph.Broadcast(x.Shape()[:last], index.Shape()[:last])
	if !ok {
		a.fail("indices", "got shape %v for a tensor of shape %v", index.Shape(), x.Shape())
		return x
	}
	shape := append(lead.Clone(), k)
	if rows := lead.Size(); rows < 0 || n < 0 {
		x = a.shaped(shape)
	} else {
		x = g.BroadcastTo(x, append(lead.Clone(), n))
		index = g.BroadcastTo(index, shape)
		first := make([]float64, rows)
		for i := range first {
			first[i] = float64(i * n)
		}
		if rows*n > 1<<24 {
			a.fail("indices", "a tensor of %d numbers, want at most %d: more cannot be counted in float32", rows*n, 1<<24)
			return x
		}
		flat := g.Add(g.Reshape(index, rows, k), g.Table(tensor.From(first, rows, 1)))
		x = g.Reshape(g.Gather(g.Reshape(x, rows*n), flat), shape...)
	}
	return g.MoveAxis(x, -1, axis)
}

// orders says where each number along the last axis stands in order: how many are before it; equal ones stand as they came. It compares
// all pairs, so it is meant for axes of some thousand at most.
func orders(g *graph.Graph, x graph.Value, descending bool) graph.Value {
	n := x.Dim(-1)
	earlier := make([]float32, n*n)
	for i := range n {
		for j := range i {
			earlier[i*n+j] = 1
		}
	}
	self, other := g.ExpandDims(x, -1), g.ExpandDims(x, -2)
	before := g.Less(other, self)
	if descending {
		before = g.Greater(other, self)
	}
	return g.Sum(g.Or(before, g.And(g.Equal(other, self), g.Table(tensor.From(earlier, n, n)))), []int{-1}, false)
}

// ordered is the k first numbers in the order of places, or with index where they stood.
func ordered(g *graph.Graph, x, places graph.Value, k int, index bool) graph.Value {
	n := x.Dim(-1)
	rank := make([]float64, k)
	for i := range rank {
		rank[i] = float64(i)
	}
	hit := g.Equal(g.ExpandDims(places, -2), g.Table(tensor.From(rank, k, 1)))
	value := g.ExpandDims(x, -2)
	if index {
		at := make([]float64, n)
		for i := range at {
			at[i] = float64(i)
		}
		value = g.Table(tensor.From(at, n))
	}
	return g.Sum(g.Select(hit, value, g.Const(0)), []int{-1}, false)
}

// sorted puts the numbers along an axis in ascending order.
func (a *arguments) sorted(x graph.Value, axis int) graph.Value {
	if x.Dim(axis) == tensor.Unknown {
		return x
	}
	x = a.g.MoveAxis(x, axis, -1)
	return a.g.MoveAxis(ordered(a.g, x, orders(a.g, x, false), x.Dim(-1), false), -1, axis)
}

// search is how many numbers of an ordered vector are below each of some, or not above it.
func (a *arguments) search(sorted, x graph.Value, right bool) graph.Value {
	below := (*graph.Graph).Less
	if right {
		below = (*graph.Graph).LessEqual
	}
	return a.g.Sum(below(a.g, sorted, a.g.ExpandDims(x, -1)), []int{-1}, false)
}

// quantile is the numbers below which shares of those along axes lie, by method between two of them. many puts them along a new first
// axis.
func (a *arguments) quantile(x graph.Value, at []float64, many bool, method string) graph.Value {
	g, rank := a.g, x.Rank()
	axes := a.allAxes("axis", rank)
	shape, rest := x.Shape().Clone(), []int{}
	for i := range rank {
		if slices.Contains(axes, i) {
			shape[i] = 1
		} else {
			rest = append(rest, i)
		}
	}
	left := tensor.Shape{}
	for _, i := range rest {
		left = append(left, x.Dim(i))
	}
	if a.flag("keepdims") {
		left = shape
	}
	n := x.Shape().Size()
	if n >= 0 {
		n /= max(1, shape.Size())
	}
	for _, axis := range axes {
		if x.Dim(axis) == tensor.Unknown {
			n = tensor.Unknown
		}
	}
	if n < 0 && !slices.ContainsFunc(axes, func(i int) bool { return x.Dim(i) == tensor.Unknown }) {
		n = 1
		for _, i := range axes {
			n *= x.Dim(i)
		}
	}
	out := make([]graph.Value, len(at))
	if n > 0 {
		flat := g.Transpose(x, append(slices.Clone(rest), axes...)...)
		sizes := tensor.Shape{}
		for _, i := range rest {
			sizes = append(sizes, x.Dim(i))
		}
		flat = a.sorted(g.Reshape(flat, append(sizes.Clone(), n)...), len(rest))
		for i, share := range at {
			if share < 0 || share > 1 {
				a.fail("q", "got %v, want a share", share)
				return x
			}
			place := share * float64(n-1)
			low, high := math.Floor(place), math.Ceil(place)
			part := place - low
			switch method {
			case "lower":
				part = 0
			case "higher":
				part = 1
			case "midpoint":
				part = 0.5
			case "nearest":
				part = math.RoundToEven(place) - low
			}
			y := g.Add(scaled(g, g.Narrow(flat, len(rest), int(low), 1), 1-part), scaled(g, g.Narrow(flat, len(rest), int(high), 1), part))
			out[i] = g.Reshape(y, left...)
		}
	} else {
		for i := range out {
			out[i] = a.shaped(left)
		}
	}
	if !many {
		return out[0]
	}
	return a.stack(out, 0)
}

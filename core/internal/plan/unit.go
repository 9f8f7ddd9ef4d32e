package plan

import (
	"cmp"
	"slices"

	"github.com/gokeras/gk/core/graph"
)

// This file owns how operations are put together in units. A unit becomes one step of the program: a kernel, a loop over elementwise
// operations, or a kernel and the loop that it runs over each part of its result while that is in the cache.

// unit is a step to be.
type unit struct {
	id    int
	heavy *node   // the operation with a kernel; nil for a loop alone
	loop  []*node // elementwise operations in the order in which they are evaluated
	sinks []*node // sums over results of the loop
	size  int     // places of the loop's domain
	deps  bits    // the units that must run before
	next  []*unit // those among them that it reads itself
	once  bool    // depends on nothing that changes between runs
	fails bool    // may find an index out of range
	dead  bool    // merged into another one

	writes []*value // what it leaves in memory: roots
	reads  []place  // what its loop reads from memory
	takes  []*value // what its kernel reads: roots
}

// planner cuts an ir in units.
type planner struct {
	*ir
	constant bool // variables do not change
	units    []*unit
	home     map[*node]*unit
	wanted   map[*node]bool // is computed at all, rather than only seen through
	readers  map[*value]int // how many nodes read a root by a loop or a kernel
	sums     map[*value]int // how many of those could be a sum at the end of a loop
	kept     map[*value]bool
	free     map[*node]int // see freeCost
}

func newPlanner(p *ir, constant bool) *planner {
	q := &planner{ir: p, constant: constant, home: map[*node]*unit{}, wanted: map[*node]bool{}, readers: map[*value]int{},
		sums: map[*value]int{}, kept: map[*value]bool{}, free: map[*node]int{}}
	q.want()
	for _, n := range p.nodes {
		if !q.wanted[n] {
			continue
		}
		switch n.kind {
		case loopNode:
			q.placeLoop(n)
		case kernelNode, scatterNode:
			q.placeKernel(n)
		}
	}
	return q
}

// through says which nodes a loop sees through.
func (q *planner) through(n *node) bool { return !q.plain }

// freeCost is the number of operations it takes a loop to compute n itself from nothing but scalars and random numbers, 0 if that is
// not possible or too much. Such values are computed wherever they are read, which is faster than keeping them.
func (q *planner) freeCost(n *node) int {
	if n.op == "Const" {
		return 1
	}
	if q.plain || n.kind != loopNode || n.out[0].size == 1 {
		return 0
	}
	if c, ok := q.free[n]; ok {
		return c
	}
	cost, random := 1, n.op == "Random"
	for _, x := range n.in {
		at := locate(x, n.out[0].shape, q.through)
		if at.v.size == 1 {
			continue
		}
		c := q.freeCost(at.v.def)
		if c == 0 || !at.a.identical() {
			cost, random = 0, false
			break
		}
		cost, random = cost+c, true
	}
	if !random || cost > 3 {
		cost = 0
	}
	q.free[n] = cost
	return cost
}

// leaves calls f for all that a loop reads from memory to compute n.
func (q *planner) leaves(n *node, f func(place)) {
	for _, x := range n.in {
		at := locate(x, n.out[0].shape, q.through)
		switch {
		case at.v.def.op == "Const":
		case at.a.identical() && q.freeCost(at.v.def) > 0:
			q.leaves(at.v.def, f)
		default:
			f(at)
		}
	}
}

// want finds out what must be computed.
func (q *planner) want() {
	mark := func(v *value) {
		v = v.root()
		q.wanted[v.def], q.kept[v] = true, true
		q.readers[v]++
	}
	for _, v := range q.outputs {
		mark(v)
	}
	for _, a := range q.assigns {
		mark(a.x)
	}
	for i := len(q.nodes) - 1; i >= 0; i-- {
		n := q.nodes[i]
		if !q.wanted[n] {
			continue
		}
		if n.kind == loopNode {
			q.leaves(n, func(at place) {
				q.wanted[at.v.def] = true
				q.readers[at.v]++
			})
			continue
		}
		n.takes(func(x *value) {
			q.wanted[x.def] = true
			q.readers[x]++
			if sinkable(n) {
				q.sums[x]++
			}
		})
	}
}

// reduceSizes are the sizes outer, n and inner of a reduction.
func reduceSizes(n *node) (outer, count, inner int) {
	a, s := n.attr.(graph.ReduceAttr), n.in[0].shape
	return s[:a.First].Size(), s[a.First:a.End].Size(), s[a.End:].Size()
}

// sinkable reports whether a loop can take a reduction along.
func sinkable(n *node) bool {
	if n.op != "Sum" && n.op != "Mean" {
		return false
	}
	outer, count, inner := reduceSizes(n)
	return outer == 1 && count > 0 && (inner == 1 || inner >= minSinkColumns && inner <= maxSinkColumns)
}

// sinkColumns is the number of columns that the sums of u have, 1 if it has none.
func (u *unit) sinkColumns() int {
	for _, n := range u.sinks {
		if _, _, inner := reduceSizes(n); inner > 1 {
			return inner
		}
	}
	return 1
}

func (q *planner) newUnit(n *node) *unit {
	u := &unit{id: len(q.units), once: q.constant}
	q.units = append(q.units, u)
	q.home[n] = u
	return u
}

// steady reports whether a value is the same in all runs.
func (q *planner) steady(v *value) bool {
	d := v.def
	switch d.op {
	case "Input", "Random":
		return false
	case "Variable":
		return q.constant && !q.changes(d.attr.(graph.VariableAttr).Var)
	case "Table", "Const":
		return q.constant
	}
	u := q.home[d]
	return u != nil && u.once
}

func (q *planner) placeKernel(n *node) {
	if sinkable(n) && !q.plain {
		x := n.in[0].root()
		u := q.home[x.def]
		_, _, inner := reduceSizes(n)
		if u != nil && u.heavy == nil && x.def.kind == loopNode && !q.kept[x] && q.readers[x] == q.sums[x] &&
			(inner == 1 || u.sinkColumns() == 1 || u.sinkColumns() == inner) {
			u.sinks = append(u.sinks, n)
			q.home[n] = u
			return
		}
	}
	u := q.newUnit(n)
	u.heavy = n
	switch n.op {
	case "Gather", "ScatterAdd", "SparseSoftmaxCrossEntropy", "Guard":
		u.fails = true
	case "Compute", "ComputeGrad":
		u.fails, u.once = true, false // what it gives may depend on the seed
	}
	n.takes(func(x *value) {
		u.once = u.once && q.steady(x)
		q.depend(u, q.home[x.def])
	})
}

// fusable reports whether a kernel runs a loop over the parts of its result.
func fusable(n *node) bool {
	switch n.op {
	case "MatMul", "Conv", "ConvGradInput", "ConvGradKernel", "BatchNorm", "BatchNormGrad", "MaxPool", "AvgPool", "MaxPoolGrad", "AvgPoolGrad":
		return n.out[0].size > 0
	}
	return false
}

// placeLoop finds a unit for an elementwise operation: that of an operand where possible, else a new one.
func (q *planner) placeLoop(n *node) {
	size := n.out[0].size
	var near []*unit // units of operands that n could join
	steady := q.constant && n.op != "Random"
	var all []place
	q.leaves(n, func(at place) {
		all = append(all, at)
		steady = steady && q.steady(at.v)
		u := q.home[at.v.def]
		if u == nil || !at.a.identical() || at.v.size != size || slices.Contains(near, u) {
			return
		}
		if u.heavy == nil && at.v.def.kind == loopNode || at.v.def == u.heavy && fusable(u.heavy) && at.v.index == 0 || slices.Contains(u.loop, at.v.def) {
			near = append(near, u)
		}
	})
	if q.freeRandom(n) {
		steady = false
	}
	if q.plain || size == 0 {
		near = nil
	}
	// A value that is only added up is not worth an epilogue, which cannot add up.
	onlySums := q.readers[n.out[0]] > 0 && q.sums[n.out[0]] == q.readers[n.out[0]] && !q.kept[n.out[0]]
	near = slices.DeleteFunc(near, func(u *unit) bool {
		return u.once != steady || onlySums && u.heavy != nil || !q.mayJoin(u, all)
	})
	slices.SortFunc(near, func(a, b *unit) int { return cmp.Compare(b.id, a.id) })
	if k := slices.IndexFunc(near, func(u *unit) bool { return u.heavy != nil }); k > 0 {
		near[0], near[k] = near[k], near[0]
	}
	var u *unit
	if len(near) > 0 {
		u = near[0]
		q.home[n] = u
	} else {
		u = q.newUnit(n)
		u.once = steady
	}
	u.size = size
	u.loop = append(u.loop, n)
	for _, at := range all {
		q.depend(u, q.home[at.v.def])
	}
	for _, other := range near[min(1, len(near)):] {
		if other.heavy == nil && q.mayMerge(u, other) {
			q.merge(u, other)
		}
	}
}

// freeRandom reports whether n has random numbers among what it computes itself.
func (q *planner) freeRandom(n *node) bool {
	if n.op == "Random" {
		return true
	}
	for _, x := range n.in {
		at := locate(x, n.out[0].shape, q.through)
		if at.v.def.op != "Const" && at.a.identical() && q.freeCost(at.v.def) > 0 && q.freeRandom(at.v.def) {
			return true
		}
	}
	return false
}

// depend makes u run after v, and all that runs after u.
func (q *planner) depend(u, v *unit) {
	if v == nil || u == v {
		return
	}
	if !slices.Contains(u.next, v) {
		u.next = append(u.next, v)
	}
	more := slices.Clone(v.deps)
	more.set(v.id)
	if !u.deps.add(more) {
		return
	}
	for _, w := range q.units {
		if w.deps.has(u.id) {
			w.deps.add(more)
		}
	}
}

// mayJoin reports whether an operation that reads so much may be computed in u.
func (q *planner) mayJoin(u *unit, reads []place) bool {
	for _, at := range reads {
		v := q.home[at.v.def]
		switch {
		case v == u && (!at.a.identical() || !u.makes(at.v)):
			return false
		case v != nil && v != u && v.deps.has(u.id):
			return false
		}
	}
	return true
}

// makes reports whether v is at hand while the loop of u runs.
func (u *unit) makes(v *value) bool {
	return v.def == u.heavy && v.index == 0 && fusable(u.heavy) || slices.Contains(u.loop, v.def)
}

// mayMerge reports whether two units may become one: no third one must run between them, and what one makes the other must read place
// by place.
func (q *planner) mayMerge(u, v *unit) bool {
	if u.size != v.size || u.once != v.once || u.heavy != nil && v.heavy != nil || u.heavy != nil && len(v.sinks) > 0 || v.heavy != nil && len(u.sinks) > 0 {
		return false
	}
	if a, b := u.sinkColumns(), v.sinkColumns(); a != b && a != 1 && b != 1 {
		return false
	}
	for _, w := range u.next {
		if w != v && w.deps.has(v.id) {
			return false
		}
	}
	for _, w := range v.next {
		if w != u && w.deps.has(u.id) {
			return false
		}
	}
	ok := true
	check := func(u, v *unit) {
		for _, n := range u.loop {
			q.leaves(n, func(at place) {
				if q.home[at.v.def] == v && (!at.a.identical() || !v.makes(at.v)) {
					ok = false
				}
			})
		}
	}
	check(u, v)
	check(v, u)
	if u.heavy != nil {
		ok = ok && !q.feeds(v, u.heavy)
	}
	if v.heavy != nil {
		ok = ok && !q.feeds(u, v.heavy)
	}
	return ok
}

// feeds reports whether a kernel reads what u makes.
func (q *planner) feeds(u *unit, n *node) (yes bool) {
	n.takes(func(x *value) { yes = yes || q.home[x.def] == u })
	return yes
}

// merge makes v part of u.
func (q *planner) merge(u, v *unit) {
	v.dead = true
	for _, n := range v.loop {
		q.home[n] = u
	}
	for _, n := range v.sinks {
		q.home[n] = u
	}
	if v.heavy != nil {
		u.heavy = v.heavy
		q.home[v.heavy] = u
	}
	u.loop = append(u.loop, v.loop...)
	slices.SortFunc(u.loop, func(a, b *node) int { return cmp.Compare(a.id, b.id) })
	u.sinks = append(u.sinks, v.sinks...)
	u.fails = u.fails || v.fails
	u.next = slices.DeleteFunc(u.next, func(w *unit) bool { return w == v })
	u.deps.drop(v.id)
	for _, w := range v.next {
		if w != u {
			q.depend(u, w)
		}
	}
	u.deps.drop(u.id)
	for _, w := range q.units {
		if k := slices.Index(w.next, v); k >= 0 {
			w.next = slices.Delete(w.next, k, k+1)
			if w != u && !slices.Contains(w.next, u) {
				w.next = append(w.next, u)
			}
		}
		if w != u && w.deps.has(v.id) {
			w.deps.drop(v.id)
			w.deps.set(u.id)
			w.deps.add(u.deps)
		}
	}
}

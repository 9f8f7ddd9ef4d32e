package plan

import (
	"cmp"
	"container/heap"
	"slices"

	"github.com/gokeras/gk/core/graph"
)

// This file owns the order of the units, what each leaves in memory, and which values are written straight into variables.

// changes reports whether a run assigns to v.
func (p *ir) changes(v *graph.Variable) bool {
	return slices.ContainsFunc(p.assigns, func(a assign) bool { return a.to == v })
}

// copyAssigned makes copies of variables that are results, or the new values of other variables, and get new values themselves: nobody
// is to see those.
func (p *ir) copyAssigned() {
	copied := func(x *value) *value {
		d := x.root().def
		if d.op != "Variable" || !p.changes(d.attr.(graph.VariableAttr).Var) {
			return x
		}
		n := &node{id: len(p.nodes), op: "BroadcastTo", kind: loopNode, attr: graph.ShapeAttr{Shape: x.shape}, in: []*value{x}, scope: d.scope, order: d.order}
		n.out = []*value{{def: n, shape: x.shape, size: x.size}}
		p.nodes = append(p.nodes, n)
		return n.out[0]
	}
	for i, v := range p.outputs {
		p.outputs[i] = copied(v)
	}
	for i, a := range p.assigns {
		p.assigns[i].x = copied(a.x)
	}
	p.sweep()
}

// traffic finds out what units read and leave in memory.
func (q *planner) traffic() {
	stored := map[*value]bool{}
	for v := range q.kept {
		stored[v] = true
	}
	q.units = slices.DeleteFunc(q.units, func(u *unit) bool { return u.dead })
	for _, u := range q.units {
		for _, n := range u.loop {
			q.leaves(n, func(at place) {
				if q.home[at.v.def] == u && u.makes(at.v) {
					if at.v.def == u.heavy {
						stored[at.v] = true
					}
					return
				}
				stored[at.v] = true
				if !slices.ContainsFunc(u.reads, func(p place) bool { return p.v == at.v && p.a.equal(at.a) }) {
					u.reads = append(u.reads, at)
				}
			})
		}
		if u.heavy == nil {
			continue
		}
		u.heavy.takes(func(x *value) {
			stored[x] = true
			if !slices.Contains(u.takes, x) {
				u.takes = append(u.takes, x)
			}
		})
	}
	for _, u := range q.units {
		made := slices.Concat(u.loop, u.sinks)
		if u.heavy != nil {
			made = append(made, u.heavy)
		}
		for _, n := range made {
			for _, v := range n.out {
				if stored[v] {
					u.writes = append(u.writes, v)
				}
			}
		}
	}
}

// inPlace finds the assigned values that can be written into their variables by the unit that makes them, and adds what must run
// before such a unit: all others that read the variable, and all that may fail.
func (q *planner) inPlace() map[*value]*graph.Variable {
	direct := map[*value]*graph.Variable{}
	uses := map[*value]int{}
	for _, a := range q.assigns {
		uses[a.x.root()]++
	}
	for _, v := range q.outputs {
		uses[v.root()]++
	}
	readers := map[*graph.Variable][]*unit{}
	var failing []*unit
	for _, u := range q.units {
		reads := func(v *value) {
			if v.def.op == "Variable" {
				w := v.def.attr.(graph.VariableAttr).Var
				readers[w] = append(readers[w], u)
			}
		}
		for _, at := range u.reads {
			reads(at.v)
		}
		for _, v := range u.takes {
			reads(v)
		}
		if u.fails {
			failing = append(failing, u)
		}
	}
	for _, a := range q.assigns {
		x := a.x.root()
		u := q.home[x.def]
		if u == nil || u.once || u.fails || uses[x] > 1 {
			continue
		}
		before := slices.Concat(readers[a.to], failing)
		ok := true
		for _, r := range before {
			if r != u {
				ok = ok && !r.deps.has(u.id)
			}
		}
		isIt := func(v *value) bool { return v.def.op == "Variable" && v.def.attr.(graph.VariableAttr).Var == a.to }
		for _, at := range u.reads {
			ok = ok && !(isIt(at.v) && (!at.a.identical() || !slices.Contains(u.loop, x.def)))
		}
		for _, v := range u.takes {
			ok = ok && !isIt(v)
		}
		if !ok {
			continue
		}
		for _, r := range before {
			q.depend(u, r)
		}
		direct[x] = a.to
	}
	return direct
}

// inOrder sorts the units: each after those that it depends on, else as the graph was written.
func (q *planner) inOrder() {
	waits, after := map[*unit]int{}, map[*unit][]*unit{}
	ready := &unitHeap{}
	for _, u := range q.units {
		waits[u] = len(u.next)
		for _, v := range u.next {
			after[v] = append(after[v], u)
		}
		if len(u.next) == 0 {
			heap.Push(ready, u)
		}
	}
	var sorted []*unit
	for ready.Len() > 0 {
		u := heap.Pop(ready).(*unit)
		sorted = append(sorted, u)
		for _, v := range after[u] {
			if waits[v]--; waits[v] == 0 {
				heap.Push(ready, v)
			}
		}
	}
	q.units = sorted
}

// unitHeap gives the unit first that was written first.
type unitHeap []*unit

func (h unitHeap) Len() int           { return len(h) }
func (h unitHeap) Less(i, j int) bool { return cmp.Less(h[i].order(), h[j].order()) }
func (h unitHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push appends a unit for package heap.
func (h *unitHeap) Push(x any) { *h = append(*h, x.(*unit)) }

// Pop takes the last unit for package heap.
func (h *unitHeap) Pop() any {
	old := *h
	u := old[len(old)-1]
	*h = old[:len(old)-1]
	return u
}

// order is when the unit's main operation was written.
func (u *unit) order() int {
	if u.heavy != nil {
		return u.heavy.order
	}
	return u.loop[0].order
}

package graph

// This file owns reverse-mode differentiation.

// Gradients adds the operations that compute the gradient of sum_i sum(seeds[i] * ys[i]) with respect to each of wrt. A seed that is
// "none" is all ones. A result is "none" where no y depends on that value, or only through operations that stop gradients.
func (g *Graph) Gradients(ys, seeds, wrt []Value) []Value {
	result := make([]Value, len(wrt))
	if g.err != nil {
		return result
	}
	last := len(g.nodes)
	needs := make([]bool, last) // depends on one of wrt
	for _, v := range wrt {
		if v.Valid() {
			needs[v.node.ID] = true
		}
	}
	for _, n := range g.nodes {
		for _, v := range n.In {
			if v.Valid() && needs[v.node.ID] && n.Op.grad != nil {
				needs[n.ID] = true
			}
		}
	}
	grads := make([][]Value, last)
	add := func(v, d Value) {
		if !v.Valid() || !d.Valid() || !needs[v.node.ID] {
			return
		}
		if grads[v.node.ID] == nil {
			grads[v.node.ID] = make([]Value, len(v.node.Out))
		}
		if sum := &grads[v.node.ID][v.out]; sum.Valid() {
			*sum = g.Add(*sum, d)
		} else {
			*sum = d
		}
	}
	for i, y := range ys {
		seed := g.Full(1, y.Shape())
		if i < len(seeds) && seeds[i].Valid() {
			seed = seeds[i]
		}
		add(y, seed)
	}
	for id := last - 1; id >= 0; id-- {
		n, dy := g.nodes[id], grads[id]
		if dy == nil || n.Op.grad == nil || !dependsOn(n, needs) {
			continue
		}
		before := g.Scope(n.Scope)
		for i, d := range n.Op.grad(g, n, dy) {
			add(n.In[i], d)
		}
		g.Scope(before)
	}
	for i, v := range wrt {
		if v.Valid() && grads[v.node.ID] != nil {
			result[i] = grads[v.node.ID][v.out]
		}
	}
	return result
}

// dependsOn reports whether an input of n needs a gradient.
func dependsOn(n *Node, needs []bool) bool {
	for _, v := range n.In {
		if v.Valid() && needs[v.node.ID] {
			return true
		}
	}
	return false
}

// Gradient is Gradients of one scalar.
func (g *Graph) Gradient(y Value, wrt ...Value) []Value { return g.Gradients([]Value{y}, nil, wrt) }

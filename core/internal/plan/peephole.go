package plan

import "github.com/gokeras/gk/core/internal/kernel"

// This file owns the recognition of several elementwise operations that one loop of the kernel package does together. The bits stay
// the same.

// fusion is an operation that takes others along, which nothing else reads.
type fusion struct {
	name    string
	vectors []*value
	scalars []*value
	inner   []*node
}

// fusions finds those of a unit, and which operations they make superfluous.
func (q *planner) fusions(u *unit) (map[*node]fusion, map[*node]bool) {
	found, gone := map[*node]fusion{}, map[*node]bool{}
	if q.plain {
		return found, gone
	}
	m := &matcher{q: q, u: u}
	for i := len(u.loop) - 1; i >= 0; i-- {
		n := u.loop[i]
		if gone[n] {
			continue
		}
		if f, ok := m.match(n); ok {
			found[n] = f
			for _, x := range f.inner {
				gone[x] = true
			}
		}
	}
	return found, gone
}

type matcher struct {
	q     *planner
	u     *unit
	inner []*node // of the match under way
}

// only is the operation that makes operand x of n, if it has that name and nobody else reads it.
func (m *matcher) only(n *node, x *value, op string) *node {
	at := locate(x, n.out[0].shape, m.q.through)
	d := at.v.def
	if d.op != op || !at.a.identical() || m.q.home[d] != m.u || d == m.u.heavy || m.q.readers[at.v] != 1 || m.q.kept[at.v] {
		return nil
	}
	m.inner = append(m.inner, d)
	return d
}

// scalar reports whether n reads one number as operand x.
func (m *matcher) scalar(n *node, x *value) bool {
	at := locate(x, n.out[0].shape, m.q.through)
	return at.v.def.op == "Const" || at.a.scalar() && n.out[0].size > 1
}

// scaled is a product with a number, as the two operands of n.
func (m *matcher) scaled(n *node) (x, s *value, ok bool) {
	if n == nil {
		return nil, nil, false
	}
	for i := range 2 {
		x, s := n.in[i], n.in[1-i]
		if m.scalar(n, s) && !m.scalar(n, x) {
			return x, s, true
		}
	}
	return nil, nil, false
}

// whole reports whether n reads each of some operands place by place or at least as a vector.
func (m *matcher) whole(n *node, xs ...*value) bool {
	for _, x := range xs {
		if m.scalar(n, x) || x.size != n.out[0].size {
			return false
		}
	}
	return true
}

func (m *matcher) match(n *node) (fusion, bool) {
	if len(n.in) != 2 || n.out[0].size < 2 {
		return fusion{}, false
	}
	switch n.op {
	case "add":
		for i := range 2 {
			if f, ok := m.add(n, n.in[i], n.in[1-i]); ok {
				return f, true
			}
		}
	case "sub":
		a, b := n.in[0], n.in[1]
		if !m.whole(n, a, b) {
			break
		}
		m.inner = nil
		if quotient := m.only(n, b, "div"); quotient != nil {
			x, s, ok := m.scaled(m.only(quotient, quotient.in[0], "mul"))
			bottom := m.only(quotient, quotient.in[1], "add")
			if ok && bottom != nil && m.scalar(bottom, bottom.in[1]) {
				if root := m.only(bottom, bottom.in[0], "sqrt"); root != nil && m.whole(n, x, root.in[0]) {
					return fusion{"descend", []*value{a, x, root.in[0]}, []*value{s, bottom.in[1]}, m.inner}, true
				}
			}
		}
		m.inner = nil
		if x, s, ok := m.scaled(m.only(n, b, "mul")); ok && m.whole(n, x) {
			return fusion{"sub_scaled", []*value{a, x}, []*value{s}, m.inner}, true
		}
	}
	return fusion{}, false
}

// add matches a + b, one of the orders.
func (m *matcher) add(n *node, a, b *value) (fusion, bool) {
	m.inner = nil
	if !m.whole(n, a, b) {
		return fusion{}, false
	}
	product := m.only(n, b, "mul")
	x, s, ok := m.scaled(product)
	if !ok || !m.whole(n, x) {
		return fusion{}, false
	}
	keep := m.inner
	if d := m.only(product, x, "sub"); d != nil && d.in[1].root() == a.root() && m.whole(n, d.in[0]) {
		if square := m.only(d, d.in[0], "square"); square != nil && m.whole(n, square.in[0]) {
			return fusion{"toward_square", []*value{a, square.in[0]}, []*value{s}, m.inner}, true
		}
		return fusion{"toward", []*value{a, d.in[0]}, []*value{s}, m.inner}, true
	}
	m.inner = keep[:len(keep):len(keep)]
	other := m.only(n, a, "mul")
	if y, t, ok := m.scaled(other); ok && m.whole(n, y) {
		keep = m.inner[:len(m.inner):len(m.inner)]
		if square := m.only(product, x, "square"); square != nil && m.whole(n, square.in[0]) {
			return fusion{"mix_square", []*value{y, square.in[0]}, []*value{t, s}, m.inner}, true
		}
		return fusion{"mix", []*value{y, x}, []*value{t, s}, keep}, true
	}
	return fusion{"add_scaled", []*value{a, x}, []*value{s}, keep[:1]}, true
}

// fused appends the instruction of a fusion.
func (c *loopCompiler[T]) fused(n *node, f fusion) error {
	in := instruction[T]{form: fusedForm, a: -1, b: -1, c: -1, fused: kernel.Fused[T](f.name, c.ref)}
	slots := []*int{&in.a, &in.b, &in.c}
	for i, x := range f.vectors {
		o, err := c.operand(n, x)
		if err != nil {
			return err
		}
		*slots[i] = c.vector(o)
	}
	scalars := []*int{&in.s, &in.t}
	for i, x := range f.scalars {
		o, err := c.operand(n, x)
		if err != nil {
			return err
		}
		*scalars[i] = o.scalar
	}
	in.dst = c.temporary()
	c.emit(in)
	c.done[n] = operand{in.dst, -1}
	return nil
}

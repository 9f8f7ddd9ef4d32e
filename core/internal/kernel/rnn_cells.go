package kernel

// This file owns the formulas of the recurrent cells, forward and backward, for a block of rows and one step. Rows that are not
// live keep their states; what else is computed for them is not used.

// Where the sections of Saved begin, in units per row and step.
const (
	lstmGates, lstmTop, lstmOld, lstmPrev = 0, 4, 5, 6 // i f g o; act(c); c before; h as multiplied
	gruGates, gruInner, gruOld, gruPrev   = 0, 3, 4, 5 // z r g; m of g (ResetAfter) or r*prev; h before; h as multiplied
	simpleOut, simplePrev                 = 0, 1       // h; h as multiplied
)

// load copies the x of a step to z.
func (k *rnn[T]) load(b *rnnBlock[T]) {
	wide := k.gates * k.Units
	for r := range b.rows {
		copy(row(b.z, r, wide), row(k.X, k.place(b, r), wide))
	}
}

// save stores row r, as wide as it is, in a section. It does nothing if nothing is to be saved. Of a masked step it stores 0,
// which the products for the weights' gradients read.
func (k *rnn[T]) save(b *rnnBlock[T], section, r int, numbers []T) {
	if k.Saved == nil {
		return
	}
	to := row(k.section(section), k.place(b, r), len(numbers))
	if b.live[r] {
		copy(to, numbers)
	} else {
		clear(to)
	}
}

func (k *rnn[T]) simple(b *rnnBlock[T]) {
	u := k.Units
	k.load(b)
	k.product(b.rows, k.weights, b.prev, u, b.z, u, true)
	for r := range b.rows {
		k.save(b, simplePrev, r, row(b.prev, r, u))
		if b.live[r] {
			h := row(b.h, r, u)
			k.act.forward(h, row(b.z, r, u))
			k.save(b, simpleOut, r, h)
		}
	}
}

func (k *rnn[T]) simpleGrad(b *rnnBlock[T]) {
	u := k.Units
	for r := range b.rows {
		dz := row(b.z, r, u)
		if !b.live[r] {
			clear(dz)
			continue
		}
		dh := row(b.h, r, u)
		k.act.grad(dz, dh, row(k.section(simpleOut), k.place(b, r), u))
		clear(dh)
	}
	k.product(b.rows, k.weights, b.z, u, b.s, u, false)
}

func (k *rnn[T]) lstm(b *rnnBlock[T]) {
	u := k.Units
	k.load(b)
	k.product(b.rows, k.weights, b.prev, u, b.z, 4*u, true)
	for r := range b.rows {
		k.save(b, lstmPrev, r, row(b.prev, r, u))
		if !b.live[r] {
			continue
		}
		z, c, top := row(b.z, r, 4*u), row(b.c, r, u), b.t[:u]
		k.save(b, lstmOld, r, c)
		k.rec.forward(z[:2*u], z[:2*u])
		k.act.forward(z[2*u:3*u], z[2*u:3*u])
		k.rec.forward(z[3*u:], z[3*u:])
		k.mul(top, z[:u], z[2*u:3*u])
		k.mulAdd(c, z[u:2*u], c, top)
		k.act.forward(top, c)
		k.mul(row(b.h, r, u), z[3*u:], top)
		k.save(b, lstmGates, r, z)
		k.save(b, lstmTop, r, top)
	}
}

func (k *rnn[T]) lstmGrad(b *rnnBlock[T]) {
	u := k.Units
	for r := range b.rows {
		dz := row(b.z, r, 4*u)
		if !b.live[r] {
			clear(dz)
			continue
		}
		at := k.place(b, r)
		gates := row(k.section(lstmGates), at, 4*u)
		i, f, g, o := gates[:u], gates[u:2*u], gates[2*u:3*u], gates[3*u:]
		top, old := row(k.section(lstmTop), at, u), row(k.section(lstmOld), at, u)
		dh, dc, t := row(b.h, r, u), row(b.c, r, u), b.t[:u]
		// h = o top, top = act(c)
		k.mul(dz[3*u:], dh, top)
		k.mul(t, dh, o)
		k.act.grad(t, t, top)
		k.add(dc, dc, t)
		// c = f old + i g
		k.mul(dz[:u], dc, g)
		k.mul(dz[u:2*u], dc, old)
		k.mul(dz[2*u:3*u], dc, i)
		k.mul(dc, dc, f)
		k.rec.grad(dz[:2*u], dz[:2*u], gates[:2*u])
		k.act.grad(dz[2*u:3*u], dz[2*u:3*u], g)
		k.rec.grad(dz[3*u:], dz[3*u:], o)
		clear(dh)
	}
	k.product(b.rows, k.weights, b.z, 4*u, b.s, u, false)
}

func (k *rnn[T]) gru(b *rnnBlock[T]) {
	u := k.Units
	k.load(b)
	k.product(b.rows, k.weights, b.prev, u, b.m, 3*u, false)
	for r := range b.rows {
		z, m, inner := row(b.z, r, 3*u), row(b.m, r, 3*u), row(b.s, r, u)
		if k.ResetAfter && k.RBias != nil {
			k.add(m, m, k.RBias)
		}
		k.add(z[:2*u], z[:2*u], m)
		k.rec.forward(z[:2*u], z[:2*u])
		if k.ResetAfter {
			copy(inner, m[2*u:])
			k.mul(m[2*u:], z[u:2*u], inner)
		} else {
			k.mul(inner, z[u:2*u], row(b.prev, r, u))
		}
	}
	if !k.ResetAfter {
		k.product(b.rows, k.inner, b.s, u, b.m[2*u:], 3*u, false)
	}
	for r := range b.rows {
		h, z, g := row(b.h, r, u), row(b.z, r, 3*u), row(b.z, r, 3*u)[2*u:]
		k.save(b, gruPrev, r, row(b.prev, r, u))
		k.save(b, gruInner, r, row(b.s, r, u))
		if !b.live[r] {
			continue
		}
		k.save(b, gruOld, r, h)
		k.add(g, g, row(b.m, r, 3*u)[2*u:])
		k.act.forward(g, g)
		// h = z h + (1-z) g
		t := b.t[:u]
		k.oneMinus(t, z[:u])
		k.mul(t, t, g)
		k.mulAdd(h, z[:u], h, t)
		k.save(b, gruGates, r, z)
	}
}

func (k *rnn[T]) gruGrad(b *rnnBlock[T]) {
	u := k.Units
	for r := range b.rows {
		d := row(b.z, r, 3*u)
		at := k.place(b, r)
		if !b.live[r] {
			clear(d)
			if k.ResetAfter {
				clear(row(b.m, r, 3*u))
				clear(row(k.dmh, at, u))
			}
			continue
		}
		gates, old := row(k.section(gruGates), at, 3*u), row(k.section(gruOld), at, u)
		z, g, dh, t := gates[:u], gates[2*u:], row(b.h, r, u), b.t[:u]
		// h = z old + (1-z) g
		k.sub(t, old, g)
		k.mul(d[:u], dh, t)
		k.oneMinus(t, z)
		k.mul(t, dh, t)
		k.act.grad(d[2*u:], t, g)
		k.mul(dh, dh, z)
	}
	if k.ResetAfter {
		for r := range b.rows {
			if !b.live[r] {
				continue
			}
			at := k.place(b, r)
			d, m := row(b.z, r, 3*u), row(b.m, r, 3*u)
			gates, inner := row(k.section(gruGates), at, 3*u), row(k.section(gruInner), at, u)
			k.mul(d[u:2*u], d[2*u:], inner)
			k.rec.grad(d[:2*u], d[:2*u], gates[:2*u])
			copy(m[:2*u], d)
			k.mul(m[2*u:], d[2*u:], gates[u:2*u])
			copy(row(k.dmh, at, u), m[2*u:])
		}
		k.product(b.rows, k.weights, b.m, 3*u, b.s, u, false)
		return
	}
	// The gradient of r*prev comes first, because that of r needs it.
	inner := b.m[:b.rows*u]
	k.product(b.rows, k.inner, b.z[2*u:], 3*u, inner, u, false)
	for r := range b.rows {
		if !b.live[r] {
			continue
		}
		at := k.place(b, r)
		d, gates := row(b.z, r, 3*u), row(k.section(gruGates), at, 3*u)
		k.mul(d[u:2*u], row(inner, r, u), row(k.section(gruPrev), at, u))
		k.rec.grad(d[:2*u], d[:2*u], gates[:2*u])
	}
	k.product(b.rows, k.weights, b.z, 3*u, b.s, u, false)
	for r := range b.rows {
		if b.live[r] {
			s, t := row(b.s, r, u), b.t[:u]
			k.mul(t, row(inner, r, u), row(k.section(gruGates), k.place(b, r), 3*u)[u:2*u])
			k.add(s, s, t)
		}
	}
}

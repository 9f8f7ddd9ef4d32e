package plan

import (
	"fmt"
	"slices"

	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/internal/kernel"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns the translation of a unit's elementwise operations to the instructions of a loop.

// loopCompiler makes one loop.
type loopCompiler[T tensor.Float] struct {
	*loop[T]
	q      *planner
	u      *unit
	ref    bool
	memory func(v *value) []T
	done   map[*node]operand
	read   map[*value]operand // operands with an element for each place
	placed []placedOperand
}

type placedOperand struct {
	place
	operand
}

// operand is a slot or a scalar; the other is -1.
type operand struct{ slot, scalar int }

// compileLoop makes the loop of a unit. memory is where roots lie.
func compileLoop[T tensor.Float](pool *kernel.Pool, run *runState, q *planner, u *unit, memory func(v *value) []T) (*loop[T], error) {
	c := &loopCompiler[T]{loop: &loop[T]{pool: pool, run: run, size: u.size}, q: q, u: u, ref: pool.Reference(), memory: memory,
		done: map[*node]operand{}, read: map[*value]operand{}}
	c.chooseCut()
	fusions, gone := q.fusions(u)
	for _, n := range u.loop {
		var err error
		if f, ok := fusions[n]; ok {
			err = c.fused(n, f)
		} else if !gone[n] {
			err = c.node(n)
		}
		if err != nil {
			return nil, err
		}
	}
	c.results()
	c.allocate()
	c.finish()
	return c.loop, nil
}

// chooseCut decides where tiles end so that operands with long runs of contiguous or equal elements need not be copied.
func (c *loopCompiler[T]) chooseCut() {
	const shortest = 96
	for _, s := range c.u.sinks {
		if _, _, inner := reduceSizes(s); inner > 1 {
			return
		}
	}
	for _, at := range c.u.reads {
		in := at.a.inner()
		if at.a.identical() || at.a.scalar() || in.n < shortest || in.stride != 0 && in.stride != 1 {
			continue
		}
		if p := at.a.period(); p > 0 && p <= maxTile {
			continue
		}
		if c.cut == 0 || in.n < c.cut {
			c.cut = in.n
		}
	}
}

func (c *loopCompiler[T]) newSlot(s slot[T]) int {
	c.slots = append(c.slots, s)
	return len(c.slots) - 1
}

func (c *loopCompiler[T]) temporary() int { return c.newSlot(slot[T]{kind: bufferSlot, buffer: -1}) }

func (c *loopCompiler[T]) newScalar(s scalar[T]) operand {
	for i, o := range c.scalars {
		if o.memory == nil && s.memory == nil && o.value == s.value || o.memory != nil && same(o.memory, s.memory) && o.access.equal(s.access) {
			return operand{-1, i}
		}
	}
	c.scalars = append(c.scalars, s)
	return operand{-1, len(c.scalars) - 1}
}

func (c *loopCompiler[T]) emit(in instruction[T]) { c.code = append(c.code, in) }

// operand is x as the node n reads it.
func (c *loopCompiler[T]) operand(n *node, x *value) (operand, error) {
	at := locate(x, n.out[0].shape, c.q.through)
	d := at.v.def
	if d.op == "Const" {
		return c.newScalar(scalar[T]{value: T(d.attr.(graph.ConstAttr).Value)}), nil
	}
	if at.a.identical() {
		if c.q.freeCost(d) > 0 && c.q.home[d] != c.u {
			if err := c.node(d); err != nil {
				return operand{}, err
			}
		}
		if o, ok := c.done[d]; ok {
			return o, nil
		}
		o, ok := c.read[at.v]
		if !ok {
			memory := c.memory(at.v)[:c.size]
			o = operand{c.newSlot(slot[T]{kind: memorySlot, memory: memory}), -1}
			if c.u.heavy == nil || d != c.u.heavy {
				c.streams = append(c.streams, memory)
			}
			c.read[at.v] = o
		}
		return o, nil
	}
	for _, p := range c.placed {
		if p.v == at.v && p.a.equal(at.a) {
			return p.operand, nil
		}
	}
	o, keep := c.strided(c.memory(at.v), at.a)
	if keep {
		c.placed = append(c.placed, placedOperand{at, o})
	}
	return o, nil
}

// strided is an operand that has not one element for each place. keep says that it serves for the whole tile.
func (c *loopCompiler[T]) strided(memory []T, a access) (o operand, keep bool) {
	in := a.inner()
	switch {
	case a.scalar():
		return c.newScalar(scalar[T]{memory: memory, access: a}), true
	case c.cut > 0 && in.n%c.cut == 0 && in.stride == 1:
		return operand{c.newSlot(slot[T]{kind: runSlot, memory: memory, access: a}), -1}, true
	case c.cut > 0 && in.n%c.cut == 0 && in.stride == 0:
		return c.newScalar(scalar[T]{memory: memory, access: a, moves: true}), true
	}
	if p := a.period(); p > 0 && p <= maxTile {
		repeated := kernel.Aligned[T]((maxTile/p + 2) * p)
		return operand{c.newSlot(slot[T]{kind: periodicSlot, memory: repeated, source: memory[a.offset:], period: p}), -1}, true
	}
	dst := c.temporary()
	c.emit(instruction[T]{form: gatherForm, dst: dst, a: -1, b: -1, c: -1, memory: memory, access: a})
	return operand{dst, -1}, true
}

// vector is an operand as a slot.
func (c *loopCompiler[T]) vector(o operand) int {
	if o.slot >= 0 {
		return o.slot
	}
	s := c.scalars[o.scalar]
	if s.moves {
		dst := c.temporary()
		c.emit(instruction[T]{form: fillForm, dst: dst, a: -1, b: -1, c: -1, s: o.scalar, fill: kernel.Fill[T](c.ref)})
		return dst
	}
	repeated := kernel.Aligned[T](maxTile)
	repeat(repeated, []T{s.value})
	f := slot[T]{kind: fixedSlot, memory: repeated, value: s.value}
	if s.memory != nil {
		f.source = s.memory[s.access.offset:]
	}
	for i, o := range c.slots {
		if o.kind == fixedSlot && (o.source == nil && f.source == nil && o.value == f.value || same(o.source, f.source)) {
			return i
		}
	}
	return c.newSlot(f)
}

// node appends the instruction of an operation.
func (c *loopCompiler[T]) node(n *node) error {
	if _, ok := c.done[n]; ok {
		return nil
	}
	in := instruction[T]{a: -1, b: -1, c: -1}
	ops := make([]operand, len(n.in))
	for i, x := range n.in {
		var err error
		if ops[i], err = c.operand(n, x); err != nil {
			return err
		}
	}
	switch {
	case n.op == "Random":
		in.form, in.stream = randomForm, uint64(n.attr.(graph.RandomAttr).Stream)
	case n.op == "Const":
		in.form, in.fill = fillForm, kernel.Fill[T](c.ref)
		in.s = c.newScalar(scalar[T]{value: T(n.attr.(graph.ConstAttr).Value)}).scalar
	case n.op == "BroadcastTo":
		if ops[0].slot >= 0 {
			in.form, in.a = copyForm, ops[0].slot
		} else {
			in.form, in.s, in.fill = fillForm, ops[0].scalar, kernel.Fill[T](c.ref)
		}
	case len(ops) == 1:
		in.form, in.a, in.unary = unaryForm, c.vector(ops[0]), kernel.Unary[T](n.op, c.ref)
		if in.unary == nil {
			return fmt.Errorf("no kernel for %q", n.op)
		}
	case len(ops) == 2:
		x, y := ops[0], ops[1]
		switch {
		case y.slot < 0:
			in.form, in.a, in.s, in.withOne = rightForm, c.vector(x), y.scalar, kernel.BinaryScalar[T](n.op, c.ref)
		case x.slot < 0:
			in.form, in.a, in.s, in.withOne = leftForm, y.slot, x.scalar, kernel.ScalarBinary[T](n.op, c.ref)
		default:
			in.form, in.a, in.b, in.binary = binaryForm, x.slot, y.slot, kernel.Binary[T](n.op, c.ref)
		}
		if in.withOne == nil && in.binary == nil {
			return fmt.Errorf("no kernel for %q", n.op)
		}
	default:
		in.form, in.ternary = ternaryForm, kernel.Ternary[T](n.op, c.ref)
		if len(ops) != 3 || in.ternary == nil {
			return fmt.Errorf("no kernel for %q", n.op)
		}
		in.a, in.b, in.c = c.vector(ops[0]), c.vector(ops[1]), c.vector(ops[2])
	}
	in.dst = c.temporary()
	c.emit(in)
	c.done[n] = operand{in.dst, -1}
	return nil
}

// lastRead is the number of the last instruction that reads a slot, -1 if none does.
func (c *loopCompiler[T]) lastRead(s int) int {
	for i := len(c.code) - 1; i >= 0; i-- {
		if in := &c.code[i]; in.a == s || in.b == s || in.c == s {
			return i
		}
	}
	return -1
}

// results makes the operations whose results are kept write them where they belong. Where that is also the place of an operand that
// is read later, the result is copied at the end of the tile.
func (c *loopCompiler[T]) results() {
	for _, v := range c.u.writes {
		if !slices.Contains(c.u.loop, v.def) {
			continue
		}
		to := c.memory(v)[:c.size]
		from := c.done[v.def].slot
		at := slices.IndexFunc(c.code, func(in instruction[T]) bool { return in.dst == from })
		late := false
		for i, s := range c.slots {
			if s.kind == memorySlot && same(s.memory, to) && c.lastRead(i) > at {
				late = true
			}
		}
		if !late {
			c.slots[from] = slot[T]{kind: memorySlot, memory: to}
			continue
		}
		dst := c.newSlot(slot[T]{kind: memorySlot, memory: to})
		c.emit(instruction[T]{form: copyForm, dst: dst, a: from, b: -1, c: -1})
	}
	for _, n := range c.u.sinks {
		_, count, inner := reduceSizes(n)
		s := &sink[T]{slot: c.done[n.in[0].root().def].slot, columns: inner, dst: c.memory(n.out[0]), scale: 1, sum: kernel.Sum[T](c.ref),
			columnS: kernel.ColumnSum[T](c.ref), add: kernel.Binary[T]("add", c.ref)}
		if n.op == "Mean" {
			s.scale = float64(count)
		}
		c.sinks = append(c.sinks, s)
	}
}

// allocate gives temporaries that are in use at different times the same buffer.
func (c *loopCompiler[T]) allocate() {
	last := make([]int, len(c.slots))
	for i, in := range c.code {
		last[in.dst] = max(last[in.dst], i)
		for _, s := range []int{in.a, in.b, in.c} {
			if s >= 0 {
				last[s] = i
			}
		}
	}
	for _, s := range c.sinks {
		last[s.slot] = len(c.code)
	}
	var idle []int
	for i, in := range c.code {
		// The buffers of operands that are not read again may take the result.
		for k, s := range []int{in.a, in.b, in.c} {
			if s >= 0 && c.slots[s].kind == bufferSlot && last[s] == i && !slices.Contains([]int{in.a, in.b, in.c}[:k], s) {
				idle = append(idle, c.slots[s].buffer)
			}
		}
		if d := &c.slots[in.dst]; d.kind == bufferSlot && d.buffer < 0 {
			if len(idle) > 0 {
				d.buffer, idle = idle[len(idle)-1], idle[:len(idle)-1]
			} else {
				d.buffer = c.buffers
				c.buffers++
			}
			if last[in.dst] == i { // never read
				idle = append(idle, d.buffer)
			}
		}
	}
}

// finish chooses sizes and makes room.
func (c *loopCompiler[T]) finish() {
	c.tile = maxTile
	for c.tile > 256 && c.tile*max(1, c.buffers) > tileRoom {
		c.tile /= 2
	}
	whole := 1 // a tile has whole rows of a sink
	for _, s := range c.sinks {
		if s.columns > 1 {
			whole = s.columns // all the same, as the loop has no cut otherwise
		}
	}
	c.tile = max(1, c.tile/whole) * whole
	work := 0
	for i := range c.code {
		work += costOf(&c.code[i])
	}
	c.chunk = max(c.tile, loopTask/max(1, work)/c.tile*c.tile)
	if c.cut > 0 && c.chunk > c.cut {
		c.chunk = c.chunk / c.cut * c.cut
	}
	c.chunks = (c.size + c.chunk - 1) / c.chunk
	for _, s := range c.sinks {
		if s.columns == 1 {
			s.totals = make([]float64, c.chunks)
			continue
		}
		s.partial = kernel.Aligned[T](c.chunks * s.columns)
	}
	size := 8
	if _, ok := any(T(0)).(float32); ok {
		size = 4
	}
	c.pool.Reserve(c.buffers * c.tile * size)
	c.workers = make([]loopWorker[T], c.pool.Workers())
	for i := range c.workers {
		w := &c.workers[i]
		w.v, w.s = make([][]T, len(c.slots)), make([]T, len(c.scalars))
		for k, s := range c.scalars {
			w.s[k] = s.value
		}
	}
	for _, s := range c.sinks {
		for range c.workers {
			s.room = append(s.room, kernel.Aligned[T](s.columns))
		}
	}
	c.task = c.doTask
}

// costOf is the work of an instruction, relative to an addition.
func costOf[T tensor.Float](in *instruction[T]) int {
	switch in.form {
	case randomForm, unaryForm:
		return 4
	}
	return 2
}

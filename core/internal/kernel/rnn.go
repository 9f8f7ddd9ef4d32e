package kernel

import (
	"github.com/gokeras/gk/core/tensor"
)

// This file owns whole-sequence recurrent layers: what they compute and how the work is shared out. The cells' formulas are in
// rnn_cells.go.
//
// The batch is cut in blocks of rows. A task takes a block through all steps, so that its states stay in the cache and no
// worker waits for another. The gradients of the weights are products over all rows and steps at the end.

// The cells of RNNSpec, with their gates in Keras' order.
const (
	CellLSTM   = "lstm"   // i, f, c, o
	CellGRU    = "gru"    // z, r, h
	CellSimple = "simple" // one
)

// RNNSpec says what a recurrent layer computes: for t from 0 to Steps-1, with x = X[:, t] (or X[:, Steps-1-t], see
// GoBackwards), h the state, and m = (h*Dropout) R,
//
//	simple  h = act(x + m)
//	lstm    i, f, o = rec(x + m)  g = act(x + m)  c = f c + i g  h = o act(c)
//	gru     z, r = rec(x + m)  g = act(x + r m)  h = z h + (1-z) g                 with ResetAfter, m = (h*Dropout) R + RBias
//	gru     z, r = rec(x + m)  g = act(x + (r h*Dropout) R)  h = z h + (1-z) g     without
//
// each gate with its part of x, R and m. A step that is masked leaves the states as they are; its output is the output before
// (0 at the first step), or 0 with ZeroOutputForMask.
type RNNSpec struct {
	Cell                            string
	Batch, Steps, Units             int
	Activation, RecurrentActivation string // act and rec: see RNNActivations; the simple cell has no rec
	ResetAfter                      bool
	GoBackwards                     bool // take the steps of X and Mask from the last; Y is in the order of computation
	ZeroOutputForMask               bool
}

// Gates is the number of gates of a cell, 0 for an unknown one.
func (s *RNNSpec) Gates() int {
	return map[string]int{CellLSTM: 4, CellGRU: 3, CellSimple: 1}[s.Cell]
}

// SavedSize is how many numbers the forward pass saves for the gradient.
func (s *RNNSpec) SavedSize() int {
	return s.Batch * s.Steps * s.Units * map[string]int{CellLSTM: 7, CellGRU: 6, CellSimple: 2}[s.Cell]
}

// RNNOperands are what a recurrent layer reads and writes. nil: see each.
type RNNOperands[T tensor.Float] struct {
	X       []T // [Batch, Steps, Gates*Units], the inputs times the kernel, plus the bias
	R       []T // [Units, Gates*Units], the recurrent kernel
	RBias   []T // [Gates*Units], added to the recurrent product of a GRU with ResetAfter; nil: 0
	H0, C0  []T // [Batch, Units], the initial states; nil: 0. Only lstm has a C
	Mask    []T // [Batch, Steps], 0 where a step is masked; nil: none is
	Dropout []T // [Batch, Units], what states are multiplied by before the recurrent product, the same in all steps; nil: 1

	Y     []T // [Batch, Steps, Units], the outputs; nil: not wanted
	H, C  []T // [Batch, Units], the states after the last step; nil: not wanted
	Saved []T // SavedSize numbers for the gradient; nil: not wanted
}

// RNNGradOperands are what the gradient reads and writes besides the operands of the forward pass, of which it reads R, C0,
// Mask, Dropout and Saved.
type RNNGradOperands[T tensor.Float] struct {
	DY     []T // as Y; nil: no gradient arrives there
	DH, DC []T // as H and C; nil: no gradient arrives there

	DX       []T // as X
	DR       []T // as R; nil: not wanted
	DRBias   []T // as RBias; nil: not wanted
	DH0, DC0 []T // as H0 and C0; nil: not wanted
}

// rnnRows is how many rows of the batch a task does at most: those of a tile of a product.
const rnnRows = tileRows

// rnnBlocks cuts a batch in blocks of equal size, an even number of them if there are several, since numbers of workers mostly
// are even.
func rnnBlocks(batch int) (blocks, rows int) {
	blocks = ceilDiv(batch, rnnRows)
	if blocks > 1 {
		blocks += blocks % 2
	}
	rows = ceilDiv(batch, max(1, blocks))
	return ceilDiv(batch, max(1, rows)), rows
}

// rnn is a prepared layer or gradient.
type rnn[T tensor.Float] struct {
	RNNSpec
	RNNOperands[T]
	g        RNNGradOperands[T]
	p        *Pool
	level    level
	act, rec rnnActivation[T]
	gates    int
	blocks   int
	rows     int // of a block

	add, sub, mul func(dst, x, y []T)
	mulAdd        func(dst, a, b, c []T)
	oneMinus      func(dst, x []T) // 1 - x

	weights, inner *rnnWeights[T] // of the recurrent product, and of that of r*h in a GRU without ResetAfter
	packing        []rnnPanel[T]
	pack           func(worker, i int)

	dmh []T // [Batch, Steps, Units]: the gradient of the recurrent product of g, in a GRU with ResetAfter
}

// newRNN checks operands; nil for an unknown cell or activation.
func newRNN[T tensor.Float](p *Pool, s RNNSpec, o RNNOperands[T]) *rnn[T] {
	gates := s.Gates()
	act, ok := newRNNActivation[T](p, s.Activation)
	rec, known := newRNNActivation[T](p, s.RecurrentActivation)
	if s.Cell == CellSimple {
		known = true
	}
	if gates == 0 || !ok || !known {
		return nil
	}
	rows, u := s.Batch*s.Steps, s.Units
	if s.Batch < 0 || s.Steps < 0 || u < 1 {
		panic("kernel: rnn: bad size")
	}
	states := s.Batch * u
	if len(o.R) < u*gates*u || tooShort(o.RBias, gates*u) || tooShort(o.H0, states) || tooShort(o.C0, states) || tooShort(o.Mask, rows) ||
		tooShort(o.Dropout, states) || tooShort(o.Y, rows*u) || tooShort(o.H, states) || tooShort(o.C, states) || tooShort(o.Saved, s.SavedSize()) {
		panic("kernel: rnn: short operand")
	}
	ref := p.Reference()
	k := &rnn[T]{RNNSpec: s, RNNOperands: o, p: p, level: levelOf[T](p), act: act, rec: rec, gates: gates,
		add: Binary[T]("add", ref), sub: Binary[T]("sub", ref), mul: Binary[T]("mul", ref), mulAdd: Ternary[T]("mul_add", ref)}
	k.blocks, k.rows = rnnBlocks(s.Batch)
	k.pack = k.packPanel
	from := ScalarBinary[T]("sub", ref)
	k.oneMinus = func(dst, x []T) { from(dst, x, 1) }
	// States, products and rows in between; see newBlock.
	p.Reserve((rnnRows*(2*gates+6)*u + 4*u) * sizeOf[T]())
	return k
}

// RNN prepares a recurrent layer. It returns nil for a cell or an activation that it does not know.
func RNN[T tensor.Float](p *Pool, s RNNSpec, o RNNOperands[T]) func() {
	k := newRNN(p, s, o)
	if k == nil {
		return nil
	}
	if len(o.X) < s.Batch*s.Steps*k.gates*s.Units {
		panic("kernel: rnn: short x")
	}
	u, wide := s.Units, k.gates*s.Units
	if k.splits() {
		k.weights, k.inner = k.weigh(o.R, false, u, 2*u), k.weigh(o.R[2*u:], false, u, u)
	} else {
		k.weights = k.weigh(o.R, false, u, wide)
	}
	task := func(worker, i int) { k.forward(worker, i) }
	return func() {
		p.Run(len(k.packing), k.pack)
		p.Run(k.blocks, task)
	}
}

// RNNGrad prepares the gradient of RNN, which must have been run with Saved. It returns nil for a cell or an activation that it
// does not know.
func RNNGrad[T tensor.Float](p *Pool, s RNNSpec, o RNNOperands[T], g RNNGradOperands[T]) func() {
	k := newRNN(p, s, o)
	if k == nil {
		return nil
	}
	rows, u, wide, states := s.Batch*s.Steps, s.Units, k.gates*s.Units, s.Batch*s.Units
	if o.Saved == nil || len(g.DX) < rows*wide || tooShort(g.DY, rows*u) || tooShort(g.DH, states) || tooShort(g.DC, states) ||
		tooShort(g.DR, u*wide) || tooShort(g.DRBias, wide) || tooShort(g.DH0, states) || tooShort(g.DC0, states) {
		panic("kernel: rnn gradient: short operand")
	}
	k.g = g
	if k.splits() {
		k.weights, k.inner = k.weigh(o.R, true, 2*u, u), k.weigh(o.R[2*u:], true, u, u)
	} else {
		k.weights = k.weigh(o.R, true, wide, u)
	}
	task := func(worker, i int) { k.backward(worker, i) }
	steps := []func(){func() {
		p.Run(len(k.packing), k.pack)
		p.Run(k.blocks, task)
	}}

	// The weights' part: product is columns [from, to) of DR = states' d.
	product := func(states, d []T, ld, from, to int) {
		if g.DR != nil {
			spec := GemmSpec{M: u, N: to - from, K: rows, TransA: true, LDB: ld, LDC: wide}
			steps = append(steps, Gemm(p, spec, g.DR[from:], states, d).Run)
		}
	}
	last := wide - u
	switch {
	case s.Cell == CellGRU && s.ResetAfter:
		k.dmh = make([]T, rows*u)
		product(k.section(gruPrev), g.DX, wide, 0, last)
		product(k.section(gruPrev), k.dmh, u, last, wide)
		if g.DRBias != nil {
			// All gates but the last have the gradient of x.
			all := make([]T, wide)
			steps = append(steps, Reduce(p, ReduceSum, all, g.DX, 1, rows, wide), func() { copy(g.DRBias[:last], all) },
				Reduce(p, ReduceSum, g.DRBias[last:], k.dmh, 1, rows, u))
		}
	case s.Cell == CellGRU:
		product(k.section(gruPrev), g.DX, wide, 0, last)
		if rows > 0 {
			product(k.section(gruInner), g.DX[last:], wide, last, wide)
		}
	case s.Cell == CellLSTM:
		product(k.section(lstmPrev), g.DX, wide, 0, wide)
	default:
		product(k.section(simplePrev), g.DX, wide, 0, wide)
	}
	return func() {
		for _, step := range steps {
			step()
		}
	}
}

// splits reports whether a cell has two recurrent products.
func (k *rnn[T]) splits() bool { return k.Cell == CellGRU && !k.ResetAfter }

// rnnWeights is a right factor, k by n, in panels, which every block reads once a step.
type rnnWeights[T tensor.Float] struct {
	src, panels []T
	trans       bool // src is stored as n by k
	k, n        int
}

// rnnPanel is a panel to be filled.
type rnnPanel[T tensor.Float] struct {
	*rnnWeights[T]
	i int
}

// weigh makes weights of a part of the recurrent kernel, which begins at src.
func (k *rnn[T]) weigh(src []T, trans bool, terms, n int) *rnnWeights[T] {
	panels := ceilDiv(n, panelCols)
	w := &rnnWeights[T]{src: src, panels: alignedOf[T](panels * panelCols * terms), trans: trans, k: terms, n: n}
	for i := range panels {
		k.packing = append(k.packing, rnnPanel[T]{w, i})
	}
	return w
}

// packPanel fills a panel.
func (k *rnn[T]) packPanel(_, i int) {
	w, first := k.packing[i], k.packing[i].i*panelCols
	ld, from := k.gates*k.Units, first
	if w.trans {
		from = first * ld
	}
	packRight(k.level, w.panels[first*w.k:], w.src[from:], ld, w.trans, w.k, min(panelCols, w.n-first))
}

// product does c (+)= a w for the rows of a block.
func (k *rnn[T]) product(rows int, w *rnnWeights[T], a []T, lda int, c []T, ldc int, add bool) {
	step := blockOfK(w.k)
	for k0 := 0; k0 < w.k; k0 += step {
		b := right[T]{data: w.panels[k0*panelCols:], step: panelCols, panel: panelCols * w.k, padded: true}
		mulBlock(k.level, rows, w.n, min(step, w.k-k0), left[T]{data: a[k0:], row: lda, step: 1}, b, c, ldc, add || k0 > 0)
	}
}

// section is the part of Saved from so many units per row and step on: [Batch, Steps, ...].
func (k *rnn[T]) section(units int) []T {
	if k.Saved == nil {
		return nil
	}
	return k.Saved[units*k.Units*k.Batch*k.Steps:]
}

// row is n numbers of row i of a section or another array of rows.
func row[T any](s []T, i, n int) []T { return s[i*n : (i+1)*n : (i+1)*n] }

// rnnBlock is the working memory of a task: some rows of the batch.
type rnnBlock[T tensor.Float] struct {
	first, rows int // of the batch
	at          int // the step of X that is being done
	live        [rnnRows]bool
	h, c        []T // states, or their gradients
	prev        []T // states as the recurrent product takes them
	z, m        []T // gates; the recurrent product
	s, t        []T // a block of states, a row of four
}

func (k *rnn[T]) newBlock(worker, i int) (b rnnBlock[T]) {
	b.first = i * k.rows
	b.rows = min(k.rows, k.Batch-b.first)
	u := k.Units
	memory := ScratchOf[T](k.p, worker, rnnRows*(2*k.gates+4)*u+4*u)
	take := func(n int) (s []T) {
		s, memory = memory[:n:n], memory[n:]
		return s
	}
	states := b.rows * u
	b.h, b.c, b.prev, b.s = take(states), take(states), take(states), take(states)
	b.z, b.m, b.t = take(states*k.gates), take(states*k.gates), take(4*u)
	return b
}

// initial fills states of a block from an array over the batch, with 0 if it is nil.
func (k *rnn[T]) initial(b *rnnBlock[T], dst, from []T) {
	if from == nil {
		clear(dst)
		return
	}
	copy(dst, from[b.first*k.Units:])
}

// final stores states of a block in an array over the batch, unless it is nil.
func (k *rnn[T]) final(b *rnnBlock[T], to, src []T) {
	if to != nil {
		copy(to[b.first*k.Units:], src)
	}
}

// begin sets what a step works on.
func (k *rnn[T]) begin(b *rnnBlock[T], t int) {
	b.at = t
	if k.GoBackwards {
		b.at = k.Steps - 1 - t
	}
	for r := range b.rows {
		b.live[r] = k.Mask == nil || k.Mask[(b.first+r)*k.Steps+b.at] != 0
	}
}

// place is the index of a row of the block, at this step, among all rows and steps.
func (k *rnn[T]) place(b *rnnBlock[T], r int) int { return (b.first+r)*k.Steps + b.at }

func (k *rnn[T]) forward(worker, i int) {
	b := k.newBlock(worker, i)
	u := k.Units
	k.initial(&b, b.h, k.H0)
	k.initial(&b, b.c, k.C0)
	var seen [rnnRows]bool
	for t := range k.Steps {
		k.begin(&b, t)
		copy(b.prev, b.h)
		if k.Dropout != nil {
			k.mul(b.prev, b.h, k.Dropout[b.first*u:])
		}
		switch k.Cell {
		case CellLSTM:
			k.lstm(&b)
		case CellGRU:
			k.gru(&b)
		default:
			k.simple(&b)
		}
		if k.Y == nil {
			continue
		}
		for r := range b.rows {
			seen[r] = seen[r] || b.live[r]
			y := row(k.Y, (b.first+r)*k.Steps+t, u)
			if b.live[r] || seen[r] && !k.ZeroOutputForMask {
				copy(y, row(b.h, r, u))
			} else {
				clear(y)
			}
		}
	}
	k.final(&b, k.H, b.h)
	if k.Cell == CellLSTM {
		k.final(&b, k.C, b.c)
	}
}

func (k *rnn[T]) backward(worker, i int) {
	b := k.newBlock(worker, i)
	u, wide := k.Units, k.gates*k.Units
	k.initial(&b, b.h, k.g.DH)
	k.initial(&b, b.c, k.g.DC)
	var begun [rnnRows]int // the first step that is not masked: before it, outputs are 0
	for r := range b.rows {
		for k.Mask != nil && begun[r] < k.Steps {
			if k.begin(&b, begun[r]); b.live[r] {
				break
			}
			begun[r]++
		}
	}
	for t := k.Steps - 1; t >= 0; t-- {
		k.begin(&b, t)
		for r := range b.rows {
			if k.g.DY != nil && (b.live[r] || t > begun[r] && !k.ZeroOutputForMask) {
				k.add(row(b.h, r, u), row(b.h, r, u), row(k.g.DY, (b.first+r)*k.Steps+t, u))
			}
		}
		// The cells set z to the gradient of x and s to that of prev; h becomes what reaches the state before in other ways.
		switch k.Cell {
		case CellLSTM:
			k.lstmGrad(&b)
		case CellGRU:
			k.gruGrad(&b)
		default:
			k.simpleGrad(&b)
		}
		for r := range b.rows {
			dx := row(k.g.DX, k.place(&b, r), wide)
			if !b.live[r] {
				clear(dx)
				continue
			}
			copy(dx, row(b.z, r, wide))
			h, d := row(b.h, r, u), row(b.s, r, u)
			if k.Dropout != nil {
				k.mul(d, d, row(k.Dropout, b.first+r, u))
			}
			k.add(h, h, d)
		}
	}
	k.final(&b, k.g.DH0, b.h)
	if k.Cell == CellLSTM {
		k.final(&b, k.g.DC0, b.c)
	}
}

package plan

import (
	"fmt"
	"strings"

	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/internal/kernel"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns the translation of units to steps: which kernel an operation is, and with what sizes.

// step is a unit ready to run.
type step[T tensor.Float] struct {
	Step
	run        func()
	once       bool
	invalidate func()        // of packed weights; may be nil
	compute    *compute[T]   // what runs elsewhere, nil for all others
	group      []*compute[T] // several of those with one message
}

// lowerer makes steps.
type lowerer[T tensor.Float] struct {
	q        *planner
	p        *Program[T]
	pool     *kernel.Pool
	memory   func(v *value) []T
	constant bool
}

// epilogue is what a kernel calls for each part of its result.
type epilogue = func(worker, batch, row0, row1, col0, col1 int)

func (l *lowerer[T]) step(u *unit) (step[T], error) {
	s := step[T]{Step: l.describe(u), once: u.once}
	var body *loop[T]
	if len(u.loop) > 0 {
		var err error
		if body, err = compileLoop(l.pool, &l.p.state, l.q, u, l.memory); err != nil {
			return s, l.wrong(u, err)
		}
	}
	if u.heavy == nil {
		s.run = body.all
		return s, nil
	}
	k := &kernelCall[T]{lowerer: l, node: u.heavy, step: &s, tail: body}
	run, err := k.lower()
	if err != nil {
		return s, l.wrong(u, err)
	}
	s.run = run
	if body != nil && k.tail == nil {
		s.run = func() {
			body.prepare()
			run()
		}
	} else if body != nil {
		s.run = func() { // the kernel had nothing to do
			run()
			body.all()
		}
	}
	return s, nil
}

func (l *lowerer[T]) wrong(u *unit, err error) error {
	n := u.heavy
	if n == nil {
		n = u.loop[0]
	}
	if n.scope == "" {
		return fmt.Errorf("%s: %w", n.op, err)
	}
	return fmt.Errorf("%s: %s: %w", n.scope, n.op, err)
}

// describe sums up a unit.
func (l *lowerer[T]) describe(u *unit) Step {
	var names []string
	s := Step{}
	width := numberSize[T]()
	if u.heavy != nil {
		names, s.Scope = append(names, u.heavy.op), u.heavy.scope
		s.Flops += flopsOf(u.heavy)
	} else {
		s.Scope = u.loop[0].scope
	}
	for _, n := range u.loop {
		names = append(names, n.op)
		s.Flops += n.out[0].size
	}
	for _, n := range u.sinks {
		names = append(names, n.op)
		s.Flops += n.in[0].size
	}
	for _, v := range u.takes {
		s.Bytes += v.size * width
	}
	for _, at := range u.reads {
		s.Bytes += at.v.size * width
	}
	for _, v := range u.writes {
		s.Bytes += v.size * width
	}
	s.Name = strings.Join(names, "+")
	return s
}

// flopsOf is the number of floating point operations of a kernel.
func flopsOf(n *node) int {
	switch n.op {
	case "MatMul":
		x := n.in[0].shape
		inner := last(x)
		if n.attr.(graph.MatMulAttr).TransA {
			inner = x[len(x)-2]
		}
		return 2 * n.out[0].size * inner
	case "Conv":
		return 2 * n.out[0].size * n.in[1].size / max(1, last(n.in[1].shape))
	case "ConvGradInput":
		return 2 * n.in[0].size * n.in[1].size / max(1, last(n.in[1].shape))
	case "ConvGradKernel":
		return 2 * n.in[0].size * n.out[0].size / max(1, last(n.out[0].shape))
	case "RNN":
		return 2 * n.in[0].size * n.in[1].shape[0]
	case "RNNGrad":
		return 4 * n.in[4].size * n.in[5].shape[0]
	case "Transpose", "Slice", "Place", "Concat", "Gather":
		return 0
	}
	size := 0
	for _, v := range n.in {
		if v != nil {
			size = max(size, v.size)
		}
	}
	return size
}

func last(s tensor.Shape) int { return s[len(s)-1] }

// kernelCall is the translation of one operation with a kernel.
type kernelCall[T tensor.Float] struct {
	*lowerer[T]
	*node
	step *step[T]
	tail *loop[T] // the loop that the kernel is to run; nil once it is handed over
}

// operand is the memory of operand i, nil if it is absent.
func (k *kernelCall[T]) operand(i int) []T {
	if i >= len(k.in) || k.in[i] == nil {
		return nil
	}
	return k.memory(k.in[i].root())[:k.in[i].size]
}

// result is the memory of result i.
func (k *kernelCall[T]) result(i int) []T { return k.memory(k.out[i])[:k.out[i].size] }

// wanted is result i, or nil if nothing reads it.
func (k *kernelCall[T]) wanted(i int) []T {
	if k.out[i].uses == 0 || k.memory(k.out[i]) == nil {
		return nil
	}
	return k.result(i)
}

// epilogue hands the loop over to the kernel, as a function for results of so many columns.
func (k *kernelCall[T]) epilogue(columns, batchSize int) epilogue {
	if k.tail == nil {
		return nil
	}
	e := k.tail.epilogue(columns, batchSize)
	k.tail = nil
	return e
}

// fill is a step that sets results to a number.
func fill[T tensor.Float](v T, results ...[]T) func() {
	return func() {
		for _, r := range results {
			for i := range r {
				r[i] = v
			}
		}
	}
}

func (k *kernelCall[T]) lower() (func(), error) {
	p := k.pool
	switch k.op {
	case "MatMul":
		return k.matMul(), nil
	case "Conv", "ConvGradInput", "ConvGradKernel":
		return k.conv(), nil
	case "MaxPool", "AvgPool", "MaxPoolGrad", "AvgPoolGrad":
		return k.pooling(), nil
	case "RNN", "RNNGrad":
		return k.rnn()
	case "BatchNorm", "BatchNormGrad", "LayerNorm", "LayerNormGrad":
		return k.norm(), nil
	case "Softmax", "LogSoftmax", "SoftmaxGrad", "LogSoftmaxGrad", "SoftmaxCrossEntropy", "SparseSoftmaxCrossEntropy":
		return k.softmax(), nil
	case "Sum", "Mean", "Max", "Min", "Prod", "ArgMax", "ArgMin":
		outer, n, inner := reduceSizes(k.node)
		return kernel.Reduce(p, strings.ToLower(k.op), k.result(0), k.operand(0), outer, n, inner), nil
	case "Gather":
		table := k.in[0].shape
		rows, width := table[0], table[1:].Size()
		return kernel.Gather(p, k.result(0), k.operand(0), k.operand(1), rows, width, k.fail("index", rows)), nil
	case "ScatterAdd":
		rows := k.out[0].shape[0]
		width := k.out[0].shape[1:].Size()
		return kernel.ScatterAdd(p, k.result(0), k.operand(0), k.operand(1), rows, width, k.fail("index", rows)), nil
	case "Transpose":
		return kernel.Transpose(p, k.result(0), k.operand(0), k.in[0].shape, k.attr.(graph.PermAttr).Perm), nil
	case "Slice", "Place":
		return k.slice(), nil
	case "Concat":
		return k.concat(), nil
	case "Compute", "ComputeGrad":
		return k.compute()
	case "Guard":
		return k.guard(), nil
	}
	return nil, fmt.Errorf("no kernel for %q", k.op)
}

// fail is told an index that does not exist.
func (k *kernelCall[T]) fail(what string, n int) func(index int) {
	return func(index int) {
		if k.p.err == nil {
			k.p.err = &RangeError{Op: k.op, Scope: k.scope, What: what, Got: index, Limit: n}
		}
	}
}

func (k *kernelCall[T]) matMul() func() {
	a := k.attr.(graph.MatMulAttr)
	x, y := k.in[0].shape, k.out[0].shape
	r := len(y)
	s := kernel.GemmSpec{M: y[r-2], N: y[r-1], K: x[r-1], TransA: a.TransA, TransB: a.TransB, Batch: y[:r-2].Size()}
	if a.TransA {
		s.K = x[r-2]
	}
	if k.out[0].size == 0 {
		return func() {}
	}
	if s.Batch > 1 {
		s.StrideA, s.StrideB = s.M*s.K, s.K*s.N
	}
	s.ConstB = k.constant && k.q.steady(k.in[1].root())
	s.Epilogue = k.epilogue(s.N, s.M*s.N)
	g := kernel.Gemm(k.pool, s, k.result(0), k.operand(0), k.operand(1))
	if s.ConstB {
		k.step.invalidate = g.Invalidate
	}
	return g.Run
}

// three puts the numbers of up to three spatial axes last.
func three(of []int, missing int) (a [3]int) {
	a = [3]int{missing, missing, missing}
	copy(a[3-len(of):], of)
	return a
}

func (k *kernelCall[T]) conv() func() {
	a := k.attr.(graph.ConvAttr)
	n := len(a.Strides)
	x, y, w := k.in[0], k.out[0], k.in[1] // image, result, kernel
	switch k.op {
	case "ConvGradInput":
		x, y = k.out[0], k.in[0]
	case "ConvGradKernel":
		x, y, w = k.in[1], k.in[0], k.out[0]
	}
	if k.out[0].size == 0 {
		return func() {}
	}
	if x.size == 0 || y.size == 0 || w.size == 0 {
		return fill(0, k.result(0))
	}
	s := kernel.ConvSpec{Batch: x.shape[0], In: three(x.shape[1:n+1], 1), Out: three(y.shape[1:n+1], 1), Kernel: three(w.shape[:n], 1),
		Strides: three(a.Strides, 1), Dilation: three(a.Dilation, 1), PadLo: three(a.PadLo, 0), Channels: last(x.shape), Filters: last(y.shape),
		Groups: a.Groups}
	s.Epilogue = k.epilogue(last(k.out[0].shape), 0)
	switch k.op {
	case "Conv":
		return kernel.Conv(k.pool, s, k.result(0), k.operand(0), k.operand(1))
	case "ConvGradInput":
		return kernel.ConvGradInput(k.pool, s, k.result(0), k.operand(0), k.operand(1))
	}
	return kernel.ConvGradKernel(k.pool, s, k.result(0), k.operand(0), k.operand(1))
}

func (k *kernelCall[T]) pooling() func() {
	a := k.attr.(graph.PoolAttr)
	n := len(a.Size)
	x, y := k.in[0].shape, k.out[0].shape
	if strings.HasSuffix(k.op, "Grad") {
		x, y = k.in[1].shape, k.in[0].shape
	}
	s := kernel.PoolSpec{Batch: x[0], Channels: last(x), In: three(x[1:n+1], 1), Out: three(y[1:n+1], 1), Size: three(a.Size, 1),
		Strides: three(a.Strides, 1), PadLo: three(a.PadLo, 0)}
	switch {
	case k.out[0].size == 0:
		return func() {}
	case k.in[0].size == 0 && strings.HasSuffix(k.op, "Grad"):
		return fill(0, k.result(0))
	}
	s.Epilogue = k.epilogue(last(x), 0)
	switch k.op {
	case "MaxPool":
		return kernel.MaxPool(k.pool, k.result(0), k.operand(0), s)
	case "AvgPool":
		return kernel.AvgPool(k.pool, k.result(0), k.operand(0), s)
	case "MaxPoolGrad":
		return kernel.MaxPoolGrad(k.pool, k.result(0), k.operand(0), k.operand(1), k.operand(2), s)
	}
	return kernel.AvgPoolGrad(k.pool, k.result(0), k.operand(0), s)
}

func (k *kernelCall[T]) rnn() (func(), error) {
	a, first := k.attr.(graph.RNNAttr), 0
	if k.op == "RNNGrad" {
		first = 4
	}
	s := rnnSpec(a, k.in[first].shape, k.in[first+1].shape)
	o := kernel.RNNOperands[T]{R: k.operand(first + 1), C0: k.operand(first + 4), Mask: k.operand(first + 5), Dropout: k.operand(first + 6)}
	if s.Units < 1 {
		return nil, fmt.Errorf("units: got %d, want > 0", s.Units)
	}
	var run func()
	if k.op == "RNN" {
		o.X, o.RBias, o.H0 = k.operand(0), k.operand(2), k.operand(3)
		o.Y, o.H, o.C, o.Saved = k.wanted(0), k.wanted(1), k.wanted(2), k.wanted(3)
		if s.Batch*s.Steps == 0 {
			return k.noSteps(o), nil
		}
		run = kernel.RNN(k.pool, s, o)
	} else {
		o.Saved = k.operand(3)
		d := kernel.RNNGradOperands[T]{DY: k.operand(0), DH: k.operand(1), DC: k.operand(2), DX: k.result(0), DR: k.wanted(1),
			DRBias: k.wanted(2), DH0: k.wanted(3), DC0: k.wanted(4)}
		if s.Batch*s.Steps == 0 {
			return k.noStepsGrad(d), nil
		}
		run = kernel.RNNGrad(k.pool, s, o, d)
	}
	if run == nil {
		return nil, fmt.Errorf("no cell %q with activations %q and %q", a.Cell, a.Activation, a.RecurrentActivation)
	}
	return run, nil
}

// noSteps is a recurrent layer over sequences of length 0: the states stay as they are.
func (k *kernelCall[T]) noSteps(o kernel.RNNOperands[T]) func() {
	return func() {
		pass(o.H, o.H0)
		pass(o.C, o.C0)
	}
}

func (k *kernelCall[T]) noStepsGrad(d kernel.RNNGradOperands[T]) func() {
	return func() {
		clear(d.DR)
		clear(d.DRBias)
		pass(d.DH0, d.DH)
		pass(d.DC0, d.DC)
	}
}

// pass copies src, or zeros if it is nil.
func pass[T tensor.Float](dst, src []T) {
	if src == nil {
		clear(dst)
		return
	}
	copy(dst, src)
}

func (k *kernelCall[T]) norm() func() {
	epsilon := k.attr.(graph.NormAttr).Epsilon
	x := k.in[0]
	if strings.HasSuffix(k.op, "Grad") {
		x = k.in[1]
	}
	c := last(x.shape)
	rows := x.size / max(1, c)
	b := kernel.BatchNormSpec{Rows: rows, C: c, Epsilon: epsilon}
	switch k.op {
	case "BatchNorm":
		if x.size == 0 { // no mean of nothing; as finite as can be, for checks
			return fill(0, k.result(1), k.result(2), k.result(3))
		}
		b.Epilogue = k.epilogue(c, 0)
		return kernel.BatchNorm(k.pool, b, k.result(0), k.result(1), k.result(2), k.result(3), k.operand(0), k.operand(1), k.operand(2))
	case "LayerNorm":
		if x.size == 0 {
			return fill(0, k.result(1), k.result(2))
		}
		return kernel.LayerNorm(k.pool, k.result(0), k.result(1), k.result(2), k.operand(0), k.operand(1), k.operand(2), rows, c, epsilon)
	}
	dx, dgamma, dbeta := k.wanted(0), k.wanted(1), k.wanted(2)
	if x.size == 0 {
		return fill(0, dgamma, dbeta)
	}
	if k.op == "BatchNormGrad" {
		b.Epilogue = k.epilogue(c, 0)
		return kernel.BatchNormGrad(k.pool, b, dx, dgamma, dbeta, k.operand(0), k.operand(1), k.operand(2), k.operand(3), k.operand(4))
	}
	return kernel.LayerNormGrad(k.pool, k.result(0), dgamma, dbeta, k.operand(0), k.operand(1), k.operand(2), k.operand(3), k.operand(4), rows, c)
}

func (k *kernelCall[T]) softmax() func() {
	x := k.in[0].shape
	n := last(x)
	rows := x[:len(x)-1].Size()
	if k.in[0].size == 0 {
		return fill(0, k.result(0))
	}
	switch k.op {
	case "Softmax":
		return kernel.Softmax(k.pool, k.result(0), k.operand(0), rows, n)
	case "LogSoftmax":
		return kernel.LogSoftmax(k.pool, k.result(0), k.operand(0), rows, n)
	case "SoftmaxGrad":
		return kernel.SoftmaxGrad(k.pool, k.result(0), k.operand(0), k.operand(1), rows, n)
	case "LogSoftmaxGrad":
		return kernel.LogSoftmaxGrad(k.pool, k.result(0), k.operand(0), k.operand(1), rows, n)
	case "SoftmaxCrossEntropy":
		return kernel.SoftmaxCrossEntropy(k.pool, k.result(0), k.wanted(1), k.operand(0), k.operand(1), rows, n)
	}
	return kernel.SparseSoftmaxCrossEntropy(k.pool, k.result(0), k.wanted(1), k.operand(0), k.operand(1), rows, n, k.fail("label", n))
}

// slice lowers Slice and Place: one strided side, one dense one.
func (k *kernelCall[T]) slice() func() {
	a := k.attr.(graph.RangeAttr)
	large, small := k.in[0].shape, k.out[0].shape
	if k.op == "Place" {
		large, small = small, large
	}
	strides, offset := kernel.Strides(large), 0
	for i := range strides {
		offset += a.Start[i] * strides[i]
		strides[i] *= a.Step[i]
	}
	if small.Size() == 0 {
		return fill(0, k.result(0))
	}
	dense := kernel.Strides(small)
	if k.op == "Slice" {
		return kernel.CopyStrided(k.pool, k.result(0), dense, 0, k.operand(0), strides, offset, small)
	}
	result, zero := k.result(0), kernel.CopyStrided(k.pool, k.result(0), kernel.Strides(large), 0, []T{0}, make([]int, len(large)), 0, large)
	put := kernel.CopyStrided(k.pool, result, strides, offset, k.operand(0), dense, 0, small)
	return func() {
		zero()
		put()
	}
}

func (k *kernelCall[T]) concat() func() {
	axis := k.attr.(graph.AxisAttr).Axis
	strides, offset := kernel.Strides(k.out[0].shape), 0
	var copies []func()
	for i, v := range k.in {
		if v.size > 0 {
			copies = append(copies, kernel.CopyStrided(k.pool, k.result(0), strides, offset, k.operand(i), kernel.Strides(v.shape), 0, v.shape))
		}
		offset += v.shape[axis] * strides[axis]
	}
	return func() {
		for _, c := range copies {
			c()
		}
	}
}

package kernel

import (
	"math"

	"github.com/gokeras/gk/core/tensor"
)

// This file owns softmax over the last axis of [rows, n] and the cross-entropies that begin with it. The largest number of a
// row is subtracted before the exponential, so that nothing overflows. Results may overwrite the inputs of the same shape.

// rowKernel prepares f for every row, several rows a task; a task has scratch for one row of numbers.
func rowKernel[T tensor.Float](p *Pool, rows, n int, f func(i int, scratch []T)) func() {
	p.Reserve(n * sizeOf[T]())
	tasks, each := tasksOf(rows, 4*n+64)
	task := func(worker, t int) {
		scratch := ScratchOf[T](p, worker, n)
		for i := t * each; i < min(rows, (t+1)*each); i++ {
			f(i, scratch)
		}
	}
	return func() { p.Run(tasks, task) }
}

// tooShort reports whether an operand that may be nil is there but has less than n numbers.
func tooShort[T any](s []T, n int) bool { return s != nil && len(s) < n }

// softmaxParts are the loops that the kernels of this file share.
type softmaxParts[T tensor.Float] struct {
	folds[T]
	exp           func(dst, x []T)
	add, sub, mul func(dst, x, y []T)
	minus, by     func(dst, x []T, y T) // x-y, x*y
	mulAdd        func(dst, a, b, c []T)
}

func newSoftmaxParts[T tensor.Float](p *Pool, short bool) *softmaxParts[T] {
	if short {
		panic("kernel: softmax: short operand")
	}
	ref := p.Reference()
	return &softmaxParts[T]{foldsOf[T](ref), Unary[T]("exp", ref), Binary[T]("add", ref), Binary[T]("sub", ref), Binary[T]("mul", ref),
		BinaryScalar[T]("sub", ref), BinaryScalar[T]("mul", ref), Ternary[T]("mul_add", ref)}
}

// expTotal sets dst to e^(x-m) and returns the sum, for a row of any length.
func (s *softmaxParts[T]) expTotal(dst, x []T, m T) T {
	if len(x) <= foldSize {
		return s.expSum(dst, x, m)
	}
	return T(longSum(len(x), func(i, j int) T { return s.expSum(dst[i:j], x[i:j], m) }))
}

// total is the sum of a row of any length.
func (s *softmaxParts[T]) total(x []T) T {
	if len(x) <= foldSize {
		return s.sum(x)
	}
	return T(longSum(len(x), func(i, j int) T { return s.sum(x[i:j]) }))
}

// product is the sum of x*y of rows of any length.
func (s *softmaxParts[T]) product(x, y []T) T {
	if len(x) <= foldSize {
		return s.dot(x, y)
	}
	return T(longSum(len(x), func(i, j int) T { return s.dot(x[i:j], y[i:j]) }))
}

// Softmax prepares y = e^x / sum(e^x) for each row.
func Softmax[T tensor.Float](p *Pool, y, x []T, rows, n int) func() {
	s := newSoftmaxParts[T](p, len(y) < rows*n || len(x) < rows*n)
	return rowKernel(p, rows, n, func(i int, _ []T) {
		x, y := x[i*n:][:n], y[i*n:][:n]
		s.by(y, y, 1/s.expTotal(y, x, s.max(x)))
	})
}

// SoftmaxGrad prepares dx = y (dy - sum(dy y)) for y = Softmax(x).
func SoftmaxGrad[T tensor.Float](p *Pool, dx, dy, y []T, rows, n int) func() {
	s := newSoftmaxParts[T](p, len(dx) < rows*n || len(dy) < rows*n || len(y) < rows*n)
	return rowKernel(p, rows, n, func(i int, t []T) {
		y, dy := y[i*n:][:n], dy[i*n:][:n]
		s.minus(t, dy, s.product(dy, y))
		s.mul(dx[i*n:][:n], t, y)
	})
}

// LogSoftmax prepares y = x - log(sum(e^x)) for each row.
func LogSoftmax[T tensor.Float](p *Pool, y, x []T, rows, n int) func() {
	s := newSoftmaxParts[T](p, len(y) < rows*n || len(x) < rows*n)
	return rowKernel(p, rows, n, func(i int, t []T) {
		x, y := x[i*n:][:n], y[i*n:][:n]
		m := s.max(x)
		total := s.expTotal(t, x, m)
		s.minus(y, x, m)
		s.minus(y, y, T(math.Log(float64(total))))
	})
}

// LogSoftmaxGrad prepares dx = dy - e^y sum(dy) for y = LogSoftmax(x).
func LogSoftmaxGrad[T tensor.Float](p *Pool, dx, dy, y []T, rows, n int) func() {
	s := newSoftmaxParts[T](p, len(dx) < rows*n || len(dy) < rows*n || len(y) < rows*n)
	return rowKernel(p, rows, n, func(i int, t []T) {
		dy := dy[i*n:][:n]
		s.exp(t, y[i*n:][:n])
		s.by(t, t, s.total(dy))
		s.sub(dx[i*n:][:n], dy, t)
	})
}

// SparseSoftmaxCrossEntropy prepares loss[i] = -log(softmax(x[i, :]))[label[i]] and, if grad is not nil, grad = d loss[i] / d
// x[i, :] = softmax(x[i, :]) - onehot(label[i]). A row whose label is not in [0, n) gets NaN as its loss and no gradient, and
// fail is told the first such label as Gather does.
func SparseSoftmaxCrossEntropy[T tensor.Float](p *Pool, loss, grad, x, label []T, rows, n int, fail func(label int)) func() {
	s := newSoftmaxParts[T](p, len(loss) < rows || len(x) < rows*n || len(label) < rows || tooShort(grad, rows*n))
	label = label[:rows]
	bad := &firstBad{}
	run := rowKernel(p, rows, n, func(i int, t []T) {
		x, v := x[i*n:][:n], label[i]
		if !(v >= 0 && v < T(n)) {
			bad.report(i)
			loss[i] = T(math.NaN())
			if grad != nil {
				clear(grad[i*n:][:n])
			}
			return
		}
		top := s.max(x)
		chosen := x[int(v)] - top
		total := s.expTotal(t, x, top)
		loss[i] = T(math.Log(float64(total)) - float64(chosen))
		if grad != nil {
			g := grad[i*n:][:n]
			s.by(g, t, 1/total)
			g[int(v)]--
		}
	})
	return func() {
		run()
		tellBad(bad, label, fail)
	}
}

// SoftmaxCrossEntropy prepares loss[i] = -sum(target log(softmax(x[i, :]))) and, if grad is not nil, grad = d loss[i] / d x[i,
// :] = softmax(x[i, :]) sum(target) - target. Targets of a row usually add up to 1.
func SoftmaxCrossEntropy[T tensor.Float](p *Pool, loss, grad, x, target []T, rows, n int) func() {
	s := newSoftmaxParts[T](p, len(loss) < rows || len(x) < rows*n || len(target) < rows*n || tooShort(grad, rows*n))
	return rowKernel(p, rows, n, func(i int, t []T) {
		x, target := x[i*n:][:n], target[i*n:][:n]
		mass := s.total(target)
		s.minus(t, x, s.max(x))
		chosen := s.product(t, target)
		total := s.expTotal(t, t, 0)
		loss[i] = T(math.Log(float64(total))*float64(mass) - float64(chosen))
		if grad != nil {
			s.by(t, t, mass/total)
			s.sub(grad[i*n:][:n], t, target)
		}
	})
}

package kernel

import (
	"math"
	"unsafe"

	"github.com/gokeras/gk/core/tensor"
)

// This file owns reductions over an axis.

// Operations of Reduce.
const (
	ReduceSum    = "sum"
	ReduceMean   = "mean"
	ReduceMax    = "max" // NaN if any is
	ReduceMin    = "min"
	ReduceProd   = "prod"
	ReduceArgMax = "argmax" // the index of the first largest; of the first NaN if there is any
	ReduceArgMin = "argmin"
)

// grain is how many elements of cheap work make a task worth handing to another worker.
const grain = 16384

// tasksOf says how many tasks of how many items each to make of n items of so much work (in elements of cheap work).
func tasksOf(n, work int) (tasks, each int) {
	each = max(1, grain/max(1, work))
	return ceilDiv(n, each), each
}

// sizeOf is the number of bytes of a number.
func sizeOf[T tensor.Float]() int { return int(unsafe.Sizeof(T(0))) }

func inf[T tensor.Float](sign int) T { return T(math.Inf(sign)) }

// Reduce prepares dst[o, j] = op over i of src[o, i, j] for src of [outer, n, inner] and dst of [outer, inner] numbers. It
// returns nil for an unknown op. Over nothing (n = 0) a sum is 0, a product 1, a maximum -Inf, a minimum Inf, a mean NaN and an
// index 0.
func Reduce[T tensor.Float](p *Pool, op string, dst, src []T, outer, n, inner int) func() {
	if len(src) < outer*n*inner || len(dst) < outer*inner {
		panic("kernel: reduce: short operand")
	}
	dst, src = dst[:outer*inner], src[:outer*n*inner]
	r := &reduction[T]{p: p, op: op, dst: dst, src: src, n: n, inner: inner, scale: 1}
	f := foldsOf[T](p.Reference())
	switch op {
	case ReduceSum, ReduceMean:
		r.merge, r.row, r.col = Binary[T]("add", p.Reference()), f.sum, f.colSum
		if op == ReduceMean {
			r.scale = float64(n)
		}
	case ReduceMax:
		r.merge, r.row, r.col, r.empty = Binary[T]("maximum", p.Reference()), f.max, f.colMax, inf[T](-1)
	case ReduceMin:
		r.merge, r.row, r.col, r.empty = Binary[T]("minimum", p.Reference()), f.min, f.colMin, inf[T](1)
	case ReduceProd:
		r.merge, r.row, r.col, r.empty = Binary[T]("mul", p.Reference()), prodOf[T], colProd[T], 1
	case ReduceArgMax:
		return argReduce(p, dst, src, outer, n, inner, func(v, best T) bool { return v > best || v != v && best == best })
	case ReduceArgMin:
		return argReduce(p, dst, src, outer, n, inner, func(v, best T) bool { return v < best || v != v && best == best })
	default:
		return nil
	}
	switch {
	case len(dst) == 0:
		return func() {}
	case n == 0:
		if op == ReduceMean {
			r.empty = T(math.NaN())
		}
		return func() {
			for i := range dst {
				dst[i] = r.empty
			}
		}
	case inner == 1:
		return r.rows(outer)
	}
	return r.columns(outer)
}

type reduction[T tensor.Float] struct {
	p        *Pool
	op       string
	dst, src []T
	n, inner int
	row      func(x []T) T
	col      func(dst, x []T, rows, stride int)
	merge    func(dst, x, y []T)
	empty    T       // the result of nothing
	scale    float64 // what a sum is divided by
}

// line reduces any number of numbers, fold by fold. Sums go on in float64.
func (r *reduction[T]) line(x []T) float64 {
	if len(x) <= foldSize {
		return float64(r.row(x))
	}
	acc := float64(r.row(x[:foldSize]))
	for i := foldSize; i < len(x); i += foldSize {
		acc = r.join(acc, float64(r.row(x[i:min(i+foldSize, len(x))])))
	}
	return acc
}

// join is merge for single numbers.
func (r *reduction[T]) join(a, b float64) float64 {
	switch r.op {
	case ReduceMax:
		return max(a, b)
	case ReduceMin:
		return min(a, b)
	case ReduceProd:
		return a * b
	}
	return a + b
}

// rows reduces contiguous rows: several rows a task, or several tasks a row.
func (r *reduction[T]) rows(outer int) func() {
	if pieces := ceilDiv(r.n, grain); pieces > 1 && outer < 16 {
		parts := make([]float64, outer*pieces)
		task := func(_, i int) {
			from := i % pieces * grain
			parts[i] = r.line(r.src[i/pieces*r.n:][:r.n][from:min(from+grain, r.n)])
		}
		return func() {
			r.p.Run(len(parts), task)
			for o := range r.dst {
				acc := parts[o*pieces]
				for _, v := range parts[o*pieces+1 : (o+1)*pieces] {
					acc = r.join(acc, v)
				}
				r.dst[o] = T(acc / r.scale)
			}
		}
	}
	tasks, each := tasksOf(outer, r.n)
	task := func(_, i int) {
		for o := i * each; o < min(outer, (i+1)*each); o++ {
			r.dst[o] = T(r.line(r.src[o*r.n:][:r.n]) / r.scale)
		}
	}
	return func() { r.p.Run(tasks, task) }
}

// maxStrip is how many columns a task works on at most. From wideStrip on it goes along the rows and not down the columns.
const (
	maxStrip  = 512
	wideStrip = 192
)

// columns reduces the rows of each block of src, in strips of columns, in pieces of rows if there are few strips.
func (r *reduction[T]) columns(outer int) func() {
	n, inner := r.n, r.inner
	strip := min(inner, maxStrip)
	strips := ceilDiv(inner, strip)
	if strip >= wideStrip {
		r.col = func(dst, x []T, rows, stride int) {
			copy(dst, x[:len(dst)])
			for i := 1; i < rows; i++ {
				r.merge(dst, dst, x[i*stride:])
			}
		}
	}
	piece := n // rows of a task
	if outer*strips < 16 {
		piece = min(n, roundUp(max(1, grain/strip), columnFold))
	}
	pieces := ceilDiv(n, piece)
	r.p.Reserve(strip * sizeOf[T]())
	into, parts := r.dst, []T(nil)
	if pieces > 1 {
		parts = make([]T, outer*pieces*inner)
		into = parts
	}
	each := 1 // strips a task; more than one only if they are small
	if pieces == 1 {
		each = max(1, grain/(n*strip))
	}
	divide := BinaryScalar[T]("div", r.p.Reference())
	finish := func(dst []T) {
		if r.scale != 1 {
			divide(dst, dst, T(r.scale))
		}
	}
	one := func(worker, i int) {
		o, s, k := i/(pieces*strips), i/pieces%strips, i%pieces
		j0, j1 := s*strip, min((s+1)*strip, inner)
		r0, r1 := k*piece, min((k+1)*piece, n)
		dst := into[(o*pieces+k)*inner:][j0:j1]
		src := r.src[o*n*inner+j0:]
		tmp := ScratchOf[T](r.p, worker, j1-j0)
		r.col(dst, src[r0*inner:], min(columnFold, r1-r0), inner)
		for row := r0 + columnFold; row < r1; row += columnFold {
			r.col(tmp, src[row*inner:], min(columnFold, r1-row), inner)
			r.merge(dst, dst, tmp)
		}
		if pieces == 1 {
			finish(dst)
		}
	}
	all := outer * strips * pieces
	task := func(worker, i int) {
		for k := i * each; k < min(all, (i+1)*each); k++ {
			one(worker, k)
		}
	}
	return func() {
		r.p.Run(ceilDiv(all, each), task)
		for o := 0; parts != nil && o < outer; o++ {
			dst := r.dst[o*inner:][:inner]
			r.merge(dst, parts[o*pieces*inner:], parts[(o*pieces+1)*inner:])
			for k := 2; k < pieces; k++ {
				r.merge(dst, dst, parts[(o*pieces+k)*inner:])
			}
			finish(dst)
		}
	}
}

func prodOf[T tensor.Float](x []T) T {
	s := 1.0
	for _, v := range x {
		s *= float64(v)
	}
	return T(s)
}

func colProd[T tensor.Float](dst, x []T, rows, stride int) {
	copy(dst, x[:len(dst)])
	for r := 1; r < rows; r++ {
		for j, v := range x[r*stride:][:len(dst)] {
			dst[j] *= v
		}
	}
}

// argReduce finds the index of the best; better says whether v replaces the best so far.
func argReduce[T tensor.Float](p *Pool, dst, src []T, outer, n, inner int, better func(v, best T) bool) func() {
	tasks, each := tasksOf(outer*inner, n)
	task := func(_, t int) {
		for i := t * each; i < min(len(dst), (t+1)*each); i++ {
			if n == 0 {
				dst[i] = 0
				continue
			}
			x := src[i/inner*n*inner+i%inner:]
			at, best := 0, x[0]
			for k := 1; k < n; k++ {
				if v := x[k*inner]; better(v, best) {
					at, best = k, v
				}
			}
			dst[i] = T(at)
		}
	}
	return func() { p.Run(tasks, task) }
}

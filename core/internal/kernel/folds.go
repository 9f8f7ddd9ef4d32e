package kernel

import (
	"math"

	"github.com/gokeras/gk/core/tensor"
)

// This file owns the folds: a row of numbers to one number, the rows of a block to one row. Reductions, softmax and
// normalisations are made of them. A fold is for data in a fast cache; sums over more than foldSize terms are to be put
// together from several folds.

//go:generate go run ./asm/folds -pkg kernel -out folds_amd64.s -stubs folds_stub_amd64.go

// foldSize is how many terms a float32 sum may have before it gets too inaccurate, 16 or 8 lanes adding at a time.
const foldSize = 2048

// columnFold is how many rows a fold over columns may have, which adds one after the other.
const columnFold = 128

// folds are the folds for T. x and y are read over len(x) numbers. In the column forms the row r of x is x[r*stride:][:len(dst)].
type folds[T tensor.Float] struct {
	sum    func(x []T) T           // of x
	max    func(x []T) T           // NaN if any is, -Inf of nothing
	min    func(x []T) T           // NaN if any is, Inf of nothing
	dot    func(x, y []T) T        // sum of x y
	spread func(x []T, m T) T      // sum of (x-m)^2
	covary func(x, y []T, m T) T   // sum of (x-m) y
	expSum func(dst, x []T, m T) T // sum of e^(x-m), which is also stored

	// The same for each column j of the rows, with m[j]; dst is overwritten.
	colSum    func(dst, x []T, rows, stride int)
	colMax    func(dst, x []T, rows, stride int)
	colMin    func(dst, x []T, rows, stride int)
	colDot    func(dst, x, y []T, rows, stride int)
	colSpread func(dst, x, m []T, rows, stride int)
	colCovary func(dst, x, y, m []T, rows, stride int)
}

// foldsOf returns the folds of this processor, or the Go loops.
func foldsOf[T tensor.Float](reference bool) folds[T] {
	if f, ok := any(foldsVector()).(*folds[T]); ok && f != nil && !reference {
		return *f
	}
	return folds[T]{
		sum: func(x []T) T {
			s := 0.0
			for _, v := range x {
				s += float64(v)
			}
			return T(s)
		},
		max: maxOf[T],
		min: minOf[T],
		dot: func(x, y []T) T {
			s := 0.0
			y = y[:len(x)]
			for i, v := range x {
				s += float64(v) * float64(y[i])
			}
			return T(s)
		},
		spread: func(x []T, m T) T {
			s := 0.0
			for _, v := range x {
				d := float64(v - m)
				s += d * d
			}
			return T(s)
		},
		covary: func(x, y []T, m T) T {
			s := 0.0
			y = y[:len(x)]
			for i, v := range x {
				s += float64(v-m) * float64(y[i])
			}
			return T(s)
		},
		expSum: func(dst, x []T, m T) T {
			s := 0.0
			for i, v := range x {
				dst[i] = T(math.Exp(float64(v - m)))
				s += float64(dst[i])
			}
			return T(s)
		},
		colSum: func(dst, x []T, rows, stride int) {
			clear(dst)
			for r := range rows {
				for j, v := range x[r*stride:][:len(dst)] {
					dst[j] += v
				}
			}
		},
		colMax: func(dst, x []T, rows, stride int) {
			copy(dst, x[:len(dst)])
			for r := 1; r < rows; r++ {
				for j, v := range x[r*stride:][:len(dst)] {
					dst[j] = max(dst[j], v)
				}
			}
		},
		colMin: func(dst, x []T, rows, stride int) {
			copy(dst, x[:len(dst)])
			for r := 1; r < rows; r++ {
				for j, v := range x[r*stride:][:len(dst)] {
					dst[j] = min(dst[j], v)
				}
			}
		},
		colDot: func(dst, x, y []T, rows, stride int) {
			clear(dst)
			for r := range rows {
				w := y[r*stride:][:len(dst)]
				for j, v := range x[r*stride:][:len(dst)] {
					dst[j] += v * w[j]
				}
			}
		},
		colSpread: func(dst, x, m []T, rows, stride int) {
			clear(dst)
			for r := range rows {
				for j, v := range x[r*stride:][:len(dst)] {
					d := v - m[j]
					dst[j] += d * d
				}
			}
		},
		colCovary: func(dst, x, y, m []T, rows, stride int) {
			clear(dst)
			for r := range rows {
				w := y[r*stride:][:len(dst)]
				for j, v := range x[r*stride:][:len(dst)] {
					dst[j] += (v - m[j]) * w[j]
				}
			}
		},
	}
}

func maxOf[T tensor.Float](x []T) T {
	best := inf[T](-1)
	for _, v := range x {
		best = max(best, v)
	}
	return best
}

func minOf[T tensor.Float](x []T) T {
	best := inf[T](1)
	for _, v := range x {
		best = min(best, v)
	}
	return best
}

// longSum adds up any number of terms fold by fold: part is a fold of x[i:j].
func longSum[T tensor.Float](n int, part func(i, j int) T) float64 {
	sum := 0.0
	for i := 0; i < n; i += foldSize {
		sum += float64(part(i, min(i+foldSize, n)))
	}
	return sum
}

// Sum returns the sum of at most a few thousand numbers.
func Sum[T tensor.Float](reference bool) func(x []T) T { return foldsOf[T](reference).sum }

// ColumnSum returns the loop dst[j] = sum over i of x[i*stride+j] for the rows i of a block, of which there should be few.
func ColumnSum[T tensor.Float](reference bool) func(dst, x []T, rows, stride int) {
	return foldsOf[T](reference).colSum
}

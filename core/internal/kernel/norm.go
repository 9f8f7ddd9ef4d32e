package kernel

import (
	"math"

	"github.com/gokeras/gk/core/tensor"
)

// This file owns normalisations. Variances are biased (divided by the count), taken around the mean of a piece of data that is
// in the cache, and pieces are put together after Chan, Golub and LeVeque (1983), so that a mean that is large beside the
// deviation does no harm.

// BatchNormSpec says what a batch normalisation works on: x of [Rows, C] numbers, the channels last.
type BatchNormSpec struct {
	Rows, C int
	Epsilon float64

	// Epilogue, if not nil, is called once for every rectangle of y, of dx for the gradient, when its elements have their final
	// values, as in GemmSpec, with batch 0.
	Epilogue func(worker, batch, row0, row1, col0, col1 int)
}

// normPiece is how many rows of c numbers a task works on.
func normPiece(c int) int { return min(4096, max(64, grain/max(1, c))) }

// pieces runs statistics over pieces of rows and over columns.
type pieces[T tensor.Float] struct {
	p        *Pool
	f        folds[T]
	rows, c  int
	piece, n int // rows of a piece; how many pieces there are
	a, b     []T // of each piece, c numbers each
}

func newPieces[T tensor.Float](p *Pool, rows, c int) *pieces[T] {
	k := &pieces[T]{p: p, f: foldsOf[T](p.Reference()), rows: rows, c: c, piece: normPiece(c)}
	k.n = ceilDiv(rows, k.piece)
	k.a, k.b = make([]T, k.n*c), make([]T, k.n*c)
	p.Reserve(c * sizeOf[T]())
	return k
}

// count is the number of rows of piece i.
func (k *pieces[T]) count(i int) int { return min(k.piece, k.rows-i*k.piece) }

// columnTask calls f for columns, several a task.
func (k *pieces[T]) columnTask(f func(j int)) func() {
	const each = 32
	task := func(_, t int) {
		for j := t * each; j < min(k.c, (t+1)*each); j++ {
			f(j)
		}
	}
	tasks := ceilDiv(k.c, each)
	if k.n*k.c < grain {
		return func() {
			for j := range k.c {
				f(j)
			}
		}
	}
	return func() { k.p.Run(tasks, task) }
}

// fold adds a column fold of all rows of piece i to dst; part folds rows [r0, r0+n) into its first argument.
func (k *pieces[T]) fold(worker, i int, dst []T, part func(dst []T, r0, n int)) {
	r0, r1 := i*k.piece, i*k.piece+k.count(i)
	part(dst, r0, min(columnFold, r1-r0))
	tmp := ScratchOf[T](k.p, worker, k.c)
	for r := r0 + columnFold; r < r1; r += columnFold {
		part(tmp, r, min(columnFold, r1-r))
		for j, v := range tmp {
			dst[j] += v
		}
	}
}

// repeated is a row of c numbers, repeated to make loops over it long.
type repeated[T tensor.Float] struct{ tile []T }

// repeatTo is how many numbers a repeated row has at least.
const repeatTo = 1024

func newRepeated[T tensor.Float](rows, c int) repeated[T] {
	return repeated[T]{make([]T, c*max(1, min(rows, repeatTo/max(1, c))))}
}

// spread copies the first row over the others.
func (r repeated[T]) spread(c int) {
	for n := c; n < len(r.tile); n *= 2 {
		copy(r.tile[n:], r.tile[:n])
	}
}

// BatchNorm prepares batch normalisation in training: for each channel mean and variance over the rows, rstd = 1/sqrt(variance
// + Epsilon) and
//
//	y = (x - mean) rstd gamma + beta
//
// gamma and beta may be nil (1 and 0). mean, variance and rstd are results of C numbers each; BatchNormGrad wants mean and rstd.
func BatchNorm[T tensor.Float](p *Pool, s BatchNormSpec, y, mean, variance, rstd, x, gamma, beta []T) func() {
	rows, c := s.Rows, s.C
	if len(y) < rows*c || len(x) < rows*c || len(mean) < c || len(variance) < c || len(rstd) < c || tooShort(gamma, c) || tooShort(beta, c) {
		panic("kernel: batch norm: short operand")
	}
	if rows == 0 || c == 0 {
		return func() {}
	}
	k := newPieces[T](p, rows, c)
	moments := func(worker, i int) {
		m, spread := k.a[i*c:][:c], k.b[i*c:][:c]
		k.fold(worker, i, m, func(dst []T, r0, n int) { k.f.colSum(dst, x[r0*c:], n, c) })
		for j := range m {
			m[j] /= T(k.count(i))
		}
		k.fold(worker, i, spread, func(dst []T, r0, n int) { k.f.colSpread(dst, x[r0*c:], m, n, c) })
	}
	center, scale, shift := newRepeated[T](rows, c), newRepeated[T](rows, c), newRepeated[T](rows, c)
	combine := k.columnTask(func(j int) {
		m, spread, n := float64(k.a[j]), float64(k.b[j]), float64(k.count(0))
		for i := 1; i < k.n; i++ {
			more := float64(k.count(i))
			d := float64(k.a[i*c+j]) - m
			spread += float64(k.b[i*c+j]) + d*d*n*more/(n+more)
			m += d * more / (n + more)
			n += more
		}
		v := spread / n
		r := 1 / math.Sqrt(v+s.Epsilon)
		mean[j], variance[j], rstd[j] = T(m), T(v), T(r)
		center.tile[j], scale.tile[j], shift.tile[j] = T(m), T(r), 0
		if gamma != nil {
			scale.tile[j] = T(r * float64(gamma[j]))
		}
		if beta != nil {
			shift.tile[j] = beta[j]
		}
	})
	sub, mulAdd := Binary[T]("sub", p.Reference()), Ternary[T]("mul_add", p.Reference())
	apply := func(worker, i int) {
		from, to := i*k.piece*c, (i*k.piece+k.count(i))*c
		for ; from < to; from += len(center.tile) {
			end := min(to, from+len(center.tile))
			sub(y[from:end], x[from:end], center.tile)
			mulAdd(y[from:end], y[from:end], scale.tile, shift.tile)
			if s.Epilogue != nil {
				s.Epilogue(worker, 0, from/c, end/c, 0, c)
			}
		}
	}
	return func() {
		p.Run(k.n, moments)
		combine()
		center.spread(c)
		scale.spread(c)
		shift.spread(c)
		p.Run(k.n, apply)
	}
}

// BatchNormGrad prepares the gradient of BatchNorm from dy: with xhat = (x - mean) rstd, over the rows,
//
//	dbeta = sum(dy)    dgamma = sum(dy xhat)    dx = gamma rstd (dy - dbeta/Rows - xhat dgamma/Rows)
//
// dx, dgamma and dbeta may be nil where they are not wanted. dx may be dy.
func BatchNormGrad[T tensor.Float](p *Pool, s BatchNormSpec, dx, dgamma, dbeta, dy, x, mean, rstd, gamma []T) func() {
	rows, c := s.Rows, s.C
	if tooShort(dx, rows*c) || tooShort(dgamma, c) || tooShort(dbeta, c) || tooShort(gamma, c) ||
		len(dy) < rows*c || len(x) < rows*c || len(mean) < c || len(rstd) < c {
		panic("kernel: batch norm gradient: short operand")
	}
	if rows == 0 || c == 0 {
		return func() { clear(dgamma); clear(dbeta) }
	}
	k := newPieces[T](p, rows, c)
	sums := func(worker, i int) {
		k.fold(worker, i, k.a[i*c:][:c], func(dst []T, r0, n int) { k.f.colSum(dst, dy[r0*c:], n, c) })
		k.fold(worker, i, k.b[i*c:][:c], func(dst []T, r0, n int) { k.f.colCovary(dst, x[r0*c:], dy[r0*c:], mean, n, c) })
	}
	// dx = dy A + ((x - mean) B + C)
	center, shift := newRepeated[T](rows, c), newRepeated[T](rows, c)
	byDy, byX := newRepeated[T](rows, c), newRepeated[T](rows, c)
	combine := k.columnTask(func(j int) {
		total, covary := 0.0, 0.0
		for i := range k.n {
			total, covary = total+float64(k.a[i*c+j]), covary+float64(k.b[i*c+j])
		}
		r := float64(rstd[j])
		if dbeta != nil {
			dbeta[j] = T(total)
		}
		if dgamma != nil {
			dgamma[j] = T(covary * r)
		}
		a := r
		if gamma != nil {
			a *= float64(gamma[j])
		}
		center.tile[j], byDy.tile[j] = mean[j], T(a)
		byX.tile[j], shift.tile[j] = T(-a*r*r*covary/float64(rows)), T(-a*total/float64(rows))
	})
	sub, mulAdd := Binary[T]("sub", p.Reference()), Ternary[T]("mul_add", p.Reference())
	p.Reserve(len(center.tile) * sizeOf[T]())
	apply := func(worker, i int) {
		t := ScratchOf[T](p, worker, len(center.tile))
		from, to := i*k.piece*c, (i*k.piece+k.count(i))*c
		for ; from < to; from += len(center.tile) {
			end := min(to, from+len(center.tile))
			t := t[:end-from]
			sub(t, x[from:end], center.tile)
			mulAdd(t, t, byX.tile, shift.tile)
			mulAdd(dx[from:end], dy[from:end], byDy.tile, t)
			if s.Epilogue != nil {
				s.Epilogue(worker, 0, from/c, end/c, 0, c)
			}
		}
	}
	return func() {
		p.Run(k.n, sums)
		combine()
		if dx == nil {
			return
		}
		center.spread(c)
		byDy.spread(c)
		byX.spread(c)
		shift.spread(c)
		p.Run(k.n, apply)
	}
}

// LayerNorm prepares layer normalisation (Ba, Kiros and Hinton, 2016): for each row of x of [rows, n] its mean and variance,
// rstd = 1/sqrt(variance + epsilon) and y = (x - mean) rstd gamma + beta, gamma and beta of n numbers, or nil (1 and 0). mean
// and rstd are results of rows numbers.
func LayerNorm[T tensor.Float](p *Pool, y, mean, rstd, x, gamma, beta []T, rows, n int, epsilon float64) func() {
	if len(y) < rows*n || len(x) < rows*n || len(mean) < rows || len(rstd) < rows || tooShort(gamma, n) || tooShort(beta, n) {
		panic("kernel: layer norm: short operand")
	}
	s := newSoftmaxParts[T](p, false)
	return rowKernel(p, rows, n, func(i int, _ []T) {
		x, y := x[i*n:][:n], y[i*n:][:n]
		m := T(float64(s.total(x)) / float64(n))
		v := longSum(n, func(i, j int) T { return s.spread(x[i:j], m) }) / float64(n)
		r := T(1 / math.Sqrt(v+epsilon))
		mean[i], rstd[i] = m, r
		s.minus(y, x, m)
		s.by(y, y, r)
		switch {
		case gamma != nil && beta != nil:
			s.mulAdd(y, y, gamma, beta)
		case gamma != nil:
			s.mul(y, y, gamma)
		case beta != nil:
			s.add(y, y, beta)
		}
	})
}

// LayerNormGrad prepares the gradient of LayerNorm from dy: with xhat = (x - mean) rstd and g = dy gamma,
//
//	dx = rstd (g - mean(g) - xhat mean(g xhat))  over each row;  dgamma = sum(dy xhat)  dbeta = sum(dy)  over the rows
//
// dgamma and dbeta may be nil where they are not wanted. dx may be dy.
func LayerNormGrad[T tensor.Float](p *Pool, dx, dgamma, dbeta, dy, x, mean, rstd, gamma []T, rows, n int) func() {
	if tooShort(dgamma, n) || tooShort(dbeta, n) || tooShort(gamma, n) ||
		len(dx) < rows*n || len(dy) < rows*n || len(x) < rows*n || len(mean) < rows || len(rstd) < rows {
		panic("kernel: layer norm gradient: short operand")
	}
	if rows == 0 || n == 0 {
		return func() { clear(dgamma); clear(dbeta) }
	}
	s, k := newSoftmaxParts[T](p, false), newPieces[T](p, rows, n)
	p.Reserve(2 * n * sizeOf[T]())
	task := func(worker, i int) {
		both := ScratchOf[T](p, worker, 2*n)
		hat, g := both[:n], both[n:]
		sumHat, sum := k.a[i*n:][:n], k.b[i*n:][:n]
		clear(sumHat)
		clear(sum)
		for row := i * k.piece; row < i*k.piece+k.count(i); row++ {
			dy := dy[row*n:][:n]
			s.minus(hat, x[row*n:][:n], mean[row])
			s.by(hat, hat, rstd[row])
			if dbeta != nil {
				s.add(sum, sum, dy)
			}
			if dgamma != nil {
				s.mulAdd(sumHat, dy, hat, sumHat)
			}
			of := dy
			if gamma != nil {
				s.mul(g, dy, gamma)
				of = g
			}
			m, mHat := T(float64(s.total(of))/float64(n)), T(float64(s.product(of, hat))/float64(n))
			s.minus(g, of, m)
			s.by(hat, hat, mHat)
			s.sub(g, g, hat)
			s.by(dx[row*n:][:n], g, rstd[row])
		}
	}
	combine := k.columnTask(func(j int) {
		a, b := 0.0, 0.0
		for i := range k.n {
			a, b = a+float64(k.a[i*n+j]), b+float64(k.b[i*n+j])
		}
		if dgamma != nil {
			dgamma[j] = T(a)
		}
		if dbeta != nil {
			dbeta[j] = T(b)
		}
	})
	return func() {
		p.Run(k.n, task)
		combine()
	}
}

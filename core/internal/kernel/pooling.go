package kernel

import "github.com/gokeras/gk/core/tensor"

// This file owns pooling over windows of one to three spatial axes, channels last.

//go:generate go run ./asm/pooling -pkg kernel -out pooling_amd64.s -stubs pooling_stub_amd64.go

// PoolSpec says which windows a pooling has. x is [Batch, In..., Channels] and y is [Batch, Out..., Channels]. Output position
// o reads the Size positions from o*Strides - PadLo on along each axis; those outside of x do not count. With fewer than three
// spatial axes the first ones have size 1: In, Out, Size and Strides of 1 and PadLo of 0.
type PoolSpec struct {
	Batch, Channels               int
	In, Out, Size, Strides, PadLo [3]int

	// Epilogue, if not nil, is called once for every rectangle of the result when its elements have their final values, as in
	// GemmSpec, with batch 0. Columns are channels and rows are the places of all images.
	Epilogue func(worker, batch, row0, row1, col0, col1 int)
}

func (s *PoolSpec) check(x, y int) {
	for i := range 3 {
		if s.Size[i] < 1 || s.Strides[i] < 1 || s.In[i] < 0 || s.Out[i] < 0 {
			panic("kernel: pooling: bad size")
		}
	}
	if x < s.Batch*volume(s.In)*s.Channels || y < s.Batch*volume(s.Out)*s.Channels {
		panic("kernel: pooling: short operand")
	}
}

// span is the part of the window of output position o that lies within x, along one axis: where it begins and how long it is.
func (s *PoolSpec) span(axis, o int) (from, n int) {
	first := o*s.Strides[axis] - s.PadLo[axis]
	from = max(first, 0)
	return from, max(0, min(first+s.Size[axis], s.In[axis])-from)
}

// poolRun is a run of windows of the same size, n channels of each. Window w has its result at w*outStep, and its positions at
// w*inStep and, from there, planes times planeStep, rows times rowStep and columns times columnStep. Steps are in numbers.
type poolRun struct {
	windows, outStep, inStep                                 int
	planes, planeStep, rows, rowStep, columns, columnStep, n int
	count                                                    int // of the positions of a window
}

// poolLoop does a run. The slices begin at the first window; those that a loop does not know are nil.
type poolLoop[T tensor.Float] func(y, dy, x, dx []T, r poolRun)

// pooling is one of the four kernels.
type pooling[T tensor.Float] struct {
	PoolSpec
	p            *Pool
	loop         poolLoop[T]
	y, dy, x, dx []T
	empty        func(dst []T) // the result of windows without elements
}

// line does n channels from c0 on of the windows of one line along the last spatial axis; lines are counted over batch and the
// other axes.
func (k *pooling[T]) line(line, c0, n int) {
	c := k.Channels
	o1, rest := line%k.Out[1], line/k.Out[1]
	o0, batch := rest%k.Out[0], rest/k.Out[0]
	plane, planes := k.span(0, o0)
	row, rows := k.span(1, o1)
	in := ((batch*k.In[0]+plane)*k.In[1] + row) * k.In[2] * c
	r := poolRun{outStep: c, inStep: k.Strides[2] * c, planes: planes, planeStep: k.In[1] * k.In[2] * c, rows: rows, rowStep: k.In[2] * c,
		columnStep: c, n: n}
	// The windows from inner to last are whole along this axis, so that one run does them.
	inner := min(ceilDiv(k.PadLo[2], k.Strides[2]), k.Out[2])
	last := inner
	if room := k.In[2] + k.PadLo[2] - k.Size[2]; room >= 0 {
		last = max(inner, min(k.Out[2], room/k.Strides[2]+1))
	}
	for o2 := 0; o2 < k.Out[2]; o2 += r.windows {
		var column int
		column, r.columns = k.span(2, o2)
		r.windows = 1
		if o2 == inner && last > inner {
			r.windows = last - inner
		}
		r.count = r.planes * r.rows * r.columns
		out := (line*k.Out[2]+o2)*c + c0
		if r.count == 0 {
			if k.empty != nil {
				for w := range r.windows {
					k.empty(k.y[out+w*c:][:n])
				}
			}
			continue
		}
		from := in + column*c + c0
		k.loop(tailOf(k.y, out), tailOf(k.dy, out), tailOf(k.x, from), tailOf(k.dx, from), r)
	}
}

func tailOf[T any](s []T, from int) []T {
	if s == nil {
		return nil
	}
	return s[from:]
}

// forward runs all lines, some of them a task.
func (k *pooling[T]) forward() func() {
	lines := k.Batch * k.Out[0] * k.Out[1]
	if k.Channels == 0 {
		return func() {}
	}
	tasks, each := tasksOf(lines, k.Out[2]*volume(k.Size)*(k.Channels+8))
	task := func(worker, t int) {
		first, last := t*each, min(lines, (t+1)*each)
		for line := first; line < last; line++ {
			k.line(line, 0, k.Channels)
		}
		if k.Epilogue != nil {
			k.Epilogue(worker, 0, first*k.Out[2], last*k.Out[2], 0, k.Channels)
		}
	}
	return func() { k.p.Run(tasks, task) }
}

// poolStrip is how many channels a task of a gradient does where there are few images: windows overlap, so that only images and
// channels are independent.
const poolStrip = 64

// backward clears dx and runs all lines. A task does an image, or some channels of it.
func (k *pooling[T]) backward() func() {
	if k.Channels == 0 {
		return func() {}
	}
	strip := k.Channels
	if k.Batch < 16 {
		strip = min(strip, poolStrip)
	}
	strips := ceilDiv(k.Channels, strip)
	places, lines := volume(k.In), k.Out[0]*k.Out[1]
	image := places * k.Channels
	task := func(worker, t int) {
		b, c0 := t/strips, t%strips*strip
		n := min(k.Channels-c0, strip)
		dx := k.dx[b*image:][:image]
		if n == k.Channels {
			clear(dx)
		} else {
			for i := c0; i < image; i += k.Channels {
				clear(dx[i : i+n])
			}
		}
		for line := range lines {
			k.line(b*lines+line, c0, n)
		}
		if k.Epilogue != nil {
			k.Epilogue(worker, 0, b*places, (b+1)*places, c0, c0+n)
		}
	}
	return func() { k.p.Run(k.Batch*strips, task) }
}

// poolLoopOf is the assembly under a name, or the Go loop.
func poolLoopOf[T tensor.Float](p *Pool, code *poolCode, loop poolLoop[T]) poolLoop[T] {
	if code == nil || p.Reference() {
		return loop
	}
	f := poolLoop[float32](func(y, dy, x, dx []float32, r poolRun) {
		out := (r.windows-1)*r.outStep + r.n
		in := (r.windows-1)*r.inStep + (r.planes-1)*r.planeStep + (r.rows-1)*r.rowStep + (r.columns-1)*r.columnStep + r.n
		(*code)(start(y, out), start(dy, out), start(x, in), start(dx, in), r.windows, r.outStep, r.inStep,
			r.planes, r.planeStep, r.rows, r.rowStep, r.columns, r.columnStep, r.n, float32(r.count))
	})
	if f, ok := any(f).(poolLoop[T]); ok {
		return f
	}
	return loop
}

// poolCode is a loop in assembly.
type poolCode func(y, dy, x, dx *float32, windows, outStep, inStep, planes, planeStep, rows, rowStep, columns, columnStep, n int,
	count float32)

// start is the beginning of s, which must have n numbers, or nil if s is.
func start(s []float32, n int) *float32 {
	if s == nil {
		return nil
	}
	return &s[:n:len(s)][0]
}

// eachPosition calls f for every window w of a run, with its positions' places in order.
func (r *poolRun) eachPosition(w int, f func(in int)) {
	for i := range r.planes {
		for j := range r.rows {
			for l := range r.columns {
				f(w*r.inStep + i*r.planeStep + j*r.rowStep + l*r.columnStep)
			}
		}
	}
}

// MaxPool prepares y = the largest number of each window, NaN if there is one; -Inf for a window without elements.
func MaxPool[T tensor.Float](p *Pool, y, x []T, s PoolSpec) func() {
	s.check(len(x), len(y))
	fill := Fill[T](p.Reference())
	k := &pooling[T]{PoolSpec: s, p: p, y: y, x: x, empty: func(dst []T) { fill(dst, inf[T](-1)) }}
	k.loop = poolLoopOf(p, poolVector().max, func(y, _, x, _ []T, r poolRun) {
		for w := range r.windows {
			y := y[w*r.outStep:][:r.n]
			for i := range y {
				y[i] = inf[T](-1)
			}
			r.eachPosition(w, func(in int) {
				for i, v := range x[in:][:r.n] {
					y[i] = max(y[i], v)
				}
			})
		}
	})
	return k.forward()
}

// AvgPool prepares y = the mean of the elements of each window that lie in x; 0 for a window without elements.
func AvgPool[T tensor.Float](p *Pool, y, x []T, s PoolSpec) func() {
	s.check(len(x), len(y))
	k := &pooling[T]{PoolSpec: s, p: p, y: y, x: x, empty: func(dst []T) { clear(dst) }}
	k.loop = poolLoopOf(p, poolVector().avg, func(y, _, x, _ []T, r poolRun) {
		for w := range r.windows {
			y := y[w*r.outStep:][:r.n]
			clear(y)
			r.eachPosition(w, func(in int) {
				for i, v := range x[in:][:r.n] {
					y[i] += v
				}
			})
			for i := range y {
				y[i] /= T(r.count)
			}
		}
	})
	return k.forward()
}

// MaxPoolGrad prepares the gradient of MaxPool from dy, x and y: each element of dy goes to the first position of its window
// that holds the maximum, as in TensorFlow.
func MaxPoolGrad[T tensor.Float](p *Pool, dx, dy, x, y []T, s PoolSpec) func() {
	s.check(min(len(x), len(dx)), min(len(y), len(dy)))
	k := &pooling[T]{PoolSpec: s, p: p, y: y, dy: dy, x: x, dx: dx}
	k.loop = poolLoopOf(p, poolVector().maxGrad, func(y, dy, x, dx []T, r poolRun) {
		for w := range r.windows {
			for c := range r.n {
				top, d := y[w*r.outStep+c], dy[w*r.outStep+c]
				r.eachPosition(w, func(in int) {
					if x[in+c] == top {
						dx[in+c] += d
						d = 0
					}
				})
			}
		}
	})
	return k.backward()
}

// AvgPoolGrad prepares the gradient of AvgPool from dy: each element of a window gets an equal share.
func AvgPoolGrad[T tensor.Float](p *Pool, dx, dy []T, s PoolSpec) func() {
	s.check(len(dx), len(dy))
	k := &pooling[T]{PoolSpec: s, p: p, dy: dy, dx: dx}
	k.loop = poolLoopOf(p, poolVector().avgGrad, func(_, dy, _, dx []T, r poolRun) {
		for w := range r.windows {
			d := dy[w*r.outStep:][:r.n]
			r.eachPosition(w, func(in int) {
				for i, v := range d {
					dx[in+i] += v / T(r.count)
				}
			})
		}
	})
	return k.backward()
}

// poolSet is the assembly of one instruction set.
type poolSet struct{ max, avg, maxGrad, avgGrad *poolCode }

package kernel

import (
	"math"
	"sync/atomic"

	"github.com/gokeras/gk/core/tensor"
)

// This file owns the kernels that take rows of a table by index. Indices are numbers of type T, exact up to 2^24 in float32.

// Gather prepares dst[i, :] = table[index[i], :] for a table of rows by width numbers. A row whose index is not in [0, rows)
// becomes zeros, and fail is told the first such index when the run ends; math.MinInt stands for NaN and for infinities.
func Gather[T tensor.Float](p *Pool, dst, table, index []T, rows, width int, fail func(index int)) func() {
	if len(dst) < len(index)*width || len(table) < rows*width {
		panic("kernel: gather: short operand")
	}
	bad := &firstBad{}
	tasks, each := tasksOf(len(index), width+16)
	task := func(_, t int) {
		for i := t * each; i < min(len(index), (t+1)*each); i++ {
			to, v := dst[i*width:(i+1)*width], index[i]
			if !(v >= 0 && v < T(rows)) {
				bad.report(i)
				clear(to)
				continue
			}
			copy(to, table[int(v)*width:][:width])
		}
	}
	return func() {
		p.Run(tasks, task)
		tellBad(bad, index, fail)
	}
}

// ScatterAdd prepares the gradient of Gather: table = 0, then table[index[i], :] += d[i, :] in the order of i. An index outside
// of the table is left out and told to fail as in Gather.
func ScatterAdd[T tensor.Float](p *Pool, table, d, index []T, rows, width int, fail func(index int)) func() {
	if len(d) < len(index)*width || len(table) < rows*width {
		panic("kernel: scatter: short operand")
	}
	bad := &firstBad{}
	add := Binary[T]("add", p.Reference())
	// Each task does some columns of all rows, so that the order of the additions is always the same.
	const columns = 32
	strips, clearEach := ceilDiv(width, columns), max(1, grain/max(1, width))
	zero := func(_, t int) { clear(table[t*clearEach*width : min(rows, (t+1)*clearEach)*width]) }
	task := func(_, t int) {
		j0, j1 := t*columns, min(width, (t+1)*columns)
		for i, v := range index {
			if !(v >= 0 && v < T(rows)) {
				bad.report(i)
				continue
			}
			row := table[int(v)*width+j0 : int(v)*width+j1]
			add(row, row, d[i*width+j0:i*width+j1])
		}
	}
	return func() {
		p.Run(ceilDiv(rows, clearEach), zero)
		p.Run(strips, task)
		tellBad(bad, index, fail)
	}
}

// firstBad remembers the lowest position that workers report.
type firstBad struct{ at atomic.Int64 } // 1 + position, 0 if none

func (b *firstBad) report(i int) {
	for {
		old := b.at.Load()
		if old != 0 && old <= int64(i)+1 || b.at.CompareAndSwap(old, int64(i)+1) {
			return
		}
	}
}

// tellBad tells fail the index that was reported, if any, and forgets it.
func tellBad[T tensor.Float](b *firstBad, index []T, fail func(index int)) {
	at := b.at.Swap(0)
	if at == 0 || fail == nil {
		return
	}
	v := float64(index[at-1])
	if math.Abs(v) < 1<<62 {
		fail(int(v))
		return
	}
	fail(math.MinInt)
}

package kernel

import (
	"cmp"
	"slices"

	"github.com/gokeras/gk/core/tensor"
)

// This file owns the kernels that move numbers without changing them.

// Transpose prepares dst = src with its axes in another order: axis i of dst is axis perm[i] of src, which has the given shape.
func Transpose[T tensor.Float](p *Pool, dst, src []T, shape, perm []int) func() {
	if len(shape) != len(perm) {
		panic("kernel: transpose: perm and shape differ in length")
	}
	from := Strides(shape)
	out, srcStrides := make([]int, len(perm)), make([]int, len(perm))
	for i, axis := range perm {
		out[i], srcStrides[i] = shape[axis], from[axis]
	}
	return CopyStrided(p, dst, Strides(out), 0, src, srcStrides, 0, out)
}

// Strides are those of a dense row-major array: how many numbers lie between neighbours along each axis.
func Strides(shape []int) []int {
	s, n := make([]int, len(shape)), 1
	for i := len(shape) - 1; i >= 0; i-- {
		s[i] = n
		n *= shape[i]
	}
	return s
}

// CopyStrided prepares dst[dstOffset + i·dstStrides] = src[srcOffset + i·srcStrides] for every index i below shape. A source
// stride may be 0, which repeats numbers, or negative, which reverses them. No two indices may lead to the same place in dst,
// and dst and src not overlap.
func CopyStrided[T tensor.Float](p *Pool, dst []T, dstStrides []int, dstOffset int,
	src []T, srcStrides []int, srcOffset int, shape []int) func() {
	if len(dstStrides) != len(shape) || len(srcStrides) != len(shape) {
		panic("kernel: copy: shape and strides differ in length")
	}
	c := &strided[T]{dst: dst, src: src, dstAt: dstOffset, srcAt: srcOffset}
	for i, n := range shape {
		if n == 0 {
			return func() {}
		}
		if n > 1 {
			c.axes = append(c.axes, stridedAxis{n, dstStrides[i], srcStrides[i]})
		}
	}
	inside := func(offset, n int, stride func(a stridedAxis) int) bool {
		low, high := offset, offset
		for _, a := range c.axes {
			d := (a.n - 1) * stride(a)
			low, high = low+min(d, 0), high+max(d, 0)
		}
		return low >= 0 && high < n
	}
	if !inside(dstOffset, len(dst), func(a stridedAxis) int { return a.dst }) ||
		!inside(srcOffset, len(src), func(a stridedAxis) int { return a.src }) {
		panic("kernel: copy: index outside of an operand")
	}
	c.plan()
	units := c.blocks
	for _, a := range c.outer {
		units *= a.n
	}
	tasks, each := tasksOf(units, c.work)
	task := func(_, i int) { c.run(i*each, min((i+1)*each, units)) }
	return func() { p.Run(tasks, task) }
}

type stridedAxis struct{ n, dst, src int }

// strided is a prepared copy. Its outer axes are walked; for each of their indices the inner axis, or the block of two axes, is
// copied in as many pieces as blocks.
type strided[T tensor.Float] struct {
	dst, src     []T
	dstAt, srcAt int
	axes, outer  []stridedAxis
	across       stridedAxis // contiguous in src; n is 1 unless the inner axes are transposed
	along        stridedAxis // the innermost of dst
	block        int         // numbers of the split axis in a piece
	blocks, work int
}

// transposeBlock is the side of the squares in which a matrix is transposed: as many lines as a level 1 cache has ways, because
// lines a power of two apart compete for the same ones.
const transposeBlock = 8

func (c *strided[T]) plan() {
	slices.SortStableFunc(c.axes, func(a, b stridedAxis) int { return cmp.Compare(abs(b.dst), abs(a.dst)) })
	// Axes that follow each other in both operands are one.
	merged := c.axes[:0]
	for _, a := range c.axes {
		if k := len(merged) - 1; k >= 0 && merged[k].dst == a.dst*a.n && merged[k].src == a.src*a.n {
			merged[k] = stridedAxis{merged[k].n * a.n, a.dst, a.src}
			continue
		}
		merged = append(merged, a)
	}
	c.across, c.along = stridedAxis{n: 1}, stridedAxis{n: 1, dst: 1, src: 1}
	if k := len(merged) - 1; k >= 0 {
		c.along, merged = merged[k], merged[:k]
	}
	if abs(c.along.src) > 1 {
		if k := slices.IndexFunc(merged, func(a stridedAxis) bool { return a.src == 1 }); k >= 0 {
			c.across = merged[k]
			merged = slices.Delete(merged, k, k+1)
		}
	}
	c.outer = merged
	if c.across.n > 1 {
		c.block = transposeBlock
		c.blocks, c.work = ceilDiv(c.across.n, c.block), 4*c.along.n*c.block
		return
	}
	c.block = grain
	c.blocks, c.work = ceilDiv(c.along.n, c.block), min(c.along.n, c.block)+16
}

func abs(x int) int { return max(x, -x) }

// run copies pieces [from, to).
func (c *strided[T]) run(from, to int) {
	const maxRank = 16
	if len(c.outer) > maxRank {
		panic("kernel: copy: too many axes")
	}
	var index [maxRank]int
	piece, rest := from%c.blocks, from/c.blocks
	d, s := c.dstAt, c.srcAt
	for i := len(c.outer) - 1; i >= 0; i-- {
		a := c.outer[i]
		index[i] = rest % a.n
		rest /= a.n
		d, s = d+index[i]*a.dst, s+index[i]*a.src
	}
	for unit := from; unit < to; unit++ {
		c.piece(d, s, piece)
		if piece++; piece < c.blocks {
			continue
		}
		piece = 0
		for i := len(c.outer) - 1; i >= 0; i-- {
			a := c.outer[i]
			index[i]++
			d, s = d+a.dst, s+a.src
			if index[i] < a.n {
				break
			}
			index[i], d, s = 0, d-a.n*a.dst, s-a.n*a.src
		}
	}
}

func (c *strided[T]) piece(d, s, k int) {
	if c.across.n > 1 {
		first := k * c.block
		rows := min(c.block, c.across.n-first)
		c.transpose(d+first*c.across.dst, s+first, rows)
		return
	}
	a := c.along
	first := k * c.block
	n := min(c.block, a.n-first)
	d, s = d+first*a.dst, s+first*a.src
	switch {
	case a.dst == 1 && a.src == 1:
		copy(c.dst[d:d+n], c.src[s:s+n])
	case a.dst == 1 && a.src == 0:
		v, row := c.src[s], c.dst[d:d+n]
		for i := range row {
			row[i] = v
		}
	default:
		for range n {
			c.dst[d] = c.src[s]
			d, s = d+a.dst, s+a.src
		}
	}
}

// transpose copies rows of the across axis, square by square.
func (c *strided[T]) transpose(d, s, rows int) {
	a, step := c.along, c.across.dst
	for j := 0; j < a.n; j += transposeBlock {
		columns := min(transposeBlock, a.n-j)
		for i := range rows {
			to, from := d+i*step+j*a.dst, s+i+j*a.src
			for range columns {
				c.dst[to] = c.src[from]
				to, from = to+a.dst, from+a.src
			}
		}
	}
}

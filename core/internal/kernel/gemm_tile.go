package kernel

import (
	"unsafe"

	"github.com/gokeras/gk/core/tensor"
)

// The tiles of a product: the smallest pieces, whose sums stay in registers, and the loop over the tiles of a block.
//
// Every element of a product is computed in the same way whatever tile it is in: the sum is cut in blocks of K (blockOfK), each
// block is summed in the order of k from zero, the block sums are added to C in order. So neither the place of an element nor the
// shape of the tiles around it changes its bits. Only products with very few columns are summed otherwise (gemm_dots.go).

const (
	tileRows  = 12 // the most rows of a tile
	panelCols = 32 // columns of a packed panel of B
	maxBlockK = 384
)

// level is the code that a product runs.
type level uint8

const (
	goLoops level = iota
	avx2
	avx512
)

// levelOf is the best code there is for T, unless the pool wants the reference.
func levelOf[T tensor.Float](p *Pool) level {
	var zero T
	switch {
	case unsafe.Sizeof(zero) != 4 || p.Reference():
		return goLoops
	case useAVX512:
		return avx512
	case useAVX2:
		return avx2
	}
	return goLoops
}

// blockOfK is the length of the blocks in which a sum over k terms is cut: as equal as possible, a multiple of 16, and a function
// of k alone.
func blockOfK(k int) int {
	blocks := max(1, ceilDiv(k, maxBlockK))
	return ceilDiv(ceilDiv(k, blocks), 16) * 16
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// tile is what the code of one tile works on; asm/gemm knows its layout. Strides are in bytes.
//
//	C[r][j] (+)= sum over the segments s and k: A[r][s][k] B[s][k][j]
//
// The terms of the sum are evenly spaced in B. In A they come in segments, which is how a convolution reads an image.
type tile struct {
	a, b, c  unsafe.Pointer
	aRow     int
	aStep    int // of A from one k to the next
	bStep    int // of B from one k to the next
	cRow     int
	k        int  // terms in each segment, > 0
	segments int  // > 0
	jumps    *int // for each segment but the last, what to add to the address in A after its end to come to the next
	rows     int
	mask     uint64 // the columns that exist; set by asmTile
	add      int    // 0: C is set; else it is added to
	maskB    int    // 0: B may be read up to the next 16, 32 or 64 columns
}

// rowsAtOnce is how many rows one call of the code of a level works on: how high tiles should be where that can be chosen.
func (lv level) rowsAtOnce() int {
	if lv == avx2 {
		return tileRows / 2
	}
	return tileRows
}

// mulTile does a tile of at most tileRows rows and panelCols columns; with up to 6 rows and AVX-512, twice the columns.
func mulTile[T tensor.Float](lv level, t *tile, cols int) {
	if lv != goLoops {
		asmTile(lv, t, cols)
		return
	}
	goTile[T](t, cols)
}

// goTile is mulTile in Go: 2 rows by 4 columns at a time, the edges element by element.
func goTile[T tensor.Float](t *tile, cols int) {
	size := int(unsafe.Sizeof(T(0)))
	const rowsAtOnce, colsAtOnce = 2, 4
	at := func(p unsafe.Pointer, offset int) T { return *(*T)(unsafe.Add(p, offset)) }
	put := func(r, j int, sum T) {
		c := (*T)(unsafe.Add(t.c, r*t.cRow+j*size))
		if t.add != 0 {
			sum += *c
		}
		*c = sum
	}
	jump := func(s int) int {
		if s+1 == t.segments {
			return 0
		}
		return *(*int)(unsafe.Add(unsafe.Pointer(t.jumps), s*int(unsafe.Sizeof(0))))
	}
	whole := cols - cols%colsAtOnce
	for r := 0; r < t.rows; r += rowsAtOnce {
		first := unsafe.Add(t.a, r*t.aRow)
		second := t.aRow // from the first to the second row
		if r+1 == t.rows {
			second = 0
		}
		for j := 0; j < whole; j += colsAtOnce {
			var c00, c01, c02, c03, c10, c11, c12, c13 T
			a, b := 0, j*size
			for s := range t.segments {
				for range t.k {
					row := (*[colsAtOnce]T)(unsafe.Add(t.b, b))
					a0, a1 := at(first, a), at(first, a+second)
					c00 += a0 * row[0]
					c01 += a0 * row[1]
					c02 += a0 * row[2]
					c03 += a0 * row[3]
					c10 += a1 * row[0]
					c11 += a1 * row[1]
					c12 += a1 * row[2]
					c13 += a1 * row[3]
					a += t.aStep
					b += t.bStep
				}
				a += jump(s)
			}
			put(r, j, c00)
			put(r, j+1, c01)
			put(r, j+2, c02)
			put(r, j+3, c03)
			if second != 0 {
				put(r+1, j, c10)
				put(r+1, j+1, c11)
				put(r+1, j+2, c12)
				put(r+1, j+3, c13)
			}
		}
		for i := r; i < min(r+rowsAtOnce, t.rows); i++ {
			for j := whole; j < cols; j++ {
				var sum T
				a, b := i*t.aRow, j*size
				for s := range t.segments {
					for range t.k {
						sum += at(t.a, a) * at(t.b, b)
						a += t.aStep
						b += t.bStep
					}
					a += jump(s)
				}
				put(i, j, sum)
			}
		}
	}
}

// left is the left factor of a block: element (r, k) is data[r*row+k*step].
type left[T tensor.Float] struct {
	data      []T
	row, step int
	packed    []T // if not nil, room for a packed panel (packedLeft numbers): rows are gathered there first
}

// right is the right factor of a block: element (k, j) is data[j/panelCols*panel + k*step + j%panelCols].
type right[T tensor.Float] struct {
	data        []T
	step, panel int
	padded      bool // panels are whole: beyond the last column there is memory to read, though not to use
}

// packedLeft is the room a packed panel of the left factor takes.
const packedLeft = 16 * maxBlockK

// mulBlock does C (+)= A B for m rows, n columns and k <= maxBlockK terms, all tiles of it.
func mulBlock[T tensor.Float](lv level, m, n, k int, a left[T], b right[T], c []T, cRow int, add bool) {
	size := int(unsafe.Sizeof(T(0)))
	t := tile{aRow: a.row * size, aStep: a.step * size, bStep: b.step * size, cRow: cRow * size, k: k, segments: 1}
	if add {
		t.add = 1
	}
	for i := 0; i < m; i += tileRows {
		t.rows = min(tileRows, m-i)
		if a.packed != nil {
			packLeft(lv, a.packed, a.data[i*a.row:], a.row, a.step, t.rows, k)
			t.a, t.aRow, t.aStep = unsafe.Pointer(&a.packed[0]), size, 16*size
		} else {
			t.a = unsafe.Pointer(&a.data[i*a.row])
		}
		width := panelCols
		if lv == avx512 && t.rows <= 6 && b.panel == panelCols {
			width = 2 * panelCols
		}
		for j := 0; j < n; j += width {
			cols := min(width, n-j)
			t.maskB = 0
			if !b.padded {
				t.maskB = partial(cols)
			}
			t.b = unsafe.Pointer(&b.data[j/panelCols*b.panel])
			t.c = unsafe.Pointer(&c[i*cRow+j])
			mulTile[T](lv, &t, cols)
		}
	}
}

// mulColumns does tiles side by side: n columns of C from those of B, both in place, and rows of A, with what t says of the rest.
func mulColumns[T tensor.Float](lv level, t *tile, a, b, c []T, n int) {
	width := panelCols
	if lv == avx512 && t.rows <= 6 {
		width = 2 * panelCols
	}
	t.a = unsafe.Pointer(&a[0])
	for j := 0; j < n; j += width {
		cols := min(width, n-j)
		t.maskB = partial(cols)
		t.b, t.c = unsafe.Pointer(&b[j]), unsafe.Pointer(&c[j])
		mulTile[T](lv, t, cols)
	}
}

// partial is 0 if tiles have exactly so many columns, else 1.
func partial(cols int) int {
	if cols == 16 || cols == panelCols || cols == 2*panelCols {
		return 0
	}
	return 1
}

// mulLanes is mulColumns where A, too, has columns and they stay apart:
//
//	C[r][j] (+)= sum over the segments s and k: A[r][s][k][j] B[s][k][j]
func mulLanes[T tensor.Float](lv level, t *tile, a, b, c []T, n int) {
	for j := 0; j < n; j += panelCols {
		cols := min(panelCols, n-j)
		t.maskB = partial(cols)
		t.a, t.b, t.c = unsafe.Pointer(&a[j]), unsafe.Pointer(&b[j]), unsafe.Pointer(&c[j])
		if lv != goLoops {
			asmLanes(lv, t, cols)
		} else {
			goLanes[T](t, cols)
		}
	}
}

// goLanes is a step of mulLanes in Go.
func goLanes[T tensor.Float](t *tile, cols int) {
	var sums [panelCols]T
	for r := range t.rows {
		a, b := unsafe.Add(t.a, r*t.aRow), t.b
		clear(sums[:cols])
		for s := range t.segments {
			for range t.k {
				left, right := unsafe.Slice((*T)(a), cols), unsafe.Slice((*T)(b), cols)
				for j, v := range left {
					sums[j] += v * right[j]
				}
				a, b = unsafe.Add(a, t.aStep), unsafe.Add(b, t.bStep)
			}
			if s+1 < t.segments {
				a = unsafe.Add(a, *(*int)(unsafe.Add(unsafe.Pointer(t.jumps), s*int(unsafe.Sizeof(0)))))
			}
		}
		c := unsafe.Slice((*T)(unsafe.Add(t.c, r*t.cRow)), cols)
		for j, sum := range sums[:cols] {
			if t.add != 0 {
				sum += c[j]
			}
			c[j] = sum
		}
	}
}

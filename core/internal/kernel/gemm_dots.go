package kernel

import (
	"unsafe"

	"github.com/gokeras/gk/core/tensor"
)

// Products with very few columns. Tiles would leave most of their lanes empty, so the lanes take the terms of the sum instead.

// dotCols is the most columns that dots take.
const dotCols = 4

// dots is what the assembly of a few dot products works on; asm/gemm knows its layout. Strides are in bytes.
//
//	C[r][j] (+)= sum over the segments s and k: A[r][s][k] B[j][s][k]
//
// The terms are contiguous in A and B. There is a partial sum for every lane of a register, one for each k mod 16 (or 8) within
// its segment; they are added at the end.
type dots struct {
	a, b, c    unsafe.Pointer
	aRow, bCol int
	cRow, cCol int
	k          int // terms in each segment, > 0
	segments   int // > 0
	jumps      *int
	rows, cols int    // 1 to 4
	add        int    // 0: C is set; else it is added to
	mask       uint64 // set by asmDots
}

// canDot reports whether products with so many columns and terms are to be done by mulDots.
func canDot(lv level, cols, terms int) bool { return lv != goLoops && cols <= dotCols && terms >= 16 }

// mulDots does C (+)= A B' for m rows; d says the rest.
func mulDots[T tensor.Float](lv level, d *dots, a []T, aRow int, c []T, cRow, m int) {
	size := int(unsafe.Sizeof(T(0)))
	d.aRow, d.cRow = aRow*size, cRow*size
	most := 4 // rows at once
	if lv == avx2 {
		most = 2
	}
	for r := 0; r < m; r += most {
		d.rows = min(most, m-r)
		d.a, d.c = unsafe.Pointer(&a[r*aRow]), unsafe.Pointer(&c[r*cRow])
		asmDots(lv, d)
	}
}

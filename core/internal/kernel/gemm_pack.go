package kernel

import (
	"unsafe"

	"github.com/gokeras/gk/core/tensor"
)

// Packing: copying parts of the factors of a product into the order in which tiles read them; and products for use inside other
// kernels' tasks.

// packLeft gathers rows <= 16 rows of k numbers, dst[x*16+r] = src[r*row+x*step]; row or step is 1. Lines beyond the rows are
// undefined.
func packLeft[T tensor.Float](lv level, dst, src []T, row, step, rows, k int) {
	dst = dst[: 16*k : 16*k]
	_ = src[(rows-1)*row+(k-1)*step]
	switch {
	case lv == avx512 && step == 1:
		transpose512(f32(dst), 16*4, f32(src), row*4, rows, k)
	case lv == avx512 && row == 1:
		copyRows512(f32(dst), 16*4, f32(src), step*4, k, ^uint64(0)>>(64-rows))
	default:
		for r := range rows {
			for x := range k {
				dst[x*16+r] = src[r*row+x*step]
			}
		}
	}
}

// packRight copies a k by cols <= panelCols part of the right factor, element (x, j) of which is src[x*row+j], or with trans
// src[j*row+x], to a panel: dst[x*panelCols+j]. What is in the panel beyond cols is undefined.
func packRight[T tensor.Float](lv level, dst, src []T, row int, trans bool, k, cols int) {
	dst = dst[: panelCols*k : panelCols*k]
	if trans {
		_ = src[(cols-1)*row+k-1]
	} else {
		_ = src[(k-1)*row+cols-1]
	}
	switch {
	case lv == avx512 && trans:
		for j := 0; j < cols; j += 16 {
			transpose512(f32(dst[j:]), panelCols*4, f32(src[j*row:]), row*4, min(16, cols-j), k)
		}
	case lv == avx512:
		copyRows512(f32(dst), panelCols*4, f32(src), row*4, k, ^uint64(0)>>(64-cols))
	case trans:
		for j := range cols {
			for x, v := range src[j*row : j*row+k] {
				dst[x*panelCols+j] = v
			}
		}
	default:
		for x := range k {
			copy(dst[x*panelCols:][:cols], src[x*row:])
		}
	}
}

// transpose writes dst[j][i] = src[i][j] for a src of rows by cols.
func transpose[T tensor.Float](lv level, dst []T, dstRow int, src []T, srcRow int, rows, cols int) {
	i := 0
	if lv == avx512 {
		for ; i+16 <= rows; i += 16 {
			_, _ = src[(i+15)*srcRow+cols-1], dst[(cols-1)*dstRow+i+15]
			transpose512(f32(dst[i:]), dstRow*4, f32(src[i*srcRow:]), srcRow*4, 16, cols)
		}
	}
	for ; i < rows; i++ {
		for j, v := range src[i*srcRow:][:cols] {
			dst[j*dstRow+i] = v
		}
	}
}

// f32 is the first of s for assembly; T is float32.
func f32[T tensor.Float](s []T) *float32 { return (*float32)(unsafe.Pointer(unsafe.SliceData(s))) }

// PanelCols is the number of columns that a PackedB is divided in, and that col0 of its Mul must be a multiple of.
const PanelCols = panelCols

// PackedB is the right factor of products, a k by n matrix, in the order in which they read it. It serves kernels that multiply
// many small matrices with the same one inside their own tasks, like a recurrent layer at each step.
type PackedB[T tensor.Float] struct {
	level  level
	k, n   int
	panels []T // n/32 panels, rounded up, of k lines of 32 numbers
}

// NewPackedB allocates room for a k by n matrix; fill it with PackPanel. It consults p.Reference.
func NewPackedB[T tensor.Float](p *Pool, k, n int) *PackedB[T] {
	if k < 0 || n < 0 {
		panic("kernel: gemm: packed b: negative size")
	}
	return &PackedB[T]{level: levelOf[T](p), k: k, n: n, panels: alignedOf[T](k * ceilDiv(n, panelCols) * panelCols)}
}

// Panels is the number of panels to pack.
func (b *PackedB[T]) Panels() int { return ceilDiv(b.n, panelCols) }

// PackPanel packs columns i*PanelCols and following. src is the matrix with ld numbers from row to row; with trans it is the
// transpose, n by k. Different panels may be packed by different workers at the same time.
func (b *PackedB[T]) PackPanel(i int, src []T, ld int, trans bool) {
	if b.k == 0 {
		return
	}
	first := i * panelCols
	offset := first
	if trans {
		offset *= ld
	}
	packRight(b.level, b.panels[i*panelCols*b.k:], src[offset:], ld, trans, b.k, min(panelCols, b.n-first))
}

// Pack packs all panels.
func (b *PackedB[T]) Pack(src []T, ld int, trans bool) {
	for i := range b.Panels() {
		b.PackPanel(i, src, ld, trans)
	}
}

// Mul computes, on the calling goroutine, columns col0 to col1 of C = A B, or C += A B with add: A is m by k with lda numbers
// from row to row, C is m by n with ldc. col0 is a multiple of PanelCols. The bits are those of Gemm if n > 4.
func (b *PackedB[T]) Mul(c []T, ldc int, a []T, lda, m, col0, col1 int, add bool) {
	if m == 0 || col1 <= col0 {
		return
	}
	if col0%panelCols != 0 || col1 > b.n || m < 0 || len(a) < (m-1)*lda+b.k || len(c) < (m-1)*ldc+col1 {
		panic("kernel: gemm: packed b: columns or slices do not fit")
	}
	if b.k == 0 && !add {
		clearBlock(c[col0:], ldc, m, col1-col0)
	}
	step := blockOfK(b.k)
	for k0 := 0; k0 < b.k; k0 += step {
		panels := right[T]{data: b.panels[col0*b.k+k0*panelCols:], step: panelCols, panel: panelCols * b.k, padded: true}
		factor := left[T]{data: a[k0:], row: lda, step: 1}
		mulBlock(b.level, m, col1-col0, min(step, b.k-k0), factor, panels, c[col0:], ldc, add || k0 > 0)
	}
}

// MulSerial computes, on the calling goroutine, C = op(A) B, or C += op(A) B with add, for kernels that multiply inside their own
// tasks: C is m by n, op(A) m by k and B k by n, with ldc, lda and ldb numbers from one stored row to the next. With transA, A is
// stored as k by m. A transposed B should be packed (PackedB); one that is not is read in place about as fast. The bits are those
// of Gemm if n > 4.
func MulSerial[T tensor.Float](p *Pool, c []T, ldc int, a []T, lda int, transA bool, b []T, ldb, m, n, k int, add bool) {
	if m == 0 || n == 0 {
		return
	}
	rowsA, colsA := either(transA, m, k)
	if m < 0 || n < 0 || k < 0 || len(c) < (m-1)*ldc+n || k > 0 && (len(a) < (rowsA-1)*lda+colsA || len(b) < (k-1)*ldb+n) {
		panic("kernel: gemm: MulSerial: slices do not fit")
	}
	if k == 0 && !add {
		clearBlock(c, ldc, m, n)
	}
	row, one := either(transA, lda, 1)
	level, step := levelOf[T](p), blockOfK(k)
	for k0 := 0; k0 < k; k0 += step {
		factorA := left[T]{data: a[k0*one:], row: row, step: one}
		factorB := right[T]{data: b[k0*ldb:], step: ldb, panel: panelCols}
		mulBlock(level, m, n, min(step, k-k0), factorA, factorB, c, ldc, add || k0 > 0)
	}
}

// clearBlock sets an m by n part of a matrix to zero.
func clearBlock[T tensor.Float](c []T, ldc, m, n int) {
	for i := range m {
		clear(c[i*ldc:][:n])
	}
}

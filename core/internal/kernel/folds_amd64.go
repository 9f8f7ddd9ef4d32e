//go:build amd64 && !noasm

package kernel

import "unsafe"

var (
	folds512 = foldsBy(rowSumAVX512, rowMaxAVX512, rowMinAVX512, rowDotAVX512, rowSpreadAVX512, rowCovaryAVX512, rowExpSumAVX512,
		columnsSumAVX512, columnsMaxAVX512, columnsMinAVX512, columnsDotAVX512, columnsSpreadAVX512, columnsCovaryAVX512)
	folds256 = foldsBy(rowSumAVX2, rowMaxAVX2, rowMinAVX2, rowDotAVX2, rowSpreadAVX2, rowCovaryAVX2, rowExpSumAVX2,
		columnsSumAVX2, columnsMaxAVX2, columnsMinAVX2, columnsDotAVX2, columnsSpreadAVX2, columnsCovaryAVX2)
)

// foldsVector returns the assembly that this processor runs, or nil.
func foldsVector() *folds[float32] {
	switch {
	case useAVX512:
		return &folds512
	case useAVX2:
		return &folds256
	}
	return nil
}

type (
	row1  = func(x *float32, n int) float32
	row2  = func(x, y *float32, n int) float32
	row1m = func(x *float32, m float32, n int) float32
	row2m = func(x, y *float32, m float32, n int) float32
	col1  = func(dst, x *float32, rows, stride, n int)
	col2  = func(dst, x, y *float32, rows, stride, n int)
	col3  = func(dst, x, y, m *float32, rows, stride, n int)
)

// foldsBy puts checks of the lengths before the assembly.
func foldsBy(sum, maximum, minimum row1, dot row2, spread row1m, covary row2m, expSum row2m,
	colSum, colMax, colMin col1, colDot, colSpread col2, colCovary col3) folds[float32] {
	one := func(f row1) func(x []float32) float32 {
		return func(x []float32) float32 { return f(unsafe.SliceData(x), len(x)) }
	}
	column := func(f col1) func(dst, x []float32, rows, stride int) {
		return func(dst, x []float32, rows, stride int) {
			if inColumns(x, rows, stride, len(dst)) {
				f(&dst[0], &x[0], rows, stride, len(dst))
			}
		}
	}
	return folds[float32]{
		sum: one(sum), max: one(maximum), min: one(minimum),
		dot: func(x, y []float32) float32 {
			return dot(unsafe.SliceData(x), unsafe.SliceData(y[:len(x):len(y)]), len(x))
		},
		spread: func(x []float32, m float32) float32 { return spread(unsafe.SliceData(x), m, len(x)) },
		covary: func(x, y []float32, m float32) float32 {
			return covary(unsafe.SliceData(x), unsafe.SliceData(y[:len(x):len(y)]), m, len(x))
		},
		expSum: func(dst, x []float32, m float32) float32 {
			return expSum(unsafe.SliceData(dst[:len(x):len(dst)]), unsafe.SliceData(x), m, len(x))
		},
		colSum: column(colSum), colMax: column(colMax), colMin: column(colMin),
		colDot: func(dst, x, y []float32, rows, stride int) {
			if inColumns(x, rows, stride, len(dst)) && inColumns(y, rows, stride, len(dst)) {
				colDot(&dst[0], &x[0], &y[0], rows, stride, len(dst))
			}
		},
		colSpread: func(dst, x, m []float32, rows, stride int) {
			if inColumns(x, rows, stride, len(dst)) {
				colSpread(&dst[0], &x[0], &m[:len(dst):len(m)][0], rows, stride, len(dst))
			}
		},
		colCovary: func(dst, x, y, m []float32, rows, stride int) {
			if inColumns(x, rows, stride, len(dst)) && inColumns(y, rows, stride, len(dst)) {
				colCovary(&dst[0], &x[0], &y[0], &m[:len(dst):len(m)][0], rows, stride, len(dst))
			}
		},
	}
}

// inColumns reports whether there is anything to do, and panics if x is too short for it.
func inColumns(x []float32, rows, stride, n int) bool {
	if n == 0 {
		return false
	}
	if rows < 1 || len(x) < (rows-1)*stride+n {
		panic("kernel: fold: short x")
	}
	return true
}

//go:build amd64 && !noasm

package kernel

import "unsafe"

// The way from the product's loops to its assembly.

//go:generate go run ./asm/gemm -out gemm_tile_amd64.s -stubs gemm_tile_amd64.go -pkg kernel

// asmTile does a tile whose level is not goLoops; see mulTile.
func asmTile(lv level, t *tile, cols int) {
	if lv == avx512 {
		t.mask = ^uint64(0) >> (64 - cols)
		switch {
		case cols <= 16:
			tile512x1(t)
		case cols <= 32:
			tile512x2(t)
		default:
			tile512x4(t)
		}
		return
	}
	const most, width = 6, 16 // of tile256x2
	whole := *t
	parts := (whole.rows + most - 1) / most
	for n := range parts { // of about equal height: low ones are slow
		i := whole.rows * n / parts
		rows := whole.rows*(n+1)/parts - i
		for j := 0; j < cols; j += width {
			part := whole
			part.a = unsafe.Add(whole.a, i*whole.aRow)
			part.b = unsafe.Add(whole.b, 4*j)
			part.c = unsafe.Add(whole.c, i*whole.cRow+4*j)
			part.rows = rows
			if j+width <= cols {
				tile256x2(&part)
				continue
			}
			if part.maskB != 0 {
				edge256withB(&part, cols-j)
			} else {
				edge256(&part, cols-j)
			}
		}
	}
}

// edge256 does a tile at the right edge, where there is no room for 16 columns of C.
func edge256(t *tile, cols int) {
	var c [6 * 16]float32
	whole := *t
	whole.c, whole.cRow, whole.add = unsafe.Pointer(&c), 4*16, 0
	tile256x2(&whole)
	for r := range t.rows {
		to := unsafe.Slice((*float32)(unsafe.Add(t.c, r*t.cRow)), cols)
		from := c[r*16:]
		if t.add == 0 {
			copy(to, from)
			continue
		}
		for i := range to {
			to[i] += from[i]
		}
	}
}

// edge256withB is edge256 if there are no 16 columns of B to read either.
func edge256withB(t *tile, cols int) {
	var b [maxBlockK * 16]float32
	for k := range t.k * t.segments {
		copy(b[16*k:], unsafe.Slice((*float32)(unsafe.Add(t.b, k*t.bStep)), cols))
	}
	whole := *t
	whole.b, whole.bStep = unsafe.Pointer(&b), 4*16
	edge256(&whole, cols)
}

// asmLanes does lanes whose level is not goLoops; see mulLanes.
func asmLanes(lv level, t *tile, cols int) {
	if lv == avx512 {
		t.mask = ^uint64(0) >> (64 - cols)
		if cols <= 16 {
			lanes512x1(t)
		} else {
			lanes512x2(t)
		}
		return
	}
	const width = 8 // of lanes256x1
	whole := *t
	for j := 0; j < cols; j += width {
		part := whole
		part.a = unsafe.Add(whole.a, 4*j)
		part.b = unsafe.Add(whole.b, 4*j)
		part.c = unsafe.Add(whole.c, 4*j)
		missing := max(0, j+width-cols)
		part.mask = uint64(uintptr(unsafe.Pointer(&laneMasks[missing])))
		part.maskB = min(1, missing)
		lanes256x1(&part)
	}
}

// asmDots does dots whose level is not goLoops; see mulDots.
func asmDots(lv level, d *dots) {
	if lv == avx512 {
		dots512(d)
		return
	}
	d.mask = uint64(uintptr(unsafe.Pointer(&laneMasks[8-d.k%8])))
	dots256(d)
}

// laneMasks from 8-n on are the masks of n of 8 numbers.
var laneMasks = [16]int32{-1, -1, -1, -1, -1, -1, -1, -1}

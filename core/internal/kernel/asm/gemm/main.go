// Command gemm writes the assembly of the matrix product: tiles (gemm_tile_amd64.s) and the packing of their operands.
//
// Run it by go generate in core/internal/kernel.
package main

import (
	"fmt"
	"math/bits"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func main() {
	Package("github.com/gokeras/gk/core/internal/kernel")
	ConstraintExpr("amd64,!noasm")
	wide := isa{registers: 32, bytes: 64, reg: func(i int) Register { return zmm[i] }, masks: true}
	narrow := isa{registers: 16, bytes: 32, reg: func(i int) Register { return ymm[i] }}
	for _, vecs := range []int{1, 2, 4} {
		rows := 12
		if vecs == 4 {
			rows = 6
		}
		doc := fmt.Sprintf("tile512x%d does a tile of up to %d rows and %d columns with AVX-512.", vecs, rows, 16*vecs)
		function(fmt.Sprintf("tile512x%d", vecs), doc, wide, rows, vecs, false)
	}
	function("tile256x2", "tile256x2 does a tile of up to 6 rows and exactly 16 columns with AVX2.", narrow, 6, 2, false)
	for _, vecs := range []int{1, 2} {
		doc := fmt.Sprintf("lanes512x%d does lanes of up to 12 rows and %d columns with AVX-512.", vecs, 16*vecs)
		function(fmt.Sprintf("lanes512x%d", vecs), doc, wide, 12, vecs, true)
	}
	narrow.lastMask = true
	function("lanes256x1", "lanes256x1 does lanes of up to 12 rows and 8 columns with AVX2; mask is the address of 8 masks.", narrow, 12, 1, true)
	dotsOf("dots512", "dots512 does dots of up to 4 rows and 4 columns with AVX-512.", wide, 4)
	dotsOf("dots256", "dots256 does dots of up to 2 rows and 4 columns with AVX2.", narrow, 2)
	transpose512()
	copyRows512()
	Generate()
}

// isa is what tiles of different instruction sets differ in.
type isa struct {
	registers int // vector registers
	bytes     int // of a vector register
	reg       func(i int) Register
	masks     bool // there are mask registers
	lastMask  bool // the last vector register is the mask
}

var (
	zmm = []Register{Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15,
		Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23, Z24, Z25, Z26, Z27, Z28, Z29, Z30, Z31}
	ymm   = []Register{Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, Y8, Y9, Y10, Y11, Y12, Y13, Y14, Y15}
	xmm   = []Register{X0, X1, X2, X3, X4, X5, X6, X7, X8, X9, X10, X11, X12, X13, X14, X15}
	masks = []Register{K1, K2, K3, K4}
)

// Offsets of the fields of the Go struct tile.
const (
	fieldA = 8 * iota
	fieldB
	fieldC
	fieldARow
	fieldAStep
	fieldBStep
	fieldCRow
	fieldK
	fieldSegments
	fieldJumps
	fieldRows
	fieldMask
	fieldAdd
	fieldMaskB
)

// Registers of a tile.
var (
	args   = RAX
	bases  = []Register{R8, R9, R10, R11} // rows 0, 3, 6, 9 of A
	aRow   = R12
	aStep  = R13
	bPtr   = RSI
	bStep  = RDI
	count  = RCX
	segs   = RBX
	jumps  = RDX
	spare  = R15
	allSet = map[int]uint64{1: 0xffff, 2: 0xffffffff}
)

func field(offset int) Mem { return Mem{Base: args, Disp: offset} }

// rowOfA addresses row r of A.
func rowOfA(r int) Mem {
	m := Mem{Base: bases[r/3]}
	switch r % 3 {
	case 1:
		m.Index, m.Scale = aRow, 1
	case 2:
		m.Index, m.Scale = aRow, 2
	}
	return m
}

// function makes a function that multiplies rows of A with a panel of B, all sums in registers; or, with lanes, column by column.
func function(name, doc string, s isa, maxRows, vecs int, lanes bool) {
	TEXT(name, NOSPLIT, "func(t *tile)")
	Doc(doc)
	Pragma("noescape")
	Load(Param("t"), args)
	MOVQ(field(fieldA), bases[0])
	MOVQ(field(fieldARow), aRow)
	LEAQ(Mem{Base: bases[0], Index: aRow, Scale: 2}, bases[1])
	ADDQ(aRow, bases[1])
	LEAQ(Mem{Base: bases[1], Index: aRow, Scale: 2}, bases[2])
	ADDQ(aRow, bases[2])
	LEAQ(Mem{Base: bases[2], Index: aRow, Scale: 2}, bases[3])
	ADDQ(aRow, bases[3])
	MOVQ(field(fieldB), bPtr)
	MOVQ(field(fieldAStep), aStep)
	MOVQ(field(fieldBStep), bStep)
	MOVQ(field(fieldSegments), segs)
	MOVQ(field(fieldJumps), jumps)
	if s.masks {
		MOVQ(field(fieldMask), spare)
		for v := range vecs {
			KMOVW(spare.As32(), masks[v])
			if v+1 < vecs {
				SHRQ(U8(16), spare)
			}
		}
	}
	if s.lastMask {
		MOVQ(field(fieldMask), spare)
		VMOVUPS(Mem{Base: spare}, s.mask(0))
	}
	MOVQ(field(fieldRows), spare)
	dispatch(spare, 1, maxRows)
	for rows := maxRows; rows >= 1; rows-- {
		Label(fmt.Sprintf("is%d", rows))
		body(s, rows, vecs, lanes)
	}
}

// dispatch jumps to the label of the value of a register, by halving.
func dispatch(value Register, lo, hi int) {
	if lo == hi {
		JMP(LabelRef(fmt.Sprintf("is%d", lo)))
		return
	}
	mid := (lo + hi) / 2
	upper := fmt.Sprintf("from%d", mid+1)
	CMPQ(value, U8(mid))
	if mid+1 == hi {
		upper = fmt.Sprintf("is%d", hi)
	}
	JGT(LabelRef(upper))
	dispatch(value, lo, mid)
	if mid+1 < hi {
		Label(upper)
		dispatch(value, mid+1, hi)
	}
}

// body is the code for one number of rows.
func body(s isa, rows, vecs int, lanes bool) {
	label := func(format string, a ...any) string { return fmt.Sprintf(format, a...) + fmt.Sprintf("_%d", rows) }
	b := func(v int) Register { return s.reg(v) }
	last := s.registers - 1
	if s.lastMask {
		last--
	}
	acc := func(r, v int) Register { return s.reg(last - r*vecs - v) }
	spares := last + 1 - vecs - rows*vecs
	broadcasts := min(spares, 6)
	broadcast := func(r int) Register { return s.reg(vecs + r%broadcasts) }

	// The rows of C will be wanted at the end.
	MOVQ(field(fieldC), spare)
	MOVQ(field(fieldCRow), count)
	for r := range rows {
		for v := 0; v < vecs*s.bytes; v += 64 {
			PREFETCHT0(Mem{Base: spare, Disp: v})
		}
		if r+1 < rows {
			ADDQ(count, spare)
		}
	}
	for r := range rows {
		for v := range vecs {
			if s.masks {
				VPXORD(acc(r, v), acc(r, v), acc(r, v))
			} else {
				VXORPS(acc(r, v), acc(r, v), acc(r, v))
			}
		}
	}
	step := func(masked bool) {
		for v := range vecs {
			s.load(Mem{Base: bPtr, Disp: v * s.bytes}, b(v), v, masked)
		}
		ADDQ(bStep, bPtr)
		for r := range rows {
			if !lanes {
				VBROADCASTSS(rowOfA(r), broadcast(r))
			}
			for v := range vecs {
				m := rowOfA(r)
				m.Disp = v * s.bytes
				switch {
				case !lanes:
					VFMADD231PS(b(v), broadcast(r), acc(r, v))
				case masked:
					s.load(m, broadcast(r), v, true)
					VFMADD231PS(b(v), broadcast(r), acc(r, v))
				default:
					VFMADD231PS(m, b(v), acc(r, v))
				}
			}
		}
		for g := range (rows + 2) / 3 {
			ADDQ(aStep, bases[g])
		}
	}
	segments := func(kind string, masked bool) {
		Label(label("segment%s", kind))
		MOVQ(field(fieldK), count)
		Label(label("k%s", kind))
		step(masked)
		DECQ(count)
		JNZ(LabelRef(label("k%s", kind)))
		DECQ(segs)
		JZ(LabelRef(label("summed")))
		MOVQ(Mem{Base: jumps}, spare)
		ADDQ(U8(8), jumps)
		for g := range (rows + 2) / 3 {
			ADDQ(spare, bases[g])
		}
		JMP(LabelRef(label("segment%s", kind)))
	}
	edges := s.masks || s.lastMask
	if edges {
		CMPQ(field(fieldMaskB), U8(0))
		JNE(LabelRef(label("segmentMasked")))
	}
	segments("", false)
	if edges {
		segments("Masked", true)
	}

	Label(label("summed"))
	MOVQ(field(fieldC), bPtr)
	MOVQ(field(fieldCRow), bStep)
	store := func(kind string, masked bool) {
		CMPQ(field(fieldAdd), U8(0))
		JEQ(LabelRef(label("set%s", kind)))
		MOVQ(bPtr, aStep)
		for r := range rows {
			for v := range vecs {
				if m := (Mem{Base: aStep, Disp: v * s.bytes}); s.lastMask && masked {
					s.load(m, broadcast(r), v, true)
					VADDPS(broadcast(r), acc(r, v), acc(r, v))
				} else if masked {
					VADDPS_Z(m, acc(r, v), masks[v], acc(r, v))
				} else {
					VADDPS(m, acc(r, v), acc(r, v))
				}
			}
			if r+1 < rows {
				ADDQ(bStep, aStep)
			}
		}
		Label(label("set%s", kind))
		for r := range rows {
			for v := range vecs {
				if m := (Mem{Base: bPtr, Disp: v * s.bytes}); s.lastMask && masked {
					VMASKMOVPS(acc(r, v), s.mask(v), m)
				} else if masked {
					VMOVUPS(acc(r, v), masks[v], m)
				} else {
					VMOVUPS(acc(r, v), m)
				}
			}
			if r+1 < rows {
				ADDQ(bStep, bPtr)
			}
		}
		VZEROUPPER()
		RET()
	}
	switch {
	case s.lastMask:
		CMPQ(field(fieldMaskB), U8(0))
	case vecs == 4:
		CMPQ(field(fieldMask), I8(-1))
	case s.masks:
		MOVQ(U64(allSet[vecs]), spare)
		CMPQ(field(fieldMask), spare)
	}
	if edges {
		JNE(LabelRef(label("partial")))
	}
	store("", false)
	if edges {
		Label(label("partial"))
		store("Masked", true)
	}
}

// mask is the mask of vector v.
func (s isa) mask(v int) Register {
	if s.lastMask {
		return s.reg(s.registers - 1)
	}
	return masks[v]
}

// load reads vector v of a line, where it has a mask only the columns that exist.
func (s isa) load(m Mem, to Register, v int, masked bool) {
	switch {
	case !masked:
		VMOVUPS(m, to)
	case s.lastMask:
		VMASKMOVPS(m, s.mask(v), to)
	default:
		VMOVUPS_Z(m, masks[v], to)
	}
}

// Offsets of the fields of the Go struct dots.
const (
	dotsA = 8 * iota
	dotsB
	dotsC
	dotsARow
	dotsBCol
	dotsCRow
	dotsCCol
	dotsK
	dotsSegments
	dotsJumps
	dotsRows
	dotsCols
	dotsAdd
	dotsMask
)

// dotsOf makes a function that multiplies rows of A with up to 4 columns of B, both contiguous, a register full of terms at a time.
func dotsOf(name, doc string, s isa, maxRows int) {
	const maxCols = 4
	lanes := s.bytes / 4
	TEXT(name, NOSPLIT, "func(d *dots)")
	Doc(doc)
	Pragma("noescape")
	Load(Param("d"), args)
	aPtr, a3, b3, tail, steps := R8, R9, R10, R11, R15
	bCol, back := RDI, R13
	MOVQ(field(dotsA), aPtr)
	MOVQ(field(dotsARow), aRow)
	MOVQ(field(dotsB), bPtr)
	MOVQ(field(dotsBCol), bCol)
	MOVQ(field(dotsSegments), segs)
	MOVQ(field(dotsJumps), jumps)
	for _, of := range [][3]Register{{aPtr, aRow, a3}, {bPtr, bCol, b3}} {
		LEAQ(Mem{Base: of[0], Index: of[1], Scale: 2}, of[2])
		ADDQ(of[1], of[2])
	}
	// The mask of what is left of a segment after whole steps.
	MOVQ(field(dotsK), count)
	ANDQ(U8(lanes-1), count)
	MOVQ(count, tail)
	if s.masks {
		MOVL(U32(1), steps.As32())
		SHLL(CL, steps.As32())
		SUBL(U8(1), steps.As32())
		KMOVW(steps.As32(), K1)
	} else {
		MOVQ(field(dotsMask), steps)
		VMOVUPS(Mem{Base: steps}, s.mask(0))
	}
	SHLQ(U8(2), tail)
	for i := range maxRows * maxCols {
		VXORPS(xmm[i], xmm[i], xmm[i])
	}
	line := func(first, third Register, stride Register, i int) Mem {
		switch i {
		case 0:
			return Mem{Base: first}
		case 3:
			return Mem{Base: third}
		}
		return Mem{Base: first, Index: stride, Scale: uint8(i)}
	}
	MOVQ(field(dotsRows), count)
	LEAQ(Mem{Base: count, Index: count, Scale: 1}, count)
	LEAQ(Mem{Base: count, Index: count, Scale: 1}, count)
	ADDQ(field(dotsCols), count) // 4*rows + cols
	dispatch(count, maxCols+1, maxRows*maxCols+maxCols)
	for rows := maxRows; rows >= 1; rows-- {
		for cols := maxCols; cols >= 1; cols-- {
			name := func(what string) string { return fmt.Sprintf("%s_%d_%d", what, rows, cols) }
			acc := func(r, c int) int { return r*maxCols + c }
			b := func(c int) Register { return s.reg(maxRows*maxCols + c) }
			a := func(r int) Register { return s.reg(maxRows*maxCols + maxCols + r%2) }
			step := func(masked bool) {
				for c := range cols {
					s.load(line(bPtr, b3, bCol, c), b(c), 0, masked)
				}
				for r := range rows {
					s.load(line(aPtr, a3, aRow, r), a(r), 0, masked)
					for c := range cols {
						VFMADD231PS(b(c), a(r), s.reg(acc(r, c)))
					}
				}
			}
			advance := func(by Op) {
				for _, p := range []Register{aPtr, a3, bPtr, b3} {
					ADDQ(by, p)
				}
			}
			Label(fmt.Sprintf("is%d", maxCols*rows+cols))
			Label(name("segment"))
			MOVQ(field(dotsK), steps)
			SHRQ(U8(bits.TrailingZeros(uint(lanes))), steps)
			JZ(LabelRef(name("tail")))
			Label(name("k"))
			step(false)
			advance(U8(s.bytes))
			DECQ(steps)
			JNZ(LabelRef(name("k")))
			Label(name("tail"))
			TESTQ(tail, tail)
			JZ(LabelRef(name("next")))
			step(true)
			advance(tail)
			Label(name("next"))
			DECQ(segs)
			JZ(LabelRef(name("summed")))
			ADDQ(Mem{Base: jumps}, aPtr)
			ADDQ(Mem{Base: jumps}, a3)
			ADDQ(U8(8), jumps)
			JMP(LabelRef(name("segment")))

			Label(name("summed"))
			MOVQ(field(dotsC), bPtr)
			MOVQ(field(dotsCRow), aRow)
			MOVQ(field(dotsCCol), bCol)
			MOVQ(field(dotsAdd), back)
			for r := range rows {
				MOVQ(bPtr, aPtr)
				for c := range cols {
					y, x := ymm[acc(r, c)], xmm[acc(r, c)]
					var free Register = X14
					if s.bytes == 64 {
						free = X16
						VEXTRACTF64X4(U8(1), zmm[acc(r, c)], Y16)
						VADDPS(Y16, y, y)
						VEXTRACTF32X4(U8(1), y, free)
					} else {
						VEXTRACTF128(U8(1), y, free)
					}
					VADDPS(free, x, x)
					VPERMILPD(U8(1), x, free)
					VADDPS(free, x, x)
					VMOVSHDUP(x, free)
					VADDSS(free, x, x)
					skip := fmt.Sprintf("set_%d_%d_of_%d_%d", r, c, rows, cols)
					TESTQ(back, back)
					JZ(LabelRef(skip))
					VADDSS(Mem{Base: aPtr}, x, x)
					Label(skip)
					VMOVSS(x, Mem{Base: aPtr})
					if c+1 < cols {
						ADDQ(bCol, aPtr)
					}
				}
				if r+1 < rows {
					ADDQ(aRow, bPtr)
				}
			}
			VZEROUPPER()
			RET()
		}
	}
}

// transpose512 makes the function that turns up to 16 rows into columns.
func transpose512() {
	TEXT("transpose512", NOSPLIT, "func(dst *float32, dstRow int, src *float32, srcRow int, rows, n int)")
	Doc("transpose512 writes dst[j*dstRow+i] = src[i*srcRow+j] for i in [0, 16), j in [0, n), strides in bytes. Only the first rows (1 to 16)",
		"rows of src are read; the last one stands in for those that are missing.")
	Pragma("noescape")
	dst, dstRow, src, srcRow, rows, n := R8, R9, R10, R11, R12, R13
	at, next, bits := RSI, RDI, RAX
	Load(Param("dst"), dst)
	Load(Param("dstRow"), dstRow)
	Load(Param("src"), src)
	Load(Param("srcRow"), srcRow)
	Load(Param("rows"), rows)
	Load(Param("n"), n)
	MOVL(U32(0xffff), bits.As32())
	KMOVW(bits.As32(), K1)

	Label("block")
	CMPQ(n, U8(16))
	JGE(LabelRef("load"))
	MOVQ(n, RCX)
	MOVL(U32(1), bits.As32())
	SHLL(CL, bits.As32())
	SUBL(U8(1), bits.As32())
	KMOVW(bits.As32(), K1)
	Label("load")
	MOVQ(src, at)
	for i := range 16 {
		VMOVUPS_Z(Mem{Base: at}, K1, zmm[i])
		if i < 15 {
			LEAQ(Mem{Base: at, Index: srcRow, Scale: 1}, next)
			CMPQ(rows, U8(i+1))
			CMOVQGT(next, at)
		}
	}
	// Pairs of rows, then fours, within each 128 bits: lane l of quad(q, j) is column 4l+j of rows 4q to 4q+3.
	for i := 0; i < 16; i += 2 {
		VUNPCKLPS(zmm[i+1], zmm[i], zmm[16+i])
		VUNPCKHPS(zmm[i+1], zmm[i], zmm[17+i])
	}
	quad := func(q, j int) Register { return zmm[4*q+j] }
	for q := range 4 {
		pair := zmm[16+4*q:]
		VUNPCKLPD(pair[2], pair[0], quad(q, 0))
		VUNPCKHPD(pair[2], pair[0], quad(q, 1))
		VUNPCKLPD(pair[3], pair[1], quad(q, 2))
		VUNPCKHPD(pair[3], pair[1], quad(q, 3))
	}
	// Then the 128-bit lanes.
	column := make([]Register, 16)
	for j := range 4 {
		t := zmm[16+4*j:]
		VSHUFF32X4(U8(0x44), quad(1, j), quad(0, j), t[0])
		VSHUFF32X4(U8(0xee), quad(1, j), quad(0, j), t[1])
		VSHUFF32X4(U8(0x44), quad(3, j), quad(2, j), t[2])
		VSHUFF32X4(U8(0xee), quad(3, j), quad(2, j), t[3])
		VSHUFF32X4(U8(0x88), t[2], t[0], quad(0, j))
		VSHUFF32X4(U8(0xdd), t[2], t[0], quad(1, j))
		VSHUFF32X4(U8(0x88), t[3], t[1], quad(2, j))
		VSHUFF32X4(U8(0xdd), t[3], t[1], quad(3, j))
		for l := range 4 {
			column[4*l+j] = quad(l, j)
		}
	}
	for j := range 16 {
		VMOVUPS(column[j], Mem{Base: dst})
		ADDQ(dstRow, dst)
		if j < 15 {
			CMPQ(n, U8(j+1))
			JEQ(LabelRef("done"))
		}
	}
	ADDQ(U8(64), src)
	SUBQ(U8(16), n)
	JG(LabelRef("block"))
	Label("done")
	VZEROUPPER()
	RET()
}

// copyRows512 makes the function that gathers parts of rows in consecutive lines.
func copyRows512() {
	TEXT("copyRows512", NOSPLIT, "func(dst *float32, dstRow int, src *float32, srcRow int, n int, mask uint64)")
	Doc("copyRows512 copies n pieces of up to 32 numbers, one every srcRow bytes, to one every dstRow bytes. Bit i of mask says that number i",
		"is there; the others become 0. Without bits beyond the first 16, 16 numbers are written, else 32.")
	Pragma("noescape")
	dst, dstRow, src, srcRow, n, mask := R8, R9, R10, R11, R12, RAX
	Load(Param("dst"), dst)
	Load(Param("dstRow"), dstRow)
	Load(Param("src"), src)
	Load(Param("srcRow"), srcRow)
	Load(Param("n"), n)
	Load(Param("mask"), mask)
	KMOVW(mask.As32(), K1)
	SHRQ(U8(16), mask)
	KMOVW(mask.As32(), K2)
	TESTQ(mask, mask)
	JZ(LabelRef("narrow"))
	for _, vecs := range []int{2, 1} {
		name := map[int]string{2: "wide", 1: "narrow"}[vecs]
		Label(name)
		for v := range vecs {
			VMOVUPS_Z(Mem{Base: src, Disp: 64 * v}, masks[v], zmm[v])
		}
		for v := range vecs {
			VMOVUPS(zmm[v], Mem{Base: dst, Disp: 64 * v})
		}
		ADDQ(srcRow, src)
		ADDQ(dstRow, dst)
		DECQ(n)
		JNZ(LabelRef(name))
		VZEROUPPER()
		RET()
	}
}

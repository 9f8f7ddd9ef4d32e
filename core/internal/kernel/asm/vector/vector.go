// Package vector writes one piece of float32 arithmetic as AVX-512 and as AVX2+FMA code. A body is written once in terms of a
// Gen; the Gen emits the instructions of its instruction set and keeps constants in registers (AVX-512) or in memory (AVX2,
// which has half as many registers).
package vector

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Op is a vector in a register or in memory.
type Op = operand.Op

// Gen emits vector code for one instruction set.
type Gen struct {
	C    *build.Context
	Wide bool // AVX-512, else AVX2

	known map[uint32]reg.VecVirtual // constants that are in registers
	order []uint32                  // those that a dry run met
	dry   bool
	pool  map[uint32]operand.Mem
}

// New makes a Gen for each instruction set, sharing one pool of constants.
func New(c *build.Context) []*Gen {
	pool := map[uint32]operand.Mem{}
	return []*Gen{{C: c, Wide: true, pool: pool}, {C: c, pool: pool}}
}

// Suffix is what the names of this instruction set's functions end in.
func (g *Gen) Suffix() string {
	if g.Wide {
		return "AVX512"
	}
	return "AVX2"
}

// Lanes is the number of float32 in a vector.
func (g *Gen) Lanes() int {
	if g.Wide {
		return 16
	}
	return 8
}

// New returns a fresh register.
func (g *Gen) New() reg.VecVirtual {
	if g.Wide {
		return g.C.ZMM()
	}
	return g.C.YMM()
}

// Function begins a function named name+Suffix.
func (g *Gen) Function(name, signature, doc string) {
	g.C.Function(name + g.Suffix())
	g.C.Attributes(attr.NOSPLIT)
	g.C.SignatureExpr("func" + signature)
	g.C.Pragma("noescape")
	g.C.Doc(name + g.Suffix() + " " + doc)
	g.known = nil
}

// Prepare runs body without effect to learn its constants, and loads them into registers where there are enough of those. It is
// called before the loop that holds body.
func (g *Gen) Prepare(body func()) {
	if !g.Wide {
		return
	}
	kept := g.C
	scratch := build.NewContext()
	scratch.Function("scratch")
	scratch.SignatureExpr("func()")
	g.C, g.dry, g.order, g.known = scratch, true, nil, map[uint32]reg.VecVirtual{}
	body()
	g.C, g.dry = kept, false
	g.known = map[uint32]reg.VecVirtual{}
	for _, bits := range g.order {
		if len(g.known) == 16 {
			break
		}
		r := g.New()
		m := g.memory(bits)
		g.C.VBROADCASTSS(m, r)
		g.known[bits] = r
	}
}

// Const is the vector of v in every lane.
func (g *Gen) Const(v float64) Op { return g.Bits(math.Float32bits(float32(v))) }

// Bits is Const for a bit pattern.
func (g *Gen) Bits(bits uint32) Op {
	if r, ok := g.known[bits]; ok {
		return r
	}
	if g.dry {
		g.known[bits] = g.New()
		g.order = append(g.order, bits)
		return g.known[bits]
	}
	return g.memory(bits)
}

// memory places a constant, 64 bytes of it, in the data of the file.
func (g *Gen) memory(bits uint32) operand.Mem {
	m, ok := g.pool[bits]
	if !ok {
		m = g.C.StaticGlobal(fmt.Sprintf("every%08x", bits))
		g.C.DataAttributes(attr.RODATA | attr.NOPTR)
		for i := 0; i < 64; i += 8 {
			g.C.AddDatum(i, operand.U64(uint64(bits)<<32|uint64(bits)))
		}
		g.pool[bits] = m
	}
	return m
}

// Reg sees to it that a is in a register.
func (g *Gen) Reg(a Op) Op {
	if _, ok := a.(operand.Mem); !ok {
		return a
	}
	return g.Copy(a)
}

// Copy is a in a fresh register.
func (g *Gen) Copy(a Op) reg.VecVirtual {
	d := g.New()
	g.C.VMOVUPS(a, d)
	return d
}

// Zero is a fresh register of zeros.
func (g *Gen) Zero() Op { return g.Reg(g.Const(0)) }

// Tail is the set of lanes that a remainder occupies.
type Tail struct {
	k reg.Register   // AVX-512
	v reg.VecVirtual // AVX2
}

// NewTail makes the Tail of the first n lanes, 0 < n < Lanes().
func (g *Gen) NewTail(n reg.Register) Tail {
	if g.Wide {
		ones, k := g.C.GP64(), g.C.K()
		g.C.MOVQ(operand.I64(-1), ones)
		g.C.BZHIQ(n, ones, ones)
		g.C.KMOVW(ones.As32(), k)
		return Tail{k: k}
	}
	const bits = 0x7a11
	table, ok := g.pool[bits]
	if !ok {
		table = g.C.StaticGlobal("lanes")
		g.C.DataAttributes(attr.RODATA | attr.NOPTR)
		for i := range 16 {
			g.C.AddDatum(4*i, operand.U32(uint32(0)-uint32((23-i)/16)))
		}
		g.pool[bits] = table
	}
	at, back, v := g.C.GP64(), g.C.GP64(), g.C.YMM()
	g.C.LEAQ(table.Offset(32), at)
	g.C.MOVQ(n, back)
	g.C.SHLQ(operand.U8(2), back)
	g.C.SUBQ(back, at)
	g.C.VMOVUPS(operand.Mem{Base: at}, v)
	return Tail{v: v}
}

// Load reads a vector; with a tail only its lanes, the others are zero.
func (g *Gen) Load(m operand.Mem, tail *Tail) Op {
	d := g.New()
	switch {
	case tail == nil:
		g.C.VMOVUPS(m, d)
	case g.Wide:
		g.C.VMOVUPS_Z(m, tail.k, d)
	default:
		g.C.VMASKMOVPS(m, tail.v, d)
	}
	return d
}

// Store writes a vector; with a tail only its lanes.
func (g *Gen) Store(v Op, m operand.Mem, tail *Tail) {
	switch {
	case tail == nil:
		g.C.VMOVUPS(g.Reg(v), m)
	case g.Wide:
		g.C.VMOVUPS(g.Reg(v), tail.k, m)
	default:
		g.C.VMASKMOVPS(g.Reg(v), tail.v, m)
	}
}

// Keep is a in the lanes of the tail and b elsewhere.
func (g *Gen) Keep(tail *Tail, a, b Op) Op {
	if tail == nil {
		return a
	}
	return g.Blend(Mask(*tail), a, b)
}

func (g *Gen) two(emit func(ops ...Op), a, b Op) Op {
	d := g.New()
	emit(b, g.Reg(a), d)
	return d
}

// Add is a + b.
func (g *Gen) Add(a, b Op) Op { return g.two(g.C.VADDPS, a, b) }

// Sub is a - b.
func (g *Gen) Sub(a, b Op) Op { return g.two(g.C.VSUBPS, a, b) }

// Mul is a * b.
func (g *Gen) Mul(a, b Op) Op { return g.two(g.C.VMULPS, a, b) }

// Div is a / b.
func (g *Gen) Div(a, b Op) Op { return g.two(g.C.VDIVPS, a, b) }

// MaxOr is the larger of a and b, and b if either is NaN.
func (g *Gen) MaxOr(a, b Op) Op { return g.two(g.C.VMAXPS, a, b) }

// MinOr is the smaller of a and b, and b if either is NaN.
func (g *Gen) MinOr(a, b Op) Op { return g.two(g.C.VMINPS, a, b) }

// And is a & b, bit by bit.
func (g *Gen) And(a, b Op) Op { return g.two(g.C.VANDPS, a, b) }

// Or is a | b, bit by bit.
func (g *Gen) Or(a, b Op) Op { return g.two(g.C.VORPS, a, b) }

// Xor is a ^ b, bit by bit.
func (g *Gen) Xor(a, b Op) Op { return g.two(g.C.VXORPS, a, b) }

// IAdd is a + b of 32-bit integers.
func (g *Gen) IAdd(a, b Op) Op { return g.two(g.C.VPADDD, a, b) }

// ISub is a - b of 32-bit integers.
func (g *Gen) ISub(a, b Op) Op { return g.two(g.C.VPSUBD, a, b) }

// IMul is the low half of a * b of 32-bit integers.
func (g *Gen) IMul(a, b Op) Op { return g.two(g.C.VPMULLD, a, b) }

func (g *Gen) shift(emit func(ops ...Op), a Op, n int) Op {
	d := g.New()
	emit(operand.U8(n), g.Reg(a), d)
	return d
}

// Shl shifts 32-bit integers left.
func (g *Gen) Shl(a Op, n int) Op { return g.shift(g.C.VPSLLD, a, n) }

// Shr shifts unsigned 32-bit integers right.
func (g *Gen) Shr(a Op, n int) Op { return g.shift(g.C.VPSRLD, a, n) }

// Sar shifts signed 32-bit integers right.
func (g *Gen) Sar(a Op, n int) Op { return g.shift(g.C.VPSRAD, a, n) }

// MAdd is a*b + c, rounded once.
func (g *Gen) MAdd(a, b, c Op) Op {
	d := g.Copy(a)
	g.C.VFMADD213PS(c, g.Reg(b), d)
	return d
}

// NMAdd is c - a*b, rounded once.
func (g *Gen) NMAdd(a, b, c Op) Op {
	d := g.Copy(a)
	g.C.VFNMADD213PS(c, g.Reg(b), d)
	return d
}

// Poly is coefficients[0] + coefficients[1] x + ..., after Horner.
func (g *Gen) Poly(x Op, coefficients ...float64) Op {
	last := len(coefficients) - 1
	p := g.Copy(g.Const(coefficients[last]))
	for i := last - 1; i >= 0; i-- {
		g.C.VFMADD213PS(g.Const(coefficients[i]), g.Reg(x), p)
	}
	return p
}

// Sqrt is the square root.
func (g *Gen) Sqrt(a Op) Op {
	d := g.New()
	g.C.VSQRTPS(a, d)
	return d
}

// Rounding modes of Round.
const (
	Even  = 8
	Floor = 9
	Ceil  = 10
)

// Round makes whole numbers.
func (g *Gen) Round(a Op, mode int) Op {
	d := g.New()
	if g.Wide {
		g.C.VRNDSCALEPS(operand.U8(mode), a, d)
	} else {
		g.C.VROUNDPS(operand.U8(mode), a, d)
	}
	return d
}

// ToInt rounds to 32-bit integers, to even at a half.
func (g *Gen) ToInt(a Op) Op {
	d := g.New()
	g.C.VCVTPS2DQ(a, d)
	return d
}

// FromInt makes numbers of 32-bit integers.
func (g *Gen) FromInt(a Op) Op {
	d := g.New()
	g.C.VCVTDQ2PS(a, d)
	return d
}

// Scale is a * 2^n for whole n in [-150, 128], right also where 2^n is not a normal number.
func (g *Gen) Scale(a, n Op) Op {
	if g.Wide {
		return g.two(g.C.VSCALEFPS, a, n)
	}
	i := g.ToInt(n)
	half := g.Sar(i, 1)
	return g.Mul(g.Mul(a, g.Power(half)), g.Power(g.ISub(i, half)))
}

// Power is 2^n for integers n in [-126, 127].
func (g *Gen) Power(n Op) Op { return g.Shl(g.IAdd(n, g.Bits(127)), 23) }

// Mask is a truth value per lane.
type Mask Tail

// Comparisons: false if either is NaN, except NotEqual and Unordered.
const (
	Equal        = 0
	Less         = 17
	LessEqual    = 18
	Unordered    = 3
	NotEqual     = 4
	Ordered      = 7
	LessGreater  = 12
	GreaterEqual = 29
	Greater      = 30
)

// Compare compares lane by lane.
func (g *Gen) Compare(how int, a, b Op) Mask {
	if g.Wide {
		k := g.C.K()
		g.C.VCMPPS(operand.U8(how), b, g.Reg(a), k)
		return Mask{k: k}
	}
	d := g.C.YMM()
	g.C.VCMPPS(operand.U8(how), b, g.Reg(a), d)
	return Mask{v: d}
}

// Blend is a where m holds and b elsewhere.
func (g *Gen) Blend(m Mask, a, b Op) Op {
	d := g.New()
	if g.Wide {
		g.C.VBLENDMPS(a, g.Reg(b), m.k, d)
	} else {
		g.C.VBLENDVPS(m.v, a, g.Reg(b), d)
	}
	return d
}

// Where is a where m holds and 0 elsewhere.
func (g *Gen) Where(m Mask, a Op) Op {
	d := g.New()
	if g.Wide {
		g.C.VMOVUPS_Z(a, m.k, d)
	} else {
		g.C.VANDPS(a, m.v, d)
	}
	return d
}

// Max is the larger of a and b, NaN if either is.
func (g *Gen) Max(a, b Op) Op {
	return g.Blend(g.Compare(Unordered, a, a), a, g.MaxOr(a, b))
}

// Min is the smaller of a and b, NaN if either is.
func (g *Gen) Min(a, b Op) Op {
	return g.Blend(g.Compare(Unordered, a, a), a, g.MinOr(a, b))
}

// Abs is |a|.
func (g *Gen) Abs(a Op) Op { return g.And(a, g.Bits(0x7fffffff)) }

// Loop runs body over all vectors of n elements, and with a tail for the remainder. at(p) addresses the vector of the array
// that begins at p. n is consumed. A function has one loop.
func (g *Gen) Loop(n reg.GPVirtual, body func(at func(p reg.Register) operand.Mem, tail *Tail)) {
	g.LoopAt(g.C.GP64(), n, body)
}

// LoopAt is Loop with the index of the vector's first element in i.
func (g *Gen) LoopAt(i, n reg.GPVirtual, body func(at func(p reg.Register) operand.Mem, tail *Tail)) {
	g.C.XORQ(i, i)
	at := func(p reg.Register) operand.Mem { return operand.Mem{Base: p, Index: i, Scale: 4} }
	lanes := operand.U32(uint32(g.Lanes()))
	g.C.SUBQ(lanes, n)
	g.C.JL(operand.LabelRef("tail"))
	g.C.Label("vectors")
	body(at, nil)
	g.C.ADDQ(lanes, i)
	g.C.SUBQ(lanes, n)
	g.C.JGE(operand.LabelRef("vectors"))
	g.C.Label("tail")
	g.C.ADDQ(lanes, n)
	g.C.JZ(operand.LabelRef("done"))
	tail := g.NewTail(n)
	body(at, &tail)
	g.C.Label("done")
}

// Return ends a function.
func (g *Gen) Return() {
	g.C.VZEROUPPER()
	g.C.RET()
}

// Param loads a pointer or integer parameter.
func (g *Gen) Param(name string) reg.GPVirtual {
	return g.C.Load(g.C.Param(name), g.C.GP64()).(reg.GPVirtual)
}

// Spread is a float32 parameter in every lane.
func (g *Gen) Spread(name string) Op {
	a, err := g.C.Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	d := g.New()
	g.C.VBROADCASTSS(a.Addr, d)
	return d
}

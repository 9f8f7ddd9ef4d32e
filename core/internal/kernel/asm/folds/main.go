// Command folds writes the vector forms of the float32 reductions: of a row to a number, and of the rows of a matrix to one
// row. Run it by go generate in core/internal/kernel.
package main

import (
	"flag"
	"log"
	"os"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/gokeras/gk/core/internal/kernel/asm/vector"
)

type (
	gen = vector.Gen
	op  = vector.Op
)

// reduction accumulates term(x, ...) by merge, from start on. Other operands than x: y runs along x, m is a number (of a column).
type reduction struct {
	name, doc string
	start     uint32
	merge     func(g *gen, a, b op) op
	y, m      bool
	term      func(g *gen, acc, x, y, m op) op // the new acc
}

var infinity uint32 = 0x7f800000

var reductions = []reduction{
	{"Sum", "x", 0, (*gen).Add, false, false, func(g *gen, acc, x, _, _ op) op { return g.Add(acc, x) }},
	{"Max", "x, NaN if any is", infinity | 1<<31, (*gen).Max, false, false, func(g *gen, acc, x, _, _ op) op { return g.Max(acc, x) }},
	{"Min", "x, NaN if any is", infinity, (*gen).Min, false, false, func(g *gen, acc, x, _, _ op) op { return g.Min(acc, x) }},
	{"Dot", "x*y", 0, (*gen).Add, true, false, func(g *gen, acc, x, y, _ op) op { return g.MAdd(x, y, acc) }},
	{"Spread", "(x-m)^2", 0, (*gen).Add, false, true, func(g *gen, acc, x, _, m op) op { d := g.Sub(x, m); return g.MAdd(d, d, acc) }},
	{"Covary", "(x-m)*y", 0, (*gen).Add, true, true, func(g *gen, acc, x, y, m op) op { return g.MAdd(g.Sub(x, m), y, acc) }},
}

// set gives the accumulator a new value.
func set(g *gen, acc reg.VecVirtual, v op) { g.C.VMOVUPS(v, acc) }

func row(g *gen, r reduction) {
	signature := "(x"
	if r.y {
		signature += ", y"
	}
	signature += " *float32"
	if r.m {
		signature += ", m float32"
	}
	g.Function("row"+r.name, signature+", n int) float32", "reduces n numbers "+r.doc+".")
	x, n := g.Param("x"), g.Param("n")
	var y reg.Register
	var m op
	if r.y {
		y = g.Param("y")
	}
	if r.m {
		m = g.Spread("m")
	}
	acc := g.Copy(g.Bits(r.start))
	g.Loop(n, func(at func(reg.Register) operand.Mem, tail *vector.Tail) {
		var w op
		if r.y {
			w = g.Load(at(y), tail)
		}
		set(g, acc, g.Keep(tail, r.term(g, acc, g.Load(at(x), tail), w, m), acc))
	})
	lanes(g, r, acc)
}

// expSum stores e^(x-m) and adds it up.
func expSum(g *gen) {
	g.Function("rowExpSum", "(dst, x *float32, m float32, n int) float32", "sets dst to e^(x-m) and returns the sum, for n numbers.")
	dst, x, n := g.Param("dst"), g.Param("x"), g.Param("n")
	m := g.Spread("m")
	g.Prepare(func() { g.Exp(g.New()) })
	acc := g.Copy(g.Const(0))
	g.Loop(n, func(at func(reg.Register) operand.Mem, tail *vector.Tail) {
		y := g.Exp(g.Sub(g.Load(at(x), tail), m))
		g.Store(y, at(dst), tail)
		set(g, acc, g.Keep(tail, g.Add(acc, y), acc))
	})
	lanes(g, reductions[0], acc)
}

// lanes folds the lanes of acc and returns them.
func lanes(g *gen, r reduction, acc reg.VecVirtual) {
	if !g.Wide {
		fold(g, r, acc, nil)
		return
	}
	// The rest is narrow even in AVX-512.
	high, narrow := g.C.YMM(), *g
	g.C.VEXTRACTF64X4(operand.U8(1), acc, high)
	narrow.Wide = false
	fold(&narrow, r, narrow.Copy(acc.AsY()), high)
}

func fold(g *gen, r reduction, acc reg.VecVirtual, other op) {
	c := g.C
	if other != nil {
		set(g, acc, r.merge(g, acc, other))
	}
	t := c.YMM()
	c.VPERM2F128(operand.U8(1), acc, acc, t)
	set(g, acc, r.merge(g, acc, t))
	for _, order := range []int{0x4e, 0xb1} {
		t := c.YMM()
		c.VPERMILPS(operand.U8(order), acc, t)
		set(g, acc, r.merge(g, acc, t))
	}
	a, err := c.ReturnIndex(0).Resolve()
	if err != nil {
		log.Fatal(err)
	}
	c.VMOVSS(acc.AsX(), a.Addr)
	g.Return()
}

func columns(g *gen, r reduction) {
	signature := "(dst, x"
	if r.y {
		signature += ", y"
	}
	if r.m {
		signature += ", m"
	}
	g.Function("columns"+r.name, signature+" *float32, rows, stride, n int)",
		"reduces each of n columns of rows >= 1 rows "+r.doc+"; rows are stride apart.")
	dst, x, stride, n := g.Param("dst"), g.Param("x"), g.Param("stride"), g.Param("n")
	rows := g.Param("rows")
	g.C.SHLQ(operand.U8(2), stride)
	var y, m reg.Register
	if r.y {
		y = g.Param("y")
	}
	if r.m {
		m = g.Param("m")
	}
	start := g.Reg(g.Bits(r.start))
	g.Loop(n, func(at func(reg.Register) operand.Mem, tail *vector.Tail) {
		label := "rows"
		if tail != nil {
			label = "last"
		}
		acc := g.Copy(start)
		left, px := g.C.GP64(), g.C.GP64()
		g.C.MOVQ(rows, left)
		g.C.LEAQ(at(x), px)
		var py reg.Register
		var w, center op
		if r.y {
			p := g.C.GP64()
			g.C.LEAQ(at(y), p)
			py = p
		}
		if r.m {
			center = g.Load(at(m), tail)
		}
		g.C.Label(label)
		if r.y {
			w = g.Load(operand.Mem{Base: py}, tail)
		}
		set(g, acc, r.term(g, acc, g.Load(operand.Mem{Base: px}, tail), w, center))
		g.C.ADDQ(stride, px)
		if r.y {
			g.C.ADDQ(stride, py)
		}
		g.C.DECQ(left)
		g.C.JNZ(operand.LabelRef(label))
		g.Store(acc, at(dst), tail)
	})
	g.Return()
}

func main() {
	set := flag.NewFlagSet("folds", flag.ExitOnError)
	flags := build.NewFlags(set)
	if err := set.Parse(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
	c := build.NewContext()
	c.ConstraintExpr("amd64,!noasm")
	for _, g := range vector.New(c) {
		for _, r := range reductions {
			row(g, r)
			columns(g, r)
		}
		expSum(g)
	}
	if build.Main(flags.Config(), c) != 0 {
		os.Exit(1)
	}
}

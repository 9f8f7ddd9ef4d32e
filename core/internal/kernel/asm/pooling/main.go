// Command pooling writes the vector forms of the pooling loops. Run it by go generate in core/internal/kernel.
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

// places address the operands for a vector of channels: out those of the window's result, in those of a position of the window.
type places struct{ y, dy, x, dx operand.Mem }

// pooling is what one loop does for a vector of channels of a window: begin, step for every position, end.
type pooling struct {
	name, doc    string
	y, dy, x, dx bool // the operands it has
	begin        func(g *gen, out places, count op, tail *vector.Tail) []reg.VecVirtual
	step         func(g *gen, state []reg.VecVirtual, in places, tail *vector.Tail)
	end          func(g *gen, state []reg.VecVirtual, out places, count op, tail *vector.Tail)
}

func set(g *gen, r reg.VecVirtual, v op) { g.C.VMOVUPS(v, r) }

func nothing(*gen, []reg.VecVirtual, places, op, *vector.Tail) {}

var poolings = []pooling{
	{"Max", "y = max(x)", true, false, true, false,
		func(g *gen, _ places, _ op, _ *vector.Tail) []reg.VecVirtual {
			return []reg.VecVirtual{g.Copy(g.Bits(0xff800000))}
		},
		func(g *gen, s []reg.VecVirtual, in places, tail *vector.Tail) {
			set(g, s[0], g.Max(s[0], g.Load(in.x, tail)))
		},
		func(g *gen, s []reg.VecVirtual, out places, _ op, tail *vector.Tail) { g.Store(s[0], out.y, tail) },
	},
	{"Avg", "y = sum(x)/count", true, false, true, false,
		func(g *gen, _ places, _ op, _ *vector.Tail) []reg.VecVirtual {
			return []reg.VecVirtual{g.Copy(g.Const(0))}
		},
		func(g *gen, s []reg.VecVirtual, in places, tail *vector.Tail) {
			set(g, s[0], g.Add(s[0], g.Load(in.x, tail)))
		},
		func(g *gen, s []reg.VecVirtual, out places, count op, tail *vector.Tail) {
			g.Store(g.Div(s[0], count), out.y, tail)
		},
	},
	{"MaxGrad", "dx += dy at the first x that is y", true, true, true, true,
		func(g *gen, out places, _ op, tail *vector.Tail) []reg.VecVirtual {
			return []reg.VecVirtual{g.Copy(g.Load(out.dy, tail)), g.Copy(g.Load(out.y, tail))}
		},
		func(g *gen, s []reg.VecVirtual, in places, tail *vector.Tail) {
			here := g.Compare(vector.Equal, g.Load(in.x, tail), s[1])
			g.Store(g.Add(g.Load(in.dx, tail), g.Where(here, s[0])), in.dx, tail)
			set(g, s[0], g.Blend(here, g.Zero(), s[0]))
		},
		nothing,
	},
	{"AvgGrad", "dx += dy/count", false, true, false, true,
		func(g *gen, out places, count op, tail *vector.Tail) []reg.VecVirtual {
			return []reg.VecVirtual{g.Copy(g.Div(g.Load(out.dy, tail), count))}
		},
		func(g *gen, s []reg.VecVirtual, in places, tail *vector.Tail) {
			g.Store(g.Add(g.Load(in.dx, tail), s[0]), in.dx, tail)
		},
		nothing,
	},
}

// emit writes a loop over windows, vectors of channels, planes, rows and columns of the window. Steps are in numbers.
func emit(g *gen, p pooling) {
	c := g.C
	g.Function("pool"+p.name,
		"(y, dy, x, dx *float32, windows, outStep, inStep, planes, planeStep, rows, rowStep, columns, columnStep, n int, count float32)",
		"does "+p.doc+" for n channels of some windows.")
	param := func(name string) operand.Mem {
		a, err := c.Param(name).Resolve()
		if err != nil {
			log.Fatal(err)
		}
		return a.Addr
	}
	bases := map[string]reg.GPVirtual{}
	for _, b := range []struct {
		name string
		has  bool
	}{{"y", p.y}, {"dy", p.dy}, {"x", p.x}, {"dx", p.dx}} {
		if b.has {
			bases[b.name] = g.Param(b.name)
		}
	}
	at := func(name string, address func(p reg.Register) operand.Mem) (m operand.Mem) {
		if b, ok := bases[name]; ok {
			m = address(b)
		}
		return m
	}
	all := func(address func(p reg.Register) operand.Mem) places {
		return places{at("y", address), at("dy", address), at("x", address), at("dx", address)}
	}
	var count op
	if p.name == "Avg" || p.name == "AvgGrad" {
		count = g.Spread("count")
	}
	windows := g.Param("windows")
	c.Label("window")
	n := g.Param("n")
	i := c.GP64()
	g.LoopAt(i, n, func(address func(p reg.Register) operand.Mem, tail *vector.Tail) {
		suffix := ""
		if tail != nil {
			suffix = "Last"
		}
		state := p.begin(g, all(address), count, tail)
		planes, rows, columns := c.GP64(), c.GP64(), c.GP64()
		plane, row, column := c.GP64(), c.GP64(), c.GP64()
		c.MOVQ(i, plane)
		c.MOVQ(param("planes"), planes)
		c.Label("planes" + suffix)
		c.MOVQ(plane, row)
		c.MOVQ(param("rows"), rows)
		c.Label("rows" + suffix)
		c.MOVQ(row, column)
		c.MOVQ(param("columns"), columns)
		c.Label("columns" + suffix)
		p.step(g, state, all(func(p reg.Register) operand.Mem { return operand.Mem{Base: p, Index: column, Scale: 4} }), tail)
		next := func(counter, place reg.GPVirtual, step, label string) {
			c.ADDQ(param(step), place)
			c.DECQ(counter)
			c.JNZ(operand.LabelRef(label + suffix))
		}
		next(columns, column, "columnStep", "columns")
		next(rows, row, "rowStep", "rows")
		next(planes, plane, "planeStep", "planes")
		p.end(g, state, all(address), count, tail)
	})
	for _, s := range []struct{ base, step string }{{"y", "outStep"}, {"dy", "outStep"}, {"x", "inStep"}, {"dx", "inStep"}} {
		if b, ok := bases[s.base]; ok {
			step := g.Param(s.step)
			c.LEAQ(operand.Mem{Base: b, Index: step, Scale: 4}, b)
		}
	}
	c.DECQ(windows)
	c.JNZ(operand.LabelRef("window"))
	g.Return()
}

func main() {
	set := flag.NewFlagSet("pooling", flag.ExitOnError)
	flags := build.NewFlags(set)
	if err := set.Parse(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
	c := build.NewContext()
	c.ConstraintExpr("amd64,!noasm")
	for _, g := range vector.New(c) {
		for _, p := range poolings {
			emit(g, p)
		}
	}
	if build.Main(flags.Config(), c) != 0 {
		os.Exit(1)
	}
}

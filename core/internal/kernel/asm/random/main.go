// Command random writes the vector form of the random number kernel. Run it by go generate in core/internal/kernel.
package main

import (
	"flag"
	"log"
	"os"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/gokeras/gk/core/internal/kernel/asm/vector"
)

// mix is one round of the hash of random.go.
func mix(g *vector.Gen, x vector.Op) vector.Op {
	x = g.Xor(x, g.Shr(x, 16))
	x = g.IMul(x, g.Bits(0x21f0aaad))
	x = g.Xor(x, g.Shr(x, 15))
	x = g.IMul(x, g.Bits(0x735a2d97))
	return g.Xor(x, g.Shr(x, 15))
}

func main() {
	set := flag.NewFlagSet("random", flag.ExitOnError)
	flags := build.NewFlags(set)
	if err := set.Parse(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
	c := build.NewContext()
	c.ConstraintExpr("amd64,!noasm")
	lanes := c.StaticGlobal("lanes0to15")
	c.DataAttributes(attr.RODATA | attr.NOPTR)
	for i := range 16 {
		c.AddDatum(4*i, operand.U32(uint32(i)))
	}
	for _, g := range vector.New(c) {
		g.Function("vecUniform", "(dst *float32, first, key0, key1 uint32, n int)", "is uniformLoop for n elements; first+n must not pass 2^32.")
		dst, n := g.Param("dst"), g.Param("n")
		// The counter is in integers of 32 bits, which move like float32.
		index := g.Copy(g.IAdd(g.Spread("first"), lanes))
		key0, key1 := g.Spread("key0"), g.Spread("key1")
		value := func() vector.Op {
			x := mix(g, g.Xor(index, key0))
			x = mix(g, g.IAdd(x, key1))
			return g.Mul(g.FromInt(g.Shr(x, 8)), g.Const(1.0/(1<<24)))
		}
		g.Prepare(func() { value() })
		step := g.Reg(g.Bits(uint32(g.Lanes())))
		g.Loop(n, func(at func(reg.Register) operand.Mem, tail *vector.Tail) {
			g.Store(value(), at(dst), tail)
			if tail == nil {
				c.VPADDD(step, index, index)
			}
		})
		g.Return()
	}
	if build.Main(flags.Config(), c) != 0 {
		os.Exit(1)
	}
}

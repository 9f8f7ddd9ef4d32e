// Command elementwise writes the float32 elementwise kernels: one loop per operation, form (vectors and scalars) and
// instruction set, and the table that names them. Run it by go generate in core/internal/kernel.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"go/format"
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

type unary struct {
	name string
	body func(g *gen, x op) op
}

type binary struct {
	name string
	body func(g *gen, x, y op) op
}

type ternary struct {
	name string
	body func(g *gen, a, b, c op) op
}

var unaries = []unary{
	{"neg", func(g *gen, x op) op { return g.Xor(x, g.Bits(1<<31)) }},
	{"abs", (*gen).Abs},
	{"sign", sign},
	{"exp", (*gen).Exp},
	{"expm1", expm1},
	{"log", logarithm},
	{"log1p", log1p},
	{"sqrt", (*gen).Sqrt},
	{"rsqrt", func(g *gen, x op) op { return g.Div(g.Const(1), g.Sqrt(x)) }},
	{"square", func(g *gen, x op) op { return g.Mul(x, x) }},
	{"reciprocal", func(g *gen, x op) op { return g.Div(g.Const(1), x) }},
	{"tanh", tanh},
	{"sigmoid", sigmoid},
	{"relu", func(g *gen, x op) op { return g.MaxOr(g.Const(0), x) }},
	{"erf", erf},
	{"softplus", softplus},
	{"floor", func(g *gen, x op) op { return g.Round(x, vector.Floor) }},
	{"ceil", func(g *gen, x op) op { return g.Round(x, vector.Ceil) }},
	{"round", func(g *gen, x op) op { return g.Round(x, vector.Even) }},
	{"not", func(g *gen, x op) op { return truth(g, vector.Equal, x, g.Const(0)) }},
	{"is_nan", func(g *gen, x op) op { return truth(g, vector.Unordered, x, x) }},
	{"is_finite", func(g *gen, x op) op { return truth(g, vector.Less, g.Abs(x), g.Bits(infinity)) }},
}

var binaries = []binary{
	{"add", (*gen).Add},
	{"sub", (*gen).Sub},
	{"mul", (*gen).Mul},
	{"div", (*gen).Div},
	{"floor_div", func(g *gen, x, y op) op { return g.Round(g.Div(x, y), vector.Floor) }},
	{"maximum", (*gen).Max},
	{"minimum", (*gen).Min},
	{"equal", compare(vector.Equal)},
	{"not_equal", compare(vector.NotEqual)},
	{"less", compare(vector.Less)},
	{"less_equal", compare(vector.LessEqual)},
	{"greater", compare(vector.Greater)},
	{"greater_equal", compare(vector.GreaterEqual)},
	{"and", func(g *gen, x, y op) op {
		return g.And(truth(g, vector.NotEqual, x, g.Const(0)), truth(g, vector.NotEqual, y, g.Const(0)))
	}},
	{"or", func(g *gen, x, y op) op {
		return g.Or(truth(g, vector.NotEqual, x, g.Const(0)), truth(g, vector.NotEqual, y, g.Const(0)))
	}},
	{"relu_grad", func(g *gen, dy, y op) op { return g.Where(g.Compare(vector.Greater, y, g.Const(0)), dy) }},
	{"tanh_grad", func(g *gen, dy, y op) op { return g.Mul(dy, g.Sub(g.Const(1), g.Mul(y, y))) }},
	{"sigmoid_grad", func(g *gen, dy, y op) op { return g.Mul(dy, g.Mul(y, g.Sub(g.Const(1), y))) }},
}

var ternaries = []ternary{
	{"select", func(g *gen, c, a, b op) op { return g.Blend(g.Compare(vector.NotEqual, c, g.Const(0)), a, b) }},
	// Rounded twice, as a product and a sum in two operations are.
	{"mul_add", func(g *gen, a, b, c op) op { return g.Add(g.Mul(a, b), c) }},
}

// fusions are those of fused.go, rounded after each operation as there.
var fusions = []struct {
	name             string
	vectors, scalars int
	body             func(g *gen, v, s []op) op
}{
	{"toward", 2, 1, func(g *gen, v, s []op) op { return g.Add(v[0], g.Mul(g.Sub(v[1], v[0]), s[0])) }},
	{"toward_square", 2, 1, func(g *gen, v, s []op) op {
		b := g.Reg(v[1])
		return g.Add(v[0], g.Mul(g.Sub(g.Mul(b, b), v[0]), s[0]))
	}},
	{"add_scaled", 2, 1, func(g *gen, v, s []op) op { return g.Add(v[0], g.Mul(v[1], s[0])) }},
	{"sub_scaled", 2, 1, func(g *gen, v, s []op) op { return g.Sub(v[0], g.Mul(v[1], s[0])) }},
	{"mix", 2, 2, func(g *gen, v, s []op) op { return g.Add(g.Mul(v[0], s[0]), g.Mul(v[1], s[1])) }},
	{"mix_square", 2, 2, func(g *gen, v, s []op) op {
		b := g.Reg(v[1])
		return g.Add(g.Mul(v[0], s[0]), g.Mul(g.Mul(b, b), s[1]))
	}},
	{"descend", 3, 2, func(g *gen, v, s []op) op {
		return g.Sub(v[0], g.Div(g.Mul(v[1], s[0]), g.Add(g.Sqrt(v[2]), s[1])))
	}},
}

const infinity = 0x7f800000

func truth(g *gen, how int, x, y op) op { return g.Where(g.Compare(how, x, y), g.Const(1)) }

func compare(how int) func(g *gen, x, y op) op {
	return func(g *gen, x, y op) op { return truth(g, how, x, y) }
}

// sign is 1 with the sign of x where x is below or above 0, else x itself (0 or NaN).
func sign(g *gen, x op) op {
	one := g.Or(g.And(x, g.Bits(1<<31)), g.Const(1))
	return g.Blend(g.Compare(vector.LessGreater, x, g.Const(0)), one, x)
}

// expm1 is 2 (2^(n-1) q + (2^(n-1) - 1/2)) with q = e^r - 1 = r + r^2 P(r); halving keeps 2^128 out. Below the lower limit it
// is -1.
func expm1(g *gen, x op) op {
	n, r := g.Reduced(g.MinOr(g.Const(89), g.MaxOr(g.Const(-18), x)))
	p := g.Poly(r, 0.49999997, 0.16666545, 0.0416674465, 0.00836644694, 0.00138698448)
	q := g.MAdd(g.Mul(r, r), p, r)
	s := g.Shl(g.IAdd(g.ToInt(n), g.Bits(126)), 23)
	y := g.MAdd(s, q, g.Sub(s, g.Const(0.5)))
	return g.Add(y, y)
}

// logarithm is n ln 2 + log(1+f) with x = 2^n (1+f), f in [-1/3, 1/3) and log(1+f) = f - f^2/2 + f^3 P(f).
func logarithm(g *gen, x op) op {
	small := g.Compare(vector.Less, x, g.Bits(0x00800000)) // not normal, or negative
	bits := g.Blend(small, g.Mul(x, g.Const(1<<23)), x)
	shift := g.Where(small, g.Const(-23))
	const twoThirds = 0x3f2aaaab
	exponent := g.Shl(g.Sar(g.ISub(bits, g.Bits(twoThirds)), 23), 23)
	n := g.MAdd(g.FromInt(exponent), g.Const(1.0/(1<<23)), shift)
	f := g.Sub(g.ISub(bits, exponent), g.Const(1))
	p := g.Poly(f, -0.5, 0.333332151, -0.249998048, 0.200104386, -0.166802078, 0.140054747, -0.121877499, 0.139859751, -0.128776908)
	y := g.MAdd(g.Mul(f, f), p, f)
	y = g.MAdd(n, g.Const(0.6931471805599453), y)
	// 0, negative numbers, infinity and NaN.
	y = g.Blend(g.Compare(vector.Less, x, g.Bits(infinity)), y, x)
	y = g.Blend(g.Compare(vector.LessEqual, x, g.Const(0)), g.Bits(infinity|1<<31), y)
	return g.Blend(g.Compare(vector.Less, x, g.Const(0)), g.Bits(0x7fc00000), y)
}

// log1p is log(u) + c/u with u = 1+x rounded and c what the rounding lost.
func log1p(g *gen, x op) op {
	u := g.Add(x, g.Const(1))
	c := g.Div(g.Sub(x, g.Sub(u, g.Const(1))), u)
	c = g.Where(g.Compare(vector.Ordered, c, c), c) // u is 0 or infinite
	return g.Add(logarithm(g, u), c)
}

// softplus is max(x, 0) + log(1 + e^-|x|).
func softplus(g *gen, x op) op {
	e := g.Exp(g.Or(x, g.Bits(1<<31)))
	u := g.Add(e, g.Const(1)) // in [1, 2]
	c := g.Div(g.Sub(e, g.Sub(u, g.Const(1))), u)
	// log u without the special cases: u = 2^n (1+f).
	high := g.Compare(vector.GreaterEqual, u, g.Const(4.0/3))
	f := g.Sub(g.Blend(high, g.Mul(u, g.Const(0.5)), u), g.Const(1))
	p := g.Poly(f, -0.5, 0.333332151, -0.249998048, 0.200104386, -0.166802078, 0.140054747, -0.121877499, 0.139859751, -0.128776908)
	y := g.MAdd(g.Mul(f, f), p, f)
	y = g.Add(y, g.Where(high, g.Const(0.6931471805599453)))
	return g.Add(g.MaxOr(g.Const(0), x), g.Add(y, c))
}

// sigmoid is 1/(1+e) or e/(1+e) with e = e^-|x|, so that neither overflows nor loses small results.
func sigmoid(g *gen, x op) op {
	e := g.Exp(g.Or(x, g.Bits(1<<31)))
	top := g.Blend(g.Compare(vector.Less, x, g.Const(0)), e, g.Const(1))
	return g.Div(top, g.Add(e, g.Const(1)))
}

// tanh is t/(t+2) with t = e^2|x| - 1, with the sign of x.
func tanh(g *gen, x op) op {
	a := g.MinOr(g.Const(9.5), g.Abs(x))
	t := expm1(g, g.Add(a, a))
	y := g.Div(t, g.Add(t, g.Const(2)))
	return g.Or(y, g.And(x, g.Bits(1<<31)))
}

// erf is t + t P(t^2) for t = |x| below 0.93 and 1 - e^(-t Q(t)) above, with the sign of x.
func erf(g *gen, x op) op {
	t := g.Abs(x)
	s := g.Mul(t, t)
	small := g.MAdd(g.Poly(s, 0.128379166, -0.376126289, 0.112836257, -0.0268557314, 0.00519240508, -0.000804976968, 7.99664995e-05), t, t)
	u := g.MinOr(g.Const(4.1), t)
	q := g.Poly(u, -0.128640965, -0.635181487, -0.106187649, 0.0237202402, -0.00362295634, 0.000318072212, -1.0764772e-05)
	e := g.Exp(g.Sub(g.Mul(q, u), u))
	y := g.Blend(g.Compare(vector.Less, t, g.Const(0.93)), small, g.Sub(g.Const(1), e))
	return g.Or(y, g.And(x, g.Bits(1<<31)))
}

// emit writes one function: params are the operands, pointers to vectors or (if named in scalars) numbers.
func emit(g *gen, name, form string, params []string, scalar int, body func(in []op) op) string {
	signature, doc := "(dst", "of "+name+", element by element"
	for i, p := range params {
		if i != scalar {
			signature += ", " + p
		}
	}
	signature += " *float32"
	if scalar >= 0 {
		signature += ", " + params[scalar] + " float32"
		doc += "; " + params[scalar] + " is one number"
	}
	g.Function(camel(name)+form, signature+", n int)", "computes n elements "+doc+".")
	dst, n := g.Param("dst"), g.Param("n")
	in, from := make([]op, len(params)), make([]reg.Register, len(params))
	for i, p := range params {
		if i == scalar {
			in[i] = g.Spread(p)
		} else {
			from[i] = g.Param(p)
		}
	}
	g.Prepare(func() {
		fake := make([]op, len(in))
		for i := range in {
			fake[i] = g.New()
		}
		body(fake)
	})
	g.Loop(n, func(at func(reg.Register) operand.Mem, tail *vector.Tail) {
		values := make([]op, len(in))
		for i := range in {
			if values[i] = in[i]; i != scalar {
				values[i] = g.Load(at(from[i]), tail)
			}
		}
		g.Store(body(values), at(dst), tail)
	})
	g.Return()
	return camel(name) + form + g.Suffix()
}

// emitFused writes one function of several vectors and numbers.
func emitFused(g *gen, name string, vectors, scalars int, body func(g *gen, v, s []op) op) string {
	g.Function(camel("fused_"+name), "(dst, a, b, c *float32, s, t float32, n int)", "computes n elements of "+name+".")
	dst, n := g.Param("dst"), g.Param("n")
	from, numbers := make([]reg.Register, vectors), make([]op, scalars)
	for i := range from {
		from[i] = g.Param([]string{"a", "b", "c"}[i])
	}
	for i := range numbers {
		numbers[i] = g.Spread([]string{"s", "t"}[i])
	}
	g.Prepare(func() {
		fake := []op{g.New(), g.New(), g.New()}
		body(g, fake, fake)
	})
	g.Loop(n, func(at func(reg.Register) operand.Mem, tail *vector.Tail) {
		values := make([]op, vectors)
		for i := range values {
			values[i] = g.Load(at(from[i]), tail)
		}
		g.Store(body(g, values, numbers), at(dst), tail)
	})
	g.Return()
	return camel("fused_"+name) + g.Suffix()
}

func camel(name string) string {
	out, up := []byte("vec"), true
	for _, c := range []byte(name) {
		if c == '_' {
			up = true
			continue
		}
		if up {
			c -= 'a' - 'A'
			if c < 'A' {
				c += 'a' - 'A'
			}
		}
		up = false
		out = append(out, c)
	}
	return string(out)
}

func main() {
	set := flag.NewFlagSet("elementwise", flag.ExitOnError)
	flags := build.NewFlags(set)
	table := set.String("table", "", "table output")
	if err := set.Parse(os.Args[1:]); err != nil {
		log.Fatal(err)
	}

	c := build.NewContext()
	c.ConstraintExpr("amd64,!noasm")
	var t bytes.Buffer
	fmt.Fprintln(&t, "// Code generated by command: go run ./asm/elementwise. DO NOT EDIT.\n\n//go:build amd64 && !noasm\n\npackage kernel")
	for _, g := range vector.New(c) {
		fmt.Fprintf(&t, "\nvar elementwise%s = elementwiseCode{\nunary: map[string]unaryCode{\n", g.Suffix())
		for _, u := range unaries {
			fmt.Fprintf(&t, "%q: %s,\n", u.name, emit(g, u.name, "", []string{"x"}, -1, func(in []op) op { return u.body(g, in[0]) }))
		}
		fmt.Fprintln(&t, "},\nbinary: map[string]binaryCode{")
		for _, b := range binaries {
			body := func(in []op) op { return b.body(g, in[0], in[1]) }
			vv := emit(g, b.name, "", []string{"x", "y"}, -1, body)
			vs := emit(g, b.name, "Right", []string{"x", "y"}, 1, body)
			sv := emit(g, b.name, "Left", []string{"x", "y"}, 0, body)
			fmt.Fprintf(&t, "%q: {%s, %s, %s},\n", b.name, vv, vs, sv)
		}
		fmt.Fprintln(&t, "},\nternary: map[string]ternaryCode{")
		for _, b := range ternaries {
			body := func(in []op) op { return b.body(g, in[0], in[1], in[2]) }
			fmt.Fprintf(&t, "%q: %s,\n", b.name, emit(g, b.name, "", []string{"a", "b", "c"}, -1, body))
		}
		fmt.Fprintln(&t, "},\nfused: map[string]fusedCode{")
		for _, f := range fusions {
			fmt.Fprintf(&t, "%q: %s,\n", f.name, emitFused(g, f.name, f.vectors, f.scalars, f.body))
		}
		fmt.Fprintf(&t, "},\nfill: %s,\n}\n", emit(g, "fill", "", []string{"x"}, 0, func(in []op) op { return in[0] }))
	}
	if build.Main(flags.Config(), c) != 0 {
		os.Exit(1)
	}
	out, err := format.Source(t.Bytes())
	if err == nil && *table != "" {
		err = os.WriteFile(*table, out, 0o666)
	}
	if err != nil {
		log.Fatal(err)
	}
}

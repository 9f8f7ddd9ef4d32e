package vector

// This file owns the exponential, which several kernels contain.

// Reduced splits x = n ln 2 + r with |r| <= ln 2 / 2. ln 2 is the sum of two constants of which the first has few digits.
func (g *Gen) Reduced(x Op) (n, r Op) {
	n = g.Round(g.Mul(x, g.Const(1.4426950408889634)), Even)
	r = g.NMAdd(n, g.Const(0.693145751953125), x)
	r = g.NMAdd(n, g.Const(1.42860682030941723212e-6), r)
	return n, r
}

// Exp is e^x = 2^n (1 + r + r^2 P(r)). The limits are where the result is 0 and infinite.
func (g *Gen) Exp(x Op) Op {
	n, r := g.Reduced(g.MinOr(g.Const(89), g.MaxOr(g.Const(-104.5), x)))
	p := g.Poly(r, 1, 1, 0.49999994, 0.166665211, 0.0416682921, 0.00836871564, 0.00138186989)
	return g.Scale(p, n)
}

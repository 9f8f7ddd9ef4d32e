package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gokeras/gk/core/tensor"
)

// naiveActivation is the definition of an activation.
func naiveActivation(name string, x float64) float64 {
	switch name {
	case "tanh":
		return math.Tanh(x)
	case "sigmoid":
		return 1 / (1 + math.Exp(-x))
	case "relu":
		return max(x, 0)
	case "hard_sigmoid":
		return min(max(x+3, 0), 6) / 6
	case "hard_sigmoid_legacy":
		return min(max(0.2*x+0.5, 0), 1)
	case "relu6":
		return min(max(x, 0), 6)
	case "softplus":
		return math.Log(1 + math.Exp(x))
	case "exponential":
		return math.Exp(x)
	case "softsign":
		return x / (1 + math.Abs(x))
	case "elu":
		if x < 0 {
			return math.Exp(x) - 1
		}
	case "selu":
		if x < 0 {
			return 1.0507009873554805 * 1.6732632423543772 * (math.Exp(x) - 1)
		}
		return 1.0507009873554805 * x
	}
	return x
}

// naiveRNN is RNN written from its definition, one number at a time. It returns Y, H and C.
func naiveRNN[T tensor.Float](s RNNSpec, o RNNOperands[T]) (y, h, c []float64) {
	u, gates := s.Units, s.Gates()
	wide := gates * u
	get := func(d []T, i int, otherwise float64) float64 {
		if d == nil {
			return otherwise
		}
		return float64(d[i])
	}
	y, h, c = make([]float64, s.Batch*s.Steps*u), make([]float64, s.Batch*u), make([]float64, s.Batch*u)
	for b := range s.Batch {
		h, c, last := h[b*u:][:u], c[b*u:][:u], make([]float64, u)
		for j := range u {
			h[j], c[j] = get(o.H0, b*u+j, 0), get(o.C0, b*u+j, 0)
		}
		for t := range s.Steps {
			at := t
			if s.GoBackwards {
				at = s.Steps - 1 - t
			}
			at += b * s.Steps
			if get(o.Mask, at, 1) != 0 {
				mul := func(column int, scale []float64) (sum float64) {
					for j := range u {
						v := h[j] * get(o.Dropout, b*u+j, 1) * float64(o.R[j*wide+column])
						if scale != nil {
							v *= scale[j]
						}
						sum += v
					}
					return sum
				}
				act := func(x float64) float64 { return naiveActivation(s.Activation, x) }
				rec := func(x float64) float64 { return naiveActivation(s.RecurrentActivation, x) }
				x := func(gate, j int) float64 { return float64(o.X[at*wide+gate*u+j]) }
				newH := make([]float64, u)
				switch s.Cell {
				case CellSimple:
					for j := range u {
						newH[j] = act(x(0, j) + mul(j, nil))
					}
				case CellLSTM:
					for j := range u {
						z := func(gate int) float64 { return x(gate, j) + mul(gate*u+j, nil) }
						c[j] = rec(z(1))*c[j] + rec(z(0))*act(z(2))
						newH[j] = rec(z(3)) * act(c[j])
					}
				case CellGRU:
					m := func(gate, j int) float64 {
						v := mul(gate*u+j, nil)
						if s.ResetAfter {
							v += get(o.RBias, gate*u+j, 0)
						}
						return v
					}
					r := make([]float64, u)
					for j := range u {
						r[j] = rec(x(1, j) + m(1, j))
					}
					for j := range u {
						z := rec(x(0, j) + m(0, j))
						var inner float64
						if s.ResetAfter {
							inner = r[j] * m(2, j)
						} else {
							inner = mul(2*u+j, r)
						}
						newH[j] = z*h[j] + (1-z)*act(x(2, j)+inner)
					}
				}
				copy(h, newH)
				copy(last, h)
			}
			out := y[(b*s.Steps+t)*u:][:u]
			if get(o.Mask, at, 1) != 0 || !s.ZeroOutputForMask {
				copy(out, last)
			}
		}
	}
	return y, h, c
}

type rnnCase struct {
	RNNSpec
	states, mask, dropout, bias bool
}

func (c rnnCase) String() string {
	return fmt.Sprintf("%+v states=%v mask=%v dropout=%v bias=%v", c.RNNSpec, c.states, c.mask, c.dropout, c.bias)
}

func rnnCases() (cases []rnnCase) {
	base := RNNSpec{Batch: 17, Steps: 3, Units: 3, Activation: "tanh", RecurrentActivation: "sigmoid"}
	for _, cell := range []string{CellSimple, CellLSTM, CellGRU} {
		for _, after := range []bool{false, true} {
			if after && cell != CellGRU {
				continue
			}
			s := base
			s.Cell, s.ResetAfter = cell, after
			cases = append(cases, rnnCase{s, false, false, false, false}, rnnCase{s, true, false, false, true}, rnnCase{s, true, true, true, true})
			s.GoBackwards = true
			cases = append(cases, rnnCase{s, true, true, false, true})
			s.ZeroOutputForMask = true
			cases = append(cases, rnnCase{s, true, true, false, true})
			s.Batch, s.Units, s.Steps = 1, 19, 3
			cases = append(cases, rnnCase{s, true, true, true, true})
			s.Batch, s.Units, s.Steps = 1, 1, 1
			cases = append(cases, rnnCase{s, true, false, false, true})
			for _, name := range RNNActivations() {
				s := base
				s.Cell, s.ResetAfter, s.Activation, s.RecurrentActivation, s.Batch, s.Units, s.Steps = cell, after, name, "hard_sigmoid", 2, 3, 2
				cases = append(cases, rnnCase{s, true, false, false, true})
			}
		}
	}
	return cases
}

// operands makes random operands of a case; the float64 and the float32 ones hold the same numbers.
func rnnOperands[T tensor.Float](c rnnCase) (o RNNOperands[T], g RNNGradOperands[T]) {
	r := rand.New(rand.NewPCG(3, 4))
	u, wide, rows := c.Units, c.Gates()*c.Units, c.Batch*c.Steps
	scale := 0.7
	if c.Activation == "exponential" {
		scale = 0.2
	}
	some := func(n int) []T {
		s := make([]T, n)
		for i := range s {
			s[i] = T(float32(r.NormFloat64() * scale))
		}
		return s
	}
	o.X, o.R = some(rows*wide), some(u*wide)
	if c.bias && c.ResetAfter {
		o.RBias = some(wide)
	}
	if c.states {
		o.H0, g.DH = some(c.Batch*u), some(c.Batch*u)
		if c.Cell == CellLSTM {
			o.C0, g.DC = some(c.Batch*u), some(c.Batch*u)
		}
	}
	if c.mask {
		o.Mask = make([]T, rows)
		for i := range o.Mask {
			o.Mask[i] = T(r.IntN(2))
		}
	}
	if c.dropout {
		o.Dropout = make([]T, c.Batch*u)
		for i := range o.Dropout {
			o.Dropout[i] = T(r.IntN(2)) * 2
		}
	}
	g.DY = some(rows * u)
	return o, g
}

// outputs adds guarded results, all of which are in the second result.
func rnnOutputs[T tensor.Float](c rnnCase, o *RNNOperands[T], g *RNNGradOperands[T]) (wholes [][]T) {
	u, wide, rows := c.Units, c.Gates()*c.Units, c.Batch*c.Steps
	add := func(d *[]T, n int) {
		v := newGuarded[T](testRand(), n)
		for i := range v.data {
			v.data[i] = T(math.NaN())
		}
		*d, wholes = v.data, append(wholes, v.whole)
	}
	add(&o.Y, rows*u)
	add(&o.H, c.Batch*u)
	add(&o.Saved, c.SavedSize())
	add(&g.DX, rows*wide)
	add(&g.DR, u*wide)
	add(&g.DH0, c.Batch*u)
	if c.ResetAfter {
		add(&g.DRBias, wide)
	}
	if c.Cell == CellLSTM {
		add(&o.C, c.Batch*u)
		add(&g.DC0, c.Batch*u)
	}
	return wholes
}

func closeTo(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	for i, w := range want {
		if !(math.Abs(got[i]-w) <= tolerance*max(1, math.Abs(w))) {
			t.Errorf("%s: element %d: got %v, want %v", what, i, got[i], w)
			return
		}
	}
}

// TestRNN compares the float64 kernel with its definition, and its gradient with differences of the definition.
func TestRNN(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	for _, c := range rnnCases() {
		o, g := rnnOperands[float64](c)
		rnnOutputs(c, &o, &g)
		RNN(p, c.RNNSpec, o)()
		y, h, cell := naiveRNN(c.RNNSpec, o)
		closeTo(t, c.String()+": Y", o.Y, y, 1e-12)
		closeTo(t, c.String()+": H", o.H, h, 1e-12)
		if c.Cell == CellLSTM {
			closeTo(t, c.String()+": C", o.C, cell, 1e-12)
		}
		RNNGrad(p, c.RNNSpec, o, g)()
		loss := func() (sum float64) {
			y, h, cell := naiveRNN(c.RNNSpec, o)
			for i, d := range g.DY {
				sum += d * y[i]
			}
			for i, d := range g.DH {
				sum += d * h[i]
			}
			for i, d := range g.DC {
				sum += d * cell[i]
			}
			return sum
		}
		differences := func(x []float64) []float64 {
			d := make([]float64, len(x))
			const step = 1e-6
			for i, v := range x {
				x[i] = v + step
				up := loss()
				x[i] = v - step
				d[i] = (up - loss()) / (2 * step)
				x[i] = v
			}
			return d
		}
		closeTo(t, c.String()+": DX", g.DX, differences(o.X), 1e-7)
		closeTo(t, c.String()+": DR", g.DR, differences(o.R), 1e-7)
		closeTo(t, c.String()+": DRBias", g.DRBias, differences(o.RBias), 1e-7)
		closeTo(t, c.String()+": DH0", g.DH0, differences(o.H0), 1e-7)
		closeTo(t, c.String()+": DC0", g.DC0, differences(o.C0), 1e-7)
	}
}

// TestRNNFloat32 compares all levels and numbers of workers with the float64 kernel.
func TestRNNFloat32(t *testing.T) {
	p := NewPool(1)
	defer p.Close()
	cases := rnnCases()
	big := rnnCase{RNNSpec{Cell: CellLSTM, Batch: 40, Steps: 5, Units: 128, Activation: "tanh", RecurrentActivation: "sigmoid"},
		true, true, false, true}
	cases = append(cases, big)
	for _, c := range cases {
		o64, g64 := rnnOperands[float64](c)
		if c == big {
			for i := range o64.R {
				o64.R[i] = float64(float32(o64.R[i] / 8))
			}
		}
		want := rnnOutputs(c, &o64, &g64)
		RNN(p, c.RNNSpec, o64)()
		RNNGrad(p, c.RNNSpec, o64, g64)()
		runsAlike(t, func(p *Pool) (func(), [][]float32) {
			o, g := rnnOperands[float32](c)
			for i := range o.R {
				o.R[i] = float32(o64.R[i])
			}
			results := rnnOutputs(c, &o, &g)
			forth, back := RNN(p, c.RNNSpec, o), RNNGrad(p, c.RNNSpec, o, g)
			return func() { forth(); back() }, results
		}, func(t *testing.T, results [][]float32) {
			for i := range results {
				if i != 2 { // Saved has holes
					compare(t, fmt.Sprint(c, ": result ", i), results[i], want[i][guard:len(want[i])-guard], 2e-5)
				}
			}
		})
	}
}

func TestRNNInference(t *testing.T) {
	s := RNNSpec{Cell: CellGRU, Batch: 3, Steps: 4, Units: 6, Activation: "tanh", RecurrentActivation: "sigmoid", ResetAfter: true}
	c := rnnCase{s, false, false, false, true}
	o, _ := rnnOperands[float64](c)
	o.H = make([]float64, 18)
	RNN(Default(), c.RNNSpec, o)() // no Y, nothing saved
	_, h, _ := naiveRNN(c.RNNSpec, o)
	closeTo(t, "H", o.H, h, 1e-12)
}

func TestRNNUnknown(t *testing.T) {
	o := RNNOperands[float32]{X: make([]float32, 4), R: make([]float32, 4)}
	for _, s := range []RNNSpec{
		{Cell: "elman", Batch: 1, Steps: 1, Units: 1, Activation: "tanh", RecurrentActivation: "tanh"},
		{Cell: CellLSTM, Batch: 1, Steps: 1, Units: 1, Activation: "gelu", RecurrentActivation: "tanh"},
		{Cell: CellLSTM, Batch: 1, Steps: 1, Units: 1, Activation: "tanh", RecurrentActivation: ""},
	} {
		if RNN(Default(), s, o) != nil {
			t.Errorf("%+v: got a kernel", s)
		}
	}
}

func BenchmarkRNN(b *testing.B) {
	for _, cell := range []string{CellLSTM, CellGRU, CellSimple} {
		s := RNNSpec{Cell: cell, Batch: 128, Steps: 28, Units: 128, Activation: "tanh", RecurrentActivation: "sigmoid", ResetAfter: cell == CellGRU}
		c := rnnCase{s, false, false, false, true}
		o, g := rnnOperands[float32](c)
		rnnOutputs(c, &o, &g)
		for i := range o.R {
			o.R[i] /= 10
		}
		forth, back := RNN(Default(), c.RNNSpec, o), RNNGrad(Default(), c.RNNSpec, o, g)
		for name, run := range map[string]func(){"forward": forth, "backward": back} {
			b.Run(cell+"/"+name, func(b *testing.B) {
				for b.Loop() {
					run()
				}
			})
		}
	}
}

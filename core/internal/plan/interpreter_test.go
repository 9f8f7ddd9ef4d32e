package plan

import (
	"math"
	"testing"

	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/internal/kernel"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns the interpreter that programs are compared with: index by index, in float64, without any of the planner's code.

// interpreter holds what a graph reads and computes.
type interpreter struct {
	t          *testing.T
	inputs     map[string][]float64
	variables  map[*graph.Variable][]float64
	seed, step uint64
	values     map[graph.Value][]float64
}

func (p *interpreter) get(v graph.Value) []float64 { return p.values[v] }

// run computes all nodes and returns the new values of the assigned variables.
func (p *interpreter) run(g *graph.Graph) map[*graph.Variable][]float64 {
	p.values = map[graph.Value][]float64{}
	for _, n := range g.Nodes() {
		p.node(n)
	}
	next := map[*graph.Variable][]float64{}
	for _, a := range g.Assigns() {
		next[a.Attr.(graph.VariableAttr).Var] = p.get(a.In[0])
	}
	return next
}

// each calls f for every index below a shape, in order.
func each(shape tensor.Shape, f func(index []int)) {
	if shape.Size() == 0 {
		return
	}
	index := make([]int, len(shape))
	for {
		f(index)
		k := len(shape) - 1
		for ; k >= 0; k-- {
			if index[k]++; index[k] < shape[k] {
				break
			}
			index[k] = 0
		}
		if k < 0 {
			return
		}
	}
}

// at is the place of an index in a tensor that may have fewer axes or axes of size 1.
func at(shape tensor.Shape, index []int) int {
	place := 0
	for i, d := range shape {
		k := index[len(index)-len(shape)+i]
		if d == 1 {
			k = 0
		}
		place = place*d + k
	}
	return place
}

func (p *interpreter) node(n *graph.Node) {
	if n.Op.Name == "Assign" {
		return
	}
	in := make([][]float64, len(n.In))
	shapes := make([]tensor.Shape, len(n.In))
	for i, v := range n.In {
		if v.Valid() {
			in[i], shapes[i] = p.get(v), v.Shape()
		}
	}
	out := make([][]float64, len(n.Out))
	for i, s := range n.Out {
		if s.Known() {
			out[i] = make([]float64, s.Size())
		}
	}
	p.compute(n, shapes, in, out)
	for i := range out {
		p.values[n.Value(i)] = out[i]
	}
}

func (p *interpreter) compute(n *graph.Node, shapes []tensor.Shape, in, out [][]float64) {
	var y []float64
	var shape tensor.Shape
	if len(out) > 0 {
		y, shape = out[0], n.Out[0]
	}
	switch n.Op.Name {
	case "Input":
		copy(y, p.inputs[n.Attr.(graph.InputAttr).Name])
	case "Variable":
		copy(y, p.variables[n.Attr.(graph.VariableAttr).Var])
	case "Const":
		y[0] = n.Attr.(graph.ConstAttr).Value
	case "Table":
		copy(y, n.Attr.(graph.TableAttr).Values.Float64s())
	case "Random":
		kernel.RandomUniform(y, (&runState{p.seed, p.step}).seedOf(uint64(n.Attr.(graph.RandomAttr).Stream)), 0)
	case "StopGradient", "Reshape":
		copy(y, in[0])
	case "BroadcastTo":
		i := 0
		each(shape, func(index []int) { y[i] = in[0][at(shapes[0], index)]; i++ })
	case "Transpose":
		perm := n.Attr.(graph.PermAttr).Perm
		i := 0
		each(shape, func(index []int) {
			from := make([]int, len(index))
			for k, axis := range perm {
				from[axis] = index[k]
			}
			y[i] = in[0][at(shapes[0], from)]
			i++
		})
	case "Slice", "Place":
		a := n.Attr.(graph.RangeAttr)
		small, large := shape, shapes[0]
		if n.Op.Name == "Place" {
			small, large = large, small
		}
		i := 0
		each(small, func(index []int) {
			place := 0
			for k, d := range large {
				place = place*d + a.Start[k] + index[k]*a.Step[k]
			}
			if n.Op.Name == "Slice" {
				y[i] = in[0][place]
			} else {
				y[place] = in[0][i]
			}
			i++
		})
	case "Concat":
		axis, before := n.Attr.(graph.AxisAttr).Axis, 0
		for k := range in {
			i := 0
			each(shapes[k], func(index []int) {
				to := append([]int{}, index...)
				to[axis] += before
				place := 0
				for d := range shape {
					place = place*shape[d] + to[d]
				}
				y[place] = in[k][i]
				i++
			})
			before += shapes[k][axis]
		}
	case "MatMul":
		a := n.Attr.(graph.MatMulAttr)
		r := len(shape)
		m, c, inner := shape[r-2], shape[r-1], shapes[0][r-1]
		if a.TransA {
			inner = shapes[0][r-2]
		}
		for b := range shape[:r-2].Size() {
			for i := range m {
				for j := range c {
					sum := 0.0
					for k := range inner {
						x, w := i*inner+k, k*c+j
						if a.TransA {
							x = k*m + i
						}
						if a.TransB {
							w = j*inner + k
						}
						sum += in[0][b*m*inner+x] * in[1][b*inner*c+w]
					}
					y[(b*m+i)*c+j] = sum
				}
			}
		}
	case "Conv", "ConvGradInput", "ConvGradKernel":
		interpretConv(n, shapes, in, y)
	case "MaxPool", "AvgPool", "MaxPoolGrad", "AvgPoolGrad":
		interpretPool(n, shapes, in, y)
	case "Sum", "Mean", "Max", "Min", "Prod", "ArgMax", "ArgMin":
		interpretReduce(n, shapes, in[0], y)
	case "Gather", "ScatterAdd":
		table := shapes[0]
		if n.Op.Name == "ScatterAdd" {
			table = shape
		}
		width := table[1:].Size()
		for i, v := range in[1] {
			for j := range width {
				if n.Op.Name == "Gather" {
					y[i*width+j] = in[0][int(v)*width+j]
				} else {
					y[int(v)*width+j] += in[0][i*width+j]
				}
			}
		}
	case "Softmax", "LogSoftmax", "SoftmaxGrad", "LogSoftmaxGrad", "SoftmaxCrossEntropy", "SparseSoftmaxCrossEntropy":
		interpretSoftmax(n, shapes, in, out)
	case "BatchNorm", "LayerNorm", "BatchNormGrad", "LayerNormGrad":
		interpretNorm(n, shapes, in, out)
	case "RNN", "RNNGrad":
		p.interpretRNN(n, shapes, in, out)
	default:
		i := 0
		each(shape, func(index []int) {
			x := make([]float64, len(in))
			for k := range in {
				x[k] = in[k][at(shapes[k], index)]
			}
			v, ok := fold(n.Op.Name, x)
			if !ok {
				p.t.Fatalf("interpreter: no operation %q", n.Op.Name)
			}
			y[i] = v
			i++
		})
	}
}

// window calls f for each place of a window (output place, window place, input place), all as indices over the spatial axes.
func window(outSpatial, size, in tensor.Shape, strides, dilation, lo []int, f func(o, t, i []int)) {
	each(outSpatial, func(o []int) {
		each(size, func(t []int) {
			i := make([]int, len(o))
			for k := range o {
				d := 1
				if dilation != nil {
					d = dilation[k]
				}
				i[k] = o[k]*strides[k] + t[k]*d - lo[k]
				if i[k] < 0 || i[k] >= in[k] {
					return
				}
			}
			f(o, t, i)
		})
	})
}

func interpretConv(n *graph.Node, shapes []tensor.Shape, in [][]float64, y []float64) {
	a := n.Attr.(graph.ConvAttr)
	s := len(a.Strides)
	xs, ks, ys := shapes[0], shapes[1], n.Out[0]
	x, k, r := in[0], in[1], y
	switch n.Op.Name {
	case "ConvGradInput":
		xs, ys, x, r = n.Out[0], shapes[0], y, in[0]
	case "ConvGradKernel":
		xs, ks, ys, x, k, r = shapes[1], n.Out[0], shapes[0], in[1], y, in[0]
	}
	channels, filters := ks[s], ys[s+1]
	for b := range xs[0] {
		window(ys[1:s+1], ks[:s], xs[1:s+1], a.Strides, a.Dilation, a.PadLo, func(o, t, i []int) {
			for f := range filters {
				group := f / (filters / a.Groups)
				for c := range channels {
					xi := (b*xs[1:s+1].Size()+at(xs[1:s+1], i))*xs[s+1] + group*channels + c
					ki := (at(ks[:s], t)*channels+c)*filters + f
					yi := (b*ys[1:s+1].Size()+at(ys[1:s+1], o))*filters + f
					switch n.Op.Name {
					case "Conv":
						r[yi] += x[xi] * k[ki]
					case "ConvGradInput":
						x[xi] += r[yi] * k[ki]
					default:
						k[ki] += r[yi] * x[xi]
					}
				}
			}
		})
	}
}

func interpretPool(n *graph.Node, shapes []tensor.Shape, in [][]float64, result []float64) {
	a := n.Attr.(graph.PoolAttr)
	s := len(a.Size)
	xs, ys := shapes[0], n.Out[0]
	if len(in) > 1 {
		xs, ys = shapes[1], shapes[0]
	}
	c := xs[s+1]
	out := ys[1 : s+1].Size()
	for b := range xs[0] {
		for ch := range c {
			best, count, sum, first := make([]float64, out), make([]int, out), make([]float64, out), make([]int, out)
			for i := range best {
				best[i], first[i] = math.Inf(-1), -1
			}
			place := func(i []int) int { return (b*xs[1:s+1].Size()+at(xs[1:s+1], i))*c + ch }
			image := in[0]
			if len(in) > 1 {
				image = in[1]
			}
			window(ys[1:s+1], a.Size, xs[1:s+1], a.Strides, nil, a.PadLo, func(o, _, i []int) {
				k, v := at(ys[1:s+1], o), image[place(i)]
				count[k]++
				sum[k] += v
				if v > best[k] {
					best[k], first[k] = v, place(i)
				}
			})
			for k := range out {
				yi := (b*out+k)*c + ch
				switch n.Op.Name {
				case "MaxPool":
					result[yi] = best[k]
				case "AvgPool":
					if count[k] > 0 {
						result[yi] = sum[k] / float64(count[k])
					}
				case "MaxPoolGrad":
					if first[k] >= 0 {
						result[first[k]] += in[0][yi]
					}
				}
			}
			if n.Op.Name == "AvgPoolGrad" {
				window(ys[1:s+1], a.Size, xs[1:s+1], a.Strides, nil, a.PadLo, func(o, _, i []int) {
					k := at(ys[1:s+1], o)
					result[place(i)] += in[0][(b*out+k)*c+ch] / float64(count[k])
				})
			}
		}
	}
}

func interpretReduce(n *graph.Node, shapes []tensor.Shape, x, y []float64) {
	a, s := n.Attr.(graph.ReduceAttr), shapes[0]
	outer, count, inner := s[:a.First].Size(), s[a.First:a.End].Size(), s[a.End:].Size()
	for o := range outer {
		for j := range inner {
			sum, prod, high, low, highest, lowest := 0.0, 1.0, math.Inf(-1), math.Inf(1), 0, 0
			for i := range count {
				v := x[(o*count+i)*inner+j]
				sum, prod = sum+v, prod*v
				if v > high {
					high, highest = v, i
				}
				if v < low {
					low, lowest = v, i
				}
			}
			y[o*inner+j] = map[string]float64{"Sum": sum, "Mean": sum / float64(count), "Prod": prod, "Max": high, "Min": low,
				"ArgMax": float64(highest), "ArgMin": float64(lowest)}[n.Op.Name]
		}
	}
}

func interpretSoftmax(n *graph.Node, shapes []tensor.Shape, in, out [][]float64) {
	c := shapes[0][len(shapes[0])-1]
	for i := range shapes[0].Size() / max(1, c) {
		row := func(x []float64) []float64 { return x[i*c : (i+1)*c] }
		x := row(in[0])
		high, total := math.Inf(-1), 0.0
		for _, v := range x {
			high = max(high, v)
		}
		soft := make([]float64, c)
		for j, v := range x {
			soft[j] = math.Exp(v - high)
			total += soft[j]
		}
		logTotal := math.Log(total) + high
		for j := range soft {
			soft[j] /= total
		}
		dot := 0.0
		switch n.Op.Name {
		case "Softmax":
			copy(row(out[0]), soft)
		case "LogSoftmax":
			for j, v := range x {
				row(out[0])[j] = v - logTotal
			}
		case "SoftmaxGrad":
			for j, v := range x {
				dot += v * row(in[1])[j]
			}
			for j, v := range x {
				row(out[0])[j] = row(in[1])[j] * (v - dot)
			}
		case "LogSoftmaxGrad":
			for _, v := range x {
				dot += v
			}
			for j, v := range x {
				row(out[0])[j] = v - math.Exp(row(in[1])[j])*dot
			}
		default:
			target := make([]float64, c)
			if n.Op.Name == "SoftmaxCrossEntropy" {
				copy(target, row(in[1]))
			} else {
				target[int(in[1][i])] = 1
			}
			mass := 0.0
			for j, v := range target {
				mass += v
				out[0][i] -= v * (x[j] - logTotal)
			}
			for j, v := range target {
				row(out[1])[j] = soft[j]*mass - v
			}
		}
	}
}

func interpretNorm(n *graph.Node, shapes []tensor.Shape, in, out [][]float64) {
	epsilon := n.Attr.(graph.NormAttr).Epsilon
	grad := len(in) == 5
	x, s := in[0], shapes[0]
	gamma, beta := in[1], in[2]
	if grad {
		x, s, gamma, beta = in[1], shapes[1], in[4], nil
	}
	c := s[len(s)-1]
	rows := s.Size() / max(1, c)
	groups, count := c, rows // of numbers that are normalised together
	layer := n.Op.Name == "LayerNorm" || n.Op.Name == "LayerNormGrad"
	place := func(g, i int) (at, column int) { return i*c + g, g }
	if layer {
		groups, count = rows, c
		place = func(g, i int) (int, int) { return g*c + i, i }
	}
	of := func(v []float64, i int, none float64) float64 {
		if v == nil {
			return none
		}
		return v[i]
	}
	for g := range groups {
		mean, variance := 0.0, 0.0
		for i := range count {
			k, _ := place(g, i)
			mean += x[k] / float64(count)
		}
		for i := range count {
			k, _ := place(g, i)
			variance += (x[k] - mean) * (x[k] - mean) / float64(count)
		}
		r := 1 / math.Sqrt(variance+epsilon)
		if !grad {
			for i := range count {
				k, column := place(g, i)
				out[0][k] = (x[k]-mean)*r*of(gamma, column, 1) + of(beta, column, 0)
			}
			out[1][g] = mean
			if layer {
				out[2][g] = r
			} else {
				out[2][g], out[3][g] = variance, r
			}
			continue
		}
		mean, r = in[2][g], in[3][g]
		sum, sumX := 0.0, 0.0
		for i := range count {
			k, column := place(g, i)
			d, hat := in[0][k]*of(gamma, column, 1), (x[k]-mean)*r
			sum, sumX = sum+d, sumX+d*hat
			out[1][column] += in[0][k] * hat
			out[2][column] += in[0][k]
		}
		for i := range count {
			k, column := place(g, i)
			d, hat := in[0][k]*of(gamma, column, 1), (x[k]-mean)*r
			out[0][k] = r * (d - sum/float64(count) - hat*sumX/float64(count))
		}
	}
}

// interpretRNN takes the kernel's own Go loops, which have tests of their own.
func (p *interpreter) interpretRNN(n *graph.Node, shapes []tensor.Shape, in, out [][]float64) {
	pool := kernel.NewPool(1)
	pool.SetReference(true)
	first := 0
	if n.Op.Name == "RNNGrad" {
		first = 4
	}
	s := rnnSpec(n.Attr.(graph.RNNAttr), shapes[first], shapes[first+1])
	o := kernel.RNNOperands[float64]{X: in[first], R: in[first+1], RBias: in[first+2], H0: in[first+3], C0: in[first+4], Mask: in[first+5],
		Dropout: in[first+6]}
	if first == 0 {
		out[3] = make([]float64, s.SavedSize())
		o.Y, o.H, o.C, o.Saved = out[0], out[1], out[2], out[3]
		if s.Batch*s.Steps > 0 {
			kernel.RNN(pool, s, o)()
		} else { // the states stay as they are
			copy(o.H, o.H0)
			copy(o.C, o.C0)
		}
		return
	}
	o.Saved = in[3]
	kernel.RNNGrad(pool, s, o, kernel.RNNGradOperands[float64]{DY: in[0], DH: in[1], DC: in[2], DX: out[0], DR: out[1], DRBias: out[2],
		DH0: out[3], DC0: out[4]})()
}

// Shampoo is a plugin for gk: an optimizer that Keras lacks.
package main

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/gokeras/gk/core"
	_ "github.com/gokeras/gk/core/builtin"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/plugins"
	"github.com/gokeras/gk/registry"
)

// Shampoo preconditions the gradient of a matrix from both sides:
//
//	L = L + G G^T, R = R + G^T G           L (rows, rows), R (columns, columns), both start with epsilon on the diagonal
//	D = L^(-1/4) G R^(-1/4)
//	V = momentum V + D |G|/|D|, W = W - learning_rate V
//
// A weight of more axes is a matrix of its last axis and the others together; a vector has R alone, to the power -1/2. A side that is
// longer than MaxSize is left as it is. The roots are computed by gonum, in the plugin, in every Interval-th step; all the rest is a graph.
// |G|/|D| is the grafting of the size of a step from plain gradients (Anil et al., 2021). Source: Gupta, Koren and Singer, "Shampoo", 2018.
type Shampoo struct {
	core.OptimizerBase
	Momentum float64 `json:"momentum" want:"0..1"`
	Epsilon  float64 `json:"epsilon" want:">0"`
	Interval int     `json:"interval" want:">0"`
	MaxSize  int     `json:"max_size" want:">0"`

	slots []slots
}

// slots is what is kept for a weight; sides that are not preconditioned have nil.
type slots struct {
	velocity    *core.Weight
	left, right side
}

type side struct{ sum, root *core.Weight }

// matrix is the rows and columns of a weight.
func matrix(s tensor.Shape) (rows, columns int) {
	if len(s) == 0 {
		return 1, 1
	}
	columns = s.Dim(-1)
	return s.Size() / max(1, columns), columns
}

// Build declares the slots.
func (o *Shampoo) Build(s *core.State, weights []*core.Weight) {
	for _, w := range weights {
		rows, columns := matrix(w.Shape)
		one := func(name string, n int) side {
			if n < 2 || n > o.MaxSize {
				return side{}
			}
			return side{s.New(w.SlotName(name), tensor.Shape{n, n}, &diagonal{Value: o.Epsilon}), s.New(w.SlotName(name+"_root"), tensor.Shape{n, n}, &diagonal{Value: 1})}
		}
		o.slots = append(o.slots, slots{s.New(w.SlotName("velocity"), w.Shape, nil), one("left", rows), one("right", columns)})
	}
}

// Update is one step of a weight.
func (o *Shampoo) Update(s *core.Step, i int, w *core.Weight, grad graph.Value) {
	x := o.slots[i]
	rows, columns := matrix(w.Shape)
	g := s.Reshape(grad, rows, columns)
	d := g
	power := -0.25
	if x.left.sum == nil || x.right.sum == nil {
		power = -0.5 // one side does the work of both
	}
	if x.left.sum != nil {
		d = s.MatMul(o.root(s, x.left, s.MatMul(g, g, false, true), power), d, false, false)
	}
	if x.right.sum != nil {
		d = s.MatMul(d, o.root(s, x.right, s.MatMul(g, g, true, false), power), false, false)
	}
	norm := func(v graph.Value) graph.Value { return s.Sqrt(s.Sum(s.Square(v), nil, false)) }
	d = s.Mul(d, s.DivNoNaN(norm(g), norm(d)))
	v := s.Add(s.Mul(s.Get(x.velocity), s.Const(o.Momentum)), s.Reshape(d, w.Shape...))
	s.Set(x.velocity, v)
	s.Set(w, s.Sub(s.Get(w), s.Mul(v, s.LearningRate)))
}

// root adds to the sum of a side and gives its power.
func (o *Shampoo) root(s *core.Step, x side, add graph.Value, power float64) graph.Value {
	sum := s.Add(s.Get(x.sum), add)
	s.Set(x.sum, sum)
	n := sum.Dim(0)
	f := &graph.Func{Label: "matrix root", Forward: func(c *graph.FuncCall) error { return matrixPower(c, n, power, o.Interval) }}
	root := s.Compute(f, []tensor.Shape{sum.Shape()}, sum, s.Get(x.root), s.Iteration)[0]
	s.Set(x.root, root)
	return root
}

// matrixPower is a symmetric matrix to a power, by its eigenvalues; between the steps that it is computed in, what it was before.
func matrixPower(c *graph.FuncCall, n int, power float64, interval int) error {
	sum, before, out := c.In[0].Data, c.In[1].Data, c.Out[0].Data
	if int(c.In[2].Data[0])%interval != 0 {
		copy(out, before)
		return nil
	}
	a := mat.NewSymDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			a.SetSym(i, j, (float64(sum[i*n+j])+float64(sum[j*n+i]))/2)
		}
	}
	var e mat.EigenSym
	if !e.Factorize(a, true) {
		return errors.New("the eigenvalues of a preconditioner were not found")
	}
	values := e.Values(nil)
	largest := values[n-1]
	var vectors, scaled, result mat.Dense
	e.VectorsTo(&vectors)
	scaled.CloneFrom(&vectors)
	for j, v := range values {
		f := math.Pow(max(v, largest*1e-6, 1e-30), power)
		for i := range n {
			scaled.Set(i, j, scaled.At(i, j)*f)
		}
	}
	result.Mul(&scaled, vectors.T())
	for i := range n {
		for j := range n {
			out[i*n+j] = float32(result.At(i, j))
		}
	}
	return nil
}

// diagonal starts a square matrix with a number on its diagonal.
type diagonal struct {
	Value float64 `json:"value"`
}

// Fill fills the matrix.
func (d *diagonal) Fill(dst []float32, s tensor.Shape, _ core.Rand) {
	clear(dst)
	for i := range s[0] {
		dst[i*s[0]+i] = float32(d.Value)
	}
}

func init() {
	registry.Default.Optimizers.MustAdd(registry.Entry[core.Optimizer]{Name: "Shampoo", Package: "shampoo",
		About: "Preconditions gradients by the roots of their second moments, from both sides.",
		New: func() core.Optimizer {
			o := &Shampoo{Momentum: 0.9, Epsilon: 1e-4, Interval: 10, MaxSize: 256}
			o.Name, o.LearningRate.Value = "shampoo", 0.01
			return o
		}})
	registry.Default.Initializers.MustAdd(registry.Entry[core.Initializer]{Name: "Diagonal", Package: "shampoo", About: "A number on the diagonal of a square matrix.",
		New: func() core.Initializer { return &diagonal{Value: 1} }})
}

var config = plugins.Config{Name: "shampoo", Version: "1.0.0", About: "The optimizer Shampoo.",
	Examples: []plugins.Example{
		{Class: "shampoo>Shampoo", Config: core.Config{"interval": 2, "learning_rate": 0.02}, Inputs: [][]int{{4, 8}}},
		{Class: "shampoo>Diagonal", Inputs: [][]int{{5, 5}}},
	}}

func main() { plugins.Serve(config) }

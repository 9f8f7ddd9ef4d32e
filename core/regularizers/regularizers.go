// Package regularizers is Keras' regularizers: penalties on weights or outputs that are added to the loss. Each is a struct whose
// JSON-tagged fields are its Keras config.
//
//	layers.NewDense(10, layers.With{"kernel_regularizer": &regularizers.L2{L2: 1e-4}})
//
// Source: keras/src/regularizers/regularizers.py.
package regularizers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

func init() {
	// Keras 2 has L1L2 alone, so that it stands for the others in legacy files.
	l1, l2 := entry("L1", func() core.Regularizer { return &L1{L1: 0.01} }), entry("L2", func() core.Regularizer { return &L2{L2: 0.01} })
	l1.Legacy, l2.Legacy = "L1L2", "L1L2"
	// The last two are those of Keras 1, with the same settings.
	both := entry("L1L2", func() core.Regularizer { return &L1L2{} }, "WeightRegularizer", "ActivityRegularizer", "L1L2Regularizer")
	both.Becomes = becomesOfBoth
	for _, e := range []registry.Entry[core.Regularizer]{l1, l2, both,
		entry("OrthogonalRegularizer", func() core.Regularizer { return &OrthogonalRegularizer{Factor: 0.01, Mode: "rows"} })} {
		registry.Default.Regularizers.MustAdd(e)
	}
}

func entry(name string, newRegularizer func() core.Regularizer, aliases ...string) registry.Entry[core.Regularizer] {
	return registry.Entry[core.Regularizer]{
		Name: name, Aliases: append(aliases, registry.SnakeCase(name)), New: newRegularizer, Upgrade: dropNulls,
	}
}

// becomesOfBoth finds back the L1 or L2 that a file has as an L1L2, which is the same penalty.
func becomesOfBoth(c core.Config, from registry.Origin) (string, error) {
	l1, l2 := !none(c["l1"]), !none(c["l2"])
	switch {
	case l1 == l2 || from.Major() == 0: // nobody's file
		return "L1L2", nil
	case l1:
		delete(c, "l2")
		return "L1", nil
	}
	delete(c, "l1")
	return "L2", nil
}

func none(v any) bool { return v == nil || v == 0.0 }

// dropNulls makes l1 and l2 that are null what they are by default, as Keras does.
func dropNulls(c core.Config, _ registry.Origin) error {
	for _, key := range []string{"l1", "l2"} {
		if v, ok := c[key]; ok && v == nil {
			delete(c, key)
		}
	}
	return nil
}

// L1 is l1 sum|w|.
type L1 struct {
	L1 float64 `json:"l1" want:">=0"`
}

// Penalty writes the penalty of w.
func (r *L1) Penalty(g *graph.Graph, w graph.Value) graph.Value { return absolute(g, w, r.L1) }

// L2 is l2 sum(w^2).
type L2 struct {
	L2 float64 `json:"l2" want:">=0"`
}

// Penalty writes the penalty of w.
func (r *L2) Penalty(g *graph.Graph, w graph.Value) graph.Value { return squares(g, w, r.L2) }

// L1L2 is l1 sum|w| + l2 sum(w^2).
type L1L2 struct {
	L1 float64 `json:"l1" want:">=0"`
	L2 float64 `json:"l2" want:">=0"`
}

// RegistryName is the name among the regularizers.
func (r *L1L2) RegistryName() string { return "L1L2" }

// Penalty writes the penalty of w.
func (r *L1L2) Penalty(g *graph.Graph, w graph.Value) graph.Value {
	switch {
	case r.L1 == 0 && r.L2 == 0:
		return g.Const(0)
	case r.L1 == 0:
		return squares(g, w, r.L2)
	case r.L2 == 0:
		return absolute(g, w, r.L1)
	}
	return g.Add(absolute(g, w, r.L1), squares(g, w, r.L2))
}

func absolute(g *graph.Graph, w graph.Value, factor float64) graph.Value {
	return g.Mul(g.Const(factor), g.Sum(g.Abs(w), nil, false))
}

func squares(g *graph.Graph, w graph.Value, factor float64) graph.Value {
	return g.Mul(g.Const(factor), g.Sum(g.Square(w), nil, false))
}

// OrthogonalRegularizer is factor times the mean, over all pairs of rows (or columns) of a matrix, of the absolute value of the cosine
// between them.
type OrthogonalRegularizer struct {
	Factor float64 `json:"factor" want:">=0"`
	Mode   string  `json:"mode" want:"rows|columns"`
}

// Penalty writes the penalty of w, which must be a matrix.
func (r *OrthogonalRegularizer) Penalty(g *graph.Graph, w graph.Value) graph.Value {
	if w.Rank() != 2 {
		g.Fail(core.Errorf(core.ErrShapeMismatch, "regularizer \"OrthogonalRegularizer\"", "got shape %v, want a matrix", w.Shape()))
		return g.Const(0)
	}
	axis := 1 // along which a vector lies
	if r.Mode == "columns" {
		axis = 0
	}
	n := w.Dim(1 - axis)
	if n == tensor.Unknown || !g.Fits("OrthogonalRegularizer", tensor.Shape{n, n}) { // only shapes matter
		return g.Const(0)
	}
	const epsilon = 1e-7
	length := g.Minimum(g.Rsqrt(g.Sum(g.Square(w), []int{axis}, true)), g.Const(1/epsilon))
	w = g.Mul(w, length)
	cosines := g.MatMul(w, w, axis == 0, axis == 1)
	others := make([]float32, n*n) // 0 on the diagonal, where vectors meet themselves
	for i := range others {
		if i%(n+1) != 0 {
			others[i] = 1
		}
	}
	sum := g.Sum(g.Abs(g.Mul(cosines, g.Table(tensor.From(others, n, n)))), nil, false)
	pairs := float64(n) * float64(n-1) / 2
	return g.Div(g.Mul(g.Const(r.Factor*0.5), sum), g.Const(pairs))
}

package losses

import (
	"slices"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// This file owns the losses of areas that are to overlap. Source of both: keras/src/losses/losses.py.

func init() {
	register("Dice", func() *Dice { return &Dice{} })
	register("Tversky", func() *Tversky { return &Tversky{Alpha: 0.5, Beta: 0.5} })
}

// Axes are the axes that a loss takes together: a number, a list, or null for all of them.
type Axes struct {
	List []int
	one  bool // written as a number
}

// SetConfig takes a whole number, a list of them, and null.
func (a *Axes) SetConfig(v any) error {
	*a = Axes{}
	number := func(v any) bool {
		switch n := v.(type) {
		case int:
			a.List = append(a.List, n)
			return true
		case float64:
			a.List = append(a.List, int(n))
			return n == float64(int(n))
		}
		return false
	}
	ok := true
	switch list := v.(type) {
	case nil:
	case []any:
		a.List = []int{}
		for _, x := range list {
			ok = ok && number(x)
		}
	case []int:
		a.List = slices.Clone(list)
	default:
		a.one = true
		ok = number(v)
	}
	if !ok {
		return core.Errorf(core.ErrLayerConfig, "", "got %v, want an axis, a list of axes, or null", v)
	}
	return nil
}

// Config is the axes as JSON.
func (a Axes) Config(core.Dialect) any {
	switch {
	case a.one:
		return a.List[0]
	case a.List == nil:
		return nil
	}
	out := make([]any, len(a.List))
	for i, x := range a.List {
		out[i] = x
	}
	return out
}

// Dice is 1 - 2 sum(t p) / (sum(t) + sum(p) + 1e-7), the sums along some axes, or all: then the loss is one number for the batch.
// Source: Milletari et al., 3DV 2016, arXiv:1606.04797.
type Dice struct {
	core.LossBase
	Axis Axes `json:"axis"`
}

// Call gives the loss, without the axes that are summed.
func (l *Dice) Call(g *graph.Graph, yTrue, yPred graph.Value) graph.Value {
	yTrue, yPred = core.MatchRanks(g, yTrue, yPred)
	sum := func(x graph.Value) graph.Value { return g.Sum(x, l.Axis.List, false) }
	both := g.Mul(g.Const(2), sum(g.Mul(yTrue, yPred)))
	all := g.Add(g.Add(sum(yTrue), sum(yPred)), g.Const(epsilon))
	return g.Sub(g.Const(1), g.Div(both, all))
}

// Tversky is 1 - sum(t p) / (sum(t p) + alpha sum(t (1-p)) + beta sum((1-t) p) + 1e-7), the sums along some axes, or all: then the loss
// is one number for the batch. Source: Salehi et al., MLMI 2017, arXiv:1706.05721.
type Tversky struct {
	core.LossBase
	Alpha float64 `json:"alpha"`
	Beta  float64 `json:"beta"`
	Axis  Axes    `json:"axis"`
}

// Call gives the loss, without the axes that are summed.
func (l *Tversky) Call(g *graph.Graph, yTrue, yPred graph.Value) graph.Value {
	yTrue, yPred = core.MatchRanks(g, yTrue, yPred)
	one := g.Const(1)
	sum := func(a, b graph.Value) graph.Value { return g.Sum(g.Mul(a, b), l.Axis.List, false) }
	both := sum(yTrue, yPred)
	missed := g.Mul(sum(yTrue, g.Sub(one, yPred)), g.Const(l.Alpha))
	wrong := g.Mul(sum(g.Sub(one, yTrue), yPred), g.Const(l.Beta))
	return g.Sub(one, g.Div(both, g.Add(g.Add(both, missed), g.Add(wrong, g.Const(epsilon)))))
}

package losses

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// This file owns the losses that ask for a margin. Source of all: keras/src/losses/losses.py.

func init() {
	register("Hinge", func() *Hinge { return &Hinge{} })
	register("SquaredHinge", func() *SquaredHinge { return &SquaredHinge{} })
	register("CategoricalHinge", func() *CategoricalHinge { return &CategoricalHinge{} })
}

// shortfall is max(1 - t p, 0), for t of -1 and 1. A batch whose targets are all 0 or 1 counts as one of -1 and 1.
func shortfall(g *graph.Graph, yTrue, yPred graph.Value) graph.Value {
	yTrue, yPred = core.MatchRanks(g, yTrue, yPred)
	one := g.Const(1)
	binary := g.Min(g.Or(g.Equal(yTrue, g.Const(0)), g.Equal(yTrue, one)), nil, false)
	t := g.Select(binary, g.Sub(g.Mul(g.Const(2), yTrue), one), yTrue)
	return g.Maximum(g.Sub(one, g.Mul(t, yPred)), g.Const(0))
}

// Hinge is mean(max(1 - t p, 0)), for t of -1 and 1, or of 0 and 1.
type Hinge struct{ core.LossBase }

// Call gives the loss of every sample.
func (l *Hinge) Call(g *graph.Graph, yTrue, yPred graph.Value) graph.Value {
	return g.Mean(shortfall(g, yTrue, yPred), last, false)
}

// SquaredHinge is mean(max(1 - t p, 0)^2), for t of -1 and 1, or of 0 and 1.
type SquaredHinge struct{ core.LossBase }

// Call gives the loss of every sample.
func (l *SquaredHinge) Call(g *graph.Graph, yTrue, yPred graph.Value) graph.Value {
	return g.Mean(g.Square(shortfall(g, yTrue, yPred)), last, false)
}

// CategoricalHinge is max(max((1-t) p) - sum(t p) + 1, 0), for one-hot t.
type CategoricalHinge struct{ core.LossBase }

// Call gives the loss of every sample.
func (l *CategoricalHinge) Call(g *graph.Graph, yTrue, yPred graph.Value) graph.Value {
	yTrue, yPred = core.MatchRanks(g, yTrue, yPred)
	one := g.Const(1)
	right := g.Sum(g.Mul(yTrue, yPred), last, false)
	wrong := g.Max(g.Mul(g.Sub(one, yTrue), yPred), last, false)
	return g.Maximum(g.Add(g.Sub(wrong, right), one), g.Const(0))
}

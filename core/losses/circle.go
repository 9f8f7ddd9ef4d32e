package losses

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns the circle loss.

func init() {
	register("Circle", func() *Circle { return &Circle{Gamma: 80, Margin: 0.4, RemoveDiagonal: true} })
}

// Circle brings embeddings p (batch, dims), vectors of length 1, of one class together and those of different classes apart:
//
//	softplus(ln sum_same exp(-gamma max(m + d, 0) (m - d)) + ln sum_other exp(gamma max(1 + m - d, 0) (1 - m - d)))
//
// for each sample, where d = max(1 - p p', 0) is its distance from each other sample p' of the batch and m the margin. t (batch,) or
// (batch, 1) are class numbers. Samples whose loss is 0 do not count in means. Source: keras/src/losses/losses.py; Sun et al., CVPR 2020,
// arXiv:2002.10857.
type Circle struct {
	core.LossBase
	Gamma          float64 `json:"gamma"`
	Margin         float64 `json:"margin"`
	RemoveDiagonal bool    `json:"remove_diagonal"`
}

// Call gives the loss of every sample: (batch,).
func (l *Circle) Call(g *graph.Graph, yTrue, yPred graph.Value) graph.Value {
	if g.Err() != nil {
		return yPred
	}
	n := yPred.Dim(0)
	if yPred.Rank() != 2 || yTrue.Rank() == 0 || yTrue.Shape().Size() != n {
		g.Fail(core.Errorf(core.ErrShapeMismatch, "", "got y_true %v and y_pred %v, want (batch,) and (batch, dims)", yTrue.Shape(), yPred.Shape()))
		return yPred
	}
	zero := g.Const(0)
	d := g.Maximum(g.Sub(g.Const(1), g.MatMul(yPred, yPred, false, true)), zero)
	same := g.Equal(g.Reshape(yTrue, n, 1), g.Reshape(yTrue, 1, n))
	other := g.Not(same)
	if l.RemoveDiagonal {
		place := make([]float64, n)
		for i := range place {
			place[i] = float64(i)
		}
		same = g.And(same, g.NotEqual(g.Table(tensor.From(place, n, 1)), g.Table(tensor.From(place, 1, n))))
	}
	side := func(mask, weight graph.Value, gamma, margin float64) graph.Value {
		weight = g.Maximum(g.Mul(weight, mask), zero)
		v := g.Mul(g.Mul(g.Const(gamma), weight), g.Sub(g.Const(margin), d))
		return logSumExp(g, g.Select(mask, v, g.Const(negInf)))
	}
	m := l.Margin
	return g.Softplus(g.Add(
		side(same, g.Add(g.Const(m), d), -l.Gamma, m),
		side(other, g.Sub(g.Const(1+m), d), l.Gamma, 1-m)))
}

// LossMask leaves out samples whose loss is 0.
func (l *Circle) LossMask(g *graph.Graph, _, values graph.Value) graph.Value {
	return g.Greater(values, g.Const(0))
}

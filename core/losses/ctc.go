package losses

import (
	"math"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns connectionist temporal classification.

func init() {
	register("CTC", func() *CTC { return &CTC{} })
}

// CTC is -ln of the probability that logits (batch, steps, classes) spell the labels (batch, length) when repetitions are drawn together
// and blanks, class 0, are dropped. Labels are numbers of classes from 1 on, with zeros behind them. Infinite where there are too few
// steps for the labels. A number that is no class fails the run.
//
// It adds up the probabilities of all ways with the forward algorithm, in logarithms. Sources: keras/src/losses/losses.py; Graves et al.,
// ICML 2006.
type CTC struct{ core.LossBase }

// never is the logarithm of a probability of nothing: finite, so that no gradient becomes NaN, and far below all that can be.
const never = -1e30

// Call gives the loss of every sample: (batch,).
func (l *CTC) Call(g *graph.Graph, yTrue, yPred graph.Value) graph.Value {
	if g.Err() != nil {
		return yPred
	}
	if yTrue.Rank() != 2 || yPred.Rank() != 3 || yTrue.Dim(0) != yPred.Dim(0) {
		g.Fail(core.Errorf(core.ErrShapeMismatch, "", "got y_true %v and y_pred %v, want (batch, length) and (batch, steps, classes)",
			yTrue.Shape(), yPred.Shape()))
		return yPred
	}
	batch, steps, classes, length := yPred.Dim(0), yPred.Dim(1), yPred.Dim(2), yTrue.Dim(1)
	states := 2*length + 1 // the labels with blanks around them
	zero, small := g.Const(0), g.Const(never)

	// Log-probabilities of the label of each state at each step, (batch, steps, states).
	labels := g.Place(yTrue, []int{0, 1}, []int{1, 2}, tensor.Shape{batch, states})
	emit := g.MatMul(g.LogSoftmax(yPred), oneHot(g, labels, classes), false, true)
	at := func(step int) graph.Value { return g.Reshape(g.Narrow(emit, 1, step, 1), batch, states) }

	// From a label one may go on to the next one without a blank between them, unless they are equal.
	skip := g.Full(0, tensor.Shape{batch, states})
	if length > 1 {
		differs := g.NotEqual(g.Narrow(yTrue, 1, 1, length-1), g.Narrow(yTrue, 1, 0, length-1))
		skip = g.Place(differs, []int{0, 3}, []int{1, 2}, tensor.Shape{batch, states})
	}
	back := func(a graph.Value, by int) graph.Value {
		if by >= states {
			return g.Full(never, tensor.Shape{batch, states})
		}
		return g.Concat(1, g.Full(never, tensor.Shape{batch, by}), g.Narrow(a, 1, 0, states-by))
	}
	place := make([]float64, states)
	for i := range place {
		place[i] = float64(i)
	}
	position := g.Table(tensor.From(place, 1, states))

	alpha := g.Select(g.Less(position, g.Const(2)), at(0), small)
	for t := 1; t < steps; t++ {
		before := back(alpha, 1)
		jump := g.Select(skip, back(alpha, 2), small)
		top := g.StopGradient(g.Maximum(g.Maximum(alpha, before), jump))
		e := func(x graph.Value) graph.Value { return g.Exp(g.Sub(x, top)) }
		sum := g.Log(g.Add(g.Add(e(alpha), e(before)), e(jump)))
		alpha = g.Maximum(g.Add(g.Add(top, sum), at(t)), small) // never does not sink further with each step
	}

	end := g.Mul(g.Const(2), g.Sum(g.NotEqual(yTrue, zero), []int{1}, true)) // of the last blank; the last label stands before it
	last := g.Or(g.Equal(position, end), g.Equal(position, g.Sub(end, g.Const(1))))
	likelihood := logSumExp(g, g.Select(last, alpha, small))
	return g.Select(g.Greater(likelihood, g.Const(never/2)), g.Neg(likelihood), g.Const(math.Inf(1)))
}

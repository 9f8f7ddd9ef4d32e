package losses

import (
	"math"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// This file owns the losses of numbers that are to be near to others. Source of all: keras/src/losses/losses.py.

func init() {
	register("MeanSquaredError", func() *MeanSquaredError { return &MeanSquaredError{} }, "mse", "MSE")
	register("MeanAbsoluteError", func() *MeanAbsoluteError { return &MeanAbsoluteError{} }, "mae", "MAE")
	register("MeanAbsolutePercentageError", func() *MeanAbsolutePercentageError { return &MeanAbsolutePercentageError{} }, "mape", "MAPE")
	register("MeanSquaredLogarithmicError", func() *MeanSquaredLogarithmicError { return &MeanSquaredLogarithmicError{} }, "msle", "MSLE")
	register("Huber", func() *Huber { return &Huber{LossBase: core.LossBase{Name: "huber_loss"}} }, "huber_loss")
	register("LogCosh", func() *LogCosh { return &LogCosh{} }, "logcosh")
	register("CosineSimilarity", func() *CosineSimilarity { return &CosineSimilarity{} }, "cosine_proximity", "cosine")
	register("Poisson", func() *Poisson { return &Poisson{} })
}

// MeanSquaredError is mean((t - p)^2).
type MeanSquaredError struct{ core.LossBase }

// Call gives the loss of every sample.
func (l *MeanSquaredError) Call(g *graph.Graph, yTrue, yPred graph.Value) graph.Value {
	yTrue, yPred = core.MatchRanks(g, yTrue, yPred)
	return g.Mean(g.Square(g.Sub(yTrue, yPred)), last, false)
}

// MeanAbsoluteError is mean(|t - p|).
type MeanAbsoluteError struct{ core.LossBase }

// Call gives the loss of every sample.
func (l *MeanAbsoluteError) Call(g *graph.Graph, yTrue, yPred graph.Value) graph.Value {
	yTrue, yPred = core.MatchRanks(g, yTrue, yPred)
	return g.Mean(g.Abs(g.Sub(yTrue, yPred)), last, false)
}

// MeanAbsolutePercentageError is 100 mean(|(t - p) / max(|t|, 1e-7)|), in percent.
type MeanAbsolutePercentageError struct{ core.LossBase }

// Call gives the loss of every sample.
func (l *MeanAbsolutePercentageError) Call(g *graph.Graph, yTrue, yPred graph.Value) graph.Value {
	yTrue, yPred = core.MatchRanks(g, yTrue, yPred)
	part := g.Abs(g.Div(g.Sub(yTrue, yPred), g.Maximum(g.Abs(yTrue), g.Const(epsilon))))
	return g.Mul(g.Const(100), g.Mean(part, last, false))
}

// MeanSquaredLogarithmicError is mean((ln(max(p, 1e-7) + 1) - ln(max(t, 1e-7) + 1))^2).
type MeanSquaredLogarithmicError struct{ core.LossBase }

// Call gives the loss of every sample.
func (l *MeanSquaredLogarithmicError) Call(g *graph.Graph, yTrue, yPred graph.Value) graph.Value {
	yTrue, yPred = core.MatchRanks(g, yTrue, yPred)
	log := func(x graph.Value) graph.Value { return g.Log(g.Add(g.Maximum(x, g.Const(epsilon)), g.Const(1))) }
	return g.Mean(g.Square(g.Sub(log(yPred), log(yTrue))), last, false)
}

// Huber is the mean of e^2/2 where |e| <= delta and of delta |e| - delta^2/2 elsewhere, e = p - t. Source: Huber, Ann. Math. Stat. 35,
// 1964.
type Huber struct {
	core.LossBase
	Delta *float64 `json:"delta" keras:"omitnull" want:">0"` // nil is 1; Keras 3 reads it and does not write it
}

// Call gives the loss of every sample.
func (l *Huber) Call(g *graph.Graph, yTrue, yPred graph.Value) graph.Value {
	yTrue, yPred = core.MatchRanks(g, yTrue, yPred)
	delta := 1.0
	if l.Delta != nil {
		delta = *l.Delta
	}
	e := g.Sub(yPred, yTrue)
	size := g.Abs(e)
	near := g.Mul(g.Const(0.5), g.Square(e))
	far := g.Sub(g.Mul(g.Const(delta), size), g.Const(delta*delta/2))
	return g.Mean(g.Select(g.LessEqual(size, g.Const(delta)), near, far), last, false)
}

// LogCosh is mean(ln cosh(p - t)), computed as e + ln(1 + exp(-2e)) - ln 2.
type LogCosh struct{ core.LossBase }

// Call gives the loss of every sample.
func (l *LogCosh) Call(g *graph.Graph, yTrue, yPred graph.Value) graph.Value {
	yTrue, yPred = core.MatchRanks(g, yTrue, yPred)
	e := g.Sub(yPred, yTrue)
	return g.Mean(g.Sub(g.Add(e, g.Softplus(g.Mul(e, g.Const(-2)))), g.Const(math.Ln2)), last, false)
}

// CosineSimilarity is -sum(t/|t| p/|p|) along an axis: -1 where both point the same way, 0 where they stand at right angles or one of
// them is zero.
type CosineSimilarity struct {
	core.LossBase
	Axis *int `json:"axis" keras:"omitnull"` // nil is the last; Keras 3 reads it and does not write it
}

// Call gives the loss of every sample.
func (l *CosineSimilarity) Call(g *graph.Graph, yTrue, yPred graph.Value) graph.Value {
	axis := -1
	if l.Axis != nil {
		axis = *l.Axis
	}
	return g.Neg(Cosine(g, yTrue, yPred, axis))
}

// Cosine is the cosine of the angle between targets and predictions along an axis, which it drops.
func Cosine(g *graph.Graph, yTrue, yPred graph.Value, axis int) graph.Value {
	yTrue, yPred = core.MatchRanks(g, yTrue, yPred)
	unit := func(x graph.Value) graph.Value {
		return g.Mul(x, g.Minimum(g.Rsqrt(g.Sum(g.Square(x), []int{axis}, true)), g.Const(1/epsilon)))
	}
	return g.Sum(g.Mul(unit(yTrue), unit(yPred)), []int{axis}, false)
}

// Poisson is mean(p - t ln(p + 1e-7)).
type Poisson struct{ core.LossBase }

// Call gives the loss of every sample.
func (l *Poisson) Call(g *graph.Graph, yTrue, yPred graph.Value) graph.Value {
	yTrue, yPred = core.MatchRanks(g, yTrue, yPred)
	return g.Mean(g.Sub(yPred, g.Mul(yTrue, g.Log(g.Add(yPred, g.Const(epsilon))))), last, false)
}

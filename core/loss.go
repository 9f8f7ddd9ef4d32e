package core

import "github.com/gokeras/gk/core/graph"

// This file owns the contract of losses and how their values are weighted and reduced.

// Loss measures how far predictions are from targets.
type Loss interface {
	// Call gives the loss of every sample: y_true, y_pred (batch, d0, ..., dN) make (batch, d0, ..., dN-1), as Keras' call does.
	Call(g *graph.Graph, yTrue, yPred graph.Value) graph.Value
	Common() *LossBase
}

// LossBase is what all losses have in their config.
type LossBase struct {
	Name      string      `json:"name"`
	Reduction string      `json:"reduction" want:"sum_over_batch_size|sum|mean|mean_with_sample_weight|none"`
	DType     DTypePolicy `json:"dtype" keras:"omitnull"` // Keras 3 reads it and never writes it
}

// Common is b itself.
func (b *LossBase) Common() *LossBase { return b }

// LossMasker is a loss that leaves some of its values out of means, such as those of a class that is to be ignored.
type LossMasker interface {
	// LossMask is 1 where a value counts and 0 elsewhere, in the shape of values, which Call gave; "none" if all of them count.
	LossMask(g *graph.Graph, yTrue, values graph.Value) graph.Value
}

// ComputeLoss is the loss of a batch: that of each sample, weighted and reduced as the loss says. weight, and mask, which goes with
// yPred, may be "none". Source: keras/src/losses/loss.py, Loss.__call__.
func ComputeLoss(g *graph.Graph, l Loss, yTrue, yPred, weight, mask graph.Value) graph.Value {
	values := l.Call(g, yTrue, yPred)
	if m, ok := l.(LossMasker); ok {
		if own := m.LossMask(g, yTrue, values); own.Valid() {
			if mask.Valid() {
				own = g.And(mask, own)
			}
			mask = own
		}
	}
	return ReduceLoss(g, values, weight, mask, l.Common().Reduction)
}

// ReduceLoss weighs the losses of samples and reduces them; weight and mask may be "none".
//
//	sum_over_batch_size, mean  sum(loss weight)/n, n the number of losses, or of those that are not masked
//	sum                        sum(loss weight)
//	mean_with_sample_weight    sum(loss weight)/sum(weight)
//	none                       loss weight
//
// Source: keras/src/losses/loss.py, reduce_weighted_values.
func ReduceLoss(g *graph.Graph, values, weight, mask graph.Value, reduction string) graph.Value {
	weight = ApplyMask(g, weight, mask, reduction == "sum_over_batch_size" || reduction == "mean")
	if weight.Valid() {
		values, weight = MatchRanks(g, values, weight)
		values = g.Mul(values, weight)
	}
	switch {
	case reduction == "none" || values.Rank() == 0:
		return values
	case reduction == "sum":
		return g.Sum(values, nil, false)
	case reduction == "mean_with_sample_weight" && weight.Valid():
		return g.DivNoNaN(g.Sum(values, nil, false), g.Sum(weight, nil, false))
	}
	return g.Mean(values, nil, false)
}

// ApplyMask makes one weight of a sample weight and a mask, either of which may be "none". With rescale, the weights of what is not
// masked make up for what is: a mean over everything becomes one over what is not masked.
func ApplyMask(g *graph.Graph, weight, mask graph.Value, rescale bool) graph.Value {
	if !mask.Valid() {
		return weight
	}
	if rescale {
		mask = g.Mul(mask, g.DivNoNaN(g.Const(float64(mask.Shape().Size())), g.Sum(mask, nil, false)))
	}
	if !weight.Valid() {
		return mask
	}
	mask, weight = MatchRanks(g, mask, weight)
	return g.Mul(weight, mask)
}

// MatchRanks drops or adds a last axis of size 1 where the ranks of two tensors differ by one, as Keras does with targets, predictions
// and weights: against a vector, (batch, 1) stays and the vector becomes (batch, 1). Source: keras/src/losses/loss.py,
// squeeze_or_expand_to_same_rank.
func MatchRanks(g *graph.Graph, a, b graph.Value) (graph.Value, graph.Value) {
	if a.Rank() > b.Rank() {
		b, a = MatchRanks(g, b, a)
		return a, b
	}
	if b.Rank() == a.Rank()+1 && b.Dim(-1) == 1 {
		if a.Rank() == 1 {
			return g.ExpandDims(a, -1), b
		}
		return a, g.Squeeze(b, -1)
	}
	return a, b
}

package metrics

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// This file owns accuracies: the part of samples for which the prediction is right. Source: keras/src/metrics/accuracy_metrics.py.

func init() {
	register("Accuracy", func() *Accuracy { return &Accuracy{} })
	register("BinaryAccuracy", func() *BinaryAccuracy { return &BinaryAccuracy{Threshold: 0.5} })
	register("CategoricalAccuracy", func() *CategoricalAccuracy { return &CategoricalAccuracy{} })
	register("SparseCategoricalAccuracy", func() *SparseCategoricalAccuracy { return &SparseCategoricalAccuracy{} })
	register("TopKCategoricalAccuracy", func() *TopKCategoricalAccuracy { return &TopKCategoricalAccuracy{K: 5} })
	register("SparseTopKCategoricalAccuracy", func() *SparseTopKCategoricalAccuracy { return &SparseTopKCategoricalAccuracy{K: 5} })
}

// Accuracy is how often t = p.
type Accuracy struct {
	core.MetricBase
	mean
}

// Update adds a batch of any shape.
func (m *Accuracy) Update(s *core.States, yTrue, yPred, weight graph.Value) {
	yTrue, yPred = core.MatchRanks(s.Graph, yTrue, yPred)
	m.addMasked(s, s.Equal(yTrue, yPred), weight)
}

// BinaryAccuracy is how often t is 1 where p is above the threshold and 0 elsewhere.
type BinaryAccuracy struct {
	core.MetricBase
	mean
	Threshold float64 `json:"threshold"`
}

// Update adds a batch of any shape.
func (m *BinaryAccuracy) Update(s *core.States, yTrue, yPred, weight graph.Value) {
	yTrue, yPred = core.MatchRanks(s.Graph, yTrue, yPred)
	m.addMasked(s, s.Equal(yTrue, s.Greater(yPred, s.Const(m.Threshold))), weight)
}

// CategoricalAccuracy is how often the largest of t and of p (batch, ..., classes) stand in the same place.
type CategoricalAccuracy struct {
	core.MetricBase
	mean
}

// Update adds a batch.
func (m *CategoricalAccuracy) Update(s *core.States, yTrue, yPred, weight graph.Value) {
	yTrue, yPred = core.MatchRanks(s.Graph, yTrue, yPred)
	m.addMasked(s, s.Equal(s.ArgMax(yTrue, -1), s.ArgMax(yPred, -1)), weight)
}

// flatLabels are class numbers without a last axis of size 1, where there are as many axes as predictions have.
func flatLabels(s *core.States, yTrue, yPred graph.Value) graph.Value {
	if s.Err() == nil && yTrue.Rank() == yPred.Rank() && yTrue.Dim(-1) == 1 {
		return s.Squeeze(yTrue, -1)
	}
	return yTrue
}

// SparseCategoricalAccuracy is how often the largest of p (batch, ..., classes) stands where the class number t (batch, ...) says.
type SparseCategoricalAccuracy struct {
	core.MetricBase
	mean
}

// Update adds a batch.
func (m *SparseCategoricalAccuracy) Update(s *core.States, yTrue, yPred, weight graph.Value) {
	m.addMasked(s, s.Equal(flatLabels(s, yTrue, yPred), s.ArgMax(yPred, -1)), weight)
}

// inTopK is 1 where fewer than k predictions (..., classes) are larger than that of the label (...); 0 where the label is no class, or a
// prediction is not finite.
func inTopK(s *core.States, label, yPred graph.Value, k int) graph.Value {
	if s.Err() != nil {
		return yPred
	}
	zero := s.Const(0)
	hot := s.OneHot(label, yPred.Dim(-1))
	own := s.Sum(s.Select(hot, yPred, zero), last, true)
	larger := s.Sum(s.Greater(yPred, own), last, false)
	sound := s.And(s.Max(hot, last, false), s.Min(s.IsFinite(yPred), last, false))
	return s.And(sound, s.Less(larger, count(s, k)))
}

// TopKCategoricalAccuracy is how often the largest of t stands in the place of one of the k largest of p, both (batch, ..., classes).
type TopKCategoricalAccuracy struct {
	core.MetricBase
	mean
	K int `json:"k" want:">0"`
}

// Update adds a batch.
func (m *TopKCategoricalAccuracy) Update(s *core.States, yTrue, yPred, weight graph.Value) {
	m.addMasked(s, inTopK(s, s.ArgMax(yTrue, -1), yPred, m.K), weight)
}

// SparseTopKCategoricalAccuracy is how often one of the k largest of p (batch, ..., classes) stands where the class number t (batch, ...)
// says. With from_sorted_ids, p is class numbers, best first, instead.
type SparseTopKCategoricalAccuracy struct {
	core.MetricBase
	mean
	K             int  `json:"k" want:">0"`
	FromSortedIDs bool `json:"from_sorted_ids" keras:"omitnull"`
}

// Update adds a batch.
func (m *SparseTopKCategoricalAccuracy) Update(s *core.States, yTrue, yPred, weight graph.Value) {
	label := flatLabels(s, yTrue, yPred)
	if s.Err() != nil {
		return
	}
	if m.FromSortedIDs {
		best := s.Narrow(yPred, -1, 0, min(m.K, yPred.Dim(-1)))
		m.addMasked(s, s.Max(s.Equal(s.ExpandDims(label, -1), best), last, false), weight)
		return
	}
	m.addMasked(s, inTopK(s, label, yPred, m.K), weight)
}

package metrics

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns the F scores. Source: keras/src/metrics/f_score_metrics.py.

func init() {
	register("FBetaScore", func() *FBetaScore {
		return &FBetaScore{MetricBase: core.MetricBase{Name: "fbeta_score"}, Beta: 1}
	}, "fbeta_score")
	register("F1Score", func() *F1Score { return &F1Score{} })
}

// score is what both F scores share. The largest prediction of a sample is positive, or, with a threshold, all those above it.
type score struct {
	kept      [4]*core.Weight // true positives, false positives, false negatives, weights
	Average   string          `json:"average" keras:"omitnull" want:"micro|macro|weighted"`
	Threshold *float64        `json:"threshold" want:"0..1"`
}

// Build declares true_positives, false_positives, false_negatives and intermediate_weights, each (classes,), or () for the average "micro".
func (m *score) Build(s *core.State, yTrue, yPred tensor.Shape) error {
	if len(yTrue) != 2 || len(yPred) != 2 || yPred[1] == tensor.Unknown {
		return core.Errorf(core.ErrShapeMismatch, "", "got y_true %v and y_pred %v, want (batch, classes) both", yTrue, yPred)
	}
	shape := yPred[1:]
	if m.Average == "micro" {
		shape = tensor.Shape{}
	}
	for i, name := range []string{"true_positives", "false_positives", "false_negatives", "intermediate_weights"} {
		m.kept[i] = s.New(name, shape, nil)
	}
	return nil
}

// Update counts a batch.
func (m *score) Update(s *core.States, yTrue, yPred, weight graph.Value) {
	one := s.Const(1)
	var p graph.Value
	if m.Threshold != nil {
		p = s.Greater(yPred, s.Const(*m.Threshold))
	} else {
		p = s.And(s.GreaterEqual(yPred, s.Max(yPred, last, true)), s.Greater(s.Abs(yPred), s.Const(1e-9)))
	}
	axes := []int{0}
	if m.Average == "micro" {
		axes = nil
	}
	for i, v := range []graph.Value{s.Mul(p, yTrue), s.Mul(p, s.Sub(one, yTrue)), s.Mul(s.Sub(one, p), yTrue), yTrue} {
		if weight.Valid() {
			w := weight
			if s.Err() == nil && w.Rank() == 1 {
				w = s.ExpandDims(w, 1)
			}
			v = s.Mul(v, w)
		}
		add(s, m.kept[i], s.Sum(v, axes, false))
	}
}

// of is the score for some beta.
func (m *score) of(s *core.States, beta float64) graph.Value {
	tp, little := s.Get(m.kept[0]), s.Const(epsilon)
	precision := s.Div(tp, s.Add(s.Add(tp, s.Get(m.kept[1])), little))
	recall := s.Div(tp, s.Add(s.Add(tp, s.Get(m.kept[2])), little))
	below := s.Add(s.Add(s.Mul(s.Const(beta*beta), precision), recall), little)
	f := s.Mul(s.Div(s.Mul(precision, recall), below), s.Const(1+beta*beta))
	switch m.Average {
	case "weighted":
		w := s.Get(m.kept[3])
		return s.Sum(s.Mul(f, s.Div(w, s.Add(s.Sum(w, nil, false), little))), nil, false)
	case "macro":
		return s.Mean(f, nil, false)
	}
	return f
}

// FBetaScore is (1 + beta^2) P R / (beta^2 P + R) of precision P and recall R: (classes,), or their "macro" mean, that "weighted" by how
// many targets of a class there are, or one over all classes together, "micro".
type FBetaScore struct {
	core.MetricBase
	score
	Beta float64 `json:"beta" want:">0"`
}

// Result is the score.
func (m *FBetaScore) Result(s *core.States) graph.Value { return m.of(s, m.Beta) }

// F1Score is FBetaScore for beta = 1: the harmonic mean of precision and recall.
type F1Score struct {
	core.MetricBase
	score
}

// Result is the score.
func (m *F1Score) Result(s *core.States) graph.Value { return m.of(s, 1) }

package metrics

import (
	"slices"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns the coefficient of determination.

func init() {
	register("R2Score", func() *R2Score { return &R2Score{ClassAggregation: "uniform_average"} })
}

// Aggregation is how the scores of outputs become one: "uniform_average", "variance_weighted_average", or "none": not at all.
type Aggregation string

// SetConfig takes a name, or null for "none".
func (a *Aggregation) SetConfig(v any) error {
	names := []string{"uniform_average", "variance_weighted_average", "none"}
	if v == nil {
		v = "none"
	}
	if name, ok := v.(string); ok && slices.Contains(names, name) {
		*a = Aggregation(name)
		return nil
	}
	return core.Errorf(core.ErrLayerConfig, "", "got %v, want uniform_average, variance_weighted_average or null", v)
}

// Config is the name, or null.
func (a Aggregation) Config(core.Dialect) any {
	if a == "none" {
		return nil
	}
	return string(a)
}

// R2Score is 1 - sum((t - p)^2)/sum((t - mean(t))^2) for each output of t and p (batch, outputs), 0 where that is infinite, and then the
// mean of them, or that weighted by the variance of t. With num_regressors r, it is adjusted to n numbers:
// 1 - (1 - R2)(n - 1)/(n - r - 1), where n > r + 1. Source: keras/src/metrics/regression_metrics.py.
type R2Score struct {
	core.MetricBase
	ClassAggregation Aggregation `json:"class_aggregation"`
	NumRegressors    int         `json:"num_regressors" want:">=0"`

	samples, squares, sum, residual, count *core.Weight
}

// Build declares num_samples () and squared_sum, sum, residual and count, each (outputs,).
func (m *R2Score) Build(s *core.State, _, yPred tensor.Shape) error {
	if len(yPred) != 2 || yPred[1] == tensor.Unknown {
		return core.Errorf(core.ErrShapeMismatch, "y_pred", "got shape %v, want (batch, outputs)", yPred)
	}
	m.samples = s.New("num_samples", tensor.Shape{}, nil)
	each := yPred[1:]
	m.squares, m.sum = s.New("squared_sum", each, nil), s.New("sum", each, nil)
	m.residual, m.count = s.New("residual", each, nil), s.New("count", each, nil)
	return nil
}

// Update adds a batch.
func (m *R2Score) Update(s *core.States, yTrue, yPred, weight graph.Value) {
	yTrue, yPred = core.MatchRanks(s.Graph, yTrue, yPred)
	if s.Err() != nil {
		return
	}
	if !weight.Valid() {
		weight = s.Const(1)
	}
	if weight.Rank() == 1 {
		weight = s.ExpandDims(weight, 1)
	}
	w := s.BroadcastTo(weight, yTrue.Shape())
	t := s.Mul(yTrue, w)
	over := []int{0}
	add(s, m.sum, s.Sum(t, over, false))
	add(s, m.squares, s.Sum(s.Mul(yTrue, t), over, false))
	add(s, m.residual, s.Sum(s.Mul(s.Square(s.Sub(yTrue, yPred)), w), over, false))
	add(s, m.count, s.Sum(w, over, false))
	add(s, m.samples, count(s, yTrue.Shape().Size()))
}

// Result is the score.
func (m *R2Score) Result(s *core.States) graph.Value {
	one, sum := s.Const(1), s.Get(m.sum)
	total := s.Sub(s.Get(m.squares), s.Mul(sum, s.Div(sum, s.Get(m.count))))
	each := s.Sub(one, s.Div(s.Get(m.residual), total))
	each = s.Select(s.Or(s.IsFinite(each), s.IsNaN(each)), each, s.Const(0))
	r2 := each
	switch m.ClassAggregation {
	case "uniform_average":
		r2 = s.Mean(each, nil, false)
	case "variance_weighted_average":
		r2 = s.Div(s.Sum(s.Mul(total, each), nil, false), s.Sum(total, nil, false))
	}
	if m.NumRegressors == 0 {
		return r2
	}
	free := s.Sub(s.Get(m.samples), s.Const(float64(m.NumRegressors+1)))
	enough := s.Greater(free, s.Const(0))
	adjusted := s.Sub(one, s.Div(s.Mul(s.Sub(one, r2), s.Sub(s.Get(m.samples), one)), s.Select(enough, free, one)))
	return s.Select(enough, adjusted, r2)
}

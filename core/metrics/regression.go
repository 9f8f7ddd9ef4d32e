package metrics

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/losses"
)

// This file owns the metrics that average a loss of the same name, and the others of numbers that are to be near to others.
// Sources: keras/src/metrics/{regression,probabilistic,hinge,correlation}_metrics.py. The formulas of losses stand in core/losses.

func init() {
	register("MeanSquaredError", func() *MeanSquaredError { return &MeanSquaredError{} }, "mse", "MSE")
	register("RootMeanSquaredError", func() *RootMeanSquaredError { return &RootMeanSquaredError{} })
	register("MeanAbsoluteError", func() *MeanAbsoluteError { return &MeanAbsoluteError{} }, "mae", "MAE")
	register("MeanAbsolutePercentageError", func() *MeanAbsolutePercentageError { return &MeanAbsolutePercentageError{} }, "mape", "MAPE")
	register("MeanSquaredLogarithmicError", func() *MeanSquaredLogarithmicError { return &MeanSquaredLogarithmicError{} }, "msle", "MSLE")
	register("LogCoshError", func() *LogCoshError { return &LogCoshError{MetricBase: core.MetricBase{Name: "logcosh"}} }, "logcosh", "log_cosh")
	register("CosineSimilarity", func() *CosineSimilarity { return &CosineSimilarity{} }, "cosine_proximity", "cosine")
	register("PearsonCorrelation", func() *PearsonCorrelation { return &PearsonCorrelation{Axis: -1} })
	register("ConcordanceCorrelation", func() *ConcordanceCorrelation { return &ConcordanceCorrelation{Axis: -1} })
	register("Poisson", func() *Poisson { return &Poisson{} })
	register("KLDivergence", func() *KLDivergence { return &KLDivergence{} }, "kld", "KLD", "kullback_leibler_divergence")
	register("BinaryCrossentropy", func() *BinaryCrossentropy { return &BinaryCrossentropy{} }, "bce", "BCE")
	register("CategoricalCrossentropy", func() *CategoricalCrossentropy { return &CategoricalCrossentropy{Axis: -1} })
	register("SparseCategoricalCrossentropy", func() *SparseCategoricalCrossentropy { return &SparseCategoricalCrossentropy{Axis: -1} })
	register("Hinge", func() *Hinge { return &Hinge{} })
	register("SquaredHinge", func() *SquaredHinge { return &SquaredHinge{} })
	register("CategoricalHinge", func() *CategoricalHinge { return &CategoricalHinge{} })
}

// MeanSquaredError is the mean of the loss of that name.
type MeanSquaredError struct {
	core.MetricBase
	mean
}

// Update adds a batch.
func (m *MeanSquaredError) Update(s *core.States, yTrue, yPred, weight graph.Value) {
	m.addLoss(s, &losses.MeanSquaredError{}, yTrue, yPred, weight)
}

// MeanAbsoluteError is the mean of the loss of that name.
type MeanAbsoluteError struct {
	core.MetricBase
	mean
}

// Update adds a batch.
func (m *MeanAbsoluteError) Update(s *core.States, yTrue, yPred, weight graph.Value) {
	m.addLoss(s, &losses.MeanAbsoluteError{}, yTrue, yPred, weight)
}

// MeanAbsolutePercentageError is the mean of the loss of that name, in percent.
type MeanAbsolutePercentageError struct {
	core.MetricBase
	mean
}

// Update adds a batch.
func (m *MeanAbsolutePercentageError) Update(s *core.States, yTrue, yPred, weight graph.Value) {
	m.addLoss(s, &losses.MeanAbsolutePercentageError{}, yTrue, yPred, weight)
}

// MeanSquaredLogarithmicError is the mean of the loss of that name.
type MeanSquaredLogarithmicError struct {
	core.MetricBase
	mean
}

// Update adds a batch.
func (m *MeanSquaredLogarithmicError) Update(s *core.States, yTrue, yPred, weight graph.Value) {
	m.addLoss(s, &losses.MeanSquaredLogarithmicError{}, yTrue, yPred, weight)
}

// LogCoshError is the mean of the loss LogCosh.
type LogCoshError struct {
	core.MetricBase
	mean
}

// Update adds a batch.
func (m *LogCoshError) Update(s *core.States, yTrue, yPred, weight graph.Value) {
	m.addLoss(s, &losses.LogCosh{}, yTrue, yPred, weight)
}

// Poisson is the mean of the loss of that name.
type Poisson struct {
	core.MetricBase
	mean
}

// Update adds a batch.
func (m *Poisson) Update(s *core.States, yTrue, yPred, weight graph.Value) {
	m.addLoss(s, &losses.Poisson{}, yTrue, yPred, weight)
}

// KLDivergence is the mean of the loss of that name.
type KLDivergence struct {
	core.MetricBase
	mean
}

// Update adds a batch.
func (m *KLDivergence) Update(s *core.States, yTrue, yPred, weight graph.Value) {
	m.addLoss(s, &losses.KLDivergence{}, yTrue, yPred, weight)
}

// Hinge is the mean of the loss of that name.
type Hinge struct {
	core.MetricBase
	mean
}

// Update adds a batch.
func (m *Hinge) Update(s *core.States, yTrue, yPred, weight graph.Value) {
	m.addLoss(s, &losses.Hinge{}, yTrue, yPred, weight)
}

// SquaredHinge is the mean of the loss of that name.
type SquaredHinge struct {
	core.MetricBase
	mean
}

// Update adds a batch.
func (m *SquaredHinge) Update(s *core.States, yTrue, yPred, weight graph.Value) {
	m.addLoss(s, &losses.SquaredHinge{}, yTrue, yPred, weight)
}

// CategoricalHinge is the mean of the loss of that name.
type CategoricalHinge struct {
	core.MetricBase
	mean
}

// Update adds a batch.
func (m *CategoricalHinge) Update(s *core.States, yTrue, yPred, weight graph.Value) {
	m.addLoss(s, &losses.CategoricalHinge{}, yTrue, yPred, weight)
}

// BinaryCrossentropy is the mean of the loss of that name.
type BinaryCrossentropy struct {
	core.MetricBase
	mean
	FromLogits     bool    `json:"from_logits"`
	LabelSmoothing float64 `json:"label_smoothing" want:"0..1"`
}

// Update adds a batch.
func (m *BinaryCrossentropy) Update(s *core.States, yTrue, yPred, weight graph.Value) {
	l := &losses.BinaryCrossentropy{FromLogits: m.FromLogits, LabelSmoothing: m.LabelSmoothing, Axis: -1}
	m.addLoss(s, l, yTrue, yPred, weight)
}

// CategoricalCrossentropy is the mean of the loss of that name.
type CategoricalCrossentropy struct {
	core.MetricBase
	mean
	FromLogits     bool    `json:"from_logits"`
	LabelSmoothing float64 `json:"label_smoothing" want:"0..1"`
	Axis           int     `json:"axis" keras:"3"`
}

// Update adds a batch.
func (m *CategoricalCrossentropy) Update(s *core.States, yTrue, yPred, weight graph.Value) {
	l := &losses.CategoricalCrossentropy{FromLogits: m.FromLogits, LabelSmoothing: m.LabelSmoothing, Axis: m.Axis}
	m.addLoss(s, l, yTrue, yPred, weight)
}

// SparseCategoricalCrossentropy is the mean of the loss of that name.
type SparseCategoricalCrossentropy struct {
	core.MetricBase
	mean
	FromLogits  bool `json:"from_logits"`
	IgnoreClass *int `json:"ignore_class" keras:"3"`
	Axis        int  `json:"axis"`
}

// Update adds a batch.
func (m *SparseCategoricalCrossentropy) Update(s *core.States, yTrue, yPred, weight graph.Value) {
	l := &losses.SparseCategoricalCrossentropy{FromLogits: m.FromLogits, IgnoreClass: m.IgnoreClass, Axis: &m.Axis}
	m.addLoss(s, l, yTrue, yPred, weight)
}

// CosineSimilarity is the mean of the cosine of the angle between t and p along an axis: 1 where both point the same way. The loss of
// that name is its negative.
type CosineSimilarity struct {
	core.MetricBase
	mean
	Axis *int `json:"axis" keras:"omitnull"` // nil is the last; Keras 3 reads it and does not write it
}

// Update adds a batch.
func (m *CosineSimilarity) Update(s *core.States, yTrue, yPred, weight graph.Value) {
	axis := -1
	if m.Axis != nil {
		axis = *m.Axis
	}
	m.addMasked(s, losses.Cosine(s.Graph, yTrue, yPred, axis), weight)
}

// RootMeanSquaredError is sqrt(mean((p - t)^2)), the mean over everything so far. Masks do not count.
type RootMeanSquaredError struct {
	core.MetricBase
	mean
}

// Update adds a batch.
func (m *RootMeanSquaredError) Update(s *core.States, yTrue, yPred, weight graph.Value) {
	yTrue, yPred = core.MatchRanks(s.Graph, yTrue, yPred)
	m.add(s, s.Square(s.Sub(yPred, yTrue)), weight)
}

// Result is the root of the mean.
func (m *RootMeanSquaredError) Result(s *core.States) graph.Value { return s.Sqrt(m.mean.Result(s)) }

// spread is the mean of x along an axis, the deviations from it, and the mean of their squares.
func spread(s *core.States, x graph.Value, axis int) (mean, from, variance graph.Value) {
	mean = s.Mean(x, []int{axis}, true)
	from = s.Sub(x, mean)
	return mean, from, s.Mean(s.Square(from), []int{axis}, true)
}

// PearsonCorrelation is the mean of cov(t, p) / (std(t) std(p)), each along an axis of every sample.
type PearsonCorrelation struct {
	core.MetricBase
	mean
	Axis int `json:"axis"`
}

// Update adds a batch.
func (m *PearsonCorrelation) Update(s *core.States, yTrue, yPred, weight graph.Value) {
	yTrue, yPred = core.MatchRanks(s.Graph, yTrue, yPred)
	_, t, vt := spread(s, yTrue, m.Axis)
	_, p, vp := spread(s, yPred, m.Axis)
	m.addMasked(s, s.Mean(s.Mul(s.Div(t, s.Sqrt(vt)), s.Div(p, s.Sqrt(vp))), []int{m.Axis}, false), weight)
}

// ConcordanceCorrelation is the mean of 2 mean((t - mean(p)) (p - mean(p))) / (var(t) + var(p) + (mean(t) - mean(p))^2 + 1e-7), each along
// an axis of every sample. Source besides Keras: Lin, Biometrics 45, 1989.
type ConcordanceCorrelation struct {
	core.MetricBase
	mean
	Axis int `json:"axis"`
}

// Update adds a batch.
func (m *ConcordanceCorrelation) Update(s *core.States, yTrue, yPred, weight graph.Value) {
	yTrue, yPred = core.MatchRanks(s.Graph, yTrue, yPred)
	mt, _, vt := spread(s, yTrue, m.Axis)
	mp, p, vp := spread(s, yPred, m.Axis)
	norm := s.Add(s.Add(vt, vp), s.Square(s.Sub(mt, mp)))
	both := s.Mul(s.Const(2), s.Mul(s.Sub(yTrue, mp), p))
	m.addMasked(s, s.Mean(s.Div(both, s.Add(norm, s.Const(epsilon))), []int{m.Axis}, false), weight)
}

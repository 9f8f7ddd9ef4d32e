package losses

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// This file owns the losses of probabilities. Sources: keras/src/losses/losses.py, keras/src/backend/tensorflow/nn.py.
//
// Predictions are probabilities, or logits where from_logits is true. As in Keras on TensorFlow, probabilities that come straight from a
// softmax or a sigmoid are not looked at: the loss takes the logits that they were made of, which is more exact and faster.

func init() {
	register("BinaryCrossentropy", func() *BinaryCrossentropy { return &BinaryCrossentropy{Axis: -1} }, "bce", "BCE")
	register("BinaryFocalCrossentropy", func() *BinaryFocalCrossentropy { return &BinaryFocalCrossentropy{Alpha: 0.25, Gamma: 2, Axis: -1} })
	register("CategoricalCrossentropy", func() *CategoricalCrossentropy { return &CategoricalCrossentropy{Axis: -1} })
	register("CategoricalFocalCrossentropy", func() *CategoricalFocalCrossentropy {
		return &CategoricalFocalCrossentropy{Alpha: 0.25, Gamma: 2, Axis: -1}
	})
	register("SparseCategoricalCrossentropy", func() *SparseCategoricalCrossentropy { return &SparseCategoricalCrossentropy{} })
	register("CategoricalGeneralizedCrossEntropy", func() *CategoricalGeneralizedCrossEntropy {
		return &CategoricalGeneralizedCrossEntropy{Q: 0.5}
	})
	register("KLDivergence", func() *KLDivergence { return &KLDivergence{} }, "kld", "KLD", "kullback_leibler_divergence")
}

// logits are what probabilities were made of by the operation named, if they come straight from it.
func logits(yPred graph.Value, op string) (graph.Value, bool) {
	if n := yPred.Node(); n.Op.Name == op {
		return n.In[0], true
	}
	return yPred, false
}

// entropy is -t ln p - (1-t) ln(1-p) of each element, p kept within [1e-7, 1-1e-7]; of logits z, it is max(z, 0) - z t + ln(1 + e^-|z|).
func entropy(g *graph.Graph, t, p graph.Value, fromLogits bool) graph.Value {
	if z, ok := logits(p, "sigmoid"); ok {
		p, fromLogits = z, true
	}
	if fromLogits {
		// Selected by sign rather than with abs and relu, so that the gradient is right at 0, too.
		positive := g.GreaterEqual(p, g.Const(0))
		linear := g.Sub(g.Select(positive, p, g.Const(0)), g.Mul(p, t))
		return g.Add(linear, g.Log1p(g.Exp(g.Select(positive, g.Neg(p), p))))
	}
	p = clip(g, p, epsilon, 1-epsilon)
	one := g.Const(1)
	return g.Neg(g.Add(g.Mul(t, g.Log(p)), g.Mul(g.Sub(one, t), g.Log(g.Sub(one, p)))))
}

// BinaryCrossentropy is mean(-t ln p - (1-t) ln(1-p)) along an axis, for t of 0 and 1. Label smoothing s makes t (1-s) + s/2 of t.
type BinaryCrossentropy struct {
	core.LossBase
	FromLogits     bool    `json:"from_logits"`
	LabelSmoothing float64 `json:"label_smoothing" want:"0..1"`
	Axis           int     `json:"axis" keras:"3"`
}

// Call gives the loss of every sample.
func (l *BinaryCrossentropy) Call(g *graph.Graph, yTrue, yPred graph.Value) graph.Value {
	yTrue, yPred = core.MatchRanks(g, yTrue, yPred)
	if !sameShape(g, yTrue, yPred, "") {
		return yPred
	}
	return g.Mean(entropy(g, smooth(g, yTrue, l.LabelSmoothing, 0.5), yPred, l.FromLogits), []int{l.Axis}, false)
}

// BinaryFocalCrossentropy is the mean of the binary cross-entropy times (1-q)^gamma along an axis, q = t p + (1-t)(1-p) the
// probability of what is true; with class balancing, times alpha t + (1-alpha)(1-t) besides. Source: Lin et al., ICCV 2017,
// arXiv:1708.02002.
type BinaryFocalCrossentropy struct {
	core.LossBase
	FromLogits          bool    `json:"from_logits"`
	LabelSmoothing      float64 `json:"label_smoothing" want:"0..1"`
	Axis                int     `json:"axis"`
	ApplyClassBalancing bool    `json:"apply_class_balancing"`
	Alpha               float64 `json:"alpha"`
	Gamma               float64 `json:"gamma"`
}

// Call gives the loss of every sample.
func (l *BinaryFocalCrossentropy) Call(g *graph.Graph, yTrue, yPred graph.Value) graph.Value {
	yTrue, yPred = core.MatchRanks(g, yTrue, yPred)
	if !sameShape(g, yTrue, yPred, "") {
		return yPred
	}
	one := g.Const(1)
	t, p := smooth(g, yTrue, l.LabelSmoothing, 0.5), yPred
	if l.FromLogits {
		p = g.Sigmoid(p)
	}
	f := g.Sub(one, t)
	right := g.Add(g.Mul(t, p), g.Mul(f, g.Sub(one, p)))
	v := g.Mul(g.Pow(g.Sub(one, right), g.Const(l.Gamma)), entropy(g, t, p, false))
	if l.ApplyClassBalancing {
		v = g.Mul(v, g.Add(g.Mul(t, g.Const(l.Alpha)), g.Mul(f, g.Const(1-l.Alpha))))
	}
	return g.Mean(v, []int{l.Axis}, false)
}

const sparseHint = "class numbers go with sparse_categorical_crossentropy"

// CategoricalCrossentropy is -sum(t ln p) along an axis of classes, for one-hot t or probabilities. p is divided by its sum, then kept
// within [1e-7, 1-1e-7]; of logits it is the softmax. Label smoothing s makes t (1-s) + s/classes of t.
type CategoricalCrossentropy struct {
	core.LossBase
	FromLogits     bool    `json:"from_logits"`
	LabelSmoothing float64 `json:"label_smoothing" want:"0..1"`
	Axis           int     `json:"axis" keras:"3"`
}

// Call gives the loss of every sample.
func (l *CategoricalCrossentropy) Call(g *graph.Graph, yTrue, yPred graph.Value) graph.Value {
	yTrue, yPred = core.MatchRanks(g, yTrue, yPred)
	if !sameShape(g, yTrue, yPred, sparseHint) {
		return yPred
	}
	// Keras counts the classes along the last axis, whatever the axis.
	t, p, axis := smooth(g, yTrue, l.LabelSmoothing, 1/float64(yTrue.Dim(-1))), yPred, l.Axis
	if axis < 0 {
		axis += p.Rank()
	}
	fromLogits := l.FromLogits
	if z, ok := logits(p, "Softmax"); ok && axis == p.Rank()-1 {
		p, fromLogits = z, true
	}
	if fromLogits && axis >= 0 && axis < p.Rank() {
		return g.SoftmaxCrossEntropy(g.MoveAxis(p, axis, -1), g.MoveAxis(t, axis, -1))
	}
	p = clip(g, g.Div(p, g.Sum(p, []int{axis}, true)), epsilon, 1-epsilon)
	return g.Neg(g.Sum(g.Mul(t, g.Log(p)), []int{axis}, false))
}

// CategoricalFocalCrossentropy is sum(-t ln p alpha (1-p)^gamma) along an axis of classes, with p and label smoothing as in
// CategoricalCrossentropy. Source: Lin et al., ICCV 2017, arXiv:1708.02002.
type CategoricalFocalCrossentropy struct {
	core.LossBase
	FromLogits     bool    `json:"from_logits"`
	LabelSmoothing float64 `json:"label_smoothing" want:"0..1"`
	Axis           int     `json:"axis"`
	Alpha          float64 `json:"alpha"`
	Gamma          float64 `json:"gamma"`
}

// Call gives the loss of every sample.
func (l *CategoricalFocalCrossentropy) Call(g *graph.Graph, yTrue, yPred graph.Value) graph.Value {
	yTrue, yPred = core.MatchRanks(g, yTrue, yPred)
	if !sameShape(g, yTrue, yPred, sparseHint) {
		return yPred
	}
	axis, p := []int{l.Axis}, yPred
	t := smooth(g, yTrue, l.LabelSmoothing, 1/float64(yTrue.Dim(-1)))
	if l.FromLogits {
		e := g.Exp(g.Sub(p, g.Max(p, axis, true)))
		p = g.Div(e, g.Sum(e, axis, true))
	}
	p = clip(g, g.Div(p, g.Sum(p, axis, true)), epsilon, 1-epsilon)
	v := g.Neg(g.Mul(t, g.Log(p)))
	factor := g.Mul(g.Pow(g.Sub(g.Const(1), p), g.Const(l.Gamma)), g.Const(l.Alpha))
	return g.Sum(g.Mul(factor, v), axis, false)
}

// SparseCategoricalCrossentropy is -ln p[t], for class numbers t (batch, d0, ..., dN-1), or with a last axis of size 1, and predictions
// p (batch, d0, ..., dN-1, classes). p is kept within [1e-7, 1-1e-7], then divided by its sum; of logits it is the softmax. A number
// that is no class fails the run, unless it is the one to ignore, whose samples count for nothing.
type SparseCategoricalCrossentropy struct {
	core.LossBase
	FromLogits  bool `json:"from_logits"`
	IgnoreClass *int `json:"ignore_class" keras:"3"`
	Axis        *int `json:"axis" keras:"omitnull"` // nil is the last, the only one that Keras takes; Keras 3 does not write it
}

// Call gives the loss of every sample.
func (l *SparseCategoricalCrossentropy) Call(g *graph.Graph, yTrue, yPred graph.Value) graph.Value {
	t, ok := classes(g, yTrue, yPred)
	if !ok {
		return yPred
	}
	if l.Axis != nil && *l.Axis != -1 && *l.Axis != yPred.Rank()-1 {
		g.Fail(core.Errorf(core.ErrLayerConfig, "axis", "got %d, want -1", *l.Axis))
		return t
	}
	p, valid := yPred, graph.Value{}
	if l.IgnoreClass != nil {
		zero := g.Const(0)
		valid = g.NotEqual(t, g.Const(float64(*l.IgnoreClass)))
		t, p = g.Select(valid, t, zero), g.Select(g.ExpandDims(valid, -1), p, zero)
	}
	if z, ok := logits(p, "Softmax"); ok {
		p = z
	} else if !l.FromLogits {
		p = g.Log(clip(g, p, epsilon, 1-epsilon))
	}
	v := g.SparseSoftmaxCrossEntropy(p, t)
	if valid.Valid() {
		v = g.Select(valid, v, g.Const(0))
	}
	return v
}

// LossMask leaves out the class to ignore.
func (l *SparseCategoricalCrossentropy) LossMask(g *graph.Graph, yTrue, values graph.Value) graph.Value {
	if l.IgnoreClass == nil || g.Err() != nil {
		return graph.Value{}
	}
	return g.Reshape(g.NotEqual(yTrue, g.Const(float64(*l.IgnoreClass))), values.Shape()...)
}

// CategoricalGeneralizedCrossEntropy is (1 - p[t]^q)/q, for class numbers t (batch, d0, ..., dN-1) and predictions p (batch, d0, ...,
// dN-1, classes). A number that is no class fails the run. Source: Zhang and Sabuncu, NeurIPS 2018, arXiv:1805.07836.
type CategoricalGeneralizedCrossEntropy struct {
	core.LossBase
	Q float64 `json:"q" want:"0..1"`
}

// Call gives the loss of every sample.
func (l *CategoricalGeneralizedCrossEntropy) Call(g *graph.Graph, yTrue, yPred graph.Value) graph.Value {
	t, ok := classes(g, yTrue, yPred)
	if !ok {
		return yPred
	}
	if l.Q <= 0 || l.Q >= 1 {
		g.Fail(core.Errorf(core.ErrLayerConfig, "q", "got %v, want a number between 0 and 1", l.Q))
		return t
	}
	p := g.Sum(g.Mul(yPred, oneHot(g, t, yPred.Dim(-1))), last, false)
	return g.Div(g.Sub(g.Const(1), g.Pow(p, g.Const(l.Q))), g.Const(l.Q))
}

// KLDivergence is sum(t ln(t/p)), both kept within [1e-7, 1]. Source: Kullback and Leibler, Ann. Math. Stat. 22, 1951.
type KLDivergence struct{ core.LossBase }

// Call gives the loss of every sample.
func (l *KLDivergence) Call(g *graph.Graph, yTrue, yPred graph.Value) graph.Value {
	yTrue, yPred = core.MatchRanks(g, yTrue, yPred)
	t, p := clip(g, yTrue, epsilon, 1), clip(g, yPred, epsilon, 1)
	return g.Sum(g.Mul(t, g.Log(g.Div(t, p))), last, false)
}

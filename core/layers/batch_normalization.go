package layers

import (
	"math"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// BatchNormalization normalises each channel:
//
//	output = (input - mean)/sqrt(variance + epsilon) gamma + beta
//
// In training, mean and (biased) variance are those of the batch, over all axes but axis and without what the mask skips, and the
// moving ones follow them: moving = momentum moving + (1-momentum) batch. Otherwise, and while the layer is not trainable, they are the
// moving ones. With renorm, training output = (normalised r + d) gamma + beta with r and d, through which no gradient flows, that make
// it what inference would give, within renorm_clipping (rmin, rmax, dmax).
//
// Files of Keras 1 may have a mode, which nothing else knows: 1 normalises each sample along its last axis, output = (input -
// mean)/(sqrt(variance + epsilon) + epsilon) gamma + beta, and 2 takes mean and variance of the batch at all times.
//
// Input and output of any shape. Weights, one number per channel: gamma with scale, beta with center, moving_mean, moving_variance;
// with renorm also moving_stddev, renorm_mean, renorm_stddev. Source: keras/src/layers/normalization/batch_normalization.py; Ioffe and
// Szegedy, ICML 2015; Ioffe, NeurIPS 2017 (renorm).
type BatchNormalization struct {
	core.Base
	Axis                      int              `json:"axis"`
	Momentum                  float64          `json:"momentum" want:"0..1"`
	Epsilon                   float64          `json:"epsilon" want:">=0"`
	Center                    bool             `json:"center"`
	Scale                     bool             `json:"scale"`
	BetaInitializer           core.Initializer `json:"beta_initializer"`
	GammaInitializer          core.Initializer `json:"gamma_initializer"`
	MovingMeanInitializer     core.Initializer `json:"moving_mean_initializer"`
	MovingVarianceInitializer core.Initializer `json:"moving_variance_initializer"`
	BetaRegularizer           core.Regularizer `json:"beta_regularizer"`
	GammaRegularizer          core.Regularizer `json:"gamma_regularizer"`
	BetaConstraint            core.Constraint  `json:"beta_constraint"`
	GammaConstraint           core.Constraint  `json:"gamma_constraint"`
	Synchronized              bool             `json:"synchronized" keras:"3"` // gk trains on one machine: no difference
	Renorm                    bool             `json:"renorm" keras:"3"`
	RenormClipping            map[string]any   `json:"renorm_clipping" keras:"3"`
	RenormMomentum            float64          `json:"renorm_momentum" keras:"3" want:"0..1"`
	Mode                      int              `json:"mode" keras:"omitnull" want:"0..2"` // of Keras 1

	gamma, beta, movingMean, movingVariance *core.Weight
	movingStddev, renormMean, renormStddev  *core.Weight
}

func init() {
	registerUpgraded("BatchNormalization", func() *BatchNormalization {
		return &BatchNormalization{Axis: -1, Momentum: 0.99, Epsilon: 1e-3, Center: true, Scale: true, RenormMomentum: 0.99,
			BetaInitializer: initializer("Zeros"), GammaInitializer: initializer("Ones"),
			MovingMeanInitializer: initializer("Zeros"), MovingVarianceInitializer: initializer("Ones")}
	}, upgrades(renamed(map[string]string{"beta_init": "beta_initializer", "gamma_init": "gamma_initializer"}), upgradeBatchNormalization), "BatchNormalizationV1", "BatchNormalizationV2")
	became("SyncBatchNormalization", "BatchNormalization", func(c core.Config, _ registry.Origin) error { // of tf.keras
		c["synchronized"] = true
		return nil
	})
}

// upgradeBatchNormalization: TensorFlow 1 wrote axis as a list of one.
func upgradeBatchNormalization(c core.Config, _ registry.Origin) error {
	if list, ok := c["axis"].([]any); ok && len(list) == 1 {
		c["axis"] = list[0]
	}
	return nil
}

// NewBatchNormalization makes a BatchNormalization layer.
func NewBatchNormalization(with ...With) *BatchNormalization {
	return configure[*BatchNormalization]("BatchNormalization", nil, with)
}

// Build declares the weights.
func (l *BatchNormalization) Build(b *core.Builder, inputs []tensor.Shape) error {
	if err := core.WantInputs(inputs, 1, 0); err != nil {
		return err
	}
	if len(inputs[0]) < 2 {
		return core.Errorf(core.ErrShapeMismatch, "input", "got shape %v, want rank 2 or more", inputs[0])
	}
	axis, err := core.Resolve([]int{l.Axis}, len(inputs[0]))
	if err != nil {
		return err
	}
	channels, err := core.WantDim(inputs[0], axis[0])
	if err != nil {
		return err
	}
	shape := tensor.Shape{channels}
	if l.Scale {
		l.gamma = b.Weight(core.WeightSpec{Name: "gamma", Shape: shape,
			Initializer: l.GammaInitializer, Regularizer: l.GammaRegularizer, Constraint: l.GammaConstraint})
	}
	if l.Center {
		l.beta = b.Weight(core.WeightSpec{Name: "beta", Shape: shape,
			Initializer: l.BetaInitializer, Regularizer: l.BetaRegularizer, Constraint: l.BetaConstraint})
	}
	state := func(name string, i core.Initializer) *core.Weight {
		return b.Weight(core.WeightSpec{Name: name, Shape: shape, Initializer: i, State: true})
	}
	l.movingMean = state("moving_mean", l.MovingMeanInitializer)
	l.movingVariance = state("moving_variance", l.MovingVarianceInitializer)
	if l.Renorm {
		l.movingStddev = state("moving_stddev", rootOf{l.MovingVarianceInitializer})
		l.renormMean = state("renorm_mean", l.MovingMeanInitializer)
		l.renormStddev = state("renorm_stddev", rootOf{l.MovingVarianceInitializer})
	}
	if l.Renorm && l.RenormClipping == nil {
		l.RenormClipping = map[string]any{}
	}
	for key, v := range l.RenormClipping {
		if _, ok := v.(float64); v != nil && !ok || key != "rmin" && key != "rmax" && key != "dmax" {
			return core.Errorf(core.ErrLayerConfig, "renorm_clipping", "got %q %v, want numbers for rmin, rmax, dmax", key, v)
		}
	}
	return nil
}

// rootOf gives the square roots of what another initializer gives.
type rootOf struct{ core.Initializer }

// Fill fills dst.
func (r rootOf) Fill(dst []float32, shape tensor.Shape, rng core.Rand) {
	if r.Initializer != nil {
		r.Initializer.Fill(dst, shape, rng)
	}
	for i, v := range dst {
		dst[i] = float32(math.Sqrt(float64(v)))
	}
}

// Call normalises.
func (l *BatchNormalization) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	g, mask := c.Graph, c.Mask(0)
	if mask.Valid() && mask.Rank() != inputs[0].Rank()-1 {
		g.Fail(core.Errorf(core.ErrShapeMismatch, "mask", "got shape %v, want rank %d", mask.Shape(), inputs[0].Rank()-1))
		return inputs
	}
	axis := (l.Axis + inputs[0].Rank()) % inputs[0].Rank()
	x := g.MoveAxis(inputs[0], axis, -1)
	var y graph.Value
	switch l.Mode {
	case 1:
		return []graph.Value{l.perSample(c, inputs[0])}
	case 2:
		y, _, _ = g.BatchNorm(x, l.read(c, l.gamma), l.read(c, l.beta), l.Epsilon)
		return []graph.Value{g.MoveAxis(y, -1, axis)}
	}
	switch training := c.Training && l.Trainable.On(); {
	case !training:
		scale := g.Rsqrt(g.Add(c.Read(l.movingVariance), g.Const(l.Epsilon)))
		y = l.transform(c, x, scale, g.Neg(g.Mul(c.Read(l.movingMean), scale)))
	case mask.Valid() || l.Renorm:
		y = l.train(c, x, mask, axis)
	default:
		var mean, variance graph.Value
		y, mean, variance = g.BatchNorm(x, l.read(c, l.gamma), l.read(c, l.beta), l.Epsilon)
		l.follow(c, l.movingMean, mean, l.Momentum)
		l.follow(c, l.movingVariance, variance, l.Momentum)
	}
	return []graph.Value{g.MoveAxis(y, -1, axis)}
}

// perSample is mode 1 of Keras 1.
func (l *BatchNormalization) perSample(c *core.Call, x graph.Value) graph.Value {
	g, last := c.Graph, []int{-1}
	from := g.Sub(x, g.Mean(x, last, true))
	std := g.Sqrt(g.Add(g.Mean(g.Square(from), last, true), g.Const(l.Epsilon)))
	y := g.Div(from, g.Add(std, g.Const(l.Epsilon)))
	if l.gamma != nil {
		y = g.Mul(y, c.Read(l.gamma))
	}
	if l.beta != nil {
		y = g.Add(y, c.Read(l.beta))
	}
	return y
}

// read is the value of gamma or beta, or none.
func (l *BatchNormalization) read(c *core.Call, w *core.Weight) graph.Value {
	if w == nil {
		return graph.Value{}
	}
	return c.Read(w)
}

// transform is (x scale + offset) gamma + beta. What does not depend on x comes first, so that x meets one factor and one summand.
func (l *BatchNormalization) transform(c *core.Call, x, scale, offset graph.Value) graph.Value {
	g := c.Graph
	if l.gamma != nil {
		scale, offset = g.Mul(scale, c.Read(l.gamma)), g.Mul(offset, c.Read(l.gamma))
	}
	if l.beta != nil {
		offset = g.Add(offset, c.Read(l.beta))
	}
	return g.Add(g.Mul(x, scale), offset)
}

// follow moves a state towards what a batch has.
func (l *BatchNormalization) follow(c *core.Call, w *core.Weight, batch graph.Value, momentum float64) {
	g := c.Graph
	c.Update(w, g.Add(g.Mul(c.Read(w), g.Const(momentum)), g.Mul(batch, g.Const(1-momentum))))
}

// train is what training does where the whole operation BatchNorm does not fit: with a mask or with renorm. x has its channels last;
// axis is where they were.
func (l *BatchNormalization) train(c *core.Call, x, mask graph.Value, axis int) graph.Value {
	g := c.Graph
	axes := make([]int, x.Rank()-1)
	for i := range axes {
		axes[i] = i
	}
	var mean, variance graph.Value
	if mask.Valid() {
		// The mask lacks the last axis of the input, wherever the channels are.
		m := g.MoveAxis(g.BroadcastTo(g.ExpandDims(mask, -1), g.MoveAxis(x, -1, axis).Shape()), axis, -1)
		count := g.Add(g.Sum(m, axes, false), g.Const(1e-7)) // Keras' epsilon, for a batch without any step
		mean = g.Div(g.Sum(g.Select(m, x, g.Const(0)), axes, false), count)
		variance = g.Div(g.Sum(g.Square(g.Select(m, g.Sub(x, mean), g.Const(0))), axes, false), count)
	} else {
		mean = g.Mean(x, axes, false)
		variance = g.Mean(g.Square(g.Sub(x, mean)), axes, false)
	}
	scale := g.Rsqrt(g.Add(variance, g.Const(l.Epsilon)))
	offset := g.Neg(g.Mul(mean, scale))
	if !l.Renorm {
		l.follow(c, l.movingMean, mean, l.Momentum)
		l.follow(c, l.movingVariance, variance, l.Momentum)
		return l.transform(c, x, scale, offset)
	}
	stddev := g.Sqrt(g.Add(variance, g.Const(l.Epsilon)))
	usual := g.Maximum(c.Read(l.renormStddev), g.Const(math.Sqrt(l.Epsilon)))
	r := g.StopGradient(g.Div(stddev, usual))
	d := g.StopGradient(g.Div(g.Sub(mean, c.Read(l.renormMean)), usual))
	if v, ok := l.RenormClipping["rmin"].(float64); ok {
		r = g.Maximum(r, g.Const(v))
	}
	if v, ok := l.RenormClipping["rmax"].(float64); ok {
		r = g.Minimum(r, g.Const(v))
	}
	if v, ok := l.RenormClipping["dmax"].(float64); ok {
		d = g.Minimum(g.Maximum(d, g.Const(-v)), g.Const(v))
	}
	l.follow(c, l.renormMean, mean, l.RenormMomentum)
	l.follow(c, l.renormStddev, stddev, l.RenormMomentum)
	l.follow(c, l.movingMean, mean, l.Momentum)
	l.follow(c, l.movingStddev, stddev, l.Momentum)
	c.Update(l.movingVariance, g.Relu(g.Sub(g.Square(c.Read(l.movingStddev)), g.Const(l.Epsilon))))
	return l.transform(c, x, g.Mul(scale, r), g.Add(g.Mul(offset, r), d))
}

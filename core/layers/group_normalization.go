package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// GroupNormalization normalises each sample in groups of channels that follow each other:
//
//	output = (input - mean)/sqrt(variance + epsilon) gamma + beta
//
// with the mean and the (biased) variance of all numbers of a group. groups of -1 makes a group of each channel.
//
// Input and output (batch, ...), of any shape. Weights, one number per channel: gamma with scale, beta with center. Source:
// keras/src/layers/normalization/group_normalization.py; Wu and He, ECCV 2018.
type GroupNormalization struct {
	core.Base
	Groups           int              `json:"groups" want:">=-1"`
	Axis             int              `json:"axis"`
	Epsilon          float64          `json:"epsilon" want:">=0"`
	Center           bool             `json:"center"`
	Scale            bool             `json:"scale"`
	BetaInitializer  core.Initializer `json:"beta_initializer"`
	GammaInitializer core.Initializer `json:"gamma_initializer"`
	BetaRegularizer  core.Regularizer `json:"beta_regularizer"`
	GammaRegularizer core.Regularizer `json:"gamma_regularizer"`
	BetaConstraint   core.Constraint  `json:"beta_constraint"`
	GammaConstraint  core.Constraint  `json:"gamma_constraint"`

	gamma, beta *core.Weight
}

func init() {
	register("GroupNormalization", func() *GroupNormalization {
		return &GroupNormalization{Groups: 32, Axis: -1, Epsilon: 1e-3, Center: true, Scale: true,
			BetaInitializer: initializer("Zeros"), GammaInitializer: initializer("Ones")}
	})
}

// NewGroupNormalization makes a GroupNormalization layer.
func NewGroupNormalization(with ...With) *GroupNormalization {
	return configure[*GroupNormalization]("GroupNormalization", nil, with)
}

// Build declares gamma and beta.
func (l *GroupNormalization) Build(b *core.Builder, inputs []tensor.Shape) error {
	if err := core.WantInputs(inputs, 1, 0); err != nil {
		return err
	}
	axis, err := core.Resolve([]int{l.Axis}, len(inputs[0]))
	if err != nil {
		return err
	}
	if axis[0] == 0 {
		return core.Errorf(core.ErrLayerConfig, "axis", "got the batch, want another axis")
	}
	channels, err := core.WantDim(inputs[0], axis[0])
	if err != nil {
		return err
	}
	if l.Groups == -1 {
		l.Groups = channels
	}
	if l.Groups == 0 || channels%l.Groups != 0 {
		return core.Errorf(core.ErrLayerConfig, "groups", "got %d, want a divisor of the %d channels or -1", l.Groups, channels)
	}
	if l.Scale {
		l.gamma = b.Weight(core.WeightSpec{Name: "gamma", Shape: tensor.Shape{channels},
			Initializer: l.GammaInitializer, Regularizer: l.GammaRegularizer, Constraint: l.GammaConstraint})
	}
	if l.Center {
		l.beta = b.Weight(core.WeightSpec{Name: "beta", Shape: tensor.Shape{channels},
			Initializer: l.BetaInitializer, Regularizer: l.BetaRegularizer, Constraint: l.BetaConstraint})
	}
	return nil
}

// Call normalises.
func (l *GroupNormalization) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	g, x := c.Graph, inputs[0]
	axis := (l.Axis + x.Rank()) % x.Rank()
	moved := g.MoveAxis(x, axis, 1) // so that the numbers of a group stand together
	var rows tensor.Shape
	if s := moved.Shape(); s.Known() {
		rows = tensor.Shape{s[0] * l.Groups, s[1:].Size() / l.Groups}
	} else {
		rows = tensor.Shape{tensor.Unknown, tensor.Unknown}
	}
	y := g.LayerNorm(g.Reshape(moved, rows...), graph.Value{}, graph.Value{}, l.Epsilon)
	y = g.MoveAxis(g.Reshape(y, moved.Shape()...), 1, -1)
	if l.gamma != nil {
		y = g.Mul(y, c.Read(l.gamma))
	}
	if l.beta != nil {
		y = g.Add(y, c.Read(l.beta))
	}
	return []graph.Value{g.MoveAxis(y, -1, axis)}
}

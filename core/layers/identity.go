package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// Identity is its input, of any shape. Source: keras/src/layers/core/identity.py.
type Identity struct{ core.Base }

func init() { register("Identity", func() *Identity { return &Identity{} }) }

// NewIdentity makes an Identity layer.
func NewIdentity(with ...With) *Identity { return configure[*Identity]("Identity", nil, with) }

// Build takes everything.
func (l *Identity) Build(*core.Builder, []tensor.Shape) error { return nil }

// Call is its input.
func (l *Identity) Call(_ *core.Call, inputs []graph.Value) []graph.Value { return inputs }

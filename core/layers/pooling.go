package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// This file owns what the pooling layers have in common.

// pooling takes one number of each window.
type pooling struct {
	core.Base
	PoolSize   core.PerAxis `json:"pool_size" want:">0"`
	Strides    core.PerAxis `json:"strides" want:">0"` // null: pool_size
	Padding    string       `json:"padding" want:"valid|same"`
	DataFormat string       `json:"data_format" want:"channels_last|channels_first"`

	theano bool
}

// SetOrigin is for the registry.
func (l *pooling) SetOrigin(from registry.Origin) { l.theano = from.Backend == "theano" }

func newPooling(rank int) pooling {
	return pooling{PoolSize: core.AllAxes(rank, 2), Strides: core.NoAxes(rank), Padding: "valid", DataFormat: "channels_last"}
}

// Build checks the input.
func (l *pooling) Build(_ *core.Builder, inputs []tensor.Shape) error {
	if l.Strides.Null() {
		l.Strides = append(core.PerAxis{}, l.PoolSize...)
	}
	return core.WantInputs(inputs, 1, len(l.PoolSize)+2)
}

// pool applies one of the pooling operations. It drops masks.
func (l *pooling) pool(c *core.Call, x graph.Value, op func(x graph.Value, a graph.PoolAttr) graph.Value) []graph.Value {
	c.DropMasks()
	x = toLast(c.Graph, x, l.DataFormat)
	padding := l.Padding
	if l.theano && padding == "same" {
		padding = samePoolOfTheano
	}
	lo, hi := overhang(c, x, l.PoolSize, l.Strides, core.AllAxes(len(l.PoolSize), 1), padding)
	y := op(x, graph.PoolAttr{Size: l.PoolSize, Strides: l.Strides, PadLo: lo, PadHi: hi})
	return []graph.Value{fromLast(c.Graph, y, l.DataFormat)}
}

// maxPooling takes the largest number of each window.
type maxPooling struct{ pooling }

// Call pools.
func (l *maxPooling) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.pool(c, inputs[0], c.Graph.MaxPool)
}

// averagePooling takes the mean of the numbers of each window that are there.
type averagePooling struct{ pooling }

// Call pools.
func (l *averagePooling) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.pool(c, inputs[0], c.Graph.AvgPool)
}

// Package layers is Keras' layers, one file each. A layer is a struct whose exported, JSON-tagged fields are exactly its Keras config;
// Build declares its weights and Call writes its operations. Nothing else about a layer exists anywhere.
//
// In Go code a layer reads as it does in Keras: what must be given is an argument, the rest goes by Keras' keys:
//
//	layers.NewDense(784, layers.With{"activation": "relu", "input_shape": 784})
package layers

import (
	"errors"
	"maps"
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/registry"
)

// With is settings of a layer by Keras' keys. Values are numbers, strings, bools, slices, or objects such as an initializer. A key that
// the layer does not have is reported when the model is built.
type With = core.Config

// register adds a layer to the standard set. newLayer makes one with Keras' defaults.
func register[L core.Layer](name string, newLayer func() L, aliases ...string) {
	registerUpgraded(name, newLayer, nil, aliases...)
}

// registerUpgraded is register for a layer whose config looked otherwise in older Kerases.
func registerUpgraded[L core.Layer](name string, newLayer func() L, upgrade func(c core.Config, from registry.Origin) error, aliases ...string) {
	registry.Default.Layers.MustAdd(registry.Entry[core.Layer]{
		Name: name, Aliases: aliases, New: func() core.Layer { return newLayer() }, Upgrade: upgrade,
	})
}

// registerLegacy is registerUpgraded for a layer that Keras 3 has no more: files of older Kerases have it.
func registerLegacy[L core.Layer](name string, newLayer func() L, upgrade func(c core.Config, from registry.Origin) error) {
	registry.Default.Layers.MustAdd(registry.Entry[core.Layer]{
		Name: name, Module: registry.LegacyModule, New: func() core.Layer { return newLayer() }, Upgrade: upgrade,
	})
}

// configure makes a layer of the standard set from arguments and settings. Mistakes stay in the layer until it is built.
func configure[L core.Layer](class string, arguments With, with []With) L {
	c := With{}
	maps.Copy(c, arguments)
	for _, w := range with {
		maps.Copy(c, w)
	}
	d := registry.Default.Decoder(registry.Origin{})
	name, _ := c["name"].(string)
	l, err := d.LayerOf(registry.Object{Class: class, Config: c}, name)
	if err != nil {
		l = registry.Default.Layers.Lookup(class).New()
		b := l.Common()
		b.SetClass(class)
		b.Name = name
		var e *core.Error
		if errors.As(err, &e) { // the model may give the layer another name before it says where the mistake is
			e.Where = strings.TrimPrefix(strings.TrimPrefix(e.Where, b.Place()), ": ")
		}
		b.Fail(err)
	}
	return l.(L)
}

// activate applies an activation, or none.
func activate(c *core.Call, a core.Activation, x graph.Value) []graph.Value {
	if a == nil {
		return []graph.Value{x}
	}
	return []graph.Value{a.Apply(c.Graph, x)}
}

// initializer makes an initializer of the standard set, for defaults.
func initializer(name string) core.Initializer {
	i, err := registry.Default.Initializers.New(name)
	if err != nil {
		return nil
	}
	return i
}

// activation makes an activation of the standard set, for defaults.
func activation(name string) core.Activation {
	a, err := registry.Default.Activations.New(name)
	if err != nil {
		return nil
	}
	return a
}

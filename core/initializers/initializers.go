// Package initializers is Keras' initializers: what weights hold before training. Each is a struct whose JSON-tagged fields are its
// Keras config.
//
// Random ones draw from the numbers they are given, or, with a seed, from those of the seed alone: the values of a weight then depend on
// nothing but seed and shape. The numbers are gk's own, not those that Keras draws for the same seed.
//
// Sources: keras/src/initializers/constant_initializers.py, random_initializers.py.
package initializers

import (
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/internal/kernel"
	"github.com/gokeras/gk/registry"
)

// register adds an initializer to the standard set, also in snake_case as Keras has it, and with the V2 that some files of tf.keras have.
func register(name string, newInitializer func() core.Initializer, aliases ...string) {
	registry.Default.Initializers.MustAdd(entry(name, newInitializer, aliases...))
}

// registerFunction is register for what Keras 2 has as a function.
func registerFunction(name string, newInitializer func() core.Initializer) {
	e := entry(name, newInitializer)
	e.Legacy = registry.SnakeCase(name)
	registry.Default.Initializers.MustAdd(e)
}

func entry(name string, newInitializer func() core.Initializer, aliases ...string) registry.Entry[core.Initializer] {
	return registry.Entry[core.Initializer]{
		Name: name, Aliases: append(aliases, registry.SnakeCase(name), name+"V2"), New: newInitializer, Upgrade: upgrade,
	}
}

// upgrade brings the configs of older Kerases up to date.
func upgrade(c core.Config, _ registry.Origin) error {
	delete(c, "dtype") // of tf.keras 1: the weight decides
	delete(c, "verify_shape")
	if s, ok := registry.ObjectOf(c["seed"]); ok && s.Class == "SeedGenerator" {
		c["seed"] = s.Config["seed"]
	}
	if d, ok := c["distribution"].(string); ok {
		if d = strings.ToLower(d); d == "normal" {
			d = "truncated_normal"
		}
		c["distribution"] = d
	}
	return nil
}

// source is where an initializer draws from: the numbers of its seed, or r.
func source(seed *int64, r core.Rand) core.Rand {
	if seed == nil {
		return r
	}
	return kernel.NewRand(uint64(*seed))
}

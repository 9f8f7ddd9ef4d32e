// Package registry holds what can be made by name: layers, activations, initializers and all the rest of Keras' vocabulary, a table
// per kind, and turns Keras configs into objects and back.
//
// The standard set registers itself in Default when its packages are imported (core/builtin imports them all). Whoever loads plugins
// does so in a Clone, so that nothing global changes; models take the registry that they are to use.
package registry

import (
	"github.com/gokeras/gk/core"
)

// Registry is the tables.
type Registry struct {
	Layers       *Table[core.Layer]
	Activations  *Table[core.Activation]
	Initializers *Table[core.Initializer]
	Regularizers *Table[core.Regularizer]
	Constraints  *Table[core.Constraint]
	Optimizers   *Table[core.Optimizer]
	Schedules    *Table[core.Schedule]
	Losses       *Table[core.Loss]
	Metrics      *Table[core.Metric]
	Callbacks    *Table[core.Callback]
	Datasets     *Table[core.DataSource]
}

// New is a registry with empty tables.
func New() *Registry {
	return &Registry{
		Layers:       newTable[core.Layer]("layer", "keras.layers"),
		Activations:  newTable[core.Activation]("activation", "keras.activations"),
		Initializers: newTable[core.Initializer]("initializer", "keras.initializers"),
		Regularizers: newTable[core.Regularizer]("regularizer", "keras.regularizers"),
		Constraints:  newTable[core.Constraint]("constraint", "keras.constraints"),
		Optimizers:   newTable[core.Optimizer]("optimizer", "keras.optimizers"),
		Schedules:    newTable[core.Schedule]("schedule", "keras.optimizers.schedules"),
		Losses:       newTable[core.Loss]("loss", "keras.losses"),
		Metrics:      newTable[core.Metric]("metric", "keras.metrics"),
		Callbacks:    newTable[core.Callback]("callback", "keras.callbacks"),
		Datasets:     newTable[core.DataSource]("dataset", "keras.datasets"),
	}
}

// Default is where the standard set registers itself.
var Default = New()

// Standard is a copy with Keras' own things alone, without those of anybody's package.
func (r *Registry) Standard() *Registry {
	c := r.Clone()
	c.Layers.onlyKeras()
	c.Activations.onlyKeras()
	c.Initializers.onlyKeras()
	c.Regularizers.onlyKeras()
	c.Constraints.onlyKeras()
	c.Optimizers.onlyKeras()
	c.Schedules.onlyKeras()
	c.Losses.onlyKeras()
	c.Metrics.onlyKeras()
	c.Callbacks.onlyKeras()
	return c
}

// Clone is a copy that can grow without changing the original.
func (r *Registry) Clone() *Registry {
	return &Registry{
		r.Layers.clone(), r.Activations.clone(), r.Initializers.clone(), r.Regularizers.clone(), r.Constraints.clone(),
		r.Optimizers.clone(), r.Schedules.clone(), r.Losses.clone(), r.Metrics.clone(), r.Callbacks.clone(), r.Datasets.clone(),
	}
}

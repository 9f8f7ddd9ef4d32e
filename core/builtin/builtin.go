// Package builtin imports Keras' standard set, so that registry.Default has it.
//
//	import _ "github.com/gokeras/gk/core/builtin"
package builtin

import (
	_ "github.com/gokeras/gk/core/activations"  // registers the activations
	_ "github.com/gokeras/gk/core/callbacks"    // registers the callbacks
	_ "github.com/gokeras/gk/core/constraints"  // registers the constraints
	_ "github.com/gokeras/gk/core/dataset"      // registers the data sets
	_ "github.com/gokeras/gk/core/initializers" // registers the initializers
	_ "github.com/gokeras/gk/core/layers"       // registers the layers
	_ "github.com/gokeras/gk/core/losses"       // registers the losses
	_ "github.com/gokeras/gk/core/metrics"      // registers the metrics
	_ "github.com/gokeras/gk/core/optimizers"   // registers the optimizers
	_ "github.com/gokeras/gk/core/regularizers" // registers the regularizers
	_ "github.com/gokeras/gk/core/schedules"    // registers the learning rate schedules
)

package core

import (
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns the contracts of everything that is one function.

// Activation is an elementwise, or otherwise shape-keeping, function of a tensor.
type Activation interface {
	Apply(g *graph.Graph, x graph.Value) graph.Value
}

// ActivationName is the name that says all there is to say of an activation, such as "tanh"; "linear" for nil; "" for one that has
// settings other than the defaults, or is a layer.
func ActivationName(a Activation) string {
	if a == nil {
		return "linear"
	}
	if n, ok := a.(interface{ RegistryName() string }); ok {
		return n.RegistryName()
	}
	return ""
}

// Rand is a source of random numbers.
type Rand interface {
	Float64() float64     // uniform in [0, 1)
	NormFloat64() float64 // normal, mean 0, variance 1
	Uint64() uint64
}

// Initializer gives a weight its first values.
type Initializer interface {
	// Fill sets dst, row-major of the given shape.
	Fill(dst []float32, shape tensor.Shape, r Rand)
}

// ShapeChecker is an initializer that does not take every shape; the error says which it wants.
type ShapeChecker interface {
	CheckShape(shape tensor.Shape) error
}

// Regularizer is a penalty for a weight, or for the output of a layer, that is added to the loss.
type Regularizer interface {
	// Penalty is a scalar.
	Penalty(g *graph.Graph, w graph.Value) graph.Value
}

// Constraint is a projection that a weight undergoes after each update.
type Constraint interface {
	Project(g *graph.Graph, w graph.Value) graph.Value
}

// Schedule is a learning rate that depends on the step.
type Schedule interface {
	// At is the learning rate of a step, counted from 0.
	At(step int64) float64
}

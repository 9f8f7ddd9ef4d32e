package registry

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns the contract of layers whose weights other Kerases keep otherwise in files.

// InputGuesser is a layer whose first array in a file tells what its input is: for Sequential models whose file does not say, as those of
// Keras 2.2.3 to 2.3.1 that were made with an InputLayer.
type InputGuesser interface {
	core.Layer
	// InputOf is the shape of the input, with the batch; nil if the array does not tell.
	InputOf(first tensor.Shape) tensor.Shape
}

// ShapeKeeper is a layer without weights whose output is as large as its input: in front of an InputGuesser it has the same input.
type ShapeKeeper interface {
	core.Layer
	KeepsShape()
}

// WeightUpgrader is a layer that makes its weights of the arrays that a file of another Keras holds: kernels of Theano, an LSTM in
// twelve arrays.
type WeightUpgrader interface {
	core.Layer
	// UpgradeWeights turns the arrays of a file into values of Common().Weights(), trained ones first. what says what was done, for
	// people: "twelve arrays of Keras 1 joined to three"; it is "" where there was nothing to do, and then the arrays come back as they are.
	UpgradeWeights(arrays []*tensor.Tensor, from Origin) (values []*tensor.Tensor, what string, err error)
	// OldWeightCount is how many arrays the file of such a Keras holds where that is not the number of weights; 0 where it is.
	OldWeightCount(from Origin) int
}

package registry

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns the contract of layers whose weights other Kerases keep otherwise in files.

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

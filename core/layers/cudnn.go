package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// This file owns CuDNNLSTM and CuDNNGRU of Keras 2, which are an LSTM and a GRU with the activations that cuDNN knows, and their weights,
// which files may hold for an LSTM or GRU, too. Source: keras/layers/cudnn_recurrent.py of Keras 2.2.4 and _convert_rnn_weights
// of tf_keras/src/saving/legacy/hdf5_format.py.

func init() {
	became("CuDNNLSTM", "LSTM", asOfCuDNN(nil))
	became("CuDNNGRU", "GRU", asOfCuDNN(core.Config{"reset_after": true}))
}

// asOfCuDNN adds to a config what it need not say of a layer of cuDNN.
func asOfCuDNN(more core.Config) upgrade {
	return func(c core.Config, _ registry.Origin) error {
		c["activation"], c["recurrent_activation"] = "tanh", "sigmoid"
		for key, v := range more {
			c[key] = v
		}
		return nil
	}
}

// fromCuDNN makes kernel, recurrent_kernel and bias of those of cuDNN, which keeps the matrix of each gate transposed and one bias for
// the inputs and one for the states: (2 gates units) in all. Other arrays come back as they are. summed says that there is to be one
// bias, the sum, and not (2, gates units).
func fromCuDNN(arrays []*tensor.Tensor, gates int, summed bool) ([]*tensor.Tensor, string) {
	if len(arrays) != 3 {
		return arrays, ""
	}
	kernel, recurrent, bias := arrays[0], arrays[1], arrays[2]
	if len(kernel.Shape()) != 2 || len(recurrent.Shape()) != 2 || len(bias.Shape()) != 1 {
		return arrays, ""
	}
	u := recurrent.Shape()[0]
	wide := gates * u
	if recurrent.Shape()[1] != wide || kernel.Shape()[1] != wide || bias.Shape()[0] != 2*wide {
		return arrays, ""
	}
	values := []*tensor.Tensor{gatesTransposed(kernel, gates), gatesTransposed(recurrent, gates)}
	if !summed {
		two, err := bias.Reshape(2, wide)
		if err != nil {
			return arrays, ""
		}
		return append(values, two), "weights of cuDNN"
	}
	sum, b := make([]float32, wide), tensor.Data[float32](bias)
	for i := range sum {
		sum[i] = b[i] + b[wide+i]
	}
	return append(values, tensor.From(sum, wide)), "weights of cuDNN"
}

// gatesTransposed reads the numbers of each gate of a matrix (rows, gates units), row by row, as a matrix (units, rows), and transposes it.
func gatesTransposed(t *tensor.Tensor, gates int) *tensor.Tensor {
	rows, wide := t.Shape()[0], t.Shape()[1]
	u := wide / gates
	out := tensor.New(tensor.Float32, rows, wide)
	src, dst := tensor.Data[float32](t), tensor.Data[float32](out)
	for gate := range gates {
		for k := range rows * u {
			dst[k%rows*wide+gate*u+k/rows] = src[k/u*wide+gate*u+k%u]
		}
	}
	return out
}

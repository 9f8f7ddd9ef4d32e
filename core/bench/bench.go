// Package bench measures how fast gk is: training of three small networks on random data, a large matrix product, a prediction. The
// same networks are trained by the Python script that gk bench runs beside it.
package bench

import (
	"context"
	"time"

	_ "github.com/gokeras/gk/core/builtin" // the layers
	"github.com/gokeras/gk/core/dataset"
	"github.com/gokeras/gk/core/internal/kernel"
	"github.com/gokeras/gk/core/layers"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/core/tensor"
)

// Workload is something to measure.
type Workload struct {
	Name  string
	About string
	Unit  string // of the rates
	// Start prepares the work; each call of round does it once more and gives its rate.
	Start func() (round func() (float64, error), err error)
}

// BatchSize is that of the training workloads.
const BatchSize = 128

// Workloads are all there are.
func Workloads() []Workload {
	return []Workload{
		{"mlp", "train 784-784-10 on 784 numbers, batch 128", "samples/s", training(160, tensor.Shape{784}, func(with layers.With) (*model.Model, error) {
			return model.NewSequential(
				layers.NewDense(784, layers.With{"activation": "relu"}, with),
				layers.NewDense(10, layers.With{"activation": "softmax"}))
		})},
		{"cnn", "train conv 32, conv 64, pool, dense 128 on 28x28x1, batch 128", "samples/s", training(12, tensor.Shape{28, 28, 1}, func(with layers.With) (*model.Model, error) {
			return model.NewSequential(
				layers.NewConv2D(32, 3, layers.With{"activation": "relu"}, with),
				layers.NewConv2D(64, 3, layers.With{"activation": "relu"}),
				layers.NewMaxPooling2D(2), layers.NewDropout(0.25), layers.NewFlatten(),
				layers.NewDense(128, layers.With{"activation": "relu"}), layers.NewDropout(0.5),
				layers.NewDense(10, layers.With{"activation": "softmax"}))
		})},
		{"lstm", "train LSTM 128 on 28 steps of 28, batch 128", "samples/s", training(40, tensor.Shape{28, 28}, func(with layers.With) (*model.Model, error) {
			return model.NewSequential(
				layers.NewLSTM(128, with),
				layers.NewDense(10, layers.With{"activation": "softmax"}))
		})},
		{"matmul", "multiply two 1024x1024 matrices on one core", "GFLOPS", matmul},
	}
}

// training trains a network on random data, so many batches a round.
func training(batches int, shape tensor.Shape, network func(with layers.With) (*model.Model, error)) func() (func() (float64, error), error) {
	return func() (func() (float64, error), error) {
		input := make([]any, len(shape))
		for i, d := range shape {
			input[i] = d
		}
		m, err := network(layers.With{"input_shape": input})
		if err != nil {
			return nil, err
		}
		if err := m.Compile(model.Compile{Optimizer: "adam", Loss: "sparse_categorical_crossentropy"}); err != nil {
			return nil, err
		}
		d := randomData(batches*BatchSize, shape)
		if _, err := m.Fit(context.Background(), &dataset.Dataset{X: []*tensor.Tensor{d.X[0].Rows(0, BatchSize)}, Y: []*tensor.Tensor{d.Y[0].Rows(0, BatchSize)}},
			model.Fit{BatchSize: BatchSize}); err != nil {
			return nil, err
		}
		return func() (float64, error) {
			start := time.Now()
			_, err := m.Fit(context.Background(), d, model.Fit{BatchSize: BatchSize})
			return float64(d.Len()) / time.Since(start).Seconds(), err
		}, nil
	}
}

// randomData is n samples with labels of ten classes.
func randomData(n int, shape tensor.Shape) *dataset.Dataset {
	r := kernel.NewRand(1)
	x := make([]float32, n*shape.Size())
	for i := range x {
		x[i] = float32(r.Float64())
	}
	y := make([]int32, n)
	for i := range y {
		y[i] = int32(r.IntN(10))
	}
	return &dataset.Dataset{X: []*tensor.Tensor{tensor.From(x, append([]int{n}, shape...)...)}, Y: []*tensor.Tensor{tensor.From(y)}}
}

// matmul multiplies with one worker.
func matmul() (func() (float64, error), error) {
	const n, times = 1024, 10
	pool := kernel.NewPool(1)
	a, b, c := make([]float32, n*n), make([]float32, n*n), make([]float32, n*n)
	r := kernel.NewRand(1)
	for i := range a {
		a[i], b[i] = float32(r.Float64()), float32(r.Float64())
	}
	product := kernel.Gemm(pool, kernel.GemmSpec{M: n, N: n, K: n}, c, a, b)
	product.Run()
	return func() (float64, error) {
		start := time.Now()
		for range times {
			product.Run()
		}
		return 2 * n * n * n * times / time.Since(start).Seconds() / 1e9, nil
	}, nil
}

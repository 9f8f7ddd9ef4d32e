package model_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gokeras/gk/core/dataset"
	"github.com/gokeras/gk/core/layers"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/core/tensor"
	_ "github.com/gokeras/gk/hdf5io" // model.Load and Save know Keras' files
)

// A network learns the exclusive or, is saved as a Keras file and loaded again.
func Example() {
	m, err := model.NewSequential(
		layers.NewDense(16, layers.With{"activation": "tanh", "input_shape": 2}),
		layers.NewDense(1, layers.With{"activation": "sigmoid"}),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	err = m.Compile(model.Compile{Optimizer: "adam", Loss: "binary_crossentropy", Metrics: []string{"accuracy"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	m.Optimizer().Common().LearningRate.Value = 0.05
	data := &dataset.Dataset{
		X: []*tensor.Tensor{tensor.From([]float32{0, 0, 0, 1, 1, 0, 1, 1}, 4, 2)},
		Y: []*tensor.Tensor{tensor.From([]float32{0, 1, 1, 0})},
	}
	h, err := m.Fit(context.Background(), data, model.Fit{Epochs: 200, BatchSize: 4})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("accuracy", h.Last("accuracy"))

	dir, _ := os.MkdirTemp("", "gk")
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "xor.h5")
	if err := m.Save(file); err != nil {
		fmt.Println(err)
		return
	}
	again, err := model.Load(file, model.LoadOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	y, err := again.Predict(context.Background(), data.X, model.Run{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, p := range y[0].Float64s() {
		fmt.Printf("%v: %.0f\n", data.X[0].Rows(i, i+1).Float64s(), p)
	}
	// Output:
	// accuracy 1
	// [0 0]: 0
	// [0 1]: 1
	// [1 0]: 1
	// [1 1]: 0
}

// Two inputs share a layer, and a third layer compares what it makes of them.
func ExampleApply() {
	left, right := model.NamedInput("left", 4), model.NamedInput("right", 4)
	shared := layers.NewDense(8, layers.With{"activation": "relu", "name": "shared"})
	difference := model.Apply(layers.NewSubtract(), model.Apply(shared, left), model.Apply(shared, right))
	same := model.Apply(layers.NewDense(1, layers.With{"activation": "sigmoid", "name": "same"}), difference)
	m, err := model.New([]*model.Tensor{left, right}, []*model.Tensor{same})
	if err != nil {
		fmt.Println(err)
		return
	}
	all, trained := m.ParameterCount()
	fmt.Println(m.InputNames(), m.OutputNames(), all, trained)

	// Mistakes say which layer, what it got and what it wants.
	_, err = model.New([]*model.Tensor{left}, []*model.Tensor{model.Apply(layers.NewDense(0, layers.With{"name": "none"}), left)})
	fmt.Println(err)
	_, err = model.NewSequential(layers.NewDense(3, layers.With{"input_shape": 2, "activaton": "relu"}))
	fmt.Println(err)
	// Output:
	// [left right] [same] 49 49
	// layer "functional" (Functional): layer "none" (Dense): units: got 0, want > 0
	// layer "sequential" (Sequential): layer "" (Dense): activaton: unknown key, got "relu" (did you mean "activation"?)
}

package dataset_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/gokeras/gk/core/dataset"
	"github.com/gokeras/gk/core/tensor"
)

// Train a model on digits that need no download.
func ExampleDigits() {
	s, err := dataset.Digits(context.Background(), 1000, 200, 0)
	if err != nil {
		log.Fatal(err)
	}
	x, y := s.Train.X[0], s.Train.Y[0]
	fmt.Println(x.DType(), x.Shape(), y.Shape(), s.Test.Len())
	// Output: uint8 (1000, 28, 28) (1000,) 200
}

// Read a table whose last column names the class of each row.
func ExampleLoad() {
	path := filepath.Join(os.TempDir(), "example-flowers.csv")
	defer os.Remove(path)
	if err := os.WriteFile(path, []byte("length,width,kind\n5.1,3.5,setosa\n7,3.2,versicolor\n4.9,3,setosa\n"), 0o666); err != nil {
		log.Fatal(err)
	}
	s, err := dataset.Load(context.Background(), path, dataset.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(s.Train.X[0].Float32s(), s.Train.Y[0].Float32s(), s.Train.Classes)
	// Output: [5.1 3.5 7 3.2 4.9 3] [0 1 0] [setosa versicolor]
}

// One epoch over five samples in batches of two, converted to floats between 0 and 1.
func ExampleGather() {
	images := tensor.From([]uint8{0, 51, 102, 153, 255}, 5, 1, 1)
	batches, err := dataset.NewBatches(5, 2, false, 0)
	if err != nil {
		log.Fatal(err)
	}
	buffer := make([]float32, 2)
	for step, indices := range batches.Epoch(0) {
		batch := buffer[:len(indices)]
		if err := dataset.Gather(batch, images, indices, float32(dataset.AutoScale(images))); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d of %d: %.1f\n", step+1, batches.Len(), batch)
	}
	// Output:
	// 1 of 3: [0.0 0.2]
	// 2 of 3: [0.4 0.6]
	// 3 of 3: [1.0]
}

// Keep a fifth of the samples, the last ones, for validation.
func ExampleDataset_SplitLast() {
	d := &dataset.Dataset{X: []*tensor.Tensor{tensor.New(tensor.Float32, 10, 3)}}
	train, validation, err := d.SplitLast(0.2)
	fmt.Println(train.Len(), validation.Len(), err)
	// Output: 8 2 <nil>
}

func ExampleToCategorical() {
	hot, err := dataset.ToCategorical(tensor.From([]int32{1, 0, 2}), 3)
	fmt.Println(hot.Shape(), hot.Float32s(), err)
	// Output: (3, 3) [0 1 0 1 0 0 0 0 1] <nil>
}

func ExampleWrite() {
	path := filepath.Join(os.TempDir(), "example-predictions.csv")
	defer os.Remove(path)
	if err := dataset.Write(path, []string{"p"}, []*tensor.Tensor{tensor.From([]float32{0.25, 0.75, 1, 0}, 2, 2)}); err != nil {
		log.Fatal(err)
	}
	text, err := os.ReadFile(path)
	fmt.Print(string(text))
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// p_0,p_1
	// 0.25,0.75
	// 1,0
}

func ExampleNames() {
	for _, name := range dataset.Names() {
		fmt.Printf("%s: %.12s...\n", name, dataset.About(name))
	}
	// Output:
	// digits: 28x28 digits...
	// fashion_mnist: 28x28 pictur...
	// mnist: 28x28 handwr...
}

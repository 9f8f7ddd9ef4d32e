package dataset

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gokeras/gk/core/tensor"
)

func TestRealMNIST(t *testing.T) {
	dir, err := filepath.Abs(filepath.Join("..", "..", "..", "shared", "mnist"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, mnistFile)); err != nil {
		t.Skip("real MNIST is not on this machine:", err)
	}
	t.Setenv("GK_DATA", dir)
	s, name, err := Default(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if name != "mnist" || s.Name != name || s.Origin != filepath.Join(dir, mnistFile) {
		t.Errorf("got %s from %s", name, s.Origin)
	}
	if got := shapes(s); got != "train: xuint8(60000, 28, 28) yuint8(60000,); test: xuint8(10000, 28, 28) yuint8(10000,); " {
		t.Errorf("got %s", got)
	}
	// Well-known facts: the first labels, the count of ones, the mean pixel.
	y := tensor.Data[uint8](s.Train.Y[0])
	ones, sum := 0, 0.0
	for _, v := range y {
		if v == 1 {
			ones++
		}
	}
	for _, v := range tensor.Data[uint8](s.Train.X[0]) {
		sum += float64(v)
	}
	mean := sum / 60000 / 784
	if y[0] != 5 || y[1] != 0 || y[2] != 4 || ones != 6742 || mean < 33.318 || mean > 33.319 {
		t.Errorf("got labels %v, %d ones, mean pixel %v", y[:3], ones, mean)
	}
}

package command

import (
	"errors"
	"image/png"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/model"
)

func TestPlot(t *testing.T) {
	inTemp(t)
	h := &model.History{Names: []string{"loss", "accuracy", "val_loss", "val_accuracy"}, Epochs: []int{0, 1, 2}, Values: map[string][]float64{
		"loss": {1, 0.5, 0.25}, "val_loss": {1, math.NaN(), 0.5}, "accuracy": {0.5, 0.7, 0.8}, "val_accuracy": {0.5, 0.6, 0.7}}}
	if err := plotHistory("c.png", h); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open("c.png")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if img, err := png.Decode(f); err != nil || img.Bounds().Dx() < 400 || img.Bounds().Dy() < 400 {
		t.Errorf("got %v, %v, want a picture of two plots", img, err)
	}
	if err := plotHistory("c.svg", h); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("c.svg")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{">epoch<", ">val_accuracy<", ">loss<", ">2<"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("got no %q in the picture", want)
		}
	}
	if err := plotHistory("none/c.png", h); !errors.Is(err, core.ErrIO) && !errors.Is(err, core.ErrNotFound) || !strings.Contains(err.Error(), "none/c.png: --plot: ") {
		t.Errorf("got %v, want an error with the file", err)
	}
	if got := files(t); got != "c.png c.svg" {
		t.Errorf("got files %q", got)
	}
}

func TestWholeTicks(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		want   string
	}{{1, 2, "1 2"}, {1, 5, "1 2 3 4 5"}, {1, 20, "5 10 15 20"}, {1, 100, "20 40 60 80 100"}, {3, 3, "3"}} {
		var got []string
		for _, tick := range (wholeTicks{}).Ticks(c.lo, c.hi) {
			got = append(got, tick.Label)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%v to %v: got %q, want %q", c.lo, c.hi, got, c.want)
		}
	}
}

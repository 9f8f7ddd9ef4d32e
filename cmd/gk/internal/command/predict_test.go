package command

import (
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/gokeras/gk/core/dataset"
	"github.com/gokeras/gk/core/tensor"
)

// sums writes models without training whose weights are ones: dense layers that add up their input.
const onesDense = `{"class_name": "Dense", "config": {"units": 2, "kernel_initializer": "ones", "input_shape": [3]}}`

func array(t *testing.T, file string) []float64 {
	t.Helper()
	_, arrays, err := dataset.ReadArrays(file)
	if err != nil {
		t.Fatal(err)
	}
	return arrays[0].Float64s()
}

func TestPredict(t *testing.T) {
	inTemp(t)
	writeText(t, "sum.json", `{"class_name": "Sequential", "config": {"layers": [`+onesDense+`]}}`)
	write(t, "x.npy", nil, tensor.From([]float32{1, 2, 3, 4, 5, 6}, 2, 3))
	out := ok(t, "predict", "sum.json", "x.npy")
	if want := "sample  output\n     0  6.0000 6.0000\n     1  15.0000 15.0000\n"; out != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
	o := okJSON(t, "predict", "sum.json", "x.npy")
	output := o["outputs"].([]any)[0].(map[string]any)
	row := output["values"].([]any)[1].([]any)
	if output["name"] != "dense" || row[0] != 15.0 || row[1] != 15.0 || o["samples"] != 2.0 || o["scale"] != 1.0 {
		t.Errorf("got %v", o)
	}
	for _, file := range []string{"y.npz", "y.npy"} {
		if out := ok(t, "predict", "sum.json", "x.npy", "--out", file); out != file+": 2 samples, out_0 (2, 2)\n" {
			t.Errorf("got %q", out)
		}
	}
	if got := array(t, "y.npz"); got[0] != 6 || got[3] != 15 {
		t.Errorf("got %v, want 6 6 15 15", got)
	}
	o = okJSON(t, "predict", "sum.json", "x.npy", "--out", "y.csv")
	if text, err := os.ReadFile("y.csv"); err != nil || !strings.HasSuffix(string(text), "\n6,6\n15,15\n") || o["out"] != "y.csv" {
		t.Errorf("got %q, %v and %v", text, err, o)
	}
	// CSV in: every column is a feature.
	writeText(t, "x.csv", "a,b,c\n1,1,1\n2,2,2\n3,3,3\n")
	ok(t, "predict", "sum.json", "x.csv", "--limit", "2", "--scale", "1/2", "--out", "z.npy")
	if _, arrays, err := dataset.ReadArrays("y.npz"); err != nil || len(arrays) != 1 {
		t.Error(err)
	}
	out = ok(t, "predict", "sum.json", "x.csv", "--limit", "2", "--scale", "1/2")
	if want := "note   inputs are multiplied by 0.5\nsample  output\n     0  1.5000 1.5000\n     1  3.0000 3.0000\n"; out != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
}

// Several inputs come in one archive, by name whatever the order, or in a file each; several files of one input are more samples.
func TestPredictInputs(t *testing.T) {
	inTemp(t)
	writeText(t, "two.json", `{"class_name": "Functional", "config": {"name": "two", "layers": [
		{"class_name": "InputLayer", "config": {"batch_shape": [null, 2], "name": "left"}, "name": "left", "inbound_nodes": []},
		{"class_name": "InputLayer", "config": {"batch_shape": [null, 2], "name": "right"}, "name": "right", "inbound_nodes": []},
		{"class_name": "Subtract", "config": {"name": "difference"}, "name": "difference", "inbound_nodes": [[["left", 0, 0, {}], ["right", 0, 0, {}]]]}],
		"input_layers": [["left", 0, 0], ["right", 0, 0]], "output_layers": [["difference", 0, 0], ["left", 0, 0]]}}`)
	left, right := tensor.From([]float32{5, 6}, 1, 2), tensor.From([]float32{1, 1}, 1, 2)
	write(t, "named.npz", []string{"right", "left"}, right, left)
	write(t, "ordered.npz", []string{"a", "b"}, left, right)
	write(t, "l.npy", nil, left)
	write(t, "r.npy", nil, right)
	for _, inputs := range [][]string{{"named.npz"}, {"ordered.npz"}, {"l.npy", "r.npy"}} {
		ok(t, append([]string{"predict", "two.json", "--out", "y.npz"}, inputs...)...)
		names, arrays, err := dataset.ReadArrays("y.npz")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Join(names, " ") != "out_0 out_1" || arrays[0].Float64s()[0] != 4 || arrays[0].Float64s()[1] != 5 || arrays[1].Float64s()[0] != 5 {
			t.Errorf("%q: got %q, %v and %v, want 4 5 and 5 6", inputs, names, arrays[0].Float64s(), arrays[1].Float64s())
		}
	}
	if out := ok(t, "predict", "two.json", "named.npz"); !strings.HasPrefix(out, "output \"difference\" (1, 2)\n") {
		t.Errorf("got %q", out)
	}
	writeText(t, "sum.json", `{"class_name": "Sequential", "config": {"layers": [`+onesDense+`]}}`)
	write(t, "x.npy", nil, tensor.From([]float32{1, 2, 3}, 1, 3))
	write(t, "xx.npy", nil, tensor.From([]float32{1, 1, 1, 2, 2, 2}, 2, 3))
	ok(t, "predict", "sum.json", "x.npy", "xx.npy", "--out", "y.npy")
	if o := okJSON(t, "predict", "sum.json", "x.npy", "xx.npy"); o["samples"] != 3.0 {
		t.Errorf("got %v, want 3 samples", o)
	}
	write(t, "other.npy", nil, tensor.From([]float32{1, 2}, 1, 2))
	fails(t, exitFailure, "ErrShapeMismatch", []string{"other.npy: got samples float32 (2,), want float32 (3,) as in x.npy"},
		"predict", "sum.json", "x.npy", "other.npy")
}

// Images take the size, the channels and the place of the channels that the model wants, and bytes are scaled.
func TestPredictImages(t *testing.T) {
	inTemp(t)
	picture := image.NewNRGBA(image.Rect(0, 0, 6, 6))
	for y := range 6 {
		for x := range 6 {
			picture.Set(x, y, color.NRGBA{255, 0, 51, 255})
		}
	}
	f, err := os.Create("red.png")
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(f, picture); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		shape, format string
		want          []float64
	}{
		{"[4, 4, 3]", "channels_last", []float64{1, 0, 0.2}},
		{"[3, 4, 4]", "channels_first", []float64{1, 0, 0.2}},
		{"[4, 4, 1]", "channels_last", []float64{0.32}},
	} {
		writeText(t, "mean.json", `{"class_name": "Sequential", "config": {"layers": [{"class_name": "GlobalAveragePooling2D", "config": {"input_shape": `+
			c.shape+`, "data_format": "`+c.format+`"}}]}}`)
		o := okJSON(t, "predict", "mean.json", "red.png")
		row := o["outputs"].([]any)[0].(map[string]any)["values"].([]any)[0].([]any)
		if len(row) != len(c.want) {
			t.Errorf("%s: got %v, want %v", c.shape, row, c.want)
			continue
		}
		for i, v := range row {
			if math.Abs(v.(float64)-c.want[i]) > 0.01 {
				t.Errorf("%s: got %v, want %v", c.shape, row, c.want)
			}
		}
	}
	writeText(t, "flat.json", `{"class_name": "Sequential", "config": {"layers": [{"class_name": "Dense", "config": {"units": 1, "input_shape": [16]}}]}}`)
	if o := okJSON(t, "predict", "flat.json", "red.png"); o["samples"] != 1.0 || math.Abs(o["scale"].(float64)-1./255) > 1e-9 {
		t.Errorf("got %v", o)
	}
}

// Probabilities are shown as classes.
func TestPredictClasses(t *testing.T) {
	inTemp(t)
	writeText(t, "soft.json", `{"class_name": "Sequential", "config": {"layers": [{"class_name": "Softmax", "config": {"input_shape": [3]}}]}}`)
	x := make([]float32, 12*3)
	for i := range 12 {
		x[i*3+i%3] = 5
	}
	write(t, "x.npy", nil, tensor.From(x, 12, 3))
	lines := strings.Split(ok(t, "predict", "soft.json", "x.npy"), "\n")
	for i, want := range []string{
		"sample  class  probability  next",
		"     0      0  0.9867       1: 0.0066  2: 0.0066",
		"     1      1  0.9867       0: 0.0066  2: 0.0066",
	} {
		if lines[i] != want {
			t.Errorf("line %d: got %q, want %q", i+1, lines[i], want)
		}
	}
	if got, want := lines[11], "... and 2 more (--out FILE writes all)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPredictBadInput(t *testing.T) {
	inTemp(t)
	writeText(t, "sum.json", `{"class_name": "Sequential", "config": {"layers": [`+onesDense+`]}}`)
	write(t, "x.npy", nil, tensor.From([]float32{1, 2, 3, 4}, 1, 4))
	write(t, "good.npy", nil, tensor.From([]float32{1, 2, 3}, 1, 3))
	writeText(t, "text.npy", "hello, this is no array")
	before := files(t)
	fails(t, exitFailure, "ErrShapeMismatch", []string{"x.npy: input ", "got samples of shape (4,)", "want (3,)"}, "predict", "sum.json", "x.npy", "--out", "y.npy")
	fails(t, exitFailure, "ErrNotFound", []string{"none.npy: no such file"}, "predict", "sum.json", "none.npy")
	fails(t, exitFailure, "ErrNotFound", []string{"none.h5: no such file"}, "predict", "none.h5", "good.npy")
	fails(t, exitFailure, "ErrData", []string{"text.npy: "}, "predict", "sum.json", "text.npy")
	fails(t, exitFailure, "ErrNotModel", []string{"x.npy: "}, "predict", "x.npy", "x.npy")
	fails(t, exitUsage, "ErrUsage", []string{"y.txt: --out: ", "want .npz, .npy or .csv"}, "predict", "sum.json", "good.npy", "--out", "y.txt")
	fails(t, exitFailure, "ErrNotFound", []string{"none/y.npy: "}, "predict", "sum.json", "good.npy", "--out", "none/y.npy")
	fails(t, exitUsage, "ErrUsage", []string{"--batch-size: got 0, want > 0"}, "predict", "sum.json", "good.npy", "--batch-size", "0")
	fails(t, exitUsage, "ErrUsage", []string{"predict: got 1 arguments, want MODEL INPUT..."}, "predict", "sum.json")
	if got := files(t); got != before {
		t.Errorf("got files %q, want %q", got, before)
	}
}

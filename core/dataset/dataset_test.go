package dataset

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/gokeras/gk/core/tensor"
)

// sample is the path of a file that numpy or Keras wrote (see testdata/data/generate.py).
func sample(name string) string {
	return filepath.Join("..", "..", "testdata", "data", filepath.FromSlash(name))
}

// wantError checks that err holds all of the words.
func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("got no error, want one with %q", words)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("got error %q, want %q in it", err, w)
		}
	}
}

func load(t *testing.T, source string, o Options) *Split {
	t.Helper()
	s, err := Load(t.Context(), source, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// counting is a tensor of 0, 1, 2, ...
func counting(shape ...int) *tensor.Tensor {
	data := make([]float32, tensor.Shape(shape).Size())
	for i := range data {
		data[i] = float32(i)
	}
	return tensor.From(data, shape...)
}

func TestValidate(t *testing.T) {
	x, y := counting(5, 2), counting(5)
	list := func(ts ...*tensor.Tensor) []*tensor.Tensor { return ts }
	good := []Dataset{
		{X: list(x)},
		{X: list(x, y), Y: list(y), W: list(y)},
		{X: list(x), Y: list(y, x), W: list(y, y), Files: make([]string, 5)},
	}
	for i, d := range good {
		if err := d.Validate(); err != nil || d.Len() != 5 {
			t.Errorf("%d: %v, %d samples", i, err, d.Len())
		}
	}
	bad := []struct {
		d    Dataset
		want []string
	}{
		{Dataset{}, []string{"no input"}},
		{Dataset{X: list(tensor.New(tensor.Float32))}, []string{`"x"`, "scalar"}},
		{Dataset{X: list(counting(0, 3))}, []string{`"x"`, "no data", "(0, 3)"}},
		{Dataset{X: list(x, counting(4)), XNames: []string{"left", "right"}}, []string{`"right"`, "got 4", "want 5", `"left"`}},
		{Dataset{X: list(x, counting(4))}, []string{`"x_1"`, "got 4", "want 5", `"x"`}},
		{Dataset{X: list(x), Y: list(counting(6))}, []string{`"y"`, "got 6", "want 5"}},
		{Dataset{X: list(x), Y: list(y), W: list(counting(4))}, []string{"sample_weight", "got 4"}},
		{Dataset{X: list(x), Y: list(y), W: list(x)}, []string{"sample_weight", "(5, 2)", "(5,)"}},
		{Dataset{X: list(x), Y: list(y), W: list(y, y)}, []string{"weights", "got 2"}},
		{Dataset{X: list(x), Files: []string{"a"}}, []string{"got 1", "want 5"}},
	}
	for _, c := range bad {
		wantError(t, c.d.Validate(), c.want...)
	}
	wantError(t, (&Split{Train: &good[0], Test: &bad[0].d}).Validate(), "no input")
	if n := (&Dataset{}).Len(); n != 0 {
		t.Errorf("empty: got %d samples", n)
	}
}

func TestSplitLast(t *testing.T) {
	d := &Dataset{X: []*tensor.Tensor{counting(10, 2)}, Y: []*tensor.Tensor{counting(10)}, W: []*tensor.Tensor{counting(10)},
		Files: strings.Split("abcdefghij", ""), Classes: []string{"c"}}
	// The sizes are what Keras' train_validation_split gives, rounding errors of 1 - fraction included.
	for fraction, want := range map[float64]int{0.2: 8, 0.3: 7, 0.9: 0, 0.25: 7, 0.5: 5, 0.999: 0, 0.1: 9, 0.7: 3, 0.6: 4} {
		train, val, err := d.SplitLast(fraction)
		if want == 0 {
			wantError(t, err, "validation split", "10 samples")
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if train.Len() != want || val.Len() != 10-want {
			t.Errorf("%v: got %d and %d samples, want %d for training", fraction, train.Len(), val.Len(), want)
		}
		if got := tensor.Data[float32](val.Y[0])[0]; got != float32(want) || val.Files[0] != string(rune('a'+want)) {
			t.Errorf("%v: validation begins with sample %v, %s", fraction, got, val.Files[0])
		}
		if err := train.Validate(); err != nil || len(val.W) != 1 || val.Classes == nil {
			t.Errorf("%v: %v; weights and classes must stay", fraction, err)
		}
	}
	for _, fraction := range []float64{0, 1, -0.1, 1.5, nan()} {
		_, _, err := d.SplitLast(fraction)
		wantError(t, err, "between 0 and 1")
	}
}

func nan() float64 { z := 0.0; return z / z }

func TestLimit(t *testing.T) {
	d := &Dataset{X: []*tensor.Tensor{counting(10, 2)}}
	s := &Split{Train: d, Test: d.Slice(0, 3), Name: "n"}
	if l := s.Limit(5); l.Train.Len() != 5 || l.Test.Len() != 3 || l.Name != "n" || s.Train.Len() != 10 {
		t.Errorf("got %d and %d", l.Train.Len(), l.Test.Len())
	}
	if l := (&Split{Train: d}).Limit(0); l.Train.Len() != 10 || l.Test != nil {
		t.Errorf("0 must keep everything")
	}
}

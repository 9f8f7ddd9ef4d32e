package dataset

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/gokeras/gk/core/tensor"
	"github.com/sbinet/npyio/npz"
	"pgregory.net/rapid"
)

func writeSplit(t *testing.T, path string, s *Split) {
	t.Helper()
	err := Write(path, []string{"x_train", "y_train", "x_test", "y_test"},
		[]*tensor.Tensor{s.Train.X[0], s.Train.Y[0], s.Test.X[0], s.Test.Y[0]})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWriteAndLoad(t *testing.T) {
	dir := t.TempDir()
	a, b := counting(3, 2), tensor.From([]int64{7, -8, 9})
	path := filepath.Join(dir, "p.npz")
	if err := Write(path, []string{"", "dense/out"}, []*tensor.Tensor{a, b}); err != nil {
		t.Fatal(err)
	}
	s := load(t, path, Options{Inputs: []string{"out_0"}, Outputs: []string{"dense/out"}})
	if tensor.MaxAbsDiff(s.Train.X[0], a) != 0 || tensor.MaxAbsDiff(s.Train.Y[0], b) != 0 || s.Train.Y[0].DType() != tensor.Int64 {
		t.Errorf("got %s", shapes(s))
	}
	var theirs []float32
	r, err := npz.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Read("out_0.npy", &theirs); err != nil || fmt.Sprint(theirs) != "[0 1 2 3 4 5]" {
		t.Errorf("npyio: got %v, %v", theirs, err)
	}

	path = filepath.Join(dir, "P.NPY")
	if err := Write(path, nil, []*tensor.Tensor{a}); err != nil {
		t.Fatal(err)
	}
	if x := load(t, path, Options{}).Train.X[0]; tensor.MaxAbsDiff(x, a) != 0 {
		t.Errorf("npy: got %v", x.Float32s())
	}

	path = filepath.Join(dir, "p.csv")
	all := []*tensor.Tensor{tensor.From([]float32{0.1, 2, 1e-9, 4}, 2, 2), tensor.From([]float64{0.1, 2}), tensor.From([]uint8{3, 255}, 2, 1),
		tensor.From([]int32{-1, 5})}
	if err := Write(path, []string{"p", "q"}, all); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if want := "p_0,p_1,q,out_2,out_3\n0.1,2,0.1,3,-1\n1e-09,4,2,255,5\n"; err != nil || string(got) != want {
		t.Errorf("csv: got %q, want %q", got, want)
	}
	if got := leftOver(t, dir); len(got) != 3 {
		t.Errorf("folder has %q", got)
	}
}

func TestWriteErrorsLeaveNothing(t *testing.T) {
	dir := t.TempDir()
	a := counting(3, 2)
	old := filepath.Join(dir, "old.npy")
	put(t, old, "old")
	for _, c := range []struct {
		path    string
		names   []string
		tensors []*tensor.Tensor
		words   []string
	}{
		{"p.txt", nil, []*tensor.Tensor{a}, []string{`".txt"`, ".npz, .npy or .csv"}},
		{"p", nil, []*tensor.Tensor{a}, []string{`""`}},
		{"p.npz", nil, nil, []string{"no arrays"}},
		{"p.npz", []string{"a", "a"}, []*tensor.Tensor{a, a}, []string{`"a"`, "twice"}},
		{"p.npz", []string{"a", "b"}, []*tensor.Tensor{a}, []string{"2 names for 1"}},
		{"old.npy", nil, []*tensor.Tensor{a, a}, []string{"one array, got 2", ".npz"}},
		{"p.csv", nil, []*tensor.Tensor{a, counting(2)}, []string{`"out_1"`, "(2,)", `"out_0"`}},
		{"p.csv", nil, []*tensor.Tensor{tensor.New(tensor.Float32)}, []string{`"out_0"`, "()"}},
		{"none/p.npz", nil, []*tensor.Tensor{a}, []string{"none"}},
	} {
		wantError(t, Write(filepath.Join(dir, filepath.FromSlash(c.path)), c.names, c.tensors), c.words...)
	}
	if got := leftOver(t, dir); len(got) != 1 {
		t.Errorf("left over: %q", got)
	}
	if got, err := os.ReadFile(old); err != nil || string(got) != "old" {
		t.Errorf("the old file is %q, %v", got, err)
	}
}

func TestNpzRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.npz")
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5).Draw(t, "n")
		var names []string
		var all []*tensor.Tensor
		for i := range rapid.IntRange(1, 4).Draw(t, "arrays") {
			data := rapid.SliceOfN(rapid.Float32(), n*(i+1), n*(i+1)).Draw(t, "data")
			names, all = append(names, fmt.Sprintf("in_%d", i)), append(all, tensor.From(data, n, i+1))
		}
		if err := Write(path, names, all); err != nil {
			t.Fatal(err)
		}
		s, err := Load(t.Context(), path, Options{Inputs: names})
		if err != nil {
			t.Fatal(err)
		}
		for i, x := range s.Train.X {
			if tensor.MaxAbsDiff(x, all[i]) != 0 {
				t.Fatalf("array %d: got %v, want %v", i, x.Float32s(), all[i].Float32s())
			}
		}
	})
}

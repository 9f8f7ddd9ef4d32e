package command

import (
	"fmt"
	"github.com/gokeras/gk/registry"
	"math"
	"reflect"
	"testing"

	"github.com/gokeras/gk/core/tensor"
)

// The six experiments are what they should be: models of these sizes, trained so.
func TestExperimentFiles(t *testing.T) {
	for n, want := range []struct {
		parameters, layers, epochs int
		optimizer                  string
	}{
		{623_290, 2, 2, "Adam"}, {1_238_730, 3, 2, "Adam"}, {1_854_170, 4, 2, "Adam"}, {1_854_170, 5, 2, "Adam"}, {1_854_170, 5, 2, "SGD"},
		{1_854_170, 5, 20, "SGD"},
	} {
		file := fmt.Sprintf("../../../../testdata/experiments/%d.json", n+1)
		o, err := experimentObject(file)
		if err != nil {
			t.Fatal(err)
		}
		x, err := newExperiment(o, registry.Default)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all, _ := x.model.ParameterCount()
		optimizer, _ := x.compile.Optimizer.(map[string]any)
		if all != want.parameters || len(x.model.Summary(false).Rows) != want.layers || x.fit.Epochs != want.epochs || x.fit.BatchSize != 200 ||
			optimizer["class_name"] != want.optimizer || x.compile.Loss != "categorical_crossentropy" || x.data != "mnist" {
			t.Errorf("%s: got %d parameters in %d layers, fit %+v, compile %+v, data %q; want %+v", file, all, len(x.model.Summary(false).Rows), x.fit,
				x.compile, x.data, want)
		}
	}
}

func TestParseObject(t *testing.T) {
	config := func(class string, c map[string]any) any { return map[string]any{"class_name": class, "config": c} }
	for text, want := range map[string]any{
		"adam":                           "adam",
		"SGD:momentum=0.9,nesterov=true": config("SGD", map[string]any{"momentum": 0.9, "nesterov": true}),
		"CSVLogger:filename=log.csv":     config("CSVLogger", map[string]any{"filename": "log.csv"}),
		`{"class_name": "Adam"}`:         map[string]any{"class_name": "Adam"},
	} {
		if got, err := parseObject(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"SGD:momentum", `{"class_name"`} {
		if got, err := parseObject(text); err == nil {
			t.Errorf("%s: got %v, want an error", text, got)
		}
	}
}

func TestClassWeight(t *testing.T) {
	labels := tensor.From([]uint8{0, 0, 0, 1})
	x := &experiment{fit: fitSettings{ClassWeight: map[string]any{"1": 3.0}}}
	for flag, want := range map[string]map[int]float64{"": {1: 3}, "0:0.5,2:4": {0: 0.5, 2: 4}, "balanced": {0: 4. / 6, 1: 2}} {
		got, err := x.classWeight(flag, labels)
		if err != nil || len(got) != len(want) {
			t.Errorf("%q: got %v, %v, want %v", flag, got, err, want)
		}
		for class, w := range want {
			if math.Abs(got[class]-w) > 1e-12 {
				t.Errorf("%q: got %v, want %v", flag, got, want)
			}
		}
	}
	for _, flag := range []string{"1=2", "x:1", "1:x", "-1:2", "1:-2"} {
		if got, err := x.classWeight(flag, labels); err == nil {
			t.Errorf("%q: got %v, want an error", flag, got)
		}
	}
}

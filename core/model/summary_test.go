package model_test

import (
	"os"
	"strings"
	"testing"

	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/registry"
)

// TestSummary compares with what Keras 3.15.1 prints of the same model: shared, nested and branching layers, states as outputs.
func TestSummary(t *testing.T) {
	text, err := os.ReadFile("testdata/summary.json")
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.FromJSON(text, registry.Default, registry.Origin{})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Compile(model.Compile{Optimizer: "adam", Loss: "mse"}); err != nil {
		t.Fatal(err)
	}
	m.BuildOptimizer()
	for file, nested := range map[string]bool{"summary.txt": false, "summary_nested.txt": true} {
		want, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		if _, err := m.Summary(nested).WriteTo(&got); err != nil {
			t.Fatal(err)
		}
		if got.String() != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", file, got.String(), want)
		}
	}
}

// A Sequential model hides its input, and its long names go on in the next line rather than being cut.
func TestSummarySequential(t *testing.T) {
	m, err := model.FromJSON([]byte(`{"class_name": "Sequential", "config": {"layers": [
		{"class_name": "Dense", "config": {"units": 1000, "input_shape": [2], "name": "a_name_that_is_longer_than_its_column_is"}},
		{"class_name": "Dropout", "config": {"rate": 0.5, "name": "drop"}}]}}`), registry.Default, registry.Origin{})
	if err != nil {
		t.Fatal(err)
	}
	got := m.Summary(false).String()
	for _, want := range []string{
		"│ a_name_that_is_longer_than_its_colum │ (None, 1000)                │           3,000 │\n│ n_is (Dense)                         │",
		"│ drop (Dropout)                       │ (None, 1000)                │               0 │\n",
		"\n Total params: 3,000 (11.72 KB)\n Trainable params: 3,000 (11.72 KB)\n Non-trainable params: 0 (0.00 B)\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got\n%s\nwant in it\n%s", got, want)
		}
	}
	if strings.Contains(got, "Input") || strings.Contains(got, "Optimizer") {
		t.Errorf("got\n%s\nwant no input and no optimizer", got)
	}
}

// A model without a known input says so.
func TestSummaryUnbuilt(t *testing.T) {
	m, err := model.FromJSON([]byte(`{"class_name": "Sequential", "config": {"layers": [{"class_name": "Dense", "config": {"units": 3}}]}}`),
		registry.Default, registry.Origin{})
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Summary(false).String(); !strings.Contains(got, "(Dense)") || !strings.Contains(got, "│ ?  ") || !strings.Contains(got, "0 (unbuilt) │") {
		t.Errorf("got\n%s\nwant a layer that is not built", got)
	}
}

package model_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/coretest"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/registry"
)

// TestTensorFlow holds functions of TensorFlow between layers against tf_keras, and what they are written as in Keras 3 as well.
func TestTensorFlow(t *testing.T) {
	for _, c := range coretest.Read(t, "tensorflow") {
		t.Run(c.Name, func(t *testing.T) {
			text, err := json.Marshal(c.Meta["config"])
			if err != nil {
				t.Fatal(err)
			}
			m, err := model.FromJSON(text, nil, registry.Origin{KerasVersion: "2.15.0", Backend: "tensorflow"})
			if err != nil {
				t.Fatalf("%s: %v", c.Row["expr"], err)
			}
			comparePredictions(t, "outputs", m, c)
			for _, dialect := range []core.Dialect{core.Keras3, core.Legacy} {
				config, err := m.Config(dialect)
				if c.Row["unwritable"] == true {
					if !errors.Is(err, core.ErrUnsupported) {
						t.Errorf("dialect %d: got error %v, want ErrUnsupported", dialect, err)
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				if err := coretest.ThroughJSON(&config); err != nil {
					t.Fatal(err)
				}
				if text, _ := json.Marshal(config); strings.Contains(string(text), "OpLambda") {
					t.Errorf("dialect %d: written as %s", dialect, text)
				}
				comparePredictions(t, "outputs of what is written", operationModel(t, c, config), c)
			}
		})
	}
}

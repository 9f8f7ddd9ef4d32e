package layers_test

import (
	"testing"

	_ "github.com/gokeras/gk/core/builtin"
	"github.com/gokeras/gk/core/coretest"
	"github.com/gokeras/gk/registry"
)

// TestLayers checks every row of the cases against what Keras makes of it, and that every layer has a row.
func TestLayers(t *testing.T) {
	coretest.Layers(t, registry.Default, coretest.LayerCases(t))
}

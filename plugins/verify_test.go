package plugins_test

import (
	"os"
	"testing"

	"github.com/gokeras/gk/plugins"
	"github.com/gokeras/gk/plugins/plugintest"
)

func TestConformance(t *testing.T) {
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	plugintest.Run(t, plugins.ThePlugin())
	for _, transport := range []string{"futex", "fdbell", "stream"} {
		t.Run(transport, func(t *testing.T) { plugintest.Program(t, path, plugins.Options{Transport: transport}) })
	}
}

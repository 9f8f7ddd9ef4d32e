package main

import (
	"testing"

	"github.com/gokeras/gk/plugins/plugintest"
)

func TestPlugin(t *testing.T) {
	plugintest.Run(t, config)
	plugintest.Binary(t, ".")
}

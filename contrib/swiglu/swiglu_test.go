// Package swiglu holds the test of a plugin in Python: a layer written for Keras, served unchanged.
package swiglu

import (
	"cmp"
	"os"
	"os/exec"
	"testing"

	"github.com/gokeras/gk/plugins"
	"github.com/gokeras/gk/plugins/plugintest"
)

func TestPlugin(t *testing.T) {
	python := cmp.Or(os.Getenv("GK_PYTHON"), "python3")
	if out, err := exec.Command(python, "-c", "import gk_plugin, keras").CombinedOutput(); err != nil {
		t.Skipf("%s has no gk_plugin and keras (set GK_PYTHON): %.200s", python, out)
	}
	plugintest.Program(t, "swiglu.py", plugins.Options{Python: python})
}

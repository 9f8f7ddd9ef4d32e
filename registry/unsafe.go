package registry

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/gokeras/gk/core"
)

// This file owns refusing what only running a file's code, or opening what it names, could restore.

// needsCode are Keras' layers whose config is code or names code, by what they hold.
var needsCode = map[string]string{
	"Lambda":             "Python code",
	"TorchModuleWrapper": "a pickled PyTorch module",
	"TFSMLayer":          "the path of a TensorFlow SavedModel",
	"JaxLayer":           "a JAX function",
	"FlaxLayer":          "a Flax module",
	"__lambda__":         "Python code",
}

// readsFiles are layers that have a vocabulary, which may be the path of a file.
var readsFiles = map[string]bool{"StringLookup": true, "IntegerLookup": true, "TextVectorization": true, "IndexLookup": true}

// unknownLayer is the error for a layer that no table has.
func (d *Decoder) unknownLayer(o Object) error {
	if what, ok := needsCode[o.Class]; ok {
		err := core.Errorf(core.ErrUnsafeObject, "", "holds %s, which gk never runs", what)
		err.Hint = "write the layer as a plugin that registers the class " + fmt.Sprintf("%q", o.Class)
		return err
	}
	if path, ok := o.Config["vocabulary"].(string); ok && readsFiles[o.Class] {
		return core.WithHint(core.Errorf(core.ErrUnsafePath, "vocabulary", "got %q, which names a file or an address", path),
			"give the vocabulary as a list")
	}
	err := d.Layers.Unknown(cmp.Or(o.RegisteredName, o.Class))
	var e *core.Error
	if errors.As(err, &e) && o.Module != "" && !strings.HasPrefix(o.Module, "keras") {
		e.Msg += fmt.Sprintf(" of module %q", o.Module)
	}
	return core.WithHint(err, "a plugin can provide it")
}

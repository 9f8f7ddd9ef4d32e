package registry

import (
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

// needsText are layers that take text, of which no tensor of gk is.
var needsText = map[string]bool{"StringLookup": true, "TextVectorization": true, "CategoryCrossing": true}

// needsTensorFlow are layers that are made of what TensorFlow has beside Keras, by what that is.
var needsTensorFlow = map[string]string{
	"DenseFeatures":    "feature columns of TensorFlow",
	"SequenceFeatures": "feature columns of TensorFlow",
	"KerasLayer":       "a module of TensorFlow Hub",
}

// readsFiles are layers that have a vocabulary, which may be the path of a file.
var readsFiles = map[string]bool{"StringLookup": true, "IntegerLookup": true, "TextVectorization": true, "IndexLookup": true}

// needsPlugin is the error for what holds code; replacement is what a plugin has to register in its place.
func needsPlugin(what, replacement string) error {
	err := core.Errorf(core.ErrUnsafeObject, "", "holds %s, which gk never runs", what)
	err.Hint = fmt.Sprintf("a plugin that registers the %s can replace it: %s", replacement, pluginCommand)
	return err
}

// unknownLayer is the error for a layer that no table has.
func (d *Decoder) unknownLayer(o Object) error {
	if what, ok := needsCode[o.Class]; ok {
		return needsPlugin(what, fmt.Sprintf("class %q", o.Class))
	}
	if path, ok := o.Config["vocabulary"].(string); ok && readsFiles[o.Class] {
		return core.WithHint(core.Errorf(core.ErrUnsafePath, "vocabulary", "got %q, which names a file or an address", path),
			"give the vocabulary as a list")
	}
	class := strings.TrimPrefix(o.Class, experimental)
	if needsText[class] {
		return core.WithHint(core.Errorf(core.ErrUnknownLayer, "", "takes text, and tensors of gk hold numbers"),
			"give gk the model behind this layer, and the numbers that the layer gives; "+withoutIt)
	}
	if what, ok := needsTensorFlow[o.Class]; ok {
		return core.WithHint(core.Errorf(core.ErrUnknownLayer, "", "is made of %s, which gk has not", what),
			fmt.Sprintf("a plugin that registers the class %q and takes tensors can replace it: %s", o.Class, pluginCommand))
	}
	err := d.Layers.Unknown(o.fullName())
	var e *core.Error
	if errors.As(err, &e) && (e.Hint == "" || d.KerasVersion != "") { // else it is a slip of whoever writes the config
		if o.Module != "" && !strings.HasPrefix(o.Module, "keras") {
			e.Msg += fmt.Sprintf(" of module %q", o.Module)
		}
		e.Msg += ", with config " + o.briefConfig()
		e.Hint = strings.TrimPrefix(e.Hint+" a plugin can provide it: "+pluginCommand, " ")
	}
	return err
}

// Package callbacks is Keras' callbacks, one file each. A callback is a struct whose JSON-tagged fields are the arguments of Keras' class.
// History and progress belong to training itself (core/model).
//
//	model.Fit{Callbacks: []core.Callback{
//		callbacks.NewEarlyStopping(callbacks.With{"patience": 3, "restore_best_weights": true}),
//		callbacks.NewModelCheckpoint("best.keras", callbacks.With{"save_best_only": true}),
//	}}
package callbacks

import (
	"maps"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/registry"
)

// With is settings of a callback by Keras' keys. What is wrong with them is the error of OnTrainBegin.
type With = core.Config

// base is what all callbacks embed: they do nothing but for what they override, and keep a mistake in their settings.
type base struct {
	core.NopCallback
	err error
}

// OnTrainBegin reports a mistake in the settings.
func (b *base) OnTrainBegin(core.Trainer) error { return b.err }

func (b *base) fail(err error) { b.err = err }

// register adds a callback to the standard set.
func register[C core.Callback](name string, newCallback func() C) {
	registry.Default.Callbacks.MustAdd(registry.Entry[core.Callback]{Name: name, New: func() core.Callback { return newCallback() }})
}

// configure makes a callback from arguments and settings.
func configure[C interface {
	core.Callback
	fail(err error)
}](class string, arguments With, with []With) C {
	c := maps.Clone(arguments)
	if c == nil {
		c = With{}
	}
	for _, w := range with {
		maps.Copy(c, w)
	}
	callback, err := registry.Default.Decoder(registry.Origin{}).Callback(With{"class_name": class, "config": c})
	if err != nil {
		callback = registry.Default.Callbacks.Lookup(class).New()
		callback.(C).fail(err)
	}
	return callback.(C)
}

// usage is the error for settings that make no sense.
func usage(callback, key, format string, args ...any) error {
	return core.Errorf(core.ErrUsage, "callback \""+callback+"\": "+key, format, args...)
}

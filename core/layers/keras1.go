package layers

import (
	"maps"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/registry"
)

// This file owns what Keras 1 called otherwise: the old names of what several layers share, and how an upgrade applies them. Source:
// keras/legacy/interfaces.py of Keras 2.2.5.

// upgrade changes the config of a layer in a file of another Keras into that of today.
type upgrade = func(c core.Config, from registry.Origin) error

// upgrades does one upgrade after the other.
func upgrades(all ...upgrade) upgrade {
	return func(c core.Config, from registry.Origin) error {
		for _, u := range all {
			if err := u(c, from); err != nil {
				return err
			}
		}
		return nil
	}
}

// renamed gives keys of Keras 1 their names of today; what has none today, "", is dropped.
func renamed(lists ...map[string]string) upgrade {
	names := map[string]string{}
	for _, l := range lists {
		maps.Copy(names, l)
	}
	return func(c core.Config, from registry.Origin) error {
		if from.Major() != 1 {
			return nil
		}
		for old, key := range names {
			v, ok := c[old]
			if !ok {
				continue
			}
			delete(c, old)
			if key != "" {
				c[key] = v
			}
		}
		return nil
	}
}

// dropped drops keys, from files of every generation: for layers that only old Kerases have.
func dropped(keys ...string) upgrade {
	return func(c core.Config, _ registry.Origin) error {
		for _, key := range keys {
			delete(c, key)
		}
		return nil
	}
}

// became registers a name that only old files have for a layer of today. change, which may be nil, makes the config that of the layer.
func became(old, now string, change upgrade) {
	registry.Default.Layers.MustAdd(registry.Entry[core.Layer]{
		Name: old, Module: registry.LegacyModule,
		New: func() core.Layer { return registry.Default.Layers.Lookup(now).New() },
		Becomes: func(c core.Config, from registry.Origin) (string, error) {
			if change == nil {
				return now, nil
			}
			return now, change(c, from)
		},
	})
}

// Old names by what a layer has.
var (
	kernelNames = map[string]string{"init": "kernel_initializer", "W_regularizer": "kernel_regularizer", "W_constraint": "kernel_constraint"}
	biasNames   = map[string]string{"bias": "use_bias", "b_regularizer": "bias_regularizer", "b_constraint": "bias_constraint"}
	windowNames = map[string]string{"border_mode": "padding", "subsample": "strides", "subsample_length": "strides", "stride": "strides",
		"pool_length": "pool_size", "atrous_rate": "dilation_rate", "nb_filter": "filters", "filter_length": "kernel_size"}
	// What a layer repeats of the input it is given; batch_input_shape of the first layer says it too.
	inputNames = map[string]string{"input_dim": "", "input_length": ""}
	rateName   = map[string]string{"p": "rate"}
)

// renamedFormat is dim_ordering, which is data_format today.
func renamedFormat(c core.Config, from registry.Origin) error {
	v, ok := c["dim_ordering"]
	if !ok || from.Major() != 1 {
		return nil
	}
	delete(c, "dim_ordering")
	switch v {
	case "th":
		c["data_format"] = channelsFirst
	case "tf":
		c["data_format"] = "channels_last"
	case "default", nil: // as other layers of the model, or as gk's own default
		if from.DataFormat != "" {
			c["data_format"] = from.DataFormat
		}
	default:
		return core.Errorf(core.ErrLayerConfig, "dim_ordering", "got %v, want th, tf or default", v)
	}
	return nil
}

// inheritedFormat is renamedFormat for layers of images and volumes whose config Keras 1 forgets to write it in.
func inheritedFormat(c core.Config, from registry.Origin) error {
	if _, ok := c["dim_ordering"]; !ok && from.Major() == 1 && from.DataFormat != "" && c["data_format"] == nil {
		c["data_format"] = from.DataFormat
	}
	return renamedFormat(c, from)
}

// joinedKernelSize makes kernel_size of the keys that Keras 1 had for each axis.
func joinedKernelSize(c core.Config, from registry.Origin) error {
	if from.Major() != 1 {
		return nil
	}
	for _, keys := range [][]string{{"nb_row", "nb_col"}, {"kernel_dim1", "kernel_dim2", "kernel_dim3"}} {
		if _, ok := c[keys[0]]; !ok {
			continue
		}
		var size []any
		for _, key := range keys {
			v, ok := c[key]
			if !ok {
				return core.Errorf(core.ErrLayerConfig, key, "got none beside %s, want a size", keys[0])
			}
			size = append(size, v)
			delete(c, key)
		}
		c["kernel_size"] = size
	}
	return nil
}

// Upgrades of families of layers.
var (
	upgradeConv    = upgrades(renamed(kernelNames, biasNames, windowNames, inputNames), renamedFormat, joinedKernelSize)
	upgradePooling = upgrades(renamed(windowNames), renamedFormat)
	upgradeRate    = upgrades(renamed(rateName), renamedFormat)
)

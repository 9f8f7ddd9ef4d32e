package registry

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns layers that nothing provides: what is said of them, and what stands in for them where that is allowed.

// pluginCommand is how a class that gk does not have gets in.
const pluginCommand = "gk plugin install PATH, then --plugin PATH; " + withoutIt

// withoutIt is how one sees the rest of a model.
const withoutIt = "gk summary --allow-missing shows the model without it"

// Missing stands in for a layer that cannot be made: nothing provides its class, or something that its config names, or only code in the
// file could restore it. It has the name and the config that the file has for it, and takes the weights that the file has. It has no
// formula, so a model that holds it cannot run. Origin.Missing allows it.
type Missing struct {
	core.Base
	Object Object // as in the file
	Reason error  // why it cannot be made
}

// Build declares nothing: the weights are those of the file.
func (l *Missing) Build(*core.Builder, []tensor.Shape) error { return nil }

// Call fails: there is no formula.
func (l *Missing) Call(c *core.Call, _ []graph.Value) []graph.Value {
	c.Graph.Fail(&core.Error{Kind: core.ErrUnknownLayer, Where: l.Place(), Err: errNoFormula, Hint: "a plugin can provide it: " + pluginCommand})
	return []graph.Value{{}}
}

var errNoFormula = errors.New("nothing provides this layer, so it keeps its weights and cannot run")

// NoFormula reports whether an error is that of a layer that cannot run because nothing provides it.
func NoFormula(err error) bool { return errors.Is(err, errNoFormula) }

// unknown is the cause of errors about objects that nothing provides.
type unknown struct{ msg string }

func (u unknown) Error() string { return u.msg }

// unknownObject is the error about an object that no table has: an activation, an initializer, ...
func unknownObject[T any](t *Table[T], name string) error {
	err := t.Unknown(name)
	var e *core.Error
	if !errors.As(err, &e) {
		return err
	}
	hint := e.Hint
	if hint == "" {
		hint = "a plugin can provide it: " + pluginCommand
	}
	return &core.Error{Kind: e.Kind, Hint: hint, Err: unknown{e.Msg}}
}

// IsMissing reports whether a layer cannot be made for want of something that a plugin can provide.
func IsMissing(err error) bool {
	var u unknown
	return errors.Is(err, core.ErrUnknownLayer) || errors.Is(err, core.ErrUnsafeObject) || errors.As(err, &u)
}

func (d *Decoder) standIn(o Object, name string, why error) core.Layer {
	l := &Missing{Object: o, Reason: why}
	l.Name = name
	l.SetClass(o.fullName())
	if on, ok := o.Config["trainable"].(bool); ok {
		l.Trainable.Set(on)
	}
	_ = d.takeInputShape(&l.Base, maps.Clone(o.Config)) // a layer without a formula may have any config
	d.Missing(l)
	return l
}

// fullName is the class with its package, where it has one.
func (o Object) fullName() string { return cmp.Or(o.RegisteredName, o.Class) }

// briefConfig is the config for an error.
func (o Object) briefConfig() string {
	c := maps.Clone(o.Config)
	for _, key := range []string{"name", "trainable", "dtype"} { // every layer has them
		delete(c, key)
	}
	text, err := json.Marshal(c)
	if err != nil {
		return fmt.Sprint(c) // infinity, say
	}
	const most = 160
	if len(text) > most {
		return strings.ToValidUTF8(string(text[:most]), "") + "..."
	}
	return string(text)
}

// serialised is the layer as the file had it, in the form of a dialect.
func (l *Missing) serialised(d core.Dialect) map[string]any {
	config, _ := pythonNumbers(l.Object.Config).(map[string]any)
	config["name"] = l.Name
	o := map[string]any{"class_name": l.Object.fullName(), "config": config}
	if d == core.Legacy {
		return o
	}
	o["class_name"], o["registered_name"], o["module"] = l.Object.Class, l.Object.Raw["registered_name"], l.Object.Raw["module"]
	if _, class, ok := strings.Cut(l.Object.Class, ">"); ok { // as old files have it
		o["class_name"], o["registered_name"] = class, l.Object.Class
	}
	if v, ok := l.Object.Raw["build_config"]; ok {
		o["build_config"] = pythonNumbers(v)
	}
	return o
}

// pythonNumbers is a config with whole numbers as integers: JSON has one sort of numbers, and Python minds more where it wants an integer.
func pythonNumbers(v any) any {
	switch v := v.(type) {
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int(v)
		}
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = pythonNumbers(x)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, x := range v {
			out[key] = pythonNumbers(x)
		}
		return out
	}
	return v
}

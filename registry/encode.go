package registry

import (
	"fmt"
	"math"
	"reflect"
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns the way back: objects into the configs that Keras reads.

// Encoder turns objects into configs with the names of a registry.
type Encoder struct {
	*Registry
	Dialect core.Dialect
}

// Encoder encodes for one generation of Keras.
func (r *Registry) Encoder(d core.Dialect) *Encoder { return &Encoder{r, d} }

// Config is the config of x: its fields by key.
func (e *Encoder) Config(x any) (core.Config, error) {
	if own, ok := x.(OwnConfig); ok {
		return own.EncodeConfig(e)
	}
	c := core.Config{}
	for _, f := range fieldsOf(reflect.ValueOf(x)) {
		if e.Dialect == core.Legacy && (f.never || f.since3 && e.isDefault(x, f)) {
			continue
		}
		if f.omit && f.value.IsZero() {
			continue
		}
		v, err := e.value(f.value)
		if err != nil {
			return nil, core.In(f.key, core.ErrLayerConfig, err)
		}
		if e.Dialect == core.Legacy && f.legacy != "" {
			f.key = f.legacy
		}
		c[f.key] = v
	}
	return c, nil
}

// isDefault reports whether a field has the value that the constructor gives it.
func (e *Encoder) isDefault(x any, f field) bool {
	fresh := e.fresh(x)
	if fresh == nil {
		return f.value.IsZero()
	}
	for _, d := range fieldsOf(reflect.ValueOf(fresh)) {
		if d.key == f.key {
			return reflect.DeepEqual(d.value.Interface(), f.value.Interface())
		}
	}
	return false
}

// fresh is a new thing like x, with Keras' defaults, or nil.
func (e *Encoder) fresh(x any) any {
	switch x := x.(type) {
	case core.Layer:
		return freshIn(e.Layers, x)
	case core.Loss:
		return freshIn(e.Losses, x)
	case core.Metric:
		return freshIn(e.Metrics, x)
	case core.Optimizer:
		return freshIn(e.Optimizers, x)
	case core.Initializer:
		return freshIn(e.Initializers, x)
	}
	return nil
}

func freshIn[T any](t *Table[T], x T) any {
	if entry := t.Lookup(t.NameOf(x)); entry != nil {
		return entry.New()
	}
	return nil
}

// Layer is the serialised form of a layer.
func (e *Encoder) Layer(l core.Layer) (map[string]any, error) {
	if m, ok := l.(*Missing); ok {
		return m.serialised(e.Dialect), nil
	}
	name := e.Layers.NameOf(l)
	if name == "" {
		return nil, core.Errorf(core.ErrLayerConfig, l.Common().Place(), "type %T is not registered", l)
	}
	o, err := objectOf(e, e.Layers, l)
	if err == nil && e.Dialect == core.Legacy && (losesAxis(o) || e.Layers.Lookup(name).Class != name) { // Keras 3 finds the latter by the module only
		e.place(o, l)
	}
	return o, err
}

// losesAxis reports whether Keras 3 would change the axis of a layer in a legacy file: it drops all that are no single number, unless the
// layer says which module it is from.
func losesAxis(o map[string]any) bool {
	c, _ := o["config"].(core.Config)
	axis, ok := c["axis"]
	return ok && (axis == nil || reflect.TypeOf(axis).Kind() == reflect.Slice)
}

// place says which module a layer is from.
func (e *Encoder) place(o map[string]any, l core.Layer) {
	if entry := e.Layers.Lookup(e.Layers.NameOf(l)); entry != nil && entry.Package == "" {
		o["module"], o["registered_name"] = entry.Module, nil
		if entry.Registered != "" {
			o["registered_name"] = entry.Registered
		}
	}
}

// inner is the serialised form of a layer in the config of another one. Keras 3 finds it by its module only, also in legacy files;
// older ones pay no heed to that.
func (e *Encoder) inner(l core.Layer) (map[string]any, error) {
	o, err := e.Layer(l)
	if err == nil {
		e.place(o, l)
	}
	return o, err
}

func objectOf[T any](e *Encoder, t *Table[T], x T) (map[string]any, error) {
	name := t.NameOf(x)
	entry := t.Lookup(name)
	if entry == nil {
		return nil, core.Errorf(core.ErrLayerConfig, "", "%s of type %T is not registered", t.kind, x)
	}
	c, err := e.Config(x)
	if err != nil {
		return nil, core.In(fmt.Sprintf("%s %q", t.kind, name), core.ErrLayerConfig, err)
	}
	o := map[string]any{"class_name": entry.Class, "config": c}
	if e.Dialect == core.Legacy {
		if entry.Legacy != "" {
			o["class_name"] = entry.Legacy
		}
		if entry.Package != "" {
			o["class_name"] = name
		}
		return o, nil
	}
	o["module"], o["registered_name"] = entry.Module, nil
	if entry.Registered != "" {
		o["registered_name"] = entry.Registered
	}
	if entry.Package != "" {
		o["module"], o["registered_name"] = nil, name
	}
	return o, nil
}

// Optimizer is the serialised form of an optimizer.
func (e *Encoder) Optimizer(o core.Optimizer) (map[string]any, error) {
	return objectOf(e, e.Optimizers, o)
}

// Loss is the serialised form of a loss.
func (e *Encoder) Loss(l core.Loss) (map[string]any, error) { return objectOf(e, e.Losses, l) }

// Metric is the serialised form of a metric.
func (e *Encoder) Metric(m core.Metric) (map[string]any, error) { return objectOf(e, e.Metrics, m) }

// Activation is the serialised form of an activation: its name, or an object where it has settings. What Keras 3 has no more is written as
// it writes functions of its users, so that it loads with custom_objects.
func (e *Encoder) Activation(a core.Activation) (any, error) {
	if l, ok := a.(core.Layer); ok {
		return e.inner(l)
	}
	if name := core.ActivationName(a); name != "" {
		if entry := e.Activations.Lookup(name); e.Dialect == core.Keras3 && entry != nil && entry.Module == LegacyModule {
			return core.Config{"module": "builtins", "class_name": "function", "config": name, "registered_name": "function"}, nil
		}
		return name, nil
	}
	return objectOf(e, e.Activations, a)
}

// Initializer is the serialised form of an initializer.
func (e *Encoder) Initializer(i core.Initializer) (map[string]any, error) {
	return objectOf(e, e.Initializers, i)
}

// Regularizer is the serialised form of a regularizer.
func (e *Encoder) Regularizer(r core.Regularizer) (map[string]any, error) {
	return objectOf(e, e.Regularizers, r)
}

// Constraint is the serialised form of a constraint.
func (e *Encoder) Constraint(c core.Constraint) (map[string]any, error) {
	return objectOf(e, e.Constraints, c)
}

// schedule is the serialised form of a schedule. Keras 3 finds it by its module only, also in legacy files.
func (e *Encoder) schedule(s core.Schedule) (map[string]any, error) {
	o, err := objectOf(e, e.Schedules, s)
	if err == nil && e.Dialect == core.Legacy {
		if entry := e.Schedules.Lookup(e.Schedules.NameOf(s)); entry.Package == "" {
			o["module"], o["registered_name"] = entry.Module, nil
		}
	}
	return o, err
}

// value is a field as JSON.
func (e *Encoder) value(v reflect.Value) (any, error) {
	if v.CanAddr() {
		switch p := v.Addr().Interface().(type) {
		case core.ConfigValue:
			return p.Config(e.Dialect), nil
		case *core.LearningRate:
			if p.Schedule != nil {
				return e.schedule(p.Schedule)
			}
			return p.Value, nil
		}
	}
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer, reflect.Slice, reflect.Map:
		if v.IsNil() {
			return nil, nil
		}
	}
	switch x := v.Interface().(type) {
	case core.Activation:
		return e.Activation(x)
	case core.Layer:
		return e.inner(x)
	case core.Initializer:
		return objectOf(e, e.Initializers, x)
	case core.Regularizer:
		return objectOf(e, e.Regularizers, x)
	case core.Constraint:
		return objectOf(e, e.Constraints, x)
	case core.Schedule:
		return e.schedule(x)
	case core.Optimizer:
		return objectOf(e, e.Optimizers, x)
	case tensor.Shape:
		return ShapeConfig(x), nil
	}
	switch v.Kind() {
	case reflect.Pointer:
		return e.value(v.Elem())
	case reflect.Slice:
		out := make([]any, v.Len())
		for i := range out {
			x, err := e.value(v.Index(i))
			if err != nil {
				return nil, err
			}
			out[i] = x
		}
		return out, nil
	case reflect.Float64:
		if f := v.Float(); math.IsInf(f, 0) {
			return strings.TrimPrefix(fmt.Sprint(f), "+"), nil
		}
	case reflect.Int, reflect.Int64:
		return int(v.Int()), nil
	case reflect.Interface: // a number as JSON had it, such as a seed: Python wants an int back
		if f, ok := v.Interface().(float64); ok && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return int(f), nil
		}
	}
	return v.Interface(), nil
}

// ShapeConfig is a shape as JSON: null for what is unknown.
func ShapeConfig(s tensor.Shape) []any {
	out := make([]any, len(s))
	for i, d := range s {
		if d >= 0 {
			out[i] = d
		}
	}
	return out
}

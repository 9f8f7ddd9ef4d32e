package registry

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns strict decoding of Keras configs into objects: every key must be known, every value of the right type and within the
// range that the field's tag names.
//
// Tags: `json:"units" want:">0"`. want is one of ">0", ">=0", ">1", a closed range "0..1", a half-open one "0..<1", or the strings
// that are allowed, "valid|same". `keras:"3"` marks a key that only Keras 3 knows: legacy files leave it out while it has its default.
// `keras:"-legacy"` leaves it out of legacy files always, `keras:"omitnull"` out of all files while it is null; `keras:"legacy=alpha"` is
// what the key was called before Keras 3.

// Object is a serialised Keras object.
type Object struct {
	Module         string
	Class          string
	RegisteredName string
	Config         core.Config
	Raw            map[string]any // the whole object: name, inbound_nodes, build_config, ...
}

// ObjectOf reads {class_name, config, ...}; ok is false if v has not that form.
func ObjectOf(v any) (o Object, ok bool) {
	m, ok := v.(map[string]any)
	if !ok {
		return o, false
	}
	o.Raw = m
	if o.Class, ok = m["class_name"].(string); !ok {
		return o, false
	}
	o.Module, _ = m["module"].(string)
	o.RegisteredName, _ = m["registered_name"].(string)
	switch c := m["config"].(type) {
	case nil:
		o.Config = core.Config{}
	case map[string]any:
		o.Config = c
	case []any:
		if o.Class == "Sequential" { // before Keras 2.2.3
			o.Config = core.Config{"layers": c}
		}
	default:
		// Some old objects have a list or a name here; what takes it says so.
		o.Config = nil
	}
	return o, true
}

// Decoder turns configs into objects with the tables of a registry.
type Decoder struct {
	*Registry
	Origin
	depth int    // how many layers in layers are being decoded
	place string // the innermost of them
}

// Decoder decodes what comes from a file of some Keras.
func (r *Registry) Decoder(o Origin) *Decoder { return &Decoder{Registry: r, Origin: o} }

// decodeAs makes the thing that v names: a string, or an object with a config.
func decodeAs[T any](d *Decoder, t *Table[T], v any) (T, error) {
	var none T
	var name string
	config := core.Config{}
	switch v := v.(type) {
	case string:
		name = v
	case map[string]any:
		o, ok := ObjectOf(v)
		if class, named := v["name"].(string); !ok && named { // Keras 1: {name: "MaxNorm", m: 2, axis: 0}
			o, ok = Object{Class: class, Config: maps.Clone(v)}, true
			delete(o.Config, "name")
		}
		if _, isCode := v["value"].([]any); isCode && !ok || o.Class == "__lambda__" { // Keras 3 leaves out the class of an activation's code
			return none, needsPlugin(needsCode["__lambda__"], t.kind)
		}
		if !ok {
			return none, core.Errorf(core.ErrLayerConfig, "", "got an object without class_name, want the name of a %s or {class_name, config}", t.kind)
		}
		if o.Class == "function" { // Keras 3 writes functions so: the name is in config
			if name, ok = v["config"].(string); !ok {
				return none, core.Errorf(core.ErrLayerConfig, "", "got a function without a name, want a %s", t.kind)
			}
			if t.Lookup(name) == nil && t.Lookup(o.RegisteredName) != nil {
				name = o.RegisteredName
			}
			break
		}
		name, config = o.Class, maps.Clone(o.Config)
		if config == nil {
			return none, core.Errorf(core.ErrLayerConfig, "", "%s %q: got config %v, want an object", t.kind, name, v["config"])
		}
		if o.RegisteredName != "" && t.Lookup(o.RegisteredName) != nil {
			name = o.RegisteredName
		}
	default:
		if x, ok := v.(T); ok { // from Go code
			return x, nil
		}
		return none, core.Errorf(core.ErrLayerConfig, "", "got %s, want the name of a %s or {class_name, config}", show(v), t.kind)
	}
	e := t.Lookup(name)
	if e == nil {
		return none, unknownObject(t, name)
	}
	if major := d.Major(); e.Before3 != "" && (major == 1 || major == 2) {
		if d.Note != nil && d.place != "" {
			d.Note(fmt.Sprintf("%s: %s computes as in Keras %d: it is %s", d.place, name, major, e.Before3))
		}
		e = t.Lookup(e.Before3)
	}
	if e.Becomes != nil {
		name, err := e.Becomes(config, d.Origin)
		if err == nil && t.Lookup(name) == nil {
			err = t.Unknown(name)
		}
		if err != nil {
			return none, core.In(fmt.Sprintf("%s %q", t.kind, e.Name), core.ErrLayerConfig, err)
		}
		e = t.Lookup(name)
	}
	if e.Upgrade != nil {
		if err := e.Upgrade(config, d.Origin); err != nil {
			return none, core.In(fmt.Sprintf("%s %q", t.kind, name), core.ErrLayerConfig, err)
		}
	}
	x := e.New()
	if err := d.Into(x, config); err != nil {
		return none, core.In(fmt.Sprintf("%s %q", t.kind, name), core.ErrLayerConfig, err)
	}
	return x, nil
}

// Layer makes a layer from its serialised form. Errors name the layer.
func (d *Decoder) Layer(v any) (core.Layer, error) {
	o, ok := ObjectOf(v)
	if !ok || o.Config == nil {
		if l, ok := v.(core.Layer); ok {
			return l, nil
		}
		return nil, core.Errorf(core.ErrConfigJSON, "config", "got %s, want a layer as {class_name, config}", show(v))
	}
	name, _ := o.Config["name"].(string)
	if name == "" {
		name, _ = o.Raw["name"].(string)
	}
	return d.LayerOf(o, cmp.Or(name, SnakeCase(o.Class)))
}

// maxNesting bounds models in models and layers in layers.
const maxNesting = 32

// experimental is what tf.keras puts before the classes of its preprocessing layers in some files.
const experimental = "experimental.preprocessing>"

// LayerOf makes a layer from a serialised object, and gives it a name unless its config does.
func (d *Decoder) LayerOf(o Object, name string) (core.Layer, error) {
	l, err := d.layerOf(o, name)
	if err != nil && d.Missing != nil && IsMissing(err) {
		return d.standIn(o, name, err), nil
	}
	return l, err
}

func (d *Decoder) layerOf(o Object, name string) (core.Layer, error) {
	place := fmt.Sprintf("layer %q (%s)", name, o.fullName())
	defer func(before string) { d.place = before }(d.place)
	d.place = place
	if d.depth++; d.depth > maxNesting {
		d.depth = 0
		return nil, core.Errorf(core.ErrTooDeep, "model nesting", "more than %d models and layers inside of each other", maxNesting)
	}
	defer func() { d.depth = max(0, d.depth-1) }()
	if err := checkName(name); err != nil {
		return nil, core.In(place, core.ErrUnsafePath, err)
	}
	e := d.Layers.Lookup(o.RegisteredName)
	function := strings.HasPrefix(o.Module, OperationModule)
	if function {
		if e = d.Layers.Lookup(OperationName(o.Class)); e == nil { // a plugin may have it under the name of the class
			if e = d.Layers.Lookup(o.Class); e != nil && orGK(e.From) == "gk" {
				e = nil
			}
		}
	}
	if e == nil && !function {
		e = d.Layers.Lookup(strings.TrimPrefix(o.Class, experimental))
	}
	if e == nil && function {
		err := core.WithHint(core.Errorf(core.ErrUnknownLayer, "", "a function of keras.ops (%s) that gk does not have", o.Module), "a plugin that registers the class "+fmt.Sprintf("%q", o.Class)+" can provide it")
		return nil, core.In(place, core.ErrUnknownLayer, err)
	}
	if e == nil {
		return nil, core.In(place, core.ErrUnknownLayer, d.unknownLayer(o))
	}
	config := maps.Clone(o.Config)
	if e.Becomes != nil {
		name, err := e.Becomes(config, d.Origin)
		if err != nil {
			return nil, core.In(place, core.ErrLayerConfig, err)
		}
		if name != e.Name && d.Note != nil {
			d.Note(fmt.Sprintf("%s: is %s today", place, name))
		}
		if e = d.Layers.Lookup(name); e == nil {
			return nil, core.In(place, core.ErrUnknownLayer, d.Layers.Unknown(name))
		}
	}
	if e.Upgrade != nil {
		if err := e.Upgrade(config, d.Origin); err != nil {
			return nil, core.In(place, core.ErrLayerConfig, err)
		}
		d.noteUpgrade(place, o.Config, config)
	}
	l := e.New()
	l.Common().SetClass(e.Class)
	if e.Registered == "" && e.Package == "" {
		l.Common().SetClass(e.Name) // Keras names layers after their class, whatever it exports that as
	}
	if x, ok := l.(Dated); ok {
		x.SetKeras(d.Major())
	}
	if x, ok := l.(Placed); ok {
		x.SetOrigin(d.Origin)
	}
	if err := d.takeInputShape(l.Common(), config); err != nil {
		return nil, core.In(place, core.ErrLayerConfig, err)
	}
	if err := d.Into(l, config); err != nil {
		return nil, core.In(place, core.ErrLayerConfig, err)
	}
	if b := l.Common(); b.Name == "" {
		b.Name = name
	}
	return l, nil
}

// checkName refuses names that would lead out of a folder or a file if something took them for a path.
func checkName(name string) error {
	for _, part := range strings.FieldsFunc(name, func(r rune) bool { return r == '/' || r == '\\' }) {
		if part == ".." {
			return core.Errorf(core.ErrUnsafePath, "name", "got %q, which reads as a path", name)
		}
	}
	if strings.ContainsRune(name, 0) {
		return core.Errorf(core.ErrUnsafePath, "name", "got %q, which has a NUL", name)
	}
	return nil
}

// noteUpgrade tells what an upgrade made of an older config: which keys have another name, another value, or no meaning today, and which
// ones it put there because this Keras meant another default.
func (d *Decoder) noteUpgrade(place string, before, after core.Config) {
	if d.Note == nil || d.Major() >= 3 {
		return
	}
	var gone, added []string
	for _, key := range slices.Sorted(maps.Keys(before)) {
		v, ok := after[key]
		switch {
		case key == "batch_input_shape", key == "implementation": // another spelling, and what is no matter of the result
			continue
		case !ok && before[key] == false: // what there is no longer, and was off
			continue
		}
		if before[key] != nil && (!ok || !reflect.DeepEqual(before[key], v)) {
			gone = append(gone, key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(after)) {
		if _, ok := before[key]; !ok && after[key] != nil && key != "batch_input_shape" && key != "batch_shape" {
			added = append(added, key)
		}
	}
	// A key that is gone and one that is new are the same setting if no other pair has their value.
	with := func(c core.Config, keys []string, v any) (only string) {
		for _, key := range keys {
			if reflect.DeepEqual(c[key], v) {
				if only != "" {
					return ""
				}
				only = key
			}
		}
		return only
	}
	var parts []string
	for _, key := range gone {
		now := with(after, added, before[key])
		_, stays := after[key]
		switch {
		case !stays && now != "" && with(before, gone, before[key]) == key:
			parts = append(parts, key+" is "+now)
			added = slices.DeleteFunc(added, func(k string) bool { return k == now })
		case stays:
			parts = append(parts, fmt.Sprintf("%s %s is %s", key, show(before[key]), show(after[key])))
		default:
			parts = append(parts, key)
		}
	}
	for _, key := range added {
		if !slices.ContainsFunc(gone, func(old string) bool { return reflect.DeepEqual(before[old], after[key]) }) {
			parts = append(parts, fmt.Sprintf("%s = %s", key, show(after[key])))
		}
	}
	if parts != nil {
		d.Note(fmt.Sprintf("%s: config of an older Keras: %s", place, strings.Join(parts, ", ")))
	}
}

// Dated is a layer that computes otherwise in some generation of Keras though its config is the same.
type Dated interface {
	SetKeras(major int) // 0 if unknown, and in Go code
}

// Placed is a layer that computes otherwise with some backend or some minor version of Keras.
type Placed interface {
	SetOrigin(from Origin) // zero in Go code
}

// takeInputShape takes what a first layer says of its input in Go code and in old files out of its config.
func (d *Decoder) takeInputShape(b *core.Base, c core.Config) error {
	if d.Major() == 1 {
		delete(c, "input_dtype") // all inputs are numbers
	}
	for _, key := range []string{"batch_input_shape", "input_shape"} {
		v, ok := c[key]
		if !ok {
			continue
		}
		delete(c, key)
		if v == nil {
			continue
		}
		if one, err := wholeNumber(v); err == nil { // input_shape=784, as in Go code
			v = []any{one}
		}
		var s tensor.Shape
		if err := d.set(reflect.ValueOf(&s).Elem(), v); err != nil {
			return core.In(key, core.ErrLayerConfig, err)
		}
		if key == "input_shape" {
			s = append(tensor.Shape{tensor.Unknown}, s...)
		}
		b.Shape = s
	}
	return nil
}

// Into sets the fields of x, a pointer to a struct or something that has a config of its own, from a config. Keys that are missing
// leave the field as it is. Keys that are unknown are errors, unless their value is null.
func (d *Decoder) Into(x any, c core.Config) error {
	if own, ok := x.(OwnConfig); ok {
		return own.DecodeConfig(d, c)
	}
	fields := fieldsOf(reflect.ValueOf(x))
	known := make([]string, 0, len(fields))
	seen := 0
	for _, f := range fields {
		known = append(known, f.key)
		v, ok := c[f.key]
		if !ok {
			continue
		}
		seen++
		if err := d.set(f.value, v); err != nil {
			return core.In(f.key, core.ErrLayerConfig, err)
		}
		if err := inRange(f.value, f.want); err != nil {
			return core.In(f.key, core.ErrLayerConfig, err)
		}
	}
	if seen == len(c) {
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(c)) {
		if !slices.Contains(known, key) && c[key] != nil {
			err := core.Errorf(core.ErrLayerConfig, key, "unknown key, got %s", show(c[key]))
			err.Hint = DidYouMean(key, known)
			return err
		}
	}
	return nil
}

// OwnConfig is a thing whose config is not a list of fields, such as a model.
type OwnConfig interface {
	DecodeConfig(d *Decoder, c core.Config) error
	EncodeConfig(e *Encoder) (core.Config, error)
}

type field struct {
	key    string
	want   string
	since3 bool   // not in legacy files while it is the default
	never  bool   // not in legacy files
	omit   bool   // left out while null
	legacy string // the key in legacy files, if another
	value  reflect.Value
}

// fieldsOf lists the config fields of a struct, those of embedded structs first.
func fieldsOf(v reflect.Value) []field {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return nil
	}
	var fields []field
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous && f.Tag.Get("json") == "" {
			fields = append(fields, fieldsOf(v.Field(i))...)
			continue
		}
		key, option := f.Tag.Get("json"), f.Tag.Get("keras")
		if key == "" || key == "-" || !f.IsExported() {
			continue
		}
		_, legacy, _ := strings.Cut(option, "legacy=")
		fields = append(fields, field{key, f.Tag.Get("want"), option == "3", option == "-legacy", option == "omitnull", legacy, v.Field(i)})
	}
	return fields
}

// What a shape may be at most. No file of Keras comes near.
const (
	maxRank     = 32
	maxElements = 1 << 40
)

// set stores a JSON value, or a Go value of the field's own type, in a field.
func (d *Decoder) set(to reflect.Value, v any) error {
	if to.CanAddr() {
		switch p := to.Addr().Interface().(type) {
		case core.ConfigValue:
			if same := reflect.ValueOf(v); v != nil && same.Type() == to.Type() {
				to.Set(same)
				return nil
			}
			return p.SetConfig(v)
		case *core.LearningRate:
			return d.setLearningRate(p, v)
		case *core.Activation:
			return setFrom(p, v, func() (core.Activation, error) { return d.Activation(v) })
		case *core.Initializer:
			return setFrom(p, v, func() (core.Initializer, error) { return decodeAs(d, d.Initializers, v) })
		case *core.Regularizer:
			return setFrom(p, v, func() (core.Regularizer, error) { return decodeAs(d, d.Regularizers, v) })
		case *core.Constraint:
			return setFrom(p, v, func() (core.Constraint, error) { return decodeAs(d, d.Constraints, v) })
		case *core.Schedule:
			return setFrom(p, v, func() (core.Schedule, error) { return decodeAs(d, d.Schedules, v) })
		case *core.Optimizer:
			return setFrom(p, v, func() (core.Optimizer, error) { return decodeAs(d, d.Optimizers, v) })
		case *core.Layer:
			return setFrom(p, v, func() (core.Layer, error) { return d.Layer(v) })
		}
	}
	if v == nil {
		switch to.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Interface, reflect.Map:
			to.SetZero()
			return nil
		case reflect.String: // data_format, name: null is the default
			return nil
		}
		return core.Errorf(core.ErrLayerConfig, "", "got null, want %s", wantedType(to.Type()))
	}
	wrong := func() error {
		return core.Errorf(core.ErrLayerConfig, "", "got %s, want %s", show(v), wantedType(to.Type()))
	}
	switch to.Kind() {
	case reflect.Pointer:
		p := reflect.New(to.Type().Elem())
		if err := d.set(p.Elem(), v); err != nil {
			return err
		}
		to.Set(p)
	case reflect.Int, reflect.Int64:
		n, err := wholeNumber(v)
		if err != nil {
			return wrong()
		}
		if to.Kind() == reflect.Int && (n > math.MaxInt32 || n < math.MinInt32) {
			return core.Errorf(core.ErrLayerConfig, "", "got %d, want at most %d", n, math.MaxInt32)
		}
		to.SetInt(n)
	case reflect.Float64:
		switch n := v.(type) {
		case float64:
			to.SetFloat(n)
		case int:
			to.SetFloat(float64(n))
		case string: // JSON has no number for these; Python writes them so
			switch n {
			case "Infinity", "inf":
				to.SetFloat(math.Inf(1))
			case "-Infinity", "-inf":
				to.SetFloat(math.Inf(-1))
			default:
				return wrong()
			}
		default:
			return wrong()
		}
	case reflect.Bool:
		b, ok := v.(bool)
		if !ok {
			return wrong()
		}
		to.SetBool(b)
	case reflect.String:
		s, ok := v.(string)
		if !ok {
			return wrong()
		}
		to.SetString(s)
	case reflect.Slice:
		list := reflect.ValueOf(plainList(v))
		if list.Kind() != reflect.Slice {
			return wrong()
		}
		_, isShape := to.Interface().(tensor.Shape)
		if isShape && list.Len() > maxRank {
			return core.Errorf(core.ErrLayerConfig, "", "got %d axes, want at most %d", list.Len(), maxRank)
		}
		out := reflect.MakeSlice(to.Type(), list.Len(), list.Len())
		elements := 1.0
		for i := range list.Len() {
			item := list.Index(i).Interface()
			if isShape && item == nil {
				item = tensor.Unknown
			}
			if n, ok := item.(float64); ok && isShape && n > 0 {
				if elements *= n; elements > maxElements {
					return core.Errorf(core.ErrTooLarge, "", "a shape of more than %.3g elements", float64(maxElements))
				}
			}
			if err := d.set(out.Index(i), item); err != nil {
				return core.In(fmt.Sprintf("[%d]", i), core.ErrLayerConfig, err)
			}
		}
		to.Set(out)
	case reflect.Interface:
		to.Set(reflect.ValueOf(v))
	case reflect.Map:
		m := reflect.ValueOf(v)
		if m.Type() != to.Type() {
			return wrong()
		}
		to.Set(m)
	default:
		return wrong()
	}
	return nil
}

// plainList unwraps the forms in which Keras writes tuples and shapes.
func plainList(v any) any {
	if m, ok := v.(map[string]any); ok {
		switch m["class_name"] {
		case "__tuple__", "TensorShape":
			return m["items"]
		}
	}
	return v
}

func setFrom[T any](to *T, v any, decode func() (T, error)) error {
	if v == nil {
		var none T
		*to = none
		return nil
	}
	x, err := decode()
	if err != nil {
		return err
	}
	*to = x
	return nil
}

func (d *Decoder) setLearningRate(to *core.LearningRate, v any) error {
	switch v := v.(type) {
	case float64:
		*to = core.LearningRate{Value: v}
	case int:
		*to = core.LearningRate{Value: float64(v)}
	case map[string]any:
		s, err := decodeAs(d, d.Schedules, v)
		if err != nil {
			return err
		}
		*to = core.LearningRate{Schedule: s}
	case core.Schedule:
		*to = core.LearningRate{Schedule: v}
	default:
		return core.Errorf(core.ErrLayerConfig, "", "got %s, want a number or a schedule", show(v))
	}
	return nil
}

// Activation makes an activation from its name or serialised form; null is linear. A layer that is an activation, such as LeakyReLU,
// serves as one.
func (d *Decoder) Activation(v any) (core.Activation, error) {
	if v == nil {
		v = "linear"
	}
	if o, ok := ObjectOf(v); ok && d.Activations.Lookup(o.Class) == nil {
		if e := d.Layers.Lookup(o.Class); e != nil {
			l, err := d.Layer(v)
			if err != nil {
				return nil, err
			}
			if a, ok := l.(core.Activation); ok {
				return a, nil
			}
			return nil, core.Errorf(core.ErrLayerConfig, "", "got layer %q, want an activation", o.Class)
		}
	}
	return decodeAs(d, d.Activations, v)
}

// Initializer makes an initializer from its name or serialised form.
func (d *Decoder) Initializer(v any) (core.Initializer, error) { return decodeAs(d, d.Initializers, v) }

// Regularizer makes a regularizer from its name or serialised form.
func (d *Decoder) Regularizer(v any) (core.Regularizer, error) { return decodeAs(d, d.Regularizers, v) }

// Constraint makes a constraint from its name or serialised form.
func (d *Decoder) Constraint(v any) (core.Constraint, error) { return decodeAs(d, d.Constraints, v) }

// Schedule makes a learning rate schedule from its serialised form.
func (d *Decoder) Schedule(v any) (core.Schedule, error) { return decodeAs(d, d.Schedules, v) }

// Optimizer makes an optimizer from its name or serialised form.
func (d *Decoder) Optimizer(v any) (core.Optimizer, error) { return decodeAs(d, d.Optimizers, v) }

// Loss makes a loss from its name or serialised form.
func (d *Decoder) Loss(v any) (core.Loss, error) { return decodeAs(d, d.Losses, v) }

// Metric makes a metric from its name or serialised form.
func (d *Decoder) Metric(v any) (core.Metric, error) { return decodeAs(d, d.Metrics, v) }

// Callback makes a callback from its name or serialised form.
func (d *Decoder) Callback(v any) (core.Callback, error) { return decodeAs(d, d.Callbacks, v) }

// wholeNumber is the integer that a JSON number is.
func wholeNumber(v any) (int64, error) {
	switch n := v.(type) {
	case int:
		return int64(n), nil
	case int64:
		return n, nil
	case float64:
		if n == math.Trunc(n) && math.Abs(n) < 1<<53 {
			return int64(n), nil
		}
	}
	return 0, core.ErrLayerConfig
}

// inRange checks a value, or each number of a list, against a want tag.
func inRange(v reflect.Value, want string) error {
	if want == "" {
		return nil
	}
	if n, ok := v.Interface().(interface{ Null() bool }); ok && n.Null() {
		return nil
	}
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	if v.Kind() == reflect.Slice {
		for i := range v.Len() {
			if err := inRange(v.Index(i), want); err != nil {
				return err
			}
		}
		return nil
	}
	if v.Kind() == reflect.String {
		options := strings.Split(want, "|")
		if slices.Contains(options, v.String()) || v.String() == "" {
			return nil
		}
		err := core.Errorf(core.ErrLayerConfig, "", "got %q, want one of %s", v.String(), strings.Join(options, ", "))
		err.Hint = DidYouMean(v.String(), options)
		return err
	}
	var n float64
	switch v.Kind() {
	case reflect.Int, reflect.Int64:
		n = float64(v.Int())
	case reflect.Float64:
		n = v.Float()
	default:
		return nil
	}
	ok := true
	if lo, hi, isRange := strings.Cut(want, ".."); isRange {
		hi, open := strings.CutPrefix(hi, "<")
		a, _ := strconv.ParseFloat(lo, 64)
		b, _ := strconv.ParseFloat(hi, 64)
		ok = n >= a && (n < b || n == b && !open)
	} else if bound, isAtLeast := strings.CutPrefix(want, ">="); isAtLeast {
		a, _ := strconv.ParseFloat(bound, 64)
		ok = n >= a
	} else if bound, isAbove := strings.CutPrefix(want, ">"); isAbove {
		a, _ := strconv.ParseFloat(bound, 64)
		ok = n > a
	}
	if ok {
		return nil
	}
	if !strings.HasPrefix(want, ">") {
		want = "between " + strings.Replace(strings.Replace(want, "..<", " and below ", 1), "..", " and ", 1)
	} else {
		want = strings.Replace(strings.Replace(want, ">=", ">= ", 1), ">", "> ", 1)
		want = strings.Replace(want, "> = ", ">= ", 1)
	}
	return core.Errorf(core.ErrLayerConfig, "", "got %v, want %s", v.Interface(), want)
}

// wantedType says what a field takes, for errors.
func wantedType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Slice:
		return "a list"
	case reflect.Pointer:
		return wantedType(t.Elem()) + " or null"
	}
	return "an object"
}

// show writes a JSON value for an error, shortened.
func show(v any) string {
	s := fmt.Sprintf("%v", v)
	switch x := v.(type) {
	case nil:
		return "null"
	case string:
		s = strconv.Quote(x)
	case map[string]any:
		s = "an object"
		if c, ok := x["class_name"].(string); ok {
			s = fmt.Sprintf("a %q object", c)
		}
	}
	if len(s) > 80 {
		s = s[:80] + "..."
	}
	return s
}

// SnakeCase is how Keras makes a name of a class: Conv2DTranspose becomes conv2d_transpose, PReLU p_re_lu.
func SnakeCase(class string) string {
	if _, after, ok := strings.Cut(class, ">"); ok {
		class = after
	}
	var b strings.Builder
	runes := []rune(class)
	upper := func(i int) bool { return i >= 0 && i < len(runes) && runes[i] >= 'A' && runes[i] <= 'Z' }
	lower := func(i int) bool { return i >= 0 && i < len(runes) && runes[i] >= 'a' && runes[i] <= 'z' }
	for i, r := range runes {
		if r != '_' && (r < '0' || r > '9' && r < 'A' || r > 'Z' && r < 'a' || r > 'z') {
			continue
		}
		if upper(i) && i > 0 && runes[i-1] != '_' && (lower(i+1) || lower(i-1)) {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return strings.ToLower(b.String())
}

// OperationModule is where Keras 3 keeps the functions of keras.ops: a module for each family of them.
const OperationModule = "keras.src.ops."

// OperationName is the name among the layers of a function of keras.ops, whose class may have the name of a layer: Add, Multiply.
func OperationName(class string) string { return "ops." + class }

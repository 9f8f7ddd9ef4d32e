package core

// This file owns config values that are more than a Go number, string or slice. The registry decodes and encodes them.

// Config is a Keras config: a JSON object.
type Config = map[string]any

// ConfigValue is a field type with a JSON form of its own. SetConfig takes what encoding/json makes of JSON (with numbers as float64);
// its error says what came and what was wanted.
type ConfigValue interface {
	SetConfig(v any) error
	Config(d Dialect) any
}

// Dialect is the Keras generation that a config is written for.
type Dialect int

// The dialects.
const (
	Keras3 Dialect = iota // .keras files: objects with module and registered_name
	Legacy                // .h5 files: what Keras 3, tf.keras and Keras 2 all take
)

// Flag is a bool that is true unless it says otherwise.
type Flag struct{ off bool }

// On reports whether the flag is set.
func (f Flag) On() bool { return !f.off }

// Set changes the flag.
func (f *Flag) Set(on bool) { f.off = !on }

// SetConfig takes true, false and null (true).
func (f *Flag) SetConfig(v any) error {
	switch v := v.(type) {
	case nil:
		f.off = false
	case bool:
		f.off = !v
	default:
		return Errorf(ErrLayerConfig, "", "got %v, want true or false", v)
	}
	return nil
}

// Config is the flag as JSON.
func (f Flag) Config(Dialect) any { return !f.off }

// DTypePolicy is the dtype of a config: "float32", or what it was in the file. gk computes in float32 whatever it says; weights are
// stored in the type of the policy's variables.
type DTypePolicy struct{ name string }

// Name is the name of the policy: "float32", "mixed_float16", ...
func (p DTypePolicy) Name() string {
	if p.name == "" {
		return "float32"
	}
	return p.name
}

// SetConfig takes a name, or a serialised DTypePolicy.
func (p *DTypePolicy) SetConfig(v any) error {
	switch v := v.(type) {
	case nil:
		p.name = ""
		return nil
	case string:
		p.name = v
		return nil
	case map[string]any:
		if c, ok := v["config"].(map[string]any); ok {
			if name, ok := c["name"].(string); ok {
				p.name = name
				return nil
			}
		}
	}
	return Errorf(ErrLayerConfig, "", "got %v, want a dtype such as \"float32\"", v)
}

// Config is the policy as Keras writes it.
func (p DTypePolicy) Config(d Dialect) any {
	if d == Legacy {
		return p.Name()
	}
	return Config{"module": "keras", "class_name": "DTypePolicy", "config": Config{"name": p.Name()}, "registered_name": nil}
}

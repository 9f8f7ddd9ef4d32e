package hdf5io

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/hdf5io/internal/h5"
	"github.com/gokeras/gk/registry"
)

// This file owns loading: the way from a file of any form to a model.

// Options say how a file is loaded.
type Options struct {
	model.LoadOptions
	// ByName takes the weights of a legacy .h5 for layers of the same name, rather than in order. Layers without a counterpart keep
	// the values of their initializers.
	ByName bool
	// SkipMismatch leaves out weights that do not fit, which Result.Skipped then lists, instead of failing.
	SkipMismatch bool
	// Untrusted keeps libhdf5 out of the process: every byte is read by Go code.
	Untrusted bool
}

// Result is a loaded model, and what there is to say about its file.
type Result struct {
	Model        *model.Model // nil if loading failed
	Format       string       // "legacy .h5", ".keras", ...
	KerasVersion string       // of the Keras that wrote the file; "" if it does not say
	Backend      string       // "tensorflow", "theano", ...; "" if the file does not say
	Warnings     []string     // what could not be restored, or looks wrong
	Conversions  []string     // what older Kerases do otherwise and gk has converted
	Skipped      []string     // weights that were left out, by Options.SkipMismatch or ByName
	Custom       []string     // classes that are not Keras' own
	WeightsOnly  bool         // the file has no architecture of its own
	HasOptimizer bool         // the state of the optimizer has been restored
	// Missing are the layers that nothing provides, where LoadOptions.AllowMissing lets them be.
	Missing []*registry.Missing
}

// Load opens a file of Keras. The result says what the file is even where there is an error, but has no model then.
func Load(path string, o Options) (*Result, error) {
	l := &loader{Result: &Result{}, path: path, o: o}
	err := l.load()
	if err != nil {
		l.Model = nil
		return l.Result, core.InFile(path, err)
	}
	return l.Result, nil
}

// loader is a file on its way to a model.
type loader struct {
	*Result
	path string
	o    Options
	// origin is what config and weights are decoded for: the file's own word, or that of the options.
	origin registry.Origin
	// oldest says that a file which names no version is of Keras 1, as that of Keras 2 does.
	oldest bool
}

func (l *loader) load() error {
	if l.o.Registry == nil {
		l.o.Registry = registry.Default
	}
	c, size, err := sniff(l.path)
	if err != nil {
		return err
	}
	switch c {
	case contentHDF5:
		return l.loadH5()
	case contentZip:
		return l.loadArchive()
	case contentJSON, contentYAML:
		ok, err := l.loadJSON(c)
		if ok || err != nil {
			return err
		}
	}
	return core.Errorf(core.ErrNotModel, fmt.Sprintf("file signature (offset %d)", min(size, 7)), "no Keras model of any form that gk knows")
}

// read is Load for package model: ok is false where the content is not of the wanted form.
func read(path string, o model.LoadOptions, want content) (m *model.Model, ok bool, err error) {
	c, _, err := sniff(path)
	if err != nil || c != want {
		return nil, false, err
	}
	r, err := Load(path, Options{LoadOptions: o})
	if err != nil {
		return nil, true, err
	}
	for _, w := range r.Warnings {
		if o.Warn != nil {
			o.Warn(w)
		}
	}
	return r.Model, true, nil
}

func (l *loader) warn(format string, args ...any) {
	l.Warnings = append(l.Warnings, fmt.Sprintf(format, args...))
}

func (l *loader) skip(format string, args ...any) {
	l.Skipped = append(l.Skipped, fmt.Sprintf(format, args...))
}

// h5Options are those for opening HDF5.
func (l *loader) h5Options() []h5.Option {
	if l.o.Untrusted {
		return []h5.Option{h5.WithBackend(h5.BackendGo)}
	}
	return nil
}

// says takes the word of the file about where it comes from, unless an earlier word was taken.
func (l *loader) says(version, backend string) {
	if l.KerasVersion == "" {
		l.KerasVersion = version
	}
	if l.Backend == "" {
		l.Backend = backend
	}
}

// architecture makes the model of a decoded config, {class_name, config, ...}. where names it in errors.
func (l *loader) architecture(config any, where string) error {
	o, ok := config.(map[string]any)
	if ok {
		_, ok = registry.ObjectOf(o)
	}
	if !ok {
		return core.Errorf(core.ErrConfigJSON, where, "byte 0: want an object with class_name and config")
	}
	version, _ := o["keras_version"].(string)
	backend, _ := o["backend"].(string)
	l.says(version, backend)
	l.origin = registry.Origin{KerasVersion: l.KerasVersion, Backend: l.Backend, Note: func(what string) {
		if !slices.Contains(l.Conversions, what) {
			l.Conversions = append(l.Conversions, what)
		}
	}}
	if _, is3 := o["module"]; l.origin.KerasVersion == "" && l.oldest && !is3 {
		l.origin.KerasVersion = "1"
	}
	if l.o.KerasVersion != "" {
		l.origin.KerasVersion = l.o.KerasVersion
	}
	if l.o.Backend != "" {
		l.origin.Backend = l.o.Backend
	}
	if l.o.AllowMissing {
		l.origin.Missing = l.allow
	}
	l.Custom = customClasses(config)
	m, err := model.FromConfig(config, l.o.Registry, l.origin)
	if err != nil {
		return err
	}
	m.SetOrigin(model.Origin{File: l.path, Format: l.Format, KerasVersion: l.origin.KerasVersion, Backend: l.origin.Backend})
	l.Model = m
	return nil
}

// parse reads JSON that a file holds: an object, possibly as JSON inside of a JSON string, which some tools write.
func parse(text []byte, where string) (any, error) {
	v, err := core.ParseJSON(text)
	if s, ok := v.(string); ok {
		v, err = core.ParseJSON([]byte(s))
	}
	if err != nil {
		return nil, core.In(where, core.ErrConfigJSON, err)
	}
	return v, nil
}

// givenConfig is the architecture that the options bring for a file without one.
func (l *loader) givenConfig() error {
	l.WeightsOnly = true
	if l.o.Config == nil {
		return &core.Error{Kind: core.ErrNoConfig, Where: "file", Msg: "holds weights and no architecture",
			Hint: "give the architecture as Keras JSON or YAML with --config"}
	}
	v, err := parseText(l.o.Config, "config")
	if err != nil {
		return err
	}
	// A whole-model config may be wrapped: gk's own and some tools' {"model_config": {...}}.
	if o, ok := v.(map[string]any); ok && o["class_name"] == nil && o["model_config"] != nil {
		v = o["model_config"]
	}
	return l.architecture(v, "config")
}

// wantBuilt fails for a model whose input is unknown, because it has no weights to load.
func (l *loader) wantBuilt() error {
	if l.Model.Built() {
		return nil
	}
	return core.Errorf(core.ErrGraph, l.Model.Place(), "nothing says what its input is, so it cannot take weights")
}

// customClasses lists the classes of a config that come from packages other than Keras'.
func customClasses(config any) []string {
	var found []string
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				walk(x)
			}
		case map[string]any:
			name, _ := v["registered_name"].(string)
			if name == "" {
				name, _ = v["class_name"].(string)
			}
			// tf.keras writes its own optimizers as Custom>Adam.
			if strings.Contains(name, ">") && !strings.HasPrefix(name, "Custom>") && !strings.HasPrefix(name, "experimental.") && !slices.Contains(found, name) {
				found = append(found, name)
			}
			for _, x := range v {
				walk(x)
			}
		}
	}
	walk(config)
	slices.Sort(found)
	return found
}

// openError is an error of the operating system without the path, which core.Error has a field for.
func openError(err error) error {
	kind := core.ErrIO
	if os.IsNotExist(err) {
		kind = core.ErrNotFound
	}
	if e, ok := err.(*os.PathError); ok { //nolint:errorlint // package os returns it as such
		err = e.Err
	}
	return &core.Error{Kind: kind, Err: err}
}

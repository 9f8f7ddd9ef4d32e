package registry_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// probe is a layer with a field of every kind.
type probe struct {
	core.Base
	Units      int              `json:"units" want:">0"`
	Rate       float64          `json:"rate" want:"0..<1"`
	Padding    string           `json:"padding" want:"valid|same"`
	UseBias    bool             `json:"use_bias"`
	Sizes      []int            `json:"sizes" want:">=0"`
	Limit      *float64         `json:"limit" want:">0"`
	Seed       *int             `json:"seed" keras:"3"`
	Internal   string           `json:"internal" keras:"-legacy"`
	Activation core.Activation  `json:"activation"`
	Inner      core.Layer       `json:"inner"`
	Penalty    core.Regularizer `json:"penalty" keras:"omitnull"`
}

func (p *probe) Build(*core.Builder, []tensor.Shape) error             { return nil }
func (p *probe) Call(_ *core.Call, inputs []graph.Value) []graph.Value { return inputs }
func (identity) Apply(_ *graph.Graph, x graph.Value) graph.Value       { return x }
func (s *scaled) Apply(g *graph.Graph, x graph.Value) graph.Value      { return g.Mul(x, g.Const(s.By)) }
func (identity) RegistryName() string                                  { return "linear" }

type identity struct{}

type scaled struct {
	By float64 `json:"by" want:">0"`
}

func newRegistry(t *testing.T) *registry.Registry {
	t.Helper()
	r := registry.New()
	for _, err := range []error{
		r.Layers.Add(registry.Entry[core.Layer]{Name: "Probe", Aliases: []string{"OldProbe"},
			New: func() core.Layer { return &probe{UseBias: true, Padding: "valid", Units: 1} },
			Upgrade: func(c core.Config, from registry.Origin) error {
				if v, ok := c["output_dim"]; ok && from.Major() < 2 {
					c["units"] = v
					delete(c, "output_dim")
				}
				return nil
			}}),
		r.Activations.Add(registry.Entry[core.Activation]{Name: "linear", New: func() core.Activation { return identity{} }}),
		r.Activations.Add(registry.Entry[core.Activation]{Name: "scaled", New: func() core.Activation { return &scaled{By: 2} }}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func layer(config string) any {
	var v any
	if err := json.Unmarshal([]byte(`{"class_name": "Probe", "config": `+config+`}`), &v); err != nil {
		panic(err)
	}
	return v
}

func TestDecodeErrors(t *testing.T) {
	d := newRegistry(t).Decoder(registry.Origin{KerasVersion: "3.0.0"})
	for _, c := range []struct{ config, want string }{
		{`{"units": -3}`, `layer "probe" (Probe): units: got -3, want > 0`},
		{`{"units": 2.5}`, `layer "probe" (Probe): units: got 2.5, want a whole number`},
		{`{"units": null}`, `layer "probe" (Probe): units: got null, want a whole number`},
		{`{"unit": 3}`, `layer "probe" (Probe): unit: unknown key, got 3 (did you mean "units"?)`},
		{`{"rate": 1}`, `layer "probe" (Probe): rate: got 1, want between 0 and below 1`},
		{`{"padding": "sane"}`, `layer "probe" (Probe): padding: got "sane", want one of valid, same (did you mean "same"?)`},
		{`{"use_bias": 1}`, `layer "probe" (Probe): use_bias: got 1, want true or false`},
		{`{"sizes": [1, -1]}`, `layer "probe" (Probe): sizes: got -1, want >= 0`},
		{`{"sizes": [1, "a"]}`, `layer "probe" (Probe): sizes: [1]: got "a", want a whole number`},
		{`{"activation": "linaer"}`, `layer "probe" (Probe): activation: unknown activation "linaer" (did you mean "linear"?)`},
		{`{"activation": {"class_name": "scaled", "config": {"by": 0}}}`, `layer "probe" (Probe): activation: activation "scaled": by: got 0, want > 0`},
		{`{"inner": {"class_name": "Prob", "config": {}}}`, `layer "probe" (Probe): inner: layer "prob" (Prob): unknown layer "Prob", with config {} (did you mean "Probe"? ` +
			`a plugin can provide it: gk plugin install PATH, then --plugin PATH; gk summary --allow-missing shows the model without it)`},
		{`{"name": "x", "output_dim": 3}`, `layer "x" (Probe): output_dim: unknown key, got 3`},
	} {
		_, err := d.Layer(layer(c.config))
		if err == nil || err.Error() != c.want {
			t.Errorf("%s:\n got %v\nwant %v", c.config, err, c.want)
		}
		var e *core.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: got %T, want *core.Error", c.config, err)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	r := newRegistry(t)
	in := layer(`{"name": "p", "trainable": false, "dtype": "float32", "units": 4, "rate": 0.5, "padding": "same", "use_bias": false,
		"sizes": [1, 2], "limit": 2.5, "seed": 7, "internal": "x", "activation": {"class_name": "scaled", "config": {"by": 3}},
		"inner": {"class_name": "OldProbe", "config": {"name": "q", "activation": "linear"}}, "unknown": null}`)
	l, err := r.Decoder(registry.Origin{}).Layer(in)
	if err != nil {
		t.Fatal(err)
	}
	p := l.(*probe)
	if p.Units != 4 || p.Rate != 0.5 || p.UseBias || p.Trainable.On() || *p.Limit != 2.5 || !slices.Equal(p.Sizes, []int{1, 2}) {
		t.Errorf("got %+v", p)
	}
	if by := p.Activation.(*scaled).By; by != 3 {
		t.Errorf("activation: got %v, want 3", by)
	}
	if inner := p.Inner.(*probe); inner.Name != "q" || inner.Class() != "Probe" || !inner.UseBias {
		t.Errorf("inner: got %+v", inner)
	}
	for dialect, want := range map[core.Dialect]string{
		core.Keras3: `{"class_name":"Probe","config":{"activation":{"class_name":"scaled","config":{"by":3},"module":"keras.activations","registered_name":null},"dtype":{"class_name":"DTypePolicy","config":{"name":"float32"},"module":"keras","registered_name":null},"inner":{"class_name":"Probe","config":{"activation":"linear","dtype":{"class_name":"DTypePolicy","config":{"name":"float32"},"module":"keras","registered_name":null},"inner":null,"internal":"","limit":null,"name":"q","padding":"valid","rate":0,"seed":null,"sizes":null,"trainable":true,"units":1,"use_bias":true},"module":"keras.layers","registered_name":null},"internal":"x","limit":2.5,"name":"p","padding":"same","rate":0.5,"seed":7,"sizes":[1,2],"trainable":false,"units":4,"use_bias":false},"module":"keras.layers","registered_name":null}`,
		core.Legacy: `{"class_name":"Probe","config":{"activation":{"class_name":"scaled","config":{"by":3}},"dtype":"float32","inner":{"class_name":"Probe","config":{"activation":"linear","dtype":"float32","inner":null,"limit":null,"name":"q","padding":"valid","rate":0,"sizes":null,"trainable":true,"units":1,"use_bias":true},"module":"keras.layers","registered_name":null},"limit":2.5,"name":"p","padding":"same","rate":0.5,"seed":7,"sizes":[1,2],"trainable":false,"units":4,"use_bias":false}}`,
	} {
		o, err := r.Encoder(dialect).Layer(l)
		if err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("dialect %d:\n got %s\nwant %s", dialect, got, want)
		}
	}
}

func TestUpgrade(t *testing.T) {
	l, err := newRegistry(t).Decoder(registry.Origin{KerasVersion: "1.2.2"}).Layer(layer(`{"output_dim": 9}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := l.(*probe).Units; got != 9 {
		t.Errorf("units: got %d, want 9", got)
	}
}

func TestYields(t *testing.T) {
	r := newRegistry(t)
	add := func(from string, yields bool) error {
		return r.Layers.Add(registry.Entry[core.Layer]{Name: "Scale", Aliases: []string{"Custom>Scale"}, From: from, Yields: yields,
			New: func() core.Layer { return &probe{} }})
	}
	if err := add("", true); err != nil {
		t.Fatal(err)
	}
	if err := add("a plugin", false); err != nil || r.Layers.Lookup("Custom>Scale").From != "a plugin" {
		t.Errorf("got %v, want the plugin's", err)
	}
	if err := add("another", false); err == nil {
		t.Error("want an error: only the first yields")
	}
}

func TestCloneGrowsAlone(t *testing.T) {
	r := newRegistry(t)
	c := r.Clone()
	e := registry.Entry[core.Layer]{Name: "Probe", Package: "acme", From: "acme-plugin", New: func() core.Layer { return &probe{} }}
	if err := c.Layers.Add(e); err != nil {
		t.Fatal(err)
	}
	if c.Layers.Lookup("acme>Probe") == nil || r.Layers.Lookup("acme>Probe") != nil {
		t.Error("want acme>Probe in the clone alone")
	}
	err := c.Layers.Add(e)
	if want := `layer "acme>Probe" is provided twice: by acme-plugin and by acme-plugin`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %v", err, want)
	}
}

func ExampleSnakeCase() {
	for _, class := range []string{"Conv2DTranspose", "PReLU", "LSTM", "LeakyReLU", "GlobalAveragePooling2D", "RMSprop", "acme>MyLayer"} {
		fmt.Print(registry.SnakeCase(class), " ")
	}
	// Output: conv2d_transpose p_re_lu lstm leaky_re_lu global_average_pooling2d rm_sprop my_layer
}

func ExampleDidYouMean() {
	fmt.Println(registry.DidYouMean("Desne", []string{"Dense", "Dot", "Dropout"}))
	// Output: did you mean "Dense"?
}

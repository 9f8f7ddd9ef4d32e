// Package plugintest is the conformance suite of plugins: what gk plugin verify checks of a binary, and what authors check in their tests.
package plugintest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gokeras/gk/core"
	_ "github.com/gokeras/gk/core/builtin" // models have other layers too
	"github.com/gokeras/gk/core/dataset"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/core/tensor"
	_ "github.com/gokeras/gk/hdf5io" // and go through files
	"github.com/gokeras/gk/plugins"
	pb "github.com/gokeras/gk/plugins/proto/v1"
	"github.com/gokeras/gk/registry"
)

// Check is one thing that was looked at.
type Check struct {
	Class  string // full name; "" for the plugin as a whole
	Name   string // "gradient"
	Err    error  // what is wrong; nil: nothing is
	Note   string // what is worth knowing though it is not wrong
	Took   time.Duration
	Hidden bool // could not be checked, Note says why
}

// suite is a verification under way.
type suite struct {
	r       *registry.Registry
	restart func() // of the plugin; nil where there is none
	checks  []Check
	class   string
}

// Verify checks a plugin and all that it provides.
func Verify(p *plugins.Plugin) []Check {
	s := &suite{r: registry.Default.Standard(), restart: p.Restart}
	s.check("describes itself", func() (string, error) {
		d := p.About()
		if d.GetVersion() == "" {
			return "", errors.New("has no version")
		}
		return fmt.Sprintf("%s %s, %d classes, tensors by %s", d.GetName(), d.GetVersion(), len(d.GetClasses()), p.Transport()), nil
	})
	s.check("names are free", func() (string, error) { return "", p.Register(s.r) })
	s.check("starts again", func() (string, error) {
		p.Restart()
		began := time.Now()
		_, err := p.State()
		return fmt.Sprintf("in %v", time.Since(began).Round(time.Millisecond)), err
	})
	for _, c := range p.About().GetClasses() {
		s.verify(c)
	}
	s.class = ""
	s.check("answers to the end", func() (string, error) {
		now, err := p.State()
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%d objects, %d computations, %d calls, %.0f MB", now.GetObjects(), now.GetComputations(), now.GetCalls(), float64(now.GetMemory())/1e6), nil
	})
	return s.checks
}

func (s *suite) check(name string, f func() (string, error)) {
	began := time.Now()
	note, err := func() (note string, err error) {
		defer func() {
			if r := recover(); r != nil {
				err = fmt.Errorf("gk itself failed: %v", r)
			}
		}()
		return f()
	}()
	c := Check{Class: s.class, Name: name, Err: err, Note: note, Took: time.Since(began)}
	c.Hidden = errors.Is(err, errSkip)
	if c.Hidden {
		c.Err = nil
	}
	s.checks = append(s.checks, c)
}

// errSkip says that something cannot be checked.
var errSkip = errors.New("not checked")

// verify checks one class.
func (s *suite) verify(c *pb.Class) {
	full := plugins.ClassName(c)
	s.class = full
	e, err := exampleOf(c)
	if err != nil {
		s.check("example", func() (string, error) { return "", err })
		return
	}
	switch c.GetKind() {
	case pb.Kind_KIND_LAYER:
		s.layer(full, e)
	case pb.Kind_KIND_ACTIVATION:
		s.activation(full, e)
	case pb.Kind_KIND_INITIALIZER:
		s.initializer(full, e)
	case pb.Kind_KIND_REGULARIZER, pb.Kind_KIND_CONSTRAINT:
		s.ofWeights(c.GetKind(), full, e)
	case pb.Kind_KIND_LOSS:
		s.loss(full, e)
	case pb.Kind_KIND_METRIC:
		s.metric(full, e)
	case pb.Kind_KIND_OPTIMIZER:
		s.optimizer(full, e)
	}
}

// example is what a class is tried with.
type example struct {
	config core.Config
	inputs []tensor.Shape
}

func exampleOf(c *pb.Class) (example, error) {
	e := example{config: core.Config{}, inputs: []tensor.Shape{{4, 8}}}
	if len(c.GetExample()) == 0 {
		return e, nil
	}
	v, err := core.ParseJSON(c.GetExample())
	if err != nil {
		return e, err
	}
	m, _ := v.(map[string]any)
	if config, ok := m["config"].(map[string]any); ok {
		e.config = config
	}
	list, _ := m["inputs"].([]any)
	if list == nil {
		return e, nil
	}
	e.inputs = nil
	for _, x := range list {
		var s tensor.Shape
		dims, _ := x.([]any)
		for _, d := range dims {
			n, ok := d.(float64)
			if !ok || n < 1 || n > 1<<20 {
				return e, fmt.Errorf("example: inputs: got %v, want sizes", x)
			}
			s = append(s, int(n))
		}
		if len(s) == 0 {
			return e, fmt.Errorf("example: inputs: got %v, want shapes with a batch", x)
		}
		e.inputs = append(e.inputs, s)
	}
	return e, nil
}

func object(class string, c core.Config) map[string]any {
	return map[string]any{"class_name": class, "registered_name": class, "config": c}
}

// random is a tensor of normal numbers.
func random(seed uint64, s tensor.Shape) *tensor.Tensor {
	r := rand.New(rand.NewPCG(seed, 7))
	v := make([]float32, s.Size())
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return tensor.From(v, s...)
}

// network is a model of the layer alone, or of the layer and a dense one that has something to learn.
func (s *suite) network(class string, e example, head bool) (*model.Model, error) {
	var names []any
	layers := []any{}
	node := []any{}
	for i, shape := range e.inputs {
		name := fmt.Sprintf("in_%d", i)
		layers = append(layers, map[string]any{"class_name": "InputLayer", "name": name, "inbound_nodes": []any{},
			"config": core.Config{"name": name, "batch_shape": append([]any{nil}, registry.ShapeConfig(shape[1:])...)}})
		names = append(names, []any{name, 0.0, 0.0})
		node = append(node, []any{name, 0.0, 0.0, map[string]any{}})
	}
	config := core.Config{"name": "it"}
	for k, v := range e.config {
		config[k] = v
	}
	o := object(class, config)
	o["name"], o["inbound_nodes"] = "it", []any{node}
	layers = append(layers, o)
	last := "it"
	if head {
		for _, l := range []map[string]any{{"class_name": "Flatten", "config": core.Config{"name": "flat"}}, {"class_name": "Dense", "config": core.Config{"name": "head", "units": 2.0}}} {
			name := l["config"].(core.Config)["name"].(string)
			l["name"], l["inbound_nodes"] = name, []any{[]any{[]any{last, 0.0, 0.0, map[string]any{}}}}
			layers = append(layers, l)
			last = name
		}
	}
	m, err := model.FromConfig(core.Config{"class_name": "Functional", "config": core.Config{"name": "verify", "layers": layers,
		"input_layers": names, "output_layers": []any{[]any{last, 0.0, 0.0}}}}, s.r, registry.Origin{})
	if err != nil {
		return nil, err
	}
	m.SetSeed(11)
	m.Initialize()
	return m, nil
}

func (e example) batch(seed uint64) []*tensor.Tensor {
	var x []*tensor.Tensor
	for i, shape := range e.inputs {
		x = append(x, random(seed+uint64(i), shape))
	}
	return x
}

func predict(m *model.Model, x []*tensor.Tensor) (*tensor.Tensor, error) {
	y, err := m.Predict(context.Background(), x, model.Run{BatchSize: x[0].Shape()[0]})
	if err != nil {
		return nil, err
	}
	return y[0], nil
}

func (s *suite) layer(class string, e example) {
	var m *model.Model
	s.check("builds", func() (string, error) {
		var err error
		if m, err = s.network(class, e, false); err != nil {
			return "", err
		}
		all, trained := m.ParameterCount()
		return fmt.Sprintf("%d parameters, %d of them trained", all, trained), nil
	})
	if m == nil {
		return
	}
	s.check("config goes round", func() (string, error) {
		a, err := m.JSON()
		if err != nil {
			return "", err
		}
		again, err := model.FromJSON(a, s.r, registry.Origin{})
		if err != nil {
			return "", err
		}
		b, err := again.JSON()
		if err == nil && string(a) != string(b) {
			err = fmt.Errorf("config differs after a round: %s", firstDifference(string(a), string(b)))
		}
		return "", err
	})
	s.check("refuses unknown settings", func() (string, error) {
		c := core.Config{"no_such_setting_exists": 1.0}
		for k, v := range e.config {
			c[k] = v
		}
		_, err := s.network(class, example{c, e.inputs}, false)
		if err == nil {
			return "", errors.New("took a setting that does not exist")
		}
		if !strings.Contains(err.Error(), "no_such_setting_exists") {
			return "", fmt.Errorf("the error does not name the setting: %w", err)
		}
		return "", nil
	})
	var y *tensor.Tensor
	s.check("shape", func() (string, error) {
		var err error
		if y, err = predict(m, e.batch(1)); err != nil {
			return "", err
		}
		want := m.Outputs()[0].Shape()
		if !want.Matches(y.Shape()) {
			return "", fmt.Errorf("says %v, gives %v", want, y.Shape())
		}
		return fmt.Sprintf("%v -> %v", e.inputs, y.Shape()), nil
	})
	if y == nil {
		return
	}
	s.check("finite", func() (string, error) { return "", finite(y) })
	s.check("deterministic", func() (string, error) {
		again, err := predict(m, e.batch(1))
		if err == nil && tensor.MaxAbsDiff(y, again) != 0 {
			err = errors.New("gives other numbers for the same input")
		}
		return "", err
	})
	s.check("samples apart", func() (string, error) {
		x := e.batch(1)
		for i := range x {
			x[i] = x[i].Rows(0, 1)
		}
		one, err := predict(m, x)
		if err != nil {
			return "", err
		}
		if len(y.Shape()) > 0 && y.Shape()[0] == e.inputs[0][0] && tensor.MaxAbsDiff(y.Rows(0, 1), one) > 1e-5*scaleOf(y) {
			return "what a sample gives depends on its batch", nil
		}
		return "", nil
	})
	s.check("gradient", func() (string, error) { return s.layerGradient(class, e) })
	s.check("trains", func() (string, error) { return s.trains(class, e) })
	s.check("files", func() (string, error) { return "", s.files(m, e, y) })
	s.again(func() (*tensor.Tensor, error) { return predict(m, e.batch(1)) }, y)
}

// again checks that a plugin which was ended and started goes on as before.
func (s *suite) again(f func() (*tensor.Tensor, error), want *tensor.Tensor) {
	if s.restart == nil {
		return
	}
	s.check("goes on after a restart", func() (string, error) {
		s.restart()
		got, err := f()
		if err == nil && tensor.MaxAbsDiff(got, want) != 0 {
			err = errors.New("gives other numbers after a restart")
		}
		return "", err
	})
}

func firstDifference(a, b string) string {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	from := max(0, i-30)
	return fmt.Sprintf("%q and %q", a[from:min(len(a), i+30)], b[from:min(len(b), i+30)])
}

func finite(t *tensor.Tensor) error {
	for i, v := range t.Float64s() {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("number %d is %v", i, v)
		}
	}
	return nil
}

func scaleOf(t *tensor.Tensor) float64 {
	m := 1.0
	for _, v := range t.Float64s() {
		m = max(m, math.Abs(v))
	}
	return m
}

// trains takes steps twice from the same seed: the loss must be finite, and the same.
func (s *suite) trains(class string, e example) (string, error) {
	var losses [2]float64
	for k := range losses {
		m, err := s.network(class, e, true)
		if err != nil {
			return "", err
		}
		if err := m.Compile(model.Compile{Optimizer: "adam", Loss: "mse"}); err != nil {
			return "", err
		}
		x := e.batch(3)
		n := x[0].Shape()[0]
		h, err := m.Fit(context.Background(), &dataset.Dataset{X: x, Y: []*tensor.Tensor{random(5, tensor.Shape{n, 2})}}, model.Fit{Epochs: 3, BatchSize: n})
		if err != nil {
			return "", err
		}
		losses[k] = h.Last("loss")
	}
	if losses[0] != losses[1] {
		return "", fmt.Errorf("the same seed gave losses %v and %v", losses[0], losses[1])
	}
	return fmt.Sprintf("loss %.4g after 3 steps", losses[0]), nil
}

// files saves and loads.
func (s *suite) files(m *model.Model, e example, want *tensor.Tensor) error {
	dir, err := os.MkdirTemp("", "gk-verify")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, name := range []string{"m.h5", "m.keras"} {
		path := filepath.Join(dir, name)
		if err := m.Save(path); err != nil {
			return err
		}
		again, err := model.Load(path, model.LoadOptions{Registry: s.r})
		if err != nil {
			return err
		}
		y, err := predict(again, e.batch(1))
		if err != nil {
			return err
		}
		if tensor.MaxAbsDiff(y, want) != 0 {
			return fmt.Errorf("%s: other numbers after saving and loading", name)
		}
	}
	return nil
}

// layerGradient compares the gradient of a random projection of the output with differences along random directions.
func (s *suite) layerGradient(class string, e example) (string, error) {
	l, err := s.r.Decoder(registry.Origin{}).Layer(object(class, e.config))
	if err != nil {
		return "", err
	}
	if err := core.Build(l, e.inputs); err != nil {
		return "", err
	}
	trained, fixed := core.Weights(l)
	rnd := rand.New(rand.NewPCG(3, 4))
	for _, w := range append(slices.Clone(trained), append(fixed, core.LayerStates(l)...)...) {
		w.Initialize(rnd)
	}
	var values []*tensor.Tensor
	for _, w := range trained {
		values = append(values, w.Value().Clone())
	}
	p := &problem{inputs: e.batch(9), weights: values}
	p.write = func(g *graph.Graph, in, ws []graph.Value) (graph.Value, error) {
		shared := core.NewShared()
		for i, w := range trained {
			shared.Updates[w] = ws[i]
		}
		r, err := core.Apply(l, g, false, shared, in, nil, nil)
		if err != nil {
			return graph.Value{}, err
		}
		total := g.Const(0)
		for i, v := range r.Values {
			total = g.Add(total, g.Sum(g.Mul(v, g.Table(random(uint64(20+i), v.Shape()))), nil, false))
		}
		return total, nil
	}
	p.memory = append(fixed, core.LayerStates(l)...)
	return p.compare()
}

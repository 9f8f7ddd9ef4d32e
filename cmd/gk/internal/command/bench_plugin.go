package command

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/dataset"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/plugins"
	"github.com/gokeras/gk/registry"
)

// This file owns gk bench plugin: what a layer of a plugin costs, beside the same layer built in. The plugin that is measured is gk itself.

// ServePlugin makes a plugin of the process if gk started it as one; then it does not return.
func ServePlugin() {
	if os.Getenv("GK_PLUGIN") != "" {
		r := registry.Default.Standard()
		addBenchLayers(r)
		plugins.Serve(plugins.Config{Name: "bench", Version: "1.0.0", About: "Layers to measure.", Registry: r})
	}
}

// addBenchLayers registers a layer that is traced, one that is computed, and one that only takes time.
func addBenchLayers(r *registry.Registry) {
	r.Layers.MustAdd(registry.Entry[core.Layer]{Name: "Traced", Package: "bench", New: func() core.Layer { return &tracedLayer{} }})
	r.Layers.MustAdd(registry.Entry[core.Layer]{Name: "Copy", Package: "bench", New: func() core.Layer { return &computedLayer{} }})
	r.Layers.MustAdd(registry.Entry[core.Layer]{Name: "Busy", Package: "bench", New: func() core.Layer { return &computedLayer{Busy: 1500} }})
}

// tracedLayer is y = x sigmoid(b x), b is trained.
type tracedLayer struct {
	core.Base
	b *core.Weight
}

func (l *tracedLayer) Build(b *core.Builder, in []tensor.Shape) error {
	l.b = b.Weight(core.WeightSpec{Name: "b", Shape: tensor.Shape{in[0].Dim(-1)}})
	return nil
}

func (l *tracedLayer) Call(c *core.Call, in []graph.Value) []graph.Value {
	return []graph.Value{c.Graph.Mul(in[0], c.Graph.Sigmoid(c.Graph.Mul(in[0], c.Read(l.b))))}
}

// computedLayer is y = x in Go, after so many microseconds of work.
type computedLayer struct {
	core.Base
	Busy int `json:"busy"`
}

func (l *computedLayer) Build(*core.Builder, []tensor.Shape) error { return nil }

func (l *computedLayer) Call(c *core.Call, in []graph.Value) []graph.Value {
	f := func(c *graph.FuncCall) error {
		for start := time.Now(); time.Since(start) < time.Duration(l.Busy)*time.Microsecond; {
		}
		copy(c.Out[0].Data, c.In[0].Data)
		return nil
	}
	return c.Graph.Compute(&graph.Func{Label: "copy", Gradients: []bool{true}, Forward: f, Backward: f}, []tensor.Shape{in[0].Shape()}, in[0])
}

func (e *env) benchPluginCommand() *cli.Command {
	return &cli.Command{
		Name:      "plugin",
		Usage:     "measure what a layer of a plugin costs",
		ArgsUsage: "[PATH CLASS]",
		Description: `A call of a computed layer that copies its input, on each way that tensors can travel, beside the copy in this process; how much of a
call of 1.5 ms is overhead; how fast a traced layer trains beside the same one built in; and how long plugins take to start. With PATH and
CLASS, calls of that layer of that plugin are measured too. Run it while nothing else does.`,
		Flags:  []cli.Flag{&cli.DurationFlag{Name: "for", Value: time.Second, Usage: "how long each figure is measured"}},
		Action: e.benchPlugin,
	}
}

// benchShapes are the tensors that are sent: a sample, batches, a kernel, features, images.
var benchShapes = []tensor.Shape{{1, 784}, {32, 784}, {128, 784}, {784, 784}, {128, 9216}, {32, 224, 224, 3}}

func (e *env) benchPlugin(c *cli.Context) error {
	if n := c.NArg(); n != 0 && n != 2 {
		return usage("gk bench plugin", "got %d arguments, want PATH and CLASS, or none", n)
	}
	long := c.Duration("for")
	self, err := os.Executable()
	if err != nil {
		return err
	}
	type row struct {
		Way    string    `json:"way"`
		Micros []float64 `json:"microseconds"`
		P99    []float64 `json:"p99"`
	}
	var rows []row
	measure := func(way string, call func(s tensor.Shape) (func() error, func(), error)) error {
		r := row{Way: way}
		for _, s := range benchShapes {
			f, done, err := call(s)
			if err != nil {
				return err
			}
			median, p99, err := times(f, long)
			done()
			if err != nil {
				return err
			}
			r.Micros, r.P99 = append(r.Micros, micros(median)), append(r.P99, micros(p99))
		}
		rows = append(rows, r)
		return nil
	}
	err = measure("copy in this process", func(s tensor.Shape) (func() error, func(), error) {
		from, to := make([]float32, s.Size()), make([]float32, s.Size())
		return func() error { copy(to, from); return nil }, func() {}, nil
	})
	if err != nil {
		return err
	}
	of := func(p *plugins.Plugin, class string, config core.Config) func(s tensor.Shape) (func() error, func(), error) {
		return func(s tensor.Shape) (func() error, func(), error) {
			call, err := p.CallOf(class, config, []tensor.Shape{s})
			if err != nil {
				return nil, nil, err
			}
			return call.Run, call.Release, nil
		}
	}
	type start struct {
		Plugin string  `json:"plugin"`
		Millis float64 `json:"milliseconds"`
	}
	var starts []start
	open := func(what, path string, o plugins.Options) (*plugins.Plugin, error) {
		p, median, err := opened(path, o)
		if err == nil {
			starts = append(starts, start{cmp.Or(what, p.Name()+", "+p.Transport()), micros(median) / 1000})
		}
		return p, err
	}
	var busy [2]time.Duration
	for _, transport := range transports {
		p, err := open("gk itself, "+transport, self, plugins.Options{Transport: transport})
		if err != nil {
			return err
		}
		if err := measure("plugin, "+transport, of(p, "bench>Copy", core.Config{})); err != nil {
			p.Close()
			return err
		}
		if transport == "futex" {
			call, err := p.CallOf("bench>Busy", core.Config{}, []tensor.Shape{{128, 784}})
			if err == nil {
				busy[1], _, err = times(call.Run, long)
				call.Release()
			}
			if err != nil {
				p.Close()
				return err
			}
			from, to := make([]float32, 128*784), make([]float32, 128*784)
			busy[0], _, _ = times(func() error {
				for start := time.Now(); time.Since(start) < 1500*time.Microsecond; {
				}
				copy(to, from)
				return nil
			}, long)
		}
		p.Close()
	}
	if c.NArg() == 2 {
		path, err := pluginPath(c.Args().First())
		if err != nil {
			return err
		}
		p, err := open("", path, plugins.Options{})
		if err != nil {
			return core.InFile(path, err)
		}
		defer p.Close()
		if err := measure(p.Name()+", "+p.Transport(), of(p, c.Args().Get(1), core.Config{})); err != nil {
			return err
		}
	}
	builtIn, plugin, err := benchTraced(c.Context, self, long)
	if err != nil {
		return err
	}
	overhead := float64(busy[1]-busy[0]) / float64(busy[0])
	if e.json {
		return e.result(map[string]any{"shapes": benchShapes, "calls": rows, "starts": starts, "busy_overhead": overhead,
			"traced": map[string]any{"built_in_samples_per_second": builtIn, "plugin_samples_per_second": plugin, "ratio": plugin / builtIn}})
	}
	t := e.table()
	header := table.Row{"microseconds a call (99 % within)"}
	for _, s := range benchShapes {
		header = append(header, s.String())
	}
	t.AppendHeader(header)
	for _, r := range rows {
		cells := table.Row{r.Way}
		for i := range r.Micros {
			cells = append(cells, fmt.Sprintf("%.1f (%.0f)", r.Micros[i], r.P99[i]))
		}
		t.AppendRow(cells)
	}
	e.out.line("%s", t.Render())
	e.out.line("work of 1.5 ms: %.0f us here, %.0f us in a plugin, %+.1f %%", micros(busy[0]), micros(busy[1]), 100*overhead)
	e.out.line("traced layer in training: built in %.0f samples/s, of a plugin %.0f samples/s, ratio %.3f", builtIn, plugin, plugin/builtIn)
	for _, s := range starts {
		e.out.line("from start to ready, %s: %.0f ms", s.Plugin, s.Millis)
	}
	return nil
}

// opened starts a plugin seven times, and gives the last with the median of how long it took.
func opened(path string, o plugins.Options) (p *plugins.Plugin, median time.Duration, err error) {
	var all []time.Duration
	for {
		began := time.Now()
		if p, err = plugins.Open(path, o); err != nil {
			return nil, 0, err
		}
		all = append(all, time.Since(began))
		if len(all) == 7 {
			slices.Sort(all)
			return p, all[len(all)/2], nil
		}
		p.Close()
	}
}

// times runs f for so long and gives the median and the 99th percentile of how long it took.
func times(f func() error, long time.Duration) (median, p99 time.Duration, err error) {
	for range 20 {
		if err := f(); err != nil {
			return 0, 0, err
		}
	}
	var all []time.Duration
	for start := time.Now(); time.Since(start) < long || len(all) < 20; {
		began := time.Now()
		if err := f(); err != nil {
			return 0, 0, err
		}
		all = append(all, time.Since(began))
	}
	slices.Sort(all)
	return all[len(all)/2], all[len(all)*99/100], nil
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

// benchTraced trains the same network with a layer built in and with that of a plugin, turn by turn, and takes the best turn of each.
func benchTraced(ctx context.Context, self string, long time.Duration) (builtIn, plugin float64, err error) {
	local := registry.Default.Clone()
	addBenchLayers(local)
	m, err := plugins.Load(registry.Default, plugins.Options{}, self)
	if err != nil {
		return 0, 0, err
	}
	defer m.Close()
	const n, batch = 6400, 128
	rnd := rand.New(rand.NewPCG(1, 2))
	x, y := make([]float32, n*784), make([]float32, n)
	for i := range x {
		x[i] = rnd.Float32()
	}
	for i := range y {
		y[i] = float32(rnd.IntN(10))
	}
	data := &dataset.Dataset{X: []*tensor.Tensor{tensor.From(x, n, 784)}, Y: []*tensor.Tensor{tensor.From(y, n)}}
	var nets [2]*model.Model
	for k, r := range []*registry.Registry{local, m.Registry} {
		layers := []any{
			core.Config{"class_name": "InputLayer", "config": core.Config{"batch_shape": []any{nil, 784.0}}},
			core.Config{"class_name": "Dense", "config": core.Config{"units": 784.0}},
			core.Config{"class_name": "bench>Traced", "config": core.Config{}},
			core.Config{"class_name": "Dense", "config": core.Config{"units": 10.0, "activation": "softmax"}},
		}
		nets[k], err = model.FromConfig(core.Config{"class_name": "Sequential", "config": core.Config{"layers": layers}}, r, registry.Origin{})
		if err == nil {
			err = nets[k].Compile(model.Compile{Optimizer: "adam", Loss: "sparse_categorical_crossentropy"})
		}
		if err != nil {
			return 0, 0, err
		}
	}
	best := [2]float64{}
	for end := time.Now().Add(6 * long); time.Now().Before(end); {
		for k, net := range nets {
			began := time.Now()
			if _, err := net.Fit(ctx, data, model.Fit{BatchSize: batch}); err != nil {
				return 0, 0, err
			}
			best[k] = max(best[k], n/time.Since(began).Seconds())
		}
	}
	return best[0], best[1], nil
}

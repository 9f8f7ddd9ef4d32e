package plugins

import (
	"errors"
	"slices"
	"sync"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/plugins/internal/wire"
	pb "github.com/gokeras/gk/plugins/proto/v1"
	"github.com/gokeras/gk/registry"
)

// This file owns the set of plugins that a program uses.

// Manager has plugins and a registry that knows what they provide.
type Manager struct {
	// Registry has everything of the registry that Load was given, and the classes of the plugins.
	Registry *registry.Registry

	options Options
	mu      sync.Mutex
	all     []*Plugin
}

// NewManager has no plugins yet. The registry given stays as it is.
func NewManager(r *registry.Registry, o Options) *Manager {
	return &Manager{Registry: r.Clone(), options: o}
}

// Load starts plugins, side by side, and adds their classes to a clone of r. If one of them fails, none stays.
func Load(r *registry.Registry, o Options, paths ...string) (*Manager, error) {
	m := NewManager(r, o)
	if err := m.Add(paths...); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

// Add starts more plugins.
func (m *Manager) Add(paths ...string) error {
	opened := make([]*Plugin, len(paths))
	errs := make([]error, len(paths))
	var wait sync.WaitGroup
	for i, path := range paths {
		wait.Go(func() {
			opened[i], errs[i] = Open(path, m.options)
			errs[i] = core.InFile(path, errs[i])
		})
	}
	wait.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, p := range opened {
		if p == nil {
			continue
		}
		m.all = append(m.all, p)
		if errs[i] == nil {
			errs[i] = core.InFile(paths[i], p.Register(m.Registry))
		}
	}
	return errors.Join(errs...)
}

// Plugins are all plugins, in the order in which they were added.
func (m *Manager) Plugins() []*Plugin {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.all)
}

// Close ends all plugins.
func (m *Manager) Close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	var wait sync.WaitGroup
	for _, p := range m.all {
		wait.Go(p.Close)
	}
	wait.Wait()
}

// decoder reads what a plugin says about initializers and the like: they are Keras' own, or the plugin's.
func (p *Plugin) decoder() *registry.Decoder { return p.reg.Decoder(registry.Origin{}) }

// Register adds the plugin's classes to a registry. A name that is taken is an error that says by whom.
func (p *Plugin) Register(r *registry.Registry) error {
	p.reg = r
	for _, c := range p.about.GetClasses() {
		x := &class{p: p, Class: c}
		if len(c.GetDefaults()) > 0 {
			v, err := core.ParseJSON(c.GetDefaults())
			if err != nil {
				return core.In(p.place()+": "+ClassName(c), core.ErrPluginContract, wire.Contract("defaults", "%v", err))
			}
			x.defaults, _ = v.(map[string]any)
		}
		if err := x.register(r); err != nil {
			return err
		}
	}
	return nil
}

// register adds one class to its table.
func (c *class) register(r *registry.Registry) error {
	switch c.GetKind() {
	case pb.Kind_KIND_LAYER:
		return add(c, r.Layers, func() core.Layer { return &layer{thing: newThing(c)} })
	case pb.Kind_KIND_ACTIVATION:
		return add(c, r.Activations, func() core.Activation { return &activation{newThing(c)} })
	case pb.Kind_KIND_INITIALIZER:
		return add(c, r.Initializers, func() core.Initializer { return &initializer{newThing(c)} })
	case pb.Kind_KIND_REGULARIZER:
		return add(c, r.Regularizers, func() core.Regularizer { return &regularizer{newThing(c)} })
	case pb.Kind_KIND_CONSTRAINT:
		return add(c, r.Constraints, func() core.Constraint { return &constraint{newThing(c)} })
	case pb.Kind_KIND_LOSS:
		return add(c, r.Losses, func() core.Loss { return c.newLoss() })
	case pb.Kind_KIND_METRIC:
		return add(c, r.Metrics, func() core.Metric {
			return &metric{MetricBase: core.MetricBase{Name: registry.SnakeCase(c.GetName())}, thing: newThing(c)}
		})
	case pb.Kind_KIND_OPTIMIZER:
		return add(c, r.Optimizers, func() core.Optimizer { return c.newOptimizer(r) })
	}
	return nil // a kind of a later version
}

func (c *class) newLoss() *loss {
	l := &loss{thing: newThing(c)}
	l.Name, l.Reduction = registry.SnakeCase(c.GetName()), "sum_over_batch_size"
	return l
}

// newOptimizer has the defaults of the class for what gk itself does, such as the learning rate.
func (c *class) newOptimizer(r *registry.Registry) *optimizer {
	o := &optimizer{thing: newThing(c)}
	o.Name = registry.SnakeCase(c.GetName())
	if o.DecodeConfig(r.Decoder(registry.Origin{}), c.defaults) != nil || o.LearningRate.Value == 0 {
		o.LearningRate.Value = 0.001
	}
	return o
}

func add[T any](c *class, t *registry.Table[T], construct func() T) error {
	e := registry.Entry[T]{Name: c.GetName(), Aliases: c.GetAliases(), Package: c.GetPackage(), About: c.GetAbout(), From: c.p.path, New: construct}
	if c.GetPackage() == "" { // a class of the user's own that Keras does not know by a registered name
		e.Module, e.Registered = c.GetModule(), c.GetName()
	}
	return t.Add(e)
}

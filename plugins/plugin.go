package plugins

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/plugins/internal/shm"
	"github.com/gokeras/gk/plugins/internal/wire"
	pb "github.com/gokeras/gk/plugins/proto/v1"
	"github.com/gokeras/gk/registry"
)

// This file owns a plugin as gk sees it: its process, which may die and be started again, and the objects in it, which are then made again.

// Plugin is a program that provides classes.
type Plugin struct {
	path    string
	options Options
	about   *pb.Description
	device  *device            // nil: tensors travel by gRPC
	reg     *registry.Registry // to read initializers and the like with

	mu         sync.Mutex
	proc       *process
	generation int // of the process
	restarts   []time.Time
	closed     bool
	inProcess  func() (*process, error) // of a loopback
	arena      *shm.Arena
}

// Open starts a plugin and asks what it provides.
func Open(path string, o Options) (*Plugin, error) {
	p := newPlugin(path, o)
	if _, err := p.running(); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// newPlugin is a plugin that has not been started.
func newPlugin(path string, o Options) *Plugin {
	return &Plugin{path: path, options: o}
}

// share makes the memory that gk and the plugin share, once; where there is none, tensors travel by gRPC.
func (p *Plugin) share() {
	if p.arena != nil || p.options.Transport == "stream" || p.inProcess != nil {
		return
	}
	limit := p.options.Shared
	if limit == 0 {
		limit = machineMemory()
	}
	p.arena, _ = shm.New(limit)
}

// Name is what the plugin calls itself; before it could say so, its file.
func (p *Plugin) Name() string {
	if p.about == nil {
		return filepath.Base(p.path)
	}
	return p.about.GetName()
}

// Path is where the plugin is.
func (p *Plugin) Path() string { return p.path }

// About is what the plugin says of itself.
func (p *Plugin) About() *pb.Description { return p.about }

// Transport is how tensors travel: "futex", "fdbell" or "stream".
func (p *Plugin) Transport() string {
	if p.device == nil {
		return "stream"
	}
	return p.device.bell
}

func (p *Plugin) place() string { return fmt.Sprintf("plugin %q", p.Name()) }

// running is the process; it is started if there is none, but not time and again.
func (p *Plugin) running() (*process, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.proc != nil && p.proc.alive() {
		return p.proc, nil
	}
	if p.closed {
		return nil, core.Errorf(core.ErrPlugin, p.place(), "has been closed")
	}
	if p.proc != nil {
		p.proc.kill()
		p.proc = nil
		if err := p.mayRestart(); err != nil {
			return nil, err
		}
	}
	p.share()
	run := p.inProcess
	if run == nil {
		run = func() (*process, error) { return start(p.path, p.options, p.arena) }
	}
	proc, err := run()
	if err == nil {
		err = p.greet(proc)
		if err != nil {
			proc.kill()
		}
	}
	if err != nil {
		return nil, core.In(p.place(), core.ErrPluginStart, err)
	}
	p.proc = proc
	p.generation++
	return proc, nil
}

const (
	maxRestarts   = 3
	restartWindow = time.Minute
)

// mayRestart waits longer each time, and says no when a plugin has died too often.
func (p *Plugin) mayRestart() error {
	now := time.Now()
	p.restarts = slices.DeleteFunc(p.restarts, func(t time.Time) bool { return now.Sub(t) > restartWindow })
	if len(p.restarts) >= maxRestarts {
		return &core.Error{Kind: core.ErrPluginExited, Where: p.place(), Msg: fmt.Sprintf("died %d times within %v and is not started again", len(p.restarts)+1, restartWindow)}
	}
	time.Sleep(time.Duration(len(p.restarts)) * 200 * time.Millisecond)
	p.restarts = append(p.restarts, now)
	return nil
}

// greet asks a new process what it is, and shares memory with it.
func (p *Plugin) greet(proc *process) error {
	ctx, cancel := context.WithTimeout(context.Background(), p.options.timeout())
	defer cancel()
	features := p.options.features()
	if p.arena == nil {
		features = []string{"stream"}
	}
	d, err := proc.rpc.Describe(ctx, &pb.DescribeRequest{GkVersion: "1", Features: features})
	if err != nil {
		return p.wrong(proc, err)
	}
	if err := checkDescription(d); err != nil {
		return err
	}
	if p.about != nil && !sameClasses(p.about, d) {
		return wire.Contract("", "provides other classes than before it was started again")
	}
	p.about = d
	bell := ""
	for _, f := range []string{"futex", "fdbell"} {
		if bell == "" && slices.Contains(features, f) && slices.Contains(d.GetFeatures(), f) && (f != "futex" || shm.HasFutex) {
			bell = f
		}
	}
	if p.arena == nil || bell == "" || !slices.Contains(d.GetFeatures(), "shm") {
		p.device = nil
		return nil
	}
	if p.device == nil {
		p.device = &device{p: p, bell: bell}
	}
	proc.shared = true
	proc.bells.Use(p.arena.Control, bell == "futex", spinFor(int(d.GetThreads())))
	proc.number = p.arena.Reply()
	p.arena.SetRequest(proc.number)
	return p.attach(proc)
}

// attach tells the plugin of all segments of the shared memory.
func (p *Plugin) attach(proc *process) error {
	q := &pb.AttachRequest{Bell: p.device.bell}
	for _, s := range p.arena.Segments() {
		q.Segments = append(q.Segments, &pb.Segment{Offset: uint64(s.Offset), Size: uint64(s.Size)})
	}
	ctx, cancel := context.WithTimeout(context.Background(), p.options.timeout())
	defer cancel()
	if _, err := proc.rpc.Attach(ctx, q); err != nil {
		return p.wrong(proc, err)
	}
	return nil
}

const (
	maxClasses   = 10_000
	maxClassText = 64 << 10
)

// checkDescription checks what a plugin says of itself.
func checkDescription(d *pb.Description) error {
	if !ValidName(d.GetName()) {
		return wire.Contract("name", "got %.80q, want 1 to 64 of a-z, 0-9 and -", d.GetName())
	}
	if len(d.GetClasses()) == 0 || len(d.GetClasses()) > maxClasses {
		return wire.Contract("classes", "got %d, want 1 to %d", len(d.GetClasses()), maxClasses)
	}
	seen := map[string]bool{}
	for _, c := range d.GetClasses() {
		key := c.GetKind().String() + ClassName(c)
		switch {
		case !validClass(c.GetName()) || !validPackage(c.GetPackage()):
			return wire.Contract("classes", "got the name %.80q, want a name as classes have", ClassName(c))
		case len(c.GetAbout())+len(c.GetDefaults())+len(c.GetExample()) > maxClassText || len(c.GetAliases()) > 100:
			return wire.Contract("classes", "%s says too much of itself", ClassName(c))
		case seen[key]:
			return wire.Contract("classes", "%s is there twice", ClassName(c))
		}
		seen[key] = true
	}
	return nil
}

func sameClasses(a, b *pb.Description) bool {
	return a.GetName() == b.GetName() && slices.EqualFunc(a.GetClasses(), b.GetClasses(), func(x, y *pb.Class) bool {
		return x.GetKind() == y.GetKind() && ClassName(x) == ClassName(y)
	})
}

// wrong is the error of a call: what the plugin said, or how it died, with the last lines of its stderr.
func (p *Plugin) wrong(proc *process, err error) error {
	var e *core.Error
	if !errors.As(wire.FromStatus(err), &e) {
		e = &core.Error{Kind: core.ErrPlugin, Err: err}
	}
	own := *e
	switch own.Kind {
	case core.ErrPluginTimeout:
		own.Msg = fmt.Sprintf("did not answer within %v and was ended", p.options.timeout())
		own.Hint = ""
		proc.kill()
	case core.ErrPluginExited:
		own.Msg = proc.ending()
		own.Hint = ""
		proc.kill()
	}
	if strings.HasPrefix(string(own.Kind), string(core.ErrPlugin)) && own.Hint == "" {
		if last := proc.tail.last(300); last != "" {
			own.Hint = "stderr: " + last
		}
	}
	return core.In(p.place(), core.ErrPlugin, &own)
}

// Stderr is the end of what the plugin wrote to stderr: up to 4 KiB on one line.
func (p *Plugin) Stderr() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.proc == nil {
		return ""
	}
	return p.proc.tail.last(keptBytes)
}

// call does one call with a deadline.
func call[R any](p *Plugin, proc *process, f func(ctx context.Context, c pb.PluginClient) (R, error)) (R, error) {
	ctx, cancel := context.WithTimeout(context.Background(), p.options.timeout())
	defer cancel()
	r, err := f(ctx, proc.rpc)
	if err != nil {
		return r, p.wrong(proc, err)
	}
	return r, nil
}

// State asks what is alive in the plugin.
func (p *Plugin) State() (*pb.PluginState, error) {
	proc, err := p.running()
	if err != nil {
		return nil, err
	}
	return call(p, proc, func(ctx context.Context, c pb.PluginClient) (*pb.PluginState, error) {
		return c.State(ctx, &pb.StateRequest{})
	})
}

// Restart ends the process; the next call starts another one. Objects are made again by themselves.
func (p *Plugin) Restart() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.proc != nil {
		p.proc.stop()
		p.proc = nil
	}
}

// Close ends the plugin. What it gave to models stays readable, but cannot compute any more.
func (p *Plugin) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.proc != nil {
		p.proc.stop()
		p.proc = nil
	}
	if p.arena != nil && !p.closed && p.arena.InUse() == 0 {
		_ = p.arena.Close() // else weights lie in it, which may still be read
	}
	p.closed = true
}

// remote is an object in the plugin, made again where the process is a new one.
type remote struct {
	p *Plugin
	q *pb.BuildRequest

	mu         sync.Mutex
	generation int
	id         uint64
	built      *pb.Built
}

// build makes an object.
func (p *Plugin) build(q *pb.BuildRequest) (*remote, error) {
	o := &remote{p: p, q: q}
	_, _, err := o.ensure()
	return o, err
}

// ensure gives the number of the object in the running process.
func (o *remote) ensure() (*process, uint64, error) {
	proc, err := o.p.running()
	if err != nil {
		return nil, 0, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.generation == o.p.generationNow() {
		return proc, o.id, nil
	}
	b, err := call(o.p, proc, func(ctx context.Context, c pb.PluginClient) (*pb.Built, error) { return c.Build(ctx, o.q) })
	if err != nil {
		return nil, 0, err
	}
	if o.built != nil {
		b2, old := proto.Clone(b).(*pb.Built), proto.Clone(o.built).(*pb.Built)
		b2.Object, old.Object = 0, 0
		if !proto.Equal(b2, old) {
			return nil, 0, core.In(o.p.place(), core.ErrPluginContract, wire.Contract("build", "gives something else for the same config than before"))
		}
	}
	o.built, o.id, o.generation = b, b.GetObject(), o.p.generationNow()
	return proc, o.id, nil
}

func (p *Plugin) generationNow() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.generation
}

// traced is a graph that a method of an object wrote.
type traced struct {
	o *remote
	q *pb.TraceRequest

	mu         sync.Mutex
	generation int
	m          *pb.Traced
	bodies     map[int]*computation
}

// trace asks for a graph.
func (o *remote) trace(q *pb.TraceRequest) (*traced, error) {
	t := &traced{o: o, q: q, bodies: map[int]*computation{}}
	_, err := t.ensure()
	return t, err
}

// ensure sees to it that the graph's computations are there in the running process.
func (t *traced) ensure() (*process, error) {
	proc, id, err := t.o.ensure()
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.generation == t.o.p.generationNow() {
		return proc, nil
	}
	q := proto.Clone(t.q).(*pb.TraceRequest)
	q.Object = id
	m, err := call(t.o.p, proc, func(ctx context.Context, c pb.PluginClient) (*pb.Traced, error) { return c.Trace(ctx, q) })
	if err != nil {
		return nil, err
	}
	if t.m != nil && !sameGraph(t.m, m) {
		return nil, core.In(t.o.p.place(), core.ErrPluginContract, wire.Contract(q.GetMethod(), "writes another graph for the same request than before"))
	}
	t.m, t.generation = m, t.o.p.generationNow()
	return proc, nil
}

// sameGraph compares graphs but for the numbers of computations.
func sameGraph(a, b *pb.Traced) bool {
	if len(a.GetNodes()) != len(b.GetNodes()) {
		return false
	}
	plain := func(m *pb.Traced) *pb.Traced {
		c := proto.Clone(m).(*pb.Traced)
		for _, n := range c.GetNodes() {
			if n.Compute != nil {
				n.Compute.Id = 0
			}
		}
		return c
	}
	o := proto.MarshalOptions{Deterministic: true}
	x, _ := o.Marshal(plain(a))
	y, _ := o.Marshal(plain(b))
	return bytes.Equal(x, y)
}

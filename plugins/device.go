package plugins

import (
	"context"
	"fmt"
	"sync"
	"time"
	"unsafe"

	"google.golang.org/protobuf/proto"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/plugins/internal/shm"
	"github.com/gokeras/gk/plugins/internal/wire"
	pb "github.com/gokeras/gk/plugins/proto/v1"
)

// This file owns computations in a plugin: what is bound once, and what happens in every step.

// computation is the body of a Compute node in a plugin.
type computation struct {
	t    *traced
	node int
	spec *pb.Computation
}

// body is the computation of a node, always the same.
func (t *traced) body(node int, c *pb.Computation) graph.Computation {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.bodies[node]
	if b == nil {
		b = &computation{t, node, c}
		t.bodies[node] = b
	}
	return b
}

// Name is the computation's, with its plugin.
func (c *computation) Name() string {
	return fmt.Sprintf("%s of %s", c.spec.GetName(), c.t.o.p.place())
}

func (c *computation) Differentiable() []bool { return c.spec.GetDifferentiable() }

func (c *computation) GradientReads() (inputs, outputs bool) {
	return c.spec.GetNeedsInputs(), c.spec.GetNeedsOutputs()
}

// Device is the plugin, where there is shared memory.
func (c *computation) Device() graph.Device {
	if d := c.t.o.p.device; d != nil {
		return d
	}
	return nil
}

// id is the computation's number in the running process.
func (c *computation) id() (*process, uint64, error) {
	proc, err := c.t.ensure()
	if err != nil {
		return nil, 0, err
	}
	c.t.mu.Lock()
	defer c.t.mu.Unlock()
	return proc, c.t.m.GetNodes()[c.node].GetCompute().GetId(), nil
}

// Bind prepares a call.
func (c *computation) Bind(b graph.Binding) (graph.Bound, error) {
	p := c.t.o.p
	if p.device == nil {
		return &streamed{c: c, b: b}, nil
	}
	x := &binding{c: c, p: p, d: p.device, backward: b.Backward}
	for _, a := range b.In {
		if err := x.add(a, &x.in, &x.before, true); err != nil {
			x.Release()
			return nil, err
		}
	}
	for _, a := range b.Out {
		if err := x.add(a, &x.out, &x.after, false); err != nil {
			x.Release()
			return nil, err
		}
		if b.Backward {
			x.check = append(x.check, a.Data)
		}
	}
	if _, err := x.ensure(); err != nil {
		x.Release()
		return nil, err
	}
	return x, nil
}

// binding is a call with tensors in shared memory.
type binding struct {
	c        *computation
	p        *Plugin
	d        *device
	backward bool
	in, out  []*pb.Tensor
	before   []copying // of tensors that are not in shared memory
	after    []copying
	staged   [][]float32
	check    [][]float32

	generation int
	number     uint32
}

type copying struct{ to, from []float32 }

// add finds the place of a tensor; one that lies elsewhere gets a copy in shared memory.
func (b *binding) add(a graph.Array, list *[]*pb.Tensor, copies *[]copying, in bool) error {
	t := &pb.Tensor{Shape: wire.Shape(a.Shape)}
	*list = append(*list, t)
	if len(a.Data) == 0 {
		return nil
	}
	arena := b.p.arena
	offset, ok := arena.Offset(bytesOf(a.Data))
	if !ok || offset%shm.Align != 0 {
		own := b.d.Alloc(len(a.Data))
		if own == nil {
			return core.Errorf(core.ErrPluginTooLarge, b.p.place(), "the memory that it shares with gk is used up")
		}
		b.staged = append(b.staged, own)
		offset, _ = arena.Offset(bytesOf(own))
		if in {
			*copies = append(*copies, copying{own, a.Data})
		} else {
			*copies = append(*copies, copying{a.Data, own})
		}
	}
	t.Offset = uint64(offset)
	return nil
}

func bytesOf(v []float32) []byte {
	if len(v) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), 4*len(v))
}

// ensure binds the call in the running process.
func (b *binding) ensure() (*process, error) {
	proc, id, err := b.c.id()
	if err != nil {
		return nil, err
	}
	now := b.p.generationNow()
	if b.generation == now {
		return proc, nil
	}
	r, err := call(b.p, proc, func(ctx context.Context, c pb.PluginClient) (*pb.Bound, error) {
		return c.Bind(ctx, &pb.BindRequest{Computation: id, Backward: b.backward, Tensors: b.in, Results: b.out})
	})
	if err != nil {
		return nil, err
	}
	b.number, b.generation = r.GetBinding(), now
	return proc, nil
}

// Run does this call alone.
func (b *binding) Run(seed, step uint64) error {
	b.d.mu.Lock()
	defer b.d.mu.Unlock()
	b.d.many = append(b.d.many[:0], b)
	_, err := b.d.run(seed, step, b.d.many)
	return err
}

// Release forgets the call, without waiting for the plugin.
func (b *binding) Release() {
	for _, s := range b.staged {
		b.d.Free(s)
	}
	b.staged = nil
	if b.generation == 0 {
		return
	}
	generation, number := b.generation, b.number
	go func() {
		b.p.mu.Lock()
		proc := b.p.proc
		there := proc != nil && proc.alive() && b.p.generation == generation
		b.p.mu.Unlock()
		if there {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			_, _ = proc.rpc.Release(ctx, &pb.ReleaseRequest{Bindings: []uint32{number}})
		}
	}()
}

// device is a plugin as a place where computations run.
type device struct {
	p    *Plugin
	bell string

	mu      sync.Mutex
	numbers [shm.MaxCalls]uint32
	many    []*binding
}

// Alloc gives shared memory.
func (d *device) Alloc(n int) []float32 {
	data, grew, err := d.p.arena.Alloc(4 * n)
	if err != nil {
		return nil
	}
	if grew {
		d.p.mu.Lock()
		proc := d.p.proc
		d.p.mu.Unlock()
		if proc != nil && proc.alive() && d.p.attach(proc) != nil {
			proc.kill() // the next call starts it again, with all segments
		}
	}
	return shm.Floats(data)
}

// Free takes shared memory back.
func (d *device) Free(data []float32) { d.p.arena.Free(bytesOf(data)) }

// Run does calls with one message.
func (d *device) Run(calls []graph.Bound, seed, step uint64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.many = d.many[:0]
	for _, c := range calls {
		b, ok := c.(*binding)
		if !ok {
			return 0, core.Errorf(core.ErrPlugin, d.p.place(), "got a call of another plugin")
		}
		d.many = append(d.many, b)
	}
	return d.run(seed, step, d.many)
}

// run does calls with one message and waits for the answer, under the lock. It allocates nothing unless something goes wrong.
func (d *device) run(seed, step uint64, calls []*binding) (int, error) {
	var proc *process
	for i, b := range calls {
		var err error
		if proc, err = b.ensure(); err != nil {
			return i, err
		}
		d.numbers[i] = b.number
		for _, c := range b.before {
			copy(c.to, c.from)
		}
	}
	arena := d.p.arena
	arena.SetBatch(d.numbers[:len(calls)], seed, step)
	last := proc.number
	proc.number++
	if err := proc.bells.Request.Ring(proc.number); err != nil {
		return 0, d.gone(proc)
	}
	if err := d.wait(proc, last); err != nil {
		return 0, err
	}
	if i, text, failed := arena.Failed(); failed {
		m := &pb.Error{}
		if proto.Unmarshal(text, m) != nil {
			m = &pb.Error{Kind: string(core.ErrPluginContract), Msg: "a call failed, and what it says cannot be read"}
		}
		return min(max(i, 0), len(calls)-1), d.p.wrong(proc, wire.Error(m))
	}
	for i, b := range calls {
		for _, c := range b.after {
			copy(c.to, c.from)
		}
		for _, v := range b.check {
			if !finite(v) {
				return i, d.p.wrong(proc, core.Errorf(core.ErrNaN, "gradient", "got a number that is not finite"))
			}
		}
	}
	return 0, nil
}

// wait waits for the answer to the last batch, as long as the plugin lives and has time.
func (d *device) wait(proc *process, last uint32) error {
	end := time.Now().Add(d.p.options.timeout())
	for {
		number, ok := proc.bells.Reply.Wait(last, 20*time.Millisecond)
		switch {
		case ok && number == proc.number:
			return nil
		case ok:
			proc.kill()
			return d.p.wrong(proc, wire.Contract("bell", "answered batch %d, want %d", number, proc.number))
		case !proc.alive():
			return d.gone(proc)
		case time.Now().After(end):
			return d.p.wrong(proc, &core.Error{Kind: core.ErrPluginTimeout})
		}
	}
}

func (d *device) gone(proc *process) error {
	return d.p.wrong(proc, &core.Error{Kind: core.ErrPluginExited})
}

// finite reports whether no number is NaN or infinite: x*0 is 0 for all others.
func finite(v []float32) bool {
	var a, b, c, d float32
	for len(v) >= 8 {
		a += v[0]*0 + v[4]*0
		b += v[1]*0 + v[5]*0
		c += v[2]*0 + v[6]*0
		d += v[3]*0 + v[7]*0
		v = v[8:]
	}
	for _, x := range v {
		a += x * 0
	}
	return a+b+c+d == 0
}

// streamed is a call with tensors that travel.
type streamed struct {
	c *computation
	b graph.Binding
}

// Run sends the tensors and receives the results.
func (s *streamed) Run(seed, step uint64) error {
	proc, id, err := s.c.id()
	if err != nil {
		return err
	}
	p := s.c.t.o.p
	_, err = call(p, proc, func(ctx context.Context, c pb.PluginClient) (struct{}, error) {
		open := c.Forward
		if s.b.Backward {
			open = c.Backward
		}
		stream, err := open(ctx)
		if err != nil {
			return struct{}{}, err
		}
		sent := make(chan error, 1)
		go func() {
			err := sendTensors(stream.Send, &pb.Piece{Computation: id, Seed: seed, Step: step}, s.b.In)
			if err == nil {
				err = stream.CloseSend()
			}
			sent <- err
		}()
		first, err := stream.Recv()
		if err != nil {
			return struct{}{}, err
		}
		if _, err := receiveTensors(stream.Recv, first, 0, nonNil(s.b.Out)); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, <-sent
	})
	if err != nil {
		return err
	}
	for _, a := range s.b.Out {
		if s.b.Backward && !finite(a.Data) {
			return p.wrong(proc, core.Errorf(core.ErrNaN, "gradient", "got a number that is not finite"))
		}
	}
	return nil
}

func nonNil(a []graph.Array) []graph.Array {
	if a == nil {
		return []graph.Array{}
	}
	return a
}

// Release has nothing to do.
func (s *streamed) Release() {}

// place puts the memory of a weight where the plugin sees it, for weights that computations read in every step.
func (p *Plugin) placeWeight(w *core.Weight) {
	if p.device == nil || !w.Shape.Known() || w.Shape.Size() == 0 {
		return
	}
	if data := p.device.Alloc(w.Shape.Size()); data != nil {
		w.Place(data)
	}
}

// shapesOf are the shapes of values.
func shapesOf(values []graph.Value) []tensor.Shape {
	out := make([]tensor.Shape, len(values))
	for i, v := range values {
		out[i] = v.Shape()
	}
	return out
}

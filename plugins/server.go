package plugins

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"time"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/plugins/internal/shm"
	"github.com/gokeras/gk/plugins/internal/wire"
	pb "github.com/gokeras/gk/plugins/proto/v1"
	"github.com/gokeras/gk/registry"
)

// This file owns the service of the author's side: the answers to gk's calls.

// GRPCServer registers the service.
func (s *service) GRPCServer(_ *goplugin.GRPCBroker, g *grpc.Server) error {
	pb.RegisterPluginServer(g, s.server)
	return nil
}

// GRPCClient is for gk's side, which has one of its own.
func (s *service) GRPCClient(context.Context, *goplugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("this is a plugin")
}

// server is a plugin at work.
type server struct {
	pb.UnimplementedPluginServer
	config Config
	reg    *registry.Registry
	fds    map[string]*os.File

	mu           sync.Mutex
	last         uint64 // number given out
	objects      map[uint64]*object
	computations map[uint64]*body
	bindings     []graph.Bound
	calls        uint64
	view         *shm.View
}

// body is the body of a Compute node.
type body struct {
	body    graph.Computation
	in, out []tensor.Shape
}

func newServer(c Config, fds map[string]*os.File) *server {
	s := &server{config: c, reg: c.Registry, fds: fds, objects: map[uint64]*object{}, computations: map[uint64]*body{}}
	if s.reg == nil {
		s.reg = registry.Default
	}
	return s
}

// crash is what a panic of the author's code becomes.
func crash(err *error) {
	if r := recover(); r != nil {
		*err = core.Errorf(core.ErrPlugin, "panic", "%v at %s", r, culprit(string(debug.Stack())))
	}
}

// culprit is the first line of a stack below the panic that is not of the runtime.
func culprit(stack string) string {
	lines := strings.Split(stack, "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if strings.HasPrefix(lines[i], "panic(") {
			lines = lines[i:]
			break
		}
	}
	for _, l := range lines {
		at, _, _ := strings.Cut(strings.TrimSpace(l), " ")
		if strings.Contains(at, ".go:") && !strings.Contains(at, "/src/runtime/") {
			return at[strings.LastIndexByte(at, '/')+1:]
		}
	}
	return "an unknown place"
}

// ownOutput gives the process its stderr back, and its stdout the same way. What go-plugin put in their place travels by gRPC and is lost
// where the process ends at once: last words must not be.
var ownOutput = sync.OnceFunc(func() {
	if os.Getenv(cookieKey) != cookieValue {
		return // a loopback
	}
	os.Stderr = os.NewFile(2, "stderr")
	os.Stdout = os.Stderr
})

// unaryErrors turns mistakes and panics into what gk understands.
func unaryErrors(ctx context.Context, q any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (reply any, err error) {
	ownOutput()
	defer func() { err = wire.Status(err) }()
	defer crash(&err)
	return next(ctx, q)
}

func streamErrors(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
	defer func() { err = wire.Status(err) }()
	defer crash(&err)
	return next(srv, stream)
}

// Describe says what the plugin provides.
func (s *server) Describe(_ context.Context, q *pb.DescribeRequest) (*pb.Description, error) {
	d := &pb.Description{Name: s.config.Name, Version: s.config.Version, About: s.config.About, Sdk: "gk-go 1", Classes: s.classes(),
		Threads: uint32(max(1, s.config.Threads)), Features: []string{"stream"}}
	if s.fds["arena"] != nil {
		d.Features = append(d.Features, "shm")
		if shm.HasFutex {
			d.Features = append(d.Features, "futex")
		}
		if s.fds["request"] != nil && s.fds["reply"] != nil {
			d.Features = append(d.Features, "fdbell")
		}
	}
	d.Features = slices.DeleteFunc(d.Features, func(f string) bool { return !slices.Contains(q.GetFeatures(), f) })
	return d, nil
}

func (s *server) classes() []*pb.Class {
	var all []*pb.Class
	all = append(all, classesOf(s, pb.Kind_KIND_LAYER, s.reg.Layers)...)
	all = append(all, classesOf(s, pb.Kind_KIND_ACTIVATION, s.reg.Activations)...)
	all = append(all, classesOf(s, pb.Kind_KIND_INITIALIZER, s.reg.Initializers)...)
	all = append(all, classesOf(s, pb.Kind_KIND_REGULARIZER, s.reg.Regularizers)...)
	all = append(all, classesOf(s, pb.Kind_KIND_CONSTRAINT, s.reg.Constraints)...)
	all = append(all, classesOf(s, pb.Kind_KIND_OPTIMIZER, s.reg.Optimizers)...)
	all = append(all, classesOf(s, pb.Kind_KIND_LOSS, s.reg.Losses)...)
	return append(all, classesOf(s, pb.Kind_KIND_METRIC, s.reg.Metrics)...)
}

func classesOf[T any](s *server, kind pb.Kind, t *registry.Table[T]) (all []*pb.Class) {
	entries(t, func(e *registry.Entry[T]) {
		c := &pb.Class{Kind: kind, Package: e.Package, Name: e.Name, Aliases: e.Aliases, About: e.About, Module: e.Module}
		if config, err := s.reg.Encoder(core.Keras3).Config(e.New()); err == nil {
			c.Defaults, _ = core.FormatJSON(config)
		}
		for _, x := range s.config.Examples {
			if x.Class == e.FullName() {
				inputs := make([]any, len(x.Inputs))
				for i, shape := range x.Inputs {
					inputs[i] = registry.ShapeConfig(shape)
				}
				c.Example, _ = core.FormatJSON(map[string]any{"config": x.Config, "inputs": inputs})
				break
			}
		}
		all = append(all, c)
	})
	return all
}

func (s *server) number() uint64 { s.last++; return s.last }

// Build makes an object.
func (s *server) Build(_ context.Context, q *pb.BuildRequest) (*pb.Built, error) {
	o, err := build(s.reg, q)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.number()
	s.objects[id] = o
	return o.built(s.reg, id)
}

func (s *server) object(id uint64) (*object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.objects[id]; o != nil {
		return o, nil
	}
	return nil, wire.Contract("object", "there is no object %d", id)
}

// Trace gives the graph of a method.
func (s *server) Trace(_ context.Context, q *pb.TraceRequest) (*pb.Traced, error) {
	o, err := s.object(q.GetObject())
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock() // an object writes one graph at a time
	t, err := o.trace(q)
	if err != nil {
		return nil, err
	}
	t.Compute = func(n *graph.Node) uint64 {
		c := &body{body: n.Attr.(graph.ComputeAttr).Body, out: n.Out}
		for _, v := range n.In {
			c.in = append(c.in, v.Shape())
		}
		id := s.number()
		s.computations[id] = c
		return id
	}
	return t.Message()
}

// pieceSize is how many bytes of a tensor travel in one message.
const pieceSize = 1 << 20

// Fill gives first values.
func (s *server) Fill(q *pb.FillRequest, stream grpc.ServerStreamingServer[pb.Piece]) error {
	o, err := s.object(q.GetObject())
	if err != nil {
		return err
	}
	v, shape, err := o.fill(q)
	if err != nil {
		return err
	}
	return sendTensors(stream.Send, &pb.Piece{}, []graph.Array{{Shape: shape, Data: v}})
}

// Attach maps shared memory and, the first time, starts to listen for the bell.
func (s *server) Attach(_ context.Context, q *pb.AttachRequest) (*pb.Attached, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.view == nil
	if first {
		if s.fds["arena"] == nil {
			return nil, wire.Contract("arena", "no shared memory was passed")
		}
		v, err := shm.Open(s.fds["arena"])
		if err != nil {
			return nil, err
		}
		s.view = v
	}
	segments := make([]shm.Segment, len(q.GetSegments()))
	for i, x := range q.GetSegments() {
		segments[i] = shm.Segment{Offset: int64(x.GetOffset()), Size: int64(x.GetSize())}
	}
	if err := s.view.Map(segments); err != nil {
		return nil, err
	}
	if first {
		var request, reply *os.File
		if q.GetBell() == "fdbell" {
			request, reply = s.fds["request"], s.fds["reply"]
		}
		go s.listen(shm.PluginBells(s.view.Control, request, reply, spinFor(s.config.Threads)))
	}
	return &pb.Attached{}, nil
}

// spinFor is how long a side looks for the bell before it sleeps: not at all where that would take a processor from the work.
func spinFor(threads int) time.Duration {
	if runtime.NumCPU() < 2 || threads >= runtime.NumCPU() {
		return 0
	}
	return 20 * time.Microsecond
}

// listen runs batches for as long as the process lives.
func (s *server) listen(bells *shm.Bells) {
	runtime.LockOSThread()
	last := s.view.Reply()
	calls := make([]uint32, shm.MaxCalls)
	for {
		number, ok := bells.Request.Wait(last, time.Minute)
		if !ok {
			continue
		}
		last = number
		n, seed, step := s.view.Batch(calls)
		for i, b := range calls[:n] {
			if err := s.run(b, seed, step); err != nil {
				text, _ := proto.Marshal(short(wire.Message(err)))
				s.view.SetFailed(i, text)
				break
			}
		}
		if bells.Reply.Ring(number) != nil {
			return
		}
	}
}

// short cuts an error to what the control page holds.
func short(e *pb.Error) *pb.Error {
	e.Msg, e.Where, e.Hint = e.Msg[:min(len(e.Msg), 1200)], e.Where[:min(len(e.Where), 300)], e.Hint[:min(len(e.Hint), 300)]
	e.Msg, e.Where, e.Hint = strings.ToValidUTF8(e.Msg, "?"), strings.ToValidUTF8(e.Where, "?"), strings.ToValidUTF8(e.Hint, "?")
	return e
}

func (s *server) run(binding uint32, seed, step uint64) (err error) {
	defer crash(&err)
	s.mu.Lock()
	s.calls++
	var b graph.Bound
	if int64(binding) < int64(len(s.bindings)) {
		b = s.bindings[binding]
	}
	s.mu.Unlock()
	if b == nil {
		return wire.Contract("binding", "there is no binding %d", binding)
	}
	return b.Run(seed, step)
}

// arrays sees tensors of a message in shared memory.
func (s *server) arrays(all []*pb.Tensor) ([]graph.Array, error) {
	out := make([]graph.Array, len(all))
	for i, t := range all {
		shape, err := wire.ShapeOf(t.GetShape())
		if err != nil {
			return nil, err
		}
		if !shape.Known() {
			return nil, wire.Contract("tensor", "got shape %v, want known sizes", shape)
		}
		out[i].Shape = shape
		if shape.Size() == 0 {
			continue
		}
		b, err := s.view.At(int64(t.GetOffset()), int64(4*shape.Size()))
		if err != nil {
			return nil, wire.Contract("tensor", "%v", err)
		}
		out[i].Data = shm.Floats(b)
	}
	return out, nil
}

// Bind prepares a call.
func (s *server) Bind(_ context.Context, q *pb.BindRequest) (*pb.Bound, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.computations[q.GetComputation()]
	if c == nil || s.view == nil {
		return nil, wire.Contract("computation", "there is no computation %d, or no shared memory", q.GetComputation())
	}
	b := graph.Binding{Backward: q.GetBackward()}
	var err error
	if b.In, err = s.arrays(q.GetTensors()); err != nil {
		return nil, err
	}
	if b.Out, err = s.arrays(q.GetResults()); err != nil {
		return nil, err
	}
	bound, err := c.body.Bind(b)
	if err != nil {
		return nil, err
	}
	free := slices.IndexFunc(s.bindings, func(x graph.Bound) bool { return x == nil })
	if free < 0 {
		free = len(s.bindings)
		s.bindings = append(s.bindings, nil)
	}
	s.bindings[free] = bound
	return &pb.Bound{Binding: uint32(free)}, nil
}

// Forward runs a computation on tensors that travel.
func (s *server) Forward(stream grpc.BidiStreamingServer[pb.Piece, pb.Piece]) error {
	return s.travel(stream, false)
}

// Backward runs the gradient of a computation on tensors that travel.
func (s *server) Backward(stream grpc.BidiStreamingServer[pb.Piece, pb.Piece]) error {
	return s.travel(stream, true)
}

func (s *server) travel(stream grpc.BidiStreamingServer[pb.Piece, pb.Piece], backward bool) error {
	for {
		first, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		s.mu.Lock()
		c := s.computations[first.GetComputation()]
		s.calls++
		s.mu.Unlock()
		if c == nil {
			return wire.Contract("computation", "there is no computation %d", first.GetComputation())
		}
		b := graph.Binding{Backward: backward}
		if b.In, err = receiveTensors(stream.Recv, first, maxStreamed, nil); err != nil {
			return err
		}
		shapes := c.out
		if backward {
			shapes = wanted(c.in, c.body.Differentiable())
		}
		if err := concrete(shapes, c); err != nil {
			return err
		}
		for _, shape := range shapes {
			b.Out = append(b.Out, graph.Array{Shape: shape, Data: make([]float32, shape.Size())})
		}
		bound, err := c.body.Bind(b)
		if err != nil {
			return err
		}
		if err := bound.Run(first.GetSeed(), first.GetStep()); err != nil {
			return err
		}
		bound.Release()
		if err := sendTensors(stream.Send, &pb.Piece{}, b.Out); err != nil {
			return err
		}
	}
}

// wanted are the shapes of the inputs that get gradients.
func wanted(in []tensor.Shape, differentiable []bool) (out []tensor.Shape) {
	for i, d := range differentiable {
		if d {
			out = append(out, in[i])
		}
	}
	return out
}

// concrete checks that a computation was traced with known sizes.
func concrete(shapes []tensor.Shape, c *body) error {
	for _, s := range shapes {
		if !s.Known() {
			return wire.Contract("computation", "%s was traced for shape %v and cannot run", c.body.Name(), s)
		}
	}
	return nil
}

// Release forgets things.
func (s *server) Release(_ context.Context, q *pb.ReleaseRequest) (*pb.Released, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range q.GetObjects() {
		delete(s.objects, id)
	}
	for _, id := range q.GetComputations() {
		delete(s.computations, id)
	}
	for _, b := range q.GetBindings() {
		if int64(b) < int64(len(s.bindings)) && s.bindings[b] != nil {
			s.bindings[b].Release()
			s.bindings[b] = nil
		}
	}
	return &pb.Released{}, nil
}

// State says what is alive.
func (s *server) State(context.Context, *pb.StateRequest) (*pb.PluginState, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := &pb.PluginState{Objects: uint32(len(s.objects)), Computations: uint32(len(s.computations)), Calls: s.calls}
	for _, b := range s.bindings {
		if b != nil {
			m.Bindings++
		}
	}
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() == metrics.KindUint64 {
		m.Memory = sample[0].Value.Uint64()
	}
	return m, nil
}

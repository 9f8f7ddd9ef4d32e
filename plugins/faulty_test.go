//go:build linux

package plugins

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/core/tensor"
	pb "github.com/gokeras/gk/plugins/proto/v1"
	"github.com/gokeras/gk/registry"
)

// This file owns faults: a plugin that does everything wrong, one thing at a time, and what must be true of gk afterwards.

// theFault is what this process is to do wrong: "phase:kind".
var theFault string

// beFaulty does what goes wrong before the first word.
func beFaulty(fault string) {
	theFault = fault
	phase, kind, _ := strings.Cut(fault, ":")
	if phase != "start" {
		return
	}
	line := map[string]string{
		"garbage": "hello, world", "ansi": "\x1b[31mred\x1b[0m", "short": "1|1|unix", "version": "1|9|unix|/nowhere|grpc|", "core": "7|1|unix|/nowhere|grpc|",
		"notnumber": "1|x|unix|/nowhere|grpc|", "nosocket": "1|1|unix|/nowhere/at/all|grpc|", "netrpc": "1|1|unix|/nowhere|netrpc|",
		"badcert": "1|1|unix|/nowhere|grpc|" + strings.Repeat("A", 100), "network": "1|1|carrier-pigeon|coop|grpc|",
	}
	switch {
	case line[kind] != "":
		fmt.Println(line[kind])
	case kind == "silent":
		time.Sleep(time.Hour)
	case kind == "flood":
		chunk := bytes.Repeat([]byte("x"), 1<<20)
		for range 256 {
			_, _ = os.Stdout.Write(chunk)
		}
	}
	if kind == "nosocket" || kind == "badcert" || kind == "flood" {
		time.Sleep(time.Hour)
	}
	disaster(kind)
}

// disaster is what can happen at any time.
func disaster(kind string) {
	switch kind {
	case "exit":
		fmt.Fprintln(os.Stderr, "last words")
		os.Exit(3)
	case "kill":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		time.Sleep(time.Hour)
	case "stop":
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		time.Sleep(time.Hour)
	case "hang":
		time.Sleep(time.Hour)
	case "spin":
		for spinning := true; spinning; {
			spinning = theFault != ""
		}
	case "panic":
		panic("the author made a mistake")
	case "crash":
		go func() { panic("nobody recovers this") }()
		time.Sleep(time.Hour)
	case "memory":
		var all [][]byte
		for range 1000 {
			b := make([]byte, 1<<30)
			all = append(all, b)
		}
		fmt.Fprintln(os.Stderr, len(all))
	case "grandchild":
		c := exec.Command("/bin/sleep", "3600")
		c.Stdout, c.Stderr = os.Stdout, os.Stderr
		_ = c.Start()
		os.Exit(4)
	case "forks":
		for range 200 {
			_ = exec.Command("/bin/sleep", "3600").Start()
		}
		time.Sleep(time.Hour)
	case "socket":
		_ = os.RemoveAll(os.Getenv("PLUGIN_UNIX_SOCKET_DIR"))
		os.Exit(5)
	}
}

// here does what goes wrong in a phase, and returns an error if that is it.
func here(phase string) error {
	p, kind, _ := strings.Cut(theFault, ":")
	if p != phase {
		return nil
	}
	switch kind {
	case "error":
		return core.Errorf(core.ErrData, "the place", "the author says no")
	case "text":
		return errors.New("an error \x1b[31m without\n a kind")
	}
	disaster(kind)
	return nil
}

// misbehave is called by computations.
func misbehave(c *graph.FuncCall, phase string) error {
	if theFault == phase+":nan" {
		c.Out[0].Data[0] = float32(math.NaN())
	}
	if theFault == phase+":stderr" {
		line := bytes.Repeat([]byte("much ado about nothing\n"), 1000)
		for range 400 {
			_, _ = os.Stderr.Write(line)
		}
	}
	if theFault == phase+":stdout" {
		fmt.Println("1|1|garbage on stdout")
		_, _ = syscall.Write(1, []byte("and more of it\n"))
	}
	return here(phase)
}

// faulty answers wrongly.
type faulty struct{ *server }

func (f *faulty) Describe(ctx context.Context, q *pb.DescribeRequest) (*pb.Description, error) {
	if err := here("describe"); err != nil {
		return nil, err
	}
	d, err := f.server.Describe(ctx, q)
	switch theFault {
	case "describe:badname":
		d.Name = "../../etc"
	case "describe:badclass":
		d.Classes[0].Name = "a\x00b"
	case "describe:twice":
		d.Classes = append(d.Classes, d.Classes[0])
	case "describe:noclasses":
		d.Classes = nil
	case "describe:huge":
		d.About = strings.Repeat("x", maxMessage+1)
	case "describe:defaults":
		d.Classes[0].Defaults = []byte("{")
	}
	return d, err
}

func (f *faulty) Build(ctx context.Context, q *pb.BuildRequest) (*pb.Built, error) {
	if err := here("build"); err != nil {
		return nil, err
	}
	b, err := f.server.Build(ctx, q)
	if err != nil || q.GetKind() != pb.Kind_KIND_LAYER {
		return b, err
	}
	w := b.Weights[0]
	switch theFault {
	case "build:negative":
		w.Shape.Dims = []int64{-5}
	case "build:unknown":
		w.Shape.Dims = []int64{-1}
	case "build:astronomic":
		w.Shape.Dims = []int64{1 << 62, 1 << 62}
	case "build:product":
		w.Shape.Dims = []int64{1 << 30, 1 << 30}
	case "build:rank":
		w.Shape.Dims = make([]int64, 1000)
	case "build:weightname":
		w.Name = "../x\x00"
	case "build:initializer":
		w.Initializer = []byte(`{"class_name": "Nothing"}`)
	case "build:json":
		w.Initializer = []byte(`{{{`)
	case "build:config":
		b.Config = []byte(`[1, 2`)
	case "build:huge":
		b.Config = bytes.Repeat([]byte("x"), maxMessage+1)
	}
	return b, err
}

func (f *faulty) Trace(ctx context.Context, q *pb.TraceRequest) (*pb.Traced, error) {
	if err := here("trace"); err != nil {
		return nil, err
	}
	t, err := f.server.Trace(ctx, q)
	if err != nil {
		return nil, err
	}
	last := t.Nodes[len(t.Nodes)-1]
	switch theFault {
	case "trace:op":
		last.Op, last.Compute = "LaunchMissiles", nil
	case "trace:noop":
		last.Op = ""
	case "trace:reference":
		last.In[0].Node = 1 << 30
	case "trace:output":
		last.In[0].Output = 1 << 30
	case "trace:cycle":
		last.In[0].Node = uint32(len(t.Nodes))
	case "trace:attr":
		last.Op, last.Compute, last.Attr = "Softmax", nil, []byte(`{"axis": "x"}`)
	case "trace:arity":
		last.Op, last.Compute, last.In = "MatMul", nil, nil
	case "trace:none":
		t.Outputs[0].Node = 0
	case "trace:nothing":
		t.Outputs = nil
	case "trace:update":
		t.Updates = append(t.Updates, &pb.Update{Weight: 99, Value: t.Outputs[0]})
	case "trace:trained":
		t.Updates = append(t.Updates, &pb.Update{Weight: 0, Value: t.Outputs[0]})
	case "trace:loss":
		t.Losses = append(t.Losses, t.Outputs[0])
	case "trace:weight":
		t.Nodes[1].Attr = []byte(`{"index": -7}`)
		t.Nodes[1].Op = "Weight"
	case "trace:astronomic":
		last.Compute.Outputs[0].Dims = []int64{1 << 62}
	case "trace:negative":
		last.Compute.Outputs[0].Dims = []int64{-9, 4}
	case "trace:gradients":
		last.Compute.Differentiable = make([]bool, 17)
	case "trace:shape":
		last.Compute.Outputs[0].Dims = []int64{3, 3, 3}
	case "trace:table":
		t.Nodes = append(t.Nodes, &pb.Node{Op: "Table", Attr: []byte(`{"shape": [1000000]}`), Table: []byte{1, 2, 3}})
	case "trace:many":
		for range 200_000 {
			t.Nodes = append(t.Nodes, &pb.Node{Op: "Const", Attr: []byte(`{"value": 1}`)})
		}
	case "trace:nogradient":
		last.Compute.Differentiable = nil
	}
	return t, err
}

func (f *faulty) Bind(ctx context.Context, q *pb.BindRequest) (*pb.Bound, error) {
	if err := here("bind"); err != nil {
		return nil, err
	}
	b, err := f.server.Bind(ctx, q)
	if theFault == "bind:number" {
		b.Binding = 1 << 31
	}
	return b, err
}

func (f *faulty) Attach(ctx context.Context, q *pb.AttachRequest) (*pb.Attached, error) {
	if err := here("attach"); err != nil {
		return nil, err
	}
	return f.server.Attach(ctx, q)
}

func (f *faulty) Fill(q *pb.FillRequest, stream grpc.ServerStreamingServer[pb.Piece]) error {
	if err := here("fill"); err != nil {
		return err
	}
	switch theFault {
	case "fill:short":
		return sendTensors(stream.Send, &pb.Piece{}, []graph.Array{{Shape: tensor.Shape{2}, Data: []float32{1, 2}}})
	case "fill:ends":
		return stream.Send(&pb.Piece{Tensors: []*pb.Shape{{Dims: []int64{4}}}})
	case "fill:more":
		if err := stream.Send(&pb.Piece{Tensors: []*pb.Shape{{Dims: []int64{4}}}}); err != nil {
			return err
		}
		return stream.Send(&pb.Piece{Data: make([]byte, 4000)})
	}
	return f.server.Fill(q, stream)
}

const faultyModel = `{"class_name": "Sequential", "config": {"name": "m", "layers": [
	{"class_name": "InputLayer", "config": {"batch_shape": [null, 4], "name": "in"}},
	{"class_name": "Dense", "config": {"name": "dense", "units": 4, "bias_initializer": %s}},
	{"class_name": "test>Computed", "config": {"name": "computed"}},
	{"class_name": "Dense", "config": {"name": "out", "units": 2}}]}}`

// faults are all cases: the fault, the kind of the error ("" for none), and parts of its text. Every text must name the plugin.
var faults = []struct {
	fault string
	kind  core.Kind
	parts []string
}{
	{"start:exit", core.ErrPluginStart, []string{"exited with status 3", "last words"}},
	{"start:kill", core.ErrPluginStart, []string{"signal: killed"}},
	{"start:silent", core.ErrPluginStart, []string{"did not say in time"}},
	{"start:stop", core.ErrPluginStart, []string{"did not say in time"}},
	{"start:panic", core.ErrPluginStart, []string{"exited with status 2", "the author made a mistake"}},
	{"start:garbage", core.ErrPluginStart, nil},
	{"start:ansi", core.ErrPluginStart, nil},
	{"start:flood", core.ErrPluginStart, []string{"does not behave as a plugin"}},
	{"start:short", core.ErrPluginStart, nil},
	{"start:version", core.ErrPluginProtocol, []string{"gk speaks 1"}},
	{"start:core", core.ErrPluginProtocol, nil},
	{"start:notnumber", core.ErrPluginStart, nil},
	{"start:nosocket", core.ErrPluginExited, []string{"connection broke"}},
	{"start:netrpc", core.ErrPluginStart, []string{"netrpc"}},
	{"start:network", core.ErrPluginStart, nil},
	{"start:badcert", core.ErrPluginStart, nil},
	{"describe:exit", core.ErrPluginExited, []string{"exited with status 3", "last words"}},
	{"describe:kill", core.ErrPluginExited, []string{"signal: killed"}},
	{"describe:hang", core.ErrPluginTimeout, []string{"did not answer within"}},
	{"describe:stop", core.ErrPluginTimeout, nil},
	{"describe:panic", core.ErrPlugin, []string{"the author made a mistake", "faulty_test.go"}},
	{"describe:crash", core.ErrPluginExited, []string{"exited with status 2"}},
	{"describe:error", core.ErrData, []string{"the author says no"}},
	{"describe:text", core.ErrPlugin, []string{"without"}},
	{"describe:badname", core.ErrPluginContract, nil},
	{"describe:badclass", core.ErrPluginContract, nil},
	{"describe:twice", core.ErrPluginContract, []string{"is there twice"}},
	{"describe:noclasses", core.ErrPluginContract, nil},
	{"describe:huge", core.ErrPluginTooLarge, nil},
	{"describe:defaults", core.ErrPluginContract, nil},
	{"attach:exit", core.ErrPluginExited, nil},
	{"attach:error", core.ErrData, nil},
	{"attach:hang", core.ErrPluginTimeout, nil},
	{"build:exit", core.ErrPluginExited, []string{`layer "computed"`, "exited with status 3", "last words"}},
	{"build:kill", core.ErrPluginExited, []string{`layer "computed"`}},
	{"build:hang", core.ErrPluginTimeout, []string{`layer "computed"`}},
	{"build:stop", core.ErrPluginTimeout, []string{`layer "computed"`}},
	{"build:panic", core.ErrPlugin, []string{`layer "computed"`, "the author made a mistake"}},
	{"build:error", core.ErrData, []string{`layer "computed"`, "the author says no"}},
	{"build:socket", core.ErrPluginExited, nil},
	{"build:grandchild", core.ErrPluginExited, nil},
	{"build:negative", core.ErrPluginContract, []string{"weight 0"}},
	{"build:unknown", core.ErrPluginContract, []string{"weight 0"}},
	{"build:astronomic", core.ErrPluginContract, []string{"weight 0"}},
	{"build:product", core.ErrPluginContract, []string{"weight 0"}},
	{"build:rank", core.ErrPluginContract, []string{"weight 0"}},
	{"build:weightname", core.ErrPluginContract, []string{"weight 0"}},
	{"build:initializer", "", nil},
	{"build:json", "", nil},
	{"build:huge", core.ErrPluginTooLarge, nil},
	{"trace:exit", core.ErrPluginExited, []string{`layer "computed"`}},
	{"trace:hang", core.ErrPluginTimeout, []string{`layer "computed"`}},
	{"trace:panic", core.ErrPlugin, []string{`layer "computed"`}},
	{"trace:error", core.ErrData, []string{`layer "computed"`}},
	{"trace:op", core.ErrPluginContract, []string{"LaunchMissiles"}},
	{"trace:noop", core.ErrPluginContract, nil},
	{"trace:reference", core.ErrPluginContract, nil},
	{"trace:output", core.ErrPluginContract, nil},
	{"trace:cycle", core.ErrPluginContract, nil},
	{"trace:attr", core.ErrPluginContract, []string{"Softmax"}},
	{"trace:arity", core.ErrPluginContract, []string{"MatMul"}},
	{"trace:none", core.ErrPluginContract, nil},
	{"trace:nothing", core.ErrPluginContract, nil},
	{"trace:update", core.ErrPluginContract, nil},
	{"trace:trained", core.ErrPluginContract, nil},
	{"trace:loss", core.ErrPluginContract, nil},
	{"trace:weight", core.ErrPluginContract, nil},
	{"trace:astronomic", core.ErrPluginContract, nil},
	{"trace:negative", core.ErrPluginContract, nil},
	{"trace:gradients", core.ErrPluginContract, nil},
	{"trace:shape", core.ErrPluginContract, []string{"as it said"}},
	{"trace:table", core.ErrPluginContract, nil},
	{"trace:many", core.ErrPluginContract, nil},
	{"trace:nogradient", "", []string{"has no gradient"}},
	{"bind:exit", core.ErrPluginExited, nil},
	{"bind:hang", core.ErrPluginTimeout, nil},
	{"bind:error", core.ErrData, nil},
	{"bind:number", core.ErrPluginContract, nil},
	{"fill:exit", core.ErrPluginExited, nil},
	{"fill:hang", core.ErrPluginTimeout, nil},
	{"fill:error", core.ErrData, nil},
	{"fill:short", core.ErrPluginContract, nil},
	{"fill:ends", core.ErrPluginContract, nil},
	{"fill:more", core.ErrPluginContract, nil},
	{"forward:exit", core.ErrPluginExited, []string{`layer "computed"`, "forward", "epoch 1, batch 1", "exited with status 3", "last words"}},
	{"forward:kill", core.ErrPluginExited, []string{`layer "computed"`, "forward", "signal: killed"}},
	{"forward:hang", core.ErrPluginTimeout, []string{`layer "computed"`, "forward"}},
	{"forward:spin", core.ErrPluginTimeout, []string{`layer "computed"`, "forward"}},
	{"forward:stop", core.ErrPluginTimeout, []string{`layer "computed"`, "forward"}},
	{"forward:panic", core.ErrPlugin, []string{`layer "computed"`, "forward", "the author made a mistake"}},
	{"forward:crash", core.ErrPluginExited, []string{`layer "computed"`, "forward", "nobody recovers this"}},
	{"forward:error", core.ErrData, []string{`layer "computed"`, "forward", "the place", "the author says no"}},
	{"forward:text", core.ErrPlugin, []string{`layer "computed"`, "forward", "without"}},
	{"forward:memory", core.ErrPluginExited, []string{`layer "computed"`, "forward"}},
	{"forward:grandchild", core.ErrPluginExited, []string{`layer "computed"`, "forward", "exited with status 4"}},
	{"forward:forks", core.ErrPluginExited, []string{`layer "computed"`, "forward", "processes, at most"}},
	{"forward:socket", core.ErrPluginExited, []string{`layer "computed"`, "forward"}},
	{"forward:nan", core.ErrNaN, []string{"loss", "forward"}},
	{"forward:stdout", "-", nil},
	{"forward:stderr", "-", nil},
	{"backward:exit", core.ErrPluginExited, []string{`layer "computed"`, "backward", "last words"}},
	{"backward:kill", core.ErrPluginExited, []string{`layer "computed"`, "backward"}},
	{"backward:hang", core.ErrPluginTimeout, []string{`layer "computed"`, "backward"}},
	{"backward:stop", core.ErrPluginTimeout, []string{`layer "computed"`, "backward"}},
	{"backward:panic", core.ErrPlugin, []string{`layer "computed"`, "backward"}},
	{"backward:error", core.ErrData, []string{`layer "computed"`, "backward"}},
	{"backward:nan", core.ErrNaN, []string{`layer "computed"`, "backward", "gradient"}},
}

var marks atomic.Int64

func TestFaults(t *testing.T) {
	deadline := 3 * time.Second
	sockets := func() int {
		all, _ := filepath.Glob(filepath.Join(os.TempDir(), "plugin-dir*"))
		return len(all)
	}
	before := sockets()
	t.Run("all", func(t *testing.T) {
		for _, transport := range []string{"", "stream"} {
			for _, f := range faults {
				phase, _, _ := strings.Cut(f.fault, ":")
				if transport == "stream" && (phase != "forward" && phase != "backward" || f.fault == "forward:spin") {
					continue // no other phase knows how tensors travel
				}
				t.Run(f.fault+transport, func(t *testing.T) {
					if testing.Short() && !strings.Contains("forward:exit build:panic trace:op start:garbage", f.fault) {
						t.Skip("the whole list takes a minute")
					}
					t.Parallel()
					mark := fmt.Sprintf("GK_TEST_MARK=%d.%d", os.Getpid(), marks.Add(1))
					o := Options{Transport: transport, Timeout: deadline, StartTimeout: deadline, Memory: 16 << 30, Env: []string{mark, "GK_TEST_FAULT=" + f.fault}}
					var log strings.Builder
					took, err := suffer(t, o, phase, &log)
					check(t, f.fault, f.kind, f.parts, err)
					if limit := deadline + 2*time.Second; took > limit*slack {
						t.Errorf("took %v, want at most %v", took, limit)
					}
					if left := survivors(mark); left != nil {
						t.Errorf("processes are left: %v", left)
					}
				})
			}
		}
	})
	if after := sockets(); after > before {
		t.Errorf("%d folders of sockets are left", after-before)
	}
}

// slack is how much slower than alone a machine may be that runs many tests at a time.
const slack = 3

// suffer does what a user would with a plugin of that fault, and returns how long the call took that failed.
func suffer(t *testing.T, o Options, phase string, _ *strings.Builder) (time.Duration, error) {
	began := time.Now()
	m, err := Load(registry.Default, o, self(t))
	if err != nil {
		return time.Since(began), err
	}
	defer m.Close()
	initializer := `"zeros"`
	if phase == "fill" {
		initializer = `{"class_name": "test>Ramp", "config": {}}`
	}
	began = time.Now()
	net, err := model.FromJSON(fmt.Appendf(nil, faultyModel, initializer), m.Registry, registry.Origin{})
	if err != nil {
		return time.Since(began), err
	}
	if err := net.Compile(model.Compile{Optimizer: "adam", Loss: "mse"}); err != nil {
		return 0, err
	}
	net.Initialize()
	var before [][]float32
	for _, w := range net.AllWeights() {
		before = append(before, slices.Clone(w.Data()))
	}
	set := data(32)
	set.X[0] = tensor.From(set.X[0].Float32s()[:4*32], 32, 4)
	began = time.Now()
	_, err = net.Fit(context.Background(), set, model.Fit{BatchSize: 8})
	took := time.Since(began)
	if err != nil {
		for i, w := range net.AllWeights() {
			if !slices.Equal(w.Data(), before[i]) {
				t.Errorf("%s is not as it was before the step", w.Name)
			}
		}
		if n := net.Optimizer().Common().Iterations; n != 0 {
			t.Errorf("the optimizer counts %d steps, want 0", n)
		}
	}
	return took, err
}

func check(t *testing.T, fault string, kind core.Kind, parts []string, err error) {
	t.Helper()
	if kind == "-" {
		if err != nil {
			t.Errorf("got %v, want no error", err)
		}
		return
	}
	var e *core.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an error of gk", err)
	}
	if kind != "" && e.Kind != kind {
		t.Errorf("got kind %s, want %s: %v", e.Kind, kind, err)
	}
	name := `plugin "`
	if strings.HasPrefix(fault, "describe:badname") {
		name = "etc"
	}
	for _, part := range append(parts, name) {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("got %q, want %q in it", err, part)
		}
	}
}

// survivors are the processes that have a mark in their environment.
func survivors(mark string) []string {
	var left []string
	for range 20 {
		left = nil
		all, _ := filepath.Glob("/proc/[0-9]*/environ")
		for _, path := range all {
			if b, err := os.ReadFile(path); err == nil && bytes.Contains(b, []byte(mark+"\x00")) {
				left = append(left, path)
			}
		}
		if left == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return left
}

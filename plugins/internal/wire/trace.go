package wire

import (
	"encoding/binary"
	"encoding/json"
	"math"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	pb "github.com/gokeras/gk/plugins/proto/v1"
)

// This file owns graphs: what a plugin writes becomes a message, and the message operations of a graph of gk's.

// Leaves are the names of the leaves that stand for what gk has.
const (
	leafInput   = "Input"
	leafMask    = "Mask"
	leafWeight  = "Weight"
	opTable     = "Table"
	opCompute   = "Compute"
	maxNodes    = 100_000
	maxInputs   = 4096
	maxAttr     = 1 << 20
	maxTableLen = 64 << 20
)

// Trace is what a method of an object wrote, on the plugin's side.
type Trace struct {
	Graph   *graph.Graph
	Inputs  []graph.Value // with Masks, they are made by the caller, with Graph.Input
	Masks   []graph.Value
	Weights []*graph.Variable // in the order of the protocol
	Outputs []graph.Value
	Updates map[*graph.Variable]graph.Value
	Losses  []graph.Value
	OutMask []graph.Value // nil: as the inputs
	// Compute is asked for the number of a computation.
	Compute func(n *graph.Node) uint64
}

type index struct {
	Index int `json:"index"`
}

// Message writes the trace down.
func (t *Trace) Message() (*pb.Traced, error) {
	if err := t.Graph.Err(); err != nil {
		return nil, core.In("", core.ErrShapeMismatch, err)
	}
	m := &pb.Traced{}
	at := make([]uint32, len(t.Graph.Nodes()))
	leaf := map[*graph.Node]*pb.Node{}
	name := func(op string, values []graph.Value) {
		for i, v := range values {
			if v.Valid() {
				attr, _ := json.Marshal(index{i})
				leaf[v.Node()] = &pb.Node{Op: op, Attr: attr}
			}
		}
	}
	name(leafInput, t.Inputs)
	name(leafMask, t.Masks)
	weight := map[*graph.Variable]int{}
	for i, w := range t.Weights {
		weight[w] = i
	}
	ref := func(v graph.Value) *pb.Value {
		if !v.Valid() {
			return &pb.Value{}
		}
		return &pb.Value{Node: at[v.Node().ID], Output: uint32(v.Index())}
	}
	refs := func(all []graph.Value) []*pb.Value {
		out := make([]*pb.Value, len(all))
		for i, v := range all {
			out[i] = ref(v)
		}
		return out
	}
	for _, n := range t.Graph.Nodes() {
		x := leaf[n]
		if x == nil {
			x = &pb.Node{Op: n.Op.Name, In: refs(n.In)}
			switch a := n.Attr.(type) {
			case graph.VariableAttr:
				i, ok := weight[a.Var]
				if !ok {
					return nil, core.Errorf(core.ErrGraph, "weight "+a.Var.Name, "is read but was never declared")
				}
				x.Op = leafWeight
				x.Attr, _ = json.Marshal(index{i})
			case graph.TableAttr:
				x.Table, x.Attr = floats(a.Values), shapeAttr(a.Values.Shape())
			case graph.ComputeAttr:
				inputs, outputs := a.Body.GradientReads()
				x.Compute = &pb.Computation{Id: t.Compute(n), Name: a.Body.Name(), Outputs: Shapes(n.Out), Differentiable: a.Body.Differentiable(),
					NeedsInputs: inputs, NeedsOutputs: outputs}
			default:
				x.Attr = n.AttrJSON()
			}
		}
		m.Nodes = append(m.Nodes, x)
		at[n.ID] = uint32(len(m.Nodes))
	}
	m.Outputs, m.Losses = refs(t.Outputs), refs(t.Losses)
	for i, w := range t.Weights {
		if v, ok := t.Updates[w]; ok {
			m.Updates = append(m.Updates, &pb.Update{Weight: uint32(i), Value: ref(v)})
		}
	}
	if t.OutMask != nil {
		m.HasMasks, m.Masks = true, refs(t.OutMask)
	}
	return m, nil
}

func shapeAttr(s tensor.Shape) []byte {
	b, _ := json.Marshal(struct {
		Shape []int `json:"shape"`
	}{s})
	return b
}

func floats(t *tensor.Tensor) []byte {
	v := t.Float32s()
	b := make([]byte, 4*len(v))
	PutFloats(b, v)
	return b
}

// PutFloats writes numbers as bytes.
func PutFloats(b []byte, v []float32) {
	for i, x := range v {
		binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(x))
	}
}

// GetFloats reads numbers from bytes.
func GetFloats(v []float32, b []byte) {
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
}

// Host is what a traced graph is put into, on gk's side.
type Host struct {
	Graph  *graph.Graph
	Inputs []graph.Value
	Masks  []graph.Value
	// Weight reads weight i; ok is false if there is none of that number.
	Weight func(i int) (v graph.Value, ok bool)
	// Compute makes the body of the Compute node of a number, counted in the message.
	Compute func(node int, c *pb.Computation) graph.Computation
}

// Result is what a traced graph gives.
type Result struct {
	Outputs []graph.Value
	Updates []Update
	Losses  []graph.Value
	Masks   []graph.Value // nil: as the inputs
	// Computed are the weights that go into computations as they are.
	Computed []int
}

// Update is the new value of a weight.
type Update struct {
	Weight int
	Value  graph.Value
}

// Splice writes the operations of a message into a graph. The message may say anything: what it asks for is checked.
func (h *Host) Splice(m *pb.Traced) (*Result, error) {
	if len(m.GetNodes()) > maxNodes {
		return nil, Contract("graph", "got %d operations, want at most %d", len(m.GetNodes()), maxNodes)
	}
	made := make([][]graph.Value, len(m.GetNodes())+1)
	weightOf := map[int]int{}
	get := func(v *pb.Value) (graph.Value, error) {
		n, i := v.GetNode(), v.GetOutput()
		if n == 0 {
			return graph.Value{}, nil
		}
		if int64(n) >= int64(len(made)) || made[n] == nil || int64(i) >= int64(len(made[n])) {
			return graph.Value{}, Contract("graph", "output %d of operation %d is read, which is not there", i, n)
		}
		return made[n][i], nil
	}
	r := &Result{}
	for k, n := range m.GetNodes() {
		if len(n.GetIn()) > maxInputs || len(n.GetAttr()) > maxAttr || len(n.GetTable()) > maxTableLen {
			return nil, Contract("graph", "operation %d (%s) is too large", k+1, cut(n.GetOp()))
		}
		in := make([]graph.Value, len(n.GetIn()))
		for i, v := range n.GetIn() {
			var err error
			if in[i], err = get(v); err != nil {
				return nil, err
			}
		}
		out, err := h.node(k, n, in)
		if err != nil {
			return nil, core.In(cut(n.GetOp()), core.ErrPluginContract, err)
		}
		made[k+1] = out
		if n.GetOp() == leafWeight {
			weightOf[k+1], _ = indexOf(n)
		}
		if n.GetOp() == opCompute {
			for _, v := range n.GetIn() {
				if w, ok := weightOf[int(v.GetNode())]; ok {
					r.Computed = append(r.Computed, w)
				}
			}
		}
	}
	all := func(refs []*pb.Value, none bool) ([]graph.Value, error) {
		out := make([]graph.Value, len(refs))
		for i, v := range refs {
			x, err := get(v)
			if err != nil {
				return nil, err
			}
			if !x.Valid() && !none {
				return nil, Contract("graph", "result %d is none", i)
			}
			out[i] = x
		}
		return out, nil
	}
	var err error
	if r.Outputs, err = all(m.GetOutputs(), false); err != nil {
		return nil, err
	}
	if r.Losses, err = all(m.GetLosses(), false); err != nil {
		return nil, err
	}
	for _, l := range r.Losses {
		if l.Rank() != 0 {
			return nil, Contract("loss", "got shape %v, want a scalar", l.Shape())
		}
	}
	if m.GetHasMasks() {
		if r.Masks, err = all(m.GetMasks(), true); err != nil {
			return nil, err
		}
	}
	for _, u := range m.GetUpdates() {
		v, err := get(u.GetValue())
		if err != nil {
			return nil, err
		}
		if !v.Valid() {
			return nil, Contract("update", "weight %d gets no value", u.GetWeight())
		}
		r.Updates = append(r.Updates, Update{int(u.GetWeight()), v})
	}
	return r, nil
}

func indexOf(n *pb.Node) (int, error) {
	var i index
	if err := json.Unmarshal(n.GetAttr(), &i); err != nil {
		return 0, Contract("", "got settings %q, want {\"index\": number}", cut(string(n.GetAttr())))
	}
	return i.Index, nil
}

// node writes one operation.
func (h *Host) node(k int, n *pb.Node, in []graph.Value) ([]graph.Value, error) {
	from := func(all []graph.Value, what string) ([]graph.Value, error) {
		i, err := indexOf(n)
		if err != nil {
			return nil, err
		}
		if i < 0 || i >= len(all) || !all[i].Valid() {
			return nil, Contract("", "there is no %s %d", what, i)
		}
		return all[i : i+1], nil
	}
	switch n.GetOp() {
	case leafInput:
		return from(h.Inputs, "input")
	case leafMask:
		return from(h.Masks, "mask")
	case leafWeight:
		i, err := indexOf(n)
		if err != nil {
			return nil, err
		}
		v, ok := h.Weight(i)
		if !ok {
			return nil, Contract("", "there is no weight %d", i)
		}
		return []graph.Value{v}, nil
	case opTable:
		return h.table(n)
	case opCompute:
		return h.compute(k, n, in)
	}
	return h.Graph.Append(n.GetOp(), n.GetAttr(), in...)
}

func (h *Host) table(n *pb.Node) ([]graph.Value, error) {
	var a struct {
		Shape []int64 `json:"shape"`
	}
	if err := json.Unmarshal(n.GetAttr(), &a); err != nil {
		return nil, Contract("", "got settings %q, want {\"shape\": [...]}", cut(string(n.GetAttr())))
	}
	s, err := ShapeOf(&pb.Shape{Dims: a.Shape})
	if err != nil {
		return nil, err
	}
	if !s.Known() || s.Size()*4 != len(n.GetTable()) {
		return nil, Contract("", "got %d bytes for shape %v", len(n.GetTable()), s)
	}
	v := make([]float32, s.Size())
	GetFloats(v, n.GetTable())
	t, err := tensor.FromChecked(v, s...)
	if err != nil {
		return nil, Contract("", "%v", err)
	}
	return []graph.Value{h.Graph.Table(t)}, nil
}

func (h *Host) compute(k int, n *pb.Node, in []graph.Value) ([]graph.Value, error) {
	c := n.GetCompute()
	if c == nil || h.Compute == nil {
		return nil, Contract("", "a computation without a body, or where there can be none")
	}
	if len(c.GetOutputs()) == 0 || len(c.GetOutputs()) > maxInputs {
		return nil, Contract(cut(c.GetName()), "got %d outputs", len(c.GetOutputs()))
	}
	if d := len(c.GetDifferentiable()); d != 0 && d != len(in) {
		return nil, Contract(cut(c.GetName()), "says of %d inputs whether they have gradients, and has %d", d, len(in))
	}
	for i, v := range in {
		if !v.Valid() {
			return nil, Contract(cut(c.GetName()), "input %d is none", i)
		}
	}
	shapes, err := ShapesOf(c.GetOutputs())
	if err != nil {
		return nil, core.In(cut(c.GetName()), core.ErrPluginContract, err)
	}
	out := h.Graph.Compute(h.Compute(k, c), shapes, in...)
	if err := h.Graph.Err(); err != nil {
		return nil, err
	}
	return out, nil
}

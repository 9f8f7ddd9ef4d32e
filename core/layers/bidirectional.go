package layers

import (
	"reflect"
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// Bidirectional runs a recurrent layer over a sequence from both ends: the layer itself, and backward_layer, which unless it is given is
// the same layer with go_backwards the other way round. merge_mode says what becomes of the two outputs: "concat" along the last axis,
// "sum", "mul", "ave", or null for both of them. With return_sequences, the backward output is turned around first, and masked steps
// give 0.
//
// Input (batch, steps, ...); output as that of the layer. With return_state, the states of the forward layer and then those of the
// backward layer follow; initial_state is given in that order.
// Source: keras/src/layers/rnn/bidirectional.py; Schuster and Paliwal, IEEE Transactions on Signal Processing 45, 1997.
type Bidirectional struct {
	core.Base
	MergeMode     *string    `json:"merge_mode" want:"concat|sum|mul|ave"`
	Layer         core.Layer `json:"layer"`
	BackwardLayer core.Layer `json:"backward_layer"`
}

// bidirectionalFields is Bidirectional without the methods by which it reads and writes its config.
type bidirectionalFields Bidirectional

func init() {
	registerUpgraded("Bidirectional", func() *Bidirectional {
		concat := "concat"
		return &Bidirectional{MergeMode: &concat}
	}, upgradeRNN)
}

// NewBidirectional makes a Bidirectional layer around a recurrent one, which belongs to it from then on.
func NewBidirectional(layer core.Layer, with ...With) *Bidirectional {
	return configure[*Bidirectional]("Bidirectional", With{"layer": layer}, with)
}

// recurrent is a layer that Bidirectional can wrap: it embeds Recurrent.
type recurrent interface{ recurrence() *Recurrent }

// DecodeConfig reads the fields and makes the backward layer.
func (l *Bidirectional) DecodeConfig(d *registry.Decoder, c core.Config) error {
	if err := d.Into((*bidirectionalFields)(l), c); err != nil {
		return err
	}
	forward, ok := l.Layer.(recurrent)
	if !ok {
		return wantRecurrent("layer", l.Layer)
	}
	given := l.BackwardLayer != nil
	if !given {
		var err error
		if l.BackwardLayer, err = mirrored(d.Registry, l.Layer); err != nil {
			return core.In("backward_layer", core.ErrLayerConfig, err)
		}
	}
	backward, ok := l.BackwardLayer.(recurrent)
	if !ok {
		return wantRecurrent("backward_layer", l.BackwardLayer)
	}
	name := nameOf(l.Layer)
	l.Layer.Common().Name = "forward_" + strings.TrimPrefix(name, "forward_")
	if !given {
		l.BackwardLayer.Common().Name = "backward_" + strings.TrimPrefix(strings.TrimPrefix(name, "forward_"), "backward_")
	}
	return checkPair(forward.recurrence(), backward.recurrence())
}

// checkPair checks that two layers go through a sequence from both ends and otherwise have the same form.
func checkPair(f, b *Recurrent) error {
	if f.GoBackwards == b.GoBackwards {
		return core.Errorf(core.ErrLayerConfig, "backward_layer: go_backwards", "got %v, want %v, since that of layer is %v", b.GoBackwards, !f.GoBackwards, f.GoBackwards)
	}
	for _, x := range []struct {
		key  string
		f, b bool
	}{{"stateful", f.Stateful, b.Stateful}, {"return_sequences", f.ReturnSequences, b.ReturnSequences}, {"return_state", f.ReturnState, b.ReturnState}} {
		if x.f != x.b {
			return core.Errorf(core.ErrLayerConfig, "backward_layer: "+x.key, "got %v, want %v as in layer", x.b, x.f)
		}
	}
	f.ZeroOutputForMask, b.ZeroOutputForMask = f.ReturnSequences, f.ReturnSequences
	return nil
}

func wantRecurrent(key string, l core.Layer) error {
	if l == nil {
		return core.Errorf(core.ErrLayerConfig, key, "got none, want a recurrent layer")
	}
	return core.Errorf(core.ErrLayerConfig, key, "got %s, want a recurrent layer", l.Common().Place())
}

// nameOf is the name of a layer, or what Keras makes of its class.
func nameOf(l core.Layer) string {
	if b := l.Common(); b.Name != "" {
		return b.Name
	}
	return registry.SnakeCase(l.Common().Class())
}

// mirrored is a new layer as l that goes through sequences the other way.
func mirrored(r *registry.Registry, l core.Layer) (core.Layer, error) {
	o, err := mirroredConfig(r, l)
	if err != nil {
		return nil, err
	}
	m, err := r.Decoder(registry.Origin{}).Layer(o)
	if err != nil {
		return nil, err
	}
	m.(recurrent).recurrence().older = l.(recurrent).recurrence().older
	return m, nil
}

func mirroredConfig(r *registry.Registry, l core.Layer) (map[string]any, error) {
	o, err := r.Encoder(core.Keras3).Layer(l)
	if err != nil {
		return nil, err
	}
	c := o["config"].(core.Config)
	c["go_backwards"] = !l.(recurrent).recurrence().GoBackwards
	return o, nil
}

// EncodeConfig writes the fields. For old files it leaves out a backward layer that is the mirrored forward layer, which Keras 2 does
// not take, and what every Keras sets by itself.
func (l *Bidirectional) EncodeConfig(e *registry.Encoder) (core.Config, error) {
	c, err := e.Config((*bidirectionalFields)(l))
	if err != nil || e.Dialect != core.Legacy {
		return c, err
	}
	for _, key := range []string{"layer", "backward_layer"} {
		if o, ok := c[key].(map[string]any); ok {
			delete(o["config"].(core.Config), "zero_output_for_mask")
		}
	}
	if o, ok := c["layer"].(map[string]any); ok {
		inner := o["config"].(core.Config)
		inner["name"] = strings.TrimPrefix(nameOf(l.Layer), "forward_")
	}
	want, err := mirroredConfig(e.Registry, l.Layer)
	if err != nil {
		return nil, err
	}
	got, err := e.Registry.Encoder(core.Keras3).Layer(l.BackwardLayer)
	if err != nil {
		return nil, err
	}
	want["config"].(core.Config)["name"] = got["config"].(core.Config)["name"]
	// Keras 3 makes one that goes backwards, whatever the forward layer does.
	if reflect.DeepEqual(got, want) && !l.Layer.(recurrent).recurrence().GoBackwards {
		delete(c, "backward_layer")
	}
	return c, nil
}

// Build builds both layers.
func (l *Bidirectional) Build(b *core.Builder, inputs []tensor.Shape) error {
	if _, err := wantSequence(inputs, 0); err != nil {
		return err
	}
	for _, inner := range []core.Layer{l.Layer, l.BackwardLayer} {
		if inner.Common().Shape == nil {
			inner.Common().Shape = l.Shape
		}
	}
	if err := b.Child("forward_layer", l.Layer, inputs[0]); err != nil {
		return err
	}
	return b.Child("backward_layer", l.BackwardLayer, inputs[0])
}

// Call runs both layers and merges their outputs.
func (l *Bidirectional) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	g, x, r := c.Graph, inputs[:1], l.Layer.(recurrent).recurrence()
	forward, backward := map[string]any{}, map[string]any{}
	if s := givenStates(c, inputs); s != nil {
		half := len(s) / 2
		forward["initial_state"], backward["initial_state"] = s[:half], s[half:]
	}
	mask, passed := r.masks(c, inputs)
	if mask.Valid() {
		forward["mask"], backward["mask"] = mask, mask
	}
	a := c.Child(l.Layer, x, nil, forward).Values
	b := c.Child(l.BackwardLayer, x, nil, backward).Values
	if g.Err() != nil {
		return nil
	}
	y, back := a[0], b[0]
	outMask := graph.Value{}
	if r.ReturnSequences {
		back, outMask = g.Reverse(back, 1), passed
	}
	c.DropMasks()
	c.SetMask(0, outMask)
	out := []graph.Value{y, back}
	if l.MergeMode != nil {
		out = out[:1]
		switch *l.MergeMode {
		case "sum":
			out[0] = g.Add(y, back)
		case "mul":
			out[0] = g.Mul(y, back)
		case "ave":
			out[0] = g.Mul(g.Add(y, back), g.Const(0.5))
		default:
			out[0] = g.Concat(-1, y, back)
		}
	} else {
		c.SetMask(1, outMask)
	}
	return append(append(out, a[1:]...), b[1:]...)
}

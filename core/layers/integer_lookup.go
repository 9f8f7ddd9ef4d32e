package layers

import (
	"slices"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// IntegerLookup gives whole numbers their places in a vocabulary. Places begin after one for the mask_token, if there is one, which is 0, and
// num_oov_indices for numbers that are not in the vocabulary: with several, number n has place n mod num_oov_indices among them; with
// none, such a number fails the run. With invert it gives the numbers of places, oov_token for those that have none.
//
// Input and output of any shape; for the values of output_mode other than "int" see CategoryEncoding: there the mask_token has no place. gk
// computes in float32, so numbers are below 2^24. Source: keras/src/layers/preprocessing/integer_lookup.py.
type IntegerLookup struct {
	core.Base
	Vocabulary      []int  `json:"vocabulary"`
	VocabularySize  *int   `json:"vocabulary_size" keras:"-legacy"`
	VocabularyDType string `json:"vocabulary_dtype" want:"int64|int32"`
	MaxTokens       *int   `json:"max_tokens" want:">1"`
	NumOOVIndices   int    `json:"num_oov_indices" want:">=0"`
	MaskToken       *int   `json:"mask_token"`
	OOVToken        *int   `json:"oov_token"`
	Invert          bool   `json:"invert"`
	OutputMode      string `json:"output_mode" want:"int|one_hot|multi_hot|count"`
	Sparse          bool   `json:"sparse"`
	PadToMaxTokens  bool   `json:"pad_to_max_tokens"`
	OOVMethod       string `json:"oov_method" want:"floormod" keras:"3"`

	tokens []int // without those that stand for the mask and for what is not there
}

func init() {
	registerUpgraded("IntegerLookup", func() *IntegerLookup {
		unknown := -1
		return &IntegerLookup{VocabularyDType: "int64", NumOOVIndices: 1, OOVToken: &unknown, OutputMode: "int", OOVMethod: "floormod"}
	}, func(c core.Config, _ registry.Origin) error {
		oldModes(c)
		for _, word := range []string{"mask", "oov"} { // TensorFlow 2.3 to 2.5
			renameOld(c, word+"_value", word+"_token")
		}
		renameOld(c, "max_values", "max_tokens")
		delete(c, "has_input_vocabulary")
		return nil
	})
}

// NewIntegerLookup makes an IntegerLookup layer.
func NewIntegerLookup(vocabulary []int, with ...With) *IntegerLookup {
	return configure[*IntegerLookup]("IntegerLookup", With{"vocabulary": vocabulary}, with)
}

type integerLookupFields IntegerLookup

// DecodeConfig takes the fields.
func (l *IntegerLookup) DecodeConfig(d *registry.Decoder, c core.Config) error {
	if err := d.Into((*integerLookupFields)(l), c); err != nil {
		return err
	}
	special := make([]int, l.start())
	for i := range special {
		if i >= l.oov() && l.OOVToken != nil {
			special[i] = *l.OOVToken
		} else if l.MaskToken != nil {
			special[i] = *l.MaskToken
		}
	}
	l.tokens = l.Vocabulary
	if len(l.tokens) >= len(special) && slices.Equal(l.tokens[:len(special)], special) {
		l.tokens = l.tokens[len(special):]
	}
	if l.Vocabulary != nil {
		size := l.start() + len(l.tokens)
		l.VocabularySize = &size
	}
	return nil
}

// EncodeConfig gives the fields.
func (l *IntegerLookup) EncodeConfig(e *registry.Encoder) (core.Config, error) {
	return e.Config((*integerLookupFields)(l))
}

// oov is the first place of numbers that are not in the vocabulary.
func (l *IntegerLookup) oov() int {
	if l.MaskToken != nil && l.OutputMode == "int" {
		return 1
	}
	return 0
}

// start is the place of the first number of the vocabulary.
func (l *IntegerLookup) start() int { return l.oov() + l.NumOOVIndices }

// Build checks the vocabulary.
func (l *IntegerLookup) Build(_ *core.Builder, inputs []tensor.Shape) error {
	switch {
	case l.Vocabulary == nil:
		return core.Errorf(core.ErrUnsupported, "vocabulary", "got none, want numbers: gk does not read the one that Keras keeps beside the config of an adapted layer")
	case len(l.Vocabulary)+l.NumOOVIndices >= maxCategories:
		return core.Errorf(core.ErrLayerConfig, "vocabulary", "got %d numbers and %d more, want fewer than %d", len(l.Vocabulary), l.NumOOVIndices, maxCategories)
	case l.Invert && l.OutputMode != "int":
		return core.Errorf(core.ErrLayerConfig, "output_mode", "got %q with invert, want int", l.OutputMode)
	case l.PadToMaxTokens && l.MaxTokens == nil:
		return core.Errorf(core.ErrLayerConfig, "max_tokens", "got none with pad_to_max_tokens, want a number")
	case l.PadToMaxTokens && *l.MaxTokens > maxCategories:
		return core.Errorf(core.ErrLayerConfig, "max_tokens", "got %d, want at most %d", *l.MaxTokens, maxCategories)
	case l.MaxTokens != nil && l.start()+len(l.tokens) > *l.MaxTokens:
		return core.Errorf(core.ErrLayerConfig, "vocabulary", "got %d numbers and %d more, want at most max_tokens %d", len(l.tokens), l.start(), *l.MaxTokens)
	}
	if l.MaskToken != nil && slices.Contains(l.tokens, *l.MaskToken) {
		return core.Errorf(core.ErrLayerConfig, "mask_token", "got %d, which is in the vocabulary", *l.MaskToken)
	}
	if l.Invert && l.OOVToken != nil && slices.Contains(l.tokens, *l.OOVToken) {
		return core.Errorf(core.ErrLayerConfig, "oov_token", "got %d, which is in the vocabulary", *l.OOVToken)
	}
	for _, n := range l.tokens {
		if max(n, -n) >= maxCategories {
			return core.Errorf(core.ErrUnsupported, "vocabulary", "got %d, want numbers below %d", n, maxCategories)
		}
	}
	if sorted := slices.Sorted(slices.Values(l.tokens)); len(slices.Compact(sorted)) != len(l.tokens) {
		return core.Errorf(core.ErrLayerConfig, "vocabulary", "got a number twice, want each once")
	}
	return wantCategories(inputs, l.OutputMode, l.Sparse)
}

// Call looks numbers up. It drops masks.
func (l *IntegerLookup) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	c.DropMasks()
	g, x := c.Graph, inputs[0]
	tokens, places := make([]float64, len(l.tokens)), make([]float64, len(l.tokens))
	for i, n := range l.tokens {
		tokens[i], places[i] = float64(n), float64(l.start()+i)
	}
	constant := func(n *int) graph.Value {
		if n == nil {
			return g.Const(0)
		}
		return g.Const(float64(*n))
	}
	find := func(keys, values []float64, otherwise graph.Value) graph.Value {
		if len(keys) == 0 {
			return g.BroadcastTo(otherwise, x.Shape())
		}
		hit := g.Equal(g.ExpandDims(x, -1), g.Table(tensor.From(keys, len(keys))))
		found := g.Sum(g.Mul(hit, g.Table(tensor.From(values, len(values)))), []int{-1}, false)
		return g.Select(g.Max(hit, []int{-1}, false), found, otherwise)
	}
	if l.Invert {
		y := find(places, tokens, constant(l.OOVToken))
		if l.MaskToken != nil {
			y = g.Select(g.Equal(x, g.Const(0)), constant(l.MaskToken), y)
		}
		return []graph.Value{y}
	}
	otherwise := g.Const(-1)
	switch {
	case l.NumOOVIndices == 1:
		otherwise = g.Const(float64(l.oov()))
	case l.NumOOVIndices > 1:
		otherwise = g.Add(g.Mod(x, g.Const(float64(l.NumOOVIndices))), g.Const(float64(l.oov())))
	}
	y := find(tokens, places, otherwise)
	masked := graph.Value{}
	if l.MaskToken != nil {
		masked = g.Equal(x, constant(l.MaskToken))
		y = g.Select(masked, g.Const(0), y)
	}
	if l.NumOOVIndices == 0 { // a place that a table has not fails the run
		y = g.Gather(counting(g, l.start()+len(l.tokens)), y)
	}
	depth := l.start() + len(l.tokens)
	if l.PadToMaxTokens {
		depth = *l.MaxTokens
	}
	if masked.Valid() && l.OutputMode != "int" {
		y = g.Select(masked, g.Const(-1), y)
	}
	return []graph.Value{categories(g, y, l.OutputMode, depth, graph.Value{})}
}

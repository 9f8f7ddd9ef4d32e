package losses_test

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/coretest"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/losses"
	"github.com/gokeras/gk/core/tensor"
)

// TestNames checks that all names of Keras 1 to 3 lead to the loss that Keras means, which is the same by string and by class.
func TestNames(t *testing.T) {
	for class, names := range map[string]string{
		"BinaryCrossentropy":                 "binary_crossentropy bce BCE",
		"BinaryFocalCrossentropy":            "binary_focal_crossentropy",
		"CTC":                                "ctc",
		"CategoricalCrossentropy":            "categorical_crossentropy",
		"CategoricalFocalCrossentropy":       "categorical_focal_crossentropy",
		"CategoricalGeneralizedCrossEntropy": "categorical_generalized_cross_entropy",
		"CategoricalHinge":                   "categorical_hinge",
		"Circle":                             "circle",
		"CosineSimilarity":                   "cosine_similarity cosine_proximity",
		"Dice":                               "dice",
		"Hinge":                              "hinge",
		"Huber":                              "huber huber_loss",
		"KLDivergence":                       "kl_divergence kld KLD kullback_leibler_divergence",
		"LogCosh":                            "log_cosh logcosh",
		"MeanAbsoluteError":                  "mean_absolute_error mae MAE",
		"MeanAbsolutePercentageError":        "mean_absolute_percentage_error mape MAPE",
		"MeanSquaredError":                   "mean_squared_error mse MSE",
		"MeanSquaredLogarithmicError":        "mean_squared_logarithmic_error msle MSLE",
		"Poisson":                            "poisson",
		"SparseCategoricalCrossentropy":      "sparse_categorical_crossentropy",
		"SquaredHinge":                       "squared_hinge",
		"Tversky":                            "tversky",
	} {
		want := decode(t, class, core.Config{})
		for _, name := range strings.Fields(names) {
			got, err := decoder.Loss(name)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: got %#v (%v), want %#v", name, got, err, want)
			}
		}
	}
}

// TestCrossentropyByShapes checks which cross-entropy "ce" is.
func TestCrossentropyByShapes(t *testing.T) {
	none := tensor.Unknown
	for _, c := range []struct {
		yTrue, yPred tensor.Shape
		want         string
	}{
		{tensor.Shape{none}, tensor.Shape{none, 1}, "binary_crossentropy"},
		{tensor.Shape{none, 1}, tensor.Shape{none, 1}, "binary_crossentropy"},
		{tensor.Shape{none}, tensor.Shape{none, 3}, "sparse_categorical_crossentropy"},
		{tensor.Shape{none, 1}, tensor.Shape{none, 3}, "sparse_categorical_crossentropy"},
		{tensor.Shape{none, 5}, tensor.Shape{none, 5, 3}, "sparse_categorical_crossentropy"},
		{tensor.Shape{none, 3}, tensor.Shape{none, 3}, "categorical_crossentropy"},
	} {
		for _, name := range []string{"crossentropy", "ce", "CE"} {
			l, err := losses.Resolve(decoder, name, c.yTrue, c.yPred)
			if err != nil || l.Common().Name != c.want {
				t.Errorf("%s for %v and %v: got %v (%v), want %s", name, c.yTrue, c.yPred, l, err, c.want)
			}
		}
	}
	if l, err := losses.Resolve(decoder, "mse", nil, nil); err != nil || l.Common().Name != "mean_squared_error" {
		t.Errorf("mse: got %v (%v)", l, err)
	}
}

// TestLogitsBehindActivations checks that probabilities straight from softmax or sigmoid give what their logits give, where probabilities
// themselves would be 0 and 1.
func TestLogitsBehindActivations(t *testing.T) {
	logits := tensor.From([]float64{-200, 150, 30, 0, 20, -40, 5, 5, 5}, 3, 3)
	for _, c := range []struct {
		class    string
		activate func(g *graph.Graph, x graph.Value) graph.Value
		yTrue    *tensor.Tensor
	}{
		{"CategoricalCrossentropy", (*graph.Graph).Softmax, tensor.From([]float64{1, 0, 0, 0, 0, 1, 0, 1, 0}, 3, 3)},
		{"SparseCategoricalCrossentropy", (*graph.Graph).Softmax, tensor.From([]float64{0, 2, 1}, 3)},
		{"BinaryCrossentropy", (*graph.Graph).Sigmoid, tensor.From([]float64{1, 0, 0, 0, 0, 1, 0, 1, 0}, 3, 3)},
	} {
		var results [][]*tensor.Tensor
		for _, activated := range []bool{true, false} {
			l := decode(t, c.class, core.Config{"from_logits": !activated, "reduction": "none"})
			g := graph.New()
			x := g.Input("x", logits.Shape())
			p := x
			if activated {
				p = c.activate(g, x)
			}
			v := core.ComputeLoss(g, l, g.Input("t", c.yTrue.Shape()), p, graph.Value{}, graph.Value{})
			out, err := coretest.Eval[float32](g, []graph.Value{v, g.Gradients([]graph.Value{v}, nil, []graph.Value{x})[0]},
				map[string]*tensor.Tensor{"x": logits, "t": c.yTrue}, nil, coretest.Mode{})
			if err != nil {
				t.Fatal(err)
			}
			results = append(results, out)
		}
		for i, what := range []string{"value", "gradient"} {
			if err := coretest.Near(c.class+": "+what, results[0][i], results[1][i], 1e-6); err != nil {
				t.Error(err)
			}
		}
		if v := results[0][0].Float64s()[0]; v < 50 {
			t.Errorf("%s: got %v for the first sample, want more than -ln 1e-7", c.class, v)
		}
	}
}

// TestNoClass checks that labels which are no class fail the run.
func TestNoClass(t *testing.T) {
	for _, class := range []string{"SparseCategoricalCrossentropy", "CategoricalGeneralizedCrossEntropy"} {
		for _, label := range []float64{-1, 3, math.NaN()} {
			_, _, err := compute[float32](decode(t, class, core.Config{}), map[string]*tensor.Tensor{
				"y_true": tensor.From([]float64{0, label}, 2), "y_pred": tensor.From([]float64{.1, .2, .7, .3, .3, .4}, 2, 3)}, coretest.Mode{})
			if err == nil {
				t.Errorf("%s: label %v: got no error", class, label)
			}
		}
	}
	_, _, err := compute[float32](decode(t, "CTC", core.Config{}), map[string]*tensor.Tensor{
		"y_true": tensor.From([]float64{1, 3}, 1, 2), "y_pred": tensor.New(tensor.Float32, 1, 4, 3)}, coretest.Mode{})
	if err == nil {
		t.Error("CTC: label 3: got no error")
	}
}

// TestImpossibleCTC checks that too few steps for the labels give an infinite loss, without spoiling the gradients of other samples.
func TestImpossibleCTC(t *testing.T) {
	l := decode(t, "CTC", core.Config{"reduction": "none"})
	value, grad, err := compute[float32](l, map[string]*tensor.Tensor{
		"y_true": tensor.From([]float64{1, 1, 1, 2}, 2, 2), "y_pred": tensor.New(tensor.Float32, 2, 2, 3),
		"dy": tensor.From([]float64{1, 1}, 2)}, coretest.Mode{})
	if err != nil {
		t.Fatal(err)
	}
	// Of 9 ways through two steps, one spells 1 2, and none 1 1, which needs a blank in between.
	if v := value.Float64s(); !math.IsInf(v[0], 1) || math.Abs(v[1]-math.Log(9)) > 1e-6 {
		t.Errorf("got %v, want +Inf and ln 9", v)
	}
	for i, d := range grad.Float64s() {
		if math.IsNaN(d) || i < 6 && d != 0 {
			t.Errorf("gradient %d: got %v", i, d)
		}
	}
}

func TestMistakes(t *testing.T) {
	for _, c := range []struct {
		name string
		with losses.With
		want string
	}{
		{"mean_square_error", nil, `unknown loss "mean_square_error" (did you mean "mean_squared_error"?)`},
		{"Huber", losses.With{"delta": 0}, `loss "Huber": delta: got 0, want > 0`},
		{"Huber", losses.With{"detla": 1}, `loss "Huber": detla: unknown key, got 1 (did you mean "delta"?)`},
		{"BinaryCrossentropy", losses.With{"label_smoothing": 2.0}, `loss "BinaryCrossentropy": label_smoothing: got 2, want between 0 and 1`},
		{"MeanSquaredError", losses.With{"reduction": "average"}, `loss "MeanSquaredError": reduction: got "average", want one of`},
		{"Dice", losses.With{"axis": "last"}, `loss "Dice": axis: got last, want an axis, a list of axes, or null`},
	} {
		_, err := losses.New(c.name, c.with)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s %v: got error %v, want %s", c.name, c.with, err, c.want)
		}
	}
	for _, c := range []struct {
		class        string
		config       core.Config
		yTrue, yPred tensor.Shape
		want         string
	}{
		{"SparseCategoricalCrossentropy", core.Config{}, tensor.Shape{4, 3}, tensor.Shape{4, 3},
			"y_true: got shape (4, 3), want (4,), a class number for each 3 values of y_pred (one-hot targets go with categorical_crossentropy)"},
		{"CategoricalCrossentropy", core.Config{}, tensor.Shape{4, 1}, tensor.Shape{4, 3},
			"y_true: got shape (4, 1), want (4, 3), that of y_pred (class numbers go with sparse_categorical_crossentropy)"},
		{"SparseCategoricalCrossentropy", core.Config{"axis": 0}, tensor.Shape{4}, tensor.Shape{4, 3}, "axis: got 0, want -1"},
		{"CategoricalGeneralizedCrossEntropy", core.Config{"q": 1.0}, tensor.Shape{4}, tensor.Shape{4, 3}, "q: got 1, want a number between 0 and 1"},
		{"CTC", core.Config{}, tensor.Shape{4}, tensor.Shape{4, 3}, "got y_true (4,) and y_pred (4, 3), want (batch, length) and (batch, steps, classes)"},
		{"Circle", core.Config{}, tensor.Shape{4, 2}, tensor.Shape{4, 3}, "got y_true (4, 2) and y_pred (4, 3), want (batch,) and (batch, dims)"},
	} {
		g := graph.New()
		core.ComputeLoss(g, decode(t, c.class, c.config), g.Input("t", c.yTrue), g.Input("p", c.yPred), graph.Value{}, graph.Value{})
		var e *core.Error
		if err := g.Err(); !errors.As(err, &e) || err.Error() != c.want {
			t.Errorf("%s: got error %v, want %s", c.class, err, c.want)
		}
	}
}

// TestOldReductions reads reductions of tf.keras and null.
func TestOldReductions(t *testing.T) {
	for v, want := range map[any]string{"auto": "sum_over_batch_size", "sum": "sum", nil: "none"} {
		if got := decode(t, "Hinge", core.Config{"reduction": v}).Common().Reduction; got != want {
			t.Errorf("%v: got %q, want %q", v, got, want)
		}
	}
}

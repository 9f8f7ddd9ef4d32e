package metrics_test

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/coretest"
	"github.com/gokeras/gk/core/losses"
	"github.com/gokeras/gk/core/metrics"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// TestNames checks that all names lead to the same metric.
func TestNames(t *testing.T) {
	for class, names := range map[string]string{
		"AUC":                         "auc",
		"BinaryCrossentropy":          "binary_crossentropy bce BCE",
		"BinaryIoU":                   "binary_io_u",
		"CosineSimilarity":            "cosine_similarity cosine_proximity",
		"F1Score":                     "f1_score",
		"FBetaScore":                  "f_beta_score fbeta_score",
		"IoU":                         "io_u",
		"KLDivergence":                "kl_divergence kld kullback_leibler_divergence",
		"LogCoshError":                "log_cosh_error logcosh",
		"MeanAbsoluteError":           "mean_absolute_error mae MAE",
		"MeanAbsolutePercentageError": "mean_absolute_percentage_error mape MAPE",
		"MeanSquaredError":            "mean_squared_error mse MSE",
		"MeanSquaredLogarithmicError": "mean_squared_logarithmic_error msle MSLE",
		"OneHotMeanIoU":               "one_hot_mean_io_u",
		"R2Score":                     "r2_score",
		"SparseCategoricalAccuracy":   "sparse_categorical_accuracy",
		"TopKCategoricalAccuracy":     "top_k_categorical_accuracy",
	} {
		want, err := registry.Default.Metrics.New(class)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range strings.Fields(names) {
			got, err := registry.Default.Metrics.New(name)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: got %#v (%v), want %#v", name, got, err, want)
			}
		}
	}
}

func TestResolve(t *testing.T) {
	none := tensor.Unknown
	one, three, labels := tensor.Shape{none, 1}, tensor.Shape{none, 3}, tensor.Shape{none}
	logits, err := losses.New("sparse_categorical_crossentropy", losses.With{"from_logits": true})
	if err != nil {
		t.Fatal(err)
	}
	mine := &metrics.Hinge{MetricBase: core.MetricBase{Name: "mine"}}
	for _, c := range []struct {
		id           any
		yTrue, yPred tensor.Shape
		want, name   string
	}{
		{"accuracy", labels, one, "*metrics.BinaryAccuracy", "accuracy"},
		{"accuracy", labels, three, "*metrics.SparseCategoricalAccuracy", "accuracy"},
		{"acc", one, three, "*metrics.SparseCategoricalAccuracy", "acc"},
		{"Acc", three, three, "*metrics.CategoricalAccuracy", "Acc"},
		{"crossentropy", one, one, "*metrics.BinaryCrossentropy", "crossentropy"},
		{"ce", labels, three, "*metrics.SparseCategoricalCrossentropy", "ce"},
		{"mae", one, one, "*metrics.MeanAbsoluteError", "mae"},
		{"MeanAbsoluteError", one, one, "*metrics.MeanAbsoluteError", "MeanAbsoluteError"},
		{"huber", one, one, "*metrics.MeanMetricWrapper", "huber"},
		{"dice", one, one, "*metrics.MeanMetricWrapper", "dice"},
		{core.Config{"class_name": "AUC", "config": core.Config{"name": "area"}}, one, one, "*metrics.AUC", "area"},
		{core.Config{"class_name": "Huber", "config": core.Config{"delta": 2.0}}, one, one, "*metrics.MeanMetricWrapper", "Huber"},
		{&losses.LogCosh{LossBase: core.LossBase{Name: "log_cosh"}}, one, one, "*metrics.MeanMetricWrapper", "log_cosh"},
		{mine, one, one, "*metrics.Hinge", "mine"},
	} {
		m, err := metrics.Resolve(registry.Default, c.id, logits, c.yTrue, c.yPred)
		if err != nil {
			t.Errorf("%v: %v", c.id, err)
			continue
		}
		if got := reflect.TypeOf(m).String(); got != c.want || m.Common().Name != c.name {
			t.Errorf("%v for %v and %v: got %s named %q, want %s named %q", c.id, c.yTrue, c.yPred, got, m.Common().Name, c.want, c.name)
		}
		if ce, ok := m.(*metrics.SparseCategoricalCrossentropy); ok && !ce.FromLogits {
			t.Error("ce does not take logits, as its loss does")
		}
	}
	_, err = metrics.Resolve(registry.Default, "accuracyz", nil, one, one)
	if want := `unknown metric "accuracyz" (did you mean "Accuracy" or "accuracy"?)`; err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}

// TestAverageOfLoss checks the mean of a loss that is no metric, over batches of several sizes.
func TestAverageOfLoss(t *testing.T) {
	m, err := metrics.Resolve(registry.Default, "huber", nil, tensor.Shape{-1, 2}, tensor.Shape{-1, 2})
	if err != nil {
		t.Fatal(err)
	}
	batches := []struct{ yTrue, yPred []float64 }{{[]float64{0, 0, 1, 1}, []float64{.5, 3, 1, 0}}, {[]float64{2, -2}, []float64{2.2, 2}}}
	sum, n := 0.0, 0.0
	for _, b := range batches {
		rows := len(b.yTrue) / 2
		got, err := update(m, tensor.From(b.yTrue, rows, 2), tensor.From(b.yPred, rows, 2), nil, nil, coretest.Mode{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.yTrue {
			if e := math.Abs(b.yPred[i] - b.yTrue[i]); e <= 1 {
				sum += e * e / 2
			} else {
				sum += e - .5
			}
			n++
		}
		if v := got.Float64s()[0]; math.Abs(v-sum/n) > 1e-6 {
			t.Errorf("got %v, want %v", v, sum/n)
		}
	}
}

// TestNaN checks that predictions that are no numbers do not make the run fail: that is for the loss to report.
func TestNaN(t *testing.T) {
	for _, name := range []string{"AUC", "Precision", "TopKCategoricalAccuracy", "MeanIoU", "F1Score"} {
		m, err := metrics.New(name)
		if iou, ok := m.(*metrics.MeanIoU); ok {
			iou.NumClasses = 3
		}
		if err != nil {
			t.Fatal(err)
		}
		yPred := tensor.From([]float64{math.NaN(), .2, .7, .3, .3, math.Inf(1)}, 2, 3)
		got, err := update(m, tensor.From([]float64{1, 0, 0, 0, 0, 1}, 2, 3), yPred, nil, nil, coretest.Mode{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if v := got.Float64s()[0]; math.IsNaN(v) || v < 0 || v > 1 {
			t.Errorf("%s: got %v", name, v)
		}
	}
}

func TestMistakes(t *testing.T) {
	yes := tensor.New(tensor.Float32, 4, 3)
	for _, c := range []struct {
		name  string
		with  metrics.With
		yTrue *tensor.Tensor
		yPred *tensor.Tensor
		want  string
	}{
		{"AUC", metrics.With{"num_thresholds": 1}, yes, yes, `metric "AUC": num_thresholds: got 1, want > 1`},
		{"AUC", metrics.With{"curve": "ROCK"}, yes, yes, `metric "AUC": curve: got "ROCK", want one of ROC, PR, PRGAIN`},
		{"AUC", metrics.With{"thresholds": []any{0.5, 2.0}}, yes, yes, `metric "AUC": thresholds: got [0.5 2], want numbers from 0 to 1`},
		{"AUC", metrics.With{"num_labels": 3}, yes, yes, `metric "auc": num_labels: got 3 without multi_label`},
		{"AUC", metrics.With{"multi_label": true, "label_weights": []any{1.0}}, yes, yes, `metric "auc": label_weights: got 1 numbers, want 3`},
		{"Precision", metrics.With{"top_k": 4}, yes, yes, `top_k: got 4, want at most 3`},
		{"Precision", metrics.With{"class_id": 3}, yes, yes, `class_id: got 3 for shape (4, 3)`},
		{"Precision", metrics.With{"thresholds": -1}, yes, yes, `metric "Precision": thresholds: got -1, want numbers from 0 to 1`},
		{"Recall", nil, tensor.New(tensor.Float32, 4, 2), yes, `y_true: got shape (4, 2), want (4, 3), that of y_pred`},
		{"MeanIoU", nil, yes, yes, `metric "mean_io_u": num_classes: got 0, want > 0`},
		{"IoU", metrics.With{"num_classes": 2}, yes, yes, `metric "io_u": target_class_ids: is missing`},
		{"IoU", metrics.With{"num_classes": 2, "target_class_ids": []int{2}}, yes, yes, `metric "io_u": target_class_ids: got 2, want 0 to 1`},
		{"FBetaScore", metrics.With{"beta": 0.0}, yes, yes, `metric "FBetaScore": beta: got 0, want > 0`},
		{"F1Score", nil, yes, tensor.New(tensor.Float32, 4), `metric "f1_score": got y_true (None, 3) and y_pred (None,)`},
		{"R2Score", metrics.With{"class_aggregation": "mean"}, yes, yes, `metric "R2Score": class_aggregation: got mean, want uniform_average`},
		{"R2Score", nil, yes, tensor.New(tensor.Float32, 4), `metric "r2_score": y_pred: got shape (None,), want (batch, outputs)`},
		{"MeanMetricWrapper", metrics.With{"name": "x"}, yes, yes, `metric "MeanMetricWrapper": fn: is missing, want a loss`},
		{"TopKCategoricalAccuracy", metrics.With{"k": 0}, yes, yes, `metric "TopKCategoricalAccuracy": k: got 0, want > 0`},
	} {
		m, err := metrics.New(c.name, c.with)
		if err == nil {
			_, err = update(m, c.yTrue, c.yPred, nil, nil, coretest.Mode{})
		}
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s %v: got error %v, want %s", c.name, c.with, err, c.want)
		}
	}
}

// TestFunctionOfMetric reads what tf.keras writes for the string "accuracy": a wrapper around the function of a metric.
func TestFunctionOfMetric(t *testing.T) {
	for _, c := range []struct {
		config core.Config
		want   float64
	}{
		{core.Config{"name": "accuracy", "dtype": "float32", "fn": "sparse_categorical_accuracy"}, 0.5},
		{core.Config{"name": "top", "dtype": "float32", "fn": core.Config{"module": "builtins", "class_name": "function",
			"config": "sparse_top_k_categorical_accuracy", "registered_name": "function"}, "k": 2}, 1},
	} {
		m, err := decoder.Metric(core.Config{"class_name": "MeanMetricWrapper", "config": c.config})
		if err != nil {
			t.Fatal(err)
		}
		yPred := tensor.From([]float64{.1, .2, .7, .3, .4, .3}, 2, 3)
		got, err := update(m, tensor.From([]float64{1, 1}, 2), yPred, nil, nil, coretest.Mode{})
		if err != nil || got.Float64s()[0] != c.want {
			t.Errorf("%v: got %v (%v), want %v", c.config, got, err, c.want)
		}
		if w := m.Common().Weights(); len(w) != 2 || w[0].Name != c.config["name"].(string)+"/total" {
			t.Errorf("%v: got %d weights", c.config, len(w))
		}
		config, err := registry.Default.Encoder(core.Keras3).Config(m)
		if err != nil {
			t.Fatal(err)
		}
		fn, ok := c.config["fn"].(core.Config)
		if !ok {
			fn = core.Config{"module": "builtins", "class_name": "function", "config": c.config["fn"], "registered_name": "function"}
		}
		c.config["fn"] = fn
		if !reflect.DeepEqual(config, c.config) {
			t.Errorf("got %v, want %v", config, c.config)
		}
	}
}

// TestSpellings reads what AUC takes in several forms.
func TestSpellings(t *testing.T) {
	m, err := metrics.New("AUC", metrics.With{"curve": "pr", "summation_method": "Minoring", "thresholds": []any{0.5, 0.25},
		"label_weights": core.Config{"class_name": "__tensor__", "config": core.Config{"value": []any{1.0, 2.0}, "dtype": "float32"}}})
	if err != nil {
		t.Fatal(err)
	}
	a := m.(*metrics.AUC)
	if a.Curve != "PR" || a.SummationMethod != "minoring" || a.NumThresholds != 4 || !reflect.DeepEqual(a.Thresholds.List, []float64{.25, .5}) ||
		!reflect.DeepEqual(a.LabelWeights, []float64{1, 2}) {
		t.Errorf("got %+v", a)
	}
}

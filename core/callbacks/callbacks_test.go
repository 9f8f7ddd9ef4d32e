package callbacks_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/callbacks"
	_ "github.com/gokeras/gk/core/schedules"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// run is a training run without a model: its only weight holds the number of the epoch.
type run struct {
	epochs, batches int
	lr              float64
	scheduled       bool
	stopped         string
	weights         []*core.Weight
	saved, warnings []string
}

func newRun() *run {
	return &run{lr: 0.1, weights: []*core.Weight{core.NewWeight(core.WeightSpec{Name: "w", Shape: tensor.Shape{1}})}}
}

func (r *run) Epochs() int             { return r.epochs }
func (r *run) BatchesPerEpoch() int    { return r.batches }
func (r *run) Iterations() int64       { return 0 }
func (r *run) LearningRate() float64   { return r.lr }
func (r *run) Stop(reason string)      { r.stopped = reason }
func (r *run) Weights() []*core.Weight { return r.weights }

func (r *run) SetLearningRate(lr float64) error {
	if r.scheduled {
		return core.Errorf(core.ErrUsage, "learning rate", "follows a schedule")
	}
	r.lr = lr
	return nil
}

func (r *run) Save(path string) error {
	r.saved = append(r.saved, filepath.Base(path))
	return nil
}
func (r *run) SaveWeights(path string) error { return r.Save(path) }
func (r *run) Warn(format string, args ...any) {
	r.warnings = append(r.warnings, fmt.Sprintf(format, args...))
}

// fit goes through epochs whose logs have one value, until the callback stops; it returns how many there were and the learning rates
// after each.
func (r *run) fit(c core.Callback, name string, values []float64) (epochs int, rates []float64, err error) {
	if err = c.OnTrainBegin(r); err != nil {
		return 0, nil, err
	}
	logs := core.Logs{Names: []string{name}, Values: []float64{0}}
	for epoch, v := range values {
		logs.Values[0] = v
		r.weights[0].Data()[0] = float32(epoch)
		err = errors.Join(err, c.OnEpochBegin(r, epoch))
		for b := range r.batches {
			err = errors.Join(err, c.OnBatchBegin(r, b), c.OnBatchEnd(r, b, core.Logs{Names: []string{"loss"}, Values: []float64{v}}))
		}
		err = errors.Join(err, c.OnEpochEnd(r, epoch, logs))
		rates = append(rates, float64(float32(r.lr)))
		epochs++
		if r.stopped != "" {
			break
		}
	}
	return epochs, rates, errors.Join(err, c.OnTrainEnd(r, logs))
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

var (
	nan     = math.NaN()
	falling = []float64{1, 0.8, 0.9, 0.7, 0.75, 0.74, 0.73, 0.6}
	flat    = []float64{1, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.8, 0.8, 0.8}
)

// testdata/decisions.py printed what Keras 3.15.1 decides here and in the tests below.
func TestEarlyStopping(t *testing.T) {
	for _, c := range []struct {
		name            string
		with            callbacks.With
		values          []float64
		epochs, weights int
	}{
		{"val_loss", callbacks.With{}, falling, 3, 2},
		{"val_loss", callbacks.With{"patience": 2}, falling, 6, 5},
		{"val_loss", callbacks.With{"patience": 3, "restore_best_weights": true}, falling, 7, 3},
		{"val_loss", callbacks.With{"patience": 2, "restore_best_weights": true, "min_delta": 0.15}, falling, 4, 1},
		{"val_loss", callbacks.With{"patience": 1, "restore_best_weights": true}, []float64{1, 1, 0.5}, 2, 0},
		{"val_loss", callbacks.With{"patience": 2, "baseline": 0.5, "restore_best_weights": true}, falling, 3, 1},
		{"val_loss", callbacks.With{"patience": 1, "start_from_epoch": 3, "restore_best_weights": true}, falling, 5, 3},
		{"val_accuracy", callbacks.With{"patience": 1, "mode": "max", "restore_best_weights": true}, []float64{0.1, 0.3, 0.2, 0.25, 0.9}, 3, 1},
		{"val_accuracy", callbacks.With{"patience": 1, "restore_best_weights": true}, []float64{0.1, 0.3, 0.2, 0.25, 0.9}, 3, 1},
		{"loss", callbacks.With{"patience": 2, "restore_best_weights": true}, []float64{nan, nan, nan, nan}, 3, 0},
		{"loss", callbacks.With{"patience": 2, "restore_best_weights": true}, []float64{0.5, nan, nan, 0.1}, 3, 0},
		{"loss", callbacks.With{"patience": 4, "restore_best_weights": true}, falling, 8, 7},
		{"loss", callbacks.With{"patience": 0}, []float64{1}, 1, 0},
		{"loss", callbacks.With{"patience": 1}, []float64{0.3, 0.3 - 1e-9, 0.3 - 2e-9, 0.3}, 2, 1},
		{"loss", callbacks.With{"patience": 2, "mode": "max", "min_delta": -0.15}, falling, 3, 2},
	} {
		stopping := callbacks.NewEarlyStopping(c.with, callbacks.With{"monitor": c.name})
		for range 2 { // a second run starts anew
			r := newRun()
			epochs, _, err := r.fit(stopping, c.name, c.values)
			check(t, err)
			if w := int(r.weights[0].Data()[0]); epochs != c.epochs || w != c.weights {
				t.Errorf("%s %v: got %d epochs and the weights of %d, want %d and %d", c.name, c.with, epochs, w, c.epochs, c.weights)
			}
			if stopped := r.stopped != ""; stopped != (c.epochs < len(c.values) && len(c.values) > 1) {
				t.Errorf("%s %v: stopped: %q", c.name, c.with, r.stopped)
			}
		}
	}
}

func TestReduceLROnPlateau(t *testing.T) {
	for _, c := range []struct {
		name         string
		with         callbacks.With
		values, want []float64
	}{
		{"val_loss", callbacks.With{"patience": 2}, flat, []float64{0.1, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001, 0.001, 0.001, 0.0001}},
		{"val_loss", callbacks.With{"patience": 2, "cooldown": 2, "factor": 0.5}, flat,
			[]float64{0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025, 0.0125}},
		{"val_loss", callbacks.With{"patience": 1, "factor": 0.5, "min_lr": 0.03}, flat,
			[]float64{0.1, 0.1, 0.05, 0.03, 0.03, 0.03, 0.03, 0.03, 0.03, 0.03}},
		{"val_loss", callbacks.With{"patience": 0, "factor": 0.5}, flat,
			[]float64{0.1, 0.1, 0.05, 0.025, 0.0125, 0.00625, 0.003125, 0.003125, 0.0015625, 0.00078125}},
		{"val_loss", callbacks.With{"patience": 2, "factor": 0.5, "min_delta": 0.2}, flat,
			[]float64{0.1, 0.1, 0.05, 0.05, 0.025, 0.025, 0.0125, 0.0125, 0.00625, 0.00625}},
		{"val_loss", callbacks.With{"patience": 2, "factor": 0.5, "mode": "max"}, flat,
			[]float64{0.1, 0.1, 0.05, 0.05, 0.025, 0.025, 0.0125, 0.0125, 0.00625, 0.00625}},
		{"loss", callbacks.With{"patience": 1, "factor": 0.2}, []float64{nan, nan, 0.5, nan}, []float64{0.1, 0.02, 0.004, 0.0008}},
	} {
		_, rates, err := newRun().fit(callbacks.NewReduceLROnPlateau(c.with, callbacks.With{"monitor": c.name}), c.name, c.values)
		check(t, err)
		for i, want := range c.want {
			if math.Abs(rates[i]-want) > 1e-6*want {
				t.Errorf("%s %v: epoch %d: got learning rate %v, want %v", c.name, c.with, i, rates[i], want)
			}
		}
	}
	scheduled := newRun()
	scheduled.scheduled = true
	_, _, err := scheduled.fit(callbacks.NewReduceLROnPlateau(callbacks.With{"patience": 0, "monitor": "loss"}), "loss", []float64{1, 1})
	wantError(t, err, `callback "ReduceLROnPlateau": learning rate: follows a schedule`)
}

func TestModelCheckpoint(t *testing.T) {
	rising := slices.Clone(falling)
	slices.Reverse(rising)
	for _, c := range []struct {
		path, name string
		with       callbacks.With
		values     []float64
		batches    int
		want       string
	}{
		{"m.keras", "val_loss", callbacks.With{}, falling[:2], 0, "m.keras m.keras"},
		{"m-{epoch:02d}-{val_loss:.2f}.keras", "val_loss", callbacks.With{}, falling[:3], 0, "m-01-1.00.keras m-02-0.80.keras m-03-0.90.keras"},
		{"m-{epoch}.h5", "val_loss", callbacks.With{"save_best_only": true}, falling, 0, "m-1.h5 m-2.h5 m-4.h5 m-8.h5"},
		{"m-{epoch}.keras", "val_accuracy", callbacks.With{"save_best_only": true, "mode": "max", "monitor": "val_accuracy"}, rising, 0,
			"m-1.keras m-2.keras m-3.keras m-4.keras m-6.keras m-8.keras"},
		{"m-{epoch}.keras", "val_loss", callbacks.With{"save_best_only": true, "initial_value_threshold": 0.75}, falling, 0, "m-4.keras m-8.keras"},
		{"m-{epoch}.weights.h5", "val_loss", callbacks.With{"save_weights_only": true}, falling[:2], 0, "m-1.weights.h5 m-2.weights.h5"},
		{"m-{epoch}-{batch}-{loss:.1f}.keras", "val_loss", callbacks.With{"save_freq": 3}, falling[:4], 4,
			"m-1-3-1.0.keras m-2-2-0.8.keras m-3-1-0.9.keras m-3-4-0.9.keras m-4-3-0.7.keras"},
		{"m-{epoch}.keras", "loss", callbacks.With{"save_best_only": true}, falling[:2], 0, "m-1.keras m-2.keras"},
		{"m-{epoch}.keras", "val_loss", callbacks.With{"save_best_only": true}, []float64{nan, nan, 0.5, nan, 0.4}, 0, "m-1.keras"},
	} {
		r := newRun()
		r.batches = c.batches
		dir := filepath.Join(t.TempDir(), "new")
		_, _, err := r.fit(callbacks.NewModelCheckpoint(filepath.Join(dir, c.path), c.with), c.name, c.values)
		check(t, err)
		if got := strings.Join(r.saved, " "); got != c.want {
			t.Errorf("%s %v: got %s, want %s", c.path, c.with, got, c.want)
		}
		if _, err := os.Stat(dir); err != nil {
			t.Errorf("the folder was not made: %v", err)
		}
	}
	r := newRun()
	checkpoint := callbacks.NewModelCheckpoint(filepath.Join(t.TempDir(), "{epoch}.keras"), callbacks.With{"save_best_only": true, "verbose": 1})
	_, _, err := r.fit(checkpoint, "val_loss", falling[:1])
	check(t, err)
	_, _, err = r.fit(checkpoint, "val_loss", falling[:1]) // the best value lasts
	check(t, err)
	if len(r.saved) != 1 || r.warnings[len(r.warnings)-1] != "epoch 1: val_loss did not get better than 1.00000" {
		t.Errorf("second run: got %v, %v", r.saved, r.warnings)
	}
	r = newRun()
	_, _, err = r.fit(callbacks.NewModelCheckpoint("m.keras", callbacks.With{"save_best_only": true}), "loss", falling[:1])
	check(t, err)
	if want := `ModelCheckpoint: "val_loss" is not in the logs, which have loss`; !slices.Equal(r.warnings, []string{want}) {
		t.Errorf("got warnings %q, want %q", r.warnings, want)
	}
}

func TestCSVLogger(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log.csv")
	first := "epoch;accuracy;loss;val_accuracy;val_loss\r\n0;1e-05;0.5;NA;NA\r\n1;nan;3.0;NA;NA\r\n"
	for _, c := range []struct {
		with callbacks.With
		logs []core.Logs
		want string
	}{
		{callbacks.With{"append": true, "separator": ";"}, []core.Logs{
			{Names: []string{"loss", "accuracy"}, Values: []float64{0.5, 1e-5}},
			{Names: []string{"loss", "accuracy"}, Values: []float64{3, nan}},
		}, first},
		{callbacks.With{"append": true}, []core.Logs{
			{Names: []string{"val_loss", "loss"}, Values: []float64{1e17, 0.1}},
			{Names: []string{"loss"}, Values: []float64{math.Inf(1)}},
		}, first + "0,0.1,1e+17\r\n1,inf,NA\r\n"},
		{callbacks.With{"separator": ";"}, []core.Logs{{Names: []string{"val_loss", "loss"}, Values: []float64{0.25, 123456.789}}},
			"epoch;loss;val_loss\r\n0;123456.789;0.25\r\n"},
	} {
		r, l := newRun(), callbacks.NewCSVLogger(file, c.with)
		check(t, l.OnTrainBegin(r))
		for epoch, logs := range c.logs {
			check(t, l.OnEpochEnd(r, epoch, logs))
		}
		check(t, l.OnTrainEnd(r, core.Logs{}))
		got, err := os.ReadFile(file)
		check(t, err)
		if string(got) != c.want {
			t.Errorf("%v: got %q, want %q", c.with, got, c.want)
		}
	}
}

func TestLearningRateScheduler(t *testing.T) {
	schedule := map[string]any{"class_name": "ExponentialDecay",
		"config": map[string]any{"initial_learning_rate": 0.5, "decay_steps": 1.0, "decay_rate": 0.5}}
	half := callbacks.NewLearningRateScheduler(nil)
	half.Func = func(epoch int, lr float64) float64 { return lr / float64(epoch+1) }
	for _, c := range []struct {
		callback core.Callback
		want     []float64
	}{
		{callbacks.NewLearningRateScheduler(schedule, callbacks.With{"verbose": 1}), []float64{0.5, 0.25, 0.125}},
		{half, []float64{0.1, 0.05, 0.05 / 3}},
	} {
		_, rates, err := newRun().fit(c.callback, "loss", []float64{1, 1, 1})
		check(t, err)
		for i, want := range c.want {
			if math.Abs(rates[i]-want) > 1e-7 {
				t.Errorf("epoch %d: got %v, want %v", i, rates[i], want)
			}
		}
	}
}

func TestTerminateOnNaN(t *testing.T) {
	for _, loss := range []float64{nan, math.Inf(1), math.Inf(-1)} {
		r := newRun()
		r.batches = 1
		epochs, _, err := r.fit(callbacks.NewTerminateOnNaN(), "loss", []float64{1, loss, 1})
		check(t, err)
		if epochs != 2 {
			t.Errorf("%v: got %d epochs, want 2", loss, epochs)
		}
		r = newRun()
		r.batches = 1
		_, _, err = r.fit(callbacks.NewTerminateOnNaN(callbacks.With{"raise_error": true}), "loss", []float64{loss})
		if !errors.Is(err, core.ErrNaN) {
			t.Errorf("%v: got error %v, want ErrNaN", loss, err)
		}
	}
}

func TestRemoteMonitor(t *testing.T) {
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body := r.FormValue("d")
		if r.Header.Get("Content-Type") == "application/json" {
			text, _ := io.ReadAll(r.Body)
			body = string(text)
		}
		got = append(got, r.Method+" "+r.URL.Path+" "+r.Header.Get("X-Key")+" "+body)
	}))
	defer server.Close()
	for _, asJSON := range []bool{false, true} {
		c := callbacks.NewRemoteMonitor(callbacks.With{"root": server.URL, "path": "/p", "field": "d", "send_as_json": asJSON,
			"headers": map[string]any{"X-Key": "k"}})
		_, _, err := newRun().fit(c, "loss", []float64{0.5, nan})
		check(t, err)
	}
	one, two := `POST /p k {"epoch":0,"loss":0.5}`, `POST /p k {"epoch":1,"loss":null}`
	if !slices.Equal(got, []string{one, two, one, two}) {
		t.Errorf("got %q", got)
	}
	server.Close()
	r := newRun()
	_, _, err := r.fit(callbacks.NewRemoteMonitor(callbacks.With{"root": server.URL}), "loss", []float64{1})
	check(t, err)
	if len(r.warnings) != 1 || !strings.Contains(r.warnings[0], "cannot be reached") {
		t.Errorf("without a server: got warnings %q", r.warnings)
	}
}

func TestLambdaCallback(t *testing.T) {
	var got []string
	say := func(s string) { got = append(got, s) }
	all := &callbacks.LambdaCallback{
		TrainBegin: func(core.Trainer) error { say("train"); return nil },
		TrainEnd:   func(core.Trainer, core.Logs) error { say("end"); return nil },
		EpochBegin: func(_ core.Trainer, e int) error { say(fmt.Sprint("epoch ", e)); return nil },
		EpochEnd: func(_ core.Trainer, e int, l core.Logs) error {
			say(fmt.Sprint("epoch ", e, " ", l.Values))
			return nil
		},
		BatchBegin: func(_ core.Trainer, b int) error { say(fmt.Sprint("batch ", b)); return nil },
		BatchEnd: func(_ core.Trainer, b int, l core.Logs) error {
			say(fmt.Sprint("batch ", b, " ", l.Values))
			return nil
		},
	}
	r := newRun()
	r.batches = 1
	_, _, err := r.fit(all, "loss", []float64{0.5})
	check(t, err)
	if want := "train, epoch 0, batch 0, batch 0 [0.5], epoch 0 [0.5], end"; strings.Join(got, ", ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
	_, _, err = r.fit(&callbacks.LambdaCallback{}, "loss", []float64{0.5})
	check(t, err)
}

// Keras' directions of the default names of its metrics.
func TestDirections(t *testing.T) {
	up := []string{"accuracy", "acc", "val_acc", "binary_accuracy", "sparse_top_k_categorical_accuracy", "auc", "auc_1", "precision", "recall",
		"f1_score", "fbeta_score", "mean_io_u", "r2_score", "cosine_similarity", "pearson_correlation", "sensitivity_at_specificity", "out_accuracy"}
	down := []string{"loss", "val_loss", "out_loss", "mse", "mean_squared_error", "root_mean_squared_error", "mae", "hinge", "categorical_hinge",
		"kl_divergence", "binary_crossentropy", "log_cosh_error", "poisson", "mean_absolute_percentage_error"}
	for _, c := range []struct {
		names []string
		want  int
	}{{up, 1}, {down, 3}} {
		for _, name := range c.names {
			stopping := callbacks.NewEarlyStopping(callbacks.With{"monitor": name, "restore_best_weights": true, "patience": 9})
			r := newRun()
			_, _, err := r.fit(stopping, name, []float64{2, 3, 2, 1, 2})
			check(t, err)
			if got := int(r.weights[0].Data()[0]); got != c.want {
				t.Errorf("%s: the best of 2, 3, 2, 1, 2 is number %d, want %d", name, got, c.want)
			}
		}
	}
	wantError(t, callbacks.NewEarlyStopping(callbacks.With{"monitor": "niceness"}).OnTrainBegin(newRun()), `callback "EarlyStopping": mode: got "auto", `+
		`which cannot tell whether "niceness" gets better by rising or by falling (set mode to "min" or "max")`)
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}

func TestSettings(t *testing.T) {
	for _, c := range []struct {
		callback core.Callback
		want     string
	}{
		{callbacks.NewEarlyStopping(callbacks.With{"patiance": 3}), `callback "EarlyStopping": patiance: unknown key, got 3 (did you mean "patience"?)`},
		{callbacks.NewEarlyStopping(callbacks.With{"mode": "best"}), `callback "EarlyStopping": mode: got "best", want one of auto, min, max`},
		{callbacks.NewReduceLROnPlateau(callbacks.With{"factor": 1.0}), `callback "ReduceLROnPlateau": factor: got 1, want between 0 and below 1`},
		{callbacks.NewModelCheckpoint("m.pt"), `callback "ModelCheckpoint": filepath: got "m.pt", want one that ends with .keras or .h5`},
		{callbacks.NewModelCheckpoint("m.keras", callbacks.With{"save_weights_only": true}),
			`callback "ModelCheckpoint": filepath: got "m.keras", want one that ends with .weights.h5 for weights only`},
		{callbacks.NewModelCheckpoint("m.keras", callbacks.With{"save_freq": "batch"}),
			`callback "ModelCheckpoint": save_freq: got batch, want "epoch" or a number of batches`},
		{callbacks.NewCSVLogger(""), `callback "CSVLogger": filename: got none`},
		{callbacks.NewCSVLogger("x", callbacks.With{"separator": "::"}),
			`callback "CSVLogger": separator: got "::", want one character that is no quote or line break`},
		{callbacks.NewLearningRateScheduler(nil), `callback "LearningRateScheduler": schedule: got none, want a schedule or a function`},
	} {
		wantError(t, c.callback.OnTrainBegin(newRun()), c.want)
	}
	_, _, err := newRun().fit(callbacks.NewModelCheckpoint("{val_los}.keras"), "val_loss", []float64{1})
	wantError(t, err, `callback "ModelCheckpoint": filepath: "{val_los}.keras": no value for field "val_los"; the fields are epoch, val_loss`)
}

func TestMadeByName(t *testing.T) {
	for _, name := range registry.Default.Callbacks.Names() {
		c, err := registry.Default.Decoder(registry.Origin{}).Callback(name)
		check(t, err)
		if got := registry.Default.Callbacks.NameOf(c); got != name {
			t.Errorf("%s: got name %q", name, got)
		}
	}
}

func ExampleNewEarlyStopping() {
	c := callbacks.NewEarlyStopping(callbacks.With{"patience": 1, "restore_best_weights": true})
	r := newRun()
	epochs, _, err := r.fit(c, "val_loss", []float64{1, 0.5, 0.6, 0.7})
	fmt.Println(epochs, r.stopped, err)
	// Output: 3 early stopping: val_loss does not get better <nil>
}

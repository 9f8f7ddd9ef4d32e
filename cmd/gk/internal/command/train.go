package command

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/dataset"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// This file owns gk train.

func (e *env) trainCommand() *cli.Command {
	return &cli.Command{
		Name:      "train",
		Usage:     "train a network and save it",
		ArgsUsage: "[MODEL]",
		Description: `Without MODEL it trains a network of dense layers for the data. MODEL is a Keras architecture as JSON, a .h5 or .keras file, which is
trained on, or an experiment: JSON with {"model", "compile", "fit", "data"} in Keras' words.

gk train                                                 the whole thing: data, training, test, model.h5
gk train --hidden 784,784 --activation relu --dropout 0.2 --epochs 10 --out mlp.keras
gk train --data iris.csv --hidden 16 --validation-split 0.2 --early-stopping 5
gk train model.h5 --epochs 5 --out better.h5             goes on where the file left off
gk train architecture.json --data images/ --loss sparse_categorical_crossentropy
gk train testdata/experiments/1.json --plot curves.png
gk train --callback ReduceLROnPlateau:patience=2 --callback ModelCheckpoint:filepath=best.keras,save_best_only=true

Ctrl-C stops after the step and saves; a second Ctrl-C ends at once.`,
		Flags: slices.Concat(dataFlags(), []cli.Flag{
			&cli.StringFlag{Name: "hidden", Value: "512,256", Usage: "without MODEL: the `UNITS` of the hidden layers; \"\" for none"},
			&cli.StringFlag{Name: "activation", Value: "relu", Usage: "without MODEL: the activation of the hidden layers"},
			&cli.Float64Flag{Name: "dropout", Value: 0.2, Usage: "without MODEL: the `RATE` of dropout behind each hidden layer"},
			&cli.IntFlag{Name: "epochs", Usage: "go `N` times through the data", DefaultText: "5, or what MODEL says"},
			&cli.IntFlag{Name: "batch-size", Usage: "take `N` samples in a step", DefaultText: "128, or what MODEL says"},
			&cli.StringFlag{Name: "optimizer", Usage: "`NAME`, NAME:key=value,..., or JSON", DefaultText: "adam, or what MODEL says"},
			&cli.Float64Flag{Name: "learning-rate", Usage: "the `RATE` of the optimizer", DefaultText: "the optimizer's own"},
			&cli.StringFlag{Name: "loss", Usage: "`NAME`, NAME:key=value,..., or JSON", DefaultText: "what MODEL says, or the labels suggest"},
			&cli.StringFlag{Name: "metrics", Usage: "`NAMES` with commas", DefaultText: "what MODEL says, or accuracy for classes"},
			&cli.Float64Flag{Name: "validation-split", Usage: "keep the last `PART` of the training data for validation", DefaultText: "0.1 without MODEL, else none"},
			&cli.StringFlag{Name: "class-weight", Usage: "`WEIGHTS` of classes as 0:1,1:5, or balanced", DefaultText: "all alike"},
			&cli.IntFlag{Name: "early-stopping", Usage: "stop when the (validation) loss has not got better for `N` epochs, and take the best weights", DefaultText: "off"},
			&cli.StringSliceFlag{Name: "callback", Usage: "NAME, NAME:key=value,..., or JSON: one of Keras' callbacks; may be repeated"},
			&cli.IntFlag{Name: "seed", Usage: "the `SEED` of weights, order and dropout", DefaultText: "1, or what MODEL says"},
			&cli.StringFlag{Name: "out", Usage: "save the model to `FILE`, its ending saying the form: .h5, .keras; \"\" saves nothing",
				DefaultText: "model.h5, or model-2.h5 and so on where that exists"},
			&cli.BoolFlag{Name: "force", Usage: "replace model.h5 where it exists, without --out"},
			&cli.StringFlag{Name: "plot", Usage: "draw the curves of losses and metrics to `FILE`: .png, .svg, .pdf"},
			&cli.IntFlag{Name: "threads", Usage: "use `N` processors; the result is the same for any number", DefaultText: "all"},
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "write nothing but errors"},
		}, modelFlags()),
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 0, 1); err != nil {
				return err
			}
			e.quiet = c.Bool("quiet")
			t := &training{env: e, c: c}
			return t.run(c.Context)
		},
	}
}

// training is one run of gk train.
type training struct {
	*env
	c    *cli.Context
	x    *experiment
	data *data
	out  string // "": the model is not saved

	history *model.History
	took    time.Duration
	test    core.Logs
	tested  bool
	saved   string
}

func (t *training) run(ctx context.Context) error {
	if err := t.prepare(); err != nil {
		return err
	}
	t.announce()
	err := t.fit(ctx)
	kept := err == nil || errors.Is(err, core.ErrInterrupted) || len(t.history.Epochs) > 0 && !errors.Is(err, core.ErrNaN)
	if kept {
		if e := t.save(); e != nil {
			if err == nil || errors.Is(err, core.ErrInterrupted) {
				err = e
			}
		} else if t.saved != "" {
			err = alsoHint(err, "the model as it was then is saved as "+t.saved)
		}
	} else if t.out != "" {
		err = alsoHint(err, t.out+" is not written")
	}
	if err == nil {
		err = t.evaluate(ctx)
	}
	if plot := t.c.String("plot"); plot != "" && len(t.history.Epochs) > 0 {
		if e := plotHistory(plot, t.history); err == nil {
			err = e
		}
	}
	t.conclude(err)
	return err
}

// prepare does everything that can go wrong before training does.
func (t *training) prepare() error {
	c := t.c
	if n := c.Int("threads"); n > 0 {
		runtime.GOMAXPROCS(n)
	} else if c.IsSet("threads") {
		return usage("--threads", "got %d, want > 0", n)
	}
	if plot := c.String("plot"); plot != "" {
		if err := checkPlot(plot); err != nil {
			return err
		}
	}
	x := &experiment{fit: defaultFit}
	x.fit.ValidationSplit = 0.1
	path := c.Args().First()
	if path != "" {
		for _, f := range []string{"hidden", "activation", "dropout"} {
			if c.IsSet(f) {
				return usage("--"+f, "is for networks made without MODEL, got MODEL %s", path)
			}
		}
		var err error
		if x, err = t.openExperiment(c, path); err != nil {
			return err
		}
	}
	if err := x.take(c); err != nil {
		return err
	}
	t.x = x
	var err error
	if t.data, err = t.readData(c, x.data, x.model); err != nil {
		return err
	}
	train := t.data.Train
	if len(train.Y) == 0 {
		return &core.Error{Kind: core.ErrData, File: t.data.Name, Msg: "got no targets, training needs them", Hint: "--labels names a file of them"}
	}
	if x.model == nil {
		known, err := t.registry(c)
		if err != nil {
			return err
		}
		if x.model, err = quickModel(c, known, train); err != nil {
			return err
		}
	}
	m := x.model
	m.SetSeed(uint64(x.fit.Seed))
	if !m.Built() {
		if err := buildFor(m, train.X); err != nil {
			return core.InFile(path, err)
		}
	}
	notes, err := x.compileWith(c, train.Y)
	if err != nil {
		return core.InFile(path, err)
	}
	t.data.notes = append(t.data.notes, notes...)
	if err := t.data.fitTargets(m, lossNames(m)); err != nil {
		return err
	}
	return t.chooseOut()
}

func buildFor(m *model.Model, x []*tensor.Tensor) error {
	shapes := make([]tensor.Shape, len(x))
	for i, t := range x {
		shapes[i] = t.Shape().With(0, tensor.Unknown)
	}
	return m.BuildFor(shapes...)
}

// quickModel is dense layers for the data: softmax for classes, one unit per number otherwise.
func quickModel(c *cli.Context, r *registry.Registry, d *dataset.Dataset) (*model.Model, error) {
	if len(d.X) != 1 || len(d.Y) != 1 {
		x := usage("", "got %d inputs and %d targets, a network made without MODEL has one of each", len(d.X), len(d.Y))
		x.Hint = "write the model in Keras, save its to_json, and give the file"
		return nil, x
	}
	sample := d.X[0].Shape()[1:]
	layers := []any{core.Config{"class_name": "InputLayer", "config": core.Config{"batch_shape": append([]any{nil}, registry.ShapeConfig(sample)...)}}}
	add := func(class string, config core.Config) {
		layers = append(layers, core.Config{"class_name": class, "config": config})
	}
	if len(sample) != 1 {
		add("Flatten", core.Config{})
	}
	for _, w := range words(c.String("hidden")) {
		units, err := strconv.Atoi(w.(string))
		if err != nil || units < 1 {
			return nil, usage("--hidden", "got %q, want numbers of units such as 512,256", w)
		}
		add("Dense", core.Config{"units": units, "activation": c.String("activation")})
		if rate := c.Float64("dropout"); rate < 0 || rate >= 1 {
			return nil, usage("--dropout", "got %v, want at least 0 and below 1", rate)
		} else if rate > 0 {
			add("Dropout", core.Config{"rate": rate})
		}
	}
	y := d.Y[0]
	output, loss := core.Config{"units": y.Shape()[1:].Size()}, "mean_squared_error"
	if n := classesOf(d); n > 0 {
		output, loss = core.Config{"units": n, "activation": "softmax"}, "sparse_categorical_crossentropy"
		if y.Shape().Rank() > 1 && y.Shape().Dim(-1) == n && n > 1 {
			loss = "categorical_crossentropy"
		}
	}
	add("Dense", output)
	m, err := model.FromConfig(core.Config{"class_name": "Sequential", "config": core.Config{"layers": layers}}, r, registry.Origin{})
	if err != nil {
		return nil, err
	}
	if c.String("loss") == "" {
		err = m.Compile(model.Compile{Optimizer: "adam", Loss: loss, Metrics: metricsFor(loss)})
	}
	return m, err
}

func metricsFor(loss string) any {
	if strings.Contains(loss, "crossentropy") {
		return []any{"accuracy"}
	}
	return []any{"mean_absolute_error"}
}

// classesOf is the number of classes where targets are classes: names, numbers of an integer type, numbers of which all up to the
// largest occur, or one-hot rows; else 0.
func classesOf(d *dataset.Dataset) int {
	y := d.Y[0]
	if y.Shape().Rank() == 2 && y.Shape().Dim(-1) > 1 {
		ones := 0
		for _, v := range y.Float64s() {
			if v != 0 && v != 1 {
				return 0
			}
			ones += int(v)
		}
		if ones != y.Shape()[0] {
			return 0
		}
		return y.Shape().Dim(-1)
	}
	if y.Size() != y.Shape()[0] {
		return 0
	}
	seen := map[float64]bool{}
	top := 0.0
	for _, v := range y.Float64s() {
		if v < 0 || v != math.Trunc(v) || v > 1e6 {
			return 0
		}
		seen[v] = true
		top = max(top, v)
	}
	integers := y.DType() != tensor.Float32 && y.DType() != tensor.Float64
	if d.Classes != nil {
		return max(len(d.Classes), int(top)+1)
	}
	if integers && top < 1000 || len(seen) == int(top)+1 && len(seen) <= 100 && len(seen) > 1 {
		return int(top) + 1
	}
	return 0
}

// chooseOut settles where the model will be saved, and saves the untrained model there under another name for a trial: what cannot be
// saved should not be trained first.
func (t *training) chooseOut() error {
	t.out = t.c.String("out")
	if !t.c.IsSet("out") {
		t.out = "model.h5"
		for n := 2; !t.c.Bool("force") && exists(t.out); n++ {
			t.out = fmt.Sprintf("model-%d.h5", n)
		}
	}
	if t.out == "" {
		return nil
	}
	if info, err := os.Stat(t.out); err == nil && info.IsDir() {
		return &core.Error{Kind: core.ErrUsage, File: t.out, Where: "--out", Msg: "is a folder, want a file"}
	}
	trial := filepath.Join(filepath.Dir(t.out), ".gk-trial-"+strconv.Itoa(os.Getpid())+"-"+filepath.Base(t.out))
	err := t.x.model.Save(trial)
	if e := os.Remove(trial); e != nil && !errors.Is(e, os.ErrNotExist) && err == nil {
		err = e
	}
	if err != nil {
		x := *asError(err)
		x.File = t.out
		return &x
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func (t *training) announce() {
	d, m := t.data, t.x.model
	n := d.Train.Len()
	trained := n
	if split := t.x.fit.ValidationSplit; split > 0 {
		trained = int(math.Floor(float64(n) * (1 - split)))
	}
	line := fmt.Sprintf("data   %s: %s samples to train", d.Name, model.Thousands(trained))
	if trained < n {
		line += fmt.Sprintf(", %s to validate", model.Thousands(n-trained))
	}
	if d.Test != nil {
		line += fmt.Sprintf(", %s to test", model.Thousands(d.Test.Len()))
	}
	if d.Origin != "" && d.Origin != d.Name {
		line += " (" + d.Origin + ")"
	}
	t.say("%s", line)
	all, _ := m.ParameterCount()
	o := m.Optimizer().Common()
	t.say("model  %s: %d layers, %s parameters, %s, learning rate %s, loss %s", m.Name, len(m.Summary(false).Rows), model.Thousands(all), o.Name,
		rate(o), strings.Join(slices.DeleteFunc(lossNames(m), func(s string) bool { return s == "" }), ", "))
	for _, n := range d.notes {
		t.note("%s", n)
	}
}

// rate is the learning rate now. Files hold it as a float32, whose shortest form it is.
func rate(o *core.OptimizerBase) string {
	return strconv.FormatFloat(o.LearningRate.At(o.Iterations), 'g', -1, 32)
}

func (t *training) fit(ctx context.Context) error {
	x, m := t.x, t.x.model
	callbacks, err := x.callbacks()
	if err != nil {
		t.history = &model.History{}
		return err
	}
	weights, err := x.classWeight(t.c.String("class-weight"), t.data.Train.Y[0])
	if err != nil {
		t.history = &model.History{}
		return err
	}
	began := time.Now()
	t.history, err = m.Fit(ctx, t.data.Train, model.Fit{
		BatchSize: x.fit.BatchSize, Epochs: x.fit.Epochs, InitialEpoch: x.fit.InitialEpoch, NoShuffle: !x.fit.Shuffle,
		ValidationSplit: x.fit.ValidationSplit, ClassWeight: weights, Scale: t.data.scale,
		Callbacks: append(callbacks, &epochs{e: t.env}),
		Warn:      func(s string) { t.note("%s", s) },
	})
	t.took = time.Since(began)
	if err == nil && t.history.Stopped != "" {
		t.say("stopped: %s", t.history.Stopped)
	}
	var known *core.Error
	if errors.As(err, &known) && known.Kind == core.ErrShapeMismatch || errors.As(err, &known) && known.Kind == core.ErrData {
		return core.InFile(t.data.Name, err)
	}
	return err
}

// save saves the model. Where that fails, a disk being full, it is put where temporary files go, so that nothing is lost.
func (t *training) save() error {
	if t.out == "" {
		return nil
	}
	err := t.x.model.Save(t.out)
	if err == nil {
		t.saved = t.out
		return nil
	}
	dir, e := os.MkdirTemp("", "gk-")
	if e != nil {
		return err
	}
	other := filepath.Join(dir, filepath.Base(t.out))
	if e := t.x.model.Save(other); e != nil {
		_ = os.RemoveAll(dir) // err is what matters
		return err
	}
	t.saved = other
	x := *asError(err)
	x.Hint = "the trained model is in " + other
	return &x
}

// evaluate computes loss and metrics for the test part of the data.
func (t *training) evaluate(ctx context.Context) error {
	if t.data.Test == nil || len(t.data.Test.Y) == 0 {
		return nil
	}
	var err error
	t.test, err = t.x.model.Evaluate(ctx, t.data.Test, model.Run{BatchSize: 256, Scale: t.data.scale})
	t.tested = err == nil
	if err != nil {
		return core.In("test data", core.ErrData, err)
	}
	return nil
}

// conclude says what came out, and what can be done with it.
func (t *training) conclude(failed error) {
	if t.json {
		if failed == nil || errors.Is(failed, core.ErrInterrupted) {
			_ = t.result(t.resultJSON(failed)) // out.err keeps it
		}
		return
	}
	if failed != nil {
		return
	}
	if t.tested {
		line := metricsLine(t.test)
		if acc, ok := accuracyOf(t.test); ok {
			line += fmt.Sprintf("  error %.2f %%", 100*(1-acc))
		}
		t.say("test   %s", line)
	}
	if t.saved == "" {
		return
	}
	size := ""
	if info, err := os.Stat(t.saved); err == nil {
		size = fmt.Sprintf(" (%.1f MB)", float64(info.Size())/1e6)
	}
	t.say("saved  %s%s\n", t.saved, size)
	if strings.HasSuffix(t.saved, ".json") {
		return
	}
	t.say("In Keras:\n    import keras\n    model = keras.models.load_model(%q)\nHere:\n    gk summary %s\n    gk predict %s INPUT", t.saved, t.saved, t.saved)
}

func (t *training) resultJSON(failed error) map[string]any {
	m := t.x.model
	all, trained := m.ParameterCount()
	history := map[string]any{}
	for name, values := range t.history.Values {
		list := make([]any, len(values))
		for i, v := range values {
			list[i] = jsonNumber(v)
		}
		history[name] = list
	}
	samples := map[string]any{"train": t.data.Train.Len()}
	if t.data.Test != nil {
		samples["test"] = t.data.Test.Len()
	}
	o := map[string]any{
		"data":       map[string]any{"name": t.data.Name, "origin": t.data.Origin, "samples": samples, "scale": t.data.scale},
		"parameters": all, "trainable": trained, "seed": t.x.fit.Seed, "epochs": len(t.history.Epochs), "history": history,
		"seconds": t.took.Seconds(), "notes": append([]string{}, t.data.notes...), "stopped": t.history.Stopped, "saved": nil,
	}
	if t.x.opened != nil {
		o["notes"] = append(notesOf(t.x.opened), t.data.notes...)
	}
	if t.saved != "" {
		o["saved"] = t.saved
	}
	if failed != nil {
		o["stopped"] = "interrupted"
	}
	if t.tested {
		test := logsJSON(t.test)
		if acc, ok := accuracyOf(t.test); ok {
			test["error"] = 1 - acc
		}
		o["test"] = test
	}
	return o
}

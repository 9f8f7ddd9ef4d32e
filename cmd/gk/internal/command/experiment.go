package command

import (
	"bytes"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/hdf5io"
	"github.com/gokeras/gk/registry"
)

// This file owns what a training run is made of, and the file that says so, an experiment: JSON with Keras' own words.
//
//	{
//	  "about":   "what it is for",
//	  "model":   {"class_name": "Sequential", "config": {"layers": [...]}},
//	  "compile": {"optimizer": "adam", "loss": "categorical_crossentropy", "metrics": ["accuracy"]},
//	  "fit":     {"epochs": 2, "batch_size": 200, "validation_split": 0.1, "seed": 1, "callbacks": [...]},
//	  "data":    "mnist"
//	}
//
// model is what Keras' to_json writes; compile and fit have the names of the arguments of Keras' methods. Everything but model may be
// missing, and flags go before all of it.

// experiment is a model and how it is to be trained.
type experiment struct {
	model  *model.Model
	opened *hdf5io.Result // what the file of the model said of itself; nil for others
	about  string
	data   string
	fit    fitSettings
	// compile is what an experiment says; a model from a file may be compiled already.
	compile compileSettings
}

// compileSettings are the arguments of Keras' compile.
type compileSettings struct {
	Optimizer       any `json:"optimizer"`
	Loss            any `json:"loss"`
	LossWeights     any `json:"loss_weights"`
	Metrics         any `json:"metrics"`
	WeightedMetrics any `json:"weighted_metrics"`
}

// fitSettings are the arguments of Keras' fit, and the seed.
type fitSettings struct {
	Epochs          int            `json:"epochs" want:">0"`
	BatchSize       int            `json:"batch_size" want:">0"`
	InitialEpoch    int            `json:"initial_epoch" want:">=0"`
	ValidationSplit float64        `json:"validation_split" want:"0..<1"`
	Shuffle         bool           `json:"shuffle"`
	ClassWeight     map[string]any `json:"class_weight"`
	Callbacks       []any          `json:"callbacks"`
	Seed            int            `json:"seed" want:">=0"`
}

var defaultFit = fitSettings{Epochs: 5, BatchSize: 128, Shuffle: true, Seed: 1}

// openExperiment opens an experiment, or a model of any form as one that says nothing more.
func (e *env) openExperiment(c *cli.Context, path string) (*experiment, error) {
	o, err := experimentObject(path)
	if err != nil {
		return nil, core.InFile(path, err)
	}
	if o != nil {
		if err := noModelFlags(c, path); err != nil {
			return nil, err
		}
		r, err := e.registry(c)
		if err != nil {
			return nil, err
		}
		x, err := newExperiment(o, r)
		return x, core.InFile(path, err)
	}
	r, err := e.openModel(c, path, true)
	if err != nil {
		return nil, err
	}
	e.warn(r)
	return &experiment{model: r.Model, opened: r, fit: defaultFit}, nil
}

// notes is what there is to say about the file of the model.
func (x *experiment) notes() []string {
	if x.opened == nil {
		return []string{}
	}
	return notesOf(x.opened)
}

// noModelFlags refuses what is for files of weights where there is an experiment, which has its own architecture and no weights.
func noModelFlags(c *cli.Context, path string) error {
	for _, name := range flagNames(fileFlags()) {
		if c.IsSet(strings.TrimPrefix(name, "--")) {
			return usage(name, "is for files of models, and %s is an experiment", path)
		}
	}
	return nil
}

// experimentObject is the JSON object of an experiment; nil where the file is something else.
func experimentObject(path string) (map[string]any, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, asError(err)
	}
	defer f.Close()
	head := make([]byte, 512)
	n, err := io.ReadFull(f, head)
	if n == 0 && err != nil || !bytes.HasPrefix(bytes.TrimLeft(head[:n], " \t\r\n"), []byte("{")) {
		return nil, nil // whoever opens models says what is wrong with it
	}
	text, err := io.ReadAll(io.MultiReader(bytes.NewReader(head[:n]), f))
	if err != nil {
		return nil, asError(err)
	}
	v, err := core.ParseJSON(text)
	if err != nil {
		return nil, err
	}
	o, _ := v.(map[string]any)
	if _, is := o["model"].(map[string]any); !is || o["class_name"] != nil {
		return nil, nil
	}
	return o, nil
}

func newExperiment(o map[string]any, r *registry.Registry) (*experiment, error) {
	x := &experiment{fit: defaultFit}
	file := struct {
		About   string         `json:"about"`
		Model   any            `json:"model"`
		Compile map[string]any `json:"compile"`
		Fit     map[string]any `json:"fit"`
		Data    string         `json:"data"`
	}{}
	d := r.Decoder(registry.Origin{})
	if err := d.Into(&file, o); err != nil {
		return nil, err
	}
	x.about, x.data = file.About, file.Data
	if err := d.Into(&x.compile, file.Compile); err != nil {
		return nil, core.In("compile", core.ErrLayerConfig, err)
	}
	if err := d.Into(&x.fit, file.Fit); err != nil {
		return nil, core.In("fit", core.ErrLayerConfig, err)
	}
	var err error
	x.model, err = model.FromConfig(file.Model, r, registry.Origin{})
	return x, err
}

// take puts the flags of gk train in the place of what the experiment says.
func (x *experiment) take(c *cli.Context) error {
	f := &x.fit
	for name, to := range map[string]*int{"epochs": &f.Epochs, "batch-size": &f.BatchSize, "seed": &f.Seed} {
		if c.IsSet(name) {
			*to = c.Int(name)
		}
	}
	if f.Epochs < 1 {
		return usage("--epochs", "got %d, want > 0", f.Epochs)
	}
	if f.BatchSize < 1 {
		return usage("--batch-size", "got %d, want > 0", f.BatchSize)
	}
	if f.Seed < 0 {
		return usage("--seed", "got %d, want >= 0", f.Seed)
	}
	if c.IsSet("validation-split") {
		f.ValidationSplit = c.Float64("validation-split")
		if !(f.ValidationSplit >= 0 && f.ValidationSplit < 1) {
			return usage("--validation-split", "got %v, want at least 0 and below 1", f.ValidationSplit)
		}
	}
	for _, text := range c.StringSlice("callback") {
		o, err := parseObject(text)
		if err != nil {
			return core.In("--callback", core.ErrUsage, err)
		}
		f.Callbacks = append(f.Callbacks, o)
	}
	if n := c.Int("early-stopping"); n > 0 {
		monitor := "loss"
		if f.ValidationSplit > 0 {
			monitor = "val_loss"
		}
		f.Callbacks = append(f.Callbacks, core.Config{"class_name": "EarlyStopping",
			"config": core.Config{"patience": n, "monitor": monitor, "restore_best_weights": true}})
	} else if n < 0 {
		return usage("--early-stopping", "got %d, want a number of epochs", n)
	}
	if c.IsSet("data") {
		x.data = c.String("data")
	}
	return nil
}

// parseObject reads NAME, NAME:key=value,key=value, or a Keras object as JSON.
func parseObject(text string) (any, error) {
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		return core.ParseJSON([]byte(text))
	}
	name, settings, ok := strings.Cut(text, ":")
	if !ok {
		return name, nil
	}
	config := core.Config{}
	for _, s := range strings.Split(settings, ",") {
		if s == "" {
			continue
		}
		key, value, ok := strings.Cut(s, "=")
		if !ok {
			return nil, usage("", "got %q, want NAME:key=value,key=value", text)
		}
		if v, err := core.ParseJSON([]byte(value)); err == nil {
			config[key] = v
		} else {
			config[key] = value
		}
	}
	return map[string]any{"class_name": name, "config": config}, nil
}

// compileWith compiles the model with the flags, else with what the experiment says, else leaves it as it was compiled, else finds
// out what it is for. Notes say what was found out.
func (x *experiment) compileWith(c *cli.Context, y []*tensor.Tensor) (notes []string, err error) {
	m := x.model
	o, compiled := m.CompileOptions()
	from := x.compile
	if !compiled {
		o = model.Compile{Optimizer: from.Optimizer, Loss: from.Loss, LossWeights: from.LossWeights, Metrics: from.Metrics,
			WeightedMetrics: from.WeightedMetrics}
	}
	again := !compiled
	if name := c.String("optimizer"); name != "" {
		if o.Optimizer, err = parseObject(name); err != nil {
			return nil, core.In("--optimizer", core.ErrUsage, err)
		}
		again = true
	}
	if o.Optimizer == nil {
		o.Optimizer = "adam"
	}
	if loss := c.String("loss"); loss != "" {
		if o.Loss, err = parseObject(loss); err != nil {
			return nil, core.In("--loss", core.ErrUsage, err)
		}
		again = true
	}
	if o.Loss == nil {
		if o.Loss = x.guessLoss(y); o.Loss == nil {
			e := usage(m.Place(), "is not compiled, and nothing says what its loss is")
			e.Hint = "--loss mean_squared_error, say"
			return nil, e
		}
		notes = append(notes, "the loss is "+o.Loss.(string)+", as the last layer and the labels suggest")
		again = true
	}
	if c.IsSet("metrics") {
		o.Metrics = []any{}
		if list := c.String("metrics"); list != "" {
			o.Metrics = words(list)
		}
		again = true
	} else if o.Metrics == nil && o.WeightedMetrics == nil && again && len(m.Outputs()) == 1 {
		if name, ok := identifier(o.Loss); ok && strings.Contains(name, "crossentropy") {
			o.Metrics = []any{"accuracy"}
		}
	}
	if again {
		if compiled && x.opened != nil && x.opened.HasOptimizer {
			notes = append(notes, "the model is compiled anew: the state of its optimizer is lost")
		}
		if err := m.Compile(o); err != nil {
			return nil, err
		}
	}
	if c.IsSet("learning-rate") {
		rate := c.Float64("learning-rate")
		if !(rate > 0) {
			return nil, usage("--learning-rate", "got %v, want > 0", rate)
		}
		m.Optimizer().Common().LearningRate = core.LearningRate{Value: rate}
	}
	return notes, nil
}

// identifier is the class or function that a Keras identifier names, in snake case.
func identifier(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return registry.SnakeCase(v), true
	case map[string]any:
		if class, ok := v["class_name"].(string); ok {
			return registry.SnakeCase(class), true
		}
	}
	return "", false
}

// words splits a list of names.
func words(list string) []any {
	var out []any
	for _, w := range strings.Split(list, ",") {
		if w = strings.TrimSpace(w); w != "" {
			out = append(out, w)
		}
	}
	return out
}

// guessLoss is the loss that the activation of the only output and the form of the targets leave no doubt about, or nil.
func (x *experiment) guessLoss(y []*tensor.Tensor) any {
	m := x.model
	if len(m.Outputs()) != 1 || len(y) != 1 {
		return nil
	}
	units := m.Outputs()[0].Shape().Dim(-1)
	o, err := m.Registry().Encoder(core.Keras3).Layer(m.Outputs()[0].Layer())
	if err != nil {
		return nil
	}
	config, _ := o["config"].(map[string]any)
	activation := config["activation"]
	oneHot := y[0].Shape().Rank() > 1 && y[0].Shape().Dim(-1) == units && units > 1
	switch {
	case activation == "softmax" && oneHot:
		return "categorical_crossentropy"
	case activation == "softmax" && units > 1:
		return "sparse_categorical_crossentropy"
	case activation == "sigmoid" && units == 1:
		return "binary_crossentropy"
	}
	return nil
}

// callbacks makes the callbacks of the experiment.
func (x *experiment) callbacks() ([]core.Callback, error) {
	var made []core.Callback
	for i, v := range x.fit.Callbacks {
		cb, err := registry.Default.Decoder(registry.Origin{}).Callback(v)
		if err != nil {
			return nil, core.In("callbacks["+strconv.Itoa(i)+"]", core.ErrLayerConfig, err)
		}
		made = append(made, cb)
	}
	return made, nil
}

// classWeight reads --class-weight, "0:1,1:5.5" or "balanced", or what the experiment says.
func (x *experiment) classWeight(flag string, labels *tensor.Tensor) (map[int]float64, error) {
	if flag == "balanced" {
		return balanced(labels)
	}
	given := maps.Clone(x.fit.ClassWeight)
	where := "fit: class_weight"
	if flag != "" {
		where, given = "--class-weight", map[string]any{}
		for _, pair := range strings.Split(flag, ",") {
			class, weight, ok := strings.Cut(pair, ":")
			w, err := strconv.ParseFloat(strings.TrimSpace(weight), 64)
			if !ok || err != nil {
				return nil, usage(where, "got %q, want balanced or CLASS:WEIGHT,CLASS:WEIGHT", pair)
			}
			given[strings.TrimSpace(class)] = w
		}
	}
	if len(given) == 0 {
		return nil, nil
	}
	weights := map[int]float64{}
	for _, class := range slices.Sorted(maps.Keys(given)) {
		n, err := strconv.Atoi(class)
		w, ok := given[class].(float64)
		if err != nil || n < 0 || !ok || w < 0 {
			return nil, usage(where, "got %q: %v, want class numbers with weights", class, given[class])
		}
		weights[n] = w
	}
	return weights, nil
}

// balanced gives every class the same weight in sum: samples/(classes count).
func balanced(labels *tensor.Tensor) (map[int]float64, error) {
	if len(labels.Shape()) != 1 {
		return nil, usage("--class-weight", "balanced wants class numbers, the targets have shape %v", labels.Shape())
	}
	weights := map[int]float64{}
	for _, v := range labels.Float64s() {
		weights[int(v)]++
	}
	for class, count := range weights {
		weights[class] = float64(labels.Size()) / (float64(len(weights)) * count)
	}
	return weights, nil
}

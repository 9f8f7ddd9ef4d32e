package command

import (
	"bytes"
	"context"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/gokeras/gk/core/dataset"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/core/tensor"
)

// small is a quick network on the blobs.
var small = []string{"train", "--data", "blobs.npz", "--hidden", "8", "--dropout", "0", "--batch-size", "10", "--learning-rate", "0.01"}

func with(base []string, more ...string) []string {
	return append(append([]string{}, base...), more...)
}

func TestTrain(t *testing.T) {
	inTemp(t)
	blobs(t, "blobs.npz")
	out := ok(t, with(small, "--plot", "curves.png")...)
	lines := strings.Split(out, "\n")
	for i, want := range []string{
		"data   blobs.npz: 270 samples to train, 30 to validate, 60 to test",
		"model  sequential: 2 layers, 67 parameters, adam, learning rate 0.01, loss sparse_categorical_crossentropy",
		"epoch 1/5  ", "epoch 2/5  ", "epoch 3/5  ", "epoch 4/5  ", "epoch 5/5  ",
		"test   loss ", "saved  model.h5 (0.0 MB)",
	} {
		if !strings.HasPrefix(lines[i], want) {
			t.Errorf("line %d: got %q, want %q...", i+1, lines[i], want)
		}
	}
	for _, want := range []string{"  val_loss ", "  val_accuracy "} {
		if !strings.Contains(lines[2], want) {
			t.Errorf("got %q, want %q in it", lines[2], want)
		}
	}
	if !strings.HasSuffix(lines[7], "accuracy 1.0000  error 0.00 %") {
		t.Errorf("got %q, want a network that has learned this", lines[7])
	}
	if strings.ContainsAny(out, "\r\x1b") {
		t.Errorf("got %q, want no colour and no bar where there is no terminal", out)
	}
	if got := files(t); got != "blobs.npz curves.png model.h5" {
		t.Errorf("got files %q", got)
	}
	if o := okJSON(t, "evaluate", "model.h5", "--data", "blobs.npz"); o["error"] != 0.0 {
		t.Errorf("got %v of the saved model, want no error", o)
	}
}

// Files that are there stay as they are unless flags say otherwise.
func TestTrainOut(t *testing.T) {
	inTemp(t)
	blobs(t, "blobs.npz")
	args := with(small, "--epochs", "1")
	writeText(t, "model.h5", "mine")
	saved := func(more ...string) any { return okJSON(t, with(args, more...)...)["saved"] }
	if got := saved(); got != "model-2.h5" {
		t.Errorf("got %v, want model-2.h5", got)
	}
	if got := saved(); got != "model-3.h5" {
		t.Errorf("got %v, want model-3.h5", got)
	}
	if got := saved("--out", ""); got != nil {
		t.Errorf("got %v, want nothing", got)
	}
	if text, err := os.ReadFile("model.h5"); err != nil || string(text) != "mine" {
		t.Errorf("got %q, %v: a file was overwritten without being asked for", text, err)
	}
	if got := saved("--force"); got != "model.h5" {
		t.Errorf("got %v, want model.h5", got)
	}
	if got := saved("--out", "model.keras"); got != "model.keras" {
		t.Errorf("got %v, want model.keras", got)
	}
	if got := saved("--out", "model.h5"); got != "model.h5" {
		t.Errorf("got %v, want model.h5", got)
	}
	if got, want := files(t), "blobs.npz model-2.h5 model-3.h5 model.h5 model.keras"; got != want {
		t.Errorf("got files %q, want %q", got, want)
	}
}

// The same seed gives the same bits, for any number of threads.
func TestTrainSeed(t *testing.T) {
	inTemp(t)
	blobs(t, "blobs.npz")
	train := func(file string, more ...string) []byte {
		t.Helper()
		ok(t, with(small, append(more, "--dropout", "0.2", "--epochs", "2", "--out", file)...)...)
		ok(t, "predict", file, "blobs.npz", "--out", file+".npy")
		out, err := os.ReadFile(file + ".npy")
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	first := train("a.h5", "--seed", "3", "--threads", "1")
	if !bytes.Equal(first, train("b.h5", "--seed", "3", "--threads", "2")) {
		t.Error("two runs with one seed differ")
	}
	if bytes.Equal(first, train("c.h5", "--seed", "4")) {
		t.Error("two runs with two seeds are the same")
	}
}

// A saved model goes on where it was: with its optimizer, its loss, its metrics.
func TestTrainOn(t *testing.T) {
	inTemp(t)
	blobs(t, "blobs.npz")
	ok(t, with(small, "--epochs", "2", "--validation-split", "0")...)
	o := okJSON(t, "train", "model.h5", "--data", "blobs.npz", "--epochs", "1", "--batch-size", "10", "--out", "more.keras")
	if notes := o["notes"].([]any); len(notes) != 0 {
		t.Errorf("got notes %v, want none", notes)
	}
	optimizer := okJSON(t, "load", "more.keras")["optimizer"].(map[string]any)
	if optimizer["iterations"] != 90.0 || optimizer["class"] != "Adam" {
		t.Errorf("got optimizer %v, want Adam after 90 steps", optimizer)
	}
	o = okJSON(t, "train", "model.h5", "--data", "blobs.npz", "--epochs", "1", "--optimizer", "SGD:momentum=0.9", "--out", "anew.h5")
	if notes := o["notes"].([]any); len(notes) != 1 || !strings.Contains(notes[0].(string), "compiled anew") {
		t.Errorf("got notes %v, want one that the model is compiled anew", notes)
	}
	optimizer = okJSON(t, "load", "anew.h5")["optimizer"].(map[string]any)
	if config := optimizer["config"].(map[string]any); optimizer["class"] != "SGD" || config["momentum"] != 0.9 {
		t.Errorf("got optimizer %v, want SGD with momentum 0.9", optimizer)
	}
}

const blobsExperiment = `{
  "about": "blobs",
  "model": {"class_name": "Sequential", "config": {"layers": [
    {"class_name": "Dense", "config": {"units": 6, "activation": "tanh", "input_shape": [4]}},
    {"class_name": "Dense", "config": {"units": 3, "activation": "softmax"}}
  ]}},
  "compile": {"optimizer": {"class_name": "SGD", "config": {"learning_rate": 0.1}}, "loss": "categorical_crossentropy", "metrics": ["accuracy"]},
  "fit": {"epochs": 3, "batch_size": 20, "seed": 7, "class_weight": {"0": 1.0, "2": 2.0},
          "callbacks": [{"class_name": "CSVLogger", "config": {"filename": "log.csv"}}]},
  "data": "blobs.npz"
}`

func TestTrainExperiment(t *testing.T) {
	inTemp(t)
	blobs(t, "blobs.npz")
	writeText(t, "blobs.json", blobsExperiment)
	o := okJSON(t, "train", "blobs.json", "--out", "")
	losses := o["history"].(map[string]any)["loss"].([]any)
	if o["seed"] != 7.0 || len(losses) != 3 || o["parameters"] != 51.0 {
		t.Errorf("got %v, want seed, epochs and model of the experiment", o)
	}
	if notes := o["notes"].([]any); len(notes) != 1 || notes[0] != "labels are made one-hot for categorical_crossentropy" {
		t.Errorf("got notes %v", notes)
	}
	if test := o["test"].(map[string]any); math.Abs(test["accuracy"].(float64)+test["error"].(float64)-1) > 1e-12 {
		t.Errorf("got test %v, want accuracy and error", test)
	}
	if log, err := os.ReadFile("log.csv"); err != nil || bytes.Count(log, []byte("\n")) != 4 {
		t.Errorf("got %q, %v: want the callback's log of 3 epochs", log, err)
	}
	// Flags go before the file.
	o = okJSON(t, "train", "blobs.json", "--out", "", "--epochs", "2", "--seed", "8", "--loss", "sparse_categorical_crossentropy",
		"--metrics", "sparse_categorical_accuracy", "--class-weight", "balanced")
	history := o["history"].(map[string]any)
	if len(history["loss"].([]any)) != 2 || o["seed"] != 8.0 || history["sparse_categorical_accuracy"] == nil || len(o["notes"].([]any)) != 0 {
		t.Errorf("got %v, want what the flags say", o)
	}
	o = okJSON(t, "train", "blobs.json", "--out", "", "--epochs", "50", "--validation-split", "0.2", "--early-stopping", "1", "--learning-rate", "1e-30")
	if n := o["epochs"].(float64); n >= 50 || !strings.Contains(o["stopped"].(string), "early stopping") {
		t.Errorf("got %v epochs, stopped %q, want early stopping", n, o["stopped"])
	}
}

// An architecture that was never compiled gets the loss that its last layer suggests, or says that it needs one.
func TestTrainArchitecture(t *testing.T) {
	inTemp(t)
	blobs(t, "blobs.npz")
	architecture := func(units, activation string) {
		writeText(t, "a.json", `{"class_name": "Sequential", "config": {"layers": [{"class_name": "Dense", "config": {"units": `+units+
			`, "activation": "`+activation+`"}}]}}`)
	}
	architecture("3", "softmax")
	o := okJSON(t, "train", "a.json", "--data", "blobs.npz", "--out", "")
	if notes := o["notes"].([]any); len(notes) != 1 || !strings.Contains(notes[0].(string), "the loss is sparse_categorical_crossentropy") {
		t.Errorf("got notes %v, want one about the loss", notes)
	}
	architecture("1", "linear")
	fails(t, exitUsage, "ErrUsage", []string{"a.json", "nothing says what its loss is", "--loss"}, "train", "a.json", "--data", "blobs.npz")
	o = okJSON(t, "train", "a.json", "--data", "blobs.npz", "--out", "", "--loss", "mse", "--metrics", "")
	if history := o["history"].(map[string]any); len(history) != 1 {
		t.Errorf("got history %v, want the loss alone", history)
	}
}

// Numbers that are no classes make a regression.
func TestTrainRegression(t *testing.T) {
	inTemp(t)
	var b strings.Builder
	b.WriteString("a,b,price\n")
	for i := range 40 {
		b.WriteString(strings.Join([]string{number(float64(i)), number(float64(i % 7)), number(0.5*float64(i) - float64(i%7) + 0.25)}, ",") + "\n")
	}
	writeText(t, "houses.csv", b.String())
	o := okJSON(t, "train", "--data", "houses.csv", "--hidden", "", "--epochs", "300", "--learning-rate", "0.01", "--validation-split", "0")
	h := o["history"].(map[string]any)["loss"].([]any)
	if last := h[len(h)-1].(float64); last > 0.1*h[0].(float64) || o["parameters"] != 3.0 {
		t.Errorf("got losses %v to %v with %v parameters", h[0], last, o["parameters"])
	}
}

// Ctrl-C ends training after the step and saves.
func TestTrainInterrupted(t *testing.T) {
	inTemp(t)
	blobs(t, "blobs.npz")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	code, _, stderr := gkIn(ctx, small...)
	if want := "gk: epoch 1, batch 1 of 27: interrupted (the model as it was then is saved as model.h5)\n"; code != exitInterrupted || stderr != want {
		t.Errorf("got exit code %d and %q, want %d and %q", code, stderr, exitInterrupted, want)
	}
	if o := okJSON(t, "load", "model.h5"); o["optimizer"].(map[string]any)["iterations"] != 1.0 {
		t.Errorf("got %v, want a model after one step", o["optimizer"])
	}
	code, out, stderr := gkIn(ctx, with(small, "--json")...)
	if code != exitInterrupted || !strings.Contains(out, `"saved":"model-2.h5"`) || !strings.Contains(stderr, `"kind":"ErrInterrupted"`) {
		t.Errorf("got exit code %d, %q and %q", code, out, stderr)
	}
}

func TestTrainBadInput(t *testing.T) {
	inTemp(t)
	blobs(t, "blobs.npz")
	layers := func(file, list string) string {
		writeText(t, file, `{"class_name": "Sequential", "config": {"layers": [`+list+`]}}`)
		return file
	}
	y := tensor.From([]int32{0, 1, 7, 2})
	write(t, "labels.npz", []string{"x", "y"}, tensor.New(tensor.Float32, 4, 4), y)
	write(t, "empty.npz", []string{"x", "y"}, tensor.New(tensor.Float32, 0, 4), tensor.New(tensor.Int32, 0))
	writeText(t, "header.csv", "a,b,c\n")
	writeText(t, "blobs.json", blobsExperiment)
	writeText(t, "wrong.json", strings.Replace(blobsExperiment, `"epochs"`, `"epoch"`, 1))
	writeText(t, "broken.json", blobsExperiment[:200])
	ok(t, with(small, "--epochs", "1", "--out", "good.h5")...)
	good, err := os.ReadFile("good.h5")
	if err != nil {
		t.Fatal(err)
	}
	writeText(t, "short.h5", string(good[:len(good)/2]))
	ok(t, "save", "good.h5", "--weights-only", "weights.h5")
	layers("two.json", `{"class_name": "Dense", "config": {"units": 8, "input_shape": [4]}}, {"class_name": "Dense", "config": {"units": 3}}, {"class_name": "Dense", "config": {"units": 3}}`)
	cases := []struct {
		code  int
		kind  string
		wants []string
		args  []string
	}{
		{exitFailure, "ErrUnknownLayer", []string{"unknown.json", `layer "d" (Dens)`, `did you mean "Dense"?`},
			[]string{layers("unknown.json", `{"class_name": "Dens", "config": {"units": 3, "name": "d"}}`), "--data", "blobs.npz"}},
		{exitFailure, "ErrLayerConfig", []string{"negative.json", `layer "dense" (Dense): units: got -3, want > 0`},
			[]string{layers("negative.json", `{"class_name": "Dense", "config": {"units": -3}}`), "--data", "blobs.npz"}},
		{exitFailure, "ErrShapeMismatch", []string{"blobs.npz", `input "`, "got samples of shape (4,)", "(5,)"},
			[]string{layers("shape.json", `{"class_name": "Dense", "config": {"units": 3, "activation": "softmax", "input_shape": [5]}}`), "--data", "blobs.npz"}},
		{exitFailure, "ErrData", []string{"labels.npz", "training data", "label 2", "got 7", "0 to 2", "3 classes"},
			[]string{"blobs.json", "--data", "labels.npz"}},
		{exitFailure, "ErrData", []string{"empty.npz", "got no data", "want at least one sample"}, []string{"blobs.json", "--data", "empty.npz"}},
		{exitFailure, "ErrData", []string{"header.csv", "no samples"}, []string{"--data", "header.csv"}},
		{exitFailure, "ErrNaN", []string{"epoch 1, batch ", "loss", "learning rate", "x.h5 is not written"},
			[]string{layers("linear.json", `{"class_name": "Dense", "config": {"units": 3}}`), "--data", "blobs.npz", "--out", "x.h5",
				"--loss", "mean_squared_error", "--optimizer", "SGD:learning_rate=1e30"}},
		{exitFailure, "ErrTruncated", []string{"short.h5"}, []string{"short.h5", "--data", "blobs.npz"}},
		{exitFailure, "ErrMissingWeights", []string{"weights.h5"}, []string{"weights.h5", "--config", "two.json", "--data", "blobs.npz"}},
		{exitFailure, "ErrLayerConfig", []string{"wrong.json", "fit: epoch: unknown key", `did you mean "epochs"?`}, []string{"wrong.json"}},
		{exitFailure, "ErrConfigJSON", []string{"broken.json", "byte 199"}, []string{"broken.json"}},
		{exitFailure, "ErrNotFound", []string{"none.json: no such file"}, []string{"none.json"}},
		{exitFailure, "ErrNotFound", []string{`minst: no such file or folder`, `did you mean "mnist"?`}, []string{"--data", "minst"}},
		{exitFailure, "ErrIO", []string{"none/x.h5", "no such file or directory"}, []string{"blobs.json", "--out", "none/x.h5"}},
		{exitUsage, "ErrUsage", []string{"x.txt", "want .h5"}, []string{"blobs.json", "--out", "x.txt"}},
		{exitUsage, "ErrUsage", []string{"--plot", "want .png"}, []string{"blobs.json", "--plot", "x.txt"}},
		{exitUsage, "ErrUsage", []string{"--epochs: got 0, want > 0"}, []string{"blobs.json", "--epochs", "0"}},
		{exitUsage, "ErrUsage", []string{"--scale", `got "x"`}, []string{"blobs.json", "--scale", "x"}},
		{exitUsage, "ErrUsage", []string{"--hidden", "without MODEL"}, []string{"blobs.json", "--hidden", "3"}},
		{exitUsage, "ErrUsage", []string{"--hidden", `got "x"`}, []string{"--data", "blobs.npz", "--hidden", "3,x"}},
		{exitUsage, "ErrUsage", []string{"--class-weight", `got "1=2"`}, []string{"blobs.json", "--class-weight", "1=2"}},
		{exitFailure, "ErrLayerConfig", []string{"callbacks[1]", `unknown callback "EarlyStoping"`, `did you mean "EarlyStopping"?`},
			[]string{"blobs.json", "--callback", "EarlyStoping:patience=2"}},
	}
	before := files(t)
	for _, c := range cases {
		fails(t, c.code, c.kind, c.wants, append([]string{"train"}, c.args...)...)
	}
	if got := files(t); got != before {
		t.Errorf("got files %q, want those before: %q", got, before)
	}
}

// Where the target cannot be written after all, what was learned is kept somewhere else.
func TestTrainSaveElsewhere(t *testing.T) {
	inTemp(t)
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	blobs(t, "blobs.npz")
	ok(t, with(small, "--epochs", "1")...)
	e := &env{out: &printer{w: &strings.Builder{}}}
	m, err := model.Load("model.h5", model.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	run := &training{env: e, x: &experiment{model: m}, out: "gone/model.h5"}
	err = run.save()
	if err == nil || !strings.Contains(err.Error(), "gone/model.h5: ") || !strings.Contains(err.Error(), "the trained model is in "+run.saved) {
		t.Errorf("got %v, want an error that says where the model is", err)
	}
	if !strings.HasPrefix(run.saved, tmp) {
		t.Errorf("got %q, want a file in %q", run.saved, tmp)
	}
	if _, err := model.Load(run.saved, model.LoadOptions{}); err != nil {
		t.Error(err)
	}
}

func TestClassesOf(t *testing.T) {
	of := func(y *tensor.Tensor, classes ...string) int {
		return classesOf(&dataset.Dataset{Y: []*tensor.Tensor{y}, Classes: classes})
	}
	for _, c := range []struct {
		name string
		got  int
		want int
	}{
		{"bytes", of(tensor.From([]uint8{0, 9, 3})), 10},
		{"a column of bytes", of(tensor.From([]uint8{0, 9, 3}, 3, 1)), 10},
		{"names", of(tensor.From([]float32{0, 1}), "cat", "dog", "owl"), 3},
		{"whole floats, every one of them", of(tensor.From([]float32{0, 1, 2, 1})), 3},
		{"whole floats with gaps", of(tensor.From([]float32{0, 1, 250, 1})), 0},
		{"fractions", of(tensor.From([]float32{0, 1, 0.5})), 0},
		{"negative", of(tensor.From([]int32{0, 1, -1})), 0},
		{"one-hot", of(tensor.From([]float32{0, 1, 0, 1, 0, 0}, 2, 3)), 3},
		{"two of three", of(tensor.From([]float32{0, 1, 1, 1, 0, 0}, 2, 3)), 0},
		{"numbers", of(tensor.From([]float32{0, 1, 0.5, 1, 0, 0}, 2, 3)), 0},
		{"large integers", of(tensor.From([]int32{0, 150000, 99})), 0},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %d classes, want %d", c.name, c.got, c.want)
		}
	}
}

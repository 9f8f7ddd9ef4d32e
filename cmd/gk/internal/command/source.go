package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/dataset"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/hdf5io"
	"github.com/gokeras/gk/registry"
)

// This file owns how models and data come from files and flags.

// modelFlags are those of all verbs that open a model.
func modelFlags() []cli.Flag { return append(fileFlags(), pluginFlags()...) }

// fileFlags say how the file of a model is read.
func fileFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "config", Usage: "the architecture for a file of weights alone: Keras JSON, or a model, in `FILE`"},
		&cli.StringFlag{Name: "keras-version", Usage: "read the file as one of this `VERSION` of Keras, whatever it says"},
		&cli.StringFlag{Name: "backend", Usage: "read the file as one of this `BACKEND`: theano flips the kernels of convolutions"},
		&cli.BoolFlag{Name: "by-name", Usage: "give weights to the layers of the same name, not in order; what has no counterpart stays new"},
		&cli.BoolFlag{Name: "skip-mismatch", Usage: "leave out weights that do not fit, and say which, instead of failing"},
	}
}

// allowMissingFlag is that of verbs which can do without what a layer computes.
func allowMissingFlag() cli.Flag {
	return &cli.BoolFlag{Name: "allow-missing", Usage: "open the file though no plugin provides some of its layers: they keep their settings and weights, and cannot run"}
}

// backends are the values of --backend.
var backends = []string{"tensorflow", "theano", "cntk", "jax", "torch", "mxnet", "numpy", "openvino"}

var versionNumber = regexp.MustCompile(`^[0-9]+(\.[0-9A-Za-z]+)*(-[0-9A-Za-z]+)?$`)

// modelOptions reads modelFlags.
func (e *env) modelOptions(c *cli.Context) (hdf5io.Options, error) {
	o := hdf5io.Options{ByName: c.Bool("by-name"), SkipMismatch: c.Bool("skip-mismatch"), Untrusted: c.Bool("untrusted")}
	o.KerasVersion, o.Backend, o.AllowMissing = c.String("keras-version"), c.String("backend"), c.Bool("allow-missing")
	if o.KerasVersion != "" && !versionNumber.MatchString(o.KerasVersion) {
		return o, usage("--keras-version", "got %q, want a version such as 2.3.1", o.KerasVersion)
	}
	if o.Backend != "" && !slices.Contains(backends, o.Backend) {
		x := usage("--backend", "got %q, want one of %s", o.Backend, strings.Join(backends, ", "))
		x.Hint = registry.DidYouMean(o.Backend, backends)
		return o, x
	}
	var err error
	if len(c.StringSlice("plugin")) > 0 {
		if o.Registry, err = e.registry(c); err != nil {
			return o, err
		}
	}
	if path := c.String("config"); path != "" {
		if o.Config, err = readArchitecture(path, c.Bool("untrusted")); err != nil {
			return o, err
		}
	}
	return o, nil
}

// readArchitecture is the text of a file of an architecture, or what a model holds of it.
func readArchitecture(path string, untrusted bool) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, asError(err)
	}
	if !bytes.HasPrefix(text, []byte("\x89HDF")) && !bytes.HasPrefix(text, []byte("PK")) {
		return text, nil
	}
	v, _, err := hdf5io.Config(path, hdf5io.Options{Untrusted: untrusted})
	if err != nil {
		return nil, err
	}
	if v == nil {
		return nil, &core.Error{Kind: core.ErrNoConfig, File: path, Where: "--config", Msg: "holds weights and no architecture"}
	}
	return core.FormatJSON(v)
}

// openModel opens a model file as modelFlags say.
func (e *env) openModel(c *cli.Context, path string, compile bool) (*hdf5io.Result, error) {
	o, err := e.modelOptions(c)
	if err != nil {
		return nil, err
	}
	o.NoCompile = !compile
	return e.load(c, path, o)
}

// load opens a file. What is installed is only looked at if the file holds something that is not Keras' own.
func (e *env) load(c *cli.Context, path string, o hdf5io.Options) (*hdf5io.Result, error) {
	r, err := hdf5io.Load(path, o)
	if o.Registry != nil || !registry.IsMissing(err) && (r == nil || len(r.Custom) == 0) {
		return r, err
	}
	known, failed := e.registry(c)
	if failed != nil {
		return r, failed
	}
	if len(e.plugins.Plugins()) == 0 {
		return r, err
	}
	o.Registry = known
	return hdf5io.Load(path, o)
}

// shownSkips is how many of the weights that were left out are listed by verbs that have something else to show.
const shownSkips = 8

// warn says what could not be restored of a file, and which weights were left out.
func (e *env) warn(r *hdf5io.Result) {
	for _, n := range notesOf(r) {
		e.note("%s", n)
	}
}

func notesOf(r *hdf5io.Result) []string {
	notes := append([]string{}, r.Warnings...)
	for i, s := range r.Skipped {
		if i == shownSkips {
			notes = append(notes, fmt.Sprintf("left out: %d more, which gk load lists", len(r.Skipped)-i))
			break
		}
		notes = append(notes, "left out: "+s)
	}
	return notes
}

// dataFlags are those of verbs that read data with targets.
func dataFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "data", Usage: strings.Join(dataset.Names(), ", ") + ", or a .npz, .npy, CSV or IDX file, or a folder of images by class",
			DefaultText: "mnist where it is on this machine, else digits"},
		&cli.StringFlag{Name: "labels", Usage: "the targets, in another `FILE`, for .npy and IDX data"},
		&cli.StringFlag{Name: "label-column", Usage: "the `COLUMN` of a CSV that holds the labels: its name, or its number from 1", DefaultText: "the last"},
		scaleFlag(),
		&cli.IntFlag{Name: "limit", Usage: "take the first `N` samples of each part alone", DefaultText: "all"},
	}
}

func scaleFlag() cli.Flag {
	return &cli.StringFlag{Name: "scale", Value: "auto", Usage: "multiply inputs by `FACTOR`, such as 1/255; auto does that to images of bytes"}
}

// data is samples, ready for a model.
type data struct {
	*dataset.Split
	scale float64
	notes []string // what was done to them
}

// readData reads what --data names, or the default, for a model, which may be nil or not know its input.
func (e *env) readData(c *cli.Context, source string, m *model.Model) (*data, error) {
	if limit := c.Int("limit"); limit < 0 {
		return nil, usage("--limit", "got %d, want a number of samples", limit)
	}
	o := dataset.Options{LabelFile: c.String("labels"), LabelColumn: c.String("label-column")}
	if m != nil && m.Built() {
		o.Inputs, o.Outputs = m.InputNames(), m.OutputNames()
		o.Size, o.Channels = imageSize(m.Inputs()[0].Shape())
	}
	bar := e.download("mnist")
	given := source
	o.Download.Progress = bar.update
	var split *dataset.Split
	var err error
	if source == "" {
		split, source, err = dataset.Default(c.Context, o)
	} else {
		split, err = dataset.Load(c.Context, source, o)
	}
	bar.close()
	if err != nil {
		return nil, dataError(source, err)
	}
	d := &data{Split: split.Limit(c.Int("limit"))}
	if given == "" && source != "mnist" {
		d.notes = append(d.notes, "MNIST is not on this machine, so these are digits drawn from fonts (--data mnist downloads MNIST)")
	}
	if err := d.Validate(); err != nil {
		return nil, dataError(source, err)
	}
	for _, part := range []*dataset.Dataset{d.Train, d.Test} {
		if part != nil && m != nil && m.Built() {
			channelsFirst(part.X, m)
		}
	}
	if d.scale, err = scaleOf(c.String("scale"), d.Train.X, m); err != nil {
		return nil, err
	}
	if d.scale != 1 && c.String("scale") == "auto" {
		d.notes = append(d.notes, "bytes of images are scaled by 1/255 to 0..1")
	}
	return d, nil
}

// dataError is an error about a data set or file.
func dataError(source string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	var known *core.Error
	if errors.As(err, &known) {
		return core.InFile(source, err)
	}
	text := strings.TrimPrefix(strings.TrimPrefix(err.Error(), fmt.Sprintf("data %q: ", source)), source+": ")
	x := &core.Error{Kind: core.ErrData, File: source, Msg: text}
	var path *fs.PathError
	if errors.As(err, &path) {
		x.Kind, x.Msg = core.ErrIO, path.Err.Error()
		if path.Path != source {
			x.Where = path.Path
		}
	}
	if _, e := os.Stat(source); errors.Is(e, fs.ErrNotExist) && !slices.Contains(dataset.Names(), source) {
		x.Kind, x.Msg = core.ErrNotFound, "no such file or folder, nor a data set of that name"
		if x.Hint = registry.DidYouMean(source, dataset.Names()); x.Hint == "" {
			x.Hint = "named sets: " + strings.Join(dataset.Names(), ", ")
		}
	}
	return x
}

// imageSize is height, width and channels of the images that an input takes; zeros where images keep what they have. A flat input
// takes square images.
func imageSize(s tensor.Shape) (size [2]int, channels int) {
	known := func(h, w, c int) ([2]int, int) {
		if h < 0 || w < 0 {
			return [2]int{}, c
		}
		return [2]int{h, w}, c
	}
	switch {
	case len(s) == 4 && (s[3] == 1 || s[3] == 3):
		return known(s[1], s[2], s[3])
	case len(s) == 4 && (s[1] == 1 || s[1] == 3 || s[1] == 4 && s[3] != 4):
		return known(s[2], s[3], s[1])
	case len(s) == 4 && s[3] == 4:
		return known(s[1], s[2], s[3])
	case len(s) == 3:
		return known(s[1], s[2], 1)
	case len(s) == 2:
		for _, c := range []int{1, 3} {
			if side := int(math.Sqrt(float64(s[1] / c))); side > 1 && side*side*c == s[1] {
				return [2]int{side, side}, c
			}
		}
	}
	return [2]int{}, 0
}

// channelsFirst turns images of bytes, which have their channels last, for inputs that want them first.
func channelsFirst(x []*tensor.Tensor, m *model.Model) {
	for i, t := range x {
		if i >= len(m.Inputs()) || t.DType() != tensor.Uint8 || t.Shape().Rank() != 4 {
			continue
		}
		got, want := t.Shape(), m.Inputs()[i].Shape()
		if len(want) != 4 || got[3] != want[1] || got[3] == want[3] || got[3] == 1 {
			continue
		}
		n, h, w, c := got[0], got[1], got[2], got[3]
		from, to := tensor.Data[uint8](t), make([]uint8, t.Size())
		for k := range n {
			for p := range h * w {
				for ch := range c {
					to[(k*c+ch)*h*w+p] = from[(k*h*w+p)*c+ch]
				}
			}
		}
		x[i] = tensor.From(to, n, c, h, w)
	}
}

// scaleOf reads --scale. A model that rescales its input itself gets it as it is.
func scaleOf(flag string, x []*tensor.Tensor, m *model.Model) (float64, error) {
	if flag == "auto" {
		if m != nil && slices.ContainsFunc(m.Layers(), func(l core.Layer) bool { return l.Common().Class() == "Rescaling" }) {
			return 1, nil
		}
		return dataset.AutoScale(x[0]), nil
	}
	numerator, denominator, isFraction := strings.Cut(flag, "/")
	scale, err := strconv.ParseFloat(numerator, 64)
	if err == nil && isFraction {
		var d float64
		if d, err = strconv.ParseFloat(denominator, 64); err == nil {
			scale /= d
		}
	}
	if err != nil || scale == 0 || math.IsNaN(scale) || math.IsInf(scale, 0) {
		return 0, usage("--scale", "got %q, want auto or a factor such as 1/255", flag)
	}
	return scale, nil
}

// fitTargets gives the targets the form that the losses of a compiled and built model want: class numbers, checked, for sparse
// losses, and one-hot rows where an output has several units.
func (d *data) fitTargets(m *model.Model, losses []string) error {
	for name, part := range map[string]*dataset.Dataset{"training": d.Train, "test": d.Test} {
		if part == nil {
			continue
		}
		target := 0
		for i, loss := range losses {
			if loss == "" {
				continue
			}
			if target >= len(part.Y) {
				break // the model says how many it wants
			}
			y, err := fitTarget(part.Y[target], m.Outputs()[i].Shape(), loss)
			if err != nil {
				var known *core.Error
				if errors.As(err, &known) {
					known.File, known.Where = d.Name, name+" data, "+known.Where
					known.Hint = strings.ReplaceAll(known.Hint, "OUTPUT", fmt.Sprintf("output %q", m.OutputNames()[i]))
				}
				return err
			}
			if y != part.Y[target] && name == "training" {
				d.notes = append(d.notes, fmt.Sprintf("labels are made one-hot for %s", loss))
			}
			part.Y = slices.Clone(part.Y)
			part.Y[target] = y
			target++
		}
	}
	return nil
}

func fitTarget(y *tensor.Tensor, output tensor.Shape, loss string) (*tensor.Tensor, error) {
	classes := output.Dim(-1)
	sparse := strings.HasPrefix(loss, "sparse_")
	numbers := len(y.Shape()) == len(output)-1 || len(y.Shape()) == len(output) && y.Shape().Dim(-1) == 1
	if !numbers || classes == tensor.Unknown {
		return y, nil
	}
	if classes == 1 {
		if loss == "binary_crossentropy" || loss == "binary_focal_crossentropy" {
			return y, checkLabels(y, 1, false)
		}
		return y, nil
	}
	if err := checkLabels(y, classes-1, true); err != nil {
		return nil, err
	}
	if sparse {
		return y, nil
	}
	return dataset.ToCategorical(y, classes)
}

// checkLabels reports the first label that is not in 0..top.
func checkLabels(y *tensor.Tensor, top int, whole bool) error {
	for i, v := range y.Float64s() {
		if v >= 0 && v <= float64(top) && (!whole || v == math.Trunc(v)) {
			continue
		}
		kind := "a number"
		if whole {
			kind = "a whole number"
		}
		x := core.Errorf(core.ErrData, fmt.Sprintf("label %d", i), "got %v, want %s from 0 to %d", v, kind, top)
		x.Hint = fmt.Sprintf("OUTPUT has %d classes", top+1)
		return x
	}
	return nil
}

// lossNames are the losses of a model's outputs in snake case, "" where an output has none.
func lossNames(m *model.Model) []string {
	names := make([]string, len(m.Outputs()))
	o, _ := m.CompileOptions()
	at := func(i int, v any) {
		switch v := v.(type) {
		case nil:
		case string:
			names[i] = registry.SnakeCase(v)
			if e := m.Registry().Losses.Lookup(v); e != nil {
				names[i] = registry.SnakeCase(e.Name)
			}
		case map[string]any:
			if class, ok := v["class_name"].(string); ok {
				names[i] = registry.SnakeCase(class)
			}
		case core.Loss:
			names[i] = registry.SnakeCase(m.Registry().Losses.NameOf(v))
		}
	}
	switch v := o.Loss.(type) {
	case []any:
		for i := range min(len(names), len(v)) {
			at(i, v[i])
		}
	case map[string]any:
		if v["class_name"] == nil {
			for i, n := range m.OutputNames() {
				at(i, v[n])
			}
			return names
		}
		for i := range names {
			at(i, v)
		}
	default:
		for i := range names {
			at(i, v)
		}
	}
	return names
}

// accuracyOf finds the share of right answers among logs.
func accuracyOf(logs core.Logs) (float64, bool) {
	for i, n := range logs.Names {
		if n == "acc" || n == "accuracy" || strings.HasSuffix(n, "_accuracy") && !strings.Contains(n, "top_k") {
			return logs.Values[i], true
		}
	}
	return 0, false
}

// number writes a metric for people.
func number(v float64) string {
	if math.Abs(v) >= 1e-3 && math.Abs(v) < 1e5 || v == 0 {
		return strconv.FormatFloat(v, 'f', 4, 64)
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}

// logsJSON is logs as a JSON object. JSON has no NaN and no infinity: they are null.
func logsJSON(l core.Logs) map[string]any {
	o := map[string]any{}
	for i, n := range l.Names {
		o[n] = jsonNumber(l.Values[i])
	}
	return o
}

func jsonNumber(v float64) any {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return v
}

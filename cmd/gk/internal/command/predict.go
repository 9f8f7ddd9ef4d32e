package command

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/dataset"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns gk predict.

func (e *env) predictCommand() *cli.Command {
	return &cli.Command{
		Name:      "predict",
		Usage:     "show or write what a model makes of data",
		ArgsUsage: "MODEL INPUT...",
		Description: `INPUT is a .npy, a .npz (arrays by the names of the inputs, else in their order), a CSV, an IDX file, an image, a folder of images, or
a data set by name, of which the test part is taken. Several inputs of a model come in one .npz or one file each; several files for one
input are samples in a row.

gk predict model.h5 digit.png
gk predict model.h5 images.npy --out predictions.npz     arrays out_0, out_1, ...
gk predict model.keras houses.csv --out prices.csv
gk predict model.h5 mnist --limit 5 --json`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "out", Usage: "write to `FILE`: .npz (out_0, out_1, ... for the outputs), .npy or .csv"},
			&cli.IntFlag{Name: "batch-size", Value: 128, Usage: "samples at a time"},
			&cli.IntFlag{Name: "limit", Usage: "take the first `N` samples alone", DefaultText: "all"},
			scaleFlag(),
		}, modelFlags()...),
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 2, math.MaxInt); err != nil {
				return err
			}
			if n := c.Int("batch-size"); n < 1 {
				return usage("--batch-size", "got %d, want > 0", n)
			}
			if n := c.Int("limit"); n < 0 {
				return usage("--limit", "got %d, want a number of samples", n)
			}
			return e.predict(c)
		},
	}
}

func (e *env) predict(c *cli.Context) error {
	out := c.String("out")
	if err := checkArrays(out); err != nil {
		return err
	}
	r, err := e.openModel(c, c.Args().First(), false)
	if err != nil {
		return err
	}
	e.warn(r)
	m := r.Model
	d, err := e.readInputs(c, m, c.Args().Tail())
	if err != nil {
		return err
	}
	if n := c.Int("limit"); n > 0 && n < d.Len() {
		d = d.Slice(0, n)
	}
	scale, err := scaleOf(c.String("scale"), d.X, m)
	if err != nil {
		return err
	}
	run := model.Run{BatchSize: min(c.Int("batch-size"), d.Len()), Scale: scale, Progress: e.counter("predicting")}
	ys, err := m.Predict(c.Context, d.X, run)
	if err != nil {
		return core.InFile(strings.Join(c.Args().Tail(), ", "), err)
	}
	if out != "" {
		if err := dataset.Write(out, nil, ys); err != nil {
			x := *asError(err)
			x.File = out
			return &x
		}
	}
	if e.json {
		o := predictionJSON(m, ys, d.Len(), scale, out)
		o["notes"] = notesOf(r)
		return e.result(o)
	}
	if scale != 1 {
		e.note("inputs are multiplied by %.4g", scale)
	}
	if out != "" {
		e.say("%s: %s samples, %s", out, model.Thousands(d.Len()), shapesOf(ys))
		return nil
	}
	for i, y := range ys {
		if len(ys) > 1 {
			e.say("output %q %v", m.OutputNames()[i], y.Shape())
		}
		e.showPredictions(y, d)
	}
	return nil
}

func checkArrays(path string) error {
	ending := strings.ToLower(filepath.Ext(path))
	if path == "" || slices.Contains([]string{".npz", ".npy", ".csv"}, ending) {
		return nil
	}
	return &core.Error{Kind: core.ErrUsage, File: path, Where: "--out", Msg: "no form of data has this ending, want .npz, .npy or .csv"}
}

// readInputs reads the files of a prediction: one for all inputs, one for each, or several of one input, whose samples follow each
// other.
func (e *env) readInputs(c *cli.Context, m *model.Model, paths []string) (*dataset.Dataset, error) {
	o := dataset.Options{NoLabels: true}
	inputs := len(m.Inputs())
	if inputs > 1 && len(paths) == 1 {
		if d := archive(paths[0], m.InputNames()); d != nil {
			return d, nil
		}
	}
	var all []*dataset.Dataset
	for i, path := range paths {
		if m.Built() {
			o.Inputs = m.InputNames()
			at := 0
			if len(paths) == inputs {
				at = i
			}
			o.Size, o.Channels = imageSize(m.Inputs()[at].Shape())
			if len(paths) == inputs && inputs > 1 {
				o.Inputs = o.Inputs[i : i+1]
			}
		}
		bar := e.download(path)
		o.Download.Progress = bar.update
		s, err := dataset.Load(c.Context, path, o)
		bar.close()
		if err != nil {
			return nil, dataError(path, err)
		}
		d := s.Train
		if s.Test != nil {
			d = s.Test
		}
		all = append(all, d)
	}
	whole := all[0]
	for i, d := range all[1:] {
		if inputs > 1 {
			whole.X = append(whole.X, d.X...)
			continue
		}
		if err := follow(whole, d, paths[0], paths[i+1]); err != nil {
			return nil, err
		}
	}
	if m.Built() {
		channelsFirst(whole.X, m)
	}
	return whole, nil
}

// archive is the arrays of a .npz for the inputs of these names: by name where all names are there, else in their order where there
// are as many as inputs; nil where neither is so, or the file is another.
func archive(path string, inputs []string) *dataset.Dataset {
	names, arrays, err := dataset.ReadArrays(path)
	if err != nil {
		return nil // dataset.Load says what is wrong with it
	}
	d := &dataset.Dataset{XNames: inputs}
	for _, n := range inputs {
		if i := slices.Index(names, n); i >= 0 {
			d.X = append(d.X, arrays[i])
		}
	}
	switch {
	case len(d.X) == len(inputs):
		return d
	case len(arrays) == len(inputs):
		d.X, d.XNames = arrays, names
		return d
	}
	return nil
}

// follow appends the samples of d.
func follow(whole, d *dataset.Dataset, first, path string) error {
	a, b := whole.X[0], d.X[0]
	if len(whole.X) != 1 || len(d.X) != 1 || a.DType() != b.DType() || !a.Shape()[1:].Equal(b.Shape()[1:]) {
		return &core.Error{Kind: core.ErrShapeMismatch, File: path,
			Msg: fmt.Sprintf("got samples %s %v, want %s %v as in %s", b.DType(), b.Shape()[1:], a.DType(), a.Shape()[1:], first)}
	}
	shape := a.Shape().With(0, a.Shape()[0]+b.Shape()[0])
	if a.DType() == tensor.Uint8 {
		whole.X[0] = tensor.From(append(slices.Clone(tensor.Data[uint8](a)), tensor.Data[uint8](b)...), shape...)
	} else {
		whole.X[0] = tensor.From(append(slices.Clone(a.Float32s()), b.Float32s()...), shape...)
	}
	whole.Files = append(slices.Clip(whole.Files), d.Files...)
	return nil
}

func shapesOf(ys []*tensor.Tensor) string {
	var parts []string
	for i, y := range ys {
		parts = append(parts, fmt.Sprintf("out_%d %v", i, y.Shape()))
	}
	return strings.Join(parts, ", ")
}

// shown is how many samples a table has.
const shown = 10

// showPredictions writes a table: classes by probability where the rows are probabilities, else numbers.
func (e *env) showPredictions(y *tensor.Tensor, d *dataset.Dataset) {
	n := y.Shape()[0]
	width := y.Size() / max(n, 1)
	values := y.Float32s()
	t := e.table()
	label := func(i int) any {
		if i < len(d.Files) {
			return filepath.Base(d.Files[i])
		}
		return i
	}
	classes := y.Shape().Rank() == 2 && width > 1 && probabilities(values, width)
	if classes {
		t.AppendHeader(table.Row{"sample", "class", "probability", "next"})
	} else {
		t.AppendHeader(table.Row{"sample", "output"})
	}
	for i := range min(n, shown) {
		row := values[i*width : (i+1)*width]
		if !classes {
			t.AppendRow(table.Row{label(i), numbersLine(row)})
			continue
		}
		order := make([]int, width)
		for k := range order {
			order[k] = k
		}
		sort.SliceStable(order, func(a, b int) bool { return row[order[a]] > row[order[b]] })
		next := ""
		for _, k := range order[1:min(3, width)] {
			next += fmt.Sprintf("%d: %.4f  ", k, row[k])
		}
		t.AppendRow(table.Row{label(i), order[0], fmt.Sprintf("%.4f", row[order[0]]), strings.TrimSpace(next)})
	}
	e.say("%s", t.Render())
	if n > shown {
		e.say("... and %s more (--out FILE writes all)", model.Thousands(n-shown))
	}
}

// probabilities reports whether every row is between 0 and 1 and sums to 1.
func probabilities(values []float32, width int) bool {
	for i := 0; i+width <= len(values); i += width {
		sum := 0.0
		for _, v := range values[i : i+width] {
			if !(v >= 0 && v <= 1) {
				return false
			}
			sum += float64(v)
		}
		if math.Abs(sum-1) > 1e-3 {
			return false
		}
	}
	return true
}

func numbersLine(row []float32) string {
	const most = 8
	var parts []string
	for _, v := range row[:min(most, len(row))] {
		parts = append(parts, number(float64(v)))
	}
	if len(row) > most {
		parts = append(parts, fmt.Sprintf("... (%d numbers)", len(row)))
	}
	return strings.Join(parts, " ")
}

func predictionJSON(m *model.Model, ys []*tensor.Tensor, samples int, scale float64, out string) map[string]any {
	o := map[string]any{"samples": samples, "scale": scale}
	if out != "" {
		o["out"] = out
	}
	list := []any{}
	for i, y := range ys {
		item := map[string]any{"name": m.OutputNames()[i], "shape": y.Shape()}
		if out == "" {
			values, _ := nested(y.Float32s(), y.Shape())
			item["values"] = values
		}
		list = append(list, item)
	}
	o["outputs"] = list
	return o
}

// nested is an array as lists in lists.
func nested(values []float32, shape tensor.Shape) (any, []float32) {
	if len(shape) == 0 {
		return jsonNumber(float64(values[0])), values[1:]
	}
	list := make([]any, shape[0])
	for i := range list {
		list[i], values = nested(values, shape[1:])
	}
	return list, values
}

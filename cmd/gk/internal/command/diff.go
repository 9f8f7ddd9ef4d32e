package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/hdf5io"
)

// This file owns gk diff.

// exitDifferent is the exit code of gk diff for models that differ: 1 is for failures, as everywhere.
const exitDifferent = 3

// errDifferent ends gk diff where the models differ. All has been said then.
var errDifferent = errors.New("the models differ")

func (e *env) diffCommand() *cli.Command {
	return &cli.Command{
		Name:      "diff",
		Usage:     "compare two models: settings, weights, what they are compiled with, the state of the optimizer",
		ArgsUsage: "A B",
		Description: `A and B may be of different forms. Layers are matched by their names, those left over by class, in order. Settings are compared with
all of Keras' defaults in place, weights number by number; |a-b| is the difference, and relative to the larger of |a| and |b|. What one of
the forms cannot hold is not compared: a .json has no weights, a file of weights alone has no loss. Such a file takes the architecture
of the other model, unless --config names one.

gk diff before.h5 after.h5
gk diff model.h5 model.keras --json
gk diff model.h5 weights.h5 --tolerance 1e-6
gk diff a.h5 b.h5 --all && echo equal

The exit code is 0 if the models are equal, 3 if they differ, and otherwise:`,
		Flags: append(modelFlags(),
			&cli.Float64Flag{Name: "tolerance", Usage: "numbers of weights count as equal up to |a-b| <= `T` max(1, |a|, |b|)", DefaultText: "0: equal bit for bit"},
			&cli.BoolFlag{Name: "all", Usage: "list equal weights, too"},
			untrustedFlag(),
		),
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 2, 2); err != nil {
				return err
			}
			o := model.DiffOptions{Tolerance: c.Float64("tolerance")}
			if !(o.Tolerance >= 0) || math.IsInf(o.Tolerance, 0) {
				return usage("--tolerance", "got %v, want >= 0", o.Tolerance)
			}
			return e.diff(c, o)
		},
	}
}

func (e *env) diff(c *cli.Context, o model.DiffOptions) error {
	pathA, pathB := c.Args().Get(0), c.Args().Get(1)
	a, b, err := e.openBoth(c, pathA, pathB)
	if err != nil {
		return err
	}
	notes := []string{}
	for i, r := range []*hdf5io.Result{a, b} {
		path := c.Args().Get(i)
		if r.Format == ".json" && slices.ContainsFunc(r.Model.AllWeights(), func(w *core.Weight) bool { return !w.Ready() }) {
			o.NoWeights, o.NoState = true, true
			notes = append(notes, path+" has no weights, so weights and the state of the optimizer are not compared")
		}
		if r.WeightsOnly || r.Format == ".json" && !r.Model.Compiled() {
			o.NoTraining = true
			notes = append(notes, path+" does not say what it is compiled with, so that is not compared")
		}
		for _, n := range notesOf(r) {
			notes = append(notes, path+": "+n)
		}
	}
	d, err := model.Diff(a.Model, b.Model, o)
	if err != nil {
		return err
	}
	if e.json {
		err = e.result(diffJSON(pathA, pathB, a, b, d, o, notes))
	} else {
		for _, n := range notes {
			e.note("%s", n)
		}
		e.showDiff(pathA, pathB, d, c.Bool("all"), o)
	}
	if err == nil && !d.Equal() {
		err = errDifferent
	}
	return err
}

// openBoth opens both models. One of weights alone gets the architecture of the other.
func (e *env) openBoth(c *cli.Context, pathA, pathB string) (a, b *hdf5io.Result, err error) {
	a, errA := e.openModel(c, pathA, true)
	b, errB := e.openModel(c, pathB, true)
	alone := func(err error) bool { return errors.Is(err, core.ErrNoConfig) }
	switch {
	case alone(errA) && errB == nil:
		a, errA = e.openLike(c, pathA, b.Model)
	case alone(errB) && errA == nil:
		b, errB = e.openLike(c, pathB, a.Model)
	}
	if errA != nil {
		return nil, nil, errA
	}
	return a, b, errB
}

func (e *env) openLike(c *cli.Context, path string, m *model.Model) (*hdf5io.Result, error) {
	o, err := e.modelOptions(c)
	if err != nil {
		return nil, err
	}
	if o.Config, err = m.JSON(); err != nil {
		return nil, err
	}
	return e.load(c, path, o)
}

// showDiff draws what differs, and sums up.
func (e *env) showDiff(a, b string, d *model.Differences, all bool, o model.DiffOptions) {
	headerA, headerB := filepath.Base(a), filepath.Base(b)
	if headerA == headerB {
		headerA, headerB = a, b
	}
	settings := func(title string, list []model.SettingDifference) {
		if len(list) == 0 {
			return
		}
		t := e.table()
		t.AppendHeader(table.Row{title, headerA, headerB})
		for _, x := range list {
			// nothing is not the same as null
			va, vb := briefly(x.A), briefly(x.B)
			if x.Only == "b" {
				va = "-"
			}
			if x.Only == "a" {
				vb = "-"
			}
			t.AppendRow(table.Row{strings.TrimPrefix(strings.TrimSuffix(x.Layer+": "+x.Key, ": "), ": "), va, vb})
		}
		e.say("%s\n", t.Render())
	}
	settings("setting", d.Config)
	e.showPairs("weight", d.Weights, all)
	settings("training", d.Training)
	e.showPairs("state", d.State, all)
	t := e.table()
	count := func(name string, n int) {
		if n > 0 {
			t.AppendRow(table.Row{name, fmt.Sprintf("%d %s", n, plural(n, "difference"))})
		} else {
			t.AppendRow(table.Row{name, "equal"})
		}
	}
	count("settings", len(d.Config))
	if !o.NoWeights {
		t.AppendRow(table.Row{"weights", pairsText(d.Weights, o)})
	}
	if !o.NoTraining {
		count("training", len(d.Training))
		if len(d.State) > 0 {
			t.AppendRow(table.Row{"optimizer", pairsText(d.State, o)})
		}
	}
	e.say("%s", t.Render())
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// pairsText sums up pairs of weights: "4 of 6 are equal bit for bit, largest difference 0.01, relative 0.2".
func pairsText(pairs []model.WeightPair, o model.DiffOptions) string {
	exact, equal := 0, 0
	largest, relative := 0.0, 0.0
	for _, p := range pairs {
		if p.Exact && p.Equal {
			exact++
		}
		if p.Equal {
			equal++
		}
		largest, relative = max(largest, p.Largest), max(relative, p.Relative)
	}
	if len(pairs) == 0 {
		return "none"
	}
	s := fmt.Sprintf("all %d are equal bit for bit", exact)
	if exact < len(pairs) {
		s = fmt.Sprintf("%d of %d are equal bit for bit", exact, len(pairs))
		if o.Tolerance > 0 {
			s += fmt.Sprintf(", %d within %g", equal, o.Tolerance)
		}
	}
	if largest > 0 || math.IsNaN(largest) {
		s += fmt.Sprintf("; largest difference %.3g, relative %.3g", largest, relative)
	}
	return s
}

func (e *env) showPairs(title string, pairs []model.WeightPair, all bool) {
	t := e.table()
	t.AppendHeader(table.Row{title, "shape", "type", "largest", "relative", "numbers"})
	for _, p := range pairs {
		if p.Equal && !all {
			continue
		}
		row := table.Row{p.Layer + "/" + p.Name, p.ShapeA.String(), p.DTypeA, "", "", ""}
		switch {
		case p.Only == "a":
			row[3] = "only in the first"
		case p.Only == "b":
			row[1], row[2], row[3] = p.ShapeB.String(), p.DTypeB, "only in the second"
		case !p.ShapeA.Equal(p.ShapeB):
			row[1] = fmt.Sprintf("%v, %v", p.ShapeA, p.ShapeB)
		case p.Exact:
			row[3] = "equal"
		default:
			row[3], row[4] = fmt.Sprintf("%.3g", p.Largest), fmt.Sprintf("%.3g", p.Relative)
			row[5] = fmt.Sprintf("%s of %s", model.Thousands(p.Count), model.Thousands(p.ShapeA.Size()))
		}
		if p.Only == "" && p.DTypeA != p.DTypeB {
			row[2] = p.DTypeA + ", " + p.DTypeB
		}
		t.AppendRow(row)
	}
	if t.Length() > 0 {
		e.say("%s\n", t.Render())
	}
}

// briefly is a value of a config for a table.
func briefly(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	s := string(text)
	if o, ok := v.(map[string]any); ok && o["class_name"] != nil {
		config, _ := json.Marshal(o["config"])
		s = strings.TrimSuffix(fmt.Sprintf("%v %s", o["class_name"], config), " null")
	}
	if name, ok := v.(string); ok {
		s = name
	}
	if r := []rune(printable(s)); len(r) > shownText {
		return string(r[:shownText]) + "..."
	}
	return printable(s)
}

func diffJSON(pathA, pathB string, a, b *hdf5io.Result, d *model.Differences, o model.DiffOptions, notes []string) map[string]any {
	file := func(path string, r *hdf5io.Result) map[string]any {
		return map[string]any{"file": path, "format": r.Format, "keras_version": r.KerasVersion, "backend": r.Backend}
	}
	settings := func(list []model.SettingDifference) []model.SettingDifference {
		return append([]model.SettingDifference{}, list...)
	}
	pairs := func(list []model.WeightPair) []any {
		out := []any{}
		for _, p := range list {
			x := map[string]any{"layer": p.Layer, "name": p.Name, "equal": p.Equal, "exact": p.Exact, "count": p.Count,
				"largest": jsonNumber(p.Largest), "relative": jsonNumber(p.Relative)}
			side := func(name string, s tensor.Shape, dtype string) {
				if p.Only == "" || p.Only == name {
					x["shape_"+name], x["dtype_"+name] = append([]int{}, s...), dtype
				}
			}
			side("a", p.ShapeA, p.DTypeA)
			side("b", p.ShapeB, p.DTypeB)
			if p.Only != "" {
				x["only"] = p.Only
			}
			out = append(out, x)
		}
		return out
	}
	return map[string]any{"a": file(pathA, a), "b": file(pathB, b), "equal": d.Equal(), "tolerance": o.Tolerance, "notes": notes,
		"settings": settings(d.Config), "weights": pairs(d.Weights), "training": settings(d.Training), "state": pairs(d.State)}
}

package command

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/hdf5io"
	"github.com/gokeras/gk/registry"
)

// This file owns gk load.

func (e *env) loadCommand() *cli.Command {
	return &cli.Command{
		Name:      "load",
		Usage:     "open a model file, check it, and show what is inside",
		ArgsUsage: "FILE",
		Description: `It reads everything, and runs nothing that is in the file. What could not be restored, and what had to be converted, is said.

gk load model.h5
gk load model.keras --json
gk load weights.h5 --config architecture.json
gk load weights.h5 --config model.keras --skip-mismatch    takes what fits, and lists what does not
gk load theirs.keras --allow-missing                  also where nothing provides some of its layers
gk load stranger.h5 --untrusted                       keeps the C library for HDF5 out of it`,
		Flags: append(modelFlags(), untrustedFlag(), allowMissingFlag()),
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			path := c.Args().First()
			r, err := e.openModel(c, path, true)
			if r == nil {
				return err
			}
			if !e.json {
				e.showFile(path, r)
			}
			if err != nil {
				e.showDisagreements(err)
				return err
			}
			if e.json {
				return e.result(fileJSON(path, r))
			}
			e.showModel(r)
			return nil
		},
	}
}

// showFile says what the file is, also where the model in it cannot be loaded.
func (e *env) showFile(path string, r *hdf5io.Result) {
	t := e.table()
	row := func(name, format string, args ...any) { t.AppendRow(table.Row{name, fmt.Sprintf(format, args...)}) }
	if info, err := os.Stat(path); err == nil && r.Format != "" {
		row("file", "%s (%s bytes)", path, model.Thousands(int(info.Size())))
	}
	if r.Format != "" {
		row("format", "%s", r.Format)
	}
	if r.KerasVersion != "" {
		row("written by", "Keras %s%s", r.KerasVersion, strings.TrimSuffix(" on "+r.Backend, " on "))
	}
	if len(r.Custom) > 0 {
		row("not Keras' own", "%s", strings.Join(r.Custom, ", "))
	}
	for _, w := range r.Warnings {
		row("warning", "%s", w)
	}
	for _, w := range r.Conversions {
		row("converted", "%s", w)
	}
	for _, w := range r.Skipped {
		row("left out", "%s", w)
	}
	if t.Length() > 0 {
		e.say("%s", t.Render())
	}
}

// showDisagreements lists all ways in which the weights do not fit: the line about the error names the first few.
func (e *env) showDisagreements(err error) {
	var list hdf5io.Disagreements
	if !errors.As(err, &list) {
		return
	}
	t := e.table()
	for _, x := range list {
		t.AppendRow(table.Row{"does not fit", printable(x.Where), printable(x.Msg)})
	}
	e.say("%s", t.Render())
}

func (e *env) showModel(r *hdf5io.Result) {
	m := r.Model
	all, trained := m.ParameterCount()
	t := e.table()
	row := func(name, format string, args ...any) { t.AppendRow(table.Row{name, fmt.Sprintf(format, args...)}) }
	row("model", "%s %q, %d layers", m.RegistryName(), m.Name, len(m.Summary(false).Rows))
	for i, in := range m.Inputs() {
		row("input", "%s %v", m.InputNames()[i], in.Shape())
	}
	for i, out := range m.Outputs() {
		shape := "of unknown shape, behind a layer that is missing"
		if out.Shape() != nil {
			shape = out.Shape().String()
		}
		row("output", "%s %s", m.OutputNames()[i], shape)
	}
	row("parameters", "%s, %s of them trained", model.Thousands(all), model.Thousands(trained))
	if o := m.Optimizer(); o != nil {
		b := o.Common()
		state := "no state"
		if r.HasOptimizer {
			state = fmt.Sprintf("state of %d arrays", len(core.OptimizerSlots(o)))
		}
		row("optimizer", "%s, learning rate %s, %s steps taken, %s", m.Registry().Optimizers.NameOf(o), rate(b), model.Thousands(int(b.Iterations)), state)
		row("loss", "%s", strings.Join(lossNames(m), ", "))
	} else {
		row("optimizer", "none: not compiled")
	}
	e.say("%s", t.Render())
	l := e.table()
	l.AppendHeader(table.Row{"layer", "class", "output", "parameters"})
	for _, x := range m.Summary(true).Rows {
		l.AppendRow(table.Row{strings.Repeat("  ", x.Depth) + printable(x.Name), printable(x.Class), shapesText(x.Outputs), model.Thousands(x.Parameters)})
	}
	e.say("\n%s", l.Render())
	w := e.table()
	w.AppendHeader(table.Row{"weight", "shape", "type", "parameters"})
	for _, x := range m.AllWeights() {
		w.AppendRow(table.Row{x.Name, x.Shape.String(), x.DType, model.Thousands(x.Shape.Size())})
	}
	if w.Length() > 0 {
		e.say("\n%s", w.Render())
	}
}

func shapesText(shapes []tensor.Shape) string {
	if len(shapes) == 0 {
		return "?"
	}
	parts := make([]string, len(shapes))
	for i, s := range shapes {
		parts[i] = s.String()
	}
	return strings.Join(parts, ", ")
}

func fileJSON(path string, r *hdf5io.Result) map[string]any {
	m := r.Model
	all, trained := m.ParameterCount()
	weights := []any{}
	for _, x := range m.AllWeights() {
		weights = append(weights, map[string]any{"name": x.Name, "shape": x.Shape, "dtype": x.DType, "trainable": x.Trainable})
	}
	layers := []any{}
	for _, l := range m.Layers() {
		layers = append(layers, map[string]any{"name": l.Common().Name, "class": l.Common().Class()})
	}
	list := func(s []string) []string { return append([]string{}, s...) }
	o := map[string]any{"file": path, "format": r.Format, "keras_version": r.KerasVersion, "backend": r.Backend, "class": m.RegistryName(),
		"name": m.Name, "layers": layers, "weights": weights, "parameters": all, "trainable": trained, "warnings": list(r.Warnings),
		"conversions": list(r.Conversions), "skipped": list(r.Skipped), "custom": list(r.Custom), "weights_only": r.WeightsOnly,
		"missing": missingJSON(r.Missing),
		"inputs":  namedShapes(m.InputNames(), m.Inputs()), "outputs": namedShapes(m.OutputNames(), m.Outputs()), "optimizer": nil}
	if opt := m.Optimizer(); opt != nil {
		config, err := m.Registry().Encoder(core.Keras3).Optimizer(opt)
		if err == nil {
			o["optimizer"] = map[string]any{"class": config["class_name"], "config": config["config"], "iterations": opt.Common().Iterations,
				"state": r.HasOptimizer}
		}
		o["loss"] = lossNames(m)
	}
	return o
}

func missingJSON(list []*registry.Missing) []any {
	out := []any{}
	for _, l := range list {
		out = append(out, map[string]any{"name": l.Name, "class": l.Common().Class(), "config": l.Object.Config, "reason": oneLine(l.Reason.Error())})
	}
	return out
}

func namedShapes(names []string, ts []*model.Tensor) []any {
	out := []any{}
	for i, t := range ts {
		x := map[string]any{"name": names[i], "shape": nil}
		if t.Shape() != nil {
			x["shape"] = registry.ShapeConfig(t.Shape())
		}
		out = append(out, x)
	}
	return out
}

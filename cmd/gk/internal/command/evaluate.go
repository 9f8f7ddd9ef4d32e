package command

import (
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/dataset"
	"github.com/gokeras/gk/core/model"
)

// This file owns gk evaluate.

func (e *env) evaluateCommand() *cli.Command {
	return &cli.Command{
		Name:      "evaluate",
		Usage:     "compute loss and metrics of a model",
		ArgsUsage: "MODEL",
		Description: `The test part of the data is used where it has one, else all of it. Loss and metrics are those that the model was compiled with,
unless flags say otherwise.

gk evaluate model.h5                                  on MNIST, or on digits
gk evaluate model.h5 --data test.npz
gk evaluate model.keras --data images/ --metrics accuracy,top_k_categorical_accuracy
gk evaluate weights.h5 --config architecture.json --loss mean_squared_error --data houses.csv`,
		Flags: append(append(dataFlags(),
			&cli.StringFlag{Name: "part", Usage: "the `PART` of the data: train or test", DefaultText: "test where there is one"},
			&cli.IntFlag{Name: "batch-size", Value: 128, Usage: "samples at a time"},
			&cli.StringFlag{Name: "loss", Usage: "`NAME`, NAME:key=value,..., or JSON", DefaultText: "what the model was compiled with"},
			&cli.StringFlag{Name: "metrics", Usage: "`NAMES` with commas", DefaultText: "what the model was compiled with"},
		), modelFlags()...),
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			if n := c.Int("batch-size"); n < 1 {
				return usage("--batch-size", "got %d, want > 0", n)
			}
			return e.evaluate(c)
		},
	}
}

func (e *env) evaluate(c *cli.Context) error {
	path := c.Args().First()
	x, err := e.openExperiment(c, path)
	if err != nil {
		return err
	}
	if c.IsSet("data") {
		x.data = c.String("data")
	}
	d, err := e.readData(c, x.data, x.model)
	if err != nil {
		return err
	}
	part, name := d.Test, "test"
	switch want := c.String("part"); {
	case want != "" && want != "train" && want != "test":
		return usage("--part", "got %q, want train or test", want)
	case want == "train" || want == "" && part == nil:
		part, name = d.Train, "train"
	case part == nil:
		return &core.Error{Kind: core.ErrData, File: d.Name, Where: "--part", Msg: "got data of one part, want a test part"}
	}
	if len(part.Y) == 0 {
		return &core.Error{Kind: core.ErrData, File: d.Name, Msg: "got no targets, evaluation needs them", Hint: "--labels names a file of them"}
	}
	m := x.model
	if !m.Built() {
		if err := buildFor(m, part.X); err != nil {
			return core.InFile(path, err)
		}
	}
	notes, err := x.compileWith(c, part.Y)
	if err != nil {
		return core.InFile(path, err)
	}
	// Only the part that is evaluated needs targets in the form of the loss.
	d.Split = &dataset.Split{Train: part, Name: d.Name, Origin: d.Origin}
	if err := d.fitTargets(m, lossNames(m)); err != nil {
		return err
	}
	logs, err := m.Evaluate(c.Context, part, model.Run{BatchSize: c.Int("batch-size"), Scale: d.scale})
	if err != nil {
		return core.InFile(d.Name, err)
	}
	acc, classes := accuracyOf(logs)
	if e.json {
		o := map[string]any{"data": map[string]any{"name": d.Name, "origin": d.Origin, "part": name, "scale": d.scale}, "samples": part.Len(),
			"metrics": logsJSON(logs), "notes": append(append(x.notes(), d.notes...), notes...)}
		if classes {
			o["error"] = 1 - acc
		}
		return e.result(o)
	}
	for _, n := range append(d.notes, notes...) {
		e.note("%s", n)
	}
	e.say("data   %s (%s): %s samples", d.Name, name, model.Thousands(part.Len()))
	t := e.table()
	for i, n := range logs.Names {
		t.AppendRow(table.Row{n, number(logs.Values[i])})
	}
	if classes {
		t.AppendRow(table.Row{"error", fmt.Sprintf("%.2f %%", 100*(1-acc))})
	}
	e.say("%s", t.Render())
	return nil
}

// table is a table in the style of gk: aligned columns, no frame.
func (e *env) table() table.Writer {
	t := table.NewWriter()
	style := table.StyleLight
	style.Options = table.Options{}
	style.Box.PaddingLeft = ""
	style.Box.PaddingRight = "  "
	style.Format.Header = 0
	t.SetStyle(style)
	t.SuppressTrailingSpaces()
	return t
}

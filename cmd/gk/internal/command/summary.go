package command

import (
	"github.com/urfave/cli/v2"

	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// This file owns gk summary.

func (e *env) summaryCommand() *cli.Command {
	return &cli.Command{
		Name:      "summary",
		Usage:     "show the layers of a model: output shapes, parameters, connections",
		ArgsUsage: "MODEL",
		Description: `MODEL is a .h5 or .keras file, a Keras architecture as JSON, or an experiment.

gk summary model.h5
gk summary --nested model.keras       also the layers of models inside of the model
gk summary --json architecture.json`,
		Flags: append(modelFlags(), allowMissingFlag(), &cli.BoolFlag{Name: "nested", Usage: "show the layers of models inside of the model, too"}),
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			x, err := e.openExperiment(c, c.Args().First())
			if err != nil {
				return err
			}
			s := x.model.Summary(c.Bool("nested"))
			if e.json {
				o := summaryJSON(s)
				o["notes"] = x.notes()
				return e.result(o)
			}
			_, err = s.WriteTo(e.out)
			return err
		},
	}
}

func summaryJSON(s *model.Summary) map[string]any {
	layers := []any{}
	for _, r := range s.Rows {
		row := map[string]any{"name": r.Name, "class": r.Class, "depth": r.Depth, "parameters": r.Parameters, "trainable": r.Trainable,
			"outputs": shapesJSON(r.Outputs)}
		if s.Connected {
			row["connected_to"] = append([]string{}, r.ConnectedTo...)
		}
		layers = append(layers, row)
	}
	params := func(p model.Parameters) map[string]any { return map[string]any{"count": p.Count, "bytes": p.Bytes} }
	o := map[string]any{"name": s.Name, "layers": layers, "trainable": params(s.Trainable), "non_trainable": params(s.Fixed)}
	if s.Optimizer != nil {
		o["optimizer"] = params(*s.Optimizer)
	}
	return o
}

func shapesJSON(shapes []tensor.Shape) []any {
	out := []any{}
	for _, s := range shapes {
		out = append(out, registry.ShapeConfig(s))
	}
	return out
}

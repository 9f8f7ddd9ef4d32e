package command

import (
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/hdf5io"
)

// This file owns gk save.

func (e *env) saveCommand() *cli.Command {
	return &cli.Command{
		Name:      "save",
		Usage:     "write a model in another form or file",
		ArgsUsage: "MODEL FILE",
		Description: `The ending of FILE says the form: .h5 (the file that every Keras reads), .keras (that of Keras 3), .weights.h5 (weights alone), .json
(the architecture alone). MODEL may be any of them, or an experiment. The file appears whole, or the old one stays.

gk save model.h5 model.keras
gk save old-theano-model.h5 new.h5                    layers of old Kerases become those of today
gk save model.h5 architecture.json
gk save weights.h5 --config architecture.json whole.h5`,
		Flags: append(modelFlags(), allowMissingFlag(),
			&cli.BoolFlag{Name: "weights-only", Usage: "write weights alone"},
			&cli.BoolFlag{Name: "no-compile", Usage: "leave out optimizer, loss and metrics"},
			&cli.BoolFlag{Name: "optimizer-weights", Usage: "write the state of the optimizer into a .h5 in the place and order of tf.keras and Keras 2"},
			&cli.StringFlag{Name: "as", Usage: "write a .h5 in the words of this `VERSION` of Keras, such as 2.3.1, where they mean something else than today"},
		),
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 2, 2); err != nil {
				return err
			}
			in, out := c.Args().Get(0), c.Args().Get(1)
			m, notes, err := e.modelToSave(c, in)
			if err != nil {
				return err
			}
			if err := hdf5io.Save(m, out, hdf5io.SaveOptions{WeightsOnly: c.Bool("weights-only"), OptimizerWeights: c.Bool("optimizer-weights"), KerasVersion: c.String("as")}); err != nil {
				return err
			}
			notes = append(notes, notesForKeras3(m, out, c.Bool("weights-only"))...)
			info, err := os.Stat(out)
			if err != nil {
				return asError(err)
			}
			if e.json {
				return e.result(map[string]any{"saved": out, "bytes": info.Size(), "notes": notes})
			}
			for _, n := range notes {
				e.note("%s", n)
			}
			e.say("saved  %s (%s bytes)", out, model.Thousands(int(info.Size())))
			return nil
		},
	}
}

// notesForKeras3 say what real Keras 3 makes of a file with activations that it has no more.
func notesForKeras3(m *model.Model, out string, weightsOnly bool) []string {
	low := strings.ToLower(out)
	format := "Keras 3 has no %[1]s: it loads the file with custom_objects={%[1]q: %[1]s} and def %[1]s(x): return %[2]s"
	switch {
	case weightsOnly, strings.HasSuffix(low, ".weights.h5"):
		return nil
	case !strings.HasSuffix(low, ".keras") && !strings.HasSuffix(low, ".json"):
		format = "Keras 2 computes this file as gk does; Keras 3 has no %[1]s, %[2]s, and takes another function for it: write a .keras for that"
	}
	var notes []string
	for name, what := range hdf5io.Beyond3(m) {
		notes = append(notes, fmt.Sprintf(format, name, what))
	}
	return notes
}

// modelToSave opens what is to be saved, with notes on what was lost or converted on the way.
func (e *env) modelToSave(c *cli.Context, path string) (*model.Model, []string, error) {
	notes := []string{}
	if o, err := experimentObject(path); err != nil {
		return nil, nil, core.InFile(path, err)
	} else if o != nil {
		if err := noModelFlags(c, path); err != nil {
			return nil, nil, err
		}
		known, err := e.registry(c)
		if err != nil {
			return nil, nil, err
		}
		x, err := newExperiment(o, known)
		if err != nil {
			return nil, nil, core.InFile(path, err)
		}
		return x.model, append(notes, "the weights are new: an experiment has none"), nil
	}
	r, err := e.openModel(c, path, !c.Bool("no-compile"))
	if err != nil {
		return nil, nil, err
	}
	notes = append(notesOf(r), r.Conversions...)
	if low := strings.ToLower(c.Args().Get(1)); len(r.Missing) > 0 && strings.HasPrefix(r.Format, "legacy") &&
		(strings.HasSuffix(low, ".keras") || strings.HasSuffix(low, ".weights.h5")) {
		notes = append(notes, "a legacy file does not say what is inside of the layers that are missing: their weights are written side by side, "+
			"and Keras will not find those that it looks for further down")
	}
	return r.Model, notes, nil
}

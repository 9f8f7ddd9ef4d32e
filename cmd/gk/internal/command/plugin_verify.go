package command

import (
	"encoding/json"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/plugins/plugintest"
)

// This file owns gk plugin verify.

func (e *env) pluginVerifyCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "check a plugin: shapes, gradients, files, restarts",
		ArgsUsage: "PATH or NAME",
		Description: `Every class is tried with the example that its author gave: does its config go round, does it refuse what it does not know, are its shapes
what it says, does it compute the same again, do its gradients agree with differences, does it train, does a model with it go through .h5
and .keras, does it go on after its process was ended? The exit code is 1 if something does not hold.

gk plugin verify ./soft-step
gk plugin verify my_layers.py --json`,
		Flags: pluginFlags()[1:],
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			began := time.Now()
			p, err := e.onePlugin(c, c.Args().First())
			if err != nil {
				return err
			}
			defer p.Close()
			started := time.Since(began)
			checks := plugintest.Verify(p)
			failed := 0
			var list []any
			t := e.table()
			t.AppendHeader(table.Row{"class", "check", "", ""})
			for _, x := range checks {
				result, note := "ok", x.Note
				switch {
				case x.Hidden:
					result = "-"
				case x.Err != nil:
					result, note = "FAILED", x.Err.Error()
					failed++
				}
				t.AppendRow(table.Row{x.Class, x.Name, result, note})
				list = append(list, map[string]any{"class": x.Class, "check": x.Name, "result": result, "note": note, "seconds": x.Took.Seconds()})
			}
			if e.json {
				if err := e.result(map[string]any{"plugin": p.Name(), "path": p.Path(), "start_seconds": started.Seconds(), "checks": list, "failed": failed}); err != nil {
					return err
				}
			} else {
				e.out.line("%s", t.Render())
				e.out.line("%d checks, %d failed; from start to ready %d ms", len(checks), failed, started.Milliseconds())
			}
			if failed > 0 {
				return &core.Error{Kind: core.ErrPlugin, File: c.Args().First(), Msg: "does not keep what a plugin promises"}
			}
			return nil
		},
	}
}

// rawJSON is JSON as it is, or null.
func rawJSON(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return json.RawMessage(b)
}

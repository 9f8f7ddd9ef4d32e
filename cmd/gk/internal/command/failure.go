package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/hdf5io"
	"github.com/gokeras/gk/registry"
)

// This file owns how a failure looks: one line, or one JSON object, and the exit code.

// usage is an error in the arguments.
func usage(where, format string, args ...any) *core.Error {
	return core.Errorf(core.ErrUsage, where, format, args...)
}

// report writes an error and gives the exit code.
func (e *env) report(err error) int {
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errDifferent):
		return exitDifferent
	}
	known := asError(err)
	if e.json {
		_ = json.NewEncoder(e.err).Encode(map[string]any{"error": errorJSON(known)}) // there is no other place to say so
	} else {
		e.err.line("gk: %s", oneLine(known.Error()))
	}
	switch known.Kind {
	case core.ErrUsage:
		return exitUsage
	case core.ErrInterrupted:
		return exitInterrupted
	}
	return exitFailure
}

func errorJSON(x *core.Error) map[string]any {
	message := x.Msg
	if x.Err != nil {
		message = strings.TrimPrefix(message+": "+x.Err.Error(), ": ")
	}
	o := map[string]any{"kind": string(x.Kind), "file": x.File, "where": oneLine(x.Where), "message": oneLine(message)}
	if x.Hint != "" {
		o["hint"] = x.Hint
	}
	var list hdf5io.Disagreements
	if errors.As(x, &list) {
		all := []any{}
		for _, d := range list {
			all = append(all, map[string]any{"kind": string(d.Kind), "where": oneLine(d.Where), "message": oneLine(d.Msg)})
		}
		o["disagreements"] = all
	}
	return o
}

// asError is err as an Error of gk: with its kind where it has one, else with one made of what it is.
func asError(err error) *core.Error {
	var known *core.Error
	if errors.As(err, &known) {
		return known
	}
	x := &core.Error{Kind: core.ErrIO, Err: err}
	var path *fs.PathError
	switch {
	case errors.Is(err, context.Canceled):
		return &core.Error{Kind: core.ErrInterrupted, Msg: "interrupted"}
	case errors.As(err, &path):
		x.File, x.Err = path.Path, path.Err
		if errors.Is(err, fs.ErrNotExist) {
			x.Kind = core.ErrNotFound
		}
	}
	return x
}

func writeError(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return &core.Error{Kind: core.ErrIO, File: "stdout", Err: err}
}

// alsoHint adds a hint to those that err has.
func alsoHint(err error, hint string) error {
	if err == nil {
		return nil
	}
	x := *asError(err)
	x.Hint = strings.TrimPrefix(x.Hint+"; "+hint, "; ")
	return &x
}

func oneLine(s string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(s, "\n", "; ")), " ")
}

var invalidValue = regexp.MustCompile(`^invalid value (".*") for flag -+([a-z-]+): `)

// onUsageError makes an Error of what the flag parser complains about.
func (e *env) onUsageError(c *cli.Context, err error, _ bool) error {
	text := err.Error()
	x := usage("", "%s", text)
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: -"); ok {
		name = "--" + strings.TrimLeft(name, "-")
		x = usage(name, "no such flag")
		x.Hint = registry.DidYouMean(name, flagNames(c.Command.Flags))
	} else if name, ok := strings.CutPrefix(text, "flag needs an argument: -"); ok {
		x = usage("--"+strings.TrimLeft(name, "-"), "got nothing, want a value")
	} else if parts := invalidValue.FindStringSubmatch(text); parts != nil {
		want := "a number"
		if _, whole := flagNamed(c.Command.Flags, parts[2]).(*cli.IntFlag); whole {
			want = "a whole number"
		}
		x = usage("--"+parts[2], "got %s, want %s", parts[1], want)
	}
	if x.Hint == "" && c.Command.Name != "" && c.Command.Name != "gk" {
		x.Hint = fmt.Sprintf("gk %s --help", c.Command.Name)
	}
	return x
}

func (e *env) unknownVerb(name string) error {
	var names []string
	for _, c := range e.app.Commands {
		names = append(names, c.Name)
	}
	x := usage("", "no command %q", name)
	if x.Hint = registry.DidYouMean(name, names); x.Hint == "" {
		x.Hint = "gk help lists them"
	}
	return x
}

// wantArgs checks the number of arguments that stand without a flag.
func wantArgs(c *cli.Context, least, most int) error {
	n := c.NArg()
	if n >= least && n <= most {
		return nil
	}
	want := c.Command.ArgsUsage
	if want == "" {
		want = "none"
	}
	x := usage(c.Command.Name, "got %d arguments, want %s", n, want)
	x.Hint = fmt.Sprintf("gk %s --help", c.Command.Name)
	return x
}

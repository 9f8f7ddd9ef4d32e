package command

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// This file owns flags that stand behind arguments: gk predict MODEL INPUT --out FILE. The flag parser wants them in front.

// reorder moves the flags of the verb in front of its other arguments.
func (e *env) reorder(args []string) []string {
	at := slices.IndexFunc(args[min(1, len(args)):], func(a string) bool { return !strings.HasPrefix(a, "-") })
	if at < 0 {
		return args
	}
	at++
	verb := e.app.Command(args[at])
	if verb == nil {
		return args
	}
	for _, sub := range verb.Subcommands {
		if at+1 < len(args) && sub.Name == args[at+1] {
			verb, at = sub, at+1
			break
		}
	}
	flags := slices.Clone(args[:at+1])
	var rest []string
	for i := at + 1; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			rest = append(rest, args[i+1:]...)
			break
		}
		if len(a) < 2 || a[0] != '-' {
			rest = append(rest, a)
			continue
		}
		flags = append(flags, a)
		name := strings.TrimLeft(a, "-")
		if f := flagNamed(verb.Flags, name); f != nil && takesValue(f) && i+1 < len(args) {
			i++
			flags = append(flags, args[i])
		}
	}
	if len(rest) > 0 {
		flags = append(append(flags, "--"), rest...)
	}
	return flags
}

func flagNamed(flags []cli.Flag, name string) cli.Flag {
	for _, f := range flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

func takesValue(f cli.Flag) bool {
	_, isBool := f.(*cli.BoolFlag)
	return !isBool
}

// flagNames are the long flags, with their dashes.
func flagNames(flags []cli.Flag) []string {
	var names []string
	for _, f := range flags {
		for _, n := range f.Names() {
			if len(n) > 1 {
				names = append(names, "--"+n)
			}
		}
	}
	return names
}

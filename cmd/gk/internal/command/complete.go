package command

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/gokeras/gk/core/dataset"
	"github.com/gokeras/gk/registry"
)

// This file owns what a shell offers when Tab is pressed, and gk completion, which teaches it to ask.

const askFlag = "--generate-completion"

// completing gives the words of an unfinished command line, the last of them being typed, if that is what gk was called for.
func completing(args []string) (words []string, ok bool) {
	if len(args) < 2 || args[1] != askFlag {
		return nil, false
	}
	return args[2:], true
}

// complete writes what may stand in the place of the last word, a line each. Nothing means files.
func (e *env) complete(words []string) {
	if len(words) == 0 {
		return
	}
	last := words[len(words)-1]
	offer := func(names []string) {
		slices.Sort(names)
		for _, n := range names {
			if strings.HasPrefix(n, last) {
				e.out.line("%s", n)
			}
		}
	}
	if len(words) == 1 || len(words) == 2 && words[0] == "help" {
		verbs := []string{"help"}
		for _, c := range e.app.Commands {
			verbs = append(verbs, c.Name)
		}
		offer(verbs)
		return
	}
	verb := e.app.Command(words[0])
	if verb == nil {
		return
	}
	before := strings.TrimLeft(words[len(words)-2], "-")
	if f := flagNamed(verb.Flags, before); f != nil && strings.HasPrefix(words[len(words)-2], "-") && takesValue(f) {
		offer(valuesOf(before))
		return
	}
	switch {
	case strings.HasPrefix(last, "-"):
		offer(append(flagNames(verb.Flags), "--help"))
	case verb.Name == "completion":
		offer([]string{"bash", "fish", "zsh"})
	}
}

// valuesOf are the names that a flag takes; none where it takes anything.
func valuesOf(flag string) []string {
	r := registry.Default
	snake := func(names []string) []string {
		for i, n := range names {
			names[i] = registry.SnakeCase(n)
		}
		return names
	}
	switch flag {
	case "data":
		return dataset.Names()
	case "optimizer":
		return lower(r.Optimizers.Names())
	case "loss":
		return snake(r.Losses.Names())
	case "metrics":
		return append(snake(r.Metrics.Names()), "accuracy")
	case "activation":
		return r.Activations.Names()
	case "callback":
		return r.Callbacks.Names()
	case "backend":
		return slices.Clone(backends)
	case "scale":
		return []string{"auto", "1", "1/255"}
	}
	return nil
}

func lower(names []string) []string {
	for i, n := range names {
		names[i] = strings.ToLower(n)
	}
	return names
}

// scripts ask gk itself what to offer, so that they never fall behind.
var scripts = map[string]string{
	"bash": `_gk() {
  local IFS=$'\n'
  COMPREPLY=($(gk ` + askFlag + ` "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _gk gk
`,
	"zsh": `#compdef gk
_gk() {
  local -a offers
  offers=("${(@f)$(gk ` + askFlag + ` "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "${offers[1]}" ]]; then compadd -a offers; else _files; fi
}
compdef _gk gk
`,
	"fish": `function __gk
  set -l words (commandline -opc) (commandline -ct)
  set -l offers (gk ` + askFlag + ` $words[2..-1] 2>/dev/null)
  if test (count $offers) -gt 0
    printf '%s\n' $offers
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c gk -f -a '(__gk)'
`,
}

func (e *env) completionCommand() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "write a script that completes commands in bash, zsh or fish",
		ArgsUsage: "bash|zsh|fish",
		Description: `source <(gk completion bash)          in ~/.bashrc
source <(gk completion zsh)           in ~/.zshrc, after compinit
gk completion fish | source           in ~/.config/fish/config.fish`,
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			script, ok := scripts[c.Args().First()]
			if !ok {
				x := usage("completion", "got shell %q, want bash, zsh or fish", c.Args().First())
				x.Hint = registry.DidYouMean(c.Args().First(), []string{"bash", "zsh", "fish"})
				return x
			}
			_, err := e.out.Write([]byte(script))
			return err
		},
	}
}

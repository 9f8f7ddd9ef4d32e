package command

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/gokeras/gk/contrib/template"
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/plugins"
)

// This file owns gk plugin new.

func (e *env) pluginNewCommand() *cli.Command {
	return &cli.Command{
		Name:      "new",
		Usage:     "start a plugin of your own: a layer that works, with a test, to change the formula of",
		ArgsUsage: "NAME",
		Description: `gk plugin new soft-step                              in Go, in the folder soft-step
gk plugin new soft-step --lang python                in Python, with numpy
gk plugin new soft-step --gk ~/src/gk                builds against a checkout of gk`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "lang", Value: "go", Usage: "`LANGUAGE` of the plugin: " + strings.Join(template.Languages, " or ")},
			&cli.StringFlag{Name: "dir", Usage: "the `FOLDER` to make", DefaultText: "NAME"},
			&cli.StringFlag{Name: "gk", Usage: "the `FOLDER` with gk's source to build against", DefaultText: "the module that the folder is in, else the one released"},
		},
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			name, lang := c.Args().First(), c.String("lang")
			if !plugins.ValidName(name) || name[0] < 'a' {
				return usage("NAME", "got %q, want a to z, 0 to 9 and -, beginning with a letter", name)
			}
			if !slices.Contains(template.Languages, lang) {
				return usage("--lang", "got %q, want %s", lang, strings.Join(template.Languages, " or "))
			}
			dir := c.String("dir")
			if dir == "" {
				dir = name
			}
			files, err := template.Render(lang, template.NewPlugin(name))
			if err != nil {
				return err
			}
			if lang == "go" {
				if err := goModule(files, dir, name, c.String("gk")); err != nil {
					return err
				}
			}
			if _, err := os.Stat(dir); err == nil {
				return &core.Error{Kind: core.ErrUsage, File: dir, Msg: "is there already", Hint: "choose another name, or --dir"}
			}
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return asError(err)
			}
			names := slices.Sorted(maps.Keys(files))
			for _, f := range names {
				if err := os.WriteFile(filepath.Join(dir, f), []byte(files[f]), 0o644); err != nil {
					return asError(err)
				}
			}
			if e.json {
				return e.result(map[string]any{"folder": dir, "files": names})
			}
			for _, f := range names {
				e.out.line("%s", filepath.Join(dir, f))
			}
			if lang == "go" {
				e.out.line("\nChange the formula in %s, then", filepath.Join(dir, "main.go"))
				e.out.line("  cd %s && go test . && go build -o %s . && gk plugin verify ./%s", dir, name, name)
			} else {
				e.out.line("\nChange the formula in %s, then", filepath.Join(dir, "plugin.py"))
				e.out.line("  gk plugin verify %s", dir)
			}
			return nil
		},
	}
}

const gkModule = "github.com/gokeras/gk"

// goModule adds go.mod, unless the folder is in gk's own module. With a checkout of gk, what gk itself needs is known, so that nothing has
// to be fetched.
func goModule(files map[string]string, dir, name, source string) error {
	full, err := filepath.Abs(dir)
	if err != nil {
		return asError(err)
	}
	if source == "" {
		for at := filepath.Dir(full); ; at = filepath.Dir(at) {
			text, err := os.ReadFile(filepath.Join(at, "go.mod"))
			if err == nil && strings.HasPrefix(string(text), "module "+gkModule+"\n") {
				return nil
			}
			if at == filepath.Dir(at) {
				break
			}
		}
		files["go.mod"] = "module " + name + "\n\ngo 1.26.0\n\n// go mod tidy finds the version of " + gkModule + ".\n"
		return nil
	}
	if source, err = filepath.Abs(source); err != nil {
		return asError(err)
	}
	mod, err := os.ReadFile(filepath.Join(source, "go.mod"))
	if err != nil || !strings.HasPrefix(string(mod), "module "+gkModule+"\n") {
		return &core.Error{Kind: core.ErrUsage, File: source, Where: "--gk", Msg: "is no source of gk: want a folder whose go.mod says module " + gkModule}
	}
	sum, err := os.ReadFile(filepath.Join(source, "go.sum"))
	if err != nil {
		return asError(err)
	}
	files["go.mod"] = strings.Replace(string(mod), "module "+gkModule, "module "+name, 1) +
		"\nrequire " + gkModule + " v0.0.0\n\nreplace " + gkModule + " => " + source + "\n"
	files["go.sum"] = string(sum)
	return nil
}

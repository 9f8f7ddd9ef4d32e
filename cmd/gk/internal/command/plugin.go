package command

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/plugins"
	"github.com/gokeras/gk/registry"
)

// This file owns gk plugin and what all verbs have to do with plugins: --plugin, what is installed, gk.lock.

func (e *env) pluginCommand() *cli.Command {
	return &cli.Command{
		Name:  "plugin",
		Usage: "make, check and install plugins: layers and more that Keras does not have",
		Description: `gk plugin new soft-step --lang go        starts a plugin of your own, with a test
gk plugin verify ./soft-step             checks a plugin: shapes, gradients, files, restarts
gk plugin install ./soft-step            makes its classes known to every command
gk plugin list                           shows what is installed
gk plugin show soft-step                 shows what a plugin provides
gk plugin remove soft-step
gk plugin lock                           writes gk.lock: which plugins this project may use

A plugin is a program, or a .py file, or a folder with a plugin.py. It runs with your rights: install what you trust.`,
		Subcommands: []*cli.Command{e.pluginNewCommand(), e.pluginInstallCommand(), e.pluginListCommand(), e.pluginShowCommand(),
			e.pluginVerifyCommand(), e.pluginRemoveCommand(), e.pluginLockCommand()},
		Action: func(c *cli.Context) error {
			if name := c.Args().First(); name != "" {
				var names []string
				for _, s := range c.Command.Subcommands {
					names = append(names, s.Name)
				}
				x := usage("gk plugin", "got %q, want one of %s", name, strings.Join(names, ", "))
				x.Hint = registry.DidYouMean(name, names)
				return x
			}
			return cli.ShowSubcommandHelp(c)
		},
	}
}

// pluginFlags are those of all verbs that use plugins.
func pluginFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "plugin", Usage: "use the plugin at `PATH`, besides those installed; may be repeated"},
		&cli.DurationFlag{Name: "plugin-timeout", Usage: "give a plugin up that does not answer for so long", DefaultText: "1m"},
		&cli.StringFlag{Name: "plugin-transport", Usage: "how tensors travel: futex, fdbell or stream", DefaultText: "the fastest there is"},
	}
}

// transports are the values of --plugin-transport.
var transports = []string{"futex", "fdbell", "stream"}

// pluginOptions reads pluginFlags, and gk.lock if there is one.
func (e *env) pluginOptions(c *cli.Context) (plugins.Options, error) {
	o := plugins.Options{Timeout: c.Duration("plugin-timeout"), Transport: c.String("plugin-transport")}
	if o.Transport != "" && !slices.Contains(transports, o.Transport) {
		x := usage("--plugin-transport", "got %q, want one of %s", o.Transport, strings.Join(transports, ", "))
		x.Hint = registry.DidYouMean(o.Transport, transports)
		return o, x
	}
	if o.Timeout < 0 {
		return o, usage("--plugin-timeout", "got %v, want > 0", o.Timeout)
	}
	if !e.quiet {
		o.Log = func(plugin, line string) { fmt.Fprintf(e.err, "%s: %s\n", plugin, line) }
	}
	lock, err := plugins.ReadLock(plugins.LockName)
	if err != nil {
		return o, err
	}
	if lock != nil {
		o.Check = lock.Check
	}
	return o, nil
}

// registry is what models are made of: Keras' vocabulary and that of the plugins, those of --plugin first.
func (e *env) registry(c *cli.Context) (*registry.Registry, error) {
	if e.plugins != nil {
		return e.plugins.Registry, nil
	}
	o, err := e.pluginOptions(c)
	if err != nil {
		return nil, err
	}
	m := plugins.NewManager(registry.Default, o)
	e.plugins = m // Run ends them
	if err := m.Add(c.StringSlice("plugin")...); err != nil {
		return nil, err
	}
	s, err := plugins.DefaultStore()
	if err != nil {
		return m.Registry, nil // no folder for configuration: nothing is installed
	}
	return m.Registry, m.Installed(s)
}

// endPlugins is called when a command is done.
func (e *env) endPlugins() {
	if e.plugins != nil {
		e.plugins.Close()
	}
}

// onePlugin opens the plugin that an argument names: a path, or the name of one that is installed.
func (e *env) onePlugin(c *cli.Context, arg string) (*plugins.Plugin, error) {
	o, err := e.pluginOptions(c)
	if err != nil {
		return nil, err
	}
	path, err := pluginPath(arg)
	if err != nil {
		return nil, err
	}
	p, err := plugins.Open(path, o)
	return p, core.InFile(path, err)
}

func pluginPath(arg string) (string, error) {
	if _, err := os.Stat(arg); err == nil {
		return filepath.Abs(arg)
	}
	s, err := plugins.DefaultStore()
	if err != nil {
		return "", err
	}
	r, err := s.Find(arg)
	if err != nil {
		return "", err
	}
	if r == nil {
		return "", &core.Error{Kind: core.ErrNotFound, File: arg, Msg: "no such file, and no plugin of that name is installed", Hint: "gk plugin list"}
	}
	return r.Path(), nil
}

package command

import (
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/plugins"
	pb "github.com/gokeras/gk/plugins/proto/v1"
)

// This file owns what changes and shows the installed plugins.

func (e *env) pluginInstallCommand() *cli.Command {
	return &cli.Command{
		Name:      "install",
		Usage:     "copy a plugin to where every command finds it",
		ArgsUsage: "PATH",
		Description: `The plugin is started once to say what it provides. Its SHA-256 is kept, and what is run later is what was installed.

gk plugin install ./soft-step
gk plugin install my_layers.py                        classes of your own for Keras, as they are`,
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			o, err := e.pluginOptions(c)
			if err != nil {
				return err
			}
			o.Check = nil // a lock says what may be used, not what may be installed
			s, err := plugins.DefaultStore()
			if err != nil {
				return err
			}
			r, err := s.Install(c.Args().First(), o)
			if err != nil {
				return err
			}
			if e.json {
				return e.result(recordJSON(r))
			}
			e.out.line("installed %s %s (SHA-256 %s)", r.Name, r.Version, r.SHA256[:16])
			d, err := r.Description()
			if err != nil {
				return err
			}
			for _, x := range d.GetClasses() {
				e.out.line("  %s", classLine(x))
			}
			return nil
		},
	}
}

func (e *env) pluginRemoveCommand() *cli.Command {
	return &cli.Command{
		Name: "remove", Usage: "take an installed plugin away", ArgsUsage: "NAME",
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			s, err := plugins.DefaultStore()
			if err == nil {
				err = s.Remove(c.Args().First())
			}
			if err != nil {
				return err
			}
			if e.json {
				return e.result(map[string]any{"removed": c.Args().First()})
			}
			e.out.line("removed %s", c.Args().First())
			return nil
		},
	}
}

func (e *env) pluginListCommand() *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "show what is installed",
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 0, 0); err != nil {
				return err
			}
			s, all, err := installed()
			if err != nil {
				return err
			}
			if e.json {
				list := make([]any, len(all))
				for i, r := range all {
					list[i] = recordJSON(r)
				}
				return e.result(map[string]any{"folder": s.Dir, "plugins": list})
			}
			if len(all) == 0 {
				e.out.line("no plugins in %s", s.Dir)
				return nil
			}
			t := e.table()
			t.AppendHeader(table.Row{"name", "version", "provides", "SHA-256"})
			for _, r := range all {
				t.AppendRow(table.Row{r.Name, r.Version, strings.Join(classNames(r), ", "), r.SHA256[:min(16, len(r.SHA256))]})
			}
			e.out.line("%s", t.Render())
			return nil
		},
	}
}

func (e *env) pluginShowCommand() *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "show what a plugin provides", ArgsUsage: "NAME or PATH",
		Flags: pluginFlags()[1:],
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			p, err := e.onePlugin(c, c.Args().First())
			if err != nil {
				return err
			}
			defer p.Close()
			d := p.About()
			hash, err := plugins.FileHash(p.Path())
			if err != nil {
				return err
			}
			if e.json {
				var classes []any
				for _, x := range d.GetClasses() {
					classes = append(classes, map[string]any{"kind": plugins.KindName(x.GetKind()), "name": plugins.ClassName(x), "about": x.GetAbout(), "config": rawJSON(x.GetDefaults()),
						"example": rawJSON(x.GetExample())})
				}
				return e.result(map[string]any{"name": d.GetName(), "version": d.GetVersion(), "about": d.GetAbout(), "sdk": d.GetSdk(), "path": p.Path(),
					"sha256": hash, "transport": p.Transport(), "classes": classes})
			}
			e.out.line("%s %s  %s", d.GetName(), d.GetVersion(), d.GetAbout())
			e.out.line("%s", p.Path())
			e.out.line("SHA-256 %s, made with %s, tensors travel by %s", hash, d.GetSdk(), p.Transport())
			for _, x := range d.GetClasses() {
				e.out.line("\n%s", classLine(x))
				if s := ownSettings(x); s != "" {
					e.out.line("  settings %s", s)
				}
			}
			return nil
		},
	}
}

func (e *env) pluginLockCommand() *cli.Command {
	return &cli.Command{
		Name:  "lock",
		Usage: "write gk.lock: which plugins this project may use",
		Description: `gk.lock has name, version, protocol and SHA-256 of every installed plugin. Where it lies in the folder that gk runs in, no other plugin
is run. Hashes of other platforms stay: run gk plugin lock on each of them.`,
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 0, 0); err != nil {
				return err
			}
			_, all, err := installed()
			if err != nil {
				return err
			}
			old, err := plugins.ReadLock(plugins.LockName)
			if err != nil {
				return err
			}
			lock := &plugins.Lock{Version: 1}
			for _, r := range all {
				if old != nil {
					for _, x := range old.Plugins {
						if x.Name == r.Name && x.Version == r.Version {
							lock.Plugins = append(lock.Plugins, x)
						}
					}
				}
				lock.Pin(r)
			}
			if err := lock.Write(plugins.LockName); err != nil {
				return err
			}
			if e.json {
				return e.result(lock)
			}
			e.out.line("%s: %d plugins", plugins.LockName, len(lock.Plugins))
			return nil
		},
	}
}

// ownSettings are the defaults of a class without what all have.
func ownSettings(x *pb.Class) string {
	v, err := core.ParseJSON(x.GetDefaults())
	m, _ := v.(map[string]any)
	if err != nil {
		return ""
	}
	for _, k := range []string{"name", "trainable", "dtype"} {
		delete(m, k)
	}
	if len(m) == 0 {
		return ""
	}
	text, _ := core.FormatJSON(m)
	return string(text)
}

// installed is the user's store and what is in it.
func installed() (plugins.Store, []*plugins.Record, error) {
	s, err := plugins.DefaultStore()
	if err != nil {
		return s, nil, err
	}
	all, err := s.List()
	return s, all, err
}

// classNames are the classes of an installed plugin; nil where its record cannot be read.
func classNames(r *plugins.Record) (names []string) {
	d, err := r.Description()
	if err != nil {
		return nil
	}
	for _, x := range d.GetClasses() {
		names = append(names, plugins.ClassName(x))
	}
	return names
}

func recordJSON(r *plugins.Record) map[string]any {
	m := map[string]any{"name": r.Name, "version": r.Version, "protocol": r.Protocol, "sha256": r.SHA256, "platform": r.Platform, "path": r.Path(), "source": r.Source}
	if names := classNames(r); names != nil {
		m["classes"] = names
	}
	return m
}

func classLine(x *pb.Class) string {
	about, _, _ := strings.Cut(x.GetAbout(), "\n")
	return strings.TrimSpace(fmt.Sprintf("%-12s %s  %s", plugins.KindName(x.GetKind()), plugins.ClassName(x), about))
}

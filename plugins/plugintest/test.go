package plugintest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/gokeras/gk/plugins"
	"github.com/gokeras/gk/registry"
)

// This file owns the suite as a test of an author's.

// Run checks everything that c provides: called directly, as a built-in would be, and through a connection as a plugin is.
func Run(t *testing.T, c plugins.Config) {
	t.Helper()
	p, err := plugins.Loopback(c, plugins.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	t.Run("direct", func(t *testing.T) { report(t, Direct(c, p)) })
	t.Run("loopback", func(t *testing.T) { report(t, Verify(p)) })
}

// Direct checks everything without anything in between. p says what c provides.
func Direct(c plugins.Config, p *plugins.Plugin) []Check {
	s := &suite{r: c.Registry}
	if s.r == nil {
		s.r = registry.Default
	}
	for _, class := range p.About().GetClasses() {
		s.verify(class)
	}
	return s.checks
}

// Binary builds the program in a folder and checks it as gk plugin verify does.
func Binary(t *testing.T, dir string) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "plugin")
	cmd := exec.Command("go", "build", "-o", binary, ".")
	cmd.Dir, cmd.Env = dir, os.Environ()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	Program(t, binary, plugins.Options{})
}

// Program checks a plugin that has been built, or one in Python.
func Program(t *testing.T, path string, o plugins.Options) {
	t.Helper()
	p, err := plugins.Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	report(t, Verify(p))
}

func report(t *testing.T, checks []Check) {
	t.Helper()
	for _, c := range checks {
		switch {
		case c.Err != nil:
			t.Errorf("%s: %s: %v", c.Class, c.Name, c.Err)
		default:
			t.Logf("%s: %s %s", c.Class, c.Name, c.Note)
		}
	}
}

package plugins

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/registry"
)

// This file owns the tests of installed and locked plugins.

func TestStore(t *testing.T) {
	s := Store{filepath.Join(t.TempDir(), "plugins")}
	if all, err := s.List(); err != nil || len(all) != 0 {
		t.Fatalf("got %v, %v from an empty store", all, err)
	}
	r, err := s.Install(self(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Name != "test" || r.Version != "1.2.3" || len(r.SHA256) != 64 || r.Platform != Platform() {
		t.Errorf("got record %+v", r)
	}
	if _, err := s.Install(self(t), Options{}); err != nil {
		t.Errorf("installing again: %v", err)
	}
	m := NewManager(registry.Default, Options{})
	defer m.Close()
	if err := m.Installed(s); err != nil {
		t.Fatal(err)
	}
	if p := m.Plugins()[0]; p.proc != nil {
		t.Error("an installed plugin was started before it was needed")
	}
	local := registry.Default.Clone()
	register(local)
	_, want := train(t, local)
	if _, got := train(t, m.Registry); len(got) != len(want) || got[0][0] != want[0][0] {
		t.Error("an installed plugin computes something else")
	}

	// The same plugin by its path goes first.
	both, err := Load(registry.Default, Options{}, self(t))
	if err != nil {
		t.Fatal(err)
	}
	defer both.Close()
	if err := both.Installed(s); err != nil || len(both.Plugins()) != 1 {
		t.Errorf("got %d plugins, %v, want the one given by its path", len(both.Plugins()), err)
	}

	// What is installed is what is run.
	m.Close()
	both.Close()
	if err := os.Chmod(r.Path(), 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(r.Path(), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.WriteString("x")
	f.Close()
	changed := NewManager(registry.Default, Options{})
	defer changed.Close()
	if err := changed.Installed(s); err != nil {
		t.Fatal(err)
	}
	if _, err := changed.Plugins()[0].State(); !errors.Is(err, core.ErrPluginChecksum) {
		t.Errorf("got %v from a changed file, want %s", err, core.ErrPluginChecksum)
	}

	if err := s.Remove("test"); err != nil {
		t.Error(err)
	}
	if err := s.Remove("test"); !errors.Is(err, core.ErrNotFound) {
		t.Errorf("got %v, want %s", err, core.ErrNotFound)
	}
	left, _ := os.ReadDir(s.Dir)
	for _, e := range left {
		if e.Name() != ".lock" {
			t.Errorf("%s is left", e.Name())
		}
	}
}

func TestLock(t *testing.T) {
	hash, err := FileHash(self(t))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), LockName)
	if l, err := ReadLock(path); l != nil || err != nil {
		t.Errorf("got %v, %v where there is no lock", l, err)
	}
	l := &Lock{}
	l.Pin(&Record{Name: "test", Version: "1.2.3", Protocol: 1, SHA256: strings.Repeat("0", 64), Platform: "plan9/mips"})
	l.Pin(&Record{Name: "test", Version: "1.2.3", Protocol: 1, SHA256: hash, Platform: Platform()})
	if err := l.Write(path); err != nil {
		t.Fatal(err)
	}
	again, err := ReadLock(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(again.Plugins) != 1 || len(again.Plugins[0].SHA256) != 2 {
		t.Errorf("got %+v, want both platforms", again)
	}
	load(t, Options{Check: again.Check})
	again.Plugins[0].SHA256[Platform()] = strings.Repeat("1", 64)
	if _, err := Load(registry.Default, Options{Check: again.Check}, self(t)); !errors.Is(err, core.ErrPluginChecksum) || !errors.Is(err, core.ErrPlugin) {
		t.Errorf("got %v, want %s", err, core.ErrPluginChecksum)
	}
	again.Pin(&Record{Name: "test", Version: "2.0.0", SHA256: hash, Platform: "any"})
	if n := len(again.Plugins[0].SHA256); n != 1 {
		t.Errorf("a new version keeps %d hashes, want its own alone", n)
	}
	for _, text := range []string{"{", `{"version": 2}`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadLock(path); err == nil {
			t.Errorf("read %s as a lock", text)
		}
	}
}

func TestWhatCannotRun(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	foreign := "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 9) + "\x02\x00\xf3\x00" + strings.Repeat("\x00", 64)
	for path, want := range map[string]string{
		filepath.Join(dir, "nothing"):    "no such file",
		dir:                              "is no file that can be run",
		write("text", "hello", 0o600):    "not executable",
		write("foreign", foreign, 0o700): "cannot run on this machine",
		write("script", "#!/bin/sh\necho hi\n", 0o700): "does not behave as a plugin",
	} {
		_, err := Load(registry.Default, Options{}, path)
		if !errors.Is(err, core.ErrPluginStart) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v, want %s with %q", path, err, core.ErrPluginStart, want)
		}
	}
}

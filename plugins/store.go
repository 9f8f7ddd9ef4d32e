package plugins

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/atomicfile"
	pb "github.com/gokeras/gk/plugins/proto/v1"
)

// This file owns the plugins that a user has installed: a folder with a folder for each, which holds a copy of the plugin and a record. Which
// plugin provides a class, these records say, never a model file.

// Store is a folder of installed plugins.
type Store struct{ Dir string }

// DefaultStore is the user's: $GK_PLUGINS, else gk/plugins in the folder for configuration.
func DefaultStore() (Store, error) {
	if dir := os.Getenv("GK_PLUGINS"); dir != "" {
		return Store{dir}, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return Store{}, &core.Error{Kind: core.ErrIO, Where: "plugins", Err: err, Hint: "set GK_PLUGINS to a folder"}
	}
	return Store{filepath.Join(dir, "gk", "plugins")}, nil
}

// Record is what is known of an installed plugin.
type Record struct {
	Name     string          `json:"name"`
	Version  string          `json:"version"`
	Protocol int             `json:"protocol"`
	SHA256   string          `json:"sha256"`
	Platform string          `json:"platform"` // "linux/amd64", "any" for Python
	File     string          `json:"file"`     // in the plugin's folder
	Source   string          `json:"source"`   // where it was installed from
	About    json.RawMessage `json:"about"`    // what it says of itself

	dir string
}

// Path is where the copy of the plugin is.
func (r *Record) Path() string { return filepath.Join(r.dir, r.File) }

// Description is what the plugin said of itself when it was installed.
func (r *Record) Description() (*pb.Description, error) {
	d := &pb.Description{}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(r.About, d); err != nil {
		return nil, fmt.Errorf("about: %w", err)
	}
	return d, checkDescription(d)
}

const recordName = "plugin.json"

// List reads all records, sorted by name.
func (s Store) List() ([]*Record, error) {
	entries, err := os.ReadDir(s.Dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, &core.Error{Kind: core.ErrIO, File: s.Dir, Err: unwrapPath(err)}
	}
	var all []*Record
	for _, e := range entries {
		if !e.IsDir() || !ValidName(e.Name()) {
			continue
		}
		r, err := s.read(e.Name())
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

// Find reads one record; nil if there is no such plugin.
func (s Store) Find(name string) (*Record, error) {
	if !ValidName(name) {
		return nil, nil
	}
	if _, err := os.Stat(filepath.Join(s.Dir, name, recordName)); err != nil {
		return nil, nil
	}
	return s.read(name)
}

func (s Store) read(name string) (*Record, error) {
	path := filepath.Join(s.Dir, name, recordName)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, &core.Error{Kind: core.ErrIO, File: path, Err: unwrapPath(err)}
	}
	r := &Record{dir: filepath.Join(s.Dir, name)}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, &core.Error{Kind: core.ErrConfigJSON, File: path, Err: err, Hint: "remove the folder and install the plugin again"}
	}
	if r.Name != name || r.File == "" || r.File != filepath.Base(r.File) || r.File == ".." {
		return nil, &core.Error{Kind: core.ErrCorrupt, File: path, Msg: fmt.Sprintf("got name %q and file %q", r.Name, r.File), Hint: "remove the folder and install the plugin again"}
	}
	return r, nil
}

// Install copies a plugin into the store and writes its record, after it has been started once to say what it is. An older version of the
// same plugin is replaced.
func (s Store) Install(path string, o Options) (*Record, error) {
	unlock, err := s.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	staged, err := os.MkdirTemp(s.Dir, ".install-")
	if err != nil {
		return nil, &core.Error{Kind: core.ErrIO, File: s.Dir, Err: unwrapPath(err)}
	}
	defer os.RemoveAll(staged)
	r := &Record{Protocol: protocolVersion, Source: full, Platform: Platform(), File: filepath.Base(full)}
	if _, ok := isPython(full); ok {
		r.Platform = "any"
	}
	if err := copyAll(filepath.Join(staged, r.File), full); err != nil {
		return nil, &core.Error{Kind: core.ErrIO, File: path, Err: err}
	}
	// What is asked is the copy, and it is the copy that is hashed: nobody can put another file in between.
	o.Check = func(_, hash string) error { r.SHA256 = hash; return nil }
	p, err := Open(filepath.Join(staged, r.File), o)
	if err != nil {
		return nil, core.InFile(path, err)
	}
	defer p.Close()
	r.Name, r.Version = p.Name(), p.about.GetVersion()
	if r.About, err = protojson.Marshal(p.about); err != nil {
		return nil, err
	}
	if err := s.clashes(r, p.about); err != nil {
		return nil, core.InFile(path, err)
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(staged, recordName), append(text, '\n'), 0o600); err != nil {
		return nil, &core.Error{Kind: core.ErrIO, File: s.Dir, Err: unwrapPath(err)}
	}
	r.dir = filepath.Join(s.Dir, r.Name)
	old := filepath.Join(s.Dir, ".old-"+r.Name)
	_ = os.RemoveAll(old)
	if err := os.Rename(r.dir, old); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, &core.Error{Kind: core.ErrIO, File: r.dir, Err: unwrapPath(err)}
	}
	if err := os.Rename(staged, r.dir); err != nil {
		_ = os.Rename(old, r.dir)
		return nil, &core.Error{Kind: core.ErrIO, File: r.dir, Err: unwrapPath(err)}
	}
	_ = os.RemoveAll(old)
	return r, nil
}

// clashes reports a class that another installed plugin provides too.
func (s Store) clashes(r *Record, d *pb.Description) error {
	all, err := s.List()
	if err != nil {
		return err
	}
	for _, other := range all {
		if other.Name == r.Name {
			continue
		}
		x, err := other.Description()
		if err != nil {
			continue
		}
		for _, c := range d.GetClasses() {
			if slices.ContainsFunc(x.GetClasses(), func(o *pb.Class) bool { return o.GetKind() == c.GetKind() && ClassName(o) == ClassName(c) }) {
				return &core.Error{Kind: core.ErrUsage, Msg: fmt.Sprintf("%s %q is provided by the installed plugin %q too (%s)", KindName(c.GetKind()), ClassName(c), other.Name, other.Path()),
					Hint: "gk plugin remove " + other.Name}
			}
		}
	}
	return nil
}

// Remove takes a plugin out of the store.
func (s Store) Remove(name string) error {
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	r, err := s.Find(name)
	if err != nil {
		return err
	}
	if r == nil {
		return &core.Error{Kind: core.ErrNotFound, Where: fmt.Sprintf("plugin %q", name), Msg: "is not installed", Hint: "gk plugin list"}
	}
	return os.RemoveAll(r.dir)
}

// lock keeps two processes from changing the store at once: who makes the file may.
func (s Store) lock() (unlock func(), err error) {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, &core.Error{Kind: core.ErrIO, File: s.Dir, Err: unwrapPath(err)}
	}
	return lockFile(filepath.Join(s.Dir, ".lock"))
}

// Platform is this machine's, as records and locks name it.
func Platform() string { return runtime.GOOS + "/" + runtime.GOARCH }

// copyAll copies a file, or a folder of files, read-only.
func copyAll(to, from string) error {
	info, err := os.Stat(from)
	if err != nil {
		return unwrapPath(err)
	}
	if !info.IsDir() {
		return copyFile(to, from, info)
	}
	return filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case d.IsDir() && (d.Name() == "__pycache__" || rel != "." && strings.HasPrefix(d.Name(), ".")):
			return filepath.SkipDir
		case d.IsDir():
			return os.MkdirAll(target, 0o700)
		case !d.Type().IsRegular():
			return fmt.Errorf("%s is no regular file", rel)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return copyFile(target, path, info)
	})
}

func copyFile(to, from string, info os.FileInfo) error {
	in, err := os.Open(from)
	if err != nil {
		return unwrapPath(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o400|info.Mode()&0o100)
	if err != nil {
		return unwrapPath(err)
	}
	_, err = io.Copy(out, in)
	return cmp.Or(err, out.Close())
}

// Installed adds the plugins of a store to a manager. They are started when something of theirs is used. What the manager has already goes
// first: classes that are there are not added again.
func (m *Manager) Installed(s Store) error {
	all, err := s.List()
	if err != nil {
		return err
	}
	for _, r := range all {
		d, err := r.Description()
		if err != nil {
			return &core.Error{Kind: core.ErrCorrupt, File: filepath.Join(r.dir, recordName), Err: err, Hint: "install the plugin again"}
		}
		if slices.ContainsFunc(m.Plugins(), func(p *Plugin) bool { return p.Name() == r.Name }) {
			continue
		}
		o := m.options
		o.Check = r.check(o.Check)
		p := newPlugin(r.Path(), o)
		p.about = d
		m.mu.Lock()
		m.all = append(m.all, p)
		m.mu.Unlock()
		if err := p.Register(m.Registry); err != nil {
			return err
		}
	}
	return nil
}

// check sees to it that the copy is what was installed.
func (r *Record) check(further func(path, hash string) error) func(path, hash string) error {
	return func(path, hash string) error {
		if hash != r.SHA256 {
			return &core.Error{Kind: core.ErrPluginChecksum, Msg: fmt.Sprintf("got SHA-256 %s, want %s", hash, r.SHA256),
				Hint: "the file has changed since it was installed; if you know why, gk plugin install " + r.Source}
		}
		if further != nil {
			return further(path, hash)
		}
		return nil
	}
}

// Lock says which plugins a project may use: gk.lock.
type Lock struct {
	Version int      `json:"version"`
	Plugins []Locked `json:"plugins"`
}

// Locked is a plugin of a lock.
type Locked struct {
	Name     string            `json:"name"`
	Version  string            `json:"version"`
	Protocol int               `json:"protocol"`
	SHA256   map[string]string `json:"sha256"` // by platform: "linux/amd64", "any"
}

// LockName is the file of a lock.
const LockName = "gk.lock"

// ReadLock reads a lock; nil if there is no such file.
func ReadLock(path string) (*Lock, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, &core.Error{Kind: core.ErrIO, File: path, Err: unwrapPath(err)}
	}
	l := &Lock{}
	if err := json.Unmarshal(text, l); err != nil {
		return nil, &core.Error{Kind: core.ErrConfigJSON, File: path, Err: err}
	}
	if l.Version != 1 {
		return nil, &core.Error{Kind: core.ErrUnsupported, File: path, Where: "version", Msg: fmt.Sprintf("got %d, want 1", l.Version)}
	}
	return l, nil
}

// Pin puts a plugin in the lock, in place of another version of it; the hashes of other platforms stay where the version is the same.
func (l *Lock) Pin(r *Record) {
	l.Version = 1
	i := slices.IndexFunc(l.Plugins, func(x Locked) bool { return x.Name == r.Name })
	if i < 0 {
		l.Plugins = append(l.Plugins, Locked{Name: r.Name})
		i = len(l.Plugins) - 1
	}
	x := &l.Plugins[i]
	if x.Version != r.Version || x.SHA256 == nil {
		x.SHA256 = map[string]string{}
	}
	x.Version, x.Protocol = r.Version, r.Protocol
	x.SHA256[r.Platform] = r.SHA256
	slices.SortFunc(l.Plugins, func(a, b Locked) int { return strings.Compare(a.Name, b.Name) })
}

// Write writes the lock.
func (l *Lock) Write(path string) error {
	text, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return err
	}
	f, err := atomicfile.Create(path)
	if err != nil {
		return core.InFile(path, err)
	}
	defer f.Abort()
	if _, err := f.Write(append(text, '\n')); err != nil {
		return core.InFile(path, err)
	}
	return core.InFile(path, f.Commit())
}

// Check is for Options.Check: a plugin must be one of the lock's, for this platform.
func (l *Lock) Check(path, hash string) error {
	var known []string
	for _, x := range l.Plugins {
		for _, platform := range []string{Platform(), "any"} {
			if h, ok := x.SHA256[platform]; ok {
				if h == hash {
					return nil
				}
				known = append(known, x.Name)
			}
		}
	}
	return &core.Error{Kind: core.ErrPluginChecksum, Msg: fmt.Sprintf("%s has SHA-256 %s, which %s does not have for %s", filepath.Base(path), hash, LockName, Platform()),
		Hint: fmt.Sprintf("it locks %s; gk plugin lock writes what is installed now", cmp.Or(strings.Join(known, ", "), "no plugin"))}
}

package dataset

// This file owns the table of named data sets, where their files are looked for, and the default.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// Source is a data set that Load knows by name: what the entries of registry.Datasets are.
type Source interface {
	core.DataSource
	Load(ctx context.Context, o Options) (*Split, error)
}

type namedSet struct {
	name, about string
	load        func(ctx context.Context, o Options) (*Split, error)
}

func (s namedSet) RegistryName() string                                { return s.name }
func (s namedSet) About() string                                       { return s.about }
func (s namedSet) Load(ctx context.Context, o Options) (*Split, error) { return s.load(ctx, o) }

func init() {
	for _, s := range []namedSet{
		{"digits", "28x28 digits drawn from fonts, 60,000 and 10,000, the shape of MNIST; made in memory, needs no file", loadDigits},
		{"fashion_mnist", "28x28 pictures of clothes by Zalando, 60,000 and 10,000; from local IDX files", loadFashion},
		{"mnist", "28x28 handwritten digits, 60,000 and 10,000; downloaded once, 11 MB", loadMNIST},
	} {
		registry.Default.Datasets.MustAdd(registry.Entry[core.DataSource]{Name: s.name, New: func() core.DataSource { return s }})
	}
}

// find is the named set of a registry; nil if it has none of that name.
func (o Options) find(name string) Source {
	r := o.Registry
	if r == nil {
		r = registry.Default
	}
	if e := r.Datasets.Lookup(name); e != nil {
		s, _ := e.New().(Source)
		return s
	}
	return nil
}

// Names are the data sets that Load knows by name, sorted.
func Names() []string { return registry.Default.Datasets.Names() }

// About describes a named set in one line, or is "" for other names.
func About(name string) string {
	if s := (Options{}).find(name); s != nil {
		return s.About()
	}
	return ""
}

// Default is the data set for a first try: mnist where it is on this machine (nothing is downloaded), else digits. The name says
// which one it is.
func Default(ctx context.Context, o Options) (s *Split, name string, err error) {
	name = "mnist"
	if findMNIST(o.Download) == "" {
		name = "digits"
	}
	s, err = Load(ctx, name, o)
	return s, name, err
}

// folders are where files of named sets may be: the folder given, $GK_DATA, then the cache that Keras uses.
func (d Download) folders() []string {
	var dirs []string
	if d.Folder != "" {
		dirs = append(dirs, d.Folder)
	}
	if d := os.Getenv("GK_DATA"); d != "" {
		dirs = append(dirs, d)
	}
	if d := kerasHome(); d != "" {
		dirs = append(dirs, filepath.Join(d, "datasets"))
	}
	return dirs
}

// kerasHome is Keras' own folder, $KERAS_HOME or ~/.keras, or "" where there is no home.
func kerasHome() string {
	if d := os.Getenv("KERAS_HOME"); d != "" {
		return d
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".keras")
}

const mnistFile = "mnist.npz"

// mnistRemote is the file that Keras' own mnist.load_data fetches, with the hash that it checks.
var mnistRemote = remote{
	path:     mnistFile,
	sha256:   "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
	maxBytes: 64 << 20,
}

// findMNIST is the path of a local mnist.npz, or "".
func findMNIST(d Download) string {
	for _, dir := range d.folders() {
		path := filepath.Join(dir, mnistFile)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return ""
}

func loadMNIST(ctx context.Context, o Options) (*Split, error) {
	path := findMNIST(o.Download)
	if path == "" {
		var err error
		if path, err = download(ctx, mnistRemote, o.Download); err != nil {
			return nil, err
		}
	}
	o.Inputs, o.Outputs = nil, nil // the file's names are known
	s, err := loadFile(path, o)
	if err == nil {
		err = likeMNIST(s)
	}
	if err != nil {
		return nil, fmt.Errorf("%w (remove %s to have it fetched again)", err, path)
	}
	s.Origin = path
	return s, nil
}

// likeMNIST checks two parts of labelled 28x28 images of ten classes.
func likeMNIST(s *Split) error {
	if s.Test == nil {
		return errors.New("got one part, want training and test data")
	}
	if err := s.Validate(); err != nil {
		return err
	}
	for _, d := range []*Dataset{s.Train, s.Test} {
		x := d.X[0]
		if x.DType() != tensor.Uint8 || !(tensor.Shape{-1, 28, 28}).Matches(x.Shape()) {
			return fmt.Errorf("got images %s %v, want uint8 (None, 28, 28)", x.DType(), x.Shape())
		}
		if len(d.Y) != 1 || len(d.Y[0].Shape()) != 1 {
			return errors.New("got no list of labels, want one for each image")
		}
		for i, v := range d.Y[0].Float64s() {
			if v < 0 || v > 9 {
				return fmt.Errorf("label %d: got %v, want 0 to 9", i, v)
			}
		}
	}
	return nil
}

// fashionClasses are the names that the publishers of Fashion-MNIST give to its labels.
var fashionClasses = []string{"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"}

// loadFashion reads the four IDX files from a folder named as in Keras' cache. They are not downloaded: their publishers give no
// hash that would protect the copy.
func loadFashion(_ context.Context, o Options) (*Split, error) {
	for _, dir := range o.Download.folders() {
		for _, name := range []string{"fashion-mnist", "fashion_mnist"} {
			path := filepath.Join(dir, name)
			s, err := loadIDXFolder(path, o)
			if s == nil && err == nil {
				continue
			}
			if err == nil {
				err = likeMNIST(s)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			s.Origin = path
			s.Train.Classes, s.Test.Classes = fashionClasses, fashionClasses
			return s, nil
		}
	}
	return nil, fmt.Errorf("not on this machine; put %s.gz and the three files that go with it (%s) into one of %q",
		idxFiles[0], "https://github.com/zalandoresearch/fashion-mnist", o.Download.folders())
}

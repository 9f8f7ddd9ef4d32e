package dataset

// This file owns folders: images by class, as Keras' image_dataset_from_directory has them, and the four files of an IDX set.

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/gokeras/gk/core/tensor"
	"golang.org/x/sync/errgroup"
)

// loadFolder reads a folder by what is in it.
func loadFolder(ctx context.Context, dir string, o Options) (*Split, error) {
	if s, err := loadIDXFolder(dir, o); s != nil || err != nil {
		return s, err
	}
	classes, err := subfolders(dir)
	if err != nil {
		return nil, err
	}
	if slices.Contains(classes, "train") {
		for _, test := range []string{"test", "validation", "val", "valid"} {
			if slices.Contains(classes, test) {
				return loadImageParts(ctx, filepath.Join(dir, "train"), filepath.Join(dir, test), o)
			}
		}
	}
	d, err := loadImages(ctx, dir, classes, o)
	return &Split{Train: d}, err
}

// loadImageParts reads a folder for training and one for testing, both with the classes of the first.
func loadImageParts(ctx context.Context, train, test string, o Options) (*Split, error) {
	classes, err := subfolders(train)
	if err != nil {
		return nil, err
	}
	s := &Split{}
	if s.Train, err = loadImages(ctx, train, classes, o); err != nil {
		return nil, err
	}
	if classes, err = subfolders(test); err != nil {
		return nil, err
	}
	o.Classes = s.Train.Classes
	o.Size = [2]int(s.Train.X[0].Shape()[1:3])
	s.Test, err = loadImages(ctx, test, classes, o)
	return s, err
}

// subfolders are the names of the visible folders in dir, sorted.
func subfolders(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if info, err := os.Stat(filepath.Join(dir, e.Name())); err == nil && info.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// loadImages reads all images below dir into one uint8 array (N, height, width, channels), in the order of their paths, with labels
// (N,) where there are class folders.
func loadImages(ctx context.Context, dir string, classes []string, o Options) (*Dataset, error) {
	d := &Dataset{Classes: o.Classes}
	if d.Classes == nil {
		d.Classes = classes
	}
	var y []int32
	for _, class := range classes {
		label := slices.Index(d.Classes, class)
		if label < 0 {
			return nil, fmt.Errorf("%s: got class %q, want one of %s", dir, class, quoted(d.Classes))
		}
		files, err := imageFiles(filepath.Join(dir, class), true)
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			d.Files, y = append(d.Files, f), append(y, int32(label))
		}
	}
	if len(classes) == 0 {
		files, err := imageFiles(dir, false)
		if err != nil {
			return nil, err
		}
		d.Files = files
	} else {
		d.Y = []*tensor.Tensor{tensor.From(y)}
	}
	if len(d.Files) == 0 {
		return nil, fmt.Errorf("%s: got no images, want files named %s, in a sub-folder for each class", dir, strings.Join(imageExtensions, ", "))
	}
	x, err := readImages(ctx, d.Files, o)
	if err != nil {
		return nil, err
	}
	d.X = []*tensor.Tensor{x}
	return d, nil
}

// Other files (notes, thumbnails' caches) lie beside images everywhere, so that in folders the name decides which ones are meant.
var imageExtensions = []string{".bmp", ".gif", ".jpeg", ".jpg", ".png"}

func imageFiles(dir string, deep bool) (files []string, err error) {
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && path != dir && (!deep || strings.HasPrefix(e.Name(), ".")):
			return fs.SkipDir
		case !e.IsDir() && !strings.HasPrefix(e.Name(), ".") && slices.Contains(imageExtensions, strings.ToLower(filepath.Ext(path))):
			files = append(files, path)
		}
		return nil
	})
	return files, err
}

// readImages decodes images side by side.
func readImages(ctx context.Context, files []string, o Options) (*tensor.Tensor, error) {
	h, w, err := imageSize(files[0])
	if err != nil {
		return nil, err
	}
	shape, err := o.imageShape(h, w)
	if err != nil {
		return nil, err
	}
	if o.Size == [2]int{} {
		for _, f := range files {
			if h2, w2, err := imageSize(f); err != nil {
				return nil, err
			} else if h2 != h || w2 != w {
				return nil, fmt.Errorf("images differ in size: %s is %d by %d, %s is %d by %d; give a height and width to resize them to",
					files[0], h, w, f, h2, w2)
			}
		}
	}
	row := shape.Size()
	if int64(len(files)) > o.maxBytes()/int64(row) {
		return nil, fmt.Errorf("%d images of %v take more than %d bytes of memory", len(files), shape, o.maxBytes())
	}
	x := tensor.New(tensor.Uint8, append(tensor.Shape{len(files)}, shape...)...)
	pix := tensor.Data[uint8](x)
	g, failed := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, f := range files {
		if failed.Err() != nil {
			break
		}
		g.Go(func() error { return readImage(pix[i*row:(i+1)*row], f, shape[0], shape[1], shape[2]) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return x, context.Cause(ctx)
}

// idxFiles are the four files of MNIST and its kind, as their publishers named them.
var idxFiles = [4]string{"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"}

// loadIDXFolder reads such a set; it is nil where dir has no training images of that name.
func loadIDXFolder(dir string, o Options) (*Split, error) {
	var paths [4]string
	for i, name := range idxFiles {
		if paths[i] = existing(filepath.Join(dir, name)); paths[i] == "" && i == 0 {
			return nil, nil
		} else if paths[i] == "" {
			return nil, fmt.Errorf("%s: %s is missing beside %s", dir, name, filepath.Base(paths[0]))
		}
	}
	part := func(images, labels string) (*Dataset, error) {
		o.LabelFile = labels
		x, err := readArrayFile(images, o)
		if err != nil {
			return nil, err
		}
		s, err := withLabels(x, images, o)
		if err != nil {
			return nil, err
		}
		return s.Train, nil
	}
	train, err := part(paths[0], paths[1])
	if err != nil {
		return nil, err
	}
	test, err := part(paths[2], paths[3])
	if err != nil {
		return nil, err
	}
	return &Split{Train: train, Test: test}, nil
}

// existing is path or path.gz, whichever is there, else "".
func existing(path string) string {
	for _, p := range []string{path, path + ".gz"} {
		if info, err := os.Stat(p); err == nil && info.Mode().IsRegular() {
			return p
		}
	}
	return ""
}

// idxLabelsBeside is the label file that belongs to an image file of idxFiles, where it is there.
func idxLabelsBeside(path string) string {
	dir, base := filepath.Split(path)
	for i := 0; i < len(idxFiles); i += 2 {
		if strings.TrimSuffix(base, ".gz") == idxFiles[i] {
			return existing(filepath.Join(dir, idxFiles[i+1]))
		}
	}
	return ""
}

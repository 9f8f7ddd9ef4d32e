package dataset

// This file owns finding out what a source is: a named set, a folder, or a file whose first bytes tell its format.

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// Options says how to read a source. The zero Options suits most; each format looks only at what concerns it.
type Options struct {
	// Inputs and Outputs are names of a model's inputs and outputs: arrays of these names in a .npz file are taken first.
	Inputs, Outputs []string
	// LabelFile is a second file with the targets, for formats that hold one array (.npy, IDX).
	LabelFile string

	// LabelColumn is the CSV column of the labels: its name in the header, or its number from 1. By default it is the last one.
	LabelColumn string
	// NoLabels reads every CSV column as a feature.
	NoLabels bool
	// Header says whether the first CSV line holds names; by default it does where none of its features is a number.
	Header Header
	// Comma separates CSV columns; by default it is ',', or else ';' or a tab where the first line has no comma.
	Comma rune
	// Classes fixes the class names and their indices, so that a second source means the same by a label as the first. By default the
	// names that occur are sorted.
	Classes []string

	// Size is height and width that images are resized to. By default they keep their size, which must then be the same for all.
	Size [2]int
	// Channels is 1 (gray), 3 (RGB, the default) or 4 (RGB and alpha).
	Channels int

	// Seed makes another version of the generated set "digits".
	Seed uint64

	// MaxBytes is the most memory that the arrays of one source may take; by default 16 GiB.
	MaxBytes int64

	// Download says where named sets come from.
	Download Download
	// Registry has the named sets; by default registry.Default.
	Registry *registry.Registry
}

// Header says whether the first line of a CSV file holds column names.
type Header int

// The values of Header.
const (
	HeaderAuto Header = iota
	HeaderYes
	HeaderNo
)

const defaultMaxBytes = 16 << 30

func (o Options) maxBytes() int64 {
	if o.MaxBytes > 0 {
		return o.MaxBytes
	}
	return defaultMaxBytes
}

// Load reads a data set: one of Names, else a folder or file. What a file is, its contents tell, not its name:
//
//   - .npz: arrays named by Options.Inputs and Outputs; or x_train, y_train, x_test, y_test; or x, y; or a single array. Sample weights
//     are sample_weight, sample_weight_train and sample_weight_test.
//   - .npy and IDX, also under gzip: one array of inputs, targets from Options.LabelFile. IDX files named as the original MNIST's
//     ("train-images-idx3-ubyte") find their labels themselves.
//   - CSV, also under gzip: a row per sample, the label in one column. Labels that are not numbers become class indices.
//   - a folder of the four IDX files of MNIST or a set of its kind.
//   - a folder of images, its sub-folders being the classes; or one holding such folders named train and test (or validation).
//   - an image (PNG, JPEG, GIF, BMP): a single sample.
//
// A name goes before a file of that name, which ./NAME still reaches. Files of named sets are looked for in Download.Folder, in the
// folder $GK_DATA and in Keras' cache ($KERAS_HOME or ~/.keras, datasets). The result is valid (see Dataset.Validate). Downloads,
// generated sets and folders of images stop when ctx is cancelled.
func Load(ctx context.Context, source string, o Options) (*Split, error) {
	if set := o.find(source); set != nil {
		s, err := set.Load(ctx, o)
		if err != nil {
			return nil, fmt.Errorf("data %q: %w", source, err)
		}
		s.Name = source
		return s, nil
	}
	info, err := os.Stat(source)
	if os.IsNotExist(err) {
		return nil, fmt.Errorf("data %q: no such file or folder, nor a data set of that name; named sets: %s",
			source, strings.Join(Names(), ", "))
	}
	if err != nil {
		return nil, err
	}
	var s *Split
	if info.IsDir() {
		s, err = loadFolder(ctx, source, o)
	} else {
		s, err = loadFile(source, o)
	}
	if err != nil {
		return nil, err
	}
	if err := s.Validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", source, err)
	}
	s.Name, s.Origin = source, source
	return s, nil
}

// openFile opens a regular file; a pipe or device could not be held against its size.
func openFile(path string) (*os.File, int64, error) {
	info, err := os.Stat(path) // before opening, which would wait for the other end of a pipe
	switch {
	case err != nil:
		return nil, 0, err
	case !info.Mode().IsRegular():
		return nil, 0, fmt.Errorf("%s: want a regular file", path)
	case info.Size() == 0:
		return nil, 0, fmt.Errorf("%s: got an empty file", path)
	}
	f, err := os.Open(path)
	return f, info.Size(), err
}

func loadFile(path string, o Options) (*Split, error) {
	f, size, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s, start, err := newStream(f, path, size, o)
	if err != nil {
		return nil, err
	}
	switch {
	case isZip(start):
		return loadNpz(f, size, path, o)
	case isImage(start):
		return loadImage(path, o)
	case isArray(start):
		t, err := readArray(s, start)
		if err != nil {
			return nil, err
		}
		return withLabels(t, path, o)
	}
	if err := refuse(start); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return loadCSV(s, o)
}

// newStream is a file from its start, decompressed where it is gzip, and its first bytes. Files of other kinds of compression or of
// random access are recognised by those bytes.
func newStream(f io.Reader, path string, size int64, o Options) (stream, []byte, error) {
	s := stream{name: path, r: bufio.NewReaderSize(f, 1<<16), length: size, exact: true, limit: o.maxBytes()}
	start, err := s.r.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return s, nil, fmt.Errorf("%s: %w", path, err)
	}
	if !bytes.HasPrefix(start, []byte("\x1f\x8b")) {
		return s, start, nil
	}
	z, err := gzip.NewReader(s.r)
	if err != nil {
		return s, nil, fmt.Errorf("%s: %w", path, short(err))
	}
	s.length, s.exact = maxRatio*size, false
	s.r = bufio.NewReaderSize(&bounded{z, s.limit}, 1<<16)
	if start, err = s.r.Peek(512); err != nil && !errors.Is(err, io.EOF) {
		return s, nil, fmt.Errorf("%s: %w", path, short(err))
	}
	if isZip(start) || isImage(start) {
		return s, nil, fmt.Errorf("%s: unpack it first: of files under gzip only arrays and CSV can be read", path)
	}
	return s, start, nil
}

// bounded fails, rather than ends, after so many bytes.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("unpacks to more bytes than allowed")
	}
	return n, err
}

func isZip(start []byte) bool {
	return bytes.HasPrefix(start, []byte("PK\x03\x04")) || bytes.HasPrefix(start, []byte("PK\x05\x06"))
}

func isArray(start []byte) bool { return bytes.HasPrefix(start, []byte(npyMagic)) || isIDX(start) }

func readArray(s stream, start []byte) (*tensor.Tensor, error) {
	if isIDX(start) {
		return readIDX(s)
	}
	return readNpy(s)
}

// readArrayFile reads a file that holds one array.
func readArrayFile(path string, o Options) (*tensor.Tensor, error) {
	f, size, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s, start, err := newStream(f, path, size, o)
	if err != nil {
		return nil, err
	}
	if !isArray(start) {
		return nil, fmt.Errorf("%s: want a .npy or IDX array", path)
	}
	return readArray(s, start)
}

// withLabels makes a data set of one array and the labels that belong to it.
func withLabels(x *tensor.Tensor, path string, o Options) (*Split, error) {
	d := &Dataset{X: []*tensor.Tensor{x}}
	labels := o.LabelFile
	if labels == "" {
		labels = idxLabelsBeside(path)
	}
	if labels != "" {
		y, err := readArrayFile(labels, o)
		if err != nil {
			return nil, err
		}
		d.Y, d.YNames = []*tensor.Tensor{y}, []string{labels}
		d.XNames = []string{path}
	}
	return &Split{Train: d}, nil
}

// refuse says what a file is that is not data, or nil where it may be text.
func refuse(start []byte) error {
	switch {
	case bytes.HasPrefix(start, []byte("\x89HDF\r\n\x1a\n")):
		return fmt.Errorf("this is an HDF5 file, which holds models here and not data; save arrays with numpy.savez")
	case len(start) > 1 && start[0] == 0x80 && start[1] <= 5:
		return fmt.Errorf("this is a Python pickle, which can run code and is refused; save arrays with numpy.savez")
	case bytes.IndexByte(start, 0) >= 0:
		return fmt.Errorf("unknown format, starts with % x; want .npz, .npy, IDX, CSV or an image", start[:min(8, len(start))])
	}
	return nil
}

package dataset

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gokeras/gk/core/tensor"
	"golang.org/x/image/bmp"
)

// The samples were resized by tf.image.resize; ours are rounded.
func TestResizeLikeTensorFlow(t *testing.T) {
	a := openSample(t, "resize.npz", Options{})
	src, err := a.read("src")
	if err != nil {
		t.Fatal(err)
	}
	for name := range a.members {
		if name == "src" {
			continue
		}
		want, err := a.read(name)
		if err != nil {
			t.Fatal(err)
		}
		h, w := want.Shape()[0], want.Shape()[1]
		got := make([]uint8, h*w*3)
		resize(got, h, w, tensor.Data[uint8](src), src.Shape()[0], src.Shape()[1], 3)
		if d := tensor.MaxAbsDiff(tensor.From(got, h, w, 3), want); d > 0.501 {
			t.Errorf("%s: differs by %v", name, d)
		}
	}
}

// The samples are what Keras' image_dataset_from_directory made of the same folder.
func TestImageFolderLikeKeras(t *testing.T) {
	a := openSample(t, "images_keras.npz", Options{})
	for channels, array := range map[int]string{1: "x_grayscale", 3: "x_rgb"} {
		want, err := a.read(array)
		if err != nil {
			t.Fatal(err)
		}
		s := load(t, sample("images"), Options{Size: [2]int{6, 4}, Channels: channels})
		d := s.Train
		if !d.X[0].Shape().Equal(want.Shape()) {
			t.Fatalf("got shape %v, want %v", d.X[0].Shape(), want.Shape())
		}
		for i, f := range d.Files {
			// Ours are rounded. JPEG decoders differ: TensorFlow's takes a fast cosine transform and smooths colour between its samples.
			allowed := 0.501
			if filepath.Ext(f) == ".jpg" {
				allowed = map[int]float64{1: 5, 3: 20}[channels]
			}
			if got := tensor.MaxAbsDiff(d.X[0].Rows(i, i+1), want.Rows(i, i+1)); got > allowed {
				t.Errorf("%s, %d channels: differs by %v", f, channels, got)
			}
		}
		y, err := a.read("y")
		if err != nil {
			t.Fatal(err)
		}
		if tensor.MaxAbsDiff(d.Y[0], y) != 0 || !slices.Equal(d.Classes, []string{"cat", "dog"}) {
			t.Errorf("got labels %v, classes %q", d.Y[0].Float32s(), d.Classes)
		}
	}
	_, err := Load(t.Context(), sample("images"), Options{})
	wantError(t, err, "differ in size", "8 by 6", "give a height and width")
}

// picture is w by h pixels, all different, with one half transparent.
func picture(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetNRGBA(x, y, color.NRGBA{uint8(40 * x), uint8(40 * y), uint8(10*x + 5*y), uint8(255 - 200*(x%2))})
		}
	}
	return m
}

func imageFile(t *testing.T, path string, m image.Image, encode func(io.Writer, image.Image) error) {
	t.Helper()
	var b bytes.Buffer
	if err := encode(&b, m); err != nil {
		t.Fatal(err)
	}
	put(t, path, b.String())
}

func TestImageFormats(t *testing.T) {
	m, dir := picture(5, 3), t.TempDir()
	for name, encode := range map[string]func(io.Writer, image.Image) error{
		"png": png.Encode,
		"bmp": bmp.Encode,
		"jpg": func(w io.Writer, m image.Image) error { return jpeg.Encode(w, m, &jpeg.Options{Quality: 100}) },
		"gif": func(w io.Writer, m image.Image) error { return gif.Encode(w, m, nil) },
	} {
		path := filepath.Join(dir, "no extension for "+name)
		imageFile(t, path, m, encode)
		s := load(t, path, Options{})
		if got := shapes(s); got != "train: xuint8(1, 3, 5, 3); " || s.Train.Files[0] != path {
			t.Errorf("%s: got %s", name, got)
		}
	}
	imageFile(t, filepath.Join(dir, "a"), m, png.Encode)
	rgba := load(t, filepath.Join(dir, "a"), Options{Channels: 4}).Train.X[0]
	if !slices.Equal(tensor.Data[uint8](rgba), m.Pix) {
		t.Errorf("RGBA: got %v, want %v", tensor.Data[uint8](rgba), m.Pix)
	}
	rgb := tensor.Data[uint8](load(t, filepath.Join(dir, "a"), Options{}).Train.X[0])
	gray := tensor.Data[uint8](load(t, filepath.Join(dir, "a"), Options{Channels: 1}).Train.X[0])
	for i := range gray {
		if !slices.Equal(rgb[3*i:3*i+3], m.Pix[4*i:4*i+3]) {
			t.Errorf("pixel %d: got %v, want the colour under the transparency %v", i, rgb[3*i:3*i+3], m.Pix[4*i:4*i+3])
		}
		luma := 0.299*float64(rgb[3*i]) + 0.587*float64(rgb[3*i+1]) + 0.114*float64(rgb[3*i+2])
		if math.Abs(float64(gray[i])-luma) > 1 {
			t.Errorf("pixel %d: got gray %d, want %.1f", i, gray[i], luma)
		}
	}
	for _, o := range []Options{{Channels: 2}, {Size: [2]int{0, 5}}, {Size: [2]int{-1, 5}}, {Size: [2]int{1 << 30, 1 << 30}}} {
		_, err := Load(t.Context(), filepath.Join(dir, "a"), o)
		wantError(t, err, "image", "want")
	}
}

func TestImageFolders(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"train/a/1.png", "train/b/2.PNG", "train/b/deep/3.png", "test/b/4.png", "train/.hidden/5.png", "train/b/.6.png"} {
		imageFile(t, filepath.Join(dir, filepath.FromSlash(name)), picture(4, 4), png.Encode)
	}
	put(t, filepath.Join(dir, "train", "notes.txt"), "no image")
	put(t, filepath.Join(dir, "train", "a", "Thumbs.db"), "no image")
	s := load(t, dir, Options{})
	if got := shapes(s); got != "train: xuint8(3, 4, 4, 3) yint32(3,); test: xuint8(1, 4, 4, 3) yint32(1,); " {
		t.Errorf("got %s", got)
	}
	if got := s.Test.Y[0].Float32s()[0]; got != 1 || !slices.Equal(s.Test.Classes, []string{"a", "b"}) {
		t.Errorf("test class b: got label %v of %q", got, s.Test.Classes)
	}
	flat := load(t, filepath.Join(dir, "train", "b", "deep"), Options{})
	if got := shapes(flat); got != "train: xuint8(1, 4, 4, 3); " || flat.Train.Classes != nil {
		t.Errorf("without classes: got %s", got)
	}
	imageFile(t, filepath.Join(dir, "test", "c", "7.png"), picture(4, 4), png.Encode)
	_, err := Load(t.Context(), dir, Options{})
	wantError(t, err, `"c"`, `"a", "b"`)
	_, err = Load(t.Context(), t.TempDir(), Options{})
	wantError(t, err, "no images")
	_, err = Load(t.Context(), filepath.Join(dir, "train"), Options{MaxBytes: 100})
	wantError(t, err, "memory")
	put(t, filepath.Join(dir, "train", "a", "0.png"), "no image")
	_, err = Load(t.Context(), filepath.Join(dir, "train"), Options{Size: [2]int{2, 2}})
	wantError(t, err, "0.png")
}

func TestHostileImages(t *testing.T) {
	var b bytes.Buffer
	if err := png.Encode(&b, picture(4, 4)); err != nil {
		t.Fatal(err)
	}
	whole := b.Bytes()
	dir := t.TempDir()
	path := filepath.Join(dir, "x.png")
	for n := 30; n < len(whole)-12; n += 7 { // what is missing at the very end is only the end mark
		put(t, path, string(whole[:n]))
		_, err := Load(t.Context(), path, Options{})
		wantError(t, err, "x.png")
	}
	for _, size := range [][2]uint32{{20000, 20000}, {1 << 30, 1 << 30}, {10000, 200}} {
		lie := slices.Clone(whole)
		binary.BigEndian.PutUint32(lie[16:], size[0])
		binary.BigEndian.PutUint32(lie[20:], size[1])
		binary.BigEndian.PutUint32(lie[29:], crc32.ChecksumIEEE(lie[12:29]))
		put(t, path, string(lie))
		_, err := Load(t.Context(), path, Options{})
		wantError(t, err, "x.png")
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
}

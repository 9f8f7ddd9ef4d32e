package dataset

// This file owns single images: decoding within bounds, colour, and resizing.

import (
	"bufio"
	"bytes"
	"fmt"
	"image"
	"image/color"
	_ "image/gif"  // decoder
	_ "image/jpeg" // decoder
	_ "image/png"  // decoder
	"io"
	"math"

	"github.com/gokeras/gk/core/tensor"
	_ "golang.org/x/image/bmp" // decoder
)

// Bounds of an image, checked before it is decoded. No format stores more pixels in a byte than a PNG of one bit per pixel does
// under the best deflate.
const (
	maxPixels        = 1 << 26
	maxPixelsPerByte = 8 * maxRatio
)

// isImage looks at the first bytes of a file.
func isImage(start []byte) bool {
	for _, magic := range []string{"\x89PNG\r\n\x1a\n", "\xff\xd8\xff", "GIF87a", "GIF89a"} {
		if bytes.HasPrefix(start, []byte(magic)) {
			return true
		}
	}
	// "BM" alone could start a text: bytes 6 to 9 of a bitmap are zero.
	return len(start) > 14 && string(start[:2]) == "BM" && bytes.Equal(start[6:10], make([]byte, 4))
}

// imageSize reads height and width from the header, refusing sizes that the file cannot hold.
func imageSize(path string) (h, w int, err error) {
	f, size, err := openFile(path)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	return headerSize(bufio.NewReader(f), path, size)
}

func headerSize(r io.Reader, path string, size int64) (h, w int, err error) {
	c, _, err := image.DecodeConfig(r)
	switch {
	case err != nil:
		return 0, 0, fmt.Errorf("%s: want a PNG, JPEG, GIF or BMP image: %w", path, err)
	case c.Width <= 0 || c.Height <= 0:
		return 0, 0, fmt.Errorf("%s: got an image of height %d and width %d", path, c.Height, c.Width)
	case int64(c.Width) > maxPixels/int64(c.Height):
		return 0, 0, fmt.Errorf("%s: got height %d and width %d, want at most %d pixels", path, c.Height, c.Width, maxPixels)
	case int64(c.Width)*int64(c.Height) > maxPixelsPerByte*size:
		return 0, 0, fmt.Errorf("%s: header declares height %d and width %d, more than a file of %d bytes can hold",
			path, c.Height, c.Width, size)
	}
	return c.Height, c.Width, nil
}

// readImage decodes an image into pix, h·w·channels bytes, resizing it where its size is another.
func readImage(pix []uint8, path string, h, w, channels int) error {
	f, size, err := openFile(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, _, err := headerSize(bufio.NewReader(f), path, size); err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	img, _, err := image.Decode(bufio.NewReader(f))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if b := img.Bounds(); b.Dy() == h && b.Dx() == w {
		unpack(pix, img, channels)
	} else if b.Empty() {
		return fmt.Errorf("%s: got an image without pixels", path)
	} else {
		own := make([]uint8, b.Dy()*b.Dx()*channels)
		unpack(own, img, channels)
		resize(pix, h, w, own, b.Dy(), b.Dx(), channels)
	}
	return nil
}

// unpack writes the pixels as 1, 3 or 4 bytes each. Gray is the luma of JPEG (its own, where the image is one); without an alpha
// channel the colours are those under the transparency.
func unpack(pix []uint8, img image.Image, channels int) {
	b, at := img.Bounds(), 0
	luma, _ := img.(*image.YCbCr)
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			if channels == 1 && luma != nil {
				pix[at] = luma.Y[luma.YOffset(x, y)]
				at++
				continue
			}
			c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
			switch channels {
			case 1:
				// 0.299 R + 0.587 G + 0.114 B in libpng's fixed point, which is what TensorFlow's decoder gives.
				pix[at] = uint8((9797*int(c.R) + 19234*int(c.G) + 3737*int(c.B)) >> 15)
			case 4:
				pix[at+3] = c.A
				fallthrough
			default:
				pix[at], pix[at+1], pix[at+2] = c.R, c.G, c.B
			}
			at += channels
		}
	}
}

// resize is bilinear interpolation between pixel centres without antialiasing, which is what Keras' image_dataset_from_directory
// does (tf.image.resize), but rounded to whole numbers.
func resize(dst []uint8, h, w int, src []uint8, srcH, srcW, channels int) {
	ys, xs := interpolation(h, srcH), interpolation(w, srcW)
	for y, v := range ys {
		top, bottom := src[v.lo*srcW*channels:], src[v.hi*srcW*channels:]
		for x, u := range xs {
			for c := range channels {
				i, j := u.lo*channels+c, u.hi*channels+c
				a := lerp(float32(top[i]), float32(top[j]), u.part)
				b := lerp(float32(bottom[i]), float32(bottom[j]), u.part)
				dst[(y*w+x)*channels+c] = uint8(lerp(a, b, v.part) + 0.5)
			}
		}
	}
}

// between is two neighbours on an axis and how far the wanted point is from the first to the second.
type between struct {
	lo, hi int
	part   float32
}

func interpolation(n, srcN int) []between {
	points := make([]between, n)
	for i := range points {
		at := (float64(i)+0.5)*float64(srcN)/float64(n) - 0.5
		floor := math.Floor(at)
		points[i] = between{max(int(floor), 0), min(int(floor)+1, srcN-1), float32(at - floor)}
	}
	return points
}

func lerp(a, b, part float32) float32 { return a + (b-a)*part }

// channels is the wanted number, checked.
func (o Options) channels() (int, error) {
	switch o.Channels {
	case 0:
		return 3, nil
	case 1, 3, 4:
		return o.Channels, nil
	}
	return 0, fmt.Errorf("image channels: got %d, want 1 (gray), 3 (RGB) or 4 (RGB and alpha)", o.Channels)
}

// imageShape is the wanted size of images, or the given one where none is wanted; checked, with the channels.
func (o Options) imageShape(h, w int) (tensor.Shape, error) {
	channels, err := o.channels()
	if err != nil {
		return nil, err
	}
	if o.Size != [2]int{} {
		h, w = o.Size[0], o.Size[1]
	}
	if h <= 0 || w <= 0 || h > maxPixels/w {
		return nil, fmt.Errorf("image size: got height %d and width %d, want both > 0 and at most %d pixels", h, w, maxPixels)
	}
	return tensor.Shape{h, w, channels}, nil
}

// loadImage reads one image as a data set of shape (1, height, width, channels).
func loadImage(path string, o Options) (*Split, error) {
	h, w, err := imageSize(path)
	if err != nil {
		return nil, err
	}
	shape, err := o.imageShape(h, w)
	if err != nil {
		return nil, err
	}
	x := tensor.New(tensor.Uint8, append(tensor.Shape{1}, shape...)...)
	if err := readImage(tensor.Data[uint8](x), path, shape[0], shape[1], shape[2]); err != nil {
		return nil, err
	}
	return &Split{Train: &Dataset{X: []*tensor.Tensor{x}, Files: []string{path}}}, nil
}

package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/registry"
)

// ZeroPadding2D puts zeros around its input. padding is a number for all sides, one per axis, or a pair (before, after) per axis.
//
// Input (batch, height, width, channels), output the same, larger; with data_format "channels_first" channels come second.
// Source: keras/src/layers/reshaping/zero_padding2d.py.
type ZeroPadding2D struct{ zeroPadding }

func init() {
	registerUpgraded("ZeroPadding2D", func() *ZeroPadding2D { return &ZeroPadding2D{newZeroPadding(2)} }, upgradeZeroPadding2D)
}

// NewZeroPadding2D makes a ZeroPadding2D layer.
func NewZeroPadding2D(padding any, with ...With) *ZeroPadding2D {
	return configure[*ZeroPadding2D]("ZeroPadding2D", With{"padding": padding}, with)
}

// upgradeZeroPadding2D: in Keras 1 the padding may also be an object with a number for each side, or those numbers as a list.
func upgradeZeroPadding2D(c core.Config, from registry.Origin) error {
	if from.Major() != 1 {
		return nil
	}
	sides := [4]any{0, 0, 0, 0} // top, bottom, left, right
	switch p := c["padding"].(type) {
	case map[string]any:
		for i, key := range []string{"top_pad", "bottom_pad", "left_pad", "right_pad"} {
			if v, ok := p[key]; ok {
				sides[i] = v
			}
		}
		c["padding"] = []any{[]any{sides[0], sides[1]}, []any{sides[2], sides[3]}}
	case []any:
		if len(p) == len(sides) {
			c["padding"] = []any{[]any{p[0], p[1]}, []any{p[2], p[3]}}
		}
	}
	return inheritedFormat(c, from)
}

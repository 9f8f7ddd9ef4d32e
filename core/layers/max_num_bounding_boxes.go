package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// MaxNumBoundingBoxes does nothing to images. Where boxes come in a dictionary with them, which gk has not, Keras keeps max_number of them.
//
// Input and output (batch, height, width, channels); with data_format "channels_first" channels come second.
// Source: keras/src/layers/preprocessing/image_preprocessing/max_num_bounding_box.py.
type MaxNumBoundingBoxes struct {
	imageLayer
	MaxNumber int  `json:"max_number" want:">0"`
	FillValue *int `json:"fill_value" keras:"omitnull"` // which Keras takes but does not write
}

func init() {
	register("MaxNumBoundingBoxes", func() *MaxNumBoundingBoxes { return &MaxNumBoundingBoxes{imageLayer: newImageLayer(), MaxNumber: 1} })
}

// NewMaxNumBoundingBoxes makes a MaxNumBoundingBoxes layer.
func NewMaxNumBoundingBoxes(maxNumber int, with ...With) *MaxNumBoundingBoxes {
	return configure[*MaxNumBoundingBoxes]("MaxNumBoundingBoxes", With{"max_number": maxNumber}, with)
}

// Call gives the images back. It drops masks.
func (l *MaxNumBoundingBoxes) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	c.DropMasks()
	return inputs
}

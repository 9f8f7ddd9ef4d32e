// Package wire is how shapes, graphs and errors of gk look in messages of the plugin protocol.
package wire

import (
	"github.com/gokeras/gk/core/tensor"
	pb "github.com/gokeras/gk/plugins/proto/v1"
)

// maxRank bounds the axes of a tensor, maxDim the size of one: nothing real comes near.
const (
	maxRank = 32
	maxDim  = 1 << 40
)

// Shape puts a shape in a message.
func Shape(s tensor.Shape) *pb.Shape {
	m := &pb.Shape{Dims: make([]int64, len(s))}
	for i, d := range s {
		m.Dims[i] = int64(d)
	}
	return m
}

// Shapes puts shapes in a message.
func Shapes(all []tensor.Shape) []*pb.Shape {
	out := make([]*pb.Shape, len(all))
	for i, s := range all {
		out[i] = Shape(s)
	}
	return out
}

// ShapeOf reads a shape. Sizes are at least 0, or -1 for one that is not known.
func ShapeOf(m *pb.Shape) (tensor.Shape, error) {
	dims := m.GetDims()
	if len(dims) > maxRank {
		return nil, Contract("shape", "got %d axes, want at most %d", len(dims), maxRank)
	}
	s := make(tensor.Shape, len(dims))
	size := int64(1)
	for i, d := range dims {
		if d < tensor.Unknown || d > maxDim {
			return nil, Contract("shape", "got %v, want sizes of at least 0, or -1", dims)
		}
		if d > 0 {
			if size > maxDim/d {
				return nil, Contract("shape", "got %v, which is too large", dims)
			}
			size *= d
		}
		s[i] = int(d)
	}
	return s, nil
}

// ShapesOf reads shapes.
func ShapesOf(all []*pb.Shape) ([]tensor.Shape, error) {
	out := make([]tensor.Shape, len(all))
	for i, m := range all {
		s, err := ShapeOf(m)
		if err != nil {
			return nil, err
		}
		out[i] = s
	}
	return out, nil
}

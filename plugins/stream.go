package plugins

import (
	"fmt"

	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/plugins/internal/wire"
	pb "github.com/gokeras/gk/plugins/proto/v1"
)

// This file owns tensors that travel in pieces, for both sides.

// maxStreamed bounds all tensors of one message, in numbers.
const maxStreamed = 1 << 30

// sendTensors sends tensors in pieces; first carries what else the first piece has to say.
func sendTensors(send func(*pb.Piece) error, first *pb.Piece, all []graph.Array) error {
	for _, a := range all {
		first.Tensors = append(first.Tensors, wire.Shape(a.Shape))
	}
	if err := send(first); err != nil {
		return err
	}
	for _, a := range all {
		for rest := a.Data; len(rest) > 0; {
			n := min(len(rest), pieceSize/4)
			p := &pb.Piece{Data: make([]byte, 4*n)}
			wire.PutFloats(p.Data, rest[:n])
			if err := send(p); err != nil {
				return err
			}
			rest = rest[n:]
		}
	}
	return nil
}

// receiveTensors receives what sendTensors sends, after its first piece: into arrays where the receiver knows what must come, else into
// new ones of at most so many numbers altogether.
func receiveTensors(receive func() (*pb.Piece, error), first *pb.Piece, limit int, into []graph.Array) ([]graph.Array, error) {
	shapes, err := wire.ShapesOf(first.GetTensors())
	if err != nil {
		return nil, err
	}
	if into == nil {
		into, err = newArrays(shapes, limit)
		if err != nil {
			return nil, err
		}
	}
	if len(shapes) != len(into) {
		return nil, wire.Contract("tensors", "got %d, want %d", len(shapes), len(into))
	}
	for i, s := range shapes {
		if !s.Equal(into[i].Shape) {
			return nil, wire.Contract(fmt.Sprintf("tensor %d", i), "got shape %v, want %v", s, into[i].Shape)
		}
	}
	for i, a := range into {
		for rest := a.Data; len(rest) > 0; {
			p, err := receive()
			if err != nil {
				return nil, err
			}
			n := len(p.GetData()) / 4
			if n == 0 || n > len(rest) || len(p.GetData())%4 != 0 {
				return nil, wire.Contract(fmt.Sprintf("tensor %d", i), "got a piece of %d bytes, want at most %d", len(p.GetData()), 4*len(rest))
			}
			wire.GetFloats(rest[:n], p.GetData())
			rest = rest[n:]
		}
	}
	return into, nil
}

func newArrays(shapes []tensor.Shape, limit int) ([]graph.Array, error) {
	total := 0
	for _, s := range shapes {
		if !s.Known() || s.Size() > limit-total {
			return nil, wire.Contract("tensors", "got shapes %v, want at most %d numbers", shapes, limit)
		}
		total += s.Size()
	}
	out := make([]graph.Array, len(shapes))
	for i, s := range shapes {
		out[i] = graph.Array{Shape: s, Data: make([]float32, s.Size())}
	}
	return out, nil
}

package graph

import (
	"slices"

	"github.com/gokeras/gk/core/tensor"
)

// This file owns the operations that take rows by index.

// RowsAttr is the number of rows of a table.
type RowsAttr struct{ Rows int }

func init() {
	define(&Op{Name: "Gather", Doc: "y[i] = table[index[i]]; an index that is no row fails the run", Inputs: []string{"table", "index"},
		infer: func(n *Node) error {
			table := n.In[0].Shape()
			if len(table) == 0 {
				return n.bad("wants a table with rows")
			}
			n.Out = []tensor.Shape{slices.Concat(n.In[1].Shape(), table[1:])}
			return nil
		}, grad: func(g *Graph, n *Node, dy []Value) []Value {
			return []Value{g.one("ScatterAdd", RowsAttr{n.In[0].Dim(0)}, dy[0], n.In[1]), {}}
		}})
	define(&Op{Name: "ScatterAdd", Doc: "y = 0, then y[index[i]] += d[i] for all i", Inputs: []string{"d", "index"}, Settings: RowsAttr{},
		infer: func(n *Node) error {
			d, index, rows := n.In[0].Shape(), n.In[1].Shape(), n.Attr.(RowsAttr).Rows
			if len(d) < len(index) || !agreeAll(d[:len(index)], index) {
				return n.bad("wants a row for each index")
			}
			if rows < tensor.Unknown || rows > maxSize {
				return n.bad("rows: got %d", rows)
			}
			n.Out = []tensor.Shape{append(tensor.Shape{rows}, d[len(index):]...)}
			return nil
		}, grad: func(g *Graph, n *Node, dy []Value) []Value { return []Value{g.Gather(dy[0], n.In[1]), {}} }})
}

// Gather takes table[index] for every index: table (rows, ...), index of any shape, result (index..., ...). An index that is no row
// fails the run.
func (g *Graph) Gather(table, index Value) Value { return g.one("Gather", nil, table, index) }

// ScatterAdd adds each row of d to row index of a table of zeros: the gradient of Gather.
func (g *Graph) ScatterAdd(d, index Value, rows int) Value {
	return g.one("ScatterAdd", RowsAttr{rows}, d, index)
}

// OneHot is 1 where the last axis, of size n, is the index, else 0.
func (g *Graph) OneHot(index Value, n int) Value {
	classes := make([]float64, n)
	for i := range classes {
		classes[i] = float64(i)
	}
	return g.Equal(g.ExpandDims(index, -1), g.Table(tensor.From(classes)))
}

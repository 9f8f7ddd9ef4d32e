package graph

import "github.com/gokeras/gk/core/tensor"

// This file owns the matrix product.

// MatMulAttr says which operands are stored transposed.
type MatMulAttr struct{ TransA, TransB bool }

func init() {
	define(&Op{Name: "MatMul", Doc: "y = a b over the last two axes, each operand stored transposed or not", Inputs: []string{"a", "b"},
		Settings: MatMulAttr{}, infer: matMulShape, grad: func(g *Graph, n *Node, dy []Value) []Value {
			t, a, b, d := n.Attr.(MatMulAttr), n.In[0], n.In[1], dy[0]
			da := g.MatMul(d, b, false, !t.TransB)
			if t.TransA {
				da = g.MatMul(b, d, t.TransB, true)
			}
			db := g.MatMul(a, d, !t.TransA, false)
			if t.TransB {
				db = g.MatMul(d, a, true, t.TransA)
			}
			return []Value{da, db}
		}})
}

func matMulShape(n *Node) error {
	t, a, b := n.Attr.(MatMulAttr), n.In[0].Shape(), n.In[1].Shape()
	r := len(a)
	if r < 2 || len(b) != r {
		return n.bad("wants two tensors of one rank of at least 2")
	}
	m, ka := a[r-2], a[r-1]
	if t.TransA {
		m, ka = ka, m
	}
	kb, c := b[r-2], b[r-1]
	if t.TransB {
		kb, c = c, kb
	}
	if ka >= 0 && kb >= 0 && ka != kb {
		return n.bad("inner sizes %d and %d differ", ka, kb)
	}
	out := a.Clone()
	for i := range r - 2 {
		if out[i] < 0 {
			out[i] = b[i]
		} else if b[i] >= 0 && b[i] != out[i] {
			return n.bad("batch sizes %d and %d differ", out[i], b[i])
		}
	}
	out[r-2], out[r-1] = m, c
	n.Out = []tensor.Shape{out}
	return nil
}

// MatMul is op(a) op(b) for matrices, or for each of a batch of matrices: a (..., M, K), b (..., K, N), result (..., M, N). With
// transA, a is stored as (..., K, M); with transB, b as (..., N, K).
func (g *Graph) MatMul(a, b Value, transA, transB bool) Value {
	return g.one("MatMul", MatMulAttr{transA, transB}, a, b)
}

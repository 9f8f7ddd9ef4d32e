package graph

import "github.com/gokeras/gk/core/tensor"

// This file owns softmax and the cross-entropies that contain it, over the last axis.

func init() {
	sameShape := func(n *Node) error {
		if n.In[0].Rank() == 0 {
			return n.bad("wants an axis")
		}
		n.Out = []tensor.Shape{n.In[0].Shape()}
		return nil
	}
	define(&Op{Name: "Softmax", Doc: "y = e^x/sum(e^x) along the last axis", Inputs: []string{"x"},
		infer: sameShape, grad: func(g *Graph, n *Node, dy []Value) []Value {
			return []Value{g.one("SoftmaxGrad", nil, dy[0], n.Value(0))}
		}})
	define(&Op{Name: "LogSoftmax", Doc: "y = x - ln(sum(e^x)) along the last axis", Inputs: []string{"x"},
		infer: sameShape, grad: func(g *Graph, n *Node, dy []Value) []Value {
			return []Value{g.one("LogSoftmaxGrad", nil, dy[0], n.Value(0))}
		}})
	define(&Op{Name: "SoftmaxGrad", infer: sameShape})
	define(&Op{Name: "LogSoftmaxGrad", infer: sameShape})
	// Both cross-entropies give the loss of each row and the gradient of that loss, which their own gradient scales.
	entropy := func(sparse bool) func(n *Node) error {
		return func(n *Node) error {
			x, t := n.In[0].Shape(), n.In[1].Shape()
			if len(x) == 0 {
				return n.bad("wants an axis")
			}
			rows := x[:len(x)-1]
			want := x
			if sparse {
				want = rows
			}
			if !agreeAll(want, t) {
				return n.bad("targets want shape %v", want)
			}
			n.Out = []tensor.Shape{rows, x}
			return nil
		}
	}
	grad := func(g *Graph, n *Node, dy []Value) []Value {
		if !dy[0].Valid() {
			return []Value{{}, {}}
		}
		return []Value{g.Mul(g.ExpandDims(dy[0], -1), n.Value(1)), {}}
	}
	define(&Op{Name: "SoftmaxCrossEntropy", Doc: "y = -sum(target ln softmax(logits)) along the last axis; no gradient for target",
		Inputs: []string{"logits", "target"}, infer: entropy(false), grad: grad})
	define(&Op{Name: "SparseSoftmaxCrossEntropy", Doc: "y = -ln softmax(logits)[label] along the last axis; a label that is no class fails the run",
		Inputs: []string{"logits", "label"}, infer: entropy(true), grad: grad})
}

// Softmax is e^x / sum(e^x) along the last axis.
func (g *Graph) Softmax(x Value) Value { return g.one("Softmax", nil, x) }

// LogSoftmax is x - ln(sum(e^x)) along the last axis.
func (g *Graph) LogSoftmax(x Value) Value { return g.one("LogSoftmax", nil, x) }

// SoftmaxCrossEntropy is -sum(target ln softmax(logits)) along the last axis, which it drops. No gradient flows to the targets.
func (g *Graph) SoftmaxCrossEntropy(logits, target Value) Value {
	return g.one("SoftmaxCrossEntropy", nil, logits, target)
}

// SparseSoftmaxCrossEntropy is -ln softmax(logits)[label] along the last axis, which it drops. A label that is no class fails the run.
func (g *Graph) SparseSoftmaxCrossEntropy(logits, label Value) Value {
	return g.one("SparseSoftmaxCrossEntropy", nil, logits, label)
}

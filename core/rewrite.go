package core

// This file owns the contract of layers that only other Kerases have, and that are other layers today.

// Rewriter is a layer of another Keras whose calls are calls of other layers today, such as a TFOpLambda of tf.keras. What reads a model
// puts those in its place.
type Rewriter interface {
	Layer
	// Rewrite says which layer is called instead, and with what. Arguments are as in the file; tensors among them are of a type that is
	// opaque here. call makes the call of a further layer and gives its first result as such a tensor.
	Rewrite(args []any, kwargs map[string]any, call func(l Layer, args []any, kwargs map[string]any) any) (Layer, []any, map[string]any, error)
}

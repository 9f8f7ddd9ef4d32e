// Package plugins lets layers, activations, initializers, regularizers, constraints, optimizers, losses and metrics live in programs of
// their own.
//
// An author writes a layer as gk's own are written: a struct with its config, registered under a name of the author's package, whose
// Call writes operations into a graph. Serve makes a plugin of it. gk asks the plugin for that graph, and from then on runs it like one of
// its own: differentiated, fused, with nothing going back and forth. Only what is written as a graph.Func (or, in Python, as a function of
// numpy arrays or of a Keras backend) runs in the plugin's process, on memory that both share.
//
// A user loads plugins with a Manager, whose registry knows what they provide:
//
//	m, err := plugins.Load(registry.Default, plugins.Options{}, "./acme-rational")
//	defer m.Close()
//	net, err := model.Load("model.h5", model.LoadOptions{Registry: m.Registry})
//
// The host owns weights, states and seeds. A plugin may die and is started again; what failed is an error that says which plugin, which
// layer and why, and leaves the model as it was.
package plugins

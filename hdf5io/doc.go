// Package hdf5io reads and writes the files of Keras:
//
//	legacy .h5        whole models of Keras 1 to 3 and tf.keras: config, weights, training config, optimizer state; or weights alone
//	.keras            the archive of Keras 3 and tf.keras 2.12 to 2.15
//	.weights.h5       the weights layout of Keras 3, by itself or in shards that a .weights.json names
//	.json             an architecture without weights
//
// Importing the package lets [model.Load] and the Save methods of a model handle these files. [Load] does the same and tells more: what
// the file is, what had to be converted, what could not be restored. What a file is, its content says, never its name.
//
// A file is data. Nothing in it is run, no other file is opened on its behalf (but the shards beside a .weights.json), and nothing is
// allocated because a file claims a size: memory is that of the weights which the layers want, once the file's shapes agree.
package hdf5io

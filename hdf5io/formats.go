package hdf5io

import "strings"

// This file owns the list of forms that package model learns of.

func init() {
	// HDF5 files of every sort are read by one form, as only their content tells them apart.
	register("hdf5", contentHDF5, func(low string) bool { return strings.HasSuffix(low, ".h5") || strings.HasSuffix(low, ".hdf5") })
	register("keras", contentZip, func(low string) bool { return strings.HasSuffix(low, ".keras") })
	register("json", contentJSON, func(low string) bool { return strings.HasSuffix(low, ".json") })
	register("yaml", contentYAML, func(string) bool { return false }) // Keras 3 takes none, so that gk writes none
}

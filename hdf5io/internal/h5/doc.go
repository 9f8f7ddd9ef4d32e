// Package doc: what the package is for and what it promises.

// Package h5 reads and writes the HDF5 that Keras files are made of.
//
// Reading is done by a bounded reader in Go. Open walks the whole file once: every object header, link, attribute, string heap
// and chunk index is decoded and checked before the caller sees anything, so a *File that exists describes a sound file. The
// walk follows no link out of the file, allocates nothing from a size that was not compared with the file's own length, visits
// nothing twice, and stops at the limits of [Limits]. Dataset contents are read later, on demand, into the caller's memory.
//
// Understood: superblock versions 0 to 3 behind a user block of any legal size; object headers 1 and 2; symbol-table, compact
// and dense groups; compact and dense attributes; compact, contiguous and chunked storage with all six chunk indexes; the
// filters gzip, shuffle and fletcher32; fixed and variable-length strings; integers, floats (IEEE 16, 32, 64 and bfloat16),
// enumerations, opaque values, both byte orders. Refused: soft and external links, external storage, virtual datasets, other
// filters, shared-message tables.
//
// Writing makes the plain profile that h5py writes by default: superblock 0, symbol-table groups, contiguous data, strings in
// global heaps.
//
// In cgo builds the contiguous data of files in the old format, which Keras writes, is read through libhdf5
// (gonum.org/v1/hdf5) once the Go reader has accepted the file, and files are written through it. All metadata, and whatever is
// compressed, chunked or in the newer format, is read by the Go reader alone. Both backends give the same values bit for bit;
// [WithBackend] selects one.
package h5

package core

// This file owns the contract of data sets that are known by name.

// DataSource is a data set that can be had by name, such as "mnist". How it is loaded is dataset.Source.
type DataSource interface {
	// About describes the set in one line.
	About() string
}

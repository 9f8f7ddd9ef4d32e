package hdf5io

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/hdf5io/internal/h5"
)

// This file owns errors: those of the HDF5 reader as errors of gk, and lists of disagreements between a file and a model.

// fromH5 makes an error of gk of one of package h5, whose kinds have the same names.
func fromH5(err error) error {
	var e *h5.Error
	if !errors.As(err, &e) {
		return err
	}
	return &core.Error{Kind: core.Kind(e.Kind), Where: e.Where, Err: e.Err}
}

// Disagreements is every way in which weights of a file do not fit a model. [Load] wraps it in an error that has the kind and the place
// of the first one; errors.As finds the list.
type Disagreements []*core.Error

// shownDisagreements is how many of them the text of an error names: it has to fit on a line.
const shownDisagreements = 4

// Error names the first few.
func (d Disagreements) Error() string {
	var parts []string
	for i, e := range d {
		if i == shownDisagreements {
			parts = append(parts, fmt.Sprintf("and %d more", len(d)-i))
			break
		}
		if i == 0 {
			parts = append(parts, e.Msg)
			continue
		}
		parts = append(parts, e.Error())
	}
	return strings.Join(parts, "; ")
}

func (d *Disagreements) add(kind core.Kind, where, format string, args ...any) {
	*d = append(*d, core.Errorf(kind, where, format, args...))
}

// addError adds an error that has happened somewhere else.
func (d *Disagreements) addError(where string, err error) {
	var e *core.Error
	if !errors.As(core.In(where, core.ErrCorrupt, err), &e) {
		return
	}
	c := *e
	if c.Err != nil { // the text is put together of Where and Msg
		c.Msg = strings.TrimPrefix(c.Msg+": "+c.Err.Error(), ": ")
		c.Err = nil
	}
	*d = append(*d, &c)
}

// err is nil if there are none.
func (d Disagreements) err() error {
	if len(d) == 0 {
		return nil
	}
	return &core.Error{Kind: d[0].Kind, Where: d[0].Where, Err: d, Hint: d[0].Hint}
}

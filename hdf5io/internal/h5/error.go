// The errors of this package: one type, a closed list of kinds, and the place in the file.

package h5

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Kind says what sort of fault an [Error] is. Kinds are errors themselves, so errors.Is(err, h5.ErrCorrupt) works.
type Kind string

// The kinds of fault.
const (
	ErrNotModel        Kind = "ErrNotModel"        // not an HDF5 file
	ErrTruncated       Kind = "ErrTruncated"       // the file ends before its own stated end
	ErrCorrupt         Kind = "ErrCorrupt"         // a structure contradicts the format or another structure
	ErrChecksum        Kind = "ErrChecksum"        // a stored checksum differs from the bytes
	ErrUnsupported     Kind = "ErrUnsupported"     // legal HDF5 that Keras files do not use
	ErrLink            Kind = "ErrLink"            // soft or external link, or a group linked twice
	ErrExternalStorage Kind = "ErrExternalStorage" // data kept in other files, or a virtual dataset
	ErrTooLarge        Kind = "ErrTooLarge"        // a declared size above its limit
	ErrTooDeep         Kind = "ErrTooDeep"         // nesting above its limit
	ErrWrongType       Kind = "ErrWrongType"       // not the type or sort of object that was asked for
	ErrShapeMismatch   Kind = "ErrShapeMismatch"   // the destination's length is not the dataset's
	ErrNotFound        Kind = "ErrNotFound"        // no such object or attribute
	ErrIO              Kind = "ErrIO"              // the operating system or libhdf5 reported a failure
)

// Error makes a Kind usable as the target of errors.Is.
func (k Kind) Error() string { return string(k) }

// Error is the only type of error that this package returns.
type Error struct {
	Kind  Kind
	Where string // the place: "offset 8", "superblock version 9", "/model_weights/dense/kernel", "/ attribute model_config"
	Err   error  // what was found and what was wanted
}

// Error gives place and cause on one line.
func (e *Error) Error() string {
	return fmt.Sprintf("hdf5: %s: %v", e.Where, e.Err)
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is the error's Kind.
func (e *Error) Is(target error) bool {
	k, ok := target.(Kind)
	return ok && k == e.Kind
}

// fail builds an Error.
func fail(k Kind, where, format string, args ...any) *Error {
	return &Error{Kind: k, Where: where, Err: fmt.Errorf(format, args...)}
}

// at puts a place in front of the place of err (nil stays nil), so that inner code need not know where in the file it works.
func at(place string, err error) error {
	if err == nil {
		return nil
	}
	var e *Error
	if !errors.As(err, &e) {
		return &Error{Kind: ErrIO, Where: place, Err: err}
	}
	if strings.HasPrefix(e.Where, "/") {
		return err // already a full path
	}
	if e.Where != "" {
		place += " " + e.Where
	}
	return &Error{Kind: e.Kind, Where: place, Err: e.Err}
}

// maxShown bounds how much of a name from a file is repeated in a message: with two names, a message stays below 500 bytes.
const maxShown = 120

// shown makes a name from a file safe to print: control characters and bad UTF-8 escaped, long text cut in the middle.
func shown(s string) string {
	q := quoted(s, maxShown)
	if len(q) > maxShown+maxShown/4 {
		q = quoted(s, maxShown/4) // mostly escapes, which take up to four bytes for one
	}
	return q
}

func quoted(s string, most int) string {
	if len(s) > most {
		s = s[:most/2] + "..." + s[len(s)-most/2:]
	}
	q := strconv.Quote(s)
	return strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
}

// offsetPlace names a byte of the file.
func offsetPlace(at uint64) string { return "offset " + itoa(at) }

func itoa(n uint64) string { return strconv.FormatUint(n, 10) }

// shapeString writes a shape the way Python does.
func shapeString(shape []int) string {
	s := make([]string, len(shape))
	for i, n := range shape {
		s[i] = strconv.Itoa(n)
	}
	if len(s) == 1 {
		s = append(s, "")
	}
	return "(" + strings.Join(s, ",") + ")"
}

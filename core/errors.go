package core

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/gokeras/gk/core/graph"
)

// This file owns the error type of gk.

// Kind says what sort of fault an Error is. Kinds are errors themselves, so errors.Is(err, core.ErrGraph) works.
type Kind string

// The kinds of fault.
const (
	ErrNotModel        Kind = "ErrNotModel"        // no model file of any known form
	ErrTruncated       Kind = "ErrTruncated"       // the file ends too early
	ErrCorrupt         Kind = "ErrCorrupt"         // the file contradicts its own format
	ErrChecksum        Kind = "ErrChecksum"        // a stored checksum differs from the bytes
	ErrUnsupported     Kind = "ErrUnsupported"     // legal, but beyond what gk reads
	ErrNoConfig        Kind = "ErrNoConfig"        // weights without an architecture
	ErrConfigJSON      Kind = "ErrConfigJSON"      // the architecture is no JSON object
	ErrWrongType       Kind = "ErrWrongType"       // a value of another type than wanted
	ErrLayerConfig     Kind = "ErrLayerConfig"     // a config key or value that a layer, or another object, does not take
	ErrUnknownLayer    Kind = "ErrUnknownLayer"    // a class that no table has
	ErrUnsafeObject    Kind = "ErrUnsafeObject"    // something that only running the file's code could restore
	ErrUnsafePath      Kind = "ErrUnsafePath"      // a name that leads out of the file
	ErrLink            Kind = "ErrLink"            // a link inside of an HDF5 file that is no hard link
	ErrExternalStorage Kind = "ErrExternalStorage" // data kept in another file
	ErrTooLarge        Kind = "ErrTooLarge"        // a size above its limit
	ErrTooDeep         Kind = "ErrTooDeep"         // nesting above its limit
	ErrGraph           Kind = "ErrGraph"           // layers that are not connected as a model is
	ErrMissingWeights  Kind = "ErrMissingWeights"  // the model wants weights that are not there
	ErrExtraWeights    Kind = "ErrExtraWeights"    // weights that the model has no place for
	ErrShapeMismatch   Kind = "ErrShapeMismatch"   // a tensor of another shape than wanted
	ErrNotFound        Kind = "ErrNotFound"        // no such file or name
	ErrIO              Kind = "ErrIO"              // the operating system reported a failure
	ErrData            Kind = "ErrData"            // data that a model cannot take: empty, of another size, out of range
	ErrNaN             Kind = "ErrNaN"             // the loss is no longer a number
	ErrUsage           Kind = "ErrUsage"           // called in a way that makes no sense
	ErrInterrupted     Kind = "ErrInterrupted"     // stopped by the user
	ErrPlugin          Kind = "ErrPlugin"          // a plugin failed; errors.Is finds all the kinds below by it
	ErrPluginStart     Kind = "ErrPluginStart"     // a plugin could not be started
	ErrPluginExited    Kind = "ErrPluginExited"    // the process of a plugin is gone
	ErrPluginTimeout   Kind = "ErrPluginTimeout"   // a plugin did not answer in time
	ErrPluginProtocol  Kind = "ErrPluginProtocol"  // a plugin speaks another version of the protocol
	ErrPluginContract  Kind = "ErrPluginContract"  // a plugin does not keep to the protocol
	ErrPluginTooLarge  Kind = "ErrPluginTooLarge"  // a plugin sends, or wants, more than is allowed
	ErrPluginChecksum  Kind = "ErrPluginChecksum"  // a plugin is not what was installed or locked
)

// WellFormed reports whether k looks like a kind, for those that come from another process.
func (k Kind) WellFormed() bool {
	return len(k) <= 40 && strings.HasPrefix(string(k), "Err") && strings.IndexFunc(string(k), func(r rune) bool { return r > 'z' || r < 'A' }) < 0
}

// Error makes a Kind usable as the target of errors.Is.
func (k Kind) Error() string { return string(k) }

// Error is what goes wrong in gk: where, what was wanted and what came, and what to do about it where that is known.
type Error struct {
	Kind  Kind
	File  string // the file, where one is involved
	Where string // the place: `layer "dense_1" (Dense): units`
	Msg   string // what is wrong: "got -3, want > 0"
	Hint  string // what helps
	Err   error  // the cause, if another error
}

// Errorf makes an Error without a file.
func Errorf(kind Kind, where, format string, args ...any) *Error {
	return &Error{Kind: kind, Where: where, Msg: fmt.Sprintf(format, args...)}
}

// maxErrorText bounds the text of an error in bytes: much of it may come from a file.
const maxErrorText = 500

// Error puts everything on one line: `file: where: what (hint)`. Characters that are not to be printed are escaped, and a text of more
// than 500 bytes loses its middle.
func (e *Error) Error() string {
	var parts []string
	for _, s := range []string{e.File, e.Where, e.Msg} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	s := strings.Join(parts, ": ")
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return oneLine(s)
}

func oneLine(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) >= 0 {
		var b strings.Builder
		for _, r := range s {
			if strconv.IsPrint(r) {
				b.WriteRune(r)
				continue
			}
			q := strconv.QuoteRuneToASCII(r)
			b.WriteString(q[1 : len(q)-1])
		}
		s = b.String()
	}
	if len(s) <= maxErrorText {
		return s
	}
	const gap = " ... "
	half := (maxErrorText - len(gap)) / 2
	return strings.ToValidUTF8(s[:half], "") + gap + strings.ToValidUTF8(s[len(s)-half:], "")
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is the error's Kind.
func (e *Error) Is(target error) bool {
	k, ok := target.(Kind)
	return ok && (k == e.Kind || k == ErrPlugin && strings.HasPrefix(string(e.Kind), string(ErrPlugin)))
}

// In puts a place in front of the place of an error; an error of another type becomes the cause of a new one of the given kind, or of
// ErrTooLarge if a graph would hold too large a value.
func In(where string, kind Kind, err error) error {
	if err == nil {
		return nil
	}
	var e *Error
	if !errors.As(err, &e) {
		var size *graph.SizeError
		if errors.As(err, &size) {
			kind = ErrTooLarge
		}
		return &Error{Kind: kind, Where: where, Err: err}
	}
	c := *e
	switch {
	case c.Where == "":
		c.Where = where
	case c.Where == where || strings.HasPrefix(c.Where, where+": "): // said already, one level deeper
	case where != "":
		c.Where = where + ": " + c.Where
	}
	return &c
}

// InFile says in which file an error was found, unless the error says so already.
func InFile(file string, err error) error {
	if err == nil {
		return nil
	}
	var e *Error
	if !errors.As(err, &e) {
		return &Error{Kind: ErrIO, File: file, Err: err}
	}
	if e.File != "" {
		return err
	}
	c := *e
	c.File = file
	return &c
}

// WithHint adds what helps, unless the error has a hint.
func WithHint(err error, hint string) error {
	var e *Error
	if !errors.As(err, &e) || e.Hint != "" {
		return err
	}
	c := *e
	c.Hint = hint
	return &c
}

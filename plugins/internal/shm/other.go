//go:build !unix

package shm

import (
	"errors"
	"os"
	"time"
)

// This file owns systems without shared memory in this package: tensors travel by gRPC there.

// HasFutex says that this system has none.
const HasFutex = false

var errNone = errors.New("shared memory: not on this system")

// Arena is never made here.
type Arena struct{ Control }

// New fails.
func New(int64) (*Arena, error) { return nil, errNone }

// File is nil.
func (a *Arena) File() *os.File { return nil }

// Segments are none.
func (a *Arena) Segments() []Segment { return nil }

// Alloc fails.
func (a *Arena) Alloc(int) ([]byte, bool, error) { return nil, false, errNone }

// Offset finds nothing.
func (a *Arena) Offset([]byte) (int64, bool) { return 0, false }

// Free does nothing.
func (a *Arena) Free([]byte) {}

// InUse is 0.
func (a *Arena) InUse() int64 { return 0 }

// Close does nothing.
func (a *Arena) Close() error { return nil }

// View is never made here.
type View struct{ Control }

// Open fails.
func Open(*os.File) (*View, error) { return nil, errNone }

// Map fails.
func (v *View) Map([]Segment) error { return errNone }

// At fails.
func (v *View) At(int64, int64) ([]byte, error) { return nil, errNone }

// Bell does nothing.
type Bell struct{}

// Ring fails.
func (b *Bell) Ring(uint32) error { return errNone }

// Wait fails.
func (b *Bell) Wait(last uint32, _ time.Duration) (uint32, bool) { return last, false }

// Bells do nothing.
type Bells struct{ Request, Reply Bell }

// NewBells fails.
func NewBells() (*Bells, error) { return nil, errNone }

// Files are none.
func (b *Bells) Files() [2]*os.File { return [2]*os.File{} }

// Use does nothing.
func (b *Bells) Use(Control, bool, time.Duration) {}

// Close does nothing.
func (b *Bells) Close() {}

// PluginBells do nothing.
func PluginBells(Control, *os.File, *os.File, time.Duration) *Bells { return &Bells{} }

//go:build unix

package shm

import (
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// This file owns the plugin's side of the memory.

// View is the shared memory as the plugin sees it.
type View struct {
	Control
	file *os.File

	mu       sync.Mutex
	segments []mapped
}

// Open maps the control page of a file that gk passed.
func Open(file *os.File) (*View, error) {
	v := &View{file: file}
	if err := v.Map([]Segment{{0, PageSize}}); err != nil {
		return nil, err
	}
	v.Control = Control{v.segments[0].data}
	if got := *v.word(0); got != Magic {
		return nil, fmt.Errorf("shared memory: got %#x at its beginning, want %#x", got, uint32(Magic))
	}
	return v, nil
}

// Map maps the segments that are new.
func (v *View) Map(all []Segment) error {
	info, err := v.file.Stat()
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, s := range all {
		known := false
		for _, m := range v.segments {
			known = known || m.Segment == s
		}
		switch {
		case known:
			continue
		case s.Size <= 0 || s.Offset < 0 || s.Offset+s.Size > info.Size():
			return fmt.Errorf("shared memory: got a segment of %d bytes at %d, the file has %d", s.Size, s.Offset, info.Size())
		}
		data, err := unix.Mmap(int(v.file.Fd()), s.Offset, int(s.Size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			return fmt.Errorf("shared memory: %w", err)
		}
		v.segments = append(v.segments, mapped{s, data})
	}
	return nil
}

// At is the memory of n bytes at an offset.
func (v *View) At(offset, n int64) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, s := range v.segments {
		if n >= 0 && offset >= s.Offset && offset-s.Offset <= s.Size-n && offset%Align == 0 {
			return s.data[offset-s.Offset : offset-s.Offset+n : offset-s.Offset+n], nil
		}
	}
	return nil, fmt.Errorf("shared memory: got %d bytes at %d, which is in no segment", n, offset)
}

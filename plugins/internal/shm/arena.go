//go:build unix

package shm

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// This file owns gk's side of the memory: segments of one file, and the pieces that are given out of them.

// Arena is shared memory that grows and never shrinks.
type Arena struct {
	Control
	file  *os.File
	limit int64

	mu       sync.Mutex
	size     int64
	segments []mapped
	free     []span          // not in use, by offset; neighbours within a segment are joined
	used     map[int64]int64 // offset to size
}

type mapped struct {
	Segment
	data []byte
}

type span struct{ offset, size int64 }

// New makes an arena that grows up to limit bytes.
func New(limit int64) (*Arena, error) {
	file, err := newFile()
	if err != nil {
		return nil, err
	}
	a := &Arena{file: file, limit: limit, used: map[int64]int64{}}
	if _, err := a.grow(PageSize); err != nil {
		file.Close()
		return nil, err
	}
	a.Control = Control{a.segments[0].data}
	*a.word(0) = Magic
	a.free = nil // the control page is never given out
	return a, nil
}

// File is what the plugin is given.
func (a *Arena) File() *os.File { return a.file }

// Segments are all parts of the file.
func (a *Arena) Segments() []Segment {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := make([]Segment, len(a.segments))
	for i, s := range a.segments {
		out[i] = s.Segment
	}
	return out
}

// grow maps a new segment of at least so many bytes.
func (a *Arena) grow(n int64) (*mapped, error) {
	page := int64(os.Getpagesize())
	if n > PageSize {
		n = max(n, min(a.size, 64<<20)) // few segments, not much more than is needed
	}
	n = (n + page - 1) / page * page
	if a.size+n > a.limit {
		return nil, fmt.Errorf("shared memory: %d bytes more than %d are over the limit of %d", n, a.size, a.limit)
	}
	if err := a.file.Truncate(a.size + n); err != nil {
		return nil, err
	}
	data, err := unix.Mmap(int(a.file.Fd()), a.size, int(n), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("shared memory: %w", err)
	}
	a.segments = append(a.segments, mapped{Segment{a.size, n}, data})
	a.free = append(a.free, span{a.size, n})
	a.size += n
	return &a.segments[len(a.segments)-1], nil
}

// Alloc gives n bytes of zeros; grew says that there is a segment that the plugin does not know yet.
func (a *Arena) Alloc(n int) (data []byte, grew bool, err error) {
	if n <= 0 {
		return nil, false, errors.New("shared memory: nothing asked for")
	}
	size := (int64(n) + Align - 1) / Align * Align
	a.mu.Lock()
	defer a.mu.Unlock()
	at := slices.IndexFunc(a.free, func(s span) bool { return s.size >= size })
	if at < 0 {
		if _, err := a.grow(size); err != nil {
			return nil, false, err
		}
		at, grew = len(a.free)-1, true
	}
	s := &a.free[at]
	offset := s.offset
	s.offset += size
	s.size -= size
	if s.size == 0 {
		a.free = slices.Delete(a.free, at, at+1)
	}
	a.used[offset] = size
	data = a.at(offset, int64(n))
	clear(data)
	return data, grew, nil
}

// at is the memory at an offset; nil if no segment has it whole.
func (a *Arena) at(offset, n int64) []byte {
	for _, s := range a.segments {
		if offset >= s.Offset && offset+n <= s.Offset+s.Size {
			return s.data[offset-s.Offset : offset-s.Offset+n : offset-s.Offset+n]
		}
	}
	return nil
}

// Offset is where memory lies that Alloc gave, or a part of it.
func (a *Arena) Offset(data []byte) (int64, bool) {
	if len(data) == 0 {
		return 0, false
	}
	p := uintptr(unsafe.Pointer(&data[0]))
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.segments[1:] {
		first := uintptr(unsafe.Pointer(&s.data[0]))
		if p >= first && p+uintptr(len(data)) <= first+uintptr(len(s.data)) {
			return s.Offset + int64(p-first), true
		}
	}
	return 0, false
}

// Free takes memory back.
func (a *Arena) Free(data []byte) {
	offset, ok := a.Offset(data)
	if !ok {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	size, ok := a.used[offset]
	if !ok {
		return
	}
	delete(a.used, offset)
	at, _ := slices.BinarySearchFunc(a.free, offset, func(s span, o int64) int { return int(min(1, max(-1, s.offset-o))) })
	a.free = slices.Insert(a.free, at, span{offset, size})
	a.join(at)
	if at > 0 {
		a.join(at - 1)
	}
}

// join makes one span of a free span and the next, if they touch in one segment.
func (a *Arena) join(i int) {
	if i+1 >= len(a.free) {
		return
	}
	s, next := a.free[i], a.free[i+1]
	if s.offset+s.size != next.offset || a.at(s.offset, s.size+next.size) == nil {
		return
	}
	a.free[i].size += next.size
	a.free = slices.Delete(a.free, i+1, i+2)
}

// InUse is how many bytes have been given out.
func (a *Arena) InUse() (bytes int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, n := range a.used {
		bytes += n
	}
	return bytes
}

// Close unmaps everything: nothing that Alloc gave may be used any more.
func (a *Arena) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []error
	for _, s := range a.segments {
		all = append(all, unix.Munmap(s.data))
	}
	a.segments, a.free, a.used = nil, nil, nil
	return errors.Join(append(all, a.file.Close())...)
}

// Package shm is the memory that gk and a plugin share, and the bell with which each wakes the other; plugins/proto/README.md has the
// layout. Arena is gk's side, View the plugin's.
package shm

import (
	"encoding/binary"
	"sync/atomic"
	"unsafe"
)

// The layout of the control page.
const (
	PageSize = 4096
	Magic    = 0x31414b47 // "GKA1"
	MaxCalls = 256
	MaxError = 2048
	Align    = 64

	offRequest = 64
	offReply   = 128
	offStatus  = 192
	offFailed  = 196
	offLength  = 200
	offCount   = 256
	offSeed    = 264
	offStep    = 272
	offCalls   = 288
	offError   = 2048
)

// Segment is a part of the shared file.
type Segment struct{ Offset, Size int64 }

// Control is the control page.
type Control struct{ page []byte }

func (c Control) word(offset int) *uint32 { return (*uint32)(unsafe.Pointer(&c.page[offset])) }

// Request is the number of the last batch that was rung for, Reply of the last one that is done.
func (c Control) Request() uint32 { return atomic.LoadUint32(c.word(offRequest)) }

// Reply is the number of the last batch that is done.
func (c Control) Reply() uint32 { return atomic.LoadUint32(c.word(offReply)) }

// SetRequest sets the number without ringing, for a plugin that starts.
func (c Control) SetRequest(n uint32) { atomic.StoreUint32(c.word(offRequest), n) }

// SetBatch writes what is to run; the caller rings afterwards. There are at most MaxCalls calls.
func (c Control) SetBatch(bindings []uint32, seed, step uint64) {
	le := binary.LittleEndian
	le.PutUint32(c.page[offStatus:], 0)
	le.PutUint32(c.page[offLength:], 0)
	le.PutUint32(c.page[offCount:], uint32(len(bindings)))
	le.PutUint64(c.page[offSeed:], seed)
	le.PutUint64(c.page[offStep:], step)
	for i, b := range bindings {
		le.PutUint32(c.page[offCalls+4*i:], b)
	}
}

// Batch reads what is to run into bindings, which has room for MaxCalls.
func (c Control) Batch(bindings []uint32) (n int, seed, step uint64) {
	le := binary.LittleEndian
	n = int(min(le.Uint32(c.page[offCount:]), MaxCalls))
	for i := range n {
		bindings[i] = le.Uint32(c.page[offCalls+4*i:])
	}
	return n, le.Uint64(c.page[offSeed:]), le.Uint64(c.page[offStep:])
}

// SetFailed says that a call of the batch failed; message is an encoded Error.
func (c Control) SetFailed(call int, message []byte) {
	le := binary.LittleEndian
	message = message[:min(len(message), MaxError)]
	copy(c.page[offError:], message)
	le.PutUint32(c.page[offLength:], uint32(len(message)))
	le.PutUint32(c.page[offFailed:], uint32(call))
	le.PutUint32(c.page[offStatus:], 1)
}

// Failed says whether a call of the last batch failed, which, and why. The message is a copy: the page may change at any time.
func (c Control) Failed() (call int, message []byte, failed bool) {
	le := binary.LittleEndian
	if le.Uint32(c.page[offStatus:]) == 0 {
		return 0, nil, false
	}
	n := min(le.Uint32(c.page[offLength:]), MaxError)
	return int(le.Uint32(c.page[offFailed:])), append([]byte{}, c.page[offError:offError+n]...), true
}

// Floats sees bytes, which begin at a multiple of four, as numbers.
func Floats(b []byte) []float32 {
	if len(b) < 4 {
		return nil
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&b[0])), len(b)/4)
}

//go:build unix

package shm

import (
	"encoding/binary"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// This file owns the bells: how one side tells the other that the number of a batch has changed.

// Bell is one direction: a word that holds a number, and a way to wake who waits for another one.
type Bell struct {
	word, asleep *uint32
	fd           int // -1: futex
	spin         time.Duration
}

// Ring sets the number and wakes the other side. It fails only if the other side is gone.
func (b *Bell) Ring(number uint32) error {
	atomic.StoreUint32(b.word, number)
	if b.fd < 0 {
		if atomic.LoadUint32(b.asleep) != 0 {
			futexWake(b.word)
		}
		return nil
	}
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	for {
		fds := [1]unix.PollFd{{Fd: int32(b.fd), Events: unix.POLLOUT}} // who fills it must not make this side hang
		if n, err := unix.Poll(fds[:], 100); n == 0 && err == nil {
			return os.NewSyscallError("write", unix.EAGAIN)
		}
		_, err := unix.Write(b.fd, one[:])
		if err != unix.EINTR {
			return os.NewSyscallError("write", err)
		}
	}
}

// Wait waits for at most timeout until the number is another one than last, and returns it.
func (b *Bell) Wait(last uint32, timeout time.Duration) (number uint32, ok bool) {
	if n := atomic.LoadUint32(b.word); n != last && b.fd < 0 {
		return n, true
	}
	if b.fd >= 0 {
		return b.poll(last, timeout)
	}
	if b.spin > 0 {
		for start := time.Now(); time.Since(start) < b.spin; {
			for range 32 {
				if n := atomic.LoadUint32(b.word); n != last {
					return n, true
				}
			}
		}
	}
	atomic.StoreUint32(b.asleep, 1)
	defer atomic.StoreUint32(b.asleep, 0)
	end := time.Now().Add(timeout)
	for {
		if n := atomic.LoadUint32(b.word); n != last {
			return n, true
		}
		left := time.Until(end)
		if left <= 0 {
			return last, false
		}
		futexWait(b.word, last, left)
	}
}

// poll waits for the descriptor.
func (b *Bell) poll(last uint32, timeout time.Duration) (uint32, bool) {
	end := time.Now().Add(timeout)
	for {
		left := max(0, time.Until(end))
		fds := [1]unix.PollFd{{Fd: int32(b.fd), Events: unix.POLLIN}}
		n, err := unix.Poll(fds[:], int((left+time.Millisecond-1)/time.Millisecond))
		if err != nil && err != unix.EINTR {
			return last, false
		}
		if n > 0 {
			var eight [8]byte
			if got, err := unix.Read(b.fd, eight[:]); err == nil && got == 0 || err != nil && err != unix.EINTR && err != unix.EAGAIN {
				return last, false // a socket whose other end is closed
			}
		}
		if now := atomic.LoadUint32(b.word); now != last {
			return now, true
		}
		if left == 0 {
			return last, false
		}
	}
}

// Bells are both directions as one side has them.
type Bells struct {
	Request, Reply Bell
	host, plugin   [2]int
	shared         bool // both sides have the same descriptors
}

// NewBells makes the bells of gk's side of an arena, with descriptors for a plugin that wants them.
func NewBells() (*Bells, error) {
	host, plugin, err := newBells()
	if err != nil {
		return nil, err
	}
	return &Bells{host: host, plugin: plugin, shared: host == plugin}, nil
}

// Files are the ends of the plugin, for request and reply; they belong to the caller.
func (b *Bells) Files() [2]*os.File {
	var f [2]*os.File
	for i, fd := range b.plugin {
		if b.shared {
			fd, _ = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		}
		f[i] = os.NewFile(uintptr(fd), "gk-plugin-bell")
	}
	return f
}

// Use chooses between futexes and descriptors, and how long to spin for a reply.
func (b *Bells) Use(c Control, futex bool, spin time.Duration) {
	b.Request = Bell{word: c.word(offRequest), asleep: c.word(offRequest + 4), fd: b.host[0]}
	b.Reply = Bell{word: c.word(offReply), asleep: c.word(offReply + 4), fd: b.host[1], spin: spin}
	if futex {
		b.Request.fd, b.Reply.fd = -1, -1
	}
}

// Close closes gk's ends.
func (b *Bells) Close() {
	for _, fd := range b.host {
		unix.Close(fd)
	}
}

// PluginBells are those of the plugin's side: futexes where request and reply are nil.
func PluginBells(c Control, request, reply *os.File, spin time.Duration) *Bells {
	b := &Bells{host: [2]int{-1, -1}}
	if request != nil && reply != nil {
		b.host = [2]int{int(request.Fd()), int(reply.Fd())}
	}
	b.Use(c, request == nil || reply == nil, 0)
	b.Request.spin = spin
	return b
}

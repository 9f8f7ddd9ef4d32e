//go:build unix

package shm

import (
	"bytes"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// This file owns the tests of the shared memory within one process, which maps it twice.

func pair(t *testing.T, limit int64) (*Arena, *View) {
	t.Helper()
	a, err := New(limit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	fd, err := unix.Dup(int(a.File().Fd()))
	if err != nil {
		t.Fatal(err)
	}
	v, err := Open(os.NewFile(uintptr(fd), "view"))
	if err != nil {
		t.Fatal(err)
	}
	return a, v
}

func TestBothSidesSeeTheSame(t *testing.T) {
	a, v := pair(t, 1<<30)
	r := rand.New(rand.NewPCG(1, 2))
	type piece struct {
		data []byte
		fill byte
	}
	var live []piece
	for i := range 2000 {
		if len(live) > 20 || i > 1900 && len(live) > 0 {
			k := r.IntN(len(live))
			if !bytes.Equal(live[k].data, bytes.Repeat([]byte{live[k].fill}, len(live[k].data))) {
				t.Fatal("somebody else wrote into a piece")
			}
			a.Free(live[k].data)
			live = append(live[:k], live[k+1:]...)
			continue
		}
		data, grew, err := a.Alloc(1 + r.IntN(1<<r.IntN(20)))
		if err != nil {
			t.Fatal(err)
		}
		if data[0] != 0 || data[len(data)-1] != 0 {
			t.Fatal("memory is not zero")
		}
		if grew {
			if err := v.Map(a.Segments()); err != nil {
				t.Fatal(err)
			}
		}
		p := piece{data, byte(i)}
		for j := range data {
			data[j] = p.fill
		}
		live = append(live, p)
		offset, ok := a.Offset(data)
		if !ok {
			t.Fatal("memory without an offset")
		}
		seen, err := v.At(offset, int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(seen, data) {
			t.Fatal("the other side sees something else")
		}
	}
	for _, p := range live {
		a.Free(p.data)
	}
	if n := a.InUse(); n != 0 {
		t.Errorf("got %d bytes in use, want 0", n)
	}
	if len(a.free) != len(a.segments)-1 {
		t.Errorf("got %d free spans in %d segments, want one in each but that of the control page", len(a.free), len(a.segments))
	}
}

func TestLimits(t *testing.T) {
	a, v := pair(t, 1<<20)
	if _, _, err := a.Alloc(2 << 20); err == nil {
		t.Error("more than the limit was given")
	}
	if err := v.Map([]Segment{{PageSize, 1 << 30}}); err == nil {
		t.Error("a segment beyond the end of the file was mapped")
	}
	for _, at := range [][2]int64{{-64, 64}, {0, 1 << 40}, {1 << 62, 1 << 62}, {32, 4}, {0, -1}} {
		if _, err := v.At(at[0], at[1]); err == nil {
			t.Errorf("got memory for %d bytes at %d", at[1], at[0])
		}
	}
	if err := unix.Ftruncate(int(a.File().Fd()), 10); err == nil {
		t.Error("the file can be made shorter")
	}
	if _, ok := a.Offset(make([]byte, 8)); ok {
		t.Error("memory from elsewhere has an offset")
	}
}

func TestBells(t *testing.T) {
	for _, futex := range []bool{true, false} {
		if futex && !HasFutex {
			continue
		}
		a, v := pair(t, 1<<20)
		host, err := NewBells()
		if err != nil {
			t.Fatal(err)
		}
		files := host.Files()
		host.Use(a.Control, futex, 20*time.Microsecond)
		var plugin *Bells
		if futex {
			plugin = PluginBells(v.Control, nil, nil, 0)
		} else {
			plugin = PluginBells(v.Control, files[0], files[1], 0)
		}
		done := make(chan int)
		go func() {
			last, served := uint32(0), 0
			var calls [MaxCalls]uint32
			for {
				n, ok := plugin.Request.Wait(last, 5*time.Second)
				if !ok {
					break
				}
				last = n
				count, seed, step := v.Batch(calls[:])
				if count == 0 {
					break
				}
				if seed != uint64(n) || step != 7 || calls[count-1] != 9 {
					v.SetFailed(1, []byte("wrong"))
				}
				served++
				_ = plugin.Reply.Ring(n)
			}
			done <- served
		}()
		if _, ok := host.Reply.Wait(0, 10*time.Millisecond); ok {
			t.Error("a reply without a request")
		}
		for n := uint32(1); n <= 1000; n++ {
			a.SetBatch([]uint32{1, 9}, uint64(n), 7)
			if err := host.Request.Ring(n); err != nil {
				t.Fatal(err)
			}
			if got, ok := host.Reply.Wait(n-1, 5*time.Second); !ok || got != n {
				t.Fatalf("futex %v: got reply %d, %v, want %d", futex, got, ok, n)
			}
			if _, _, failed := a.Failed(); failed {
				t.Fatal("the batch did not arrive as it was sent")
			}
		}
		a.SetBatch([]uint32{1, 8}, 1001, 7)
		_ = host.Request.Ring(1001)
		host.Reply.Wait(1000, 5*time.Second)
		if call, text, failed := a.Failed(); call != 1 || string(text) != "wrong" || !failed {
			t.Errorf("got %d %q %v, want the failure", call, text, failed)
		}
		a.SetBatch(nil, 0, 0)
		_ = host.Request.Ring(1002)
		if n := <-done; n != 1001 {
			t.Errorf("got %d batches served, want 1001", n)
		}
		host.Close()
	}
}

func BenchmarkBell(b *testing.B) {
	for _, futex := range []bool{true, false} {
		b.Run(map[bool]string{true: "futex", false: "fd"}[futex], func(b *testing.B) {
			a, _ := New(1 << 20)
			host, _ := NewBells()
			files := host.Files()
			host.Use(a.Control, futex, 20*time.Microsecond)
			plugin := PluginBells(a.Control, files[0], files[1], 20*time.Microsecond)
			if futex {
				plugin = PluginBells(a.Control, nil, nil, 20*time.Microsecond)
			}
			go func() {
				for last := uint32(0); ; {
					n, ok := plugin.Request.Wait(last, time.Second)
					if !ok {
						return
					}
					last = n
					_ = plugin.Reply.Ring(n)
				}
			}()
			for n := range uint32(b.N) {
				_ = host.Request.Ring(n + 1)
				host.Reply.Wait(n, time.Second)
			}
		})
	}
}

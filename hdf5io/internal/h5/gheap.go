// Global heaps: where variable-length strings live.

package h5

const whatGlobal = "global heap collection"

// collection is one decoded global heap collection: its objects by number.
type collection map[uint32][]byte

// heapObject returns the object with the given number in the collection at addr.
func (l *loader) heapObject(addr uint64, number uint32) ([]byte, error) {
	c, ok := l.globals[addr]
	if !ok {
		var err error
		if c, err = l.collection(addr); err != nil {
			return nil, err
		}
		l.globals[addr] = c
	}
	b, ok := c[number]
	if !ok {
		return nil, fail(ErrCorrupt, whatGlobal, "no object %d in the one at %d", number, addr)
	}
	return b, nil
}

// collection reads and checks a whole collection: each object must lie inside it. libhdf5 1.10 does not check that, and dies of
// it.
func (l *loader) collection(addr uint64) (collection, error) {
	head := uint64(8+l.l+7) &^ 7 // everything in a collection takes multiples of 8; an object's head is as long as the collection's
	d, err := l.cursor(addr, head, whatGlobal)
	if err != nil {
		return nil, err
	}
	if !d.signature("GCOL") || d.u8() != 1 {
		return nil, fail(ErrCorrupt, whatGlobal, "none at %d", addr)
	}
	d.skip(3)
	size := d.length()
	if size < head {
		return nil, fail(ErrCorrupt, whatGlobal, "%d bytes at %d", size, addr)
	}
	b, err := l.bytes(addr, size, whatGlobal)
	if err != nil {
		return nil, err
	}
	if err := l.claim(addr, size, whatGlobal); err != nil {
		return nil, err
	}
	c := collection{}
	d = l.dec(b[head:])
	for d.left() >= int(head) {
		number := uint32(d.u16())
		d.skip(6)
		n := d.length()
		d.skip(int(head) - 8 - l.l)
		if number == 0 {
			// Free space; its size counts its own head, and there is nothing behind it. libhdf5 goes on from where it says, and a size of
			// 0 keeps it there for ever.
			if n != uint64(d.left())+head {
				return nil, fail(ErrCorrupt, whatGlobal, "free space of %d bytes in the one at %d, which has %d left", n, addr, d.left())
			}
			break
		}
		if n > uint64(d.left()) || n+(-n&7) > uint64(d.left()) {
			return nil, fail(ErrCorrupt, whatGlobal, "object %d of %d bytes in the one at %d, which has %d left", number, n, addr, d.left())
		}
		if _, twice := c[number]; twice {
			return nil, fail(ErrCorrupt, whatGlobal, "object %d twice in the one at %d", number, addr)
		}
		c[number] = d.next(int(n))
		d.skip(int(-n & 7))
	}
	return c, nil
}

// varString resolves one element of a variable-length string: its length, the collection's address, the object's number.
func (l *loader) varString(elem []byte) (string, error) {
	d := l.dec(elem)
	n, addr, number := d.u32(), d.offset(), d.u32()
	switch {
	case addr == 0 && n != 0:
		return "", fail(ErrCorrupt, whatGlobal, "string of %d bytes without an address", n)
	case addr == 0:
		return "", nil
	case d.bad || addr == undefined:
		return "", fail(ErrCorrupt, whatGlobal, "string of %d bytes outside the file", n)
	}
	// An empty string that has an address has an object: libhdf5 goes there.
	b, err := l.heapObject(addr, number)
	if err != nil {
		return "", err
	}
	if uint64(n) != uint64(len(b)) { // libhdf5 has a buffer for the string and copies the object
		return "", fail(ErrCorrupt, whatGlobal, "string of %d bytes in an object of %d", n, len(b))
	}
	if l.stringBytes += uint64(n); l.stringBytes > l.lim.AttributeBytes+4*l.size {
		return "", fail(ErrTooLarge, whatGlobal, "strings of more than %d bytes in all", l.lim.AttributeBytes+4*l.size)
	}
	return cutNul(string(b[:n])), nil
}

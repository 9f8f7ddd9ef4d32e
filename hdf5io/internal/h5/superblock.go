// The superblock: where HDF5 begins in the file, how wide its numbers are, where the root group is.

package h5

import "bytes"

const magic = "\x89HDF\r\n\x1a\n"

// superblock is what the rest of the walk needs from it.
type superblock struct {
	root      uint64 // address of the root group's object header
	rootStab  *stab  // version 0 and 1: the root's copy of its symbol table, which libhdf5 trusts
	extension uint64 // address of the superblock extension, or undefined
	leafK     int    // half the entries of a symbol-table node
	groupK    int    // half the entries of a group's tree node
	chunkK    int    // half the entries of a chunk tree node
	modern    bool   // version 2 or later
}

// stab is a symbol table: a tree of names and the heap that holds them.
type stab struct{ tree, heap uint64 }

// findSuperblock looks for the signature at 0, 512, 1024, 2048 and so on, sets s.base, and returns up to 128 bytes from there.
func (s *source) findSuperblock() ([]byte, error) {
	for at := uint64(0); at+8 <= s.size; at = max(512, 2*at) {
		b := make([]byte, min(128, s.size-at))
		s.base = 0
		if err := s.readAt(b, at); err != nil {
			return nil, err
		}
		if bytes.HasPrefix(b, []byte(magic)) {
			s.base = at
			return b, nil
		}
		if at > 1<<40 {
			break
		}
	}
	if s.size < 8 {
		return nil, fail(ErrNotModel, offsetPlace(s.size), "%d bytes are too few for an HDF5 file", s.size)
	}
	return nil, fail(ErrNotModel, "file signature", "no HDF5 signature; is this a model file?")
}

// readSuperblock decodes the superblock and sets the end of the file and the sizes of its numbers.
func (s *source) readSuperblock() (*superblock, error) {
	raw, err := s.findSuperblock()
	if err != nil {
		return nil, err
	}
	truncated := fail(ErrTruncated, offsetPlace(s.size), "the file ends inside the superblock")
	d := &dec{b: raw, pos: 8}
	version := d.u8()
	if d.bad {
		return nil, truncated
	}
	sb := &superblock{extension: undefined, leafK: 4, groupK: 16, chunkK: 32, modern: version >= 2}
	var base, end uint64
	switch version {
	case 0, 1:
		d.skip(4)
		d.o, d.l = int(d.u8()), int(d.u8())
		d.skip(1)
		sb.leafK, sb.groupK = int(d.u16()), int(d.u16())
		d.skip(4)
		if version == 1 {
			sb.chunkK = int(d.u16())
			d.skip(2)
		}
		if err := s.sizes(d, truncated); err != nil {
			return nil, err
		}
		base = d.offset()
		d.offset() // free-space information, never used
		end = d.offset()
		if driver := d.offset(); driver != undefined && !d.bad {
			return nil, fail(ErrUnsupported, "superblock driver information", "the file is part of a set of files")
		}
		d.offset() // the root's name
		sb.root = d.offset()
		cache := d.u32()
		d.skip(4)
		scratch := stab{d.offset(), d.offset()}
		if cache == 1 {
			sb.rootStab = &scratch
		}
	case 2, 3:
		d.o, d.l = int(d.u8()), int(d.u8())
		d.skip(1)
		if err := s.sizes(d, truncated); err != nil {
			return nil, err
		}
		base = d.offset()
		sb.extension = d.offset()
		end = d.offset()
		sb.root = d.offset()
		d.skip(4)
		if !d.bad {
			if err := checkSum(raw[:d.pos], "superblock"); err != nil {
				return nil, err
			}
		}
	default:
		return nil, fail(ErrUnsupported, "superblock version "+itoa(uint64(version)), "want 0 to 3")
	}
	if d.bad {
		return nil, truncated
	}
	// A superblock that was moved, by putting a user block in front of the file, keeps its old base address.
	if base > end || end == undefined {
		return nil, fail(ErrCorrupt, "superblock end of file", "end %d lies before the base address %d", end, base)
	}
	s.end = end - base
	if s.end > s.size-s.base {
		return nil, fail(ErrTruncated, offsetPlace(s.size), "the file should have %d bytes; it was cut short, copy it again",
			s.end+s.base)
	}
	if sb.leafK == 0 || sb.groupK == 0 || sb.chunkK == 0 {
		return nil, fail(ErrCorrupt, "superblock tree sizes", "%d, %d, %d: want more than 0", sb.leafK, sb.groupK, sb.chunkK)
	}
	return sb, s.claim(0, uint64(d.pos), "superblock")
}

// sizes checks the widths of offsets and lengths.
func (s *source) sizes(d *dec, truncated error) error {
	if d.bad {
		return truncated
	}
	for _, f := range []struct {
		n    int
		name string
	}{{d.o, "superblock size-of-offsets"}, {d.l, "superblock size-of-lengths"}} {
		if f.n != 2 && f.n != 4 && f.n != 8 {
			return fail(ErrCorrupt, f.name, "%d bytes, want 2, 4 or 8", f.n)
		}
	}
	s.o, s.l = d.o, d.l
	return nil
}

// extend takes the tree sizes from the superblock extension, if there is one.
func (l *loader) extend() error {
	if l.sb.extension == undefined {
		return nil
	}
	msgs, err := l.header(l.sb.extension)
	if err != nil {
		return at("superblock extension", err)
	}
	for _, m := range msgs {
		switch m.kind {
		case msgTreeK:
			d := l.dec(m.body)
			d.skip(1)
			l.sb.chunkK, l.sb.groupK, l.sb.leafK = int(d.u16()), int(d.u16()), int(d.u16())
			if d.bad || l.sb.chunkK == 0 || l.sb.groupK == 0 || l.sb.leafK == 0 {
				return fail(ErrCorrupt, "superblock extension", "impossible tree sizes")
			}
		case msgDriver:
			return fail(ErrUnsupported, "superblock driver information", "the file is part of a set of files")
		case msgSharedTable:
			return fail(ErrUnsupported, "superblock extension", "shared object header messages")
		}
	}
	return nil
}

// source: bounded access to the bytes of a file while its structures are walked.

package h5

import (
	"errors"
	"io"
	"sort"
)

// Limits bounds what Open accepts. The zero value of a field means its default.
type Limits struct {
	FileBytes      uint64 // length of the file, default 64 GiB
	DataBytes      uint64 // declared bytes of all datasets together, default the larger of 1 GiB and 4 times the file
	AttributeBytes uint64 // one attribute, default 64 MiB; all together may have this much more than 4 times the file
	ChunkBytes     uint64 // one chunk of a dataset, default 1 GiB
	Objects        int    // groups, datasets and attributes, default 1,000,000
	Depth          int    // nesting of groups, default 64
}

// Limits that no caller has needed to change.
const (
	maxRank          = 32
	maxTreeDepth     = 16
	maxContinuations = 1000
	maxMessages      = 1 << 20
	maxChunks        = 1 << 22
	maxMetadata      = 64 << 20 // bytes of one structure: a heap, a header chunk, a tree node
	maxTypeDepth     = 8
	maxStrings       = 1 << 22 // elements of one string array
)

func (l Limits) withDefaults(size uint64) Limits {
	set := func(p *uint64, v uint64) {
		if *p == 0 {
			*p = v
		}
	}
	set(&l.FileBytes, 64<<30)
	set(&l.DataBytes, max(1<<30, 4*min(size, 1<<60)))
	set(&l.AttributeBytes, 64<<20)
	set(&l.ChunkBytes, 1<<30)
	if l.Objects == 0 {
		l.Objects = 1_000_000
	}
	if l.Depth == 0 {
		l.Depth = 64
	}
	return l
}

const (
	pageSize = 8 << 10
	maxPages = 512
)

// source gives access to the file by address. Addresses count from the superblock, as everywhere in HDF5.
type source struct {
	r    io.ReaderAt
	size uint64 // bytes that r has
	base uint64 // place of address 0 in r
	end  uint64 // first address past the file's contents
	o, l int    // sizes of offsets and lengths
	lim  Limits

	pages   map[uint64][]byte
	extents []extent
	claimed uint64 // bytes of all extents
}

// extent is a stretch of the file that one structure owns.
type extent struct{ start, end uint64 }

// within checks that n bytes at addr lie inside the file.
func (s *source) within(addr, n uint64, what string) error {
	if addr == undefined {
		return fail(ErrCorrupt, what, "has no address")
	}
	if n > s.end || addr > s.end-n {
		return fail(ErrCorrupt, what, "%d bytes at %d reach past the end of the file at %d", n, addr, s.end)
	}
	return nil
}

// bytes returns n bytes at addr, which the caller must not change.
func (s *source) bytes(addr, n uint64, what string) ([]byte, error) {
	if err := s.within(addr, n, what); err != nil {
		return nil, err
	}
	if n > maxMetadata {
		return nil, fail(ErrTooLarge, what, "%d bytes, want at most %d", n, uint64(maxMetadata))
	}
	page, in := addr/pageSize, addr%pageSize
	if in+n > pageSize {
		b := make([]byte, n)
		return b, s.readAt(b, addr)
	}
	b, ok := s.pages[page]
	if !ok {
		if len(s.pages) >= maxPages {
			clear(s.pages)
		}
		b = make([]byte, min(pageSize, s.end-page*pageSize))
		if err := s.readAt(b, page*pageSize); err != nil {
			return nil, err
		}
		s.pages[page] = b
	}
	return b[in : in+n : in+n], nil
}

// cursor is bytes in a dec.
func (s *source) cursor(addr, n uint64, what string) (*dec, error) {
	b, err := s.bytes(addr, n, what)
	if err != nil {
		return nil, err
	}
	return s.dec(b), nil
}

func (s *source) dec(b []byte) *dec { return &dec{b: b, o: s.o, l: s.l, end: s.end} }

// summed reads a structure of n bytes whose last four are the checksum of the others, and checks its signature.
func (s *source) summed(addr, n uint64, sig, what string) (*dec, error) {
	if n < 8 {
		return nil, fail(ErrCorrupt, what, "%d bytes long", n)
	}
	b, err := s.bytes(addr, n, what)
	if err != nil {
		return nil, err
	}
	d := s.dec(b[:n-4])
	if !d.signature(sig) {
		return nil, fail(ErrCorrupt, what, "signature %q, want %q", b[:4], sig)
	}
	if err := checkSum(b, what); err != nil {
		return nil, err
	}
	return d, s.claim(addr, n, what)
}

// checkSum compares the last four bytes with the checksum of the others.
func checkSum(b []byte, what string) error {
	n := len(b) - 4
	tail := dec{b: b[n:]}
	if got, want := tail.u32(), lookup3(b[:n]); got != want {
		return fail(ErrChecksum, what, "stored checksum %08x, bytes have %08x", got, want)
	}
	return nil
}

// claim notes that a structure owns n bytes at addr. Owners must not share bytes; noOverlap checks that in the end, and until
// then their sum bounds the work that a file can cause by naming the same bytes over and over.
func (s *source) claim(addr, n uint64, what string) error {
	if err := s.within(addr, n, what); err != nil || n == 0 {
		return err
	}
	if s.claimed += n; s.claimed > s.end {
		return fail(ErrCorrupt, what, "the structures claim more bytes than the file has")
	}
	s.extents = append(s.extents, extent{addr, addr + n})
	return nil
}

// noOverlap checks that no two structures share bytes. Overlaps are how small files pretend to be large, and no writer makes
// them.
func (s *source) noOverlap() error {
	e := s.extents
	sort.Slice(e, func(i, j int) bool { return e[i].start < e[j].start })
	for i := 1; i < len(e); i++ {
		if e[i].start < e[i-1].end {
			return fail(ErrCorrupt, "file space", "structures at %d and %d share bytes", e[i-1].start, e[i].start)
		}
	}
	return nil
}

// readAt fills b from addr. It goes to the file directly and may be called concurrently.
func (s *source) readAt(b []byte, addr uint64) error {
	if addr > s.size || s.base > s.size-addr {
		return fail(ErrTruncated, "", "address %d lies past the end of the file", addr)
	}
	n, err := s.r.ReadAt(b, int64(s.base+addr))
	switch {
	case n == len(b):
		return nil
	case err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return fail(ErrTruncated, "", "%d bytes at %d, got %d", len(b), addr, n)
	default:
		return &Error{Kind: ErrIO, Where: "", Err: err}
	}
}

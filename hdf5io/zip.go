package hdf5io

import (
	"archive/zip"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gokeras/gk/core"
)

// This file owns archives: opening them with distrust. Nothing is ever unpacked to disk; what is checked here is that directory and
// data agree, so that no two readers can see different files, and that no size is believed before it is plausible.

const (
	maxMembers  = 4096
	maxConfig   = 64 << 20 // bytes of a JSON member
	maxRatio    = 100      // of a member of more than ratioFrom bytes
	ratioFrom   = 1 << 20
	maxInflated = 1 << 30 // bytes of a compressed weights member, which has to go through memory
	zipLocal    = 0x04034b50
	headerBytes = 30
)

// archive is an open and checked .keras file.
type archive struct {
	f     *os.File
	files map[string]*zip.File
}

func (z *archive) close() { _ = z.f.Close() } // it was only read

func openZip(path string) (*archive, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, openError(err)
	}
	z, err := checkZip(f)
	if err != nil {
		_ = f.Close() // the error that counts is there already
		return nil, err
	}
	return z, nil
}

func checkZip(f *os.File) (*archive, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, openError(err)
	}
	r, err := zip.NewReader(f, info.Size())
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // names are checked below
		if isZipError(err) {
			return nil, core.Errorf(core.ErrTruncated, "zip directory", "is not there or broken, so the file ends too early")
		}
		return nil, &core.Error{Kind: core.ErrCorrupt, Where: "zip directory", Err: err}
	}
	if len(r.File) > maxMembers {
		return nil, core.Errorf(core.ErrTooLarge, "zip directory", "got %d members, want at most %d", len(r.File), maxMembers)
	}
	z := &archive{f, map[string]*zip.File{}}
	folded := map[string]bool{}
	for _, m := range r.File {
		where := fmt.Sprintf("member %q", m.Name)
		if err := checkMember(m, info.Size()); err != nil {
			return nil, core.In(where, core.ErrCorrupt, err)
		}
		low := strings.ToLower(m.Name)
		if folded[low] {
			return nil, core.Errorf(core.ErrCorrupt, where, "occurs twice")
		}
		folded[low] = true
		z.files[m.Name] = m
	}
	return z, z.checkData(r.File)
}

// checkMember checks what the directory says of a member.
func checkMember(m *zip.File, fileSize int64) error {
	name := m.Name
	parts := strings.Split(strings.TrimSuffix(name, "/"), "/")
	switch {
	case name == "", !utf8.ValidString(name), strings.ContainsAny(name, "\\\x00"), strings.HasPrefix(name, "/"),
		len(name) > 1 && name[1] == ':', slices.Contains(parts, ".."), slices.Contains(parts, "."), slices.Contains(parts, ""):
		return core.Errorf(core.ErrUnsafePath, "", "a name that leads out of the archive")
	case m.Mode()&(fs.ModeType&^fs.ModeDir) != 0:
		return core.Errorf(core.ErrUnsafePath, "", "got a %v, want a file", m.Mode().Type())
	case m.Flags&1 != 0:
		return core.Errorf(core.ErrUnsupported, "", "is encrypted")
	case m.Method != zip.Store && m.Method != zip.Deflate:
		return core.Errorf(core.ErrUnsupported, "", "compression method %d", m.Method)
	case m.UncompressedSize64 > ratioFrom && m.UncompressedSize64/maxRatio > m.CompressedSize64:
		return core.Errorf(core.ErrTooLarge, "", "%d bytes out of %d", m.UncompressedSize64, m.CompressedSize64)
	case m.CompressedSize64 > uint64(fileSize):
		return core.Errorf(core.ErrTooLarge, "", "%d bytes in a file of %d", m.CompressedSize64, fileSize)
	case m.Method == zip.Store && m.UncompressedSize64 > m.CompressedSize64:
		return core.Errorf(core.ErrTooLarge, "", "%d bytes, and %d are stored", m.UncompressedSize64, m.CompressedSize64)
	case m.Method == zip.Store && m.UncompressedSize64 != m.CompressedSize64:
		return core.Errorf(core.ErrCorrupt, "", "%d bytes, and %d are stored", m.UncompressedSize64, m.CompressedSize64)
	}
	return nil
}

// checkData holds the headers in front of the data against the directory, and the members against each other.
func (z *archive) checkData(files []*zip.File) error {
	type span struct {
		from, to int64
		name     string
	}
	var spans []span
	for _, m := range files {
		where := fmt.Sprintf("member %q", m.Name)
		at, err := m.DataOffset()
		if err != nil {
			return core.Errorf(core.ErrCorrupt, where, "has no header where the directory says")
		}
		start, err := z.localHeader(m, at)
		if err != nil {
			return core.In(where, core.ErrCorrupt, err)
		}
		spans = append(spans, span{start, at + int64(m.CompressedSize64), m.Name})
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	for i := 1; i < len(spans); i++ {
		if spans[i].from < spans[i-1].to {
			return core.Errorf(core.ErrCorrupt, fmt.Sprintf("member %q", spans[i].name), "shares bytes with member %q", spans[i-1].name)
		}
	}
	return nil
}

// localHeader finds the header of a member whose data begin at an offset and compares it with the directory. The header ends where the
// data begin, with the name and an extra field of up to 64 KB; its own lengths say where it starts.
func (z *archive) localHeader(m *zip.File, data int64) (int64, error) {
	for _, most := range []int64{0, 0xFFFF} {
		size := min(data, headerBytes+int64(len(m.Name))+most)
		block := make([]byte, size)
		if _, err := z.f.ReadAt(block, data-size); err != nil {
			return 0, openError(err)
		}
		for extra := int64(0); extra <= most; extra++ {
			at := size - extra - int64(headerBytes+len(m.Name))
			if at < 0 {
				break
			}
			head := block[at : at+int64(headerBytes+len(m.Name))]
			le := binary.LittleEndian
			if le.Uint32(head) == zipLocal && int(le.Uint16(head[26:])) == len(m.Name) && int64(le.Uint16(head[28:])) == extra {
				return data - size + at, sameHeader(m, head)
			}
		}
	}
	return 0, core.Errorf(core.ErrCorrupt, "", "has no header of its name in front of its data")
}

func sameHeader(m *zip.File, head []byte) error {
	le := binary.LittleEndian
	flags := le.Uint16(head[6:])
	const encrypted, sizesBehind, zip64 = 1, 8, 0xFFFFFFFF
	switch {
	case !bytes.Equal(head[headerBytes:], []byte(m.Name)):
		return core.Errorf(core.ErrCorrupt, "", "is named %q in front of its data", head[headerBytes:])
	case le.Uint16(head[8:]) != m.Method:
		return core.Errorf(core.ErrCorrupt, "", "got compression method %d in front of its data, want %d", le.Uint16(head[8:]), m.Method)
	case flags&encrypted != 0:
		return core.Errorf(core.ErrUnsupported, "", "is encrypted")
	case flags&sizesBehind != 0:
		return nil
	}
	packed, size := le.Uint32(head[18:]), le.Uint32(head[22:])
	if packed != zip64 && uint64(packed) != m.CompressedSize64 || size != zip64 && uint64(size) != m.UncompressedSize64 {
		return core.Errorf(core.ErrCorrupt, "", "%d bytes in front of its data, %d in the directory", size, m.UncompressedSize64)
	}
	return nil
}

// bytes reads a member whole, to its end, where its checksum is compared.
func (z *archive) bytes(name string, limit uint64) ([]byte, error) {
	where := "member " + name
	m := z.files[name]
	if m.UncompressedSize64 > limit {
		return nil, core.Errorf(core.ErrTooLarge, where, "%d bytes, want at most %d", m.UncompressedSize64, limit)
	}
	r, err := m.Open()
	if err != nil {
		return nil, &core.Error{Kind: core.ErrCorrupt, Where: where, Err: err}
	}
	defer r.Close() // it was only read
	var b bytes.Buffer
	n, err := io.Copy(&b, io.LimitReader(r, int64(m.UncompressedSize64)+1))
	switch {
	case errors.Is(err, zip.ErrChecksum):
		return nil, core.Errorf(core.ErrChecksum, where, "its checksum is not that of the directory")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, core.Errorf(core.ErrCorrupt, where, "ends before its size")
	case err != nil:
		return nil, &core.Error{Kind: core.ErrCorrupt, Where: where, Err: err}
	case uint64(n) != m.UncompressedSize64:
		return nil, core.Errorf(core.ErrCorrupt, where, "holds more than the %d bytes of the directory", m.UncompressedSize64)
	}
	return b.Bytes(), nil
}

func (z *archive) json(name string) (any, error) {
	text, err := z.bytes(name, maxConfig)
	if err != nil {
		return nil, err
	}
	return parse(text, "member "+name)
}

// weights is the weights member: in place where it is stored, else inflated in memory.
func (z *archive) weights() (io.ReaderAt, int64, error) {
	m := z.files[memberWeights]
	if m.Method != zip.Store {
		b, err := z.bytes(memberWeights, maxInflated)
		return bytes.NewReader(b), int64(len(b)), err
	}
	at, err := m.DataOffset()
	if err != nil {
		return nil, 0, &core.Error{Kind: core.ErrCorrupt, Where: "member " + memberWeights, Err: err}
	}
	size := int64(m.UncompressedSize64)
	sum := crc32.NewIEEE()
	buffer := make([]byte, 1<<20)
	if _, err := io.CopyBuffer(struct{ io.Writer }{sum}, io.NewSectionReader(z.f, at, size), buffer); err != nil {
		return nil, 0, openError(err)
	}
	if sum.Sum32() != m.CRC32 {
		return nil, 0, core.Errorf(core.ErrChecksum, "member "+memberWeights, "its checksum is not that of the directory")
	}
	return io.NewSectionReader(z.f, at, size), size, nil
}

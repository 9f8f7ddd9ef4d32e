// The writer: superblock 0, version 1 object headers, symbol-table groups, contiguous data.

package h5

import (
	"bufio"
	"encoding/binary"
	"io"
	"os"
)

// Create writes the tree to the file at path, in place of what is there. A tree that cannot be written leaves the file
// untouched; after an error of the system its contents are undefined. The file is closed but not synced. By default cgo builds
// write through libhdf5, except trees with what gonum cannot express (float16, bool), which the Go writer takes. What libhdf5
// writes carries the time of writing and declares strings ASCII; what the Go writer writes depends on the tree alone.
func Create(path string, root *GroupSpec, opts ...Option) error {
	o := collect(opts)
	if o.backend == BackendGonum || o.backend == BackendDefault && gonumBuilt {
		err := createGonum(path, root)
		if err == nil || o.backend == BackendGonum {
			return err
		}
		// The Go writer either succeeds or says better what is wrong.
	}
	e, err := encode(root)
	if err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return &Error{Kind: ErrIO, Where: "file", Err: err}
	}
	err = e.write(f)
	if cerr := f.Close(); err == nil && cerr != nil {
		err = &Error{Kind: ErrIO, Where: "file", Err: cerr}
	}
	return err
}

// Encode writes the tree to w with the Go writer. The bytes depend on the tree alone. Metadata comes first, then the contents
// of the datasets, each written straight from the caller's memory.
func Encode(w io.Writer, root *GroupSpec) error {
	e, err := encode(root)
	if err != nil {
		return err
	}
	return e.write(w)
}

// encode builds the metadata of a tree.
func encode(root *GroupSpec) (*encoder, error) {
	e := &encoder{buf: make([]byte, superblockSize)}
	header, table, err := e.group("/", root, 0)
	if err != nil {
		return nil, err
	}
	e.closeHeap()
	start := e.alloc(0)
	for _, p := range e.patches {
		binary.LittleEndian.PutUint64(e.buf[p.at:], start+p.offset)
	}
	copy(e.buf, appendSuperblock(nil, header, table, start+e.dataSize))
	return e, nil
}

// write sends metadata and contents to w.
func (e *encoder) write(w io.Writer) error {
	out := bufio.NewWriterSize(w, 64<<10) // gathers small datasets; larger ones pass through it uncopied
	var zeros [7]byte
	for _, b := range append([][]byte{e.buf}, e.data...) {
		_, _ = out.Write(b) // the first error stays in out and Flush returns it
		_, _ = out.Write(zeros[:-len(b)&7])
	}
	if err := out.Flush(); err != nil {
		return &Error{Kind: ErrIO, Where: "file", Err: err}
	}
	return nil
}

// Sizes of the structures written, all with 8-byte offsets and lengths.
const (
	superblockSize = 96
	leafK          = 4  // half the entries of a symbol node
	treeK          = 16 // half the entries of a tree node
	symbolSize     = 40
	symbolNodeSize = 8 + 2*leafK*symbolSize
	treeNodeSize   = 24 + 2*treeK*16 + 8
	collectionSize = 4096
	noHeapFree     = 1 // end of a local heap's free list
)

// encoder builds the metadata. Addresses are positions in buf; only those of data are patched in at the end.
type encoder struct {
	buf      []byte
	patches  []patch
	data     [][]byte
	dataSize uint64

	heapAt   uint64 // the open global heap collection, 0 = none
	heapUsed int
	heapSize int
	heapNext uint16
}

// patch is a place in buf that takes the address of data.
type patch struct{ at, offset uint64 }

// alloc adds n zero bytes, at a multiple of 8, and returns their address.
func (e *encoder) alloc(n int) uint64 {
	at := (len(e.buf) + 7) &^ 7
	e.buf = append(e.buf, make([]byte, at+n-len(e.buf))...)
	return uint64(at)
}

// put copies b to a new place and returns its address.
func (e *encoder) put(b []byte) uint64 {
	at := e.alloc(len(b))
	copy(e.buf[at:], b)
	return at
}

// b8 is a byte slice that grows by little-endian fields.
type b8 []byte

func (b b8) u8(v ...byte) b8   { return append(b, v...) }
func (b b8) u16(v int) b8      { return binary.LittleEndian.AppendUint16(b, uint16(v)) }
func (b b8) u32(v int) b8      { return binary.LittleEndian.AppendUint32(b, uint32(v)) }
func (b b8) u64(v uint64) b8   { return binary.LittleEndian.AppendUint64(b, v) }
func (b b8) zeros(n int) b8    { return append(b, make([]byte, n)...) }
func (b b8) pad() b8           { return b.zeros(-len(b) & 7) }
func (b b8) str(s string) b8   { return append(b, s...) }
func (b b8) bytes(p []byte) b8 { return append(b, p...) }

func appendSuperblock(b b8, header uint64, table stab, end uint64) b8 {
	b = b.str(magic).u8(0, 0, 0, 0, 0, 8, 8, 0).u16(leafK).u16(treeK).u32(0)
	b = b.u64(0).u64(undefined).u64(end).u64(undefined)
	return appendSymbol(b, 0, header, &table)
}

// appendSymbol adds a symbol-table entry; groups carry a copy of their own table.
func appendSymbol(b b8, name, header uint64, table *stab) b8 {
	b = b.u64(name).u64(header)
	if table == nil {
		return b.zeros(24)
	}
	return b.u32(1).u32(0).u64(table.tree).u64(table.heap)
}

// group writes a group, its members first, and returns its header's address and its symbol table.
func (e *encoder) group(path string, g *GroupSpec, depth int) (header uint64, table stab, err error) {
	if depth > (Limits{}).withDefaults(0).Depth {
		return 0, table, fail(ErrTooDeep, shown(path), "groups nested deeper than a reader accepts")
	}
	names := g.names()
	symbols := make([]b8, len(names)) // entries
	ends := make([]uint64, len(names))
	heap := b8{}.zeros(8) // the empty name, at 0, is the key before the first entry
	for i, name := range names {
		var member uint64
		var sub *stab
		switch m := g.members[name].(type) {
		case *GroupSpec:
			sub = new(stab)
			member, *sub, err = e.group(join(path, name), m, depth+1)
		case *DatasetSpec:
			member, err = e.dataset(join(path, name), m)
		}
		if err != nil {
			return 0, table, err
		}
		ends[i] = uint64(len(heap))
		symbols[i] = appendSymbol(nil, ends[i], member, sub)
		heap = heap.str(name).u8(0).pad()
	}
	data := e.put(heap)
	table.heap = e.put(b8{}.str("HEAP").u32(0).u64(uint64(len(heap))).u64(noHeapFree).u64(data))

	var nodes, keys []uint64 // symbol nodes, and the name at the end of each
	for len(symbols) > 0 {
		n := min(2*leafK, len(symbols))
		b := b8{}.str("SNOD").u8(1, 0).u16(n)
		for _, s := range symbols[:n] {
			b = b.bytes(s)
		}
		nodes, keys = append(nodes, e.put(b.zeros(symbolNodeSize-len(b)))), append(keys, ends[n-1])
		symbols, ends = symbols[n:], ends[n:]
	}
	table.tree = e.tree(nodes, keys)

	msgs := []b8{headerMessage(msgSymbolTable, 0, b8{}.u64(table.tree).u64(table.heap))}
	header, err = e.header(path, msgs, g.Attrs)
	return header, table, err
}

// tree writes a B-tree over nodes, level by level, and returns its root. keys[i] is the name at the end of node i.
func (e *encoder) tree(nodes, keys []uint64) uint64 {
	for level := byte(0); ; level++ {
		count := max((len(nodes)+2*treeK-1)/(2*treeK), 1)
		first := e.alloc(count * treeNodeSize)
		up, upKeys := make([]uint64, count), make([]uint64, count)
		left := uint64(0) // key before the node
		for i := range count {
			from, to := i*2*treeK, min((i+1)*2*treeK, len(nodes))
			up[i] = first + uint64(i*treeNodeSize)
			before, after := up[i]-treeNodeSize, up[i]+treeNodeSize
			if i == 0 {
				before = undefined
			}
			if i == count-1 {
				after = undefined
			}
			b := b8{}.str("TREE").u8(0, level).u16(to - from).u64(before).u64(after).u64(left)
			for k := from; k < to; k++ {
				b = b.u64(nodes[k]).u64(keys[k])
				left = keys[k]
			}
			upKeys[i] = left
			copy(e.buf[up[i]:], b)
		}
		if count == 1 {
			return first
		}
		nodes, keys = up, upKeys
	}
}

// dataset writes a dataset's header and queues its contents.
func (e *encoder) dataset(path string, d *DatasetSpec) (uint64, error) {
	v, err := d.check(path)
	if err != nil {
		return 0, err
	}
	msgs := []b8{
		headerMessage(msgDataspace, 0, appendSpace(nil, v.shape)),
		headerMessage(msgDatatype, 1, appendType(nil, v.typ)),
		headerMessage(msgFill, 1, b8{}.u8(2, 2, 2, 1).u32(0)), // version 2, allocated late, written if set, default value
		headerMessage(msgLayout, 0, b8{}.u8(3, 1).u64(undefined).u64(uint64(len(v.bytes)))),
	}
	header, err := e.header(path, msgs, d.Attrs)
	if err != nil || len(v.bytes) == 0 {
		return header, err
	}
	// The address follows the header's own 16 bytes, the other messages, and the head and first two bytes of the layout message.
	at := header + 16 + uint64(len(msgs[0])+len(msgs[1])+len(msgs[2])+8+2)
	e.patches = append(e.patches, patch{at, e.dataSize})
	e.data = append(e.data, v.bytes)
	e.dataSize += uint64(len(v.bytes)+7) &^ 7
	return header, nil
}

// headerMessage frames a message of an object header.
func headerMessage(kind int, flags byte, body b8) b8 {
	body = body.pad()
	return b8{}.u16(kind).u16(len(body)).u8(flags, 0, 0, 0).bytes(body)
}

// header writes an object header with the given messages and attributes.
func (e *encoder) header(path string, msgs []b8, attrs []AttrSpec) (uint64, error) {
	values, err := checkAttrs(path, attrs)
	if err != nil {
		return 0, err
	}
	for i, v := range values {
		raw := b8(v.bytes)
		if v.typ.VarLen {
			raw = nil
			for _, s := range v.strs {
				raw = e.heapString(raw, s)
			}
		}
		msgs = append(msgs, headerMessage(msgAttribute, 0, appendAttr(nil, attrs[i].Name, v, raw)))
	}
	if len(msgs) > 1<<16-1 {
		return 0, fail(ErrTooLarge, shown(path), "%d attributes", len(attrs))
	}
	var body b8
	for _, m := range msgs {
		body = body.bytes(m)
	}
	return e.put(b8{}.u8(1, 0).u16(len(msgs)).u32(1).u32(len(body)).u32(0).bytes(body)), nil
}

// appendAttr adds a version 1 attribute message.
func appendAttr(b b8, name string, v array, raw []byte) b8 {
	typ, spc := appendType(nil, v.typ), appendSpace(nil, v.shape)
	b = b.u8(1, 0).u16(len(name) + 1).u16(len(typ)).u16(len(spc))
	return b.str(name).u8(0).pad().bytes(typ).pad().bytes(spc).pad().bytes(raw)
}

// messageSize is what appendAttr will make of an attribute.
func messageSize(name string, v array) int {
	return len(appendAttr(nil, name, array{typ: v.typ, shape: v.shape}, nil)) + len(v.bytes) + 16*len(v.strs)
}

// appendSpace adds a version 1 dataspace with fixed dimensions.
func appendSpace(b b8, shape []int) b8 {
	if len(shape) == 0 {
		return b.u8(1, 0, 0).zeros(5)
	}
	b = b.u8(1, byte(len(shape)), 1).zeros(5)
	for range 2 { // present and largest shape
		for _, n := range shape {
			b = b.u64(uint64(n))
		}
	}
	return b
}

// appendType adds a version 1 datatype.
func appendType(b b8, t Type) b8 {
	head := func(bits int) b8 {
		return b.u8(0x10|byte(t.Class), byte(bits), byte(bits>>8), byte(bits>>16)).u32(t.Size)
	}
	order := 0
	if t.BigEndian {
		order = 1
	}
	switch {
	case t.Class == ClassInt:
		if t.Signed {
			order |= 8
		}
		return head(order).u16(0).u16(8 * t.Size)
	case t.Class == ClassFloat:
		f := t.bits
		b = head(order | 2<<4 | int(f.sign)<<8).u16(0).u16(int(f.precision))
		return b.u8(byte(f.expAt), byte(f.expBits), byte(f.manAt), byte(f.manBits)).u32(int(f.bias))
	case t.Class == ClassEnum:
		b = appendType(head(len(t.Enum)), Type{Class: ClassInt, Size: t.Size, Signed: t.Signed, BigEndian: t.BigEndian})
		for _, m := range t.Enum {
			b = b.str(m.Name).u8(0).zeros(-(len(m.Name) + 1) & 7)
		}
		for _, m := range t.Enum {
			v := b8{}.u64(uint64(m.Value))[:t.Size]
			if t.BigEndian {
				swapBytes(v, t.Size)
			}
			b = b.bytes(v)
		}
		return b
	case t.Class == ClassString && !t.VarLen:
		return head(int(t.Pad))
	case t.Class == ClassString:
		cset := 0
		if t.UTF8 {
			cset = 1
		}
		b = b.u8(0x10|byte(ClassVarLen), 1, byte(cset), 0).u32(16)
		return appendType(b, Uint8)
	default: // opaque, without a tag
		return head(0)
	}
}

// heapString stores s in the global heap and adds its reference to b.
func (e *encoder) heapString(b b8, s string) b8 {
	need := 16 + (len(s)+7)&^7
	if e.heapAt == 0 || e.heapUsed+need > e.heapSize {
		e.closeHeap()
		e.heapSize = max(collectionSize, 16+need)
		e.heapAt = e.alloc(e.heapSize)
		e.heapUsed, e.heapNext = 16, 1
		copy(e.buf[e.heapAt:], b8{}.str("GCOL").u32(1).u64(uint64(e.heapSize)))
	}
	copy(e.buf[int(e.heapAt)+e.heapUsed:], b8{}.u16(int(e.heapNext)).zeros(6).u64(uint64(len(s))).str(s))
	b = b.u32(len(s)).u64(e.heapAt).u32(int(e.heapNext))
	e.heapUsed += need
	e.heapNext++
	return b
}

// closeHeap marks what is left of the open collection as free.
func (e *encoder) closeHeap() {
	if left := e.heapSize - e.heapUsed; e.heapAt != 0 && left >= 16 {
		copy(e.buf[int(e.heapAt)+e.heapUsed:], b8{}.zeros(8).u64(uint64(left)))
	}
	e.heapAt = 0
}

// Object headers, versions 1 and 2: the list of messages that makes an object.

package h5

// Message kinds that matter here.
const (
	msgDataspace    = 0x01
	msgLinkInfo     = 0x02
	msgDatatype     = 0x03
	msgFillOld      = 0x04
	msgFill         = 0x05
	msgLink         = 0x06
	msgExternal     = 0x07
	msgLayout       = 0x08
	msgGroupInfo    = 0x0a
	msgFilters      = 0x0b
	msgAttribute    = 0x0c
	msgSharedTable  = 0x0f
	msgContinuation = 0x10
	msgSymbolTable  = 0x11
	msgTreeK        = 0x13
	msgDriver       = 0x14
	msgAttrInfo     = 0x15
	msgMax          = 0x17
)

// message is one header message.
type message struct {
	kind  int
	flags byte
	body  []byte
}

// Message flags.
const (
	flagShared   = 0x02
	flagMustKnow = 0x80
)

const whatHeader = "object header"

// header reads the messages of the object at addr, across all continuations, in file order, and unwraps shared ones.
func (l *loader) header(addr uint64) ([]message, error) {
	msgs, err := l.headerRaw(addr)
	if err != nil {
		return nil, err
	}
	for i, m := range msgs {
		if m.flags&flagMustKnow != 0 && m.kind > msgMax {
			return nil, fail(ErrUnsupported, whatHeader, "message %d must be understood and is not", m.kind)
		}
		if m.flags&flagShared != 0 {
			if msgs[i].body, err = l.shared(m.kind, m.body); err != nil {
				return nil, err
			}
		}
	}
	return msgs, nil
}

// shared follows a reference to a committed datatype.
func (l *loader) shared(kind int, body []byte) ([]byte, error) {
	const what = "shared message"
	d := l.dec(body)
	version, how := d.u8(), d.u8()
	switch {
	case version == 1:
		d.skip(6)
	case version == 2 || version == 3 && how == 2:
	case version == 3:
		return nil, fail(ErrUnsupported, what, "kept in a shared-message heap")
	default:
		return nil, fail(ErrCorrupt, what, "version %d", version)
	}
	addr := d.offset()
	if d.bad {
		return nil, fail(ErrCorrupt, what, "message too short")
	}
	if kind != msgDatatype {
		return nil, fail(ErrUnsupported, what, "kind %d; want a datatype", kind)
	}
	if body, ok := l.committed[addr]; ok {
		return body, nil
	}
	msgs, err := l.headerRaw(addr)
	if err != nil {
		return nil, at(what, err)
	}
	for _, m := range msgs {
		if m.kind == msgDatatype && m.flags&flagShared == 0 {
			l.committed[addr] = m.body
			return m.body, nil
		}
	}
	return nil, fail(ErrCorrupt, what, "no datatype at %d", addr)
}

// headerRaw reads the messages of the object at addr. An object is read once; l.headers keeps what may be asked for again.
func (l *loader) headerRaw(addr uint64) ([]message, error) {
	if msgs, ok := l.headers[addr]; ok {
		return msgs, nil
	}
	if err := l.within(addr, 16, whatHeader); err != nil {
		return nil, err
	}
	b, err := l.bytes(addr, 16, whatHeader)
	if err != nil {
		return nil, err
	}
	var h headerReader
	if string(b[:4]) == "OHDR" {
		l.file.modern = true
		h, err = l.startV2(addr)
	} else {
		h, err = l.startV1(addr, b)
	}
	if err != nil {
		return nil, err
	}
	for i := 0; i < len(h.chunks); i++ {
		if i > maxContinuations {
			return nil, fail(ErrTooLarge, whatHeader, "more than %d continuations", maxContinuations)
		}
		if err := h.chunk(h.chunks[i]); err != nil {
			return nil, err
		}
	}
	if h.version == 1 && h.seen > h.want {
		return nil, fail(ErrCorrupt, whatHeader, "%d messages, header says %d", h.seen, h.want)
	}
	l.headers[addr] = h.msgs
	return h.msgs, nil
}

// headerReader collects the messages of one object.
type headerReader struct {
	l       *loader
	version int
	ordered bool // version 2: messages carry a creation order
	want    int  // version 1: number of messages
	seen    int
	chunks  []extent // stretches still to be read
	msgs    []message
}

func (l *loader) startV1(addr uint64, b []byte) (headerReader, error) {
	d := l.dec(b)
	version := d.u8()
	d.skip(1)
	want := int(d.u16())
	d.skip(4)
	size := uint64(d.u32())
	h := headerReader{l: l, version: 1, want: want}
	if version != 1 {
		return h, fail(ErrCorrupt, whatHeader, "no object header at %d", addr)
	}
	if err := l.claim(addr, 16, whatHeader); err != nil {
		return h, err
	}
	h.chunks = []extent{{addr + 16, addr + 16 + size}}
	return h, nil
}

func (l *loader) startV2(addr uint64) (headerReader, error) {
	h := headerReader{l: l, version: 2}
	b, err := l.bytes(addr, min(40, l.end-addr), whatHeader)
	if err != nil {
		return h, err
	}
	d := l.dec(b)
	d.skip(4)
	version, flags := d.u8(), d.u8()
	if version != 2 {
		return h, fail(ErrCorrupt, whatHeader, "version %d at %d", version, addr)
	}
	if flags&0x20 != 0 {
		d.skip(16)
	}
	if flags&0x10 != 0 {
		d.skip(4)
	}
	size := d.uint(1 << (flags & 3))
	if d.bad || size > l.end {
		return h, fail(ErrCorrupt, whatHeader, "%d bytes of messages at %d", size, addr)
	}
	h.ordered = flags&4 != 0
	n := uint64(d.pos) + size + 4
	if b, err = l.bytes(addr, n, whatHeader); err != nil {
		return h, err
	}
	if err := checkSum(b, whatHeader); err != nil {
		return h, err
	}
	if err := l.claim(addr, n, whatHeader); err != nil {
		return h, err
	}
	err = h.messages(b[d.pos : n-4])
	return h, err
}

// chunk reads a stretch of messages: the first of a version 1 header, or a continuation.
func (h *headerReader) chunk(e extent) error {
	n := e.end - e.start
	if h.version == 1 {
		b, err := h.l.bytes(e.start, n, whatHeader)
		if err != nil {
			return err
		}
		if err := h.l.claim(e.start, n, whatHeader); err != nil {
			return err
		}
		return h.messages(b)
	}
	d, err := h.l.summed(e.start, n, "OCHK", whatHeader)
	if err != nil {
		return err
	}
	return h.messages(d.b[4:])
}

// messages splits b. What is left over at the end, shorter than a message's head, is a gap.
func (h *headerReader) messages(b []byte) error {
	d := h.l.dec(b)
	head := 8
	if h.version == 2 {
		head = 4
		if h.ordered {
			head = 6
		}
	}
	for d.left() >= head {
		var m message
		var size int
		if h.version == 1 {
			m.kind, size, m.flags = int(d.u16()), int(d.u16()), d.u8()
			d.skip(3)
		} else {
			m.kind, size, m.flags = int(d.u8()), int(d.u16()), d.u8()
			if h.ordered {
				d.skip(2)
			}
		}
		m.body = d.next(size)
		if d.bad {
			return fail(ErrCorrupt, whatHeader, "message %d of %d bytes reaches past its header", m.kind, size)
		}
		if h.seen++; h.seen > maxMessages {
			return fail(ErrTooLarge, whatHeader, "more than %d messages", maxMessages)
		}
		switch m.kind {
		case 0:
		case msgContinuation:
			c := h.l.dec(m.body)
			addr, n := c.offset(), c.length()
			if c.bad || n == 0 {
				return fail(ErrCorrupt, whatHeader, "empty continuation")
			}
			if err := h.l.within(addr, n, whatHeader); err != nil {
				return err
			}
			h.chunks = append(h.chunks, extent{addr, addr + n})
		default:
			h.msgs = append(h.msgs, m)
		}
	}
	return nil
}

// Attr: an attribute, its decoding and its values.

package h5

import (
	"cmp"
	"slices"
	"strings"
)

// Attr is an attribute of a group or dataset. Its value was read when the file was opened.
type Attr struct {
	Name  string
	Shape []int // empty for a scalar
	Null  bool  // has a type but no value at all
	Type  Type

	raw   []byte   // elements as stored, except variable-length strings
	strs  []string // elements, if strings
	where string
}

// Len is the number of elements: 1 for a scalar.
func (a *Attr) Len() int {
	if a.Null {
		return 0
	}
	n := 1
	for _, d := range a.Shape {
		n *= d
	}
	return n
}

// Str is the value of a string attribute that is a scalar, or an array of one. The bytes are the file's: not necessarily UTF-8.
func (a *Attr) Str() (string, error) {
	if a.Type.Class != ClassString || len(a.strs) != 1 {
		return "", fail(ErrWrongType, a.where, "got %s, want one string", a.describe())
	}
	return a.strs[0], nil
}

// Strs is the value of a one-dimensional string attribute. An empty array of any type is an empty list: h5py writes [] as
// float64.
func (a *Attr) Strs() ([]string, error) {
	if len(a.Shape) == 1 && a.Shape[0] == 0 && !a.Null {
		return nil, nil
	}
	if a.Type.Class != ClassString || len(a.Shape) != 1 {
		return nil, fail(ErrWrongType, a.where, "got %s, want a list of strings", a.describe())
	}
	return slices.Clone(a.strs), nil
}

// Ints is the value of an integer or enumeration attribute of any shape, row-major.
func (a *Attr) Ints() ([]int64, error) { return attrNumbers[int64](a, "integers") }

// Floats is the value of a numeric attribute of any shape, row-major.
func (a *Attr) Floats() ([]float64, error) { return attrNumbers[float64](a, "numbers") }

func attrNumbers[T number](a *Attr, want string) ([]T, error) {
	f := formatOf(a.Type)
	if a.Null || !f.readableAs(kindOf[T]()) {
		return nil, fail(ErrWrongType, a.where, "got %s, want %s", a.describe(), want)
	}
	dst := make([]T, a.Len())
	return dst, at(a.where, convert(dst, slices.Clone(a.raw), f))
}

// describe says what the attribute is, for messages.
func (a *Attr) describe() string {
	switch {
	case a.Null:
		return "no value (" + a.Type.String() + ")"
	case len(a.Shape) == 0:
		return "a scalar " + a.Type.String()
	default:
		return "an array " + shapeString(a.Shape) + " of " + a.Type.String()
	}
}

// attributes decodes the attributes of an object, in the order of creation where the file keeps it, else as found.
func (l *loader) attributes(path string, msgs []message) ([]*Attr, error) {
	var attrs []*Attr
	dense := false
	add := func(_ byte, body []byte) error {
		a, err := l.attribute(path, body)
		if err != nil {
			return err
		}
		attrs = append(attrs, a)
		return l.countObject()
	}
	for _, m := range msgs {
		var err error
		switch m.kind {
		case msgAttribute:
			err = add(0, m.body)
		case msgAttrInfo:
			var heap, tree uint64
			if heap, tree, err = l.denseInfo(m.body, 2, "attribute info"); err == nil && heap != undefined {
				dense = true
				err = l.denseMessages(heap, tree, 8, func(flags byte, body []byte) error {
					if flags&flagShared != 0 {
						return fail(ErrUnsupported, "attribute", "kept in a shared-message heap")
					}
					return add(0, body)
				})
			}
		}
		if err != nil {
			return nil, err
		}
	}
	if dense {
		slices.SortStableFunc(attrs, func(a, b *Attr) int { return cmp.Compare(a.Name, b.Name) })
	}
	names := make(map[string]bool, len(attrs))
	for _, a := range attrs {
		if names[a.Name] {
			return nil, fail(ErrCorrupt, "attribute "+shown(a.Name), "occurs twice")
		}
		names[a.Name] = true
	}
	return attrs, nil
}

// attribute decodes one attribute message, versions 1 to 3, and its value.
func (l *loader) attribute(path string, body []byte) (*Attr, error) {
	const what = "attribute"
	d := l.dec(body)
	version, flags := d.u8(), d.u8()
	nameSize, typeSize, spaceSize := int(d.u16()), int(d.u16()), int(d.u16())
	pad := 1 // version 1 fills its parts up to multiples of 8
	switch version {
	case 1:
		pad, flags = 8, 0
	case 2:
	case 3:
		d.skip(1)
	default:
		return nil, fail(ErrCorrupt, what, "version %d", version)
	}
	part := func(n int) []byte {
		b := d.next(n)
		d.skip((pad - n%pad) % pad)
		return b
	}
	name, typ, spc := part(nameSize), part(typeSize), part(spaceSize)
	if d.bad || len(name) == 0 || name[len(name)-1] != 0 {
		return nil, fail(ErrCorrupt, what, "message of %d bytes cut short", len(body))
	}
	a := &Attr{Name: cutNul(string(name))}
	what2 := what + " " + shown(a.Name)
	a.where = path + " " + what2
	if len(a.Name) != len(name)-1 {
		return nil, fail(ErrCorrupt, what2, "name with a NUL inside")
	}
	if flags&1 != 0 {
		var err error
		if typ, err = l.shared(msgDatatype, typ); err != nil {
			return nil, at(what2, err)
		}
	}
	if flags&2 != 0 {
		return nil, fail(ErrUnsupported, what2, "shared dataspace")
	}
	return a, at(what2, l.attrValue(a, l.dec(typ), l.dec(spc), d))
}

// attrValue decodes type, shape and elements of an attribute.
func (l *loader) attrValue(a *Attr, typ, spc, data *dec) error {
	var err error
	if a.Type, err = datatype(typ, 0); err != nil {
		return err
	}
	s, err := dataspace(spc)
	if err != nil {
		return err
	}
	n, ok := product([]uint64{s.count, uint64(a.Type.Size)}, 1)
	if !ok || n > l.lim.AttributeBytes {
		return fail(ErrTooLarge, "", "%d elements of %d bytes, want at most %d bytes", s.count, a.Type.Size, l.lim.AttributeBytes)
	}
	a.Null = s.null
	if a.Shape, err = intShape(s.dims); err != nil {
		return err
	}
	if n > uint64(data.left()) {
		return fail(ErrCorrupt, "", "value of %d bytes in a message with %d left", n, data.left())
	}
	raw := data.next(int(n))
	if a.Type.Class != ClassString {
		a.raw = slices.Clone(raw)
		return nil
	}
	a.strs, err = l.stringElems(a.Type, raw)
	return err
}

// stringElems decodes the elements of a fixed or variable-length string type.
func (l *loader) stringElems(t Type, raw []byte) ([]string, error) {
	if len(raw)/t.Size > maxStrings {
		return nil, fail(ErrTooLarge, "", "%d strings, want at most %d", len(raw)/t.Size, maxStrings)
	}
	strs := make([]string, 0, len(raw)/t.Size)
	for ; len(raw) >= t.Size; raw = raw[t.Size:] {
		if !t.VarLen {
			strs = append(strs, fixedString(t.Pad, raw[:t.Size]))
			continue
		}
		s, err := l.varString(raw[:t.Size])
		if err != nil {
			return nil, err
		}
		strs = append(strs, s)
	}
	return strs, nil
}

// fixedString takes the padding off.
func fixedString(p Pad, b []byte) string {
	switch p {
	case PadSpace:
		return strings.TrimRight(string(b), " ")
	case PadNull:
		return strings.TrimRight(string(b), "\x00")
	default:
		return cutNul(string(b))
	}
}

// cutNul ends s at its first NUL.
func cutNul(s string) string {
	if i := strings.IndexByte(s, 0); i >= 0 {
		return s[:i]
	}
	return s
}

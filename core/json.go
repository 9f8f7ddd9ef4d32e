package core

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// This file owns JSON as Keras files hold it: what Python's json module writes, read strictly and written likewise.

// maxJSONDepth bounds lists in lists and objects in objects.
const maxJSONDepth = 5000

// ParseJSON reads one JSON value: map[string]any, []any, string, float64, bool or nil. Unlike encoding/json it takes NaN, Infinity and
// -Infinity, which Python writes, and refuses text that is not UTF-8 and objects that have a key twice, of which different readers see
// different ones. Errors have the kind ErrConfigJSON and the place "byte 123".
func ParseJSON(text []byte) (any, error) {
	p := &jsonParser{text: text}
	v, err := p.value(0)
	if err == nil {
		if p.space(); p.at < len(text) {
			err = p.fail("more text after the value")
		}
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}

type jsonParser struct {
	text []byte
	at   int
}

func (p *jsonParser) fail(format string, args ...any) error {
	return Errorf(ErrConfigJSON, "byte "+strconv.Itoa(p.at), format, args...)
}

func (p *jsonParser) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

// next is the next character that is not space; 0 at the end.
func (p *jsonParser) next() byte {
	p.space()
	if p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

// words are the values that are written as words.
var jsonWords = map[string]any{
	"true": true, "false": false, "null": nil, "NaN": math.NaN(), "Infinity": math.Inf(1), "-Infinity": math.Inf(-1),
}

func (p *jsonParser) value(depth int) (any, error) {
	if depth > maxJSONDepth {
		return nil, p.fail("more than %d levels of lists and objects", maxJSONDepth)
	}
	switch c := p.next(); {
	case c == 0 && p.at == len(p.text):
		return nil, p.fail("ends where a value is wanted")
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.list(depth)
	case c == '"':
		return p.string()
	}
	start := p.at
	for p.at < len(p.text) && strings.IndexByte(",]}: \t\r\n\"", p.text[p.at]) < 0 {
		p.at++
	}
	word := string(p.text[start:p.at])
	if v, ok := jsonWords[word]; ok {
		return v, nil
	}
	if n, ok := jsonNumber(word); ok {
		return n, nil
	}
	p.at = start
	if len(word) > 20 {
		word = word[:20] + "..."
	}
	return nil, p.fail("got %q, want a value", word)
}

// jsonNumber reads a number in JSON's grammar, which is narrower than Go's. Numbers beyond float64 are infinite, as in Python.
func jsonNumber(s string) (float64, bool) {
	rest := strings.TrimPrefix(s, "-")
	digits := func() int {
		n := 0
		for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
			n++
		}
		rest = rest[n:]
		return n
	}
	zero := strings.HasPrefix(rest, "0")
	if n := digits(); n == 0 || zero && n > 1 {
		return 0, false
	}
	if after, ok := strings.CutPrefix(rest, "."); ok {
		if rest = after; digits() == 0 {
			return 0, false
		}
	}
	if rest != "" && (rest[0] == 'e' || rest[0] == 'E') {
		if rest = rest[1:]; rest != "" && (rest[0] == '+' || rest[0] == '-') {
			rest = rest[1:]
		}
		if digits() == 0 {
			return 0, false
		}
	}
	if rest != "" {
		return 0, false
	}
	f, _ := strconv.ParseFloat(s, 64) // the only error left is a number out of range, and then f is infinite
	return f, true
}

func (p *jsonParser) list(depth int) (any, error) {
	p.at++
	list := []any{}
	if p.next() == ']' {
		p.at++
		return list, nil
	}
	for {
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		switch p.next() {
		case ',':
			p.at++
		case ']':
			p.at++
			return list, nil
		default:
			return nil, p.fail("want a comma or ] in a list")
		}
	}
}

func (p *jsonParser) object(depth int) (any, error) {
	p.at++
	object := map[string]any{}
	if p.next() == '}' {
		p.at++
		return object, nil
	}
	for {
		if p.next() != '"' {
			return nil, p.fail("want a key in an object")
		}
		at := p.at
		key, err := p.string()
		if err != nil {
			return nil, err
		}
		if _, twice := object[key]; twice {
			p.at = at
			return nil, p.fail("key %q occurs twice in an object", key)
		}
		if p.next() != ':' {
			return nil, p.fail("want a colon after a key")
		}
		p.at++
		if object[key], err = p.value(depth + 1); err != nil {
			return nil, err
		}
		switch p.next() {
		case ',':
			p.at++
		case '}':
			p.at++
			return object, nil
		default:
			return nil, p.fail("want a comma or } in an object")
		}
	}
}

func (p *jsonParser) string() (string, error) {
	start := p.at
	p.at++
	from := p.at
	var b []byte // once there was an escape
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c == '"':
			s := p.text[from:p.at]
			if b != nil {
				s = append(b, s...)
			}
			if !utf8.Valid(s) {
				p.at = start
				return "", p.fail("a string that is not UTF-8")
			}
			p.at++
			return string(s), nil
		case c == '\\':
			b = append(b, p.text[from:p.at]...)
			r, ok := p.escape()
			if !ok {
				return "", p.fail("an escape that JSON does not have")
			}
			b = utf8.AppendRune(b, r)
			from = p.at
			if b == nil {
				b = []byte{}
			}
		case c < ' ':
			return "", p.fail("a control character in a string")
		default:
			p.at++
		}
	}
	p.at = start
	return "", p.fail("a string that does not end")
}

// escape reads what begins with a backslash; half of a surrogate pair becomes U+FFFD.
func (p *jsonParser) escape() (rune, bool) {
	if p.at+1 >= len(p.text) {
		return 0, false
	}
	c := p.text[p.at+1]
	if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 {
		p.at += 2
		return rune("\"\\/\b\f\n\r\t"[i]), true
	}
	r, ok := p.hex()
	if !ok || c != 'u' {
		return 0, false
	}
	p.at += 6
	if r < 0xD800 || r > 0xDFFF {
		return r, true
	}
	if low, ok := p.hex(); ok && r < 0xDC00 && low >= 0xDC00 && low <= 0xDFFF {
		p.at += 6
		return 0x10000 + (r-0xD800)<<10 + (low - 0xDC00), true
	}
	return utf8.RuneError, true
}

// hex is the number of the \uXXXX that stands here.
func (p *jsonParser) hex() (rune, bool) {
	if p.at+6 > len(p.text) || p.text[p.at] != '\\' || p.text[p.at+1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(p.text[p.at+2:p.at+6]), 16, 16)
	return rune(n), err == nil
}

// FormatJSON writes a config as Python's json module does: without a character beyond ASCII, floats with a point or an exponent (0.0, as some
// classes of Keras want a float and take 0 for none), ints without, NaN and infinities as words. Keys are sorted.
func FormatJSON(v any) ([]byte, error) {
	w := &jsonWriter{}
	if err := w.value(v, 0); err != nil {
		return nil, err
	}
	return w.b, nil
}

type jsonWriter struct{ b []byte }

func (w *jsonWriter) value(v any, depth int) error {
	if depth > maxJSONDepth {
		return Errorf(ErrConfigJSON, "", "more than %d levels of lists and objects", maxJSONDepth)
	}
	switch v := v.(type) {
	case map[string]any:
		w.b = append(w.b, '{')
		for i, key := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				w.b = append(w.b, ", "...)
			}
			w.string(key)
			w.b = append(w.b, ": "...)
			if err := w.value(v[key], depth+1); err != nil {
				return err
			}
		}
		w.b = append(w.b, '}')
	case []any:
		w.b = append(w.b, '[')
		for i, x := range v {
			if i > 0 {
				w.b = append(w.b, ", "...)
			}
			if err := w.value(x, depth+1); err != nil {
				return err
			}
		}
		w.b = append(w.b, ']')
	case float64:
		w.number(v)
	case string:
		w.string(v)
	default:
		text, err := json.Marshal(v) // null, true, ints, lists of those
		if err != nil {
			return Errorf(ErrConfigJSON, "", "%v", err)
		}
		w.b = append(w.b, text...)
	}
	return nil
}

func (w *jsonWriter) number(f float64) {
	switch {
	case math.IsNaN(f):
		w.b = append(w.b, "NaN"...)
	case math.IsInf(f, 1):
		w.b = append(w.b, "Infinity"...)
	case math.IsInf(f, -1):
		w.b = append(w.b, "-Infinity"...)
	case f == math.Trunc(f) && math.Abs(f) < 1e16:
		w.b = strconv.AppendFloat(w.b, f, 'f', 1, 64)
	default:
		w.b = strconv.AppendFloat(w.b, f, 'g', -1, 64)
	}
}

func (w *jsonWriter) string(s string) {
	w.b = append(w.b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			w.b = append(w.b, '\\', byte(r))
		case r == '\n':
			w.b = append(w.b, `\n`...)
		case r >= ' ' && r < 0x7F:
			w.b = append(w.b, byte(r))
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			w.b = fmt.Appendf(w.b, `\u%04x\u%04x`, high, low)
		default:
			w.b = fmt.Appendf(w.b, `\u%04x`, r)
		}
	}
	w.b = append(w.b, '"')
}

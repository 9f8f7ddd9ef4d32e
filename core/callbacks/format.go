package callbacks

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// This file owns what Python writes of numbers: str.format for the paths of checkpoints, repr for CSV files.

// formatPath replaces the fields {name} and {name:spec} of a path by numbers. {{ and }} are braces.
func formatPath(path string, lookup func(name string) (value float64, whole, ok bool)) (string, error) {
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		c := path[i]
		switch {
		case (c == '{' || c == '}') && i+1 < len(path) && path[i+1] == c:
			b.WriteByte(c)
			i++
		case c == '}':
			return "", errors.New("a single } in it")
		case c == '{':
			field, _, ok := strings.Cut(path[i+1:], "}")
			if !ok {
				return "", errors.New("a { that is not closed")
			}
			name, spec, _ := strings.Cut(field, ":")
			value, whole, ok := lookup(name)
			if !ok {
				return "", fmt.Errorf("no value for field %q", name)
			}
			s, err := format(value, whole, spec)
			if err != nil {
				return "", err
			}
			b.WriteString(s)
			i += len(field) + 1
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), nil
}

// specification is Python's format specification without what makes no sense in a path.
var specification = regexp.MustCompile(`^(?:(.)?([<>=^]))?([-+ ])?(0)?(\d{1,3})?(?:\.(\d{1,3}))?([deEfFgG%])?$`)

// format is Python's format(value, spec).
func format(value float64, whole bool, spec string) (string, error) {
	m := specification.FindStringSubmatch(spec)
	if m == nil {
		return "", fmt.Errorf("got format %q, want one such as 02d or .4f", spec)
	}
	fill, align, sign, zero, kind := m[1], m[2], m[3], m[4] != "", m[7]
	width, _ := strconv.Atoi(m[5])
	precision := 6
	if m[6] != "" {
		precision, _ = strconv.Atoi(m[6])
	}
	digits := math.Abs(value)
	var s string
	switch {
	case kind == "d" && !whole:
		return "", fmt.Errorf("got format %q, which is for whole numbers, want one such as .4f", spec)
	case whole && (kind == "d" || kind == ""):
		if m[6] != "" {
			return "", fmt.Errorf("got format %q, but whole numbers have no decimals", spec)
		}
		s = strconv.FormatFloat(digits, 'f', 0, 64)
	case kind == "" && m[6] == "":
		s = repr(digits)
	case kind == "" || kind == "g" || kind == "G":
		s = strconv.FormatFloat(digits, 'g', max(1, precision), 64)
		if kind == "" && !strings.ContainsAny(s, ".einf") { // Python leaves one decimal there
			s += ".0"
		}
	case kind == "%":
		s = strconv.FormatFloat(100*digits, 'f', precision, 64) + "%"
	case kind == "e" || kind == "E":
		s = strconv.FormatFloat(digits, 'e', precision, 64)
	default:
		s = strconv.FormatFloat(digits, 'f', precision, 64)
	}
	s = strings.ToLower(strings.TrimPrefix(s, "+")) // +Inf, NaN
	if kind == "E" || kind == "F" || kind == "G" {
		s = strings.ToUpper(s)
	}
	prefix := ""
	switch {
	case math.Signbit(value) && !math.IsNaN(value):
		prefix = "-"
	case sign == "+" || sign == " ":
		prefix = sign
	}
	if zero && fill == "" {
		fill = "0"
		if align == "" {
			align = "="
		}
	}
	if fill == "" {
		fill = " "
	}
	gap := max(0, width-utf8.RuneCountInString(prefix+s))
	switch align {
	case "<":
		return prefix + s + strings.Repeat(fill, gap), nil
	case "^":
		return strings.Repeat(fill, gap/2) + prefix + s + strings.Repeat(fill, gap-gap/2), nil
	case "=":
		return prefix + strings.Repeat(fill, gap) + s, nil
	}
	return strings.Repeat(fill, gap) + prefix + s, nil
}

// repr is Python's repr of a float: the shortest digits that read back as the same number.
func repr(x float64) string {
	switch {
	case math.IsNaN(x):
		return "nan"
	case math.IsInf(x, 0):
		return strings.ToLower(strings.TrimPrefix(strconv.FormatFloat(x, 'g', -1, 64), "+"))
	}
	if a := math.Abs(x); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(x, 'e', -1, 64)
	}
	s := strconv.FormatFloat(x, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

package dataset

// This file owns CSV: a sample per line, features as numbers, the label in one column.

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gokeras/gk/core/tensor"
)

// table reads one CSV file. Columns are counted from 0 here, from 1 in messages.
type table struct {
	path   string
	r      *csv.Reader
	header []string // nil without one
	width  int
	label  int // column of the labels, -1 for none

	x       []float32
	labels  labels
	rows    int
	maxCell int // most features that memory may hold
}

func loadCSV(s stream, o Options) (*Split, error) {
	if bom := []byte("\ufeff"); peeked(s, len(bom), bom) {
		if _, err := s.r.Discard(len(bom)); err != nil {
			return nil, err
		}
	}
	c := &table{path: s.name, r: csv.NewReader(s.r), maxCell: int(min(s.limit/4, maxInt))}
	c.r.FieldsPerRecord = -1 // counted here, for a message with both numbers
	c.r.ReuseRecord = true
	c.r.TrimLeadingSpace = true
	c.r.Comma = o.Comma
	if c.r.Comma == 0 {
		start, _ := s.r.Peek(4096)
		c.r.Comma = guessComma(start)
	}
	first, err := c.next()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: got no lines, want a sample per line", s.name)
	}
	if err != nil {
		return nil, err
	}
	c.width = len(first)
	isHeader, err := c.findLabel(first, o)
	if err != nil {
		return nil, err
	}
	if isHeader {
		c.header = slices.Clone(first)
		if first, err = c.next(); errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%s: got a header and no samples", s.name)
		}
	}
	for ; err == nil; first, err = c.next() {
		if err := c.add(first); err != nil {
			return nil, err
		}
	}
	if !errors.Is(err, io.EOF) {
		return nil, err
	}
	return c.dataset(o)
}

func peeked(s stream, n int, want []byte) bool {
	b, _ := s.r.Peek(n)
	return bytes.Equal(b, want)
}

func guessComma(start []byte) rune {
	line, _, _ := bytes.Cut(start, []byte("\n"))
	for _, c := range ",;\t" {
		if bytes.ContainsRune(line, c) {
			return c
		}
	}
	return ','
}

// next is the following line, its errors naming the file.
func (c *table) next() ([]string, error) {
	record, err := c.r.Read()
	var bad *csv.ParseError
	switch {
	case errors.As(err, &bad):
		return nil, fmt.Errorf("%s: line %d: %w", c.path, bad.Line, bad.Err)
	case err != nil && err != io.EOF:
		return nil, fmt.Errorf("%s: %w", c.path, err)
	}
	return record, err
}

// findLabel sets the label column and tells whether the first line is a header.
func (c *table) findLabel(first []string, o Options) (isHeader bool, err error) {
	byName := slices.Index(first, o.LabelColumn)
	byNumber, numberErr := strconv.Atoi(o.LabelColumn)
	named := false
	switch {
	case o.NoLabels:
		c.label = -1
	case o.LabelColumn == "":
		c.label = c.width - 1
	case byName >= 0 && o.Header != HeaderNo && (numberErr != nil || o.Header == HeaderYes):
		c.label, named = byName, true
	case numberErr == nil && byNumber >= 1 && byNumber <= c.width:
		c.label = byNumber - 1
	default:
		return false, fmt.Errorf("%s: label column %q: not in the first line, nor a number from 1 to %d; got columns %s",
			c.path, o.LabelColumn, c.width, quoted(first))
	}
	if c.width == 1 && c.label == 0 {
		return false, fmt.Errorf("%s: got one column, want features and a label; a file without labels must be read as such", c.path)
	}
	if o.Header != HeaderAuto {
		return o.Header == HeaderYes, nil
	}
	if named {
		return true, nil
	}
	// Names where none of the features is a number. A line with some numbers is a sample with an error, which add will name.
	for i, cell := range first {
		if _, err := strconv.ParseFloat(cell, 64); err == nil && i != c.label {
			return false, nil
		}
	}
	return true, nil
}

func quoted(names []string) string {
	var q []string
	for _, n := range names[:min(len(names), 10)] {
		q = append(q, fmt.Sprintf("%.40q", n))
	}
	if more := len(names) - len(q); more > 0 {
		q = append(q, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(q, ", ")
}

func (c *table) column(i int) string {
	if c.header != nil && c.header[i] != "" {
		return fmt.Sprintf("column %q", c.header[i])
	}
	return fmt.Sprintf("column %d", i+1)
}

// add takes one sample.
func (c *table) add(record []string) error {
	fail := func(i int, format string, args ...any) error {
		line, _ := c.r.FieldPos(i)
		return fmt.Errorf("%s: line %d: %s: %s", c.path, line, c.column(i), fmt.Sprintf(format, args...))
	}
	if len(record) != c.width {
		line, _ := c.r.FieldPos(0)
		return fmt.Errorf("%s: line %d: got %d columns, want %d as in the first line", c.path, line, len(record), c.width)
	}
	if len(c.x)+c.width > c.maxCell {
		return fmt.Errorf("%s: more data than the %d numbers that memory may take", c.path, c.maxCell)
	}
	for i, cell := range record {
		cell = strings.TrimSpace(cell)
		if i == c.label {
			if want := c.labels.add(cell); want != "" {
				return fail(i, "got %.40q, want %s", cell, want)
			}
			continue
		}
		v, err := strconv.ParseFloat(cell, 32)
		if err != nil {
			return fail(i, "got %.40q, want a number", cell)
		}
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fail(i, "got %.40q, want a finite number", cell)
		}
		c.x = append(c.x, float32(v))
	}
	c.rows++
	return nil
}

func (c *table) dataset(o Options) (*Split, error) {
	features := c.width
	d := &Dataset{XNames: []string{"x"}}
	if c.label >= 0 {
		features--
		y, classes, err := c.labels.tensor(o.Classes)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", c.path, c.column(c.label), err)
		}
		name := "y"
		if c.header != nil {
			name = c.header[c.label]
		}
		d.Y, d.YNames, d.Classes = []*tensor.Tensor{y}, []string{name}, classes
	}
	x, err := tensor.FromChecked(c.x, c.rows, features)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.path, err)
	}
	d.X = []*tensor.Tensor{x}
	return &Split{Train: d}, nil
}

// labels collects a label column: numbers, or names where the first label is none.
type labels struct {
	numbers []float64
	whole   bool // all numbers so far are integers
	names   []string
	indices []int // into names, in order of appearance
	index   map[string]int
}

// add takes one label; what it returns, if anything, is what it wanted instead.
func (l *labels) add(cell string) (want string) {
	if cell == "" {
		return "a label"
	}
	first := l.index == nil && l.numbers == nil
	v, err := strconv.ParseFloat(cell, 64)
	isNumber := err == nil && !math.IsNaN(v) && !math.IsInf(v, 0)
	if first {
		l.whole = true
		if !isNumber {
			l.index = map[string]int{}
		}
	}
	if l.index == nil {
		if !isNumber {
			return "a number like the labels before it"
		}
		if _, err := strconv.ParseInt(cell, 10, 64); err != nil {
			l.whole = false
		}
		l.numbers = append(l.numbers, v)
		return ""
	}
	i, ok := l.index[cell]
	if !ok {
		cell = strings.Clone(cell) // the reader's line is longer than the name
		i = len(l.names)
		l.index[cell] = i
		l.names = append(l.names, cell)
	}
	l.indices = append(l.indices, i)
	return ""
}

// tensor is the labels of shape (N,): float32 or int64 where they are numbers, else int32 indices into the class names.
func (l *labels) tensor(classes []string) (*tensor.Tensor, []string, error) {
	if l.index == nil {
		if !l.whole {
			y := make([]float32, len(l.numbers))
			for i, v := range l.numbers {
				y[i] = float32(v)
			}
			return tensor.From(y), classes, nil
		}
		y := make([]int64, len(l.numbers))
		for i, v := range l.numbers {
			y[i] = int64(v)
		}
		return tensor.From(y), classes, nil
	}
	if classes == nil {
		classes = slices.Sorted(slices.Values(l.names))
	}
	final := make([]int32, len(l.names))
	for i, name := range l.names {
		at := slices.Index(classes, name)
		if at < 0 {
			return nil, nil, fmt.Errorf("got class %.40q, want one of %s", name, quoted(classes))
		}
		final[i] = int32(at)
	}
	y := make([]int32, len(l.indices))
	for i, at := range l.indices {
		y[i] = final[at]
	}
	return tensor.From(y), classes, nil
}

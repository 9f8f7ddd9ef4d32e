package graph

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// This file owns operations as data: names and settings in JSON, as the graphs of plugins come. What operations there are stands where
// each is defined; here is how they are read, written and listed.
//
// Operations without Doc are not accepted from outside: leaves and stores that stand for what gk owns (Input, Variable, Assign),
// Compute and Guard, whose body or purpose is gk's, and what gradient rules alone write, because gk takes gradients after a graph came.
// ConvGradInput, ConvGradKernel and ScatterAdd are operations of their own, with gradients, and accepted. A Table is listed, but its
// numbers come beside the settings, so that whoever reads the message writes it with Graph.Table.

const (
	// maxRank is how many axes a value from outside may have.
	maxRank = 64
	// maxAttr is how long settings may be, in bytes.
	maxAttr = 1 << 20
)

// OperationError says what is wrong with an operation from outside.
type OperationError struct {
	Op     string
	Where  string // the operand or the setting; "" for the whole
	Reason string
}

func (e *OperationError) Error() string {
	name := e.Op
	if len(name) > 64 {
		name = name[:64] + "..."
	}
	if strings.IndexFunc(name, func(r rune) bool { return !strconv.IsPrint(r) }) >= 0 {
		name = strconv.QuoteToASCII(name)
	}
	if e.Where == "" {
		return name + ": " + e.Reason
	}
	return name + ": " + e.Where + ": " + e.Reason
}

// Operand is what an operation reads.
type Operand struct {
	Name     string
	Optional bool // may be "none"
	Many     bool // one or more
}

// Setting is a number or a word that belongs to an operation.
type Setting struct {
	Name string
	Type string // "integer", "number", "boolean", "string", "list of integers"
}

// Operation describes an operation that may come from outside.
type Operation struct {
	Name     string
	Inputs   []Operand
	Outputs  []string
	Settings []Setting // all of them are to be given
	Gradient bool      // whether gradients flow through it
	Doc      string    // what it computes, in one line
}

// Operations are all that may come from outside, by name. All but Table are what Append takes.
func Operations() []Operation {
	var all []Operation
	for _, o := range ops {
		if o.Doc == "" {
			continue
		}
		d := Operation{Name: o.Name, Inputs: o.operands(), Outputs: o.results(), Gradient: o.grad != nil, Doc: o.Doc}
		for _, f := range o.fields() {
			d.Settings = append(d.Settings, Setting{snake(f.Name), typeName(f.Type)})
		}
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b Operation) int { return strings.Compare(a.Name, b.Name) })
	return all
}

func (o *Op) operands() []Operand {
	all := make([]Operand, len(o.Inputs))
	for i, name := range o.Inputs {
		name, optional := strings.CutSuffix(name, "?")
		name, many := strings.CutSuffix(name, "...")
		all[i] = Operand{name, optional, many}
	}
	return all
}

func (o *Op) results() []string {
	if o.Outputs == nil {
		return []string{"y"}
	}
	return o.Outputs
}

// shown is how many of the results of a node others may read.
func (n *Node) shown() int {
	if a, ok := n.Attr.(RNNAttr); ok && n.Op.Name == "RNN" && a.Cell != "lstm" {
		return 2 // there is no c
	}
	if n.Op.Doc == "" {
		return len(n.Out)
	}
	return min(len(n.Op.results()), len(n.Out))
}

// fields are the settings of an operation.
func (o *Op) fields() []reflect.StructField {
	if o.Settings == nil {
		return nil
	}
	var all []reflect.StructField
	t := reflect.TypeOf(o.Settings)
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() && !slices.Contains(o.Without, f.Name) {
			all = append(all, f)
		}
	}
	return all
}

// snake is a Go name as JSON has it: ZeroOutputForMask is zero_output_for_mask, H0 is h0.
func snake(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

func typeName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int:
		return "integer"
	case reflect.Float64:
		return "number"
	case reflect.Bool:
		return "boolean"
	case reflect.Slice:
		return "list of integers"
	}
	return "string"
}

// AttrJSON is the settings of n as Append takes them; nil if it has none. Of a Table it is the shape.
func (n *Node) AttrJSON() []byte {
	if n.Op.Doc == "" || n.Op.Settings == nil {
		return nil
	}
	attr := n.Attr
	if t, ok := attr.(TableAttr); ok {
		attr = ShapeAttr{t.Values.Shape()}
	}
	v := reflect.ValueOf(attr)
	b := []byte{'{'}
	for i, f := range n.Op.fields() {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendQuote(b, snake(f.Name))
		b = append(b, ':')
		b = appendSetting(b, v.FieldByIndex(f.Index))
	}
	return append(b, '}')
}

func appendSetting(b []byte, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.Int:
		return strconv.AppendInt(b, v.Int(), 10)
	case reflect.Bool:
		return strconv.AppendBool(b, v.Bool())
	case reflect.Float64:
		switch x := v.Float(); {
		case math.IsNaN(x):
			return append(b, `"NaN"`...)
		case math.IsInf(x, 1):
			return append(b, `"Infinity"`...)
		case math.IsInf(x, -1):
			return append(b, `"-Infinity"`...)
		default:
			return strconv.AppendFloat(b, x, 'g', -1, 64)
		}
	case reflect.Slice:
		b = append(b, '[')
		for i := range v.Len() {
			if i > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(b, v.Index(i).Int(), 10)
		}
		return append(b, ']')
	}
	text, _ := json.Marshal(v.String()) // a string can always be written
	return append(b, text...)
}

// Append writes an operation by its name, with its settings as a JSON object; attr may be empty where there are none. It takes what
// Operations lists and nothing else, checks everything before, and leaves the graph as it was if it returns an error: an OperationError,
// ShapeError or SizeError, or the first mistake of the graph if there was one before. The values are the results in order.
//
// A graph whose inputs have known sizes stays one: an Unknown size that is not found out from the operands is an error.
func (g *Graph) Append(op string, attr []byte, in ...Value) ([]Value, error) {
	if g.err != nil {
		return nil, g.err
	}
	o := ops[op]
	if o == nil || o.Doc == "" {
		return nil, &OperationError{op, "", "there is no such operation"}
	}
	if o.Name == "Table" {
		return nil, &OperationError{op, "", "its numbers are not among its settings"}
	}
	in, err := g.checkOperands(o, in)
	if err != nil {
		return nil, err
	}
	n := &Node{ID: len(g.nodes), Op: o, In: in, Scope: g.scope}
	if n.Attr, err = o.settings(attr); err != nil {
		return nil, err
	}
	if err := o.infer(n); err != nil {
		return nil, err
	}
	shown := n.shown()
	for i, s := range n.Out {
		if priceOf(s) > g.most {
			return nil, &SizeError{op, s.Clone(), g.most}
		}
		if len(s) > maxRank {
			return nil, n.bad("a result has %d axes, want at most %d", len(s), maxRank)
		}
		if !g.open && i < shown && !s.Known() {
			return nil, n.bad("the result %v has an unknown size, though the inputs have none", s)
		}
	}
	if r, ok := n.Attr.(RandomAttr); ok {
		g.streams++
		r.Stream = g.streams
		n.Attr = r
	}
	g.nodes = append(g.nodes, n)
	out := make([]Value, shown)
	for i := range out {
		out[i] = n.Value(i)
	}
	return out, nil
}

// checkOperands checks values that an operation is to read, and adds those that may be and are missing at the end.
func (g *Graph) checkOperands(o *Op, in []Value) ([]Value, error) {
	in = slices.Clone(in)
	operands := o.operands()
	many := len(operands) > 0 && operands[len(operands)-1].Many
	if !many && len(in) > len(operands) {
		return nil, &OperationError{o.Name, "", fmt.Sprintf("got %d operands, want at most %d", len(in), len(operands))}
	}
	for len(in) < len(operands) {
		in = append(in, Value{})
	}
	for i, v := range in {
		operand := operands[min(i, len(operands)-1)]
		n := v.node
		switch {
		case n == nil && operand.Optional:
		case n == nil:
			return nil, &OperationError{o.Name, operand.Name, "is missing"}
		case n.ID < 0 || n.ID >= len(g.nodes) || g.nodes[n.ID] != n:
			return nil, &OperationError{o.Name, operand.Name, "is a value of another graph"}
		case v.out < 0 || v.out >= n.shown():
			return nil, &OperationError{o.Name, operand.Name, fmt.Sprintf("%s has no result %d", n.Op.Name, v.out)}
		}
	}
	return in, nil
}

// settings reads the settings of an operation; nil if it has none.
func (o *Op) settings(attr []byte) (any, error) {
	wrong := func(where, format string, args ...any) error {
		return &OperationError{o.Name, where, fmt.Sprintf(format, args...)}
	}
	if len(attr) > maxAttr {
		return nil, wrong("settings", "got %d bytes, want at most %d", len(attr), maxAttr)
	}
	given := map[string]any{}
	if len(bytes.TrimSpace(attr)) > 0 {
		var err error
		if given, err = parseObject(attr); err != nil {
			return nil, wrong("settings", "%v", err)
		}
	}
	var v reflect.Value
	if o.Settings != nil {
		v = reflect.New(reflect.TypeOf(o.Settings)).Elem()
	}
	for _, f := range o.fields() {
		key := snake(f.Name)
		x, ok := given[key]
		if !ok {
			return nil, wrong(key, "is missing")
		}
		delete(given, key)
		if err := setSetting(v.FieldByIndex(f.Index), x); err != nil {
			return nil, wrong(key, "%v", err)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(given)) {
		return nil, wrong("settings", "there is no %q", clip(key))
	}
	if o.Settings == nil {
		return nil, nil
	}
	return v.Interface(), nil
}

// clip shortens a text from outside.
func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "..."
	}
	return s
}

// parseObject reads a JSON object of which no key stands twice. Numbers are json.Number.
func parseObject(text []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	wrong := errors.New("want one JSON object")
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, wrong
	}
	m := map[string]any{}
	for d.More() {
		t, err := d.Token()
		key, ok := t.(string)
		if err != nil || !ok {
			return nil, wrong
		}
		if _, twice := m[key]; twice {
			return nil, fmt.Errorf("%q stands twice", clip(key))
		}
		var v any
		if err := d.Decode(&v); err != nil {
			return nil, wrong
		}
		m[key] = v
	}
	if t, err := d.Token(); err != nil || t != json.Delim('}') {
		return nil, wrong
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, wrong
	}
	return m, nil
}

// setSetting stores what JSON has for a setting.
func setSetting(to reflect.Value, x any) error {
	switch to.Kind() {
	case reflect.Int:
		i, err := integer(x)
		to.SetInt(i)
		return err
	case reflect.Bool:
		b, ok := x.(bool)
		to.SetBool(b)
		return want(ok, x, "true or false")
	case reflect.Float64:
		f, err := number(x)
		to.SetFloat(f)
		return err
	case reflect.String:
		s, ok := x.(string)
		to.SetString(s)
		return want(ok, x, "a string")
	}
	list, ok := x.([]any)
	if err := want(ok, x, "a list of integers"); err != nil {
		return err
	}
	if len(list) > maxRank {
		return fmt.Errorf("got %d numbers, want at most %d", len(list), maxRank)
	}
	numbers := reflect.MakeSlice(to.Type(), len(list), len(list))
	for i, v := range list {
		k, err := integer(v)
		if err != nil {
			return fmt.Errorf("number %d: %w", i, err)
		}
		numbers.Index(i).SetInt(k)
	}
	to.Set(numbers)
	return nil
}

func want(ok bool, got any, what string) error {
	if ok {
		return nil
	}
	text, _ := json.Marshal(got) // it came from JSON
	return fmt.Errorf("got %s, want %s", clip(string(text)), what)
}

func integer(x any) (int64, error) {
	n, ok := x.(json.Number)
	if ok {
		if i, err := strconv.ParseInt(n.String(), 10, 64); err == nil && i >= -maxSize && i <= maxSize {
			return i, nil
		}
	}
	return 0, want(false, x, fmt.Sprintf("an integer between -%d and %[1]d", int64(maxSize)))
}

func number(x any) (float64, error) {
	switch x := x.(type) {
	case json.Number:
		if f, err := strconv.ParseFloat(x.String(), 64); err == nil {
			return f, nil
		}
	case string:
		switch x {
		case "NaN":
			return math.NaN(), nil
		case "Infinity":
			return math.Inf(1), nil
		case "-Infinity":
			return math.Inf(-1), nil
		}
	}
	return 0, want(false, x, `a number, "NaN", "Infinity" or "-Infinity"`)
}

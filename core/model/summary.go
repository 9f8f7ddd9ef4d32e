package model

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns the summary of a model: Keras' table of layers, shapes and parameters.

// Summary is what Keras' summary shows of a model. WriteTo draws it.
type Summary struct {
	Name string
	Rows []SummaryRow
	// Connected says that the table has the column "Connected to": layers are not simply one after the other.
	Connected bool
	// Trainable and Fixed are the weights of the model, Optimizer what its optimizer keeps; nil where that has not been built.
	Trainable, Fixed Parameters
	Optimizer        *Parameters
}

// SummaryRow is a layer. Layers inside of nested models have a Depth.
type SummaryRow struct {
	Depth       int
	Name, Class string
	Outputs     []tensor.Shape // of the layer's last call; nil: not built
	Parameters  int
	Trainable   bool
	Kept        bool     // the layer is missing, or behind one that is: its weights are what a file has
	ConnectedTo []string // "dense[0][0]": layer, call, output
}

// Parameters is a number of numbers and the bytes that they take in their own types.
type Parameters struct{ Count, Bytes int }

func (p *Parameters) add(w *core.Weight) {
	n := w.Shape.Size()
	p.Count += n
	p.Bytes += n * bytesOf(w.DType)
}

func bytesOf(dtype string) int {
	switch dtype {
	case "float16", "bfloat16", "int16", "uint16":
		return 2
	case "float64", "int64", "uint64":
		return 8
	case "bool", "int8", "uint8":
		return 1
	}
	return 4
}

// Summary describes the model; with nested, the layers of models inside of it as well.
func (m *Model) Summary(nested bool) *Summary {
	s := &Summary{Name: m.Name, Connected: m.branches()}
	if m.Built() {
		m.nameLayers()
	}
	s.addLayers(m, 0, nested)
	trainable, fixed := core.Weights(m)
	seen := map[*core.Weight]bool{}
	count := func(p *Parameters, ws []*core.Weight) {
		for _, w := range ws {
			if !seen[w] { // a shared weight counts once
				seen[w] = true
				p.add(w)
			}
		}
	}
	count(&s.Trainable, trainable)
	count(&s.Fixed, fixed)
	if o := m.Optimizer(); o != nil && o.Common().Built() {
		s.Optimizer = &Parameters{2, 12} // iterations (int64) and the learning rate
		for _, w := range o.Common().Slots() {
			s.Optimizer.add(w)
		}
	}
	return s
}

// branches reports whether the model is more than layers one after the other: Keras then shows what is connected to what.
func (m *Model) branches() bool {
	if m.sequential {
		return false
	}
	perDepth, perLayer := map[int]int{}, map[core.Layer]int{}
	for _, n := range m.nodes {
		inputs := 0
		n.eachInput(func(*Tensor) { inputs++ })
		perDepth[n.depth]++
		perLayer[n.layer]++
		if inputs > 1 || perDepth[n.depth] > 1 || perLayer[n.layer] > 1 {
			return true
		}
	}
	return false
}

func (s *Summary) addLayers(m *Model, depth int, nested bool) {
	for i, l := range m.layers {
		if _, isInput := l.(inputSource); isInput && i == 0 && m.sequential {
			continue // Keras hides it
		}
		b := l.Common()
		row := SummaryRow{Depth: depth, Name: b.Name, Class: b.Class(), Trainable: b.Trainable.On(), Kept: b.Kept()}
		trainable, fixed := core.Weights(l)
		for _, w := range append(trainable, fixed...) {
			row.Parameters += w.Shape.Size()
		}
		for _, n := range m.nodes {
			if n.layer != l {
				continue
			}
			row.Outputs = nil
			for _, t := range n.outputs {
				if t.shape != nil {
					row.Outputs = append(row.Outputs, t.shape)
				}
			}
			if depth == 0 {
				n.eachInput(func(t *Tensor) {
					row.ConnectedTo = append(row.ConnectedTo, fmt.Sprintf("%s[%d][%d]", t.node.layer.Common().Name, t.node.index, t.index))
				})
			}
		}
		s.Rows = append(s.Rows, row)
		if inner, ok := l.(*Model); ok && nested {
			s.addLayers(inner, depth+1, nested)
		}
	}
}

// The widths of Keras' columns at its default line lengths, 88 and 108.
var (
	plainWidths     = []int{36, 27, 15}
	connectedWidths = []int{29, 25, 15, 26}
)

// WriteTo draws the table as Keras does. What does not fit a column goes on in the next line.
func (s *Summary) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, s.String())
	return int64(n), err
}

// String is the table that WriteTo draws.
func (s *Summary) String() string {
	var b strings.Builder
	widths, header := plainWidths, []string{"Layer (type)", "Output Shape", "Param #"}
	if s.Connected {
		widths, header = connectedWidths, append(header, "Connected to")
	}
	fmt.Fprintf(&b, "Model: %q\n", s.Name)
	rule(&b, widths, "┏━┳┓")
	tableRow(&b, widths, "┃", header)
	rule(&b, widths, "┡━╇┩")
	for i, r := range s.Rows {
		if i > 0 {
			rule(&b, widths, "├─┼┤")
		}
		cells := []string{r.label(), r.shapes(), Thousands(r.Parameters)}
		if r.Outputs == nil && !r.Kept {
			cells[2] += " (unbuilt)"
		}
		if s.Connected {
			connected := strings.Join(r.ConnectedTo, ", ")
			if connected == "" {
				connected = "-"
			}
			cells = append(cells, connected)
		}
		tableRow(&b, widths, "│", cells)
	}
	rule(&b, widths, "└─┴┘")
	total := Parameters{s.Trainable.Count + s.Fixed.Count, s.Trainable.Bytes + s.Fixed.Bytes}
	if o := s.Optimizer; o != nil {
		total.Count, total.Bytes = total.Count+o.Count, total.Bytes+o.Bytes
	}
	fmt.Fprintf(&b, " Total params: %s\n Trainable params: %s\n Non-trainable params: %s\n", total, s.Trainable, s.Fixed)
	if s.Optimizer != nil {
		fmt.Fprintf(&b, " Optimizer params: %s\n", *s.Optimizer)
	}
	return b.String()
}

func (r SummaryRow) label() string {
	s := fmt.Sprintf("%s (%s)", r.Name, r.Class)
	if r.Depth > 0 {
		s = strings.Repeat("   ", r.Depth) + "└ " + s
	}
	return s
}

func (r SummaryRow) shapes() string {
	switch len(r.Outputs) {
	case 0:
		return "?"
	case 1:
		return r.Outputs[0].String()
	}
	list := make([]string, len(r.Outputs))
	for i, s := range r.Outputs {
		list[i] = s.String()
	}
	return "[" + strings.Join(list, ", ") + "]"
}

// String is the count and the size, as Keras writes them: "12,730 (49.73 KB)".
func (p Parameters) String() string {
	size, unit := float64(p.Bytes), 0
	units := []string{"B", "KB", "MB", "GB", "TB", "PB"}
	for size >= 1024 && unit < len(units)-1 {
		size /= 1024
		unit++
	}
	return fmt.Sprintf("%s (%.2f %s)", Thousands(p.Count), size, units[unit])
}

// Thousands writes a number with commas: 12,730.
func Thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// rule draws a line across the table; corners are its left end, line, crossing and right end.
func rule(b *strings.Builder, widths []int, corners string) {
	c := []rune(corners)
	for i, w := range widths {
		b.WriteRune(c[min(i, 1)*2])
		b.WriteString(strings.Repeat(string(c[1]), w+2))
	}
	b.WriteRune(c[3])
	b.WriteByte('\n')
}

// tableRow draws the cells of a row, on as many lines as the fullest needs. The third column, numbers, is set to the right.
func tableRow(b *strings.Builder, widths []int, border string, cells []string) {
	lines := make([][]string, len(cells))
	height := 1
	for i, c := range cells {
		lines[i] = wrap(c, widths[i])
		height = max(height, len(lines[i]))
	}
	for y := range height {
		for i, w := range widths {
			text := ""
			if y < len(lines[i]) {
				text = lines[i][y]
			}
			pad := strings.Repeat(" ", w-len([]rune(text)))
			if i == 2 {
				text, pad = pad, text
			}
			b.WriteString(border + " " + text + pad + " ")
		}
		b.WriteString(border + "\n")
	}
}

// wrap breaks text between words into lines of at most width letters; a longer word is broken anywhere.
func wrap(text string, width int) []string {
	var lines []string
	rest := []rune(text)
	for len(rest) > width {
		cut := width
		for cut > 0 && rest[cut] != ' ' {
			cut--
		}
		if strings.TrimLeft(string(rest[:cut]), " └") == "" { // a long word
			cut = width
		}
		lines = append(lines, strings.TrimRight(string(rest[:cut]), " "))
		rest = []rune(strings.TrimLeft(string(rest[cut:]), " "))
	}
	return append(lines, string(rest))
}

package layers

import (
	"math"
	"slices"
	"strings"

	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns operations of linear algebra. Source: keras/src/ops/numpy.py and linalg.py.

func init() {
	operation("numpy", "Matmul()(x1, x2)", one(func(a *arguments) graph.Value { return a.matmul(a.tensor("x1"), a.tensor("x2")) }))
	operation("numpy", "Dot()(x1, x2)", one(func(a *arguments) graph.Value {
		x, y := a.tensor("x1"), a.tensor("x2")
		switch {
		case x.Rank() == 0 || y.Rank() == 0:
			return a.g.Mul(x, y)
		case y.Rank() == 1:
			return a.contract(x, y, []int{x.Rank() - 1}, []int{0})
		}
		return a.contract(x, y, []int{x.Rank() - 1}, []int{y.Rank() - 2})
	}))
	operation("numpy", "Inner()(x1, x2)", one(func(a *arguments) graph.Value {
		x, y := a.tensor("x1"), a.tensor("x2")
		if x.Rank() == 0 || y.Rank() == 0 {
			return a.g.Mul(x, y)
		}
		return a.contract(x, y, []int{x.Rank() - 1}, []int{y.Rank() - 1})
	}))
	operation("numpy", "Vdot()(x1, x2)", one(func(a *arguments) graph.Value {
		return a.g.Sum(a.g.Mul(a.vector("x1"), a.vector("x2")), nil, false)
	}))
	operation("numpy", "Outer()(x1, x2)", one(func(a *arguments) graph.Value {
		return a.g.Mul(a.g.ExpandDims(a.vector("x1"), 1), a.g.ExpandDims(a.vector("x2"), 0))
	}))
	operation("numpy", "Tensordot(axes=2)(x1, x2)", one(func(a *arguments) graph.Value {
		x, y := a.tensor("x1"), a.tensor("x2")
		if n, ok := number(a.values["axes"]); ok {
			k := min(int(n), x.Rank(), y.Rank())
			return a.contract(x, y, firstAxes(x.Rank())[x.Rank()-k:], firstAxes(y.Rank())[:k])
		}
		list := a.list("axes")
		if len(list) != 2 {
			a.fail("axes", "got %v, want a number or two lists", list)
			return x
		}
		of := func(v any, rank int) []int {
			b := &arguments{g: a.g, values: map[string]any{"axes": v}}
			return b.axes("axes", rank)
		}
		return a.contract(x, y, of(list[0], x.Rank()), of(list[1], y.Rank()))
	}))
	operation("numpy", "Einsum(subscripts)(*operands)", one(func(a *arguments) graph.Value {
		return a.einsum(a.word("subscripts"), a.tensors("operands"))
	}))
	operation("numpy", "Kron()(x1, x2)", one(func(a *arguments) graph.Value {
		x, y, g := a.tensor("x1"), a.tensor("x2"), a.g
		for x.Rank() < y.Rank() {
			x = g.ExpandDims(x, 0)
		}
		for y.Rank() < x.Rank() {
			y = g.ExpandDims(y, 0)
		}
		shape := tensor.Shape{}
		for i := range x.Rank() {
			d := tensor.Unknown
			if x.Dim(2*i) >= 0 && y.Dim(2*i) >= 0 {
				d = x.Dim(2*i) * y.Dim(2*i)
			}
			shape = append(shape, d)
			x, y = g.ExpandDims(x, 2*i+1), g.ExpandDims(y, 2*i)
		}
		return g.Reshape(g.Mul(x, y), shape...)
	}))
	operation("numpy", "Cross(axisa=-1, axisb=-1, axisc=-1, axis=None)(x1, x2)", one(func(a *arguments) graph.Value {
		for _, name := range []string{"axisa", "axisb", "axisc"} {
			if a.has("axis") {
				a.values[name] = a.values["axis"]
			}
		}
		x, y, g := a.tensor("x1"), a.tensor("x2"), a.g
		x, y = g.MoveAxis(x, a.axis("axisa", x.Rank()), -1), g.MoveAxis(y, a.axis("axisb", y.Rank()), -1)
		if n, m := x.Dim(-1), y.Dim(-1); n < 2 || n > 3 || m < 2 || m > 3 {
			a.fail("x1", "got shapes %v and %v, want 2 or 3 numbers along the axis", x.Shape(), y.Shape())
			return x
		}
		at := func(v graph.Value, i int) graph.Value {
			if i >= v.Dim(-1) {
				return g.Const(0)
			}
			return g.Squeeze(g.Narrow(v, -1, i, 1), -1)
		}
		part := func(i, j int) graph.Value { return g.Sub(g.Mul(at(x, i), at(y, j)), g.Mul(at(x, j), at(y, i))) }
		if x.Dim(-1) == 2 && y.Dim(-1) == 2 {
			return part(0, 1)
		}
		parts := []graph.Value{part(1, 2), part(2, 0), part(0, 1)}
		z := a.stack(parts, parts[0].Rank())
		return g.MoveAxis(z, -1, a.axis("axisc", z.Rank()))
	}))
	triangle := func(keep func(row, column, k int) bool) func(a *arguments) []graph.Value {
		return one(func(a *arguments) graph.Value {
			x := a.tensor("x")
			mask, ok := a.mask(x, func(i, j int) bool { return keep(i, j, a.int("k")) })
			if !ok {
				return x
			}
			return a.g.Select(mask, x, a.g.Const(0))
		})
	}
	operation("numpy", "Tril(k=0)(x)", triangle(func(i, j, k int) bool { return j <= i+k }))
	operation("numpy", "Triu(k=0)(x)", triangle(func(i, j, k int) bool { return j >= i+k }))
	diagonal := func(sum bool) func(a *arguments) []graph.Value {
		return one(func(a *arguments) graph.Value {
			x, g := a.tensor("x"), a.g
			i, j := a.axis("axis1", x.Rank()), a.axis("axis2", x.Rank())
			rest := slices.DeleteFunc(firstAxes(x.Rank()), func(axis int) bool { return axis == i || axis == j })
			x = g.Transpose(x, append(rest, i, j)...)
			offset := a.int("offset")
			rows, columns := x.Dim(-2), x.Dim(-1)
			row, column := max(0, -offset), max(0, offset)
			n := min(rows-row, columns-column)
			switch {
			case rows < 0 || columns < 0:
				x = a.shaped(append(x.Shape()[:x.Rank()-2].Clone(), tensor.Unknown))
			case n <= 0:
				x = a.shaped(append(x.Shape()[:x.Rank()-2].Clone(), 0))
			default: // the diagonal is every (columns+1)-th number, if a row has one number more
				x = g.Narrow(g.Narrow(x, -2, row, n), -1, column, n)
				mask, _ := a.mask(x, func(i, j int) bool { return i == j })
				x = g.Sum(g.Select(mask, x, g.Const(0)), []int{-1}, false)
			}
			if sum {
				return g.Sum(x, []int{-1}, false)
			}
			return x
		})
	}
	operation("numpy", "Diagonal(offset=0, axis1=0, axis2=1)(x)", diagonal(false))
	operation("numpy", "Trace(offset=0, axis1=0, axis2=1)(x)", diagonal(true))
	operation("numpy", "Diag(k=0)(x)", func(a *arguments) []graph.Value {
		x := a.tensor("x")
		if x.Rank() != 2 {
			return []graph.Value{a.onDiagonal(x, a.int("k"))}
		}
		a.values["offset"], a.values["axis1"], a.values["axis2"] = a.values["k"], 0, 1
		return diagonal(false)(a)
	})
	operation("numpy", "Diagflat(k=0)(x)", one(func(a *arguments) graph.Value { return a.onDiagonal(a.vector("x"), a.int("k")) }))
	operation("numpy", "Vander(N=None, increasing=False)(x)", one(func(a *arguments) graph.Value {
		x := a.tensor("x")
		n := x.Dim(0)
		if a.has("N") {
			n = a.int("N")
		}
		if n < 0 {
			return a.shaped(tensor.Shape{x.Dim(0), tensor.Unknown})
		}
		powers := evenly(0, float64(n-1), n)
		if !a.flag("increasing") {
			slices.Reverse(powers)
		}
		columns := make([]graph.Value, n)
		for i, p := range powers {
			if columns[i] = a.g.Pow(x, a.g.Const(p)); p == 0 {
				columns[i] = a.g.Full(1, x.Shape())
			}
		}
		return a.stack(columns, 1)
	}))
	operation("linalg", "Norm(ord=None, axis=None, keepdims=False)(x)", one(func(a *arguments) graph.Value { return a.norm(a.tensor("x")) }))
	operation("math", "CDist()(x, y)", one(func(a *arguments) graph.Value {
		g := a.g
		d := g.Sub(g.ExpandDims(a.tensor("x"), -2), g.ExpandDims(a.tensor("y"), -3))
		return g.Sqrt(g.Sum(g.Square(d), []int{-1}, false))
	}))
	operation("linalg", "Det()(x)", one(func(a *arguments) graph.Value { return a.eliminate(a.tensor("x")).det }))
	operation("linalg", "Inv()(x)", one(func(a *arguments) graph.Value {
		x := a.tensor("x")
		return a.solve(x, a.g.BroadcastTo(a.identity(x), x.Shape()))
	}))
	operation("linalg", "Solve()(a, b)", one(func(a *arguments) graph.Value {
		x, b := a.tensor("a"), a.tensor("b")
		if b.Rank() == x.Rank()-1 {
			return a.g.Squeeze(a.solve(x, a.g.ExpandDims(b, -1)), -1)
		}
		return a.solve(x, b)
	}))
}

// vector is an argument as all its numbers in a row.
func (a *arguments) vector(name string) graph.Value {
	x := a.tensor(name)
	return a.g.Reshape(x, x.Shape().Size())
}

// matmul is the product of matrices in the last two axes, the others broadcast; a vector is a row on the left and a column on the right.
func (a *arguments) matmul(x, y graph.Value) graph.Value {
	g := a.g
	if x.Rank() == 0 || y.Rank() == 0 {
		a.fail("x1", "got shapes %v and %v, want vectors or matrices", x.Shape(), y.Shape())
		return x
	}
	row, column := x.Rank() == 1, y.Rank() == 1
	if row {
		x = g.ExpandDims(x, 0)
	}
	if column {
		y = g.ExpandDims(y, 1)
	}
	var z graph.Value
	if y.Rank() == 2 && x.Rank() > 2 { // one matrix for all
		z = g.MatMul(g.Flatten(x, -1), y, false, false)
		z = g.Reshape(z, x.Shape().With(-1, y.Dim(-1))...)
	} else {
		lead, ok := graph.Broadcast(x.Shape()[:x.Rank()-2], y.Shape()[:y.Rank()-2])
		if !ok {
			a.fail("x2", "got shapes %v and %v, which do not broadcast", x.Shape(), y.Shape())
			return x
		}
		x = g.BroadcastTo(x, append(lead.Clone(), x.Shape()[x.Rank()-2:]...))
		y = g.BroadcastTo(y, append(lead.Clone(), y.Shape()[y.Rank()-2:]...))
		z = g.MatMul(x, y, false, false)
	}
	if row {
		z = g.Squeeze(z, -2)
	}
	if column {
		z = g.Squeeze(z, -1)
	}
	return z
}

// contract multiplies x and y and adds up along pairs of axes.
func (a *arguments) contract(x, y graph.Value, xs, ys []int) graph.Value {
	if len(xs) != len(ys) || len(xs) > x.Rank() || len(ys) > y.Rank() {
		a.fail("axes", "got %v and %v for shapes %v and %v", xs, ys, x.Shape(), y.Shape())
		return x
	}
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	left, right := []byte(letters[:x.Rank()]), []byte(letters[x.Rank():x.Rank()+y.Rank()])
	out := ""
	for i, axis := range xs {
		right[ys[i]] = left[axis]
	}
	for i, r := range left {
		if !slices.Contains(xs, i) {
			out += string(r)
		}
	}
	for i, r := range right {
		if !slices.Contains(ys, i) {
			out += string(r)
		}
	}
	return a.einsum(string(left)+","+string(right)+"->"+out, []graph.Value{x, y})
}

// einsum multiplies tensors and adds up along the axes that the result lacks, two of them at a time, from the left. "..." stands for axes
// that broadcast, and become digits.
func (a *arguments) einsum(equation string, xs []graph.Value) graph.Value {
	g := a.g
	left, out, explicit := strings.Cut(strings.ReplaceAll(equation, " ", ""), "->")
	in := strings.Split(left, ",")
	if len(in) != len(xs) {
		a.fail("subscripts", "got %q for %d tensors", equation, len(xs))
		return xs[0]
	}
	dots := 0
	for i, s := range in {
		if strings.Contains(s, "...") {
			dots = max(dots, xs[i].Rank()-len(s)+3)
		}
	}
	if dots > 9 {
		a.fail("subscripts", "got %q for a tensor of rank %d", equation, xs[0].Rank())
		return xs[0]
	}
	const digits = "012345678"
	for i, s := range in {
		if n := xs[i].Rank() - len(s) + 3; strings.Contains(s, "...") && n >= 0 {
			in[i] = strings.Replace(s, "...", digits[dots-n:dots], 1)
		}
		if len(in[i]) != xs[i].Rank() {
			a.fail("subscripts", "got %q for a tensor of shape %v", s, xs[i].Shape())
			return xs[0]
		}
	}
	all := strings.Join(in, "")
	if explicit {
		out = strings.Replace(out, "...", digits[:dots], 1)
	} else { // the letters that occur once, in the order of the alphabet, after "..."
		seen := []byte(all)
		slices.Sort(seen)
		for _, r := range slices.Compact(seen) {
			if strings.Count(all, string(r)) == 1 || r <= '9' {
				out += string(r)
			}
		}
	}
	for _, r := range out {
		if !strings.ContainsRune(all, r) || strings.Count(out, string(r)) > 1 {
			a.fail("subscripts", "got %q, want each letter of the result once, and in a tensor", equation)
			return xs[0]
		}
	}
	size := map[rune]int{}
	for i, s := range in {
		xs[i], in[i] = a.diagonals(xs[i], s)
		for axis, r := range in[i] {
			if d, ok := size[r]; !ok || d == 1 || d == tensor.Unknown {
				size[r] = xs[i].Dim(axis)
			}
		}
	}
	x, have := xs[0], in[0]
	for i := range xs {
		if i == 0 && len(xs) > 1 {
			continue
		}
		wanted := out + strings.Join(in[i+1:], "")
		if i > 0 {
			y, other := xs[i], in[i]
			x, have = a.drop(x, have, other+wanted)
			y, other = a.drop(y, other, have+wanted)
			x, y = a.even(x, have, other, size), a.even(y, other, have, size)
			result := ""
			for _, r := range have + other {
				if strings.ContainsRune(wanted, r) && !strings.ContainsRune(result, r) {
					result += string(r)
				}
			}
			x, have = einsum(g, labels{in: have, kernel: other, out: result}, x, y), result
		}
	}
	x, have = a.drop(x, have, out)
	return reorder(g, x, have, out)
}

// diagonals takes the diagonal of axes that have the same letter.
func (a *arguments) diagonals(x graph.Value, axes string) (graph.Value, string) {
	for i := 0; i < len(axes); i++ {
		for j := i + 1; j < len(axes); j++ {
			if axes[i] != axes[j] {
				continue
			}
			x = a.g.MoveAxis(a.g.MoveAxis(x, j, -1), i, -2)
			rest := axes[:i] + axes[i+1:j] + axes[j+1:]
			if mask, ok := a.mask(x, func(i, j int) bool { return i == j }); ok {
				x = a.g.Select(mask, x, a.g.Const(0))
			}
			x, axes = a.g.Sum(x, []int{-1}, false), rest+axes[i:i+1]
			i, j = 0, 0
		}
	}
	return x, axes
}

// drop adds up along the axes of x that nothing needs.
func (a *arguments) drop(x graph.Value, axes, needed string) (graph.Value, string) {
	for i := len(axes) - 1; i >= 0; i-- {
		if !strings.Contains(needed, axes[i:i+1]) {
			x, axes = a.g.Sum(x, []int{i}, false), axes[:i]+axes[i+1:]
		}
	}
	return x, axes
}

// even repeats x along axes of size 1 that are larger in the other tensor.
func (a *arguments) even(x graph.Value, axes, other string, size map[rune]int) graph.Value {
	shape := x.Shape().Clone()
	for i, r := range axes {
		if shape[i] == 1 && strings.ContainsRune(other, r) {
			shape[i] = size[r]
		}
	}
	return a.g.BroadcastTo(x, shape)
}

// mask is 1 where a place of a matrix fulfils a condition, for the last two axes of x; false where their sizes are unknown.
func (a *arguments) mask(x graph.Value, f func(i, j int) bool) (graph.Value, bool) {
	if x.Rank() < 2 {
		a.fail("x", "got shape %v, want a matrix", x.Shape())
		return x, false
	}
	rows, columns := x.Dim(-2), x.Dim(-1)
	if rows < 0 || columns < 0 {
		return x, false
	}
	m := make([]float32, rows*columns)
	for i := range rows {
		for j := range columns {
			if f(i, j) {
				m[i*columns+j] = 1
			}
		}
	}
	return a.g.Table(tensor.From(m, rows, columns)), true
}

// identity is the unit matrix of the size of those in x.
func (a *arguments) identity(x graph.Value) graph.Value {
	m, _ := a.mask(x, func(i, j int) bool { return i == j })
	return m
}

// onDiagonal is a matrix with a vector on its k-th diagonal.
func (a *arguments) onDiagonal(x graph.Value, k int) graph.Value {
	if x.Rank() != 1 {
		a.fail("x", "got shape %v, want a vector or a matrix", x.Shape())
		return x
	}
	n := x.Dim(0)
	if n < 0 {
		return a.shaped(tensor.Shape{tensor.Unknown, tensor.Unknown})
	}
	lo, hi := max(0, -k), max(0, k)
	m := n + lo + hi
	rows := a.g.Pad(x, []int{lo}, []int{hi}) // number i in row i+lo
	mask, _ := a.mask(a.shaped(tensor.Shape{m, m}), func(i, j int) bool { return j == i+k })
	return a.g.Select(mask, a.g.ExpandDims(rows, 1), a.g.Const(0))
}

// norm is the length of vectors, or the norm of matrices where two axes are given.
func (a *arguments) norm(x graph.Value) graph.Value {
	g, keep := a.g, a.flag("keepdims")
	axes := a.axes("axis", x.Rank())
	if !a.has("axis") {
		axes = firstAxes(x.Rank())
		if !a.has("ord") {
			return g.Sqrt(g.Sum(g.Square(x), axes, keep))
		}
	}
	order, isNumber := number(a.values["ord"])
	switch word, _ := a.values["ord"].(string); word {
	case "inf", "Infinity":
		order, isNumber = math.Inf(1), true
	case "-inf", "-Infinity":
		order, isNumber = math.Inf(-1), true
	}
	abs := g.Abs(x)
	switch {
	case !a.has("ord"), len(axes) == 1 && order == 2 && isNumber, len(axes) == 2 && a.values["ord"] == "fro":
		return g.Sqrt(g.Sum(g.Square(x), axes, keep))
	case len(axes) == 1 && isNumber:
		switch {
		case math.IsInf(order, 1):
			return g.Max(abs, axes, keep)
		case math.IsInf(order, -1):
			return g.Min(abs, axes, keep)
		case order == 0:
			return g.Sum(g.NotEqual(x, g.Const(0)), axes, keep)
		case order == 1:
			return g.Sum(abs, axes, keep)
		}
		return g.Pow(g.Sum(g.Pow(abs, g.Const(order)), axes, keep), g.Const(1/order))
	case len(axes) == 2 && isNumber && (math.IsInf(order, 0) || math.Abs(order) == 1):
		along, across := axes[0], axes[1] // of columns and rows
		if math.IsInf(order, 0) {
			along, across = across, along
		}
		sums := g.Sum(abs, []int{along}, true)
		pick := g.Max
		if order < 0 {
			pick = g.Min
		}
		y := pick(sums, []int{across}, true)
		return g.Sum(y, axes, keep)
	}
	a.fail("ord", "got %v for %d axes: singular values are not computed", a.values["ord"], len(axes))
	return x
}

// elimination is what Gauss' elimination without exchange of rows gives: a determinant, and right sides worked into solutions.
type elimination struct {
	det   graph.Value
	right graph.Value
}

// maxElimination bounds the size of matrices: each row is some operations.
const maxElimination = 32

// eliminate goes through the rows of matrices (..., n, n), the largest pivot of each column first, exchanged by selection.
func (a *arguments) eliminate(x graph.Value, right ...graph.Value) elimination {
	g, n := a.g, x.Dim(-1)
	lead := x.Shape()[:max(0, x.Rank()-2)]
	e := elimination{det: g.Full(1, lead)}
	if len(right) > 0 {
		e.right = right[0]
	}
	if x.Rank() < 2 || n != x.Dim(-2) || n < 0 || n > maxElimination {
		a.fail("x", "got shape %v, want square matrices of at most %d rows", x.Shape(), maxElimination)
		return e
	}
	if !known(x) {
		return e
	}
	// Rows are kept one tensor each, with the right side behind.
	rows := make([]graph.Value, n)
	for i := range rows {
		rows[i] = g.Squeeze(g.Narrow(x, -2, i, 1), -2)
		if len(right) > 0 {
			rows[i] = g.Concat(rows[i].Rank()-1, rows[i], g.Squeeze(g.Narrow(right[0], -2, i, 1), -2))
		}
	}
	for k := range n {
		for i := k + 1; i < n; i++ { // after this row k has the largest number in column k
			larger := g.Greater(g.Abs(g.Narrow(rows[i], -1, k, 1)), g.Abs(g.Narrow(rows[k], -1, k, 1)))
			rows[k], rows[i] = g.Select(larger, rows[i], rows[k]), g.Select(larger, g.Neg(rows[k]), rows[i])
		}
		pivot := g.Narrow(rows[k], -1, k, 1)
		e.det = g.Mul(e.det, g.Reshape(pivot, lead...))
		if len(right) > 0 {
			rows[k] = g.Div(rows[k], pivot)
			pivot = g.Const(1)
		}
		for i := range rows {
			if i > k || i < k && len(right) > 0 {
				rows[i] = g.Sub(rows[i], g.Mul(rows[k], g.Div(g.Narrow(rows[i], -1, k, 1), pivot)))
			}
		}
	}
	if len(right) > 0 {
		for i := range rows {
			rows[i] = g.Narrow(rows[i], -1, n, right[0].Dim(-1))
		}
		e.right = a.stack(rows, rows[0].Rank()-1)
	}
	return e
}

// solve is the y of x y = b for matrices.
func (a *arguments) solve(x, b graph.Value) graph.Value { return a.eliminate(x, b).right }

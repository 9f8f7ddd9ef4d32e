package layers

import (
	"fmt"
	"strconv"
	"strings"
)

// This file owns the small part of Python's grammar in which the tables of operations are written: signatures, Mean(axis=None)(x), and
// calls in each other, Square(Subtract(x, y)).

// term is a value, a name, a list, or a call of what comes before its arguments.
type term struct {
	name  string // of a name, or of what is called
	value any    // of a constant: nil, bool, float64, string
	items []term // of a list, or the arguments of a call
	keys  []string
	kind  termKind
}

type termKind int

const (
	constantTerm termKind = iota
	nameTerm
	listTerm
	callTerm
)

// parseTerm reads one term. A mistake in a table is found by the tests, which read all of them.
func parseTerm(text string) (term, error) {
	p := &termParser{text: text}
	t, err := p.term(0)
	if p.skip(); err == nil && p.at < len(text) {
		err = fmt.Errorf("byte %d of %q: more than one term", p.at, text)
	}
	return t, err
}

type termParser struct {
	text string
	at   int
}

func (p *termParser) skip() {
	for p.at < len(p.text) && p.text[p.at] == ' ' {
		p.at++
	}
}

func (p *termParser) take(s string) bool {
	p.skip()
	if strings.HasPrefix(p.text[p.at:], s) {
		p.at += len(s)
		return true
	}
	return false
}

func (p *termParser) wrong(want string) error {
	return fmt.Errorf("byte %d of %q: want %s", p.at, p.text, want)
}

func (p *termParser) term(depth int) (term, error) {
	if depth > 32 {
		return term{}, p.wrong("fewer brackets")
	}
	if p.take("'") {
		text, _, ok := strings.Cut(p.text[p.at:], "'")
		if !ok {
			return term{}, p.wrong("a quote")
		}
		p.at += len(text) + 1
		return term{value: text}, nil
	}
	for open, end := range map[string]string{"(": ")", "[": "]"} {
		if p.take(open) {
			items, _, err := p.list(end, depth)
			return term{items: items, kind: listTerm}, err
		}
	}
	start := p.at
	for p.at < len(p.text) && !strings.ContainsRune(" ,=()[]'", rune(p.text[p.at])) {
		p.at++
	}
	word := p.text[start:p.at]
	switch word {
	case "":
		return term{}, p.wrong("a term")
	case "None":
		return term{}, nil
	case "True", "False":
		return term{value: word == "True"}, nil
	}
	if n, err := strconv.ParseFloat(word, 64); err == nil && strings.Trim(word[:1], "-.0123456789") == "" { // nan is a name
		return term{value: n}, nil
	}
	t := term{name: word, kind: nameTerm}
	if p.take("(") {
		var err error
		t.kind = callTerm
		t.items, t.keys, err = p.list(")", depth)
		return t, err
	}
	return t, nil
}

// list reads terms up to end, each perhaps with a key.
func (p *termParser) list(end string, depth int) (items []term, keys []string, err error) {
	for !p.take(end) {
		if items != nil && !p.take(",") {
			return nil, nil, p.wrong("a comma or " + end)
		}
		if items != nil && p.take(end) { // a comma at the end, as in (1,)
			break
		}
		t, err := p.term(depth + 1)
		if err != nil {
			return nil, nil, err
		}
		key := ""
		if t.kind == nameTerm && p.take("=") {
			key = t.name
			if t, err = p.term(depth + 1); err != nil {
				return nil, nil, err
			}
		}
		items, keys = append(items, t), append(keys, key)
	}
	return items, keys, nil
}

// parameter is one of a signature.
type parameter struct {
	name     string
	value    any // the default
	optional bool
	rest     bool // *name: takes all further arguments
}

// parameters reads what stands in the brackets of a signature.
func parameters(text string) ([]parameter, error) {
	t, err := parseTerm("f(" + text + ")")
	if err != nil {
		return nil, err
	}
	out := make([]parameter, len(t.items))
	for i, item := range t.items {
		switch {
		case t.keys[i] != "":
			out[i] = parameter{name: t.keys[i], value: item.constant(), optional: true}
		case item.kind == nameTerm:
			name, rest := strings.CutPrefix(item.name, "*")
			out[i] = parameter{name: name, rest: rest}
		default:
			return nil, fmt.Errorf("%q: parameter %d has no name", text, i)
		}
	}
	return out, nil
}

// constant is the value of a term without names.
func (t term) constant() any {
	if t.kind != listTerm {
		return t.value
	}
	list := make([]any, len(t.items))
	for i, item := range t.items {
		list[i] = item.constant()
	}
	return list
}

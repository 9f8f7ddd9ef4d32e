package core_test

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/gokeras/gk/core"
)

func TestParseJSONAgreesWithGo(t *testing.T) {
	for _, text := range []string{
		`{"a": [1, -2.5e3, 0, -0, 0.25], "b": {"c": null, "d": true, "": false}}`, ` [] `, `{}`, `"x"`, `12`, `null`,
		`"\u00e9\n\"\\\/\ud83d\ude00 \ud800 é"`, `["a\tb", [[[]]], {"a": {}}]`, `1E+2`, `"\ud800x"`,
	} {
		got, err := core.ParseJSON([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var want any
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %#v, want %#v", text, got, want)
		}
	}
}

func TestParseJSONPython(t *testing.T) {
	v, err := core.ParseJSON([]byte(`[NaN, Infinity, -Infinity, 1e999]`))
	if err != nil {
		t.Fatal(err)
	}
	n := v.([]any)
	if !math.IsNaN(n[0].(float64)) || n[1] != math.Inf(1) || n[2] != math.Inf(-1) || n[3] != math.Inf(1) {
		t.Errorf("got %v", n)
	}
}

func TestParseJSONRefuses(t *testing.T) {
	for text, place := range map[string]string{
		"":                                 "byte 0",
		`{"a": 1} x`:                       "byte 9",
		`{"a": 1, "a": 2}`:                 "byte 9",
		`{"a" 1}`:                          "byte 5",
		`{a: 1}`:                           "byte 1",
		`[1 2]`:                            "byte 3",
		`[01]`:                             "byte 1",
		`[1,]`:                             "byte 3",
		`[+1]`:                             "byte 1",
		`[1.]`:                             "byte 1",
		`[.5]`:                             "byte 1",
		`[1e]`:                             "byte 1",
		`[nan]`:                            "byte 1",
		`"abc`:                             "byte 0",
		"\"a\nb\"":                         "byte 2",
		`"\x"`:                             "byte 1",
		`"\u12"`:                           "byte 1",
		"\"\xff\"":                         "byte 0",
		strings.Repeat("[", 10000):         "byte 5001",
		strings.Repeat(`{"a":`, 10000):     "byte 25005",
		`{"a": 1`:                          "byte 7",
		`[1, 0x10, true]`:                  "byte 4",
		`{"a": tru}`:                       "byte 6",
		`{"class_name": "A", "config": {]`: "byte 31",
	} {
		_, err := core.ParseJSON([]byte(text))
		var e *core.Error
		if !errors.As(err, &e) || e.Kind != core.ErrConfigJSON || e.Where != place {
			t.Errorf("%.40q: got %v, want an error at %s", text, err, place)
		}
	}
}

func TestFormatJSON(t *testing.T) {
	v := map[string]any{"b": []any{1.0, 0.5, 1e-7, 1e22, 3, true, nil, math.Inf(1), math.NaN(), -2.0}, "a": "é\U0001F600\"\\\n\x01", "c": []int{1, 2},
		"d": map[string]any{}}
	text, err := core.FormatJSON(v)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"a": "\u00e9\ud83d\ude00\"\\\n\u0001", "b": [1.0, 0.5, 1e-07, 1e+22, 3, true, null, Infinity, NaN, -2.0], "c": [1,2], "d": {}}`
	if string(text) != want {
		t.Errorf("got\n%s, want\n%s", text, want)
	}
}

func FuzzParseJSON(f *testing.F) {
	f.Add([]byte(`{"a": [1, "b", null, NaN]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := core.ParseJSON(text)
		var want any
		plain := json.Unmarshal(text, &want)
		if err == nil && plain == nil && !reflect.DeepEqual(v, want) {
			t.Errorf("%q: got %#v, encoding/json %#v", text, v, want)
		}
	})
}

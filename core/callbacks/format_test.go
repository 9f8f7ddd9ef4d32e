package callbacks

import (
	"math"
	"testing"
)

// testdata/decisions.py printed what Python makes of these.
func TestFormat(t *testing.T) {
	for _, c := range []struct {
		value      float64
		whole      bool
		spec, want string
	}{
		{3, true, "02d", "03"}, {3, true, "", "3"}, {3, true, "5", "    3"}, {3, true, "<4d", "3   "}, {3, true, "*^5d", "**3**"},
		{3, true, ".1f", "3.0"}, {0.123456, false, ".2f", "0.12"}, {0.5, false, "", "0.5"}, {12, false, ".3", "12.0"},
		{1234, false, ".3", "1.23e+03"}, {0.00001, false, "g", "1e-05"}, {1e20, false, "", "1e+20"}, {0.25, false, "8.3f", "   0.250"},
		{0.25, false, "08.3f", "0000.250"}, {-0.25, false, "08.3f", "-000.250"}, {0.25, false, "+.1e", "+2.5e-01"}, {0.256, false, ".1%", "25.6%"},
		{math.NaN(), false, ".2f", "nan"}, {math.Inf(-1), false, ".2f", "-inf"}, {3, true, "<04d", "3000"}, {1234567, false, "g", "1.23457e+06"},
		{0.5, false, "E", "5.000000E-01"}, {0.5, false, " .1f", " 0.5"}, {2, true, "%", "200.000000%"}, {7, false, "", "7.0"},
	} {
		got, err := format(c.value, c.whole, c.spec)
		if err != nil || got != c.want {
			t.Errorf("format(%v, %q): got %q, error %v, want %q", c.value, c.spec, got, err, c.want)
		}
	}
	for _, spec := range []string{"d", "x", "9999f", ".f", "02q"} {
		if got, err := format(0.5, false, spec); err == nil {
			t.Errorf("format(0.5, %q): got %q, want an error", spec, got)
		}
	}
}

func FuzzFormatPath(f *testing.F) {
	for _, path := range []string{"m.keras", "{epoch:02d}-{val_loss:.2f}.keras", "{{x}}", "{", "}", "{epoch", "{x:99d}", "{:}"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		got, err := formatPath(path, func(name string) (float64, bool, bool) { return 0.5, false, name != "" })
		if err == nil && len(got) > 1000*(1+len(path)) {
			t.Errorf("%q became %d bytes", path, len(got))
		}
	})
}

func TestFormatPath(t *testing.T) {
	lookup := func(name string) (float64, bool, bool) { return 3, true, name == "epoch" }
	for path, want := range map[string]string{"a": "a", "{epoch}{epoch:02d}": "303", "{{{epoch}}}": "{3}", "{{epoch}}": "{epoch}"} {
		if got, err := formatPath(path, lookup); err != nil || got != want {
			t.Errorf("%q: got %q, error %v, want %q", path, got, err, want)
		}
	}
	for path, want := range map[string]string{
		"{epoch": "a { that is not closed", "epoch}": "a single } in it", "{loss}": `no value for field "loss"`, "{}": `no value for field ""`,
		"{epoch:x}": `got format "x", want one such as 02d or .4f`,
	} {
		if got, err := formatPath(path, lookup); err == nil || err.Error() != want {
			t.Errorf("%q: got %q, error %v, want %s", path, got, err, want)
		}
	}
}

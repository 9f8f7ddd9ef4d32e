package hdf5io

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/metrics"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/registry"
)

// This file owns what a model is compiled with: reading the dialects of training_config and compile_config, and writing both.
//
// What of it cannot be restored is a warning: a model that predicts is worth more than an error about a loss.

// compile compiles the model with a training_config, or a compile_config of a .keras file. It reports whether it could.
func (l *loader) compile(v any) bool {
	c, ok := v.(map[string]any)
	if !ok || len(c) == 0 {
		return false
	}
	if len(l.Missing) > 0 {
		l.warn("the model is not compiled, as it cannot run")
		return false
	}
	d := l.Model.Registry().Decoder(registry.Origin{KerasVersion: l.origin.KerasVersion, Backend: l.origin.Backend})
	o := model.Compile{LossWeights: l.byPosition(plain(c["loss_weights"]))}
	optimizer := c["optimizer_config"]
	if optimizer == nil {
		optimizer = c["optimizer"]
	}
	if _, says := c["optimizer"]; !says && optimizer == nil && c["loss"] != nil {
		optimizer = "rmsprop" // a .keras that Keras saved after an .h5, which takes the optimizer out of what it knows
		l.warn("what the model was compiled with names no optimizer: rmsprop, as Keras")
	}
	optimizer = plain(optimizer)
	o.Optimizer = l.keep("optimizer", optimizer, func(v any) error { _, err := d.Optimizer(v); return err })
	if o.Optimizer == nil {
		if optimizer == nil {
			return false
		}
		l.warn("the model is not compiled, as its optimizer could not be restored")
		return false
	}
	o.Loss = l.keep("loss", unwrapFunctions(l.Model.Registry(), l.byPosition(plain(c["loss"]))), func(v any) error { _, err := d.Loss(v); return err })
	metric := func(v any) error {
		if name, ok := v.(string); ok && isSpecialMetric(name) {
			return nil
		}
		_, err := d.Metric(v)
		return err
	}
	outputs := len(l.Model.Outputs())
	metrics := func(key string) any {
		return perOutputMetrics(outputs, l.keep(key, unwrapFunctions(l.Model.Registry(), l.byPosition(plain(c[key]))), metric))
	}
	o.Metrics, o.WeightedMetrics = metrics("metrics"), metrics("weighted_metrics")
	if m := c["sample_weight_mode"]; m != nil {
		l.warn("sample_weight_mode %v is not restored: gk takes the shape of the sample weights for what it is", m)
	}
	if err := l.Model.Compile(o); err != nil {
		l.warn("the model is not compiled: %v", err)
		return false
	}
	return true
}

// byPosition puts an argument by the keys of a model whose outputs are a dict into the order of the outputs, which is that of the keys:
// gk's outputs go by their layers' names.
func (l *loader) byPosition(v any) any {
	m, ok := v.(map[string]any)
	names := l.Model.OutputNames()
	if !ok || m["class_name"] != nil || len(m) != len(names) {
		return v
	}
	var list []any
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if slices.Contains(names, key) {
			return v
		}
		list = append(list, m[key])
	}
	return list
}

// isSpecialMetric reports whether a name means another metric for each sort of output and so stays a name.
func isSpecialMetric(name string) bool {
	return slices.Contains([]string{"accuracy", "acc", "crossentropy", "ce"}, name)
}

// keep is a tree of identifiers without those that cannot be made, about which it warns.
func (l *loader) keep(what string, v any, try func(v any) error) any {
	switch x := v.(type) {
	case nil:
		return nil
	case []any:
		out := make([]any, 0, len(x))
		for _, item := range x {
			kept := l.keep(what, item, try)
			if kept == nil && item != nil && what != "loss" { // losses are by position
				continue
			}
			out = append(out, kept)
		}
		return out
	case map[string]any:
		if _, isObject := x["class_name"]; !isObject {
			out := map[string]any{}
			for _, key := range slices.Sorted(maps.Keys(x)) {
				if kept := l.keep(what, x[key], try); kept != nil {
					out[key] = kept
				}
			}
			return out
		}
	}
	if err := try(v); err != nil {
		l.warn("%s is not restored: %v", what, err)
		return nil
	}
	return v
}

// perOutputMetrics spreads metrics of old Kerases, where a plain list goes to every output, over several outputs.
func perOutputMetrics(outputs int, v any) any {
	list, ok := v.([]any)
	if !ok || outputs <= 1 || len(list) == 0 {
		return v
	}
	for _, x := range list {
		if _, nested := x.([]any); nested || x == nil {
			return v
		}
	}
	if len(list) == outputs { // one for each
		return v
	}
	out := make([]any, outputs)
	for i := range out {
		out[i] = list
	}
	return out
}

// plain unwraps what Keras 3 writes for tuples.
func plain(v any) any {
	switch x := v.(type) {
	case map[string]any:
		if x["class_name"] == "__tuple__" {
			if items, ok := x["items"].([]any); ok {
				return plain(items)
			}
			if c, ok := x["config"].(map[string]any); ok {
				return plain(c["value"])
			}
		}
		out := map[string]any{}
		for k, item := range x {
			out[k] = plain(item)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, item := range x {
			out[i] = plain(item)
		}
		return out
	}
	return v
}

// unwrapFunctions turns tf.keras' wrappers around functions, {MeanMetricWrapper, {name, fn}}, into the classes of those functions.
func unwrapFunctions(r *registry.Registry, v any) any {
	switch x := v.(type) {
	case []any:
		out := make([]any, len(x))
		for i, item := range x {
			out[i] = unwrapFunctions(r, item)
		}
		return out
	case map[string]any:
		class, isObject := x["class_name"].(string)
		if !isObject {
			out := map[string]any{}
			for k, item := range x {
				out[k] = unwrapFunctions(r, item)
			}
			return out
		}
		c, _ := x["config"].(map[string]any)
		fn, _ := c["fn"].(string)
		if fn == "" {
			return v
		}
		switch class {
		case "MeanMetricWrapper", "SumOverBatchSizeMetricWrapper":
			if e := r.Metrics.Lookup(fn); e != nil {
				return map[string]any{"class_name": e.Name, "config": without(c, "fn")}
			}
		case "LossFunctionWrapper":
			if e := r.Losses.Lookup(fn); e != nil {
				return map[string]any{"class_name": e.Name, "config": without(c, "fn")}
			}
		}
		return map[string]any{"class_name": class, "config": without(c, "fn")}
	}
	return v
}

func without(c map[string]any, key string) map[string]any {
	c = maps.Clone(c)
	delete(c, key)
	return c
}

// trainingConfig is what the model was compiled with, as files hold it; nil if it was not.
//
// In legacy files losses and metrics are objects or full names, as Keras 3 cannot load a legacy file that says "mse", and each output has
// its own by position, as names of outputs differ between Kerases. version is the Keras that a legacy file is to be one of.
func trainingConfig(m *model.Model, d core.Dialect, version string) (map[string]any, error) {
	o, ok := m.CompileOptions()
	if !ok {
		return nil, nil
	}
	e := m.Registry().Encoder(d)
	w := compileWriter{e: e, r: m.Registry(), m: m, functions: d == core.Legacy && standalone(version)}
	optimizer, err := e.Optimizer(m.Optimizer())
	if err != nil {
		return nil, core.In("optimizer", core.ErrLayerConfig, err)
	}
	if d == core.Legacy {
		if c, ok := optimizer["config"].(core.Config); ok && c["use_ema"] == nil {
			delete(c, "ema_momentum") // Keras 2 has no such keys, and they mean nothing
			delete(c, "ema_overwrite_frequency")
		}
		if c, ok := optimizer["config"].(core.Config); ok && w.functions {
			withoutSchedule(c, m.Optimizer())
		}
		return w.legacy(o, optimizer), w.err
	}
	return map[string]any{
		"optimizer": optimizer, "loss": tree(o.Loss, w.loss), "loss_weights": tree(o.LossWeights, nil),
		"metrics": tree(o.Metrics, w.metric), "weighted_metrics": tree(o.WeightedMetrics, w.metric),
		"run_eagerly": false, "steps_per_execution": 1, "jit_compile": false,
	}, w.err
}

// withoutSchedule puts into the config of an optimizer what Keras 2.0 to 2.3 have in place of a schedule: decay where it does the same,
// else the learning rate of now.
func withoutSchedule(c core.Config, o core.Optimizer) {
	schedule, ok := c["learning_rate"].(map[string]any)
	if !ok {
		return
	}
	if s, ok := schedule["config"].(core.Config); ok && schedule["class_name"] == "InverseTimeDecay" && s["decay_steps"] == 1.0 && s["staircase"] == false {
		c["learning_rate"], c["decay"] = s["initial_learning_rate"], s["decay_rate"]
		return
	}
	b := o.Common()
	c["learning_rate"] = b.LearningRate.Schedule.At(b.Iterations)
}

// legacy is a training_config. tf.keras would take more keys as arguments of compile; Keras 2 wants sample_weight_mode.
func (w *compileWriter) legacy(o model.Compile, optimizer map[string]any) map[string]any {
	w.losses = w.byOutput(tree(o.Loss, nil), false)
	each := func(v any) any {
		list := w.byOutput(tree(v, nil), true)
		for i, x := range list {
			w.output = i
			list[i] = tree(x, w.metric)
			if l, ok := list[i].([]any); ok {
				list[i] = slices.DeleteFunc(l, func(x any) bool { return x == nil })
			}
		}
		switch len(list) {
		case 0:
			return nil
		case 1:
			return list[0]
		}
		return list
	}
	byPosition := func(v any) any {
		if _, named := v.(map[string]any); named {
			return w.byOutput(v, false)
		}
		return v
	}
	return map[string]any{
		"optimizer_config": optimizer, "loss": tree(byPosition(tree(o.Loss, nil)), w.loss), "loss_weights": byPosition(tree(o.LossWeights, nil)),
		"metrics": each(o.Metrics), "weighted_metrics": each(o.WeightedMetrics), "sample_weight_mode": nil,
	}
}

// byOutput is an argument of compile for each output; nil if there is none. lists says that it is a list for each of them.
func (w *compileWriter) byOutput(v any, lists bool) []any {
	names := w.m.OutputNames()
	out := make([]any, len(names))
	switch x := v.(type) {
	case nil:
		return nil
	case map[string]any:
		if x["class_name"] == nil {
			for i, n := range names {
				if out[i] = x[n]; out[i] == nil && lists {
					out[i] = []any{}
				}
			}
			return out
		}
	case []any:
		if lists && len(names) == 1 {
			if len(x) == 1 {
				if inner, ok := x[0].([]any); ok {
					x = inner
				}
			}
			return []any{x}
		}
		copy(out, x)
		return out
	}
	for i := range out {
		out[i] = v
	}
	return out
}

// tree applies f to the leaves of what compile takes.
func tree(v any, f func(v any) any) any {
	switch x := v.(type) {
	case nil:
		return nil
	case []any:
		out := make([]any, len(x))
		for i, item := range x {
			out[i] = tree(item, f)
		}
		return out
	case []string:
		return treeOf(x, f)
	case []float64:
		return treeOf(x, f)
	case [][]string:
		return treeOf(x, f)
	case []core.Loss:
		return treeOf(x, f)
	case []core.Metric:
		return treeOf(x, f)
	case map[string]any:
		if _, isObject := x["class_name"]; !isObject {
			out := map[string]any{}
			for k, item := range x {
				out[k] = tree(item, f)
			}
			return out
		}
	}
	if f == nil {
		return v
	}
	return f(v)
}

func treeOf[T any](list []T, f func(v any) any) any {
	out := make([]any, len(list))
	for i, x := range list {
		out[i] = tree(x, f)
	}
	return out
}

type compileWriter struct {
	e      *registry.Encoder
	r      *registry.Registry
	m      *model.Model
	losses []any // as compile was given them, by output
	output int   // whose metrics are being written
	// functions says that losses and metrics go by the names of Keras 2's functions; metrics that are none are left out.
	functions bool
	err       error
}

func (w *compileWriter) fail(where string, err error) any {
	if w.err == nil {
		w.err = core.In(where, core.ErrLayerConfig, err)
	}
	return nil
}

// loss writes one loss.
func (w *compileWriter) loss(v any) any {
	name, isName := v.(string)
	if isName && w.e.Dialect == core.Keras3 {
		return name
	}
	l, err := w.r.Decoder(registry.Origin{}).Loss(v)
	if err != nil {
		return w.fail("loss", err)
	}
	if isName {
		return w.fullName(w.r.Losses.NameOf(l))
	}
	o, err := w.e.Loss(l)
	if err != nil {
		return w.fail("loss", err)
	}
	return o
}

// metric writes one metric. In legacy files a short name becomes an object that keeps the name, as logs go by it. "accuracy" becomes the one
// that the output has: tf.keras, which decides by shapes, builds the metrics of a file before it has seen a target.
func (w *compileWriter) metric(v any) any {
	name, isName := v.(string)
	if isName && (w.e.Dialect == core.Keras3 || w.functions && isSpecialMetric(name)) {
		return name
	}
	if isName && isSpecialMetric(name) {
		m, err := w.special(name)
		if err != nil {
			return name
		}
		v = m
	}
	m, err := w.r.Decoder(registry.Origin{}).Metric(v)
	if err != nil {
		return w.fail("metrics", err)
	}
	if w.functions {
		return w.metricFunction(m)
	}
	if isName {
		m.Common().Name = name
	}
	o, err := w.e.Metric(m)
	if err != nil {
		return w.fail("metrics", err)
	}
	return o
}

// metricFunction is the name of the function that a metric averages; nil where that is none, or one with arguments of its own.
func (w *compileWriter) metricFunction(m core.Metric) any {
	class := w.r.Metrics.NameOf(m)
	if w.r.Losses.Lookup(class) == nil && !strings.HasSuffix(class, "CategoricalAccuracy") && class != "BinaryAccuracy" {
		return nil
	}
	plain, err := w.r.Decoder(registry.Origin{}).Metric(class)
	if err != nil {
		return w.fail("metrics", err)
	}
	plain.Common().Name = m.Common().Name
	want, err1 := w.e.Metric(plain)
	got, err2 := w.e.Metric(m)
	if err := errors.Join(err1, err2); err != nil {
		return w.fail("metrics", err)
	}
	if !reflect.DeepEqual(got, want) {
		return nil
	}
	return w.fullName(class)
}

// special is the metric that a name means for the output, whose loss says what its targets are.
func (w *compileWriter) special(name string) (core.Metric, error) {
	if w.output >= len(w.losses) {
		return nil, core.Errorf(core.ErrUsage, "loss", "none")
	}
	l, err := w.r.Decoder(registry.Origin{}).Loss(w.losses[w.output])
	if err != nil {
		return nil, err
	}
	y := w.m.Outputs()[w.output].Shape()
	target := y
	if strings.HasPrefix(w.r.Losses.NameOf(l), "Sparse") {
		target = y.With(len(y)-1, 1)
	}
	return metrics.Resolve(w.r, name, l, target, y)
}

// fullName is the name of the function behind the class of a loss or metric.
func (w *compileWriter) fullName(class string) string {
	switch {
	case class == "KLDivergence" && w.functions:
		return "kullback_leibler_divergence"
	case class == "KLDivergence":
		return "kl_divergence"
	case class == "LogCosh" && w.functions:
		return "logcosh"
	}
	return registry.SnakeCase(class)
}

// standalone reports whether a version is one of the package keras, before it became tf.keras: Keras 2.0 to 2.3. It cannot load files that
// hold metrics as objects, its own included, but takes names of functions.
func standalone(version string) bool {
	return strings.HasPrefix(version, "2.") && version < "2.4" && !strings.HasSuffix(version, "-tf")
}

// stateName is how Keras 3 names what an optimizer keeps: "adam/iteration".
func stateName(o core.Optimizer, what string) string {
	return fmt.Sprintf("%s/%s", o.Common().Name, what)
}

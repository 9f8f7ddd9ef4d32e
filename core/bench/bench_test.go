package bench_test

import (
	"testing"

	"github.com/gokeras/gk/core/bench"
)

func BenchmarkWorkloads(b *testing.B) {
	for _, w := range bench.Workloads() {
		b.Run(w.Name, func(b *testing.B) {
			round, err := w.Start()
			if err != nil {
				b.Fatal(err)
			}
			best := 0.0
			for b.Loop() {
				rate, err := round()
				if err != nil {
					b.Fatal(err)
				}
				best = max(best, rate)
			}
			b.ReportMetric(best, w.Unit)
		})
	}
}

func TestWorkloads(t *testing.T) {
	for _, w := range bench.Workloads() {
		if testing.Short() && w.Name != "mlp" {
			continue
		}
		round, err := w.Start()
		if err != nil {
			t.Errorf("%s: %v", w.Name, err)
			continue
		}
		if rate, err := round(); err != nil || rate <= 0 {
			t.Errorf("%s: got rate %v, error %v", w.Name, rate, err)
		}
	}
}

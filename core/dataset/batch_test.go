package dataset

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestBatchesCoverEverySampleOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, size := rapid.IntRange(1, 300).Draw(t, "n"), rapid.IntRange(1, 400).Draw(t, "size")
		shuffled := rapid.Bool().Draw(t, "shuffle")
		b, err := NewBatches(n, size, shuffled, rapid.Uint64().Draw(t, "seed"))
		if err != nil {
			t.Fatal(err)
		}
		var all []int
		steps := 0
		for step, batch := range b.Epoch(rapid.IntRange(0, 5).Draw(t, "epoch")) {
			if step != steps {
				t.Fatalf("got step %d, want %d", step, steps)
			}
			steps++
			if want := min(size, n-len(all)); len(batch) != want {
				t.Fatalf("step %d: got %d samples, want %d", step, len(batch), want)
			}
			all = append(all, batch...)
		}
		if steps != b.Len() || b.Samples() != n {
			t.Fatalf("got %d steps, Len says %d", steps, b.Len())
		}
		if !shuffled && !slices.IsSorted(all) {
			t.Fatal("unshuffled batches are out of order")
		}
		slices.Sort(all)
		for i, v := range all {
			if i != v {
				t.Fatalf("sample %d is missing or twice", i)
			}
		}
	})
}

func TestOrderDependsOnSeedAndEpochOnly(t *testing.T) {
	order := func(seed uint64, epochs ...int) []int {
		b, err := NewBatches(100, 10, true, seed)
		if err != nil {
			t.Fatal(err)
		}
		var last []int
		for _, e := range epochs {
			last = slices.Clone(b.Order(e))
		}
		return last
	}
	want := order(1, 3)
	if got := order(1, 0, 1, 2, 3); !slices.Equal(got, want) {
		t.Error("epoch 3 depends on the epochs before")
	}
	if slices.Equal(order(1, 4), want) || slices.Equal(order(2, 3), want) {
		t.Error("another epoch or seed has the same order")
	}
}

// The order for a seed is part of what a checkpoint promises: it must never change.
func TestOrderIsPinned(t *testing.T) {
	b, err := NewBatches(10, 4, true, 42)
	if err != nil {
		t.Fatal(err)
	}
	for epoch, want := range [][]int{{6, 2, 5, 3, 4, 7, 0, 1, 9, 8}, {2, 3, 9, 6, 0, 8, 7, 4, 5, 1}} {
		if got := b.Order(epoch); !slices.Equal(got, want) {
			t.Errorf("epoch %d: got %v, want %v", epoch, got, want)
		}
	}
}

func TestShuffleIsUniform(t *testing.T) {
	const epochs = 6000
	b, err := NewBatches(6, 1, true, 9)
	if err != nil {
		t.Fatal(err)
	}
	var counts [6][6]int
	for e := range epochs {
		for place, sample := range b.Order(e) {
			counts[place][sample]++
		}
	}
	for place := range counts {
		for sample, n := range counts[place] { // 1000 expected, standard deviation 29
			if n < 850 || n > 1150 {
				t.Errorf("sample %d is at place %d in %d of %d epochs", sample, place, n, epochs)
			}
		}
	}
}

func TestBatchesEarlyStopAndErrors(t *testing.T) {
	b, err := NewBatches(10, 3, false, 0)
	if err != nil {
		t.Fatal(err)
	}
	for step := range b.Epoch(0) {
		if step == 1 {
			break
		}
	}
	if n := testing.AllocsPerRun(10, func() { b.Order(1) }); n > 0 {
		t.Errorf("an epoch's order allocates %v times", n)
	}
	_, err = NewBatches(0, 3, false, 0)
	wantError(t, err, "samples", "got 0")
	_, err = NewBatches(3, 0, false, 0)
	wantError(t, err, "batch size", "got 0")
}

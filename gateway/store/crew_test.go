package store

import (
	"sync"
	"testing"
	"testing/synctest"
)

// All work is done, by as many as it takes, and those who are idle take what
// comes next. The bubble would not end with one of them left.
func TestCrew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c crew
		for range 2 {
			var group sync.WaitGroup
			hold := make(chan struct{})
			for range 2 * idleMax {
				group.Add(1)
				c.start(func() { defer group.Done(); <-hold })
			}
			synctest.Wait()
			if n := len(c.idle); n != 0 {
				t.Errorf("%d are idle while there is work", n)
			}
			close(hold)
			group.Wait()
			synctest.Wait()
			if n := len(c.idle); n != idleMax {
				t.Errorf("%d are idle, want %d", n, idleMax)
			}
		}
		c.close()
		late := false
		c.start(func() { late = true })
		if synctest.Wait(); !late {
			t.Error("nobody works any more")
		}
	})
}

// deep needs a stack of some 16 KB.
func deep(n int) (sum int) {
	var frame [64]int
	if n == 0 {
		return 0
	}
	frame[n%64] = n
	return deep(n-1) + frame[n%64]
}

// BenchmarkDeep compares a crew with new goroutines.
func BenchmarkDeep(b *testing.B) {
	run := func(b *testing.B, start func(func())) {
		done := make(chan int)
		for b.Loop() {
			start(func() { done <- deep(30) })
			<-done
		}
	}
	b.Run("crew", func(b *testing.B) {
		var c crew
		defer c.close()
		run(b, c.start)
	})
	b.Run("new", func(b *testing.B) { run(b, func(f func()) { go f() }) })
}

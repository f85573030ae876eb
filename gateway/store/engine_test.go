package store

import (
	"fmt"
	"log/slog"
	"syscall"
	"testing"
	"testing/synctest"
)

// A flush or a compaction that had no file descriptor to read from begins again.
func TestBackgroundWithoutDescriptors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &engine{log: slog.New(slog.DiscardHandler), stopped: make(chan struct{})}
		e.backgroundError(fmt.Errorf("compact: %w", syscall.EMFILE))
		if err := e.failure(); err != nil {
			t.Error(err)
		}
	})
}

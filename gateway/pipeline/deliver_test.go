package pipeline

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

// fullSpool is a spool whose commits fail with err until it is nil.
type fullSpool struct {
	gateway.Spool
	commits int
	err     func(commits int) error
}

func (s *fullSpool) Commit(context.Context, gateway.Transition) error {
	s.commits++
	return s.err(s.commits)
}

// A copy that went out while the disk takes nothing does not go out again: its
// outcome waits for the disk, unless nobody wants it any more.
func TestOutcomeWaitsForTheDisk(t *testing.T) {
	full := store.Full(syscall.ENOSPC)
	for _, test := range []struct {
		name    string
		err     func(commits int) error
		commits int
		want    error
	}{
		{"taken", func(int) error { return nil }, 1, nil},
		{"full for a while", func(n int) error {
			if n < 4 {
				return full
			}
			return nil
		}, 4, nil},
		{"dropped meanwhile", func(n int) error {
			if n < 2 {
				return full
			}
			return gateway.ErrNotSpooled
		}, 2, gateway.ErrNotSpooled},
		{"full until the end", func(int) error { return full }, 3, full},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*commitInterval/2)
			defer cancel()
			if test.want == nil {
				ctx = t.Context()
			}
			s := &fullSpool{err: test.err}
			r := &batchRun{Deliverer: &Deliverer{Spool: s}, m: &gateway.Message{}}
			if err := r.insist(ctx, gateway.Transition{}); !errors.Is(err, test.want) || s.commits != test.commits {
				t.Errorf("%s: %d commits and %v, want %d and %v", test.name, s.commits, err, test.commits, test.want)
			}
		})
	}
}

package store_test

import (
	"fmt"
	"testing"

	"github.com/mmgw/mmgw/gateway/store"
)

// The power goes at each change of the disk while a database is made, and
// while it is opened again, and half of what was not synced is lost, the names
// of files too: what is left can be opened, and has what was committed.
func TestPowerCutWhileOpening(t *testing.T) {
	m := store.NewMemory()
	for i := range 3 {
		var left []*store.Memory
		m.BeforeWrite(func(op, path string) error {
			for seed := range uint64(4) {
				left = append(left, m.Crash(50, seed))
			}
			return nil
		})
		s := open(t, m)
		m.BeforeWrite(nil)
		for n, m := range left {
			s, err := store.Open(store.Options{Dir: "/state/db", FS: m.FS()})
			if err != nil {
				t.Errorf("opened %d times, power cut %d: %v", i, n/4, err)
				continue
			}
			if got := contents(t, s, "k", ""); got != want(i) {
				t.Errorf("opened %d times, power cut %d: %q", i, n/4, got)
			}
			s.Close()
		}
		set(t, s, "k", want(i + 1)[2:])
		s.Close()
	}
}

// want is what is there after so many openings.
func want(i int) string {
	if i == 0 {
		return ""
	}
	return fmt.Sprintf("k=%d", i)
}

package pipeline

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/notice"
)

// While one notice is made and synced, others are written for other lists to other
// people; what would take from the same quota waits, and finds it used up.
func TestNoticesOfOtherListsDoNotWait(t *testing.T) {
	h := newHouse(t)
	desk := h.held.Desk
	texts := desk.Texts
	send := func(name string, to gateway.ForwardPath) error {
		list := &gateway.List{Address: gateway.ForwardPath(name + "@lists.example.com"), ID: gateway.ListID(name + ".lists.example.com")}
		n := notice.Notice{Name: notice.PostHeld, From: list.ServiceAddress("-owner")}
		return desk.send(t.Context(), list, n, answerQuotas(list.ID, n.Name, to), to)
	}
	other := errors.New("none was written")
	desk.Texts = func() *notice.Texts {
		desk.Texts = texts
		written := make(chan error, 1)
		go func() { written <- send("ops", "bart@example.com") }()
		select {
		case other = <-written:
		case <-time.After(10 * time.Second):
			other = errors.New("it waits")
		}
		return texts()
	}
	if err := send("dev", "anne@example.com"); err != nil || other != nil {
		t.Fatalf("%v; for another list: %v", err, other)
	}
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if err := send("dev", "carl@example.com"); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if len(h.entries) != 3 {
		t.Errorf("%d notices were written, not 3", len(h.entries))
	}
}

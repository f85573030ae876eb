package server

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mmgw/mmgw/mta"
)

// The files follow the lists when these are left alone, or after a while.
func TestSettle(t *testing.T) {
	for changes, want := range map[int]time.Duration{
		0:       mtaSettle,
		1000:    1000*time.Millisecond + mtaSettle,
		100_000: mtaSettleMax,
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			s := &Server{listsBell: make(chan struct{}, 1)}
			var changing sync.WaitGroup
			changing.Go(func() {
				for i := 0; i < changes && ctx.Err() == nil; i++ {
					time.Sleep(time.Millisecond)
					select {
					case s.listsBell <- struct{}{}:
					default:
					}
				}
			})
			start := time.Now()
			s.settle(ctx)
			took := time.Since(start)
			cancel()
			changing.Wait()
			if took < want-time.Millisecond || took > want+time.Millisecond {
				t.Errorf("%d changes: %v, want %v", changes, took, want)
			}
		})
	}
}

// A reload command that fails leaves the files and the gateway alone, and is run
// again with the next change.
func TestMTAFilesFollowTheLists(t *testing.T) {
	p := newPlace(t)
	runs, broken := filepath.Join(p.dir, "runs"), filepath.Join(p.dir, "broken")
	if err := os.WriteFile(broken, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	settings := fmt.Sprintf("[mta.configuration]\ntransport_file_type = \"texthash\"\nreload_command = \"test ! -e %s && echo run >>%s\"\n", broken, runs)
	s := p.run(p.load(settings + devList))
	tree := mta.Tree{Dir: MTADir(s.cfg)}
	eventually(t, func() bool { state, err := tree.State(); return err == nil && state.ReloadDue })
	if got := p.post("dev@lists.example.com"); !strings.HasPrefix(got, "250 ") {
		t.Errorf("meanwhile: %s", got)
	}
	var many strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&many, "[[list]]\naddress = \"list-%d@lists.example.com\"\n", i)
	}
	if err := s.Reload(t.Context(), p.load(settings+devList+many.String())); err != nil {
		t.Fatal(err)
	}
	holds := func(address string) bool {
		text, _ := os.ReadFile(filepath.Join(tree.Dir, "postfix_lmtp"))
		return strings.Contains(string(text), address)
	}
	eventually(t, func() bool { return holds("list-9999-owner@lists.example.com") })
	if err := os.Remove(broken); err != nil {
		t.Fatal(err)
	}
	call[ListChange](t, s, "list.create", NewList{Address: "last@lists.example.com"})
	eventually(t, func() bool { state, err := tree.State(); return err == nil && !state.ReloadDue && holds("last-owner@") })
	// Twice where the files of the reload were in place and its command was not run
	// yet when that was mended.
	if text, err := os.ReadFile(runs); string(text) != "run\n" && string(text) != "run\nrun\n" || err != nil {
		t.Errorf("the reload command ran: %q, %v", text, err)
	}
}

// eventually waits for what another goroutine does with the disk.
func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	late := time.After(30 * time.Second)
	for !holds() {
		select {
		case <-look.C:
		case <-late:
			t.Fatal("not within half a minute")
		}
	}
}

package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// A gateway runs behind those who wake it, with all of its threads, unless somebody
// has chosen a policy for it.
func TestGiveWay(t *testing.T) {
	if attr, err := unix.SchedGetAttr(0, 0); err != nil || unix.SchedSetAttr(0, attr, 0) != nil {
		t.Skip("nobody may choose a policy here")
	}
	for _, c := range []struct{ chosen, want uint32 }{{unix.SCHED_NORMAL, unix.SCHED_BATCH}, {unix.SCHED_IDLE, unix.SCHED_IDLE}} {
		s := newSite(t, devSite+"[]\n")
		p := servedUnder(t, s, c.chosen)
		for id, policy := range policies(t, p.command.Process.Pid) {
			if policy != c.want {
				t.Errorf("under policy %d thread %d has policy %d, want %d", c.chosen, id, policy, c.want)
			}
		}
		p.stop()
	}
}

// servedUnder starts the gateway of a site from a thread with a policy.
func servedUnder(t *testing.T, s *site, policy uint32) *process {
	t.Helper()
	started := make(chan *process)
	go func() {
		defer close(started)
		runtime.LockOSThread() // the thread ends with this goroutine
		if err := unix.SchedSetAttr(0, &unix.SchedAttr{Policy: policy}, 0); err != nil {
			t.Error(err)
			return
		}
		started <- s.serve()
	}()
	p := <-started
	if p == nil {
		t.FailNow()
	}
	return p
}

// policies are those of the threads of a process.
func policies(t *testing.T, process int) map[int]uint32 {
	t.Helper()
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", process))
	if err != nil {
		t.Fatal(err)
	}
	all := map[int]uint32{}
	for _, thread := range threads {
		id, _ := strconv.Atoi(thread.Name())
		attr, err := unix.SchedGetAttr(id, 0)
		if err != nil {
			continue // it has ended
		}
		all[id] = attr.Policy
	}
	return all
}

package main

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// giveWay has the kernel run this process behind others that it talks with
// (SCHED_BATCH of sched(7)): a thread of ours that need not wait any more does not
// interrupt the MTA that has just woken it, and finds several replies when its turn
// comes. A copy takes a seventh less processor time then, and on a machine of two
// processors a sixth more go out.
//
// A policy that somebody chose is left as it is, and where the kernel does not
// allow another one nothing is lost but that.
func giveWay() {
	for again := true; again; {
		again = false
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return
		}
		for _, thread := range threads {
			id, _ := strconv.Atoi(thread.Name())
			// A thread that one of the others has begun meanwhile may have the
			// policy that it had: so all are asked until none has.
			attr, err := unix.SchedGetAttr(id, 0)
			if err != nil || attr.Policy != unix.SCHED_NORMAL {
				continue
			}
			attr.Policy = unix.SCHED_BATCH
			if unix.SchedSetAttr(id, attr, 0) != nil {
				return
			}
			again = true
		}
	}
}

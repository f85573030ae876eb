//go:build !linux

package main

// giveWay does nothing where there is no SCHED_BATCH.
func giveWay() {}

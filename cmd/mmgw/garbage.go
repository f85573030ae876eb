package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// How much garbage there may be before it is collected, unless $GOGC is set.
const (
	// gcPercent is the usual limit, in percent of the memory in use. That is only some
	// 5 MB besides the database, and most of what a message takes is garbage a moment
	// later. The limit costs some 20 MB, and saves three of four collections that Go's
	// default would make.
	gcPercent = 400

	// garbageBytesMax is the limit if more memory is in use, for lists of a million
	// members in files, and queues of a hundred thousand messages.
	garbageBytesMax = 32 << 20

	// gcPercentMin keeps collections from taking too much time.
	gcPercentMin = 10

	// gcPercentOfLoading is the limit while such files are read.
	gcPercentOfLoading = 25

	// gcInterval is how often the limit is adjusted: a queue of so many messages takes
	// longer than that to build up.
	gcInterval = 5 * time.Second
)

func keepGarbageLowForLoading() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercentOfLoading)
	}
}

// boundGarbage collects the garbage that loading has left, and sets the limit for the
// memory that is in use now.
func boundGarbage() {
	if os.Getenv("GOGC") == "" {
		debug.FreeOSMemory() // which collects first
		debug.SetGCPercent(percentFor(bytesInUse()))
	}
}

// keepGarbageBound adjusts the limit to the memory in use, until ctx ends.
func keepGarbageBound(ctx context.Context) {
	if os.Getenv("GOGC") != "" {
		return
	}
	looks := time.NewTicker(gcInterval)
	defer looks.Stop()
	for set := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-looks.C:
		}
		if percent := percentFor(bytesInUse()); percent != set {
			debug.SetGCPercent(percent) // stops the world
			set = percent
		}
	}
}

// percentFor is the limit for an amount of memory in use, in percent of it.
func percentFor(inUse uint64) int {
	return int(max(gcPercentMin, min(gcPercent, 100*garbageBytesMax/max(inUse, 1))))
}

// bytesInUse is how much memory was in use after the last collection.
func bytesInUse() uint64 {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	return live[0].Value.Uint64()
}

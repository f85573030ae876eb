package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// How much may be allocated before memory is collected, unless $GOGC says it.
const (
	// gcPercent is of what is in use. That is little, some 5 MB beside the
	// database, and most of what a message takes is garbage a moment later: this
	// much costs some 20 MB and spares three of four collections that Go's default
	// would make.
	gcPercent = 400

	// garbageBytesMax bounds it where more is in use, for lists of a million
	// members in files and for queues of a hundred thousand messages.
	garbageBytesMax = 32 << 20

	// gcPercentMin is where memory is collected often enough.
	gcPercentMin = 10

	// gcPercentOfLoading is for the moment in which such files are read.
	gcPercentOfLoading = 25

	// gcInterval is how often what is in use is looked at: a queue of so many
	// messages takes longer to come.
	gcInterval = 5 * time.Second
)

func keepGarbageLowForLoading() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercentOfLoading)
	}
}

// boundGarbage collects the garbage of the loading, and bounds what comes by what is
// in use now.
func boundGarbage() {
	if os.Getenv("GOGC") == "" {
		debug.FreeOSMemory() // collects, too
		debug.SetGCPercent(percentFor(bytesInUse()))
	}
}

// keepGarbageBound does so as what is in use changes, until ctx ends.
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

// percentFor is how much of what is in use may be allocated.
func percentFor(inUse uint64) int {
	return int(max(gcPercentMin, min(gcPercent, 100*garbageBytesMax/max(inUse, 1))))
}

// bytesInUse is what the last collection left.
func bytesInUse() uint64 {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	return live[0].Value.Uint64()
}

package main

import (
	"math/rand/v2"
	"testing"
	"time"
)

// powerCutBytes is a small disk with ample room for the letters of a long run.
const powerCutBytes = 1 << 30

// cutAndKill is a power cut: the disk stops first, so that what the gateway
// still says has to be true as well, and then the processor.
func (v *volume) cutAndKill(p *process) {
	v.cut()
	pause(p.t.Context(), rand.N(100*time.Millisecond))
	p.kill()
	v.recover()
}

// Whenever the power goes, what was answered with 250 arrives, unchanged.
func TestPowerCut(t *testing.T) { powerCuts(t, ext4, rounds(5, 100)) }

// XFS keeps its journal in another way, and names in another order.
func TestPowerCutXFS(t *testing.T) { powerCuts(t, xfs, rounds(2, 30)) }

func powerCuts(t *testing.T, mkfs []string, cuts int) {
	s := newSite(t, ledgerSite)
	disk := newImage(s, powerCutBytes, mkfs...)
	l := newLedger(s)
	for range cuts {
		l.run(disk.cutAndKill)
		l.balance()
	}
	l.close()
}

// The same gateway without syncs loses mail: the test above proves something.
func TestPowerCutWithoutSync(t *testing.T) {
	s := newSite(t, ledgerSite)
	disk := newImage(s, powerCutBytes, ext4...)
	l := newLedger(s)
	l.serve().stop() // so that there is a database to lose mail from
	s.program = unsyncedProgram
	l.run(disk.cutAndKill)
	lost, err := l.lost()
	switch {
	case err != nil:
		t.Logf("%d letters with a 250 are lost, since the spool cannot be read: %v", len(l.open), err)
	case len(lost) == 0:
		t.Error("nothing is lost without sync: the power cut proves nothing")
	default:
		t.Logf("%d letters with a 250 are lost", len(lost))
	}
}

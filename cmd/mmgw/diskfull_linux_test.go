package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway/probe"
)

// fullDiskBytes is a disk that some hundred letters fill.
const fullDiskBytes = 32 << 20

// recoveryMax is how soon mail must be taken again once there is room.
const recoveryMax = 10 * time.Second

// full is the only reply other than 250 while a disk is full (RFC 3463, X.3.1).
const full = "452 4.3.1"

// A disk that fills up, with mail or with something else, costs replies of 452
// 4.3.1 while it is full, and nothing after that: delivery goes on, nothing is
// lost, and the gateway takes mail again without a restart.
func TestDiskFull(t *testing.T) {
	t.Run("tmpfs", func(t *testing.T) {
		s := newSite(t, ledgerSite)
		fillDisk(s, newVolume(s, "-t", "tmpfs", "-o", "size=32m", "tmpfs"))
	})
	t.Run("ext4", func(t *testing.T) {
		if testing.Short() {
			t.Skip("-short")
		}
		s := newSite(t, ledgerSite)
		fillDisk(s, newImage(s, fullDiskBytes, ext4...))
	})
}

func fillDisk(s *site, disk *volume) {
	l := newLedger(s)
	flow := make(chan struct{}) // closed: the upstream MTA answers
	s.taken = func(t probe.Transaction) {
		<-flow
		l.arrive(t)
	}
	p := l.serve()
	wait := l.load(p, true)
	l.fullOfMail(flow)
	l.fullOfBallast(disk)
	wait(true)
	p.stop()
	for reply, times := range l.replies {
		if reply != full {
			s.t.Errorf("%d replies were %s, want %s\n%s", times, reply, full, p.log)
		}
	}
	l.close()
}

// fullOfMail has letters fill the disk until flow is closed. Delivery then has
// to make room for more.
func (l *ledger) fullOfMail(flow chan struct{}) {
	t := l.site.t
	t.Helper()
	l.until(time.Minute, "letters do not fill the disk", func() bool { return l.replies[full] >= ledgerSessions })
	filled, begun := l.count()
	close(flow)
	l.until(time.Minute, "delivery does not make room for more", func() bool { return l.accepted > filled+ledgerSessions })
	t.Logf("%d letters filled the disk; more were taken %v after delivery went on", filled, time.Since(begun).Round(time.Millisecond))
}

// fullOfBallast has something else take all that is free on the disk for a while.
func (l *ledger) fullOfBallast(disk *volume) {
	t := l.site.t
	t.Helper()
	ballast := disk.fill()
	l.mu.Lock()
	refused := l.replies[full]
	l.mu.Unlock()
	l.until(time.Minute, "something else does not fill the disk", func() bool { return l.replies[full] >= refused+3*ledgerSessions })
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	filled, begun := l.count()
	l.until(recoveryMax, "nothing is taken although there is room", func() bool { return l.accepted > filled })
	t.Logf("letters were taken %v after there was room", time.Since(begun).Round(time.Millisecond))
}

// count is how many letters were accepted until when.
func (l *ledger) count() (accepted int, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.accepted, time.Now()
}

// fill takes all that is free on the volume and returns the file that has it.
func (v *volume) fill() string {
	v.t.Helper()
	name := filepath.Join(v.dir, "ballast")
	file, err := os.Create(name)
	if err != nil {
		v.t.Fatal(err)
	}
	defer file.Close()
	for octets := make([]byte, 1<<20); len(octets) > 0; {
		_, err := file.Write(octets)
		switch {
		case errors.Is(err, syscall.ENOSPC):
			octets = octets[:len(octets)/2] // the gateway wants room at the same time
		case err != nil && !errors.Is(err, io.ErrShortWrite):
			v.t.Fatal(err)
		}
	}
	return name
}

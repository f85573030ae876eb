package sim

import (
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/bounce"
	"github.com/mmgw/mmgw/gateway/dsn"
	"github.com/mmgw/mmgw/gateway/pipeline"
	"github.com/mmgw/mmgw/gateway/spool"
)

// judge closes the ledger: every recipient has its end, and the spool holds
// what is held, and nothing else.
func (l *ledger) judge(p *process) {
	held := map[legKey]bool{}
	ids := map[string]bool{}
	for row, err := range p.spool.List() {
		if err != nil {
			l.fail("list: %v", err)
			continue
		}
		if row.Stage != gateway.StageHeld || row.Reason == "" {
			l.fail("leg %d of %s is left over: %+v", row.Leg, row.ID, row)
		}
		held[legKey{row.ID, row.Leg}], ids[row.ID.String()] = true, true
	}
	for _, key := range l.keys() {
		rec := l.legs[key]
		if !rec.sure {
			if _, err := p.spool.Load(key.id); err == nil {
				l.fail("%s: %s was refused, and is in the spool", rec.token, key.id)
			}
			continue
		}
		if rec.held && !rec.doubted && !rec.ended && !l.told[toldKey(key.id, rec.list)] {
			l.fail("%s: nobody was told that leg %d of %s, a %s, is held", rec.token, key.leg, key.id, rec.service)
		}
		if !held[key] && !rec.ended {
			l.settled(p, key, rec)
		}
	}
	l.judgeFiles(ids)
	l.judgeExpiry(p)
}

// judgeExpiry has the time pass that moderators have. What then is held waits
// for the operator.
func (l *ledger) judgeExpiry(p *process) {
	if _, err := p.held.Expire(time.Now().Add(l.w.expiry)); err != nil {
		l.fail("expire: %v", err)
	}
	for row, err := range p.spool.List() {
		if err == nil && row.List != "" && !strings.HasPrefix(row.Reason, pipeline.ByFault) {
			l.fail("leg %d of %s is held for ever: %s", row.Leg, row.ID, row.Reason)
		}
	}
}

func (l *ledger) settled(p *process, key legKey, rec *leg) {
	for _, to := range l.expected(rec) {
		path := string(to.Path)
		status := rec.settled[path]
		if status == nil {
			status = rec.maybe[path]
		}
		switch {
		case status == nil:
			// What ends a leg may have been in doubt until the leg was gone.
			if !rec.doubted || rec.service == gateway.Forward || rec.service == gateway.Relay {
				l.fail("%s: %s of leg %d of %s, a %s, is neither delivered nor given up", rec.token, path, key.leg, key.id, rec.service)
			}
		case status.Class() == gateway.Success:
			if l.w.hosts.taken[rec.token+" "+path] == 0 {
				l.fail("%s: %s counts as delivered, and nobody has it", rec.token, path)
			}
		case rec.service == gateway.Post:
			l.judgeBooked(p, rec, to.Path, status)
		case !rec.from.IsNull() && dsn.Failed.Wanted(to.Notify) && to.Path != gateway.ForwardPath(rec.from) && !rec.reported[path]:
			l.fail("%s: nobody was told that %s failed by %s", rec.token, path, status.Reply())
		}
	}
}

func (l *ledger) judgeBooked(p *process, rec *leg, path gateway.ForwardPath, status *gateway.Status) {
	if _, class := bounce.Classify(status.Enhanced, status.Text); class != bounce.Hard {
		return
	}
	if row, err := p.roster.Member(rec.list, path); err != nil || row.Bounce.Count == 0 {
		l.fail("%s: %s was not booked after %s (%v)", rec.token, path, status.Reply(), err)
	}
}

// judgeFiles looks for contents that no held message has.
func (l *ledger) judgeFiles(held map[string]bool) {
	disk := l.w.disk.memory.FS()
	for _, dir := range []string{"/state/content", "/state/damaged"} {
		names, err := disk.List(dir)
		if err != nil {
			l.fail("list %s: %v", dir, err)
		}
		for _, name := range names {
			if size, _ := disk.Size(filepath.Join(dir, name)); !held[name] || size <= spool.ContentInlineBytesMax {
				l.fail("%s/%s is left over", dir, name)
			}
		}
	}
	slices.Sort(l.wrongs)
}

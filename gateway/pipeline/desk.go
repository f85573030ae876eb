package pipeline

import (
	"context"
	"log/slog"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/notice"
	"github.com/mmgw/mmgw/gateway/roster"
	"github.com/mmgw/mmgw/gateway/store"
)

// How much a list writes to people within a day (roster.QuotaWindow).
const (
	// answersOfAKind is how often the same address gets the same answer of a
	// list: RFC 3834, section 2, wants few.
	answersOfAKind = 1
	// answersPerAddress bounds what all lists together send to an address that
	// somebody subscribes everywhere. It is GNU Mailman's number.
	answersPerAddress = 10
	// answersPerList bounds the use of a list to write to strangers.
	answersPerList = 1000
	// noticesPerList is how many held posts the moderators of a list are told of:
	// those behind wait in the queue all the same.
	noticesPerList = 100
	// bounceNoticesPerList is how many members the owners of a list are told of
	// that bounces or complaints end: mmgw member ls and the log have all.
	bounceNoticesPerList = 100
)

// Desk writes to people in the name of lists, within quotas.
type Desk struct {
	Outbox *Outbox
	Roster *roster.Roster
	Texts  func() *notice.Texts // those in force
	Log    *slog.Logger

	taking store.Locks[string] // by the key of a quota, from the look at it to what is taken
}

// answerQuotas are those of a kind of answer to an address. What is said about leaving
// goes to members alone: strangers who use up the list's quota keep nobody from it.
func answerQuotas(list gateway.ListID, kind string, to gateway.ForwardPath) []roster.Quota {
	quotas := []roster.Quota{
		{Key: "answer " + kind + " " + string(list) + " " + to.Key(), Max: answersOfAKind},
		{Key: "answers " + to.Key(), Max: answersPerAddress},
	}
	if kind == notice.ConfirmLeave || kind == notice.Left {
		return quotas
	}
	return append(quotas, roster.Quota{Key: "answers of " + string(list), Max: answersPerList})
}

// noticeQuotas are those of what moderators are told.
func noticeQuotas(list gateway.ListID) []roster.Quota {
	return []roster.Quota{{Key: "notices of " + string(list), Max: noticesPerList}}
}

// bounceQuotas are those of what owners are told of members.
func bounceQuotas(list gateway.ListID) []roster.Quota {
	return []roster.Quota{{Key: "bounces of " + string(list), Max: bounceNoticesPerList}}
}

// postQuotas are those of what owners are told of a post that is not delivered.
func postQuotas(list gateway.ListID, post gateway.QueueID) []roster.Quota {
	return append(noticeQuotas(list), roster.Quota{Key: "refused " + post.String(), Max: 1})
}

// send spools a notice, one message to each address of to, unless a quota is
// used up. A crash on the way may send it twice.
func (d *Desk) send(ctx context.Context, list *gateway.List, n notice.Notice, quotas []roster.Quota, to ...gateway.ForwardPath) error {
	defer d.lock(quotas)()
	now := time.Now()
	left, err := d.Roster.Left(now, quotas...)
	if err != nil {
		return err
	}
	if !left {
		logger(d.Log).Warn("not written, enough of that today", "list", string(list.ID), "notice", n.Name, "about", n.Fields.Address)
		return nil
	}
	n.Display, n.Fields.List = list.Address.Local(), notice.ListFields(list)
	for _, n.To = range to {
		err := d.Outbox.Send(ctx, []gateway.ForwardPath{n.To}, func(now time.Time, messageID string) (gateway.Content, error) {
			return d.Texts().Content(n, now, messageID)
		})
		if err != nil {
			return err
		}
		logger(d.Log).Info("written", "list", string(list.ID), "notice", n.Name, "to", string(n.To))
	}
	_, err = d.Roster.Take(now, quotas...)
	return err
}

// lock keeps others from taking from the same quotas until unlock. Whoever writes for
// other lists to other people does not wait: each notice has a sync of its own.
func (d *Desk) lock(quotas []roster.Quota) (unlock func()) {
	keys := make([]string, len(quotas))
	for i, q := range quotas {
		keys[i] = q.Key
	}
	return store.LockAll(&d.taking, keys)
}

package server

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// QueueTop is what queue.top gives: who has most in the spool.
type QueueTop struct {
	List     string    `json:"list"` // its id, or the name of the forward route; "" for mail of the gateway's own
	Messages int       `json:"messages"`
	Held     int       `json:"held"`    // of them, wait for a person
	Pending  int       `json:"pending"` // recipients
	Size     int64     `json:"size"`    // octets of the messages
	Oldest   time.Time `json:"oldest"`
}

func (s *Server) queueTop(ctx context.Context, _ Nothing) (any, error) {
	byList := map[string]*QueueTop{}
	rows := []*QueueTop{}
	for row, err := range s.spool.List() {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			continue // queue.ls tells of it
		}
		name := cmp.Or(string(row.List), row.Forward)
		top := byList[name]
		if top == nil {
			top = &QueueTop{List: name, Oldest: row.Received}
			byList[name] = top
			rows = append(rows, top)
		}
		top.Messages, top.Pending, top.Size = top.Messages+1, top.Pending+row.Pending, top.Size+row.Size
		if row.Stage == gateway.StageHeld {
			top.Held++
		}
		if row.Received.Before(top.Oldest) {
			top.Oldest = row.Received
		}
	}
	slices.SortStableFunc(rows, func(a, b *QueueTop) int { return b.Messages - a.Messages })
	return rows, nil
}

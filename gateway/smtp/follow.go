package smtp

import (
	"context"
	"time"
)

// begin takes the turn to speak. Who has to wait for it leaves its envelope to who
// speaks, which writes it behind its final dot: one write, and often one for the
// server's replies as well. Where that dot is out already, the envelope goes at once.
func (t *transaction) begin(ctx context.Context) error {
	c := t.conn
	if c.line.try() {
		return nil
	}
	commands, octets := t.follower()
	p := newPlace(octets)
	c.line.join(p)
	err := c.line.wait(ctx, p, func() {
		defer context.AfterFunc(ctx, c.abort)()
		if c.write(time.Now().Add(c.timeouts.Transaction), c.timeouts.Block, octets) != nil {
			c.abort()
		}
	})
	if p.out {
		t.sent = commands
		if err != nil {
			c.abort() // nobody will take the replies
		}
	}
	return err
}

// follower is the envelope of t for a connection with nothing to reset; nil
// where it has to go by itself. A callout is one, because it may give up while
// the Send before is under way.
func (t *transaction) follower() ([]command, []byte) {
	if t.callout || !t.conn.Pipelines() {
		return nil, nil
	}
	commands := t.commands(false)
	octets := group(commands)
	if len(octets) > inlineBytesMax {
		return nil, nil
	}
	return commands, octets
}

// group is commands as they go in one write.
func group(commands []command) []byte {
	size := 0
	for _, cmd := range commands {
		size += len(cmd.line) + len("\r\n")
	}
	octets := make([]byte, 0, size)
	for _, cmd := range commands {
		octets = append(append(octets, cmd.line...), "\r\n"...)
	}
	return octets
}

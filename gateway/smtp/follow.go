package smtp

import "context"

// follower is an envelope that waits for its turn to be written.
type follower struct {
	commands []command
	octets   []byte
}

// begin takes the turn to write. Who has to wait for it leaves its envelope to
// the Send before, which writes it behind its final dot: one write, and often
// one for the server's replies as well. One waits at a time, and is the next to
// write: the replies come in the order of the envelopes.
func (t *transaction) begin(ctx context.Context) error {
	c := t.conn
	first := c.waiting.try()
	if first && c.writing.try() {
		c.waiting.leave()
		return nil
	}
	f := t.follower()
	if !first {
		if err := c.waiting.take(ctx); err != nil {
			return err
		}
	}
	defer c.waiting.leave()
	c.next.Store(f)
	err := c.writing.take(ctx)
	if !c.next.CompareAndSwap(f, nil) { // it was written
		t.sent = f.commands
		if err != nil {
			c.abort() // nobody will take the replies
		}
	}
	return err
}

// follower is the envelope of t for a connection with nothing to reset; nil
// where it has to go by itself. A callout is one, because it may give up while
// the Send before is under way.
func (t *transaction) follower() *follower {
	if t.callout || !t.conn.Pipelines() {
		return nil
	}
	commands := t.commands(false)
	octets := group(commands)
	if len(octets) > inlineBytesMax {
		return nil
	}
	return &follower{commands, octets}
}

// follow takes the envelope that waits, nil where none does.
func (c *Conn) follow() []byte {
	if f := c.next.Swap(nil); f != nil {
		return f.octets
	}
	return nil
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

// Package relay hands copies to next hops: the upstream MTA, the backends of
// forward routes and the routes that modules choose. It owns the connections
// to each of them; what is said on one is gateway/smtp's.
//
// It promises:
//
//   - No more than ConnectionsMax connections to a target are open, and no
//     more than MessagesPerConnectionMax messages go by one. A server that
//     answers MAIL with 421 or 452 after earlier messages, or closed an idle
//     connection, gets the same message by a new one.
//   - Where the target offers PIPELINING and all connections are taken, further
//     deliveries go behind the final dots of others, one round trip a message.
//     UsersMax times ConnectionsMax callers keep all connections full.
//   - A crash of ours makes at most two messages of each connection go out
//     again: one that is not answered, and one whose outcome is not settled.
//   - A target that cannot be reached is dialled by one delivery at a time, at
//     growing intervals; between them deliveries are Transient at once.
//   - Connections that break under way halve the number that is allowed, down
//     to one, and each message that goes well adds one.
//   - Deliver ends when its context does, waiting included.
//
// Which delivery goes first is the queue's to say: those that wait here are
// served in the order of their arrival.
package relay

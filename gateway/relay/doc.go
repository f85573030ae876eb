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
//   - Each connection takes what is next for it by itself, from the callers in
//     turns. Where the target offers PIPELINING the next envelope goes after the
//     final dot of the message before, one round trip a message.
//   - Callouts, for which somebody waits, go first.
//   - A crash of ours makes at most two messages of each connection go out
//     again: one that is not answered, and one whose outcome is not settled.
//   - A target that cannot be reached, or that answers the first MAIL with 421, is
//     dialled by one for all, at growing intervals; between them deliveries are
//     Transient at once.
//   - Connections that break under way halve the number that is allowed, down
//     to one, and each message that goes well adds one.
//   - Deliver and Verify end when their context does, waiting included. A message
//     whose envelope waits behind another's final dot ends with that, unsent.
//
// Which deliveries are here at a time, and so go first, is the queue's to say.
package relay

// Package relay hands copies to next hops: the upstream MTA, the backends of forward
// routes and the routes that modules choose. It owns the connections to each of them;
// gateway/smtp does the talking on a connection.
//
// It promises:
//
//   - No more than ConnectionsMax connections to a target are open, and no
//     more than MessagesPerConnectionMax messages go over one. If a server
//     answers MAIL with 421 or 452 after earlier messages, or has closed an idle
//     connection, the same message goes over a new one.
//   - Each connection takes its next message itself, from the callers by turns.
//     If the target offers PIPELINING the next envelope follows the final dot of
//     the message before: one round trip a message.
//   - Callouts, for which somebody waits, go first.
//   - A crash of ours makes at most two messages of each connection go out
//     again: one that is not answered, and one whose outcome is not settled.
//   - A target that cannot be reached, or that answers the first MAIL with 421, gets
//     one attempt to connect at a time, at growing intervals. Between them every
//     delivery is Transient at once.
//   - A connection that breaks halves the number of connections that are allowed,
//     down to one; each message that goes well adds one.
//   - Deliver and Verify end when their context does, even while they wait. A
//     message whose envelope waits behind another's final dot is then not sent.
//
// The queue decides which deliveries come here, and so which go first.
package relay

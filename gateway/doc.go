// Package gateway is the vocabulary of mmgw: the words that every other
// package speaks, and nothing else. It imports no package of the project.
//
// A message's way through these types:
//
//	Envelope, Content      what the MTA handed over by LMTP      (gateway/lmtp)
//	Route, List            what each recipient stands for        (gateway/roster)
//	Message, Leg           the recipients of one list and service, and their handlers
//	Exchange -> Verdict    one call of a handler                 (gateway/sandbox)
//	Draft, Edit            the message as handlers changed it
//	Transition             what the spool makes durable          (gateway/spool)
//	Exchange -> Plan       how a batch of members is addressed
//	Batch, Delivery        transactions that are due             (gateway/queue)
//	Outcome, Status        what the remote host answered         (gateway/relay)
//
// Names are those of RFC 5321 and RFC 3461: reverse-path and forward-path for
// the addresses of the envelope, content for header and body, reply and
// enhanced status code for what a server says, deferral for a failure that is
// tried again, bounce for the report of one that is not.
//
// The types are data. Whoever receives one may read it freely; only the
// package named beside it makes or changes it.
package gateway

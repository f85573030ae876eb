// Package sim runs the whole way of mail through the gateway as a game of
// chance that can be repeated: one seed is one game.
//
// The pipeline, the spool, the roster, the queue and the database are the real
// ones; only the ends are played: clients that lose replies and try again,
// remote hosts that refuse, fall silent, go down, or take a copy and lose the
// reply to it, handlers that do whatever a handler may, an operator, a disk
// that fills up or breaks, and a power that goes at any change of the disk. It
// all happens in a bubble of testing/synctest, whose clock stands still while
// anyone has something to do, so that days of retries take a second. Long
// waits are spent with the gateway switched off.
//
// What is checked, along the way and at the end, stands in ledger_test.go:
//
//   - a reply of 250 stands for a durable record, also after a power cut;
//   - every accepted recipient of every leg is settled once: delivered, given
//     up and booked or reported, discarded, or held, of which the moderators of
//     the list know, and for no longer than they have time;
//   - nothing bounces a bounce;
//   - attempts grow, times do not run back, and what is settled is not tried again;
//   - a copy that arrives is whole, of its message and of its leg;
//   - outgoing handlers do not run again once what they said is committed;
//   - in the end the spool holds what is held, and nothing else.
//
// It has no code of its own: go test runs it, with -games for more games. A
// game that is lost prints how to play it again, with -seed; its seed then
// belongs into the table of regressions. The goroutines of the database are not
// in the hands of the seed: some games end differently when they are played again.
//
// faults_test.go has a gateway with a fault for each of these, which the games
// find.
package sim

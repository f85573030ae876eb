// Package spool implements gateway.Spool on the embedded database: what was
// accepted is kept until nothing is left to be done with it, whatever happens
// to the process, the power or the room on the disk. It owns state_dir/content
// and state_dir/damaged, and the spool's key spaces of gateway/store.
//
// What is promised:
//
//   - What Accept and Commit confirmed is there after a crash, and whole: all
//     legs of a message or none, a content with the message that names it.
//     TestCrashAtEveryWrite; TestControlWithoutSync fails as it must.
//   - An error of Accept or Commit is of class Transient, and confirms nothing.
//     TestErrorAtEveryWrite.
//   - The same leg, reverse-path and digest within gateway.DuplicateWindow is
//     one message: an MTA that did not get our reply may ask again, also after
//     a restart and after a reply of 4xx. TestDuplicates,
//     TestErrorAtEveryWrite.
//   - A record or a content that is not as it was written is set aside, logged
//     as an alarm and never delivered; all others go on. TestDamage.
//   - A session costs bounded memory (ContentInlineBytesMax), and mail is
//     refused with 452 4.3.1 before the disk is full, so that outcomes can
//     still be written. TestLargeContent, TestAdmission.
//
// What is not promised: if the reply of a remote host was not committed before a crash
// the delivery is made again. That window is the caller's, between a reply and its
// Commit.
//
// README.md lists every promise with all its tests, including those of the whole gateway
// under kills, power cuts and full disks, and the figures.
//
// A message is stored as a head, its content up to ContentInlineBytesMax, and a record
// for each leg. A batch is stored as its plan, which never changes, and the outcomes of
// each delivery, which are small. What changes (stages, cursors, attempts, times) is in
// an index beside them, which is read as a whole at start.
package spool

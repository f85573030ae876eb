package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/pipeline"
	"github.com/mmgw/mmgw/gateway/store"
)

// The size at which the delivery log is rotated. One older file is kept, and what
// both take nobody makes free for mail.
const (
	deliveryLogBytesMax  = 100 << 20 // some 300,000 copies
	deliveryLogDiskShare = 16        // of a small disk
)

// deliveryLogTell is how often it is told that records cannot be written: there
// may be thousands a second.
const deliveryLogTell = time.Minute

// deliveryLogLook is how often it is looked whether the file is still there: others
// rotate files too.
const deliveryLogLook = time.Second

// deliveryLog writes one JSON record for each attempt at a recipient. A disk
// that fails stops the records, never the mail; once it works they go on.
type deliveryLog struct {
	path string
	max  int64 // octets of a file

	mu     sync.Mutex
	file   *os.File
	size   int64
	looked time.Time
	buffer []byte
	lost   int       // records
	told   time.Time // of them
}

// openDeliveryLog appends to dir/deliveries.jsonl.
func openDeliveryLog(dir string) (*deliveryLog, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	_, total, ok := store.FS{}.Free(dir)
	l := &deliveryLog{path: filepath.Join(dir, "deliveries.jsonl"), max: deliveryLogBytes(total, ok)}
	return l, l.open()
}

func deliveryLogBytes(disk uint64, known bool) int64 {
	if !known {
		return deliveryLogBytesMax
	}
	return int64(min(disk/deliveryLogDiskShare, deliveryLogBytesMax))
}

// record writes attempts to the log, where there is one. A command that works
// without a gateway opens it for its first.
func (s *Server) record(attempts []pipeline.Attempt) {
	if !s.cfg.Log.Deliveries || len(attempts) == 0 {
		return
	}
	var err error
	if s.deliveries == nil {
		s.deliveries, err = openDeliveryLog(filepath.Join(s.cfg.StateDir, "log"))
	}
	if err == nil {
		err = s.deliveries.write(attempts, s.nextHop)
	}
	if err != nil {
		s.log.Error("delivery log", "error", err)
	}
}

func (l *deliveryLog) open() error {
	file, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return err
	}
	l.file, l.size = file, info.Size()
	return nil
}

// write appends the records of attempts, all by one write. An error is about all
// records that were lost, and is told once in a while.
func (l *deliveryLog) write(attempts []pipeline.Attempt, nextHop func(*pipeline.Attempt) string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.buffer = l.buffer[:0]
	for i := range attempts {
		l.buffer = appendRecord(l.buffer, &attempts[i], nextHop(&attempts[i]), now.UTC())
	}
	err := l.follow(now)
	if err == nil {
		err = l.append()
	}
	if err == nil {
		return nil
	}
	l.lost += len(attempts)
	if now.Sub(l.told) < deliveryLogTell {
		return nil
	}
	l.told = now
	return fmt.Errorf("mail goes on without records of its copies, %d are missing: %w", l.lost, err)
}

// follow begins the file again that somebody has taken away, and sees one that was
// made shorter.
func (l *deliveryLog) follow(now time.Time) error {
	if now.Sub(l.looked).Abs() < deliveryLogLook {
		return nil
	}
	l.looked = now
	own, err := l.file.Stat()
	if err == nil {
		l.size = own.Size()
	}
	there, err := os.Stat(l.path)
	if os.SameFile(own, there) || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	old := l.file
	if err := l.open(); err != nil {
		return err
	}
	return old.Close()
}

// append writes the buffer, whole or not at all.
func (l *deliveryLog) append() error {
	if l.size+int64(len(l.buffer)) > l.max {
		if err := l.rotate(); err != nil {
			return err
		}
	}
	n, err := l.file.Write(l.buffer)
	if err != nil {
		return errors.Join(err, l.cut(n))
	}
	l.size += int64(n)
	return nil
}

// cut takes the last n octets back: a part of a record would spoil the next one.
func (l *deliveryLog) cut(n int) error {
	info, err := l.file.Stat()
	if n == 0 || err != nil {
		return err
	}
	return l.file.Truncate(info.Size() - int64(n))
}

// rotate begins another file. There may be none to rotate: somebody took it away,
// or no other one could be made after it.
func (l *deliveryLog) rotate() error {
	if err := os.Rename(l.path, l.path+".1"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("rotate the delivery log: %w", err)
	}
	l.file.Close()
	return l.open()
}

// Close ends the log.
func (l *deliveryLog) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Close()
}

// appendRecord appends one line of JSON. It is made by hand because there is
// one for each copy: reflection takes three times as long.
func appendRecord(b []byte, a *pipeline.Attempt, nextHop string, now time.Time) []byte {
	status := a.Outcome.Status
	b = now.AppendFormat(append(b, `{"time":"`...), time.RFC3339Nano)
	b = append(append(b, `","id":"`...), a.Message.ID.String()...)
	b = appendText(append(b, `","list":`...), a.Leg.Whose())
	b = appendText(append(b, `,"member":`...), string(a.Recipient.Path))
	b = appendText(append(b, `,"next_hop":`...), nextHop)
	b = strconv.AppendInt(append(b, `,"code":`...), int64(status.Code), 10)
	b = appendText(append(b, `,"enhanced":`...), status.Detail().String())
	b = appendText(append(b, `,"text":`...), gateway.Printable(status.Text))
	b = strconv.AppendInt(append(b, `,"attempt":`...), int64(a.Number), 10)
	b = strconv.AppendInt(append(b, `,"ms":`...), a.Took.Milliseconds(), 10)
	b = appendText(append(b, `,"outcome":`...), outcomeNames[outcomeOf(a.Outcome)])
	b = appendText(append(b, `,"module":`...), a.Modules)
	return append(b, "}\n"...)
}

// appendText appends s as a string of JSON.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, _ := json.Marshal(s) // a string always has a form
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// outcomeNames are what an attempt at a recipient can come to.
var outcomeNames = [...]string{"delivered", "deferred", "failed", "expired"}

// outcomeOf is the index of an outcome in outcomeNames.
func outcomeOf(o gateway.Outcome) int {
	switch {
	case o.Status.Class() == gateway.Success:
		return 0
	case !o.Settled:
		return 1
	case o.Status.Enhanced == gateway.EnhancedCode{5, 4, 7}:
		return 3
	}
	return 2
}

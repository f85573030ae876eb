package server

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/pipeline"
)

// deliveryLogBytesMax is the size at which the delivery log is rotated: some
// 300,000 copies. One older file is kept.
const deliveryLogBytesMax = 100 << 20

// deliveryLog writes one JSON record for each attempt at a recipient. A disk
// that fails stops the records, never the mail.
type deliveryLog struct {
	path string

	mu   sync.Mutex
	file *os.File
	size int64
}

// deliveryRecord is one line of the log.
type deliveryRecord struct {
	Time     time.Time `json:"time"`
	ID       string    `json:"id"`
	List     string    `json:"list"`
	Member   string    `json:"member"`
	NextHop  string    `json:"next_hop"`
	Code     int       `json:"code"`
	Enhanced string    `json:"enhanced"`
	Text     string    `json:"text"`
	Attempt  int       `json:"attempt"`
	Ms       int64     `json:"ms"`
	Outcome  string    `json:"outcome"`
	Module   string    `json:"module"`
}

// openDeliveryLog appends to dir/deliveries.jsonl.
func openDeliveryLog(dir string) (*deliveryLog, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	l := &deliveryLog{path: filepath.Join(dir, "deliveries.jsonl")}
	return l, l.open()
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

// write appends the record of an attempt.
func (l *deliveryLog) write(a pipeline.Attempt, nextHop string) error {
	line, err := json.Marshal(recordOf(a, nextHop))
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.size+int64(len(line)) > deliveryLogBytesMax {
		if err := l.rotate(); err != nil {
			return err
		}
	}
	n, err := l.file.Write(append(line, '\n'))
	l.size += int64(n)
	return err
}

func (l *deliveryLog) rotate() error {
	if err := os.Rename(l.path, l.path+".1"); err != nil {
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

func recordOf(a pipeline.Attempt, nextHop string) deliveryRecord {
	status := a.Outcome.Status
	return deliveryRecord{
		Time: time.Now().UTC(), ID: a.Message.ID.String(), List: string(a.Leg.List), Member: string(a.Recipient.Path),
		NextHop: nextHop, Code: status.Code, Enhanced: status.Enhanced.String(), Text: gateway.Printable(status.Text),
		Attempt: a.Number, Ms: a.Took.Milliseconds(), Outcome: outcomeNames[outcomeOf(a.Outcome)], Module: strings.Join(a.Leg.Handlers, " "),
	}
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

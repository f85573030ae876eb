package server

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/pipeline"
)

func attempt(status *gateway.Status, settled bool) pipeline.Attempt {
	return pipeline.Attempt{
		Message: &gateway.Message{ID: 1 << 40}, Leg: &gateway.Leg{List: "dev.lists.example.com"}, Modules: "tag@12ab",
		Delivery: &gateway.Delivery{}, Recipient: gateway.Recipient{Path: "anne@example.com"},
		Outcome: gateway.Outcome{Status: status, Settled: settled}, Number: 2, Took: 1500 * time.Millisecond,
	}
}

func TestDeliveryLog(t *testing.T) {
	dir := t.TempDir()
	l, err := openDeliveryLog(dir)
	if err != nil {
		t.Fatal(err)
	}
	hostile := &gateway.Status{Code: 451, Enhanced: gateway.EnhancedCode{4, 7, 1}, Text: "later\n{\"forged\":true}"}
	hop := func(*pipeline.Attempt) string { return "smtp:127.0.0.1:25" }
	if err := l.write([]pipeline.Attempt{attempt(hostile, false)}, hop); err != nil {
		t.Fatal(err)
	}
	l.size = l.max
	forwarded := attempt(gateway.Accepted, true)
	forwarded.Leg = &gateway.Leg{Service: gateway.Forward, Forward: "mailman"}
	if err := l.write([]pipeline.Attempt{forwarded}, hop); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"deliveries.jsonl.1": `"list":"dev.lists.example.com","member":"anne@example.com","next_hop":"smtp:127.0.0.1:25","code":451,"enhanced":"4.7.1","text":"later?{\"forged\":true}","attempt":2,"ms":1500,"outcome":"deferred","module":"tag@12ab"}`,
		"deliveries.jsonl":   `"list":"mailman","member":"anne@example.com",`,
	} {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil || !bytes.Contains(text, []byte(want)) || bytes.Count(text, []byte("\n")) != 1 {
			t.Errorf("%s: %s, %v", file, text, err)
		}
	}
}

func noHop(*pipeline.Attempt) string { return "" }

// A disk that takes nothing costs records and a line of the log a minute. Then the
// records go on, with no part of one between them.
func TestDeliveryLogOnFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		l, err := openDeliveryLog(dir)
		if err != nil {
			t.Fatal(err)
		}
		disk, path := l.file, l.path
		l.path = "/dev/full"
		if err := l.open(); err != nil {
			t.Skip(err)
		}
		one, told := []pipeline.Attempt{attempt(gateway.Accepted, true)}, 0
		for range 150 {
			if l.write(one, noHop) != nil {
				told++
			}
			time.Sleep(time.Second)
		}
		if told != 3 {
			t.Errorf("150 records lost in as many seconds were told %d times", told)
		}
		l.file.Close()
		l.file, l.path = disk, path
		disk.WriteString("half a rec")
		if err := l.cut(len("half a rec")); err != nil {
			t.Error(err)
		}
		if err := l.write(one, noHop); err != nil {
			t.Error(err)
		}
		if text, _ := os.ReadFile(l.path); !bytes.HasPrefix(text, []byte("{")) {
			t.Errorf("records: %s", text)
		}
	})
}

// A log that is not where it was, as somebody took it away or no other one could be
// made when it was rotated, is begun again.
func TestDeliveryLogTakenAway(t *testing.T) {
	l, err := openDeliveryLog(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := os.Remove(l.path); err != nil {
		t.Fatal(err)
	}
	l.size = l.max
	if err := l.write([]pipeline.Attempt{attempt(gateway.Accepted, true)}, noHop); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(l.path); err != nil {
		t.Error(err)
	}
}

// Whoever rotates the log himself, by another name or by a copy, finds what comes
// then in the file of its name, a second later at most.
func TestDeliveryLogRotatedByOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, err := openDeliveryLog(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		for n, rotate := range []func() error{
			func() error { return nil },
			func() error { return os.Rename(l.path, l.path+".old") },
			func() error { return os.Remove(l.path) },
			func() error { return os.Truncate(l.path, 0) },
		} {
			if err := rotate(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(deliveryLogLook)
			if err := l.write([]pipeline.Attempt{attempt(gateway.Accepted, true)}, noHop); err != nil {
				t.Error(err)
			}
			if text, err := os.ReadFile(l.path); bytes.Count(text, []byte("\n")) != 1 || int(l.size) != len(text) {
				t.Errorf("rotated another way, %d: %q of %d octets, %v", n, text, l.size, err)
			}
		}
	})
}

// The log of a small disk leaves that to mail.
func TestDeliveryLogBytes(t *testing.T) {
	for _, test := range []struct {
		disk  uint64
		known bool
		want  int64
	}{
		{16 << 20, true, 1 << 20},
		{1 << 40, true, deliveryLogBytesMax},
		{0, false, deliveryLogBytesMax},
	} {
		if got := deliveryLogBytes(test.disk, test.known); got != test.want {
			t.Errorf("of a disk of %d: %d, want %d", test.disk, got, test.want)
		}
	}
}

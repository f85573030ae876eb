package smtp

import (
	"bufio"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// accepting is a server that takes everything: a minute of code, so that what
// is measured is the client.
type accepting struct {
	hello   string   // lines of EHLO after the first, "PIPELINING" say
	lmtp    bool     // a reply for each recipient
	mails   []string // MAIL lines, where recorded
	content func(string)
	silent  bool   // says no greeting
	gone    string // what RCPT to has in it who is refused; "": nobody is
	eager   bool   // writes every reply at once, and reads no more before it is taken
}

func (s *accepting) serve(conn net.Conn) {
	defer conn.Close()
	r, w := bufio.NewReader(conn), bufio.NewWriter(conn)
	if !s.silent {
		w.WriteString("220 them.example\r\n")
	}
	recipients := 0
	for {
		if (s.eager || r.Buffered() == 0) && w.Flush() != nil {
			return
		}
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		switch verb := strings.ToUpper(line[:4]); verb {
		case "EHLO", "LHLO":
			w.WriteString("250-them.example\r\n250 " + s.hello + "\r\n")
		case "DATA":
			if recipients == 0 {
				w.WriteString("554 5.5.1 nobody\r\n")
				continue
			}
			w.WriteString("354 go\r\n")
			if w.Flush() != nil || !s.read(r) {
				return
			}
			replies := 1
			if s.lmtp {
				replies = recipients
			}
			w.WriteString(strings.Repeat("250 2.0.0 queued\r\n", replies))
			recipients = 0
		case "AUTH":
			w.WriteString("235 in\r\n")
		case "QUIT":
			w.WriteString("221 bye\r\n")
			w.Flush()
			return
		case "RCPT":
			if s.gone != "" && strings.Contains(line, s.gone) {
				w.WriteString("550 5.1.1 gone\r\n")
				continue
			}
			recipients++
			w.WriteString("250 2.1.5 ok\r\n")
		default:
			if s.mails != nil {
				s.mails = append(s.mails, line)
			}
			w.WriteString("250 ok\r\n")
		}
	}
}

// read takes content up to its dot.
func (s *accepting) read(r *bufio.Reader) bool {
	var content strings.Builder
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return false
		}
		if string(line) == ".\r\n" {
			break
		}
		if s.content != nil {
			content.Write(line)
		}
	}
	if s.content != nil {
		s.content(content.String())
	}
	return true
}

// distant joins two ends by a line on which everything takes delay each way.
func distant(delay time.Duration) (ours, theirs net.Conn) {
	ours, near := net.Pipe()
	theirs, far := net.Pipe()
	carry := func(from, to net.Conn) {
		type parcel struct {
			octets []byte
			due    time.Time
		}
		line := make(chan parcel, 1<<10)
		go func() {
			defer to.Close()
			for p := range line {
				time.Sleep(time.Until(p.due))
				if _, err := to.Write(p.octets); err != nil {
					break
				}
			}
			for range line {
			}
		}()
		defer close(line)
		for {
			buffer := make([]byte, 64<<10)
			n, err := from.Read(buffer)
			if err != nil {
				return
			}
			line <- parcel{buffer[:n], time.Now().Add(delay)}
		}
	}
	go carry(near, far)
	go carry(far, near)
	return ours, theirs
}

func dialed(t testing.TB, ours net.Conn, o Options) *Conn {
	t.Helper()
	o.Hostname = "us.example"
	conn, err := NewConn(t.Context(), ours, o)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// parcels are a Feed of what is to be sent and of what became of it.
type parcels struct {
	waiting  []*Parcel
	again    []*Parcel
	statuses []*[]*gateway.Status // of all that were added
}

func (f *parcels) Next(bool) *Parcel {
	f.waiting, f.again = slices.Concat(f.again, f.waiting), nil
	if len(f.waiting) == 0 {
		return nil
	}
	p := f.waiting[0]
	f.waiting = f.waiting[1:]
	return p
}

func (f *parcels) Done(p *Parcel, again bool) {
	if again {
		f.again = append(f.again, p)
	}
}

// add adds a message, nil for a callout, and returns where its statuses will be
// put, whose Settle waits for no disk.
func (f *parcels) add(d *gateway.Delivery, content gateway.Content) *[]*gateway.Status {
	all := make([]*gateway.Status, len(d.Recipients))
	s := gateway.Shipment{Delivery: d, Settle: func(statuses []*gateway.Status, settled func()) {
		for i, status := range statuses {
			if status != nil {
				all[i] = status
			}
		}
		settled()
	}}
	if content != nil {
		s.Content = func() (gateway.Content, error) { return content, nil }
	}
	f.waiting = append(f.waiting, &Parcel{Shipment: s})
	f.statuses = append(f.statuses, &all)
	return &all
}

// mustSucceed wants all that was added to have gone out.
func (f *parcels) mustSucceed(t *testing.T) {
	t.Helper()
	for _, statuses := range f.statuses {
		mustSucceed(t, *statuses, len(f.again) > 0)
	}
}

// sent is what becomes of one message, nil for a callout.
func sent(conn *Conn, d *gateway.Delivery, content gateway.Content) (statuses []*gateway.Status, again bool) {
	f := &parcels{}
	all := f.add(d, content)
	conn.Run(f)
	return *all, len(f.again) > 0
}

// failingReader gives text and then fails.
type failingReader struct {
	text io.Reader
	err  error
}

func (r failingReader) Read(p []byte) (int, error) {
	n, err := r.text.Read(p)
	if err == io.EOF {
		err = r.err
	}
	return n, err
}

func (failingReader) ReadAt([]byte, int64) (int, error) { return 0, io.EOF }
func (failingReader) Close() error                      { return nil }

//go:build unix && !race

package server

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/authres"
	"github.com/mmgw/mmgw/gateway/probe"
)

// What any one message may cost, from its first octet to its last copy.
const (
	bombTimeMax  = 2 * time.Second // of the processors
	bombBytesMax = 64 << 20
)

// bombs are messages that are made to be slow, or large in memory: those that
// the limits of headers refuse, and the worst that these limits let pass.
var bombs = []struct {
	name, reply string // the first octets of the reply for the list with a handler
	content     func() string
}{
	{"1 MB of folds in a field", tooLarge, func() string { return "X: y\r\n" + repeat(" z\r\n", 250_000) + letter }},
	{"folds up to the limits", "250 ", func() string { return repeat("X: y\r\n"+repeat(" z\r\n", 900), 55) + signature("from") + letter }},
	{"100k fields", tooLarge, func() string { return repeat("X: y\r\n", 100_000) + letter }},
	{"fields up to the limit", "250 ", func() string { return repeat("X: y\r\n", 900) + signature("from") + letter }},
	{"10k names in h=", "250 ", func() string { return signature("from"+repeat(":x", 10_000)) + letter }},
	{"names in h= for many fields", "250 ", func() string {
		return repeat("X: y\r\n", 900) + repeat(signature("from"+repeat(":x", 5000)), 8) + letter
	}},
	{"1,000 signatures", tooLarge, func() string { return repeat(signature("from"), 1000) + letter + largeText }},
	{"signatures up to the limit", "250 ", func() string { return repeat(signature("from"), 900) + letter + largeText }},
	{"10k levels of MIME", unseen, func() string {
		var b strings.Builder
		b.WriteString(strings.TrimSuffix(letter, "\r\n"))
		for i := range 10_000 {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%[1]d\r\n", i)
		}
		return b.String()
	}},
	{"10k messages in messages", unseen, func() string {
		return strings.TrimSuffix(letter, "\r\n") + repeat("Content-Type: message/rfc822\r\n\r\n", 10_000)
	}},
	{"200k parts", unseen, func() string {
		return strings.TrimSuffix(letter, "\r\n") + "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + repeat("--b\r\n\r\n", 200_000) + "--b--\r\n"
	}},
	{"encoded words up to the limits", "250 ", func() string { return "Subject:" + repeat(" =?utf-8?q?x?=", 15_000) + "\r\n" + letter }},
	{"Reply-To up to the limits", "250 ", func() string {
		return "Reply-To: anne@example.com" + repeat(",\r\n "+repeat("y", 900)+" <y@example.com>", 200) + "\r\n" + letter
	}},
	{"From up to the limits", "250 ", func() string {
		return "From:" + repeat(" "+repeat("y", 900)+"\r\n", 200) + " <anne@example.com>\r\n\r\n"
	}},
	{"100k encoded words", tooLarge, func() string { return "Subject:" + repeat(" =?utf-8?q?x?=", 100_000) + "\r\n" + letter }},
}

const (
	tooLarge = "552 5.3.4 "
	unseen   = "550 5.6.0 " // by the handler
)

var repeat = strings.Repeat

const letter = "From: anne@example.com\r\n\r\n"

var largeText = repeat("some text to be hashed\r\n", 200_000)

// signature has the body hash of an empty body. It is wrong, and costs what a
// good one does: the key is there.
func signature(names string) string {
	hash := sha256.Sum256([]byte("\r\n"))
	return "DKIM-Signature: v=1; a=ed25519-sha256; c=simple/simple; d=example.com; s=s1; b=eA==; bh=" +
		base64.StdEncoding.EncodeToString(hash[:]) + "; h=" + names + "\r\n"
}

// keyDNS has a key at every name, and a policy of each domain.
type keyDNS struct{ authres.DNS }

func (keyDNS) LookupTXT(_ context.Context, name string) ([]string, error) {
	if strings.HasPrefix(name, "_dmarc.") {
		return []string{"v=DMARC1; p=reject"}, nil
	}
	public := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)).Public().(ed25519.PublicKey)
	return []string{"v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)}, nil
}

func (keyDNS) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	return nil, &net.DNSError{Name: name, IsNotFound: true}
}

// TestBombs sends them to a whole gateway: guard, spool, authentication, a
// restored handler that has the message taken apart and refuses what it cannot
// see all of, another list that takes that, outgoing handlers that read Subject,
// From and the parts, and the delivery.
func TestBombs(t *testing.T) {
	if testing.Short() {
		t.Skip("bombs take seconds")
	}
	p := newPlace(t)
	p.dns = keyDNS{}
	p.example("strip-attachments")
	open := strings.Replace(devList, "members", "posting = \"anyone\"\nmembers", 1)
	p.run(p.load("[outgoing]\nhandlers = [\"list-headers\", \"subject-prefix\", \"from-rewrite\", \"footer\"]\n" +
		"[plugins.list-headers.config]\nreply_to = \"list\"\n[plugins.footer.config]\ntext = \"bye\"\n" +
		strings.Replace(open, "members", "incoming = [\"strip-attachments\"]\nmembers", 1) + strings.Replace(open, "dev@", "open@", 1)))
	p.bomb("dev", letter+"Hi.\r\n") // has everything that is opened once opened
	for _, bomb := range bombs {
		t.Run(bomb.name, func(t *testing.T) {
			content := bomb.content()
			p.isCheap(t, "dev", content, bomb.reply)
			if bomb.reply == unseen {
				p.isCheap(t, "open", content, "250 ")
			}
		})
	}
}

// isCheap hands a bomb in for a list.
func (p *place) isCheap(t *testing.T, list, content, want string) {
	t.Helper()
	var reply string
	spent, grown := cost(func() { reply = p.bomb(list, content) })
	t.Logf("%d octets: %v, %d MiB, %s", len(content), spent, grown>>20, reply)
	if !strings.HasPrefix(reply, want) {
		t.Errorf("answered %s", reply)
	}
	if spent > bombTimeMax || grown > bombBytesMax {
		t.Errorf("it took %v of the processors, and %d MiB", spent, grown>>20)
	}
}

// bomb hands a content in and, where it is accepted, waits for its copy.
func (p *place) bomb(list, content string) string {
	p.t.Helper()
	client, err := probe.Dial(p.t.Context(), "unix:"+filepath.Join(p.dir, "lmtp.sock"))
	if err != nil {
		p.t.Fatal(err)
	}
	defer client.Close()
	replies, err := client.Send(p.t.Context(), "anne@example.com", []gateway.ForwardPath{gateway.ForwardPath(list + "@lists.example.com")}, []byte(content))
	if err != nil {
		p.t.Fatal(err)
	}
	if replies[0].Status.Class() == gateway.Success {
		<-p.sent
	}
	return replies[0].Status.Reply()
}

// TestBombControl: what reads signatures takes as long, by itself, for a tenth
// of the folds as the gateway may for all.
func TestBombControl(t *testing.T) {
	if testing.Short() {
		t.Skip("bombs take seconds")
	}
	content := "X: y\r\n" + repeat(" z\r\n", 25_000) + signature("from") + letter
	spent, _ := cost(func() {
		dkim.VerifyWithOptions(struct{ io.Reader }{strings.NewReader(content)}, &dkim.VerifyOptions{
			LookupTXT: func(name string) ([]string, error) { return keyDNS{}.LookupTXT(t.Context(), name) },
		})
	})
	if t.Logf("%v", spent); 10*spent < bombTimeMax {
		t.Error("folds are harmless: their limit can go")
	}
}

// cost runs f and returns the time that processors spent and the octets that
// the process had to take from the system for it.
func cost(f func()) (time.Duration, int64) {
	defer debug.SetGCPercent(debug.SetGCPercent(50))
	debug.FreeOSMemory()
	before, start := mapped(), processorTime()
	f()
	return processorTime() - start, mapped() - before
}

// mapped is what the runtime has from the system and did not give back. It is
// slow to give back: what it gains while f runs is about what the peak needs.
func mapped() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys - m.HeapReleased)
}

func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(fmt.Sprint("getrusage: ", err))
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

//go:build unix && !race

package authres

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/mmgw/mmgw/gateway"
)

// What any one message may cost.
const (
	bombTimeMax  = 2 * time.Second
	bombBytesMax = 64 << 20
)

// TestBombs measures messages that are made to be slow, or large in memory.
func TestBombs(t *testing.T) {
	if testing.Short() {
		t.Skip("bombs take seconds")
	}
	// The body hash of plainMessage: with a wrong one, the fields in h= are not
	// even looked for.
	body := sha256.Sum256([]byte("Hi.\r\n"))
	first := "DKIM-Signature: v=1; a=ed25519-sha256; c=simple/simple; d=example.com; s=s1; b=eA==; bh=" +
		base64.StdEncoding.EncodeToString(body[:]) + "; h="
	signature := first + "from\r\n"
	relaxed := strings.Replace(signature, "simple/simple", "relaxed/relaxed", 1)
	repeat := strings.Repeat
	for name, message := range map[string]func() string{
		"a field of folds":    func() string { return "X: y\r\n" + repeat(" z\r\n", 300_000) + signature + plainMessage },
		"fields of folds":     func() string { return repeat("X: y\r\n"+repeat(" z\r\n", 900), 60) + signature + plainMessage },
		"folds of long lines": func() string { return "X: y\r\n" + repeat(" "+repeat("z", 250)+"\r\n", 990) + signature + plainMessage },
		"many fields":         func() string { return repeat("X: y\r\n", 990) + signature + plainMessage },
		"names without end":   func() string { return first + "from" + repeat(":x", 100_000) + "\r\n" + plainMessage },
		"names and fields": func() string {
			return repeat("X: y\r\n", 950) + repeat(first+"from"+repeat(":x", 190)+"\r\n", 8) + plainMessage
		},
		"names that are there": func() string {
			return repeat("X: "+repeat("y", 230)+"\r\n", 950) + repeat(first+"from"+repeat(":x", 190)+"\r\n", 8) + plainMessage
		},
		"a thousand signatures": func() string {
			return repeat(signature, 990) + plainMessage + repeat("some text to be hashed\r\n", 200_000)
		},
		"a large body": func() string {
			return repeat(relaxed, 20) + plainMessage + repeat("some text to be hashed\r\n", 1_300_000)
		},
		"blank lines":          func() string { return repeat(signature, 8) + plainMessage + repeat("\r\n", 8<<20) + "x" },
		"blank lines, relaxed": func() string { return repeat(relaxed, 8) + plainMessage + repeat(" \r\n", 5<<20) },
		"islands in the blank": func() string {
			return repeat(signature, 8) + plainMessage + repeat(repeat("\r\n", BlankBytesMax/2-1)+"x", 256)
		},
		"tags without end": func() string { return "DKIM-Signature: " + repeat("a=b;", 60_000) + "\r\n" + plainMessage },
		"one tag without end": func() string {
			return repeat("DKIM-Signature: v=1; d=example.com; s=s1; h=from; b="+repeat("b =", 5000)+"\r\n", 8) + plainMessage
		},
		"a selector of spaces": func() string { return "DKIM-Signature: d=x; s=" + repeat("\r\n ", 900) + "\r\n" + plainMessage },
	} {
		t.Run(name, func(t *testing.T) {
			text := gateway.Bytes(message())
			v := Verifier{DNS: oneKey("")}
			var results gateway.AuthResults
			spent, grown := cost(func() { results = v.Verify(t.Context(), text) })
			t.Logf("%v, %d MiB, %d results, %+v", spent, grown>>20, len(results.DKIM), results.DKIM[0])
			if spent > bombTimeMax {
				t.Errorf("it took %v of the processors", spent)
			}
			if grown > bombBytesMax {
				t.Errorf("it took %d MiB", grown>>20)
			}
		})
	}
}

// TestBlankLinesControl holds that the library by itself takes many times as
// long for blank lines as for text, which is why they are limited.
func TestBlankLinesControl(t *testing.T) {
	if testing.Short() {
		t.Skip("bombs take seconds")
	}
	signed := sign(t, plainMessage, func(o *dkim.SignOptions) { o.BodyCanonicalization = dkim.CanonicalizationSimple })
	alone := func(body string) time.Duration {
		spent, _ := cost(func() {
			_, err := dkim.VerifyWithOptions(struct{ io.Reader }{strings.NewReader(signed + body)}, &dkim.VerifyOptions{
				LookupTXT: func(string) ([]string, error) { return []string{keyRecord("")}, nil },
			})
			if err != nil {
				t.Error(err)
			}
		})
		return spent
	}
	const octets = 2 << 20
	text, blank := alone(strings.Repeat("xy", octets/2)), alone(strings.Repeat("\r\n", octets/2)+"x")
	t.Logf("%v for text, %v for blank lines", text, blank)
	if blank < 4*text {
		t.Error("blank lines are harmless: BlankBytesMax can go")
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

package dsn_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
)

// statusFields are all that the part for machines may hold.
var statusFields = []string{
	"Reporting-MTA", "Original-Envelope-Id", "X-Mmgw-Queue-Id", "Arrival-Date", "Original-Recipient", "Final-Recipient",
	"Action", "Status", "Remote-MTA", "Diagnostic-Code", "Last-Attempt-Date",
}

var headerFields = []string{
	"From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References",
	"Auto-Submitted", "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
}

// Whatever clients, peers and messages say, a report keeps its form: three
// parts, known fields, CRLF alone and lines within 998 octets.
func FuzzContent(f *testing.F) {
	f.Add("550 no", "mx.example.net", "rfc822;bob@example.org", "QQ1", "Subject: x\r\n\r\ny\r\n", true)
	f.Add("a\r\nBcc: x@y\r\n\r\n--=_", "mx\r\nX: y", "rfc822;a+0D+0AStatus:+202.0.0", "e\nX: y", "\r\n--=_"+queueID.String()+"-000000--\r\n", true)
	f.Add("grüße\u2028", "mx\xff", `utf-8;\x{D}\x{A}Action: relayed`, strings.Repeat("e", 101), "Message-ID: <a@b>\r\n <c@d>\r\rX\n\n", false)
	f.Add(strings.Repeat("x ", 999), strings.Repeat("m", 999), "rfc822;"+strings.Repeat("+41", 400), "", "X: "+strings.Repeat("y", 2000)+"\r\n", true)
	f.Add("", "", "", "", "Message-ID: <"+strings.Repeat("i", 890)+"@x>", true)
	f.Fuzz(func(t *testing.T, said, remote, orcpt, envelopeID, original string, full bool) {
		r := report()
		r.EnvelopeID, r.Original = envelopeID, gateway.Bytes(original)
		r.Recipients[0].Original, r.Recipients[0].RemoteMTA, r.Recipients[0].Status.Text = orcpt, remote, said
		if full {
			r.Return = gateway.ReturnFull
		}
		_, parts, text := read(t, r)
		if len(parts) != 3 {
			t.Fatalf("%d parts in\n%s", len(parts), text)
		}
		checkLines(t, text)
		header, _, _ := strings.Cut(text, "\r\n\r\n")
		checkFields(t, header, headerFields)
		_, status, _ := strings.Cut(parts[1], "\n")
		if strings.Count(status, "\r\n\r\n") != 1 {
			t.Fatalf("not two groups of fields in\n%s", status)
		}
		checkFields(t, strings.Replace(status, "\r\n\r\n", "\r\n", 1), statusFields)
	})
}

func checkLines(t *testing.T, text string) {
	t.Helper()
	for line := range strings.SplitSeq(text, "\r\n") {
		if len(line) > 998 || strings.ContainsAny(line, "\r\n\x00") {
			t.Fatalf("a line of %d octets: %.99q", len(line), line)
		}
	}
}

// checkFields fails where block has a field twice, or one that is not known.
func checkFields(t *testing.T, block string, known []string) {
	t.Helper()
	var seen []string
	for line := range strings.SplitSeq(strings.TrimSuffix(block, "\r\n"), "\r\n") {
		if strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") {
			continue
		}
		name, _, _ := strings.Cut(line, ":")
		if !slices.Contains(known, name) || slices.Contains(seen, name) {
			t.Fatalf("the field %q in\n%s", name, block)
		}
		seen = append(seen, name)
	}
}

// A report costs as much as its parts, even where they try its boundaries.
func BenchmarkContent(b *testing.B) {
	r := report()
	r.Return = gateway.ReturnFull
	r.Original = gateway.Bytes("Subject: x\r\n\r\n" + strings.Repeat("--=_"+queueID.String()+"-000000\r\n", 2000))
	b.SetBytes(r.Original.Size())
	for b.Loop() {
		if _, err := r.Content(now, messageID); err != nil {
			b.Fatal(err)
		}
	}
}

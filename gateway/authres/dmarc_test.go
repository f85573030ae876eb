package authres

import (
	"bufio"
	"context"
	"os"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
)

// TestDMARC runs the cases of testdata/dmarc.txt: the zone first, a record a
// line, and then one case a line.
func TestDMARC(t *testing.T) {
	f, err := os.Open("testdata/dmarc.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, cases := zone{}, 0
	lines := bufio.NewScanner(f)
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(lines.Text())
		if name, record, ok := strings.Cut(line, " TXT "); ok {
			z[strings.TrimSpace(name)] = append(z[strings.TrimSpace(name)], strings.TrimSpace(record))
			continue
		}
		if line == "" || line[0] == '#' {
			continue
		}
		columns := strings.Split(line, "|")
		if len(columns) != 5 {
			t.Fatalf("line %d has %d columns", number, len(columns))
		}
		for i := range columns {
			columns[i] = strings.TrimSpace(columns[i])
		}
		cases++
		spf, domain, _ := strings.Cut(columns[1], " ")
		var dkim []gateway.DKIMResult
		for pair := range strings.SplitSeq(columns[2], ",") {
			if result, signer, ok := strings.Cut(strings.TrimSpace(pair), " "); ok {
				dkim = append(dkim, gateway.DKIMResult{Result: result, Domain: signer})
			}
		}
		var header gateway.Header
		for from := range strings.SplitSeq(columns[0], `\n`) {
			if from != "" {
				header = append(header, gateway.Field("From: "+from+"\r\n"))
			}
		}
		v := Verifier{DNS: z}
		got := v.checkDMARC(t.Context(), header, spf, domain, dkim)
		if got.Result != strings.Trim(columns[3], "-") || got.Policy != strings.Trim(columns[4], "-") {
			t.Errorf("line %d: %s\n got %q %q", number, line, got.Result, got.Policy)
		}
	}
	t.Logf("%d cases", cases)
	if cases < 100 {
		t.Errorf("%d cases alone were found", cases)
	}
}

// A domain is told as its author writes it, so that a site knows its own.
func TestAuthorDomain(t *testing.T) {
	for from, want := range map[string]string{
		"a@Example.com":                             "example.com example.com",
		"=?gb2312?B?xOPCxw==?= <a@example.com>":     "example.com example.com",
		"\"\xc4\xe3\" <a@example.com>":              "example.com example.com",
		"a@BÜCHER.example":                          "xn--bcher-kva.example bücher.example",
		"a@xn--bcher-kva.example, b@bücher.example": "xn--bcher-kva.example xn--bcher-kva.example",
	} {
		domain, written, err := authorDomain(gateway.Header{gateway.Field("From: " + from + "\r\n")})
		if got := domain + " " + written; got != want || err != nil {
			t.Errorf("%s: got %s, %v", from, got, err)
		}
	}
}

// questionsOf is a name server that knows nothing and keeps what it is asked.
type questionsOf struct {
	zone
	names []string
}

func (q *questionsOf) LookupTXT(_ context.Context, name string) ([]string, error) {
	q.names = append(q.names, name)
	return nil, notFound(name)
}

// TestTreeWalk holds that a walk asks eight questions at most, and which.
func TestTreeWalk(t *testing.T) {
	for domain, want := range map[string]string{
		"a.example.com":             "a.example.com example.com com",
		"a.b.c.d.e.f.g.h.i.j.k.com": "a.b.c.d.e.f.g.h.i.j.k.com f.g.h.i.j.k.com g.h.i.j.k.com h.i.j.k.com i.j.k.com j.k.com k.com com",
		"1.2.3.4.5.6.7.com":         "1.2.3.4.5.6.7.com 2.3.4.5.6.7.com 3.4.5.6.7.com 4.5.6.7.com 5.6.7.com 6.7.com 7.com com",
	} {
		asked := &questionsOf{}
		v := Verifier{DNS: asked}
		if _, err := v.treeWalk(t.Context(), domain); err != nil {
			t.Fatal(err)
		}
		if got := strings.ReplaceAll(strings.Join(asked.names, " "), "_dmarc.", ""); strings.ReplaceAll(got, ". ", " ") != want+"." {
			t.Errorf("%s: asked %s, want %s", domain, got, want)
		}
	}
}

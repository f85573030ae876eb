package pipeline

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
)

// What MTAs write, and what clients have them write.
func TestClientOf(t *testing.T) {
	for _, c := range []struct{ name, field, want string }{
		{"Postfix", "from mail.example.org (mx.example.org [192.0.2.1]) by mx.example.com (Postfix) with ESMTPS id 4F2A01", "192.0.2.1 mx.example.org mail.example.org"},
		{"Postfix, no name", "from mail.example.org (unknown [192.0.2.1]) by mx.example.com", "192.0.2.1 - mail.example.org"},
		{"Postfix, IPv6", "from mail.example.org (mx.example.org [IPv6:2001:db8::1]) by mx.example.com", "2001:db8::1 mx.example.org mail.example.org"},
		{"Postfix, HELO is an address", "from [198.51.100.6] (mx.example.org [192.0.2.1]) by mx.example.com", "192.0.2.1 mx.example.org [198.51.100.6]"},
		{"Postfix, of the machine itself", "by mx.example.com (Postfix, from userid 1000) id 4F2A01", ""},
		{"Sendmail", "from mail.example.org (mx.example.org [192.0.2.1] (may be forged)) by mx.example.com (8.17/8.17)", "192.0.2.1 mx.example.org mail.example.org"},
		{"Sendmail, ident is an address", "from mail.example.org (IDENT:[198.51.100.6]@mx.example.org [192.0.2.1]) by mx.example.com", "192.0.2.1 IDENT:[198.51.100.6]@mx.example.org mail.example.org"},
		{"Sendmail, ident looks like Exim", "from [198.51.100.6] (IDENT:x helo=y@mx [192.0.2.1]) by mx.example.com", ""},
		{"OpenSMTPD", "from mail.example.org (mx.example.org [192.0.2.1]) by mx.example.com (OpenSMTPD) with ESMTP id 1f", "192.0.2.1 mx.example.org mail.example.org"},
		{"Exim", "from mx.example.org ([192.0.2.1]) by mx.example.com with esmtp (Exim 4.96)", "192.0.2.1 mx.example.org -"},
		{"Exim, another HELO", "from mx.example.org ([192.0.2.1]:4711 helo=mail.example.org) by mx.example.com", "192.0.2.1 mx.example.org mail.example.org"},
		{"Exim, no name", "from [192.0.2.1] (helo=mail.example.org) by mx.example.com", "192.0.2.1 - mail.example.org"},
		{"Exim, no name, port", "from [2001:db8::1] (port=4711 helo=mail.example.org) by mx.example.com", "2001:db8::1 - mail.example.org"},
		{"Exim, HELO is an address", "from mx.example.org ([192.0.2.1] helo=[198.51.100.6]) by mx.example.com", "192.0.2.1 mx.example.org [198.51.100.6]"},
		{"Exim, ident is an address", "from mx.example.org ([192.0.2.1] helo=x ident=[198.51.100.6]) by mx.example.com", "192.0.2.1 mx.example.org x"},
		{"qmail", "from mx.example.org (HELO mail.example.org) (192.0.2.1) by mx.example.com with SMTP", "192.0.2.1 mx.example.org mail.example.org"},
		{"qmail, HELO is an address", "from unknown (HELO [198.51.100.6]) (192.0.2.1) by 0 with SMTP", "192.0.2.1 - [198.51.100.6]"},
		{"no form", "from [198.51.100.6] by mx.example.com", "198.51.100.6 - -"},
		{"no address", "from mail.example.org (mx.example.org) by mx.example.com", ""},
		{"not closed", "from mail.example.org (mx.example.org [192.0.2.1 by mx.example.com", ""},
		{"two comments", "from a (b) (c [192.0.2.1]) by mx.example.com", ""},
		{"a zone", "from a (b [fe80::1%eth0]) by mx.example.com", ""},
		{"long", "from " + strings.Repeat("a", 300) + " (b [192.0.2.1]) by mx.example.com", "192.0.2.1 b -"},
		{"empty", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := told(clientOf(c.field)); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// told is a client in one line.
func told(c gateway.Client) string {
	if !c.Addr.IsValid() {
		return strings.TrimSpace(c.Name + c.Helo)
	}
	or := func(s string) string {
		if s == "" {
			return "-"
		}
		return s
	}
	return fmt.Sprint(c.Addr, " ", or(c.Name), " ", or(c.Helo))
}

// Only the field that the site vouches for counts: those below it are the
// client's own, and XFORWARD comes first.
func TestWithClient(t *testing.T) {
	header := gateway.Header{
		"Received: from a (a [192.0.2.1]) by mx.example.com\r\n", "Subject: x\r\n",
		"Received: from b\r\n\t(b [192.0.2.2]) by a\r\n",
	}
	forwarded := gateway.Client{Helo: "forwarded"}
	for _, c := range []struct {
		client gateway.Client
		n      int
		want   string
	}{
		{gateway.Client{Peer: "mx"}, 0, ""},
		{gateway.Client{Peer: "mx"}, 1, "192.0.2.1 a a"},
		{gateway.Client{Peer: "mx"}, 2, "192.0.2.2 b b"},
		{gateway.Client{Peer: "mx"}, 3, ""},
		{forwarded, 1, "forwarded"},
	} {
		got := withClient(c.client, header, c.n)
		if told(got) != c.want || got.Peer != c.client.Peer {
			t.Errorf("%d: got %+v, want %q", c.n, got, c.want)
		}
	}
}

// Handlers hear of the client that the site's own MTA saw, and SPF judges it. A
// Received field that the client wrote itself says nothing.
func TestTrustedReceived(t *testing.T) {
	for trusted, want := range map[int]string{0: " ", 1: "192.0.2.7 pass", 2: "203.0.113.9 fail"} {
		h := newHouse(t, devList("poster@example.org"))
		h.intake.TrustedReceived = trusted
		h.intake.Auth.DNS = dns{"example.org": "v=spf1 ip4:192.0.2.0/24 -all"}
		var got string
		h.incoming = Chain{{Handler: handlerFunc(func(x *gateway.Exchange) (gateway.Verdict, error) {
			if x.Phase == gateway.PhaseIncoming {
				ip, _ := x.Lookup("env.client_ip")
				spf, _ := x.Lookup("auth.spf.result")
				got = ip + " " + spf
			}
			return gateway.Verdict{}, nil
		})}}
		h.post("poster@example.org", "Received: from mail.example.org (mail.example.org [192.0.2.7]) by mx.example.com\r\n"+
			"Received: from victim.example.net (victim.example.net [203.0.113.9]) by mail.example.org\r\n"+
			"From: poster@example.org\r\n\r\nhello\r\n", "dev@lists.example.com")
		if got != want {
			t.Errorf("trusted_received = %d: %q, want %q", trusted, got, want)
		}
	}
}

func FuzzClientOf(f *testing.F) {
	f.Add("from mail.example.org (mx.example.org [192.0.2.1]) by mx.example.com")
	f.Add("from mx.example.org (HELO a) (192.0.2.1) by b")
	f.Fuzz(func(t *testing.T, field string) {
		c := clientOf(field)
		if !c.Addr.IsValid() && (c.Name != "" || c.Helo != "") {
			t.Errorf("%q: names without an address: %+v", field, c)
		}
		if gateway.Printable(c.Name+c.Helo) != c.Name+c.Helo {
			t.Errorf("%q: %+v", field, c)
		}
	})
}

package lookup

import (
	"context"
	"errors"
	"testing"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/roster"
	"github.com/mmgw/mmgw/gateway/store"
)

// openRoster is a roster with a list, one with an alias domain, and a forward
// domain.
func openRoster(t testing.TB) *roster.Roster {
	t.Helper()
	db, err := store.Open(store.Options{Dir: "/state/db", FS: store.NewMemory().FS()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	r, err := roster.Open(roster.Options{Store: db})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []gateway.List{
		{Address: "dev@lists.example.com"},
		{Address: "news@public.example.org", AliasDomain: "alias.example.org"},
	} {
		if err := r.CreateList(l); err != nil {
			t.Fatal(err)
		}
	}
	r.SetForwards(map[string][]string{"mm3": {"mm3.example.com"}})
	return r
}

// backend takes anne, refuses others, and cannot be asked for "away" and "odd".
func backend(_ context.Context, _ string, to gateway.ForwardPath) error {
	switch to.Local() {
	case "anne", `"a b"`:
		return nil
	case "away":
		return &gateway.Status{Code: 451, Enhanced: gateway.EnhancedCode{4, 4, 1}, Text: "no answer\r\nOK"}
	case "odd":
		return errors.New("the disk is full")
	}
	return gateway.ErrUnknownRecipient
}

func openTables(t testing.TB) *Tables {
	return &Tables{Roster: openRoster(t), NextHop: "lmtp:[127.0.0.1]:8024", Mailer: "mmgw:[127.0.0.1]", Verify: backend}
}

func TestTables(t *testing.T) {
	const hop, no = "OK lmtp:[127.0.0.1]:8024", "NOTFOUND "
	tables := openTables(t)
	for _, c := range []struct{ table, key, want string }{
		{"transport", "dev@lists.example.com", hop},
		{"transport", "DEV-Bounces+anne=Example.COM@Lists.Example.COM", hop},
		{"transport", "dev-confirm+0123@lists.example.com", hop},
		{"transport", "dev-nothing@lists.example.com", no},
		{"transport", "lists.example.com", no}, // an unknown list gets no transport
		{"transport", ".example.com", no},
		{"transport", "*", no},
		{"transport", "", no},
		{"transport", "poster@example.org", no},
		{"transport", "news@alias.example.org", hop},
		{"transport", "news@public.example.org", no}, // it is rewritten first
		{"transport", "mm3.example.com", hop},
		{"transport", "away@mm3.example.com", hop}, // the backend is not asked
		{"transport", "x@sub.mm3.example.com", no},

		{"recipients", "dev@lists.example.com", hop},
		{"recipients", "dev-owner@lists.example.com", hop},
		{"recipients", "nobody@lists.example.com", no},
		{"recipients", "@lists.example.com", no},
		{"recipients", "@mm3.example.com", no}, // a wildcard would take everybody
		{"recipients", "mm3.example.com", no},
		{"recipients", "anne@mm3.example.com", hop},
		{"recipients", "a b@mm3.example.com", hop}, // Postfix asks without quotes
		{"recipients", "bart@mm3.example.com", no},
		{"recipients", "away@mm3.example.com", "TEMP no answer??OK"},
		{"recipients", "odd@mm3.example.com", "TEMP the gateway cannot tell now"},
		{"recipients", "news-join@alias.example.org", hop},
		{"recipients", "news-join@public.example.org", no},

		{"domains", "Lists.example.com", "OK Lists.example.com"},
		{"domains", "mm3.example.com", "OK mm3.example.com"},
		{"domains", "alias.example.org", "OK alias.example.org"},
		{"domains", "public.example.org", no},
		{"domains", "example.com", no},

		{"aliases", "news@public.example.org", "OK news@alias.example.org"},
		{"aliases", "News-bounces+A=b.c@public.example.org", "OK News-bounces+A=b.c@alias.example.org"},
		{"aliases", "news@alias.example.org", no},
		{"aliases", "dev@lists.example.com", no},
		{"aliases", "nobody@public.example.org", no},
		{"aliases", "anne@mm3.example.com", no},
		// A comma would begin a second address, one that nobody checks.
		{"aliases", "news+x@evil.example,y@public.example.org", no},
		{"aliases", "news+x,evil@public.example.org", no},
		{"aliases", "news+a\nb@public.example.org", no},

		{"mailertable", "lists.example.com", "OK mmgw:[127.0.0.1]"},
		{"mailertable", "public.example.org", "OK mmgw:[127.0.0.1]"},
		{"mailertable", ".example.com", no},
		{"access", "To:news@public.example.org", "OK RELAY"},
		{"access", "To:dev@lists.example.com", "OK RELAY"},
		{"access", "to:dev-owner@lists.example.com", "OK RELAY"},
		{"access", "To:nobody@lists.example.com", no},
		{"access", "To:lists.example.com", "OK ERROR:5.1.1:550 no such address"},
		{"access", "To:away@mm3.example.com", "TEMP no answer??OK"},
		{"access", "From:dev@lists.example.com", no},
		{"access", "Connect:127.0.0.1", no},

		{"mail\x1b[2J", "x", "PERM there is no table mail?[2J: transport recipients domains aliases mailertable access"},
		{"", "x", "PERM there is no table : transport recipients domains aliases mailertable access"},
	} {
		if got := tables.ask(t.Context(), c.table, c.key).String(); got != c.want {
			t.Errorf("%s %q: %q, want %q", c.table, c.key, got, c.want)
		}
	}
}

func TestNewListCountsAtOnce(t *testing.T) {
	r := openRoster(t)
	tables := &Tables{Roster: r, NextHop: "lmtp:unix:/run/lmtp"}
	ask := func() string { return tables.ask(t.Context(), "recipients", "run@new.example.com").String() }
	if got := ask(); got != "NOTFOUND " {
		t.Fatal(got)
	}
	if err := r.CreateList(gateway.List{Address: "run@new.example.com"}); err != nil {
		t.Fatal(err)
	}
	if got := ask(); got != "OK lmtp:unix:/run/lmtp" {
		t.Error(got)
	}
	if got := tables.ask(t.Context(), "domains", "new.example.com").String(); got != "OK new.example.com" {
		t.Error(got)
	}
	if err := r.DeleteList(gateway.NewListID("run@new.example.com")); err != nil {
		t.Fatal(err)
	}
	if got := ask(); got != "NOTFOUND " {
		t.Error(got)
	}
}

// failing is a roster that cannot tell.
type failing struct{ Roster }

func (failing) Resolve(context.Context, gateway.ForwardPath) (gateway.Route, error) {
	return gateway.Route{}, errors.New("input/output error")
}

func TestUnsureIsNeverNotFound(t *testing.T) {
	tables := openTables(t)
	tables.Roster = failing{tables.Roster}
	for _, name := range []string{"transport", "recipients", "aliases"} {
		if got := tables.ask(t.Context(), name, "dev@lists.example.com"); got.verdict != unsure {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := tables.unnamed(t.Context(), "dev@lists.example.com").tcpTable(); got != "400 the gateway cannot tell now" {
		t.Error(got)
	}
}

func TestNextHops(t *testing.T) {
	for _, c := range []struct{ target, socket, postfix, sendmail string }{
		{"127.0.0.1:8024", "/run/x", "lmtp:[127.0.0.1]:8024", "mmgw:[127.0.0.1]"},
		{"LocalHost:24", "", "lmtp:[127.0.0.1]:24", "mmgw:[127.0.0.1]"},
		{"[::1]:24", "", "lmtp:[ipv6:::1]:24", "mmgw:[IPv6:::1]"},
		{"mx.example.com:24", "", "lmtp:[mx.example.com]:24", "mmgw:[mx.example.com]"},
		{"", "/run/x", "lmtp:unix:/run/x", ""},
	} {
		if got := PostfixNextHop(c.target, c.socket); got != c.postfix {
			t.Errorf("%+v: %s", c, got)
		}
		if got := SendmailMailer(c.target); got != c.sendmail {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

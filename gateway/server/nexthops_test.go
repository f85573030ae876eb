package server

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/pipeline"
)

// TestNextHopsAreToldOnce has a next hop go away and come back while many
// messages wait for it, and one that answers 4xx all the time. What fails here is no
// fault of a next hop.
func TestNextHopsAreToldOnce(t *testing.T) {
	away := &gateway.Status{Code: 451, Text: "the next hop cannot be reached", Cause: errors.New("connection refused")}
	greylisted := &gateway.Status{Code: 451, Text: "greylisted"}
	fine := &gateway.Status{Code: 250, Text: "OK"}
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	var hops nextHops
	note := func(hop string, status *gateway.Status) {
		hops.note(log, hop, &pipeline.Attempt{Message: &gateway.Message{ID: 1}, Outcome: gateway.Outcome{Status: status}})
	}
	ours := gateway.Deferred(errors.New("read content: input/output error"))
	for _, status := range []*gateway.Status{fine, greylisted, ours, ours, away, away, greylisted, ours, away, fine, fine, away} {
		note("smtp:192.0.2.1:25", status)
		note("smtp:192.0.2.2:25", greylisted)
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		_, message, _ := strings.Cut(line, "msg=")
		got = append(got, strings.Split(message, `"`)[1])
	}
	want := "a message cannot be sent for a fault here, it waits / the next hop fails, mail for it waits / the next hop works again / the next hop fails, mail for it waits"
	if strings.Join(got, " / ") != want {
		t.Errorf("got  %s\nwant %s\n%s", strings.Join(got, " / "), want, out.String())
	}
	if !strings.Contains(out.String(), `cause="connection refused"`) {
		t.Errorf("the cause is missing:\n%s", out.String())
	}
}

// A route that is not configured any more is told by its own name, lest it pass for
// another.
func TestNextHopOfAGoneRoute(t *testing.T) {
	s := &Server{targetNames: map[string]string{"": "smtp:192.0.2.1:25"}}
	for route, want := range map[string]string{"": "smtp:192.0.2.1:25", "forward gone": "forward gone"} {
		if got := s.nextHop(&pipeline.Attempt{Number: 1, Delivery: &gateway.Delivery{Route: route}}); got != want {
			t.Errorf("%q is told as %q", route, got)
		}
	}
}

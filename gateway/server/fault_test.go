package server

import (
	"strings"
	"testing"
	"time"

	"github.com/mmgw/mmgw/plugins"
)

// starved is a list whose outgoing handler cannot do its work with that fuel.
func starved(fuel string) string {
	return "[[list]]\naddress = \"dev@lists.example.com\"\nmembers = [\"anne@example.com\"]\nposting = \"anyone\"\n" +
		"[outgoing]\nhandlers = [\"list-headers\"]\n[plugins.list-headers]\nfuel = " + fuel + "\n"
}

// What waits for a fault of ours says so, and goes on as soon as modules or
// settings are others, not at the end of its back-off.
func TestPutOffUntilMended(t *testing.T) {
	cheaper, _ := plugins.Lookup("subject-prefix")
	for _, mend := range []struct {
		name string
		do   func(*testing.T, *place, *Server)
	}{
		{"by a reload", func(t *testing.T, p *place, s *Server) {
			if err := s.Reload(t.Context(), p.load(starved("1_000_000"))); err != nil {
				t.Fatal(err)
			}
		}},
		{"by a swap", func(t *testing.T, p *place, s *Server) {
			call[PluginSwapped](t, s, "plugin.swap", PluginSwap{Name: "list-headers", Wasm: cheaper})
		}},
	} {
		t.Run(mend.name, func(t *testing.T) {
			p := newPlace(t)
			s := p.run(p.load(starved("5_000")))
			if got := p.post("dev@lists.example.com"); !strings.HasPrefix(got, "250") {
				t.Fatal(got)
			}
			var rows []QueueRow
			eventually(t, func() bool {
				rows = call[QueueRows](t, s, "queue.ls", QueueSelection{}).Rows
				return len(rows) == 1 && rows[0].Reason != ""
			})
			if r := rows[0]; !strings.HasPrefix(r.Reason, "put off: ") || !strings.Contains(r.Reason, "fuel") || r.NextAttempt == nil || time.Until(*r.NextAttempt) < 30*time.Second {
				t.Errorf("%+v", r)
			}
			if m := call[QueueMessage](t, s, "queue.show", QueueID{rows[0].ID}); m.Legs[0].Reason != rows[0].Reason {
				t.Errorf("%+v", m.Legs[0])
			}
			mend.do(t, p, s)
			<-p.sent
		})
	}
}

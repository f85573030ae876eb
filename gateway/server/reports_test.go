package server

import (
	"strings"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// A running gateway tells a sender who asked for it that a post is delivered, and
// has the owner of the site hear of double bounces where the site wants that.
func TestReportsOfARunningGateway(t *testing.T) {
	p := newPlace(t)
	s := p.run(p.load(devList + "[bounce]\ndouble = \"owner\"\n"))
	if !s.deliverer.Reports.Double || s.deliverer.Reports != s.expander.Reports {
		t.Errorf("the deliverer reports by %+v, the expander by %+v", s.deliverer.Reports, s.expander.Reports)
	}
	envelope := &gateway.Envelope{ReversePath: "anne@example.com", Recipients: []gateway.Recipient{{Path: "dev@lists.example.com", Notify: gateway.NotifySuccess}}}
	content := "From: anne@example.com\r\nSubject: hello\r\nMessage-ID: <1@x>\r\n\r\nhi\r\n"
	if got := s.intake.Message(t.Context(), gateway.Client{}, envelope, strings.NewReader(content))[0]; got.Class() != gateway.Success {
		t.Fatal(got)
	}
	reports := 0
	for range 2 { // the copy of the member, and the report
		select {
		case sent := <-p.sent:
			if sent.MailFrom == "" && sent.Rcpts[0] == "anne@example.com" && strings.Contains(string(sent.Content), "\r\nAction: delivered\r\n") {
				reports++
			}
		case <-time.After(10 * time.Second):
			t.Fatal("nothing more is sent")
		}
	}
	if reports != 1 {
		t.Errorf("%d reports", reports)
	}
}

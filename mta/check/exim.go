package check

import (
	"context"
	"fmt"
	"strings"
)

// eximTransport is the transport that the writer's snippets define.
const eximTransport = "mmgw_transport"

// exim has Exim say how it would route the addresses of some lists.
func (s *Site) exim(ctx context.Context) (found []Finding) {
	const byHand = "link the snippets and name the domains as `mmgw mta show` says; then: update-exim4.conf && systemctl reload exim4"
	if _, err := run(ctx, s.Exim, "-bV"); err != nil {
		return []Finding{{
			Finding: fmt.Sprintf("Exim cannot be asked: %v", err),
			Fix:     "install Exim, or set exim_command in [mta.configuration]; correct its configuration where it complains of that",
		}}
	}
	for _, one := range s.samples() {
		for _, address := range []string{one.posting, one.verp, one.public} {
			if address == "" {
				continue
			}
			if route, err := run(ctx, s.Exim, "-bt", address); !strings.Contains(route, "transport = "+eximTransport) {
				found = append(found, Finding{Finding: fmt.Sprintf("Exim does not hand %s to the gateway (exim -bt: %s)", address, inShort(route, err)), Fix: byHand})
			}
		}
		if route, _ := run(ctx, s.Exim, "-bt", one.unknown); strings.Contains(route, "transport = ") {
			found = append(found, Finding{
				Finding: fmt.Sprintf("Exim takes mail for %s, which is not a list (exim -bt: %s)", one.unknown, inShort(route, nil)),
				Fix:     "have the router 176_mmgw_unknown directly after 175_mmgw",
			})
		}
	}
	return found
}

// inShort is what a program said, in one line.
func inShort(text string, err error) string {
	text = strings.Join(strings.Fields(text), " ")
	if text == "" && err != nil {
		return err.Error()
	}
	return text
}

package main

import (
	"maps"
	"testing"

	"github.com/mmgw/mmgw/sdk/sdktest"
)

type table = map[string]string

func TestDeliver(t *testing.T) {
	for _, test := range []struct {
		name   string
		keys   table
		config map[string]any
		want   table
	}{
		{"no rule", table{}, nil, table{}},
		{"the gateway's rule", table{"list.verp_interval": "-1"}, nil, table{}},
		{"never", table{"list.verp_interval": "0"}, nil, table{"verp": "0"}},
		{"always", table{"list.verp_interval": "1"}, nil, table{"verp": "1"}},
		{"every fifth, the fourth", table{"list.verp_interval": "5", "list.post_number": "4"}, nil, table{"verp": "0"}},
		{"every fifth, the fifth", table{"list.verp_interval": "5", "list.post_number": "5"}, nil, table{"verp": "1"}},
		{"personalised", table{"list.verp_interval": "0", "list.personalize": "true"}, nil, table{"verp": "1"}},
		{"owner mail", table{"list.verp_interval": "1", "list.personalize": "true", "rcpt.0.service": "owner"}, nil, table{"verp": "0"}},
		{"chunks", table{"list.verp_interval": "0"}, map[string]any{"max_recipients": 50, "by_domain": true},
			table{"verp": "0", "chunk.max_rcpts": "50", "chunk.by": "domain"}},
		{"chunks of the list's own", table{"list.verp_interval": "0", "list.config.max_recipients": "7", "list.config.by_domain": "false"},
			map[string]any{"max_recipients": 50, "by_domain": true}, table{"verp": "0", "chunk.max_rcpts": "7"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := sdktest.Host{Keys: test.keys, Config: test.config, Recipients: []string{"anne@example.com"}}
			if err := h.Plan(deliver); err != nil {
				t.Fatal(err)
			}
			if !maps.Equal(h.Set, test.want) {
				t.Errorf("the plan is %v, want %v", h.Set, test.want)
			}
		})
	}
}

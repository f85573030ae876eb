package config

import "testing"

func TestEndpointsMeet(t *testing.T) {
	for _, c := range []struct {
		at, other string
		meet      bool // as listeners
		isAt      bool // of a next hop
	}{
		{"127.0.0.1:8024", "127.0.0.1:8024", true, true},
		{"127.0.0.1:8024", "localhost:8024", true, true},
		{"127.0.0.1:8024", "127.0.0.1:8025", false, false},
		{"127.0.0.1:8024", "127.0.0.2:8024", false, false},
		{"127.0.0.1:0", "127.0.0.1:0", false, false},
		{"0.0.0.0:8024", "127.0.0.1:8024", true, true},
		{"0.0.0.0:8024", "[::1]:8024", false, false},
		{"[::]:8024", "127.0.0.1:8024", true, true},
		{"0.0.0.0:8024", "mailman:8024", true, false}, // another machine
		{"unix:/run/a", "unix:/run/a", true, true},
		{"unix:/run/a", "unix:/run/b", false, false},
		{"unix:/run/a", "127.0.0.1:8024", false, false},
	} {
		at, err := ParseEndpoint(c.at)
		if err != nil {
			t.Fatal(err)
		}
		other, err := ParseEndpoint(c.other)
		if err != nil {
			t.Fatal(err)
		}
		if at.meets(other) != c.meet || other.meets(at) != c.meet || at.isAt(other) != c.isAt {
			t.Errorf("%s and %s: %t, %t", at, other, at.meets(other), at.isAt(other))
		}
	}
	if (Endpoint{}).meets(Endpoint{}) {
		t.Error("nowhere is no place")
	}
}

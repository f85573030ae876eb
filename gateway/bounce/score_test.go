package bounce

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

var (
	rules = Rules{Threshold: 5, StaleAfter: 7 * 24 * time.Hour, Warnings: 3, WarningInterval: 7 * 24 * time.Hour, Probe: true}
	begin = time.Date(2026, 3, 1, 20, 0, 0, 0, time.UTC)
)

// A life is told by days since begin: "3s" is a signed bounce on the third day,
// "w" a weak one, "p" one of a probe, "d" nothing but the passing of the day.
// What follows stands behind the day: "4probe".
func TestScore(t *testing.T) {
	direct := rules
	direct.Probe = false
	none := direct
	none.Warnings = 0
	for name, c := range map[string]struct {
		rules       Rules
		life, steps string
		score       float64 // in the end
	}{
		"one bounce":                     {rules, "0s", "", 1},
		"five on five days, and a probe": {rules, "0s 1s 2s 3s 4s 5p", "4probe 5disable", 0},
		"one point a day":                {rules, "0s 0.1s 0.15s 1s 1.1s", "", 2},
		"days are UTC's":                 {rules, "0s 0.2s", "", 2}, // 20:00, 00:48
		"stale":                          {rules, "0s 1s 9s", "", 1},
		"not yet stale":                  {rules, "0s 1s 8s", "", 3},
		"no probe out":                   {rules, "0p 1p", "", 2}, // scores as any bounce
		"a probe that arrives":           {rules, "0s 1s 2s 3s 4s 5s", "4probe", 1},
		"a probe's bounce, twice":        {rules, "0s 1s 2s 3s 4s 5p 6p", "4probe 5disable", 0},
		"without probes":                 {direct, "0s 1s 2s 3s 4s 5s", "4disable", 5},
		"weak ones take a probe":         {direct, "0w 1w 2w 3w 4w 5w 6w", "4probe", 2},
		"a weak one among signed":        {direct, "0s 1s 2s 3s 4w 5p", "4probe 5disable", 0},
		"weak ones never disable":        {direct, "0w 1w 2w 3w 4w 5w 6w 7w 8w 9w", "4probe 9probe", 0},
		"warnings and the end":           {direct, "0s 1s 2s 3s 4s 4.1d 5d 11d 12d 19d 25d 26d", "4disable 4.1warn 12warn 19warn 26remove", 5},
		"no warnings":                    {none, "0s 1s 2s 3s 4s 4.1d", "4disable 4.1remove", 5},
		"a clock that jumps back":        {rules, "5s 2s 3s", "", 3},
		"a day after a jump back":        {rules, "5s 2s 2.1s 2.15s", "", 2},
		"stale after a jump back":        {rules, "90s 2s 3s 12s", "", 1},
		"warned by a clock ahead":        {direct, "0s 1s 2s 3s 4s 90d 4.1d 5d 12d 19d", "4disable 90warn 4.1warn 12warn 19warn", 5},
		"warned by one a little ahead":   {direct, "0s 1s 2s 3s 4s 4.2d 4.1d 11.1d 11.3d", "4disable 4.2warn 11.3warn", 5},
	} {
		steps, score := live(t, c.rules, c.life)
		if steps != c.steps || score != c.score {
			t.Errorf("%s: %q and a score of %v, want %q and %v", name, steps, score, c.steps, c.score)
		}
	}
}

// live goes through a life and tells the steps, and the score in the end.
func live(t *testing.T, rules Rules, life string) (string, float64) {
	t.Helper()
	var s State
	var steps []string
	for _, event := range strings.Fields(life) {
		day, kind := event[:len(event)-1], event[len(event)-1]
		var days float64
		if _, err := fmt.Sscan(day, &days); err != nil {
			t.Fatal(err)
		}
		at := begin.Add(time.Duration(days * float64(24*time.Hour)))
		var step Step
		switch kind {
		case 'd':
			s, step = rules.Due(s, at)
		default:
			s, step = rules.Bounce(s, at, map[byte]Trust{'w': Weak, 's': Signed, 'p': Probed}[kind])
		}
		if step != "" {
			steps = append(steps, day+string(step))
		}
	}
	return strings.Join(steps, " "), s.Score
}

func TestCounts(t *testing.T) {
	for _, c := range []struct {
		action Action
		class  Class
		want   bool
	}{
		{Failed, Hard, true}, {Failed, Soft, true}, {Failed, Full, true}, {Failed, Policy, false},
		{Delayed, Hard, false}, {Delayed, Full, false}, {"", AutoReply, false}, {"", Policy, false},
	} {
		if got := (Recipient{Action: c.action, Class: c.class}).Counts(); got != c.want {
			t.Errorf("%s %s counts: %v", c.action, c.class, got)
		}
	}
}

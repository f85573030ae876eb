package sim

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
)

var (
	games = flag.Int("games", 60, "how many games are played; with -short a tenth")
	seed  = flag.Uint64("seed", 0, "the only game that is played, and told in full")
)

// regressions are seeds of games that were lost once, and why. They are the
// same games for as long as nobody changes what chance decides.
var regressions = []struct {
	seed uint64
	why  string
}{
	{24, "a database could not be opened: after a power cut its marker named a manifest that was not there"},
	{28, "the same"},
}

// bubble plays a game in a bubble of its own.
func bubble(t *testing.T, r rules) (wrongs, story []string) {
	synctest.Test(t, func(*testing.T) { wrongs, story = play(r) })
	return wrongs, story
}

func game(t *testing.T, r rules) {
	t.Helper()
	wrongs, story := bubble(t, r)
	for _, wrong := range wrongs {
		t.Error(wrong)
	}
	if len(wrongs) > 0 {
		t.Logf("play it again:\n%s", again(r.seed))
	}
	if *seed != 0 || len(wrongs) > 0 && testing.Verbose() {
		t.Log(lines(story, len(story)))
	}
}

func TestGames(t *testing.T) {
	if *seed != 0 {
		game(t, rules{seed: *seed})
		return
	}
	n := *games
	if testing.Short() {
		n /= 10
	}
	for i := range n {
		t.Run(fmt.Sprint(i+1), func(t *testing.T) {
			t.Parallel()
			game(t, rules{seed: uint64(i + 1)})
		})
	}
}

func TestRegressions(t *testing.T) {
	for _, c := range regressions {
		t.Run(fmt.Sprint(c.seed), func(t *testing.T) {
			t.Log(c.why)
			game(t, rules{seed: c.seed})
		})
	}
}

// controlGames are enough that a control is not left to luck.
const controlGames = 16

// Each fault of a gateway loses games, by the invariant that it breaks. A disk
// that does not sync is not a game: it damages the database, whose engine then
// parks its goroutines, and the bubble's clock stands still. The crash tests of
// gateway/spool have that control.
func TestControls(t *testing.T) {
	if testing.Short() {
		t.Skip("not with -short: games with each fault")
	}
	for f, complaint := range faults {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			var all []string
			for i := range controlGames {
				wrongs, _ := bubble(t, rules{seed: uint64(i + 1), fault: f})
				if strings.Contains(strings.Join(wrongs, "\n"), complaint) {
					return
				}
				all = append(all, wrongs...)
			}
			t.Errorf("no game ends with %q: they prove nothing. What was said:\n%s", complaint, strings.Join(all, "\n"))
		})
	}
}

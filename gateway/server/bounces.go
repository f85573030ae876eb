package server

import (
	"time"

	"github.com/mmgw/mmgw/gateway/bounce"
	"github.com/mmgw/mmgw/gateway/config"
)

// bounceRules are those of [bounce].
func bounceRules(cfg *config.Config) bounce.Rules {
	return bounce.Rules{
		Threshold: float64(cfg.Bounce.Threshold), StaleAfter: cfg.Bounce.StaleAfter,
		Warnings: cfg.Bounce.Warnings, WarningInterval: cfg.Bounce.WarningInterval, Probe: cfg.Bounce.Probe,
	}
}

// bouncesInterval is how often members are looked at that bounces disabled.
// What is due for them is due by days.
const bouncesInterval = time.Hour

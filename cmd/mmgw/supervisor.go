package main

import (
	"log/slog"
	"net"
	"os"
)

// What the supervisor is told, by sd_notify(3).
const (
	nowReady     = "READY=1"
	nowReloading = "RELOADING=1"
	nowStopping  = "STOPPING=1"
)

// tellSupervisor tells systemd, or whatever else has set $NOTIFY_SOCKET, the state of the
// gateway. It does nothing if that is not set; an error is only logged.
func tellSupervisor(what string, log *slog.Logger) {
	socket := os.Getenv("NOTIFY_SOCKET") // a name with @ at its start is an abstract socket, in Go too
	if socket == "" {
		return
	}
	conn, err := net.Dial("unixgram", socket)
	if err == nil {
		_, err = conn.Write([]byte(what))
		conn.Close()
	}
	if err != nil {
		log.Warn("the supervisor at $NOTIFY_SOCKET cannot be told", "what", what, "error", err)
	}
}

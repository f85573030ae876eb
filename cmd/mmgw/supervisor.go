package main

import (
	"log/slog"
	"net"
	"os"
)

// What a supervisor is told (sd_notify(3)).
const (
	nowReady     = "READY=1"
	nowReloading = "RELOADING=1"
	nowStopping  = "STOPPING=1"
)

// tellSupervisor tells systemd, or whatever else set $NOTIFY_SOCKET, what the
// gateway does. Without one it does nothing; an error costs nobody mail.
func tellSupervisor(what string, log *slog.Logger) {
	socket := os.Getenv("NOTIFY_SOCKET") // a name that begins with @ is an abstract one, for Go too
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

package sandbox

import (
	"bytes"
	"log/slog"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/sdk/wire"
)

// logState is what a call has logged.
type logState struct {
	lines   int
	dropped int64
	streams [2]stream // standard output, standard error
}

// stream is the line that a WASI program is writing.
type stream struct {
	line []byte
}

// levels are the levels of the ABI.
var levels = [...]slog.Level{wire.Debug: slog.LevelDebug, wire.Info: slog.LevelInfo, wire.Warn: slog.LevelWarn, wire.Error: slog.LevelError}

// levelOf is the level for a number from a module; an unknown number is taken as
// the nearest one.
func levelOf(n uint64) slog.Level { return levels[min(max(int32(n), wire.Debug), wire.Error)] }

// log(level, ptr, len)
func (c *call) logText(a []uint64) int64 {
	c.line(levelOf(a[0]), c.view(a[1], a[2]))
	return 0
}

// log_enabled(level) -> 0 or 1
func (c *call) logEnabled(a []uint64) int64 {
	if c.plugin.log.Enabled(c.Context, levelOf(a[0])) {
		return 1
	}
	return 0
}

// error(ptr, len)
func (c *call) setError(a []uint64) int64 {
	c.errorText = printable(c.view(a[0], a[1]))
	return 0
}

// printable makes a line fit for the log. It cuts long ones first, so that the
// work is bounded.
func printable(b []byte) string { return gateway.Printable(string(b[:min(len(b), lineBytesMax)])) }

// line writes one line of the module to the log, up to LogLinesMax in a call.
func (c *call) line(level slog.Level, text []byte) {
	if !c.plugin.log.Enabled(c.Context, level) {
		return
	}
	if c.log.lines == LogLinesMax {
		c.log.dropped++
		return
	}
	c.log.lines++
	c.spend(unitsPerLogLine)
	c.write(level, printable(text))
}

// write writes a line to the log, with the phase and the message.
func (c *call) write(level slog.Level, text string, attrs ...any) {
	attrs = append(attrs, "phase", c.hook.String())
	if c.exchange != nil && c.exchange.Message != nil && c.exchange.Message.ID != 0 {
		attrs = append(attrs, "id", c.exchange.Message.ID.String())
	}
	c.plugin.log.Log(c.Context, level, text, attrs...)
}

// print takes what a WASI program writes to a stream.
func (c *call) print(n int, text []byte) {
	s := &c.log.streams[n]
	for len(text) > 0 {
		line, rest, ended := bytes.Cut(text, []byte("\n"))
		text = rest
		room := lineBytesMax - len(s.line)
		s.line = append(s.line, line[:min(room, len(line))]...)
		if ended {
			c.complain(n, s.line)
			c.line(streamLevel(n), s.line)
			s.line = s.line[:0]
		}
	}
}

// complain remembers the last line of a filter's standard error, which becomes
// the text of its verdict. n is the number of the stream.
func (c *call) complain(n int, line []byte) {
	if text := printable(bytes.TrimSpace(line)); n == 1 && c.filter != nil && text != "" {
		c.filter.complaint = text
	}
}

// streamLevel is the level for a stream: standard error is for warnings.
func streamLevel(n int) slog.Level {
	if n == 0 {
		return slog.LevelInfo
	}
	return slog.LevelWarn
}

// flush writes what is left at the end of a call: lines without a line end, and
// how many lines were dropped. It charges nothing, since the call has ended.
func (l *logState) flush(c *call) {
	for n := range l.streams {
		line := l.streams[n].line
		if len(line) == 0 {
			continue
		}
		c.complain(n, line)
		if l.lines < LogLinesMax {
			c.write(streamLevel(n), printable(line))
		}
	}
	if l.dropped > 0 {
		c.write(slog.LevelWarn, "log lines were dropped", "dropped", l.dropped, "kept", LogLinesMax)
	}
}

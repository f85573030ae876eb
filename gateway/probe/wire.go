package probe

import "bytes"

// appendWire appends content to out as it goes on the wire after DATA: every
// line end, be it CRLF, LF or CR, as CRLF, dots stuffed, the last line ended,
// and the final dot (RFC 5321, section 4.5.2). So no content can end early.
func appendWire(out, content []byte) []byte {
	for len(content) > 0 {
		if content[0] == '.' {
			out = append(out, '.')
		}
		end := bytes.IndexAny(content, "\r\n")
		if end < 0 {
			end = len(content)
		}
		out = append(append(out, content[:end]...), "\r\n"...)
		content = afterLineEnd(content[end:])
	}
	return append(out, ".\r\n"...)
}

// afterLineEnd drops the line end that p begins with, if any.
func afterLineEnd(p []byte) []byte {
	if rest, ok := bytes.CutPrefix(p, []byte("\r\n")); ok || len(p) == 0 {
		return rest
	}
	return p[1:]
}

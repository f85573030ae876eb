package config

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/mmgw/mmgw/gateway"
)

// memberLineBytesMax bounds a line of a members file, which has an address of at
// most 254 octets and a name. With longer lines it is the wrong file.
const memberLineBytesMax = 1024

// members is the value of a list's key of that name: a file, or an array.
type members struct {
	file string
	list []gateway.Recipient
}

// members is the path of a file, or an array of addresses.
func (s *section) members() kind[members] {
	inFile := arrayOf(textKind(`an address such as "anne@example.com" or "Anne <anne@example.com>"`, ParseMember, FormatMember))
	return kind[members]{
		read: func(n *node) (members, []fault) {
			if _, ok := n.value.(string); ok {
				path, faults := s.path().read(n)
				return members{file: path}, faults
			}
			if _, ok := n.value.([]*node); !ok {
				return members{}, one("is "+describe(n.value), "write the path of a file, or an array of addresses")
			}
			list, faults := inFile.read(n)
			return members{list: list}, faults
		},
		write: func(m members) string {
			if m.file != "" {
				return basicString(m.file)
			}
			return inFile.write(m.list)
		},
	}
}

// ParseMember reads "anne@example.com", "<anne@example.com>" or
// "Anne <anne@example.com>". The name must be UTF-8 and may be in quotes; control
// characters in it become "?".
func ParseMember(s string) (gateway.Recipient, error) {
	text, name := strings.TrimSpace(s), ""
	if inner, ok := strings.CutSuffix(text, ">"); ok {
		at := strings.LastIndexByte(inner, '<')
		if at < 0 {
			return gateway.Recipient{}, errors.New(`there is no "<" before the ">"`)
		}
		if name = withoutQuotes(inner[:at]); !utf8.ValidString(name) {
			return gateway.Recipient{}, errors.New("the name is not in UTF-8")
		}
		text = strings.TrimSpace(inner[at+1:])
	}
	path, err := parseAddress(text)
	if err != nil {
		return gateway.Recipient{}, err
	}
	return gateway.Recipient{Path: path, Name: gateway.Printable(name)}, nil
}

// withoutQuotes is a name without the quotes and backslashes of a quoted string.
func withoutQuotes(name string) string {
	return strings.TrimSpace(strings.NewReplacer(`"`, "", `\`, "").Replace(name))
}

// FormatMember writes a member so that ParseMember and ReadMembers read it back: a
// "#" that would begin a comment is put in quotes or angle brackets.
func FormatMember(m gateway.Recipient) string {
	switch {
	case strings.Contains(m.Name, "#"):
		return `"` + withoutQuotes(m.Name) + `" ` + m.Path.String()
	case m.Name != "":
		return m.Name + " " + m.Path.String()
	case m.Path[0] == '#':
		return m.Path.String()
	}
	return string(m.Path)
}

// readMembers reads the file that the key "members" names. Lines that are not an
// address are problems of that file.
func (s *section) readMembers(path string) []gateway.Recipient {
	f, err := s.doc.open(path)
	if err != nil {
		s.wrong("members", "cannot be read: "+reason(err), "write the members into "+s.doc.shown(path)+", one address per line, or give the right path")
		return nil
	}
	defer f.Close()
	shown := s.doc.shown(path)
	list, err := ReadMembers(f, func(line int, text string) {
		s.doc.findings.add(Problem{shown, line, text, "write one address per line, and # before comments"})
	})
	if err != nil {
		s.wrong("members", "cannot be read: "+reason(err), "")
	}
	return list
}

// ReadMembers reads a members file: one member per line, as ParseMember reads it.
// A "#" at the start of a line or after a space begins a comment, unless it is in
// quotes; empty lines are skipped. wrong is called for each line that is not an
// address, and reading goes on. The error is that of r.
func ReadMembers(r io.Reader, wrong func(line int, text string)) ([]gateway.Recipient, error) {
	var list []gateway.Recipient
	lines := bufio.NewReaderSize(r, memberLineBytesMax)
	for number := 1; ; number++ {
		line, long, err := readLine(lines)
		if number == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff")) // the byte order mark that some editors write
		}
		if text := withoutComment(line); long {
			wrong(number, "the line is longer than an address can be")
		} else if len(text) > 0 {
			m, parseErr := ParseMember(string(text))
			if parseErr != nil {
				wrong(number, quote(string(text))+": "+parseErr.Error())
			} else {
				list = append(list, m)
			}
		}
		if err == io.EOF {
			return list, nil
		}
		if err != nil {
			return list, err
		}
	}
}

// readLine reads one line. If the line does not fit the buffer it is skipped, and
// long is true.
func readLine(r *bufio.Reader) (line []byte, long bool, err error) {
	line, err = r.ReadSlice('\n')
	for err == bufio.ErrBufferFull {
		long = true
		_, err = r.ReadSlice('\n')
	}
	return line, long, err
}

// withoutComment drops a comment, and the space around the rest. A "#" within a word
// begins no comment, since RFC 5322 allows it in an address, nor does one in quotes.
func withoutComment(line []byte) []byte {
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			i += bytes.IndexByte(line[i+1:], '"') + 1 // a single quotation mark begins no quote
		case c == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t'):
			return bytes.TrimSpace(line[:i])
		}
	}
	return bytes.TrimSpace(line)
}

// unique drops members whose mailbox is in the list already.
func unique(list []gateway.Recipient) []gateway.Recipient {
	seen := make(map[string]struct{}, len(list))
	kept := list[:0]
	for _, m := range list {
		mailbox := m.Path.Key()
		if _, ok := seen[mailbox]; ok {
			continue
		}
		seen[mailbox] = struct{}{}
		kept = append(kept, m)
	}
	return kept
}

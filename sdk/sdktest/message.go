package sdktest

import (
	"slices"
	"strings"

	"github.com/mmgw/mmgw/sdk/wire"
)

// parse splits a mail with LF line ends into its fields, unfolded, and its body.
func parse(mail string) (fields []string, body string) {
	header, body, _ := strings.Cut("\n"+mail, "\n\n")
	for line := range strings.SplitSeq(strings.TrimPrefix(header, "\n"), "\n") {
		switch {
		case line == "":
		case len(fields) > 0 && (line[0] == ' ' || line[0] == '\t'):
			fields[len(fields)-1] += line
		default:
			fields = append(fields, line)
		}
	}
	return fields, strings.ReplaceAll(body, "\n", "\r\n")
}

func format(fields []string, body string) string {
	header := ""
	for _, f := range fields {
		header += f + "\n"
	}
	return header + "\n" + strings.ReplaceAll(body, "\r\n", "\n")
}

func split(field string) (name, value string) {
	name, value, _ = strings.Cut(field, ":")
	return strings.TrimRight(name, " \t"), strings.Trim(value, " \t")
}

// content is 0 in a phase that has header and body, and otherwise the refusal.
func (c *call) content() int32 {
	if c.phase < phaseIncoming || c.phase > phasePlan {
		return wire.WrongPhase
	}
	return 0
}

func (c *call) HeaderCount() int32 {
	if refused := c.content(); refused < 0 {
		return refused
	}
	return int32(len(c.fields))
}

// field answers with what read returns for field i.
func (c *call) field(i int32, buf []byte, read func(string) string) int32 {
	if refused := c.content(); refused < 0 {
		return refused
	}
	if i < 0 || int(i) >= len(c.fields) {
		return wire.NotFound
	}
	return put(buf, read(c.fields[i]))
}

func (c *call) HeaderName(i int32, buf []byte) int32 {
	return c.field(i, buf, func(f string) string { name, _ := split(f); return name })
}

func (c *call) HeaderValue(i int32, buf []byte) int32 {
	return c.field(i, buf, func(f string) string { _, value := split(f); return value })
}

func (c *call) HeaderRaw(i int32, buf []byte) int32 {
	return c.field(i, buf, func(f string) string { return f + "\r\n" })
}

func (c *call) HeaderFind(name string, from int32) int32 {
	if refused := c.content(); refused < 0 {
		return refused
	}
	for i := int(max(from, 0)); i < len(c.fields); i++ {
		if n, _ := split(c.fields[i]); strings.EqualFold(n, name) {
			return int32(i)
		}
	}
	return wire.NotFound
}

func (c *call) HeaderGet(name string, nth int32, buf []byte) int32 {
	i := c.HeaderFind(name, 0)
	for ; i >= 0 && nth > 0; nth-- {
		i = c.HeaderFind(name, i+1)
	}
	if i < 0 {
		return i
	}
	return c.HeaderValue(i, buf)
}

// may is 0 if a field of that name and value may be written, and otherwise the refusal.
func (c *call) may(name, value string) int32 {
	if refused := c.content(); refused < 0 {
		return refused
	}
	if name == "" || strings.ContainsAny(name, ": \t\r\n") || strings.ContainsAny(value, "\r\n\x00") {
		return wire.BadArgument
	}
	return 0
}

func (c *call) HeaderInsert(i int32, name, value string) int32 {
	if refused := c.may(name, value); refused < 0 {
		return refused
	}
	if i == -1 {
		i = int32(len(c.fields))
	}
	if i < 0 || int(i) > len(c.fields) {
		return wire.BadArgument
	}
	c.fields = slices.Insert(c.fields, int(i), name+": "+value)
	return 0
}

func (c *call) HeaderReplace(i int32, value string) int32 {
	if refused := c.content(); refused < 0 {
		return refused
	}
	if i < 0 || int(i) >= len(c.fields) {
		return wire.BadArgument
	}
	name, _ := split(c.fields[i])
	if refused := c.may(name, value); refused < 0 {
		return refused
	}
	c.fields[i] = name + ": " + value
	return 0
}

func (c *call) HeaderDelete(i int32) int32 {
	if refused := c.content(); refused < 0 {
		return refused
	}
	if i < 0 || int(i) >= len(c.fields) {
		return wire.BadArgument
	}
	c.fields = slices.Delete(c.fields, int(i), int(i)+1)
	return 0
}

func (c *call) HeaderSet(name, value string) int32 {
	first := c.HeaderFind(name, 0)
	if first < 0 { // in a phase without a header, HeaderInsert refuses too
		return c.HeaderInsert(-1, name, value)
	}
	if refused := c.HeaderReplace(first, value); refused < 0 {
		return refused
	}
	for i := c.HeaderFind(name, first+1); i >= 0; i = c.HeaderFind(name, i) {
		c.HeaderDelete(i)
	}
	return 0
}

func (c *call) HeaderRemove(name string) (removed int32) {
	if refused := c.content(); refused < 0 {
		return refused
	}
	for i := c.HeaderFind(name, 0); i >= 0; i = c.HeaderFind(name, i) {
		c.HeaderDelete(i)
		removed++
	}
	return removed
}

func (c *call) HeaderTemplate(name, value string) int32 {
	if c.phase != phaseOutgoing && c.phase != phasePlan {
		return wire.WrongPhase
	}
	c.templates[name] = value
	return c.HeaderSet(name, value)
}

func (c *call) BodySize() int64 {
	if refused := c.content(); refused < 0 {
		return int64(refused)
	}
	return int64(len(c.body))
}

func (c *call) BodyRead(off int64, buf []byte) int32 {
	if refused := c.content(); refused < 0 {
		return refused
	}
	if off < 0 || off > int64(len(c.body)) {
		return wire.BadArgument
	}
	return int32(copy(buf, c.body[off:]))
}

func (c *call) BodyBegin() int32 {
	if c.phase != phaseIncoming && c.phase != phaseOutgoing {
		return wire.WrongPhase
	}
	c.bodyBegun, c.newBody = true, nil
	return 0
}

func (c *call) BodyWrite(data []byte) int32 {
	if !c.bodyBegun {
		return wire.BadArgument
	}
	c.newBody = append(c.newBody, data...)
	return int32(len(data))
}

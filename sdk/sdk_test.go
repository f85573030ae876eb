package sdk_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/sdktest"
)

// header runs an edit on a mail and returns the header that is left.
func header(t *testing.T, mail string, edit func(*sdk.Message) error) string {
	t.Helper()
	h := sdktest.Host{Mail: mail}
	if err := h.Outgoing(edit); err != nil {
		t.Fatal(err)
	}
	header, _, _ := strings.Cut(h.Mail, "\n\n")
	return header
}

func TestHeader(t *testing.T) {
	const mail = "A: 1\nB: 2\na: 3\n\n"
	for name, test := range map[string]struct {
		edit func(*sdk.Message) error
		want string
	}{
		"set, replacing":  {func(m *sdk.Message) error { return m.SetHeader("a", "x") }, "A: x\nB: 2"},
		"set, new":        {func(m *sdk.Message) error { return m.SetHeader("C", "x") }, "A: 1\nB: 2\na: 3\nC: x"},
		"insert":          {func(m *sdk.Message) error { return m.InsertHeader(0, "C", "x") }, "C: x\nA: 1\nB: 2\na: 3"},
		"append":          {func(m *sdk.Message) error { return m.AppendHeader("A", "x") }, "A: 1\nB: 2\na: 3\nA: x"},
		"remove":          {func(m *sdk.Message) error { return m.RemoveHeader("A") }, "B: 2"},
		"remove no field": {func(m *sdk.Message) error { return m.RemoveHeader("Z") }, "A: 1\nB: 2\na: 3"},
		"template":        {func(m *sdk.Message) error { return m.SetHeaderTemplate("B", "{member}") }, "A: 1\nB: {member}\na: 3"},
		"replace a field": {func(m *sdk.Message) error { return sdk.Field(2).Replace("x") }, "A: 1\nB: 2\na: x"},
		"delete backwards": {func(m *sdk.Message) error {
			for i := m.FieldCount() - 1; i >= 0; i-- {
				if f := sdk.Field(i); f.Name() != "B" {
					f.Delete()
				}
			}
			return nil
		}, "B: 2"},
	} {
		if got := header(t, mail, test.edit); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestHeaderReads(t *testing.T) {
	long := strings.Repeat("long ", 500)
	h := sdktest.Host{Mail: "A: one\n two\nB: " + long + "\nA: 3\n\n"}
	err := h.Incoming(func(m *sdk.Message) error {
		if a, ok := m.Header("a"); a != "one two" || !ok {
			t.Errorf("A is %q, %v", a, ok)
		}
		if b, _ := m.Header("B"); b != strings.TrimSpace(long) {
			t.Errorf("B has %d octets", len(b))
		}
		if _, ok := m.Header("C"); ok {
			t.Error("there is a C")
		}
		if second, ok := m.FindField("A", 1); second != 2 || !ok || second.Value() != "3" || second.Raw() != "A: 3\r\n" {
			t.Errorf("the second A is field %d", second)
		}
		var names []string
		for f := range m.Fields {
			names = append(names, f.Name())
		}
		if !slices.Equal(names, []string{"A", "B", "A"}) {
			t.Errorf("the fields are %v", names)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestRefusals holds that a refused call is an error, and changes nothing.
func TestRefusals(t *testing.T) {
	h := sdktest.Host{Mail: "A: 1\n\n", Recipients: []string{"a@example.com"}}
	err := h.Incoming(func(m *sdk.Message) error {
		for name, got := range map[string]error{
			"a line end in a value":      m.SetHeader("A", "x\r\nBcc: y"),
			"a colon in a name":          m.SetHeader("A:", "x"),
			"no such field":              sdk.Field(7).Delete(),
			"a 4xx for a reject":         m.Reject(451, "", ""),
			"a 4.x.x for a reject":       m.Reject(550, "4.7.1", ""),
			"a line end in a reply":      m.Reject(0, "", "a\nb"),
			"no such recipient":          sdk.Recipient(1).Reject(0, "", ""),
			"an unknown setting":         sdk.Set("colour", "red"),
			"an unknown recipient's key": sdk.Recipient(1).SetNotify("never"),
		} {
			if got != sdk.ErrBadArgument {
				t.Errorf("%s: %v", name, got)
			}
		}
		for name, got := range map[string]error{
			"a template before expansion": m.SetHeaderTemplate("A", "x"),
			"a plan's setting":            sdk.Set("verp", "1"),
		} {
			if got != sdk.ErrWrongPhase {
				t.Errorf("%s: %v", name, got)
			}
		}
		return nil
	})
	if err != nil || h.Mail != "A: 1\n\n" || h.Verdict != (sdktest.Verdict{}) {
		t.Errorf("%v, %q, %+v", err, h.Mail, h.Verdict)
	}
}

// TestFailure holds that a handler that fails has done nothing.
func TestFailure(t *testing.T) {
	h := sdktest.Host{Mail: "A: 1\n\n"}
	failure := errors.New("out of luck")
	err := h.Incoming(func(m *sdk.Message) error {
		m.SetHeader("A", "2")
		m.Discard()
		sdk.Log(sdk.Warn, "about to fail")
		return failure
	})
	if err != failure || h.Mail != "A: 1\n\n" || h.Verdict.Action != "" {
		t.Errorf("%v, %q, %+v", err, h.Mail, h.Verdict)
	}
	if !slices.Equal(h.Log, []string{"warn: about to fail"}) {
		t.Errorf("the log is %q", h.Log)
	}
}

func TestBody(t *testing.T) {
	h := sdktest.Host{Mail: "A: 1\n\none\ntwo\n"}
	err := h.Incoming(func(m *sdk.Message) error {
		w, err := m.NewBody()
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%d octets:\r\n", m.BodySize())
		_, err = io.CopyBuffer(struct{ io.Writer }{w}, m.Body(), make([]byte, 4)) // reading goes on while writing
		return err
	})
	if want := "A: 1\n\n10 octets:\none\ntwo\n"; err != nil || h.Mail != want {
		t.Errorf("%q, %v; want %q", h.Mail, err, want)
	}
	if err := h.Incoming(func(m *sdk.Message) error { return m.ReplaceBody([]byte("x\r\n")) }); err != nil || h.Mail != "A: 1\n\nx\n" {
		t.Errorf("%q, %v", h.Mail, err)
	}
}

func TestConfig(t *testing.T) {
	h := sdktest.Host{Config: map[string]any{"n": 7, "on": true, "word": "x", "words": []string{"a", "b"}}}
	h.Init(func() error {
		if n := sdk.ConfigInt("n", 1); n != 7 {
			t.Errorf("n is %d", n)
		}
		if n := sdk.ConfigInt("word", 1); n != 1 {
			t.Errorf("a word is the number %d", n)
		}
		if !sdk.ConfigBool("on", false) || !sdk.ConfigBool("off", true) {
			t.Error("a boolean is wrong")
		}
		for path, want := range map[string][]string{"words": {"a", "b"}, "word": {"x"}, "none": nil} {
			if got := sdk.ConfigList(path); !slices.Equal(got, want) {
				t.Errorf("%s is %q, want %q", path, got, want)
			}
		}
		return nil
	})
}

func TestPlan(t *testing.T) {
	h := sdktest.Host{Recipients: []string{"a@example.com", "b@example.org"}, Mail: "A: 1\n\n"}
	err := h.Plan(func(p *sdk.Plan) error {
		for r := range p.Recipients {
			if err := r.SetHeader("X-For", r.Address()); err != nil {
				return err
			}
		}
		return errors.Join(p.SetVERP(true), p.SetByDomain(true), p.SetRecipientsMax(10), p.SetPriority(-1), p.SetHeaderTemplate("To", "{member}"))
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{"verp": "1", "chunk.by": "domain", "chunk.max_rcpts": "10", "priority": "-1"}; !maps.Equal(h.Set, want) {
		t.Errorf("the plan is %v, want %v", h.Set, want)
	}
	if h.RecipientSet[1]["header.X-For"] != "b@example.org" || h.Templates["To"] != "{member}" {
		t.Errorf("%v, %v", h.RecipientSet, h.Templates)
	}
}

func TestFiles(t *testing.T) {
	big := strings.Repeat("0123456789", 3000)
	h := sdktest.Host{Tables: map[string][]map[string]string{
		"gateway": {{"config.colour": "red"}},
		"lists":   {{"address": "a@example.com"}, {"address": "b@example.com"}},
	}}
	err := h.MTAConfig(func(inv *sdk.Inventory) error {
		f, err := inv.File("dir/lists", 0o640)
		if err != nil {
			return err
		}
		if _, err := inv.File("other", 0o640); err != sdk.ErrBadArgument {
			t.Errorf("two files are open at once: %v", err)
		}
		for row := range inv.Table("lists").Rows {
			f.WriteString(row.Get("address"), row.Get("none"))
			f.Pad(-1)
		}
		f.Pad(40)
		if err := f.Close(); err != nil {
			return err
		}
		return inv.WriteFile("big", 0o644, big+inv.Config("colour"))
	})
	want := map[string]sdktest.File{
		"dir/lists": {Mode: 0o640, Text: "a@example.com b@example.com " + strings.Repeat(" ", 40)},
		"big":       {Mode: 0o644, Text: big + "red"},
	}
	if err != nil || !maps.Equal(h.Files, want) {
		t.Errorf("%v, %.300v", err, h.Files)
	}
	for _, path := range []string{"", ".", "/etc/passwd", "../x", "a/../b", "a//b"} {
		if err := h.MTAConfig(func(inv *sdk.Inventory) error { return inv.WriteFile(path, 0o644, "") }); err != sdk.ErrBadArgument {
			t.Errorf("the path %q: %v", path, err)
		}
	}
}

// A scan gives what rows give, also where a row does not fit into its buffer.
func TestScan(t *testing.T) {
	long := strings.Repeat("x", 5000)
	h := sdktest.Host{Tables: map[string][]map[string]string{"lists": {
		{"address": "a@x", "local": "a"}, {"address": long + "@x", "local": long}, {"address": "c@x"},
	}}}
	err := h.MTAConfig(func(inv *sdk.Inventory) error {
		i, table := 0, inv.Table("lists")
		for row := range table.Scan("local", "", "address", "none") {
			want := sdk.Row{}
			for r := range table.Rows {
				if n := r.Get("address"); n == row[2] {
					want = r
				}
			}
			if want == (sdk.Row{}) || row[0] != want.Get("local") || row[1] != "" || row[3] != "" {
				t.Errorf("row %d is %.80q", i, row)
			}
			if table.Row(i) != want {
				t.Errorf("row %d is another than the scan's", i)
			}
			i++
		}
		if i != 3 {
			t.Errorf("%d rows", i)
		}
		for range table.Scan("address") {
			i++
			break
		}
		if i != 4 {
			t.Error("a scan that is left goes on")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestNoContentAtRCPT holds that a recipient handler finds no header and no body in tests,
// as it finds none in mmgw.
func TestNoContentAtRCPT(t *testing.T) {
	h := sdktest.Host{Mail: "A: 1\n\nhello\n", Recipients: []string{"a@example.com"}}
	err := h.Recipient(func(m *sdk.Message, _ sdk.Recipient) error {
		_, read := m.ReadBody(make([]byte, 9), 0)
		for name, got := range map[string]error{
			"insert":  m.InsertHeader(9, "B", "x"),
			"set":     m.SetHeader("A", "x"),
			"remove":  m.RemoveHeader("A"),
			"replace": sdk.Field(0).Replace("x"),
			"delete":  sdk.Field(0).Delete(),
			"body":    read,
		} {
			if got != sdk.ErrWrongPhase {
				t.Errorf("%s: %v", name, got)
			}
		}
		if _, found := m.FindField("A", 0); found || m.BodySize() != 0 {
			t.Errorf("a field was found, or a body of %d octets", m.BodySize())
		}
		return nil
	}, 0)
	if err != nil || h.Mail != "A: 1\n\nhello\n" {
		t.Errorf("%v, %q", err, h.Mail)
	}
}

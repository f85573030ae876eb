package sdk_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/sdktest"
)

// newsletter is a mail with an attachment in a message in it.
func newsletter() *sdktest.Host {
	return &sdktest.Host{Mail: "Subject: news\n\n(parts)\n", Parts: []sdktest.Part{
		{Type: "multipart/mixed"},
		{Type: "text/plain", Charset: "koi8-r", Text: strings.Repeat("text ", 200)},
		{Type: "message/rfc822", Text: "Subject: x\r\n"},
		{Type: "application/zip", Filename: "a.zip", Disposition: "attachment", Text: "PK", Parent: 2},
	}}
}

func TestParts(t *testing.T) {
	h := newsletter()
	err := h.Incoming(func(m *sdk.Message) error {
		var types []string
		for p := range m.Parts {
			types = append(types, p.Type())
		}
		if want := []string{"multipart/mixed", "text/plain", "message/rfc822", "application/zip"}; !slices.Equal(types, want) {
			t.Errorf("the parts are %v", types)
		}
		if text, err := sdk.Part(1).Text(); text != h.Parts[1].Text || err != nil {
			t.Errorf("%q, %v", text, err)
		}
		zip := sdk.Part(3)
		if around, ok := zip.Parent(); zip.Filename() != "a.zip" || zip.Disposition() != "attachment" || zip.Depth() != 2 || around != 2 || !ok || zip.Size() != 2 {
			t.Errorf("the attachment is %q %q in %d", zip.Filename(), zip.Disposition(), around)
		}
		if _, ok := sdk.Part(0).Parent(); ok || sdk.Part(1).Charset() != "koi8-r" {
			t.Error("the message lies in a part, or the charset is wrong")
		}
		for name, got := range map[string]error{
			"no such part": sdk.Part(4).Replace("x"),
			"no UTF-8":     sdk.Part(1).Replace("\xff"),
		} {
			if got != sdk.ErrNotFound && got != sdk.ErrBadArgument {
				t.Errorf("%s: %v", name, got)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestReplaceParts(t *testing.T) {
	h := newsletter()
	err := h.Outgoing(func(m *sdk.Message) error {
		if err := errors.Join(sdk.Part(3).Replace("gone\n"), sdk.Part(1).Replace("short")); err != nil {
			return err
		}
		if err := sdk.Part(2).Replace("no message"); err != nil || sdk.Part(3).Type() != "" {
			t.Errorf("a part outlives what it lies in: %v", err)
		}
		return nil
	})
	if err != nil || h.Parts[1].Text != "short" || h.Parts[2].Type != "text/plain" || h.Parts[2].Text != "no message" {
		t.Errorf("%v, %+v", err, h.Parts)
	}
	plain := sdktest.Host{Mail: "A: 1\n\nold\n"}
	if err := plain.Incoming(func(m *sdk.Message) error { return sdk.Part(0).Replace("new\n") }); err != nil || plain.Mail != "A: 1\n\nnew\n" {
		t.Errorf("%q, %v", plain.Mail, err)
	}
}

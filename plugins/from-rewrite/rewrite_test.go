package main

import (
	"testing"

	"github.com/mmgw/mmgw/sdk/sdktest"
)

func TestRewrite(t *testing.T) {
	for _, c := range []struct {
		name, policy, domain, from string
		want                       string // "" for as it is
	}{
		{"reject", "reject", "example.com", "Anne <anne@example.com>", "Anne via dev <dev@lists.example.org>"},
		{"quarantine", "quarantine", "example.com", "Anne <anne@example.com>", "Anne via dev <dev@lists.example.org>"},
		{"none", "none", "example.com", "Anne <anne@example.com>", ""},
		{"no policy", "", "example.com", "Anne <anne@example.com>", ""},
		{"the list's own", "reject", "lists.example.org", "Bart <bart@lists.example.org>", ""},
		{"own by setting", "reject", "mail.own.example", "Bart <bart@mail.own.example>", ""},
		{"not quite own", "reject", "badown.example", "Bart <bart@badown.example>", "Bart via dev <dev@lists.example.org>"},
		{"no name", "reject", "example.com", "anne@example.com", "anne via dev <dev@lists.example.org>"},
		{"brackets alone", "reject", "example.com", "<anne@example.com>", "anne via dev <dev@lists.example.org>"},
		{"quoted", "reject", "example.com", `"Person, <Anne> \"A\"" <anne@example.com>`, `"Person, <Anne> \"A\" via dev" <dev@lists.example.org>`},
		{"encoded", "reject", "example.com", "=?UTF-8?Q?J=C3=BCrg?= <j@example.com>", "=?UTF-8?Q?J=C3=BCrg_via_dev?= <dev@lists.example.org>"},
		{"GB18030", "reject", "qq.example", `"=?gb18030?B?xOO6ww==?=" <1@qq.example>`, "=?gb18030?B?xOO6ww==?= via dev <dev@lists.example.org>"},
		{"ISO-2022-JP", "reject", "example.com", "=?ISO-2022-JP?B?GyRCOzNFRBsoQg==?= =?ISO-2022-JP?Q?A?= <y@example.com>", "=?ISO-2022-JP?B?GyRCOzNFRBsoQg==?= =?ISO-2022-JP?Q?A?= via dev <dev@lists.example.org>"},
		{"not to be read, nor to be left", "reject", "example.com", "=?koi8-r?Q?=C1(A)?= <y@example.com>", "=?UTF-8?Q?=EF=BF=BD=28A=29_via_dev?= <dev@lists.example.org>"},
		{"done", "reject", "example.com", `"Anne via dev" <dev@lists.example.org>`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := sdktest.Host{
				Mail:   "From: " + c.from + "\nSubject: x\n\n",
				Keys:   map[string]string{"list.address": "dev@lists.example.org", "list.name": "dev", "auth.dmarc.domain": c.domain, "auth.dmarc.policy": c.policy},
				Config: map[string]any{"own": []string{"own.example"}},
			}
			for range 2 {
				if err := h.Outgoing(rewrite); err != nil {
					t.Fatal(err)
				}
				want, replies, original := c.want, c.from, c.from
				if want == "" {
					want, replies, original = c.from, "", ""
				}
				if h.Header("From") != want || h.Header("Reply-To") != replies || h.Header("X-Original-From") != original {
					t.Errorf("want From: %s in\n%s", want, h.Mail)
				}
			}
		})
	}
}

func TestReplyToStays(t *testing.T) {
	h := sdktest.Host{
		Mail: "From: anne@example.com\nReply-To: desk@example.com\n\n",
		Keys: map[string]string{"list.address": "dev@lists.example.org", "list.name": "dev", "auth.dmarc.domain": "example.com", "auth.dmarc.policy": "reject"},
	}
	if err := h.Outgoing(rewrite); err != nil || h.Header("Reply-To") != "desk@example.com" {
		t.Errorf("%v in\n%s", err, h.Mail)
	}
}

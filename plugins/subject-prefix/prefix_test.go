package main

import (
	"testing"

	"github.com/mmgw/mmgw/sdk/sdktest"
)

func TestTag(t *testing.T) {
	for _, test := range []struct{ name, prefix, subject, want string }{
		{"plain", "[dev]", "hello", "[dev] hello"},
		{"tagged", "[dev]", "[dev] hello", "[dev] hello"},
		{"tagged in capitals", "[dev]", "[DEV] hello", "[DEV] hello"},
		{"reply", "[dev]", "Re: hello", "[dev] Re: hello"},
		{"reply, tagged", "[dev]", "Re: [dev] hello", "Re: [dev] hello"},
		{"many replies, tagged", "[dev]", "AW: Re[2]: Fwd:[dev] hello", "AW: Re[2]: Fwd:[dev] hello"},
		{"a long mark", "[dev]", "Antwort: [dev] hello", "Antwort: [dev] hello"},
		{"a space before the colon", "[dev]", "Re : [dev] hello", "Re : [dev] hello"},
		{"a counted reply", "[dev]", "Re (2): [dev] hello", "Re (2): [dev] hello"},
		{"tagged by others as well", "[dev]", "[EXTERNAL] Re: [ops] [dev] hello", "[EXTERNAL] Re: [ops] [dev] hello"},
		{"a spam filter's mark", "[dev]", "***SPAM*** [dev] hello", "***SPAM*** [dev] hello"},
		{"a wide colon", "[dev]", "=?utf-8?B?5Zue5aSN77yaW2Rldl0geA==?=", "=?utf-8?B?5Zue5aSN77yaW2Rldl0geA==?="},
		{"a wide colon of another charset", "[dev]", "=?gb18030?B?u9i4tKO6W2Rldl0gxOO6ww==?=", "=?gb18030?B?u9i4tKO6W2Rldl0gxOO6ww==?="},
		{"from right to left", "[dev]", "=?utf-8?B?4oCPW2Rldl0g16nXnNeV150=?=", "=?utf-8?B?4oCPW2Rldl0g16nXnNeV150=?="},
		{"Hebrew", "[dev]", "=?utf-8?B?4oCP16rXkteV15HXlDogW2Rldl0g16nXnNeV150=?=", "=?utf-8?B?4oCP16rXkteV15HXlDogW2Rldl0g16nXnNeV150=?="},
		{"Windows-1252", "[Ö]", "RE: =?Windows-1252?Q?[=D6]_x_=96_y?=", "RE: =?Windows-1252?Q?[=D6]_x_=96_y?="},
		{"within a word", "dev:", "the x-dev: list", "dev: the x-dev: list"},
		{"shorter than the prefix", "[dev]", "de", "[dev] de"},
		{"a word before it is no mark", "[dev]", "about [dev] and us", "[dev] about [dev] and us"},
		{"empty", "[dev]", "", "[dev] (no subject)"},
		{"encoded", "[dev]", "=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=", "[dev] =?UTF-8?Q?Gr=C3=BC=C3=9Fe?="},
		{"encoded, tagged", "[dev]", "=?utf-8?Q?Re:_=5Bdev=5D_Gr=C3=BC=C3=9Fe?=", "=?utf-8?Q?Re:_=5Bdev=5D_Gr=C3=BC=C3=9Fe?="},
		{"base64, tagged", "[dev]", "=?UTF-8?B?UmU6IFtkZXZdIHg=?=", "=?UTF-8?B?UmU6IFtkZXZdIHg=?="},
		{"prefix in UTF-8", "[Ö]", "x", "=?UTF-8?Q?=5B=C3=96=5D?= x"},
		{"both encoded", "[Ö]", "=?UTF-8?Q?=C3=BC?=", "=?UTF-8?Q?=5B=C3=96=5D_?= =?UTF-8?Q?=C3=BC?="},
		{"both encoded, tagged", "[Ö]", "=?UTF-8?Q?=5B=C3=96=5D_?= =?UTF-8?Q?=C3=BC?=", "=?UTF-8?Q?=5B=C3=96=5D_?= =?UTF-8?Q?=C3=BC?="},
		{"space around", "[dev] ", "x", "[dev] x"},
		{"none wanted", "", "x", "x"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := sdktest.Host{Mail: "Subject: " + test.subject + "\n\n", Config: map[string]any{"prefix": test.prefix}}
			for range 2 { // the second time finds the prefix there
				if err := h.Incoming(tag); err != nil {
					t.Fatal(err)
				}
				if got := h.Header("Subject"); got != test.want {
					t.Errorf("Subject: %s\nwant     %s", got, test.want)
				}
			}
		})
	}
}

func TestTagWhere(t *testing.T) {
	for _, test := range []struct {
		name   string
		keys   map[string]string
		config map[string]any
		want   string
	}{
		{"the list's name", map[string]string{"list.name": "dev"}, nil, "[dev] (no subject)"},
		{"the plugin's", map[string]string{"list.name": "dev"}, map[string]any{"prefix": "[p]"}, "[p] (no subject)"},
		{"the list's", map[string]string{"list.config.prefix": "[l]"}, map[string]any{"prefix": "[p]"}, "[l] (no subject)"},
		{"the list wants none", map[string]string{"list.config.prefix": ""}, map[string]any{"prefix": "[p]"}, ""},
		{"owner mail", map[string]string{"list.name": "dev", "rcpt.0.service": "owner"}, nil, ""},
		{"a forward route", map[string]string{"rcpt.0.service": "forward"}, map[string]any{"prefix": "[p]"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := sdktest.Host{Mail: "From: a@example.com\n\n", Keys: test.keys, Config: test.config}
			if err := h.Incoming(tag); err != nil {
				t.Fatal(err)
			}
			if got := h.Header("Subject"); got != test.want {
				t.Errorf("Subject: %q, want %q", got, test.want)
			}
		})
	}
}

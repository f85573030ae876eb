package main

import (
	"strings"
	"unicode/utf8"
)

// Charsets that mmgw certainly reads. What is in others, it guesses, and a wrong
// guess would be written down. In some of them, such as UTF-7, even ASCII does
// not mean what it seems.
var (
	charsets = [...]string{"utf-8", "utf8", "iso-2022-jp", "euc-jp", "shift_jis", "gb2312", "gbk", "gb18030", "big5", "euc-kr", "ks_c_5601-1987"}
	families = [...]string{"iso-8859-", "windows-125", "koi8-"} // by what their names begin with
)

// isSure says whether s is what the octets of a part in a charset say. It is not
// where they were no text of that charset.
func isSure(charset, s string) bool {
	switch {
	case strings.IndexByte(s, 0) >= 0:
		return false
	case charset == "" || charset == "us-ascii":
		return isASCII(s)
	}
	return isKnown(charset) && !strings.Contains(s, string(utf8.RuneError))
}

// isASCII takes the escapes of ISO-2022 for what they are.
func isASCII(s string) bool {
	const escape = 0x1b
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf || s[i] == escape {
			return false
		}
	}
	return true
}

func isKnown(charset string) bool {
	for _, family := range families {
		if strings.HasPrefix(charset, family) {
			return true
		}
	}
	for _, c := range charsets {
		if c == charset {
			return true
		}
	}
	return false
}

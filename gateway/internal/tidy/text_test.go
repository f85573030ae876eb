package tidy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// machinePath is a path of someone's machine: nobody else has it.
var machinePath = regexp.MustCompile("(?:^|[\\s\"'`=(:,])(/(?:wo" + "rk|ro" + "ot|ho" + "me)/[^\\s\"'`)]+)")

func machinePaths(r *repository) []string {
	var findings []string
	for _, p := range r.files {
		data, err := fs.ReadFile(r.fsys, p)
		if err != nil {
			findings = append(findings, err.Error())
		}
		if isMail(p) || isBinary(data) {
			continue
		}
		if found := machinePath.FindSubmatchIndex(data); found != nil {
			line := 1 + bytes.Count(data[:found[2]], []byte("\n"))
			findings = append(findings, fmt.Sprintf("%s:%d: %s is a path of one machine", p, line, data[found[2]:found[3]]))
		}
	}
	return findings
}

// isMail says whether p is material from outside, kept as it came.
func isMail(p string) bool {
	return within(p, "testdata") || inTestdata(p) || slices.Contains([]string{".eml", ".msg"}, path.Ext(p))
}

func isBinary(data []byte) bool {
	const prefix = 8000 // as git looks at
	return bytes.IndexByte(data[:min(len(data), prefix)], 0) >= 0
}

// programs are the first octets of what a compiler or linker writes.
var programs = []string{"\x7fELF", "\xfe\xed\xfa", "\xcf\xfa\xed\xfe", "MZ\x90\x00", "!<arch>\n"}

// binaries finds what nobody can review: only a .wasm may be there, if the
// SHA256SUMS beside it or above it names it with its digest. Messages and
// other test data may hold any octets, but be no programs.
func binaries(r *repository) []string {
	sums, findings := checksums(r)
	for _, p := range r.files {
		data, err := fs.ReadFile(r.fsys, p)
		if err != nil {
			findings = append(findings, err.Error())
		}
		program := slices.ContainsFunc(programs, func(magic string) bool { return bytes.HasPrefix(data, []byte(magic)) })
		switch digest := sha256.Sum256(data); {
		case path.Ext(p) == ".wasm":
			if want, listed := sums[p]; !listed {
				findings = append(findings, p+" is in no SHA256SUMS")
			} else if want != hex.EncodeToString(digest[:]) {
				findings = append(findings, p+" is not what SHA256SUMS says: build it again")
			}
		case program, isBinary(data) && !isMail(p):
			findings = append(findings, p+" is a binary file")
		}
	}
	return findings
}

// checksums are the lines of all SHA256SUMS, by path; each must name a file.
func checksums(r *repository) (sums map[string]string, findings []string) {
	sums = map[string]string{}
	for _, p := range r.files {
		if path.Base(p) != "SHA256SUMS" {
			continue
		}
		text, _ := fs.ReadFile(r.fsys, p)
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			if len(fields) != 2 || !slices.Contains(r.files, path.Join(path.Dir(p), strings.TrimPrefix(fields[1], "*"))) {
				findings = append(findings, fmt.Sprintf("%s: %q names no file", p, strings.TrimSpace(line)))
				continue
			}
			sums[path.Join(path.Dir(p), strings.TrimPrefix(fields[1], "*"))] = fields[0]
		}
	}
	return sums, findings
}

var (
	markdownLink    = regexp.MustCompile(`\[([^][]*)\]\(([^)\s]+)(?:\s+"[^"]*")?\)`)
	testName        = regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark)[A-Z]\w*`)
	markdownCode    = regexp.MustCompile("(?s)```.*?```|`[^`\n]*`")
	markdownHeading = regexp.MustCompile(`(?m)^#{1,6}\s+(.+?)\s*$`)
	notInAnchor     = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// links finds links in Markdown that lead to no file or heading of the
// repository, or to Go code without a test that the link's text names. Other
// hosts are not asked.
func links(r *repository) []string {
	var findings []string
	for _, p := range r.files {
		if path.Ext(p) != ".md" || isMail(p) {
			continue
		}
		text, _ := fs.ReadFile(r.fsys, p)
		for _, match := range markdownLink.FindAllSubmatch(markdownCode.ReplaceAll(text, nil), -1) {
			if reason := deadLink(r, p, string(match[1]), string(match[2])); reason != "" {
				findings = append(findings, fmt.Sprintf("%s: link to %s: %s", p, match[2], reason))
			}
		}
	}
	return findings
}

func deadLink(r *repository, from, text, link string) string {
	u, err := url.Parse(link)
	switch {
	case err != nil:
		return err.Error()
	case u.Scheme != "":
		return ""
	}
	target := from
	if u.Path != "" {
		target = path.Join(path.Dir(from), u.Path)
	}
	switch {
	case strings.HasPrefix(u.Path, "/"):
		return "it is absolute"
	case !slices.Contains(r.files, target) && !slices.Contains(r.dirs, target):
		return "there is no such file"
	case u.Fragment != "" && path.Ext(target) == ".md" && !slices.Contains(anchors(r, target), u.Fragment):
		return "there is no such heading"
	case strings.HasSuffix(target, "_test.go"):
		return missingTest(r, target, text)
	}
	return ""
}

// missingTest says which of the tests that text names are not in the Go file p.
func missingTest(r *repository, p, text string) string {
	code, _ := fs.ReadFile(r.fsys, p)
	for _, name := range testName.FindAllString(text, -1) {
		if !bytes.Contains(code, []byte("\nfunc "+name+"(")) {
			return "it has no " + name
		}
	}
	return ""
}

// anchors are the headings of a Markdown file as links name them.
func anchors(r *repository, p string) []string {
	text, _ := fs.ReadFile(r.fsys, p)
	var all []string
	for _, match := range markdownHeading.FindAllSubmatch(text, -1) {
		anchor := notInAnchor.ReplaceAllString(strings.ToLower(string(match[1])), "")
		all = append(all, strings.ReplaceAll(anchor, " ", "-"))
	}
	return all
}

func TestMachinePaths(t *testing.T) {
	hold(t, machinePaths)
	const path = "/wo" + "rk/main/x"
	catch(t, machinePaths, map[string]string{"README.md": "a\n`" + path + "`"}, "README.md:2: "+path+" is")
	catch(t, machinePaths, map[string]string{"mta/a.go": "package mta\n\nconst dir = \"/ho" + "me/anne\"\n"}, "mta/a.go:3")
	pass(t, machinePaths, map[string]string{"README.md": "https://example.com" + path, "testdata/a.eml": path})
}

func TestBinaries(t *testing.T) {
	hold(t, binaries)
	const digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" // of nothing
	catch(t, binaries, map[string]string{"mmgw": "\x7fELF\x02"}, "binary")
	catch(t, binaries, map[string]string{"mta/testdata/a": "\x7fELF\x02"}, "binary")
	catch(t, binaries, map[string]string{"mta/a.png": "\x89PNG\x00"}, "binary")
	catch(t, binaries, map[string]string{"plugins/a/a.wasm": ""}, "in no SHA256SUMS")
	catch(t, binaries, map[string]string{"plugins/a/a.wasm": "x", "plugins/SHA256SUMS": digest + "  a/a.wasm\n"}, "build it again")
	catch(t, binaries, map[string]string{"plugins/SHA256SUMS": digest + "  a/a.wasm\n"}, "names no file")
	pass(t, binaries, map[string]string{
		"plugins/a/a.wasm": "", "plugins/SHA256SUMS": digest + "  a/a.wasm\n",
		"testdata/nul.eml": "a\x00b", "mta/testdata/fuzz/a": "\x00",
	})
}

func TestLinks(t *testing.T) {
	hold(t, links)
	catch(t, links, map[string]string{"mta/README.md": "[a](../LICENSE)"}, "no such file")
	catch(t, links, map[string]string{"a.md": "[a](b.md#two)", "b.md": "# One\n"}, "no such heading")
	catch(t, links, map[string]string{"a.md": "[a](/a.md)"}, "absolute")
	catch(t, links, map[string]string{"a.md": "[TestA, TestB](a_test.go)", "a_test.go": "package a\n\nfunc TestA(t *testing.T) {}\n"}, "no TestB")
	pass(t, links, map[string]string{
		"a.md":     "[TestA](a_test.go) [a](b/c.md#one-mails-way) ![](b/) [x](https://example.com/y) [self](#a) `[code](none)`\n# A\n",
		"b/c.md":   "## One mail's way\n",
		"b/d.html": "",

		"a_test.go": "package a\n\nfunc TestA(t *testing.T) {}\n",
	})
}

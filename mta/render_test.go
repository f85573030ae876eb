package mta

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
)

// writerFunc is a ConfigWriter in Go.
type writerFunc func() ([]gateway.File, error)

func (f writerFunc) Render(context.Context, gateway.Inventory) ([]gateway.File, error) { return f() }

func constant(files ...gateway.File) writerFunc {
	return func() ([]gateway.File, error) { return files, nil }
}

func text(path, data string) gateway.File {
	return gateway.File{Path: path, Mode: 0o644, Data: []byte(data)}
}

func TestRenderSorts(t *testing.T) {
	files, err := Render(t.Context(), constant(text("b/c", ""), text("a", ""), text(".qmail-dev", "")), nil)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, f := range files {
		paths = append(paths, f.Path)
	}
	if got := strings.Join(paths, " "); got != ".qmail-dev a b/c" {
		t.Errorf("paths are %s", got)
	}
}

func TestRenderRefuses(t *testing.T) {
	long := strings.Repeat("a", elementBytesMax+1)
	for name, files := range map[string][]gateway.File{
		"empty path":       {text("", "")},
		"dot":              {text(".", "")},
		"absolute":         {text("/etc/passwd", "")},
		"parent":           {text("../main.cf", "")},
		"parent inside":    {text("a/../../main.cf", "")},
		"not clean":        {text("a//b", "")},
		"trailing slash":   {text("a/", "")},
		"NUL":              {text("a\x00b", "")},
		"newline":          {text("a\nb", "")},
		"escape sequence":  {text("a\x1b[2Jb", "")},
		"C1 control":       {text("a\u009bb", "")},
		"not UTF-8":        {text("a\xff", "")},
		"backslash":        {text(`a\b`, "")},
		"our manifest":     {text(manifestName, "")},
		"our folder":       {text("a/"+previousName+"/b", "")},
		"long name":        {text(long, "")},
		"deep":             {text(strings.Repeat("a/", pathElementsMax)+"a", "")},
		"twice":            {text("a", "1"), text("a", "2")},
		"file and folder":  {text("a/b", ""), text("a-b", ""), text("a", "")},
		"group may write":  {{Path: "a", Mode: 0o664}},
		"others may write": {{Path: "a", Mode: 0o646}},
		"set user id":      {{Path: "a", Mode: 0o4755}},
		"file type bits":   {{Path: "a", Mode: 0o120644}},
		"no mode":          {{Path: "a"}},
		"too many":         make([]gateway.File, FilesMax+1),
	} {
		if _, err := Render(t.Context(), constant(files...), nil); !errors.Is(err, ErrRender) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
}

func TestRenderWriterFails(t *testing.T) {
	cause := errors.New("trap")
	_, err := Render(t.Context(), writerFunc(func() ([]gateway.File, error) { return nil, cause }), nil)
	if !errors.Is(err, ErrRender) || !errors.Is(err, cause) {
		t.Errorf("error is %v", err)
	}
}

// What is for people is rendered with the files, and not among those of a Tree.
func TestByHandIsNotInstalled(t *testing.T) {
	files, err := Render(t.Context(), constant(text("a", "1\n"), text("by-hand.txt", "reload it\n")), nil)
	if got, others := ByHand(files); got != "reload it\n" || len(others) != 1 || err != nil {
		t.Errorf("by hand: %q beside %v, %v", got, others, err)
	}
	if got, others := ByHand(files[:1]); got != "" || len(others) != 1 {
		t.Errorf("by hand without such a file: %q beside %v", got, others)
	}
	tree := newTree(t)
	apply(t, tree, files, Options{})
	wantHolds(t, tree, map[string]string{"a": "1\n"})
	if diff, err := tree.Diff(files); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestRenderTwice(t *testing.T) {
	if _, err := RenderTwice(t.Context(), constant(text("a", "1")), nil); err != nil {
		t.Errorf("a constant writer: %v", err)
	}
	calls := 0
	counting := writerFunc(func() ([]gateway.File, error) {
		calls++
		return []gateway.File{text("a", "same"), text("b", fmt.Sprint("written ", calls))}, nil
	})
	if _, err := RenderTwice(t.Context(), counting, nil); !errors.Is(err, ErrRender) || !strings.Contains(err.Error(), "(b)") {
		t.Errorf("a writer with a counter: %v", err)
	}
}

func TestMaps(t *testing.T) {
	files := []gateway.File{text("INSTALL", ""), text("postfix_domains", ""), text("postfix_lmtp", ""), text("postfix_main.cf", "")}
	for fileType, want := range map[string]string{
		"hash": "[postfix_domains postfix_lmtp]", "lmdb": "[postfix_domains postfix_lmtp]",
		"texthash": "[]", "regexp": "[]", "regex": "[]", "socketmap": "[]", "": "[]",
	} {
		if got := fmt.Sprint(Maps(files, fileType)); got != want {
			t.Errorf("Maps for %q are %s, want %s", fileType, got, want)
		}
	}
}

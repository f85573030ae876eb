package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// FileProblemsMax bounds the problems that are reported of one file: more than
// anybody makes by hand, but not every line of a file that is something else.
const FileProblemsMax = 100

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	File string `json:"file"` // as the operator named it, or relative to the file that did
	Line int    `json:"line"` // counted from 1; 0: the file as a whole
	Text string `json:"text"` // what is wrong
	Fix  string `json:"fix"`  // what to do about it, "" if Text says it
}

// Error is the problem in one line, as "file:line: what is wrong; what to do".
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	b.WriteString(": " + p.Text)
	if p.Fix != "" {
		b.WriteString("; " + p.Fix)
	}
	return b.String()
}

// Problems are all problems of a configuration: at most FileProblemsMax of each
// file, and one more that counts the rest. As an error it is never empty.
type Problems []Problem

// Error is one line for each problem, without a line end after the last.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Error()
	}
	return strings.Join(lines, "\n")
}

// findings collects problems, up to the limit of each file.
type findings struct {
	problems Problems
	counts   map[string]int
	order    []string // files: the configuration, then others as they came up
}

// full says whether a file has reached its limit, so that further texts need not be
// made.
func (f *findings) full(file string) bool { return f.counts[file] >= FileProblemsMax }

// add counts a problem, and keeps it unless the file has reached its limit.
func (f *findings) add(p Problem) {
	if f.counts == nil {
		f.counts = map[string]int{}
	}
	if !slices.Contains(f.order, p.File) {
		f.order = append(f.order, p.File)
	}
	if !f.full(p.File) {
		f.problems = append(f.problems, p)
	}
	f.counts[p.File]++
}

// err returns the problems by file and line, or nil.
func (f *findings) err() error {
	if len(f.problems) == 0 {
		return nil
	}
	for _, file := range f.order {
		if more := f.counts[file] - FileProblemsMax; more > 0 {
			f.problems = append(f.problems, Problem{File: file, Text: fmt.Sprintf("and %d more problems", more), Fix: "correct these first"})
		}
	}
	slices.SortStableFunc(f.problems, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(slices.Index(f.order, a.File), slices.Index(f.order, b.File)),
			cmp.Compare(uint(a.Line-1), uint(b.Line-1)), // line 0 goes last
		)
	})
	return f.problems
}

// fault is what a kind finds wrong with a value; its section adds the key. line is 0
// for the line of the key.
type fault struct {
	line      int
	text, fix string
}

// one is a single fault with the value itself.
func one(text, fix string) []fault { return []fault{{text: text, fix: fix}} }

// quote shows a value of the file to a person.
func quote(s string) string { return `"` + gateway.Printable(s) + `"` }

// anyOf is a list of choices in a sentence: "a, b or c".
func anyOf(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

package mta

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// diffContext is the number of unchanged lines around a change.
const diffContext = 3

// unified is the unified diff from old to new, "" where they are the same. It
// costs about as much as sorting the lines: what stands once in both is
// matched first, in the longest order that both share, and the rest around it.
// That is not always the shortest diff, but always a true one. Control
// characters are shown as "?".
func unified(oldName, newName string, oldText, newText []byte) string {
	if bytes.Equal(oldText, newText) {
		return ""
	}
	a, b := splitLines(oldText), splitLines(newText)
	var out strings.Builder
	fmt.Fprintf(&out, "--- %s\n+++ %s\n", oldName, newName)
	for edits := changes(a, b); len(edits) > 0; {
		n := 1
		for n < len(edits) && edits[n].oldStart-edits[n-1].oldEnd <= 2*diffContext {
			n++
		}
		writeHunk(&out, a, b, edits[:n])
		edits = edits[n:]
	}
	return out.String()
}

// splitLines keeps each line's end.
func splitLines(text []byte) []string {
	return slices.Collect(strings.Lines(string(text)))
}

// change says that lines oldStart to oldEnd of one text are lines newStart to
// newEnd of the other.
type change struct{ oldStart, oldEnd, newStart, newEnd int }

func changes(a, b []string) []change {
	var out []change
	i, j := 0, 0 // what is before is done
	for _, m := range append(anchors(a, b), pair{len(a), len(b)}) {
		if m.i < i || m.j < j {
			continue // the match before grew over this one
		}
		for i < m.i && j < m.j && a[i] == b[j] {
			i, j = i+1, j+1
		}
		for m.i > i && m.j > j && a[m.i-1] == b[m.j-1] {
			m.i, m.j = m.i-1, m.j-1
		}
		if m.i > i || m.j > j {
			out = append(out, change{i, m.i, j, m.j})
		}
		for i, j = m.i, m.j; i < len(a) && j < len(b) && a[i] == b[j]; {
			i, j = i+1, j+1
		}
	}
	return out
}

// pair is a line of each text.
type pair struct{ i, j int }

// anchors are the lines that stand once in both texts, as many of them as
// follow each other in the same order in both.
func anchors(a, b []string) []pair {
	type count struct{ inA, inB, j int }
	counts := make(map[string]count, len(a))
	for _, line := range a {
		c := counts[line]
		c.inA++
		counts[line] = c
	}
	for j, line := range b {
		c := counts[line]
		c.inB, c.j = c.inB+1, j
		counts[line] = c
	}
	var once []pair
	for i, line := range a {
		if c := counts[line]; c.inA == 1 && c.inB == 1 {
			once = append(once, pair{i, c.j})
		}
	}
	return longestAscent(once)
}

// longestAscent is the longest part of pairs, which ascend by i, that ascends
// by j as well.
func longestAscent(pairs []pair) []pair {
	var ends []int // ends[n] is where the best ascent of n+1 pairs ends
	before := make([]int, len(pairs))
	for k, p := range pairs {
		n, _ := slices.BinarySearchFunc(ends, p.j, func(end, j int) int { return pairs[end].j - j })
		before[k] = -1
		if n > 0 {
			before[k] = ends[n-1]
		}
		if n == len(ends) {
			ends = append(ends, k)
		} else {
			ends[n] = k
		}
	}
	if len(ends) == 0 {
		return nil
	}
	var ascent []pair
	for k := ends[len(ends)-1]; k >= 0; k = before[k] {
		ascent = append(ascent, pairs[k])
	}
	slices.Reverse(ascent)
	return ascent
}

func writeHunk(out *strings.Builder, a, b []string, edits []change) {
	first, last := edits[0], edits[len(edits)-1]
	lead := min(diffContext, first.oldStart)
	trail := min(diffContext, len(a)-last.oldEnd)
	fmt.Fprintf(out, "@@ -%s +%s @@\n",
		lineRange(first.oldStart-lead, last.oldEnd+trail),
		lineRange(first.newStart-lead, last.newEnd+trail))
	at := first.oldStart - lead
	for _, e := range edits {
		writeLines(out, ' ', a[at:e.oldStart])
		writeLines(out, '-', a[e.oldStart:e.oldEnd])
		writeLines(out, '+', b[e.newStart:e.newEnd])
		at = e.oldEnd
	}
	writeLines(out, ' ', a[at:at+trail])
}

// lineRange is "first,count" as diff writes it: counted from 1, and an empty
// range by the line before it.
func lineRange(start, end int) string {
	switch end - start {
	case 0:
		return fmt.Sprintf("%d,0", start)
	case 1:
		return fmt.Sprint(start + 1)
	}
	return fmt.Sprintf("%d,%d", start+1, end-start)
}

func writeLines(out *strings.Builder, mark byte, lines []string) {
	for _, line := range lines {
		text, ended := strings.CutSuffix(line, "\n")
		out.WriteByte(mark)
		out.WriteString(strings.Map(showControl, text))
		out.WriteByte('\n')
		if !ended {
			out.WriteString("\\ No newline at end of file\n")
		}
	}
}

func showControl(r rune) rune {
	if r != '\t' && isControl(r) {
		return '?'
	}
	return r
}

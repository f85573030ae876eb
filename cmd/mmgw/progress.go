package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
)

const (
	barWidth    = 30
	barInterval = 100 * time.Millisecond // often enough for people
)

// progress draws a bar, if w is a terminal.
type progress struct {
	w     io.Writer
	what  string
	total int

	drawn time.Time
}

// at draws the bar for the number that is done.
func (p *progress) at(done int) {
	if !isTerminal(p.w) || p.total == 0 || done < p.total && time.Since(p.drawn) < barInterval {
		return
	}
	p.drawn = time.Now()
	fmt.Fprint(p.w, "\r", p.bar(done))
}

func (p *progress) bar(done int) string {
	filled := min(barWidth*done/p.total, barWidth)
	return fmt.Sprintf("%s [%s%s] %d/%d", p.what, strings.Repeat("#", filled), strings.Repeat(".", barWidth-filled), done, p.total)
}

// end ends the line of the bar.
func (p *progress) end() {
	if !p.drawn.IsZero() {
		fmt.Fprintln(p.w)
	}
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(interface{ Stat() (fs.FileInfo, error) })
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

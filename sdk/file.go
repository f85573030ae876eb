package sdk

import "github.com/mmgw/mmgw/sdk/internal/abi"

// fileBufferBytes is how much a File collects before it calls mmgw, so that files with
// many short lines take few calls.
const fileBufferBytes = 8 << 10

// File begins a file with the permission bits mode. Its path is relative and clean. The
// file is complete after Close. Only one file can be open at a time.
func (inv *Inventory) File(path string, mode uint32) (*File, error) {
	if err := check(abi.FileBegin(path, int32(mode))); err != nil {
		return nil, err
	}
	return &File{inv: inv}, nil
}

// WriteFile writes a whole file.
func (inv *Inventory) WriteFile(path string, mode uint32, text string) error {
	f, err := inv.File(path, mode)
	if err != nil {
		return err
	}
	f.WriteString(text)
	return f.Close()
}

// File is a file that is being rendered. Close returns the first error of a write.
type File struct {
	inv *Inventory
	err error
}

// Write implements io.Writer.
func (f *File) Write(p []byte) (int, error) {
	f.inv.buf = append(f.inv.buf, p...)
	return len(p), f.spill()
}

// WriteString writes texts one after the other.
func (f *File) WriteString(texts ...string) {
	for _, s := range texts {
		f.inv.buf = append(f.inv.buf, s...)
	}
	f.spill()
}

// spaces are what Pad adds at a time.
const spaces = "                                "

// Pad adds n spaces, at least one.
func (f *File) Pad(n int) {
	for n = max(n, 1); n > 0; n -= len(spaces) {
		f.inv.buf = append(f.inv.buf, spaces[:min(n, len(spaces))]...)
	}
}

// Close ends the file.
func (f *File) Close() error {
	f.flush()
	if f.err == nil {
		f.err = check(abi.FileEnd())
	}
	return f.err
}

func (f *File) spill() error {
	if len(f.inv.buf) >= fileBufferBytes {
		f.flush()
	}
	return f.err
}

func (f *File) flush() {
	if f.err == nil && len(f.inv.buf) > 0 {
		f.err = check(abi.FileWrite(f.inv.buf))
	}
	f.inv.buf = f.inv.buf[:0]
}

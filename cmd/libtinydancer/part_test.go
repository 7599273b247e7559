package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

// text is something that is read where it lies.
type text struct{ data []byte }

func readText(data []byte) (*text, error) {
	if !strings.HasPrefix(string(data), "whole") {
		return nil, errors.New("not whole")
	}
	return &text{data}, nil
}

// summed is content with its checksum, and the end of its file's name.
func summed(content string) (data []byte, suffix string) {
	sum := crc32.Checksum([]byte(content), crc32.MakeTable(crc32.Castagnoli))
	data = binary.LittleEndian.AppendUint32([]byte(content), sum)
	return data, fmt.Sprintf("_%08x", binary.NativeEndian.Uint32(data[len(content):]))
}

func TestPartIsReadFromItsFile(t *testing.T) {
	whole, suffix := summed("whole")
	path := filepath.Join(t.TempDir(), "shared"+suffix)
	if _, err := readPart(part{path: path}, readText); !errors.Is(err, errNoFile) {
		t.Errorf("without the file: %v, want errNoFile", err)
	}
	mine := bytes.Clone(whole)
	v, err := readPart(part{bytes: mine, path: path}, readText)
	if err != nil {
		t.Fatal(err)
	}
	if mine[0] = 'W'; !bytes.Equal(v.data, whole) {
		t.Error("the caller's bytes were kept")
	}
	other, _ := summed("whole, and another")
	for what, content := range map[string][]byte{
		"another": other, "an empty": nil, "a short": whole[:3], "a torn": append([]byte("w\x00\x00\x00\x00"), whole[5:]...),
	} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readPart(part{path: path}, readText); !errors.Is(err, errNoFile) {
			t.Errorf("%s file: %v, want errNoFile", what, err)
		}
		if v, err := readPart(part{bytes: whole, path: path}, readText); err != nil || !bytes.Equal(v.data, whole) {
			t.Errorf("%s file, and the bytes: %v", what, err)
		}
	}
	if _, err := readPart(part{bytes: []byte("not"), path: path}, readText); err == nil || errors.Is(err, errNoFile) {
		t.Errorf("bytes that cannot be read: %v, want what is wrong with them", err)
	}

	// A file that has what the row has, which cannot be read, is not asked for again.
	unreadable, suffix := summed("of another version")
	path = filepath.Join(t.TempDir(), "shared"+suffix)
	if err := os.WriteFile(path, unreadable, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readPart(part{path: path}, readText); err == nil || errors.Is(err, errNoFile) {
		t.Errorf("a whole file that cannot be read: %v, want what is wrong with it", err)
	}
	if n := mappedBytes.Load(); n != 0 {
		t.Errorf("%d bytes are still mapped", n)
	}
}

// A file is mapped for as long as what was read of it is used.
func TestPartIsUnmapped(t *testing.T) {
	whole, suffix := summed("whole")
	path := filepath.Join(t.TempDir(), "shared"+suffix)
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	isMapped := func() bool {
		maps, err := os.ReadFile("/proc/self/maps")
		if err != nil {
			t.Skip("there is no /proc/self/maps")
		}
		return strings.Contains(string(maps), path)
	}
	v, err := readPart(part{path: path}, readText)
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	if !isMapped() {
		t.Error("not mapped while it is used")
	}
	if !bytes.Equal(v.data, whole) {
		t.Errorf("it reads %q", v.data)
	}
	runtime.KeepAlive(v)
	v = nil
	for range 200 {
		runtime.GC()
		if !isMapped() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("still mapped when nobody uses it")
}

// What is mapped and not used any more does not pile up.
func TestPartsAreUnmappedInTime(t *testing.T) {
	whole, suffix := summed("whole" + strings.Repeat("!", 8<<20))
	path := filepath.Join(t.TempDir(), "shared"+suffix)
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	before := debug.SetGCPercent(-1) // as where next to nothing else is allocated
	defer debug.SetGCPercent(before)
	for range 40 {
		if _, err := readPart(part{path: path}, readText); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond) // for the cleanup's goroutine
	}
	if n := mappedBytes.Load(); n > 2*mappedMost {
		t.Errorf("%d bytes are mapped, want about %d at most", n, mappedMost)
	}
}

package cluster

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"time"
)

// renewIdentifier gives the data directory that the control file belongs to
// another system identifier; pg_resetwal must then write a log to go with it.
// Two clusters with one identifier would take each other's transaction numbers
// for their own.
//
// ControlFileData, src/include/catalog/pg_control.h: the identifier is the
// first field, a CRC-32C of everything before it the last. The length between
// them differs from version to version, but only at the right one is the sum
// right.
func renewIdentifier(controlFile string) error {
	control, err := os.ReadFile(controlFile)
	if err != nil {
		return err
	}
	length, ok := checksummed(control)
	if !ok {
		return fmt.Errorf("%s: no checksum found in %d bytes", controlFile, len(control))
	}
	// The time in the high half, as initdb does.
	var low [4]byte
	rand.Read(low[:]) // never fails
	identifier := uint64(time.Now().Unix())<<32 | uint64(binary.NativeEndian.Uint32(low[:]))
	binary.NativeEndian.PutUint64(control, identifier)
	binary.NativeEndian.PutUint32(control[length:], controlChecksum(control[:length]))
	return os.WriteFile(controlFile, control, 0o600)
}

// checksummed returns how many bytes the checksum covers that follows them.
func checksummed(control []byte) (length int, ok bool) {
	const shortest, longest = 128, 512 // PostgreSQL 12 to 18: about 290
	for length = shortest; length <= longest && length+4 <= len(control); length += 4 {
		if binary.NativeEndian.Uint32(control[length:]) == controlChecksum(control[:length]) {
			return length, true
		}
	}
	return 0, false
}

func controlChecksum(b []byte) uint32 {
	return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
}

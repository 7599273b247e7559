package outcomes

import (
	"cmp"
	"slices"
	"strconv"
)

// IsTrain says whether the query with this id is a training row of the seed:
// about 70 % are, the same in every file and for every pool of models.
func IsTrain(seed int, id string) bool {
	return hash64(strconv.Itoa(seed)+"|"+id)%10000 < 7000
}

// Split divides the rows into those that may be seen in training and those to
// be judged on, each in the order of s. Either may be empty.
func (s *Set) Split(seed int) (train, test *Set) {
	train, test = &Set{Models: s.Models}, &Set{Models: s.Models}
	for _, row := range s.Rows {
		half := test
		if IsTrain(seed, row.ID) {
			half = train
		}
		half.Rows = append(half.Rows, row)
	}
	return train, test
}

// Stream returns the rows in the order in which the seed has them arrive, for
// learning while serving.
func (s *Set) Stream(seed int) *Set {
	prefix := "stream" + strconv.Itoa(seed) + "|"
	stream := &Set{Models: s.Models, Rows: slices.Clone(s.Rows)}
	slices.SortStableFunc(stream.Rows, func(a, b Row) int {
		return cmp.Compare(hash64(prefix+a.ID), hash64(prefix+b.ID))
	})
	return stream
}

// hash64 is FNV-1a (Fowler, Noll and Vo) of the bytes of s with most of the
// finaliser of MurmurHash3 (Appleby): FNV alone hardly moves its upper bits
// for the last byte.
func hash64(s string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	return h ^ h>>33
}

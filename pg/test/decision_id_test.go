package extension_test

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// The last 62 bits of an id decide what is drawn: none may be handed out twice,
// in or out of a transaction that is rolled back, and each is as often 0 as 1.
func TestDecisionIDsAreRandom(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	conn := db.Connect(t)
	const many = `select array_agg(ruvector_decide('{1,0}') ->> 'decision_id') from generate_series(1, 500)`
	var ids []string
	for range 4 {
		do(t, conn, `begin`)
		ids = append(ids, pgtest.One[[]string](t, conn, many)...)
		do(t, conn, `rollback`)
	}
	ids = append(ids, pgtest.One[[]string](t, db, many)...)
	seen := map[uint64]bool{}
	var ones [62]int
	for _, id := range ids {
		v, err := strconv.ParseUint(strings.ReplaceAll(id[19:], "-", ""), 16, 64)
		if err != nil || v>>62 != 2 {
			t.Fatalf("%s is no UUIDv7: %v", id, err)
		}
		if seen[v] {
			t.Fatalf("%s ends as an earlier id does", id)
		}
		seen[v] = true
		for bit := range ones {
			ones[bit] += int(v >> bit & 1)
		}
	}
	n := float64(len(ids))
	for bit, count := range ones {
		if math.Abs(float64(count)-n/2) > 5*math.Sqrt(n)/2 {
			t.Errorf("bit %d is 1 in %d of %d ids", bit, count, len(ids))
		}
	}
}

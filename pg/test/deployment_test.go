package extension_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// deploy decides most requests of two kinds at the default floor, tells how they
// went, and learns when there are 500 outcomes and whenever their number has
// doubled. "letters" is the best at the first kind, "steady" at the second and on
// the whole. It returns after how many decisions a model was promoted, 0 for
// never, and what was brought a decision, by chance and not by luck.
func deploy(t *testing.T, share float64, gain bool, most int) (promoted int, brought float64) {
	t.Helper()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "letters", "numbers", "steady")
	conn := db.Connect(t)
	do(t, conn, `set tinydancer.publish_interval = 0`)
	do(t, conn, fmt.Sprintf(`set tinydancer.challenger_share = %g`, share))
	chances := `array[[0.95, 0.3, 0.7], [0.35, 0.5, 0.7]]`
	if !gain {
		chances = `array[[0.65, 0.5, 0.7], [0.65, 0.5, 0.7]]`
	}
	do(t, conn, fmt.Sprintf(`create function live(n int) returns float8 language plpgsql as $$
		declare
			chances constant float8[] := %s;
			d jsonb;
			kind int;
			good float8;
			brought float8 := 0;
		begin
			for i in 1..n loop
				kind := 1 + floor(2 * random())::int;
				d := ruvector_decide(array[1, case kind when 1 then 1 else 0 end, case kind when 2 then 1 else 0 end, random(), random(), random()]::float4[], 'quality');
				good := chances[kind][case d ->> 'agent_name' when 'letters' then 1 when 'numbers' then 2 else 3 end];
				brought := brought + good;
				perform ruvector_feedback((d ->> 'decision_id')::uuid, quality => (random() < good)::int);
			end loop;
			return brought;
		end $$`, chances))
	const step = 50 // decisions in a transaction, after which estimates are published
	next := 500
	for made := step; made <= most; made += step {
		brought += pgtest.One[float64](t, conn, `select live($1)`, step)
		if made == next && promoted == 0 {
			next *= 2
			if state := pgtest.One[string](t, conn, `select ruvector_learn() ->> 'state'`); state == "serving" {
				promoted = made
			}
		}
	}
	return promoted, brought / float64(most)
}

// At the default floor a better model is promoted by what it brought as a
// challenger, and none without; and where there is nothing to gain none is.
func TestChallengerBringsEvidence(t *testing.T) {
	if os.Getenv("TINYDANCER_LONG") == "" {
		t.Skip("sixteen deployments of 8,000 decisions: TINYDANCER_LONG=1 runs them")
	}
	const deployments, decisions = 4, 8000
	counted := func(share float64, gain bool) int {
		t.Helper()
		after, sum := map[int]int{}, 0.0
		for range deployments {
			promoted, brought := deploy(t, share, gain, decisions)
			after[promoted]++
			sum += brought / deployments
		}
		t.Logf("share %g, gain %t: brought %.4f a decision, promoted after (0 is never) %v", share, gain, sum, after)
		return deployments - after[0]
	}
	with, without := counted(0.1, true), counted(0, true)
	if with < 2 || with <= without {
		t.Errorf("promoted in %d of %d deployments with a challenger, in %d without", with, deployments, without)
	}
	for _, share := range []float64{0.1, 0} {
		if none := counted(share, false); none > 0 {
			t.Errorf("share %g: promoted in %d of %d deployments where there is nothing to gain", share, none, deployments)
		}
	}
}

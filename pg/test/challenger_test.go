package extension_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// A request of the first kind, which "left" is good at.
const ofTheLeft = `{1.1,0.2,0.1,0.1}`

// thin is a database with a log that tells who is good at what and is too short
// for a trial.
func thin(t *testing.T, db *pgtest.Database) *pgx.Conn {
	t.Helper()
	register(t, db, "left", "right", "both")
	conn := db.Connect(t)
	do(t, conn, `set tinydancer.exploration_floor = 0.9`)
	practise(t, conn, 480) // worth 160 decisions of a policy; 200 are wanted
	do(t, conn, `select ruvector_publish_metrics()`)
	return conn
}

const states = `select string_agg(state, ' ' order by version) from ruvector_models()`

// What is learned of a thin log challenges: every session draws its agent in its
// next statement, with a propensity that is as often, and none whose snapshot is
// older or that does not see it yet. Route does not know of it.
func TestThinLogLeavesAChallenger(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	conn := thin(t, db)
	other, old := db.Connect(t), db.Connect(t)
	// What was told of agents before the learn is no news to the challenger.
	do(t, conn, `insert into tinydancer.observations (agent_id, latency_ms, success) select id, 50, false from tinydancer.agents, generate_series(1, 200) where name = 'left'`)
	do(t, conn, `select ruvector_publish_metrics()`)
	for _, q := range []*pgx.Conn{conn, other, old} {
		compare(t, q)
	}
	none := chances(t, other)
	if len(none) != 3 {
		t.Fatalf("drawn are %v", none)
	}
	route := pgtest.One[string](t, other, whoTakes)

	do(t, conn, `begin`)
	do(t, conn, `savepoint s`)
	do(t, conn, `select ruvector_learn()`)
	some := chances(t, conn)
	if some["left"] < none["left"]+0.06 { // the share alone is .07
		t.Errorf("left is drawn with %g at what it is good at, before the learn with %g", some["left"], none["left"])
	}
	alike(t, "elsewhere, before it commits", chances(t, other), none)
	do(t, conn, `rollback to s`)
	alike(t, "learned before a savepoint", chances(t, conn), none)
	do(t, conn, `select ruvector_learn()`)
	alike(t, "learned again", chances(t, conn), some)
	do(t, conn, `rollback`)
	alike(t, "after the rollback", chances(t, conn), none)

	do(t, old, `begin isolation level repeatable read`)
	alike(t, "in an old snapshot", chances(t, old), none)
	if got := pgtest.One[string](t, conn, `select format('%s: %s', r ->> 'state', r ->> 'verdict') from ruvector_learn() as r`); !strings.HasPrefix(got, "challenger: not enough evidence") {
		t.Errorf("the answer is %s", got)
	}
	if got := pgtest.One[string](t, conn, states); got != "challenger" {
		t.Errorf("ruvector_models says %s", got)
	}
	alike(t, "in an old snapshot, after the commit", chances(t, old), none)
	alike(t, "elsewhere, after the commit", chances(t, other), some)
	do(t, old, `commit`)
	alike(t, "in a snapshot that is no longer old", chances(t, old), some)
	do(t, old, `begin isolation level serializable`)
	alike(t, "serializable", chances(t, old), some)
	do(t, old, `commit`)
	if got := pgtest.One[string](t, other, whoTakes); got != route {
		t.Errorf("route chooses %s with a challenger, %s without", got, route)
	}
	cost := draw(t, other, "cost", ofTheLeft, 300).propensity

	// The share is a setting, and 0 leaves none. It is seen alone where nothing was
	// told of agents.
	do(t, conn, `delete from tinydancer.corrections`)
	alike(t, "at the share that is usual", chances(t, other), with(none, "left", 0.3, 0.1))
	for _, share := range []float64{0.4, 1e-15, 0} {
		do(t, other, fmt.Sprintf(`set tinydancer.challenger_share = %g`, share))
		alike(t, fmt.Sprintf("at a share of %g", share), chances(t, other), with(none, "left", 0.3, share))
	}
	alike(t, "cost, which no model judges", draw(t, other, "cost", ofTheLeft, 300).propensity, cost)

	// Who breaks down is no longer what the challenger takes him for.
	do(t, other, `set tinydancer.challenger_share = 0.4`)
	do(t, other, `begin`)
	do(t, other, `insert into tinydancer.observations (agent_id, latency_ms, success) select id, 50, false from tinydancer.agents, generate_series(1, 60) where name = 'left'`)
	do(t, other, `select tinydancer.fold(true)`)
	if got := chances(t, other); got["left"] > 0.3 {
		t.Errorf("left has broken down, and is drawn with %g", got["left"])
	}
	do(t, other, `rollback`)

	// Propensities are frequencies, and the log's.
	do(t, other, `reset tinydancer.challenger_share`)
	do(t, other, `set tinydancer.exploration_floor = 0.06`)
	const n = 4000
	do(t, other, `truncate tinydancer.decisions`)
	l := draw(t, other, "quality", ofTheLeft, n)
	sum := 0.0
	for name, p := range l.propensity {
		if got, sd := float64(l.drawn[name])/n, math.Sqrt(p*(1-p)/n); math.Abs(got-p) > 5*sd {
			t.Errorf("%s: propensity %g, frequency %g", name, p, got)
		}
		sum += p
	}
	if len(l.propensity) != 3 || math.Abs(sum-1) > 1e-12 {
		t.Errorf("propensities %v sum to %.15g", l.propensity, sum)
	}
	if l.propensity["left"] < 0.02+0.94*0.1 {
		t.Errorf("left is drawn with propensity %g, a challenger's is .114 at least", l.propensity["left"])
	}
	for name, p := range l.propensity {
		if got := pgtest.One[int](t, other, `select count(*)::int from tinydancer.decisions d join tinydancer.agents a on a.id = d.agent_id
			where a.name = $1 and d.propensity = $2 and d.policy_version = 0 and cardinality(d.eligible) = 3`, name, p); got != l.drawn[name] {
			t.Errorf("%s: the log has %d decisions like the answers, want %d", name, got, l.drawn[name])
		}
	}
}

// Who comes after a challenger, and what becomes of one: there is one at most,
// the latest; who never served does not come back; it serves if it is promoted.
func TestChallengersGoOn(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	conn := thin(t, db)
	other := db.Connect(t)
	compare(t, other)
	step := func(sql, want string) {
		t.Helper()
		do(t, conn, sql)
		if got := pgtest.One[string](t, conn, states); got != want {
			t.Fatalf("after %s: %s, want %s", sql, got, want)
		}
		// Where one challenges, it does so at once.
		share := 0.1
		if !strings.Contains(want, "challenger") {
			share = 0
		}
		asking := other
		if conn.PgConn().TxStatus() == 'T' {
			asking = conn
			compare(t, conn)
		}
		got := chances(t, asking)
		// What was told leads the draw whatever the share is, but for 0.
		do(t, asking, `set tinydancer.challenger_share = 1e-15`)
		none := chances(t, asking)
		do(t, asking, `reset tinydancer.challenger_share`)
		alike(t, "after "+sql, got, with(none, "left", 0.3, share))
	}
	version := func(want int64) {
		t.Helper()
		if got := pgtest.One[int64](t, other, `select (ruvector_decide('`+ofTheLeft+`') ->> 'policy_version')::bigint`); got != want {
			t.Errorf("policy_version %d, want %d", got, want)
		}
	}
	step(`select ruvector_learn()`, "challenger")
	step(`select ruvector_learn(seed => 2)`, "retired challenger")
	step(`select ruvector_learn(promote => false)`, "retired challenger refused")
	version(0)
	if err := try(t.Context(), conn, `select ruvector_rollback()`); stateOf(err) != "55000" {
		t.Errorf("who challenges does not serve: %v", err)
	}
	step(`select ruvector_promote(2)`, "retired serving refused")
	version(2)
	step(`select ruvector_learn()`, "retired serving refused challenger")
	version(2)
	step(`select ruvector_promote(3)`, "retired retired serving challenger")
	step(`select ruvector_rollback()`, "retired serving refused challenger")
	version(2)
	// One that was seen to be worse does not, and leaves none.
	do(t, conn, `begin`)
	do(t, conn, `insert into tinydancer.models (state, dimensions, model, report) select 'refused', dimensions, model, report || '{"unproven": false}' from tinydancer.models where version = 4`)
	step(`select tinydancer.challenge(max(version), null) from tinydancer.models`, "retired serving refused retired refused")
	do(t, conn, `rollback`)
	// The first has never served, so that there is nothing to go back to.
	step(`select ruvector_rollback()`, "retired refused refused challenger")
	version(0)
	if err := try(t.Context(), conn, `update tinydancer.models set state = 'challenger' where version = 1`); stateOf(err) != "23505" {
		t.Errorf("two challengers: %v", err)
	}
	// Who shows that it is better ends the challenge.
	practise(t, conn, 1500)
	step(`select ruvector_learn()`, "retired refused refused retired serving")
	version(6) // a number is gone with what was rolled back
}

// Decisions are made in one space: who reads another one than that in force does
// not challenge, whatever its row says, and ends to when another comes into force.
func TestChallengerReadsWhatIsInForce(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	talkers(t, db)
	conn, other := db.Connect(t), db.Connect(t)
	do(t, conn, `set tinydancer.exploration_floor = 0.9`)
	compare(t, other)
	converse(t, conn, 480)
	step := func(sql, want string) {
		t.Helper()
		do(t, conn, sql)
		if got := pgtest.One[string](t, conn, states); got != want {
			t.Fatalf("after %s: %s, want %s", sql, got, want)
		}
	}
	share := func(when string, want float64) {
		t.Helper()
		of := func() map[string]float64 {
			return draw(t, other, "quality", pgtest.One[string](t, other, `select ruvector_embed('`+aCode+`')::text`), 300).propensity
		}
		got := of()
		do(t, other, `set tinydancer.challenger_share = 0`)
		none := of()
		do(t, other, `reset tinydancer.challenger_share`)
		if want == 0 {
			alike(t, when, got, none)
			return
		}
		// Whom it prefers is its affair: it is tried with some hundred texts. Where no
		// model serves, what was told near the text is in it, too.
		serves := pgtest.One[bool](t, other, `select exists (select from ruvector_models() where state = 'serving')`)
		for agent := range none {
			if !serves && got[agent] > none[agent]+0.1 {
				return
			}
			if some := with(none, agent, 0.3, want); got[agent] > none[agent] {
				alike(t, when, got, some)
				return
			}
		}
		t.Errorf("%s: propensities %v, and without a challenger, too", when, got)
	}
	step(`select ruvector_learn(fit_embedder => true)`, "refused")
	if !pgtest.One[bool](t, conn, `select (report ->> 'unproven')::boolean from tinydancer.models`) {
		t.Fatal("what is not to challenge is not unproven, so that nothing is tested")
	}
	step(`select ruvector_learn()`, "refused challenger")
	share("what reads the embeddings in force", 0.1)
	step(`select ruvector_learn(fit_embedder => true, seed => 2)`, "refused challenger refused")
	share("while another embedder is tried", 0.1)

	step(`select ruvector_promote(1)`, "serving retired refused")
	// Its row says that it challenges, and yet it is not asked, though it could read
	// the numbers.
	if !pgtest.One[bool](t, conn, `select count(distinct dimensions) = 1 and count(distinct embedder_name) = 2 from tinydancer.models where version in (1, 3)`) {
		t.Fatal("the two embedders differ by their dimension: nothing is tested")
	}
	step(`update tinydancer.models set state = 'challenger' where version = 3`, "serving retired challenger")
	share("of another fitted space, by hand", 0)
	step(`update tinydancer.models set state = 'refused' where version = 3`, "serving retired refused")
	converse(t, conn, 480)
	step(`select ruvector_learn()`, "serving retired refused challenger")
	if got := pgtest.One[bool](t, conn, `select count(distinct embedder_name) = 1 from tinydancer.models where version in (1, 4)`); !got {
		t.Error("it reads another embedder than that in force")
	}
	share("of the fitted space", 0.1)
	step(`select ruvector_rollback()`, "refused retired refused retired")
	share("of a space that is no longer in force", 0)
}

// A challenger that cannot be read, or not with what agents and requests are
// embedded by, is in nobody's way; and who only routes does not even load it.
func TestChallengerIsInNobodysWay(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	conn := thin(t, db)
	do(t, conn, `select ruvector_learn()`)
	do(t, conn, `select ruvector_set_agent_embedding(name, '{1,2}') from tinydancer.agents`)
	for range 20 {
		do(t, conn, `select ruvector_decide('{2,1}', 'quality')`)
	}
	do(t, conn, `select ruvector_set_agent_embedding(name, null) from tinydancer.agents`)
	do(t, conn, `select ruvector_decide('{2,1,3}', 'quality')`)
	if err := try(t.Context(), conn, `update tinydancer.models set model = ''`); stateOf(err) != "55000" {
		t.Errorf("a version was changed: %v", err)
	}
	do(t, conn, `delete from tinydancer.models`)
	do(t, conn, `insert into tinydancer.models (state, dimensions, model, report) values ('challenger', 4, 'nonsense', '{}')`)

	var warnings []string
	config, err := pgx.ParseConfig(db.Cluster.Server.ConnString(db.Name, db.User))
	if err != nil {
		t.Fatal(err)
	}
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { warnings = append(warnings, n.Message) }
	fresh, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close(t.Context())
	do(t, fresh, whoTakes)
	do(t, fresh, `select ruvector_embed('moon')`)
	do(t, fresh, `set tinydancer.challenger_share = 0`)
	do(t, fresh, `select ruvector_decide('`+ofTheLeft+`')`)
	if len(warnings) > 0 {
		t.Errorf("who only routes, or leaves no share, loads the challenger: %q", warnings)
	}
	do(t, fresh, `reset tinydancer.challenger_share`)
	for range 3 {
		do(t, fresh, `select ruvector_decide('`+ofTheLeft+`')`)
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "cannot be read, and does not challenge") {
		t.Errorf("a challenger that cannot be read: %q", warnings)
	}
}

// A dump has the challenger.
func TestChallengerIsDumped(t *testing.T) {
	t.Parallel()
	cluster := pgtest.Shared(t)
	db := cluster.Database(t)
	conn := thin(t, db)
	do(t, conn, `select ruvector_learn()`)
	compare(t, conn)
	want := chances(t, conn)
	restored := copied(t, db, cluster)
	there := restored.Connect(t)
	compare(t, there)
	alike(t, "restored", chances(t, there), want)
	do(t, there, `set tinydancer.challenger_share = 1e-15`)
	alike(t, "restored, by what is drawn with next to no share", want, with(chances(t, there), "left", 0.3, 0.1))
	do(t, there, `select ruvector_learn()`)
	if got := pgtest.One[string](t, there, states); got != "retired challenger" {
		t.Errorf("learned in what was restored: %s", got)
	}
}

// Who may decide draws what challenges and has no say in it.
func TestChallengerIsTheOperators(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	conn := thin(t, db)
	do(t, conn, `select ruvector_learn()`)
	compare(t, conn)
	want := chances(t, conn)
	user := db.Role(t, "user")
	do(t, conn, `alter role `+user.User+` set tinydancer.exploration_floor = 0.3`)
	do(t, conn, `alter role `+user.User+` set tinydancer.exploration_scale = 1`)
	theirs := user.Connect(t)
	alike(t, "another role", chances(t, theirs), want)
	for _, setting := range []string{"exploration_floor", "exploration_scale", "optimism", "challenger_share"} {
		if err := try(t.Context(), theirs, `set tinydancer.`+setting+` = 0.05`); stateOf(err) != "42501" {
			t.Errorf("%s: got %v, want 42501", setting, err)
		}
	}
	if pgtest.One[bool](t, theirs, `select has_function_privilege('tinydancer.challenge(bigint, jsonb)', 'execute')`) {
		t.Error("everybody may have a version challenge")
	}
	for _, sql := range []string{
		`select tinydancer.challenge(1, null)`, `update tinydancer.models set state = 'refused'`, `select ruvector_learn()`,
	} {
		if err := try(t.Context(), theirs, sql); stateOf(err) != "42501" {
			t.Errorf("%s: got %v, want 42501", sql, err)
		}
	}
	do(t, conn, `alter role `+user.User+` set tinydancer.challenger_share = 0`)
	do(t, conn, `set tinydancer.challenger_share = 0`)
	alike(t, "a role without a share", chances(t, user.Connect(t)), chances(t, conn))
}

// Cancelled late, as the log is recalled for the challenger or what came of that is
// written: nothing of it is left, and the next one is whole.
func TestLearnOfAChallengerIsCancelled(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	conn := thin(t, db)
	do(t, conn, `begin`)
	begun := time.Now()
	do(t, conn, `select ruvector_learn()`)
	whole := time.Since(begun)
	do(t, conn, `rollback`)
	const left = `select (select count(*) from tinydancer.models) + (select count(*) from tinydancer.corrections)`
	cancelled := 0
	for percent := 50; percent <= 110; percent += 3 {
		do(t, conn, fmt.Sprintf(`set statement_timeout = %d`, max(1, whole.Milliseconds()*int64(percent)/100)))
		err := try(t.Context(), conn, `select ruvector_learn()`)
		do(t, conn, `set statement_timeout = 0`)
		if err == nil {
			break
		}
		if cancelled++; stateOf(err) != "57014" {
			t.Fatalf("at %d%%: %v", percent, err)
		}
		if got := pgtest.One[int](t, conn, left); got != 0 {
			t.Fatalf("at %d%%: %d rows are left", percent, got)
		}
		do(t, conn, `select ruvector_decide('{1,0,0,0}')`)
	}
	if cancelled == 0 {
		t.Error("nothing was cancelled")
	}
	do(t, conn, `truncate tinydancer.models, tinydancer.corrections`)
	if got := pgtest.One[string](t, conn, `select ruvector_learn() ->> 'state'`); got != "challenger" {
		t.Errorf("what was learned in the end is %s", got)
	}
	if got := pgtest.One[int](t, conn, left); got != 4 {
		t.Errorf("%d rows are left of a challenger and what was told of three agents, want 4", got)
	}
}

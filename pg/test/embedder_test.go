package extension_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// A world of texts: requests for code, at which "coder" is good, and for verse,
// at which "poet" is.
const (
	codeWords  = `{function,loop,pointer,compile,debug,array,python,golang,query,index,thread,struct,null,test,parser,binary}`
	verseWords = `{moon,river,love,autumn,rhyme,sonnet,heart,night,snow,garden,silence,rose,sea,song,dream,sorrow}`
	aCode      = `debug the python function and test the parser loop`
	aVerse     = `a sonnet of the autumn moon and the silence of snow`

	whoTakesTexts = `select string_agg(ruvector_route(ruvector_embed(t), 'quality') ->> 'agent_name', ' ') from (values ('` + aCode + `'), ('` + aVerse + `')) as v(t)`
)

// converse decides n requests by their texts alone, and tells how they went.
func converse(tb testing.TB, q pgtest.Querier, n int) {
	tb.Helper()
	do(tb, q, fmt.Sprintf(`do $$
		declare
			d jsonb;
			kind int;
			words text[];
			said text;
		begin
			perform setseed(0.25);
			for i in 1..%d loop
				kind := i %% 2;
				words := case kind when 0 then '%s' else '%s' end;
				select string_agg(words[1 + floor(random() * 16)::int], ' ') into said from generate_series(1, 9);
				d := ruvector_decide(null, 'quality', request => said);
				perform ruvector_feedback((d ->> 'decision_id')::uuid, latency_ms => 50,
					success => random() < case when d ->> 'agent_name' = (array['coder', 'poet'])[kind + 1] then 0.95
					                           when d ->> 'agent_name' = 'both' then 0.7 else 0.3 end);
			end loop;
		end $$`, n, codeWords, verseWords))
}

// talkers registers the agents of that world, two with a description.
func talkers(tb testing.TB, q pgtest.Querier) {
	tb.Helper()
	for _, config := range []string{
		`{"name": "coder", "metadata": {"description": "debug, compile and test a python function"}}`,
		`{"name": "poet", "metadata": {"description": "a sonnet, a rhyme, a song of the moon"}}`,
		`{"name": "both"}`,
	} {
		do(tb, q, `select ruvector_register_agent_full($1)`, config)
	}
}

// fit learns with an embedder of its own and returns the answer.
func fit(tb testing.TB, q pgtest.Querier, call string) map[string]any {
	tb.Helper()
	var answer map[string]any
	if err := json.Unmarshal([]byte(pgtest.One[string](tb, q, `select (`+call+`)::text`)), &answer); err != nil {
		tb.Fatal(err)
	}
	return answer
}

func dimensions(tb testing.TB, q pgtest.Querier) int {
	tb.Helper()
	return pgtest.One[int](tb, q, `select cardinality(ruvector_embed('debug the moon'))`)
}

const (
	embeddings = `select string_agg(name || ':' || coalesce(cardinality(embedding), 0), ' ' order by name) from tinydancer.agents where removed_at is null`
	ofTheirs   = `select bool_and(embedding = ruvector_embed(metadata ->> 'description')) from tinydancer.agents where removed_at is null and metadata ? 'description'`
)

func TestFittedEmbedderServes(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	talkers(t, db)
	conn, other, old := db.Connect(t), db.Connect(t), db.Connect(t)
	if got := pgtest.One[string](t, conn, embeddings); got != "both:0 coder:0 poet:0" {
		t.Errorf("where nobody knows what requests are embedded by, agents have embeddings of %s dimensions", got)
	}
	do(t, conn, `set tinydancer.exploration_floor = 0.9`)
	converse(t, conn, 1200)
	do(t, conn, `select ruvector_feedback((ruvector_decide(ruvector_embed('moon')) ->> 'decision_id')::uuid, success => true)`)
	if got := dimensions(t, other); got != 384 {
		t.Fatalf("before: %d dimensions", got)
	}
	do(t, old, `begin isolation level repeatable read`)
	dimensions(t, old)

	answer := fit(t, conn, `ruvector_learn(fit_embedder => true)`)
	if answer["state"] != "serving" || answer["skipped"] != 1.0 || answer["decisions"] != 1200.0 || !strings.HasPrefix(fmt.Sprint(answer["embedder"]), "fitted-") {
		t.Fatalf("learned: %v", answer)
	}
	n := dimensions(t, conn)
	if n == 384 {
		t.Fatal("the embedder in force is the one that hashes")
	}
	// The next statement of every session, but of those whose snapshot is older.
	if got := dimensions(t, other); got != n {
		t.Errorf("another session: %d dimensions, want %d", got, n)
	}
	if got := dimensions(t, old); got != 384 {
		t.Errorf("a snapshot from before: %d dimensions, want 384", got)
	}
	do(t, old, `select ruvector_decide(null, request => 'love and the sea')`)
	if err := try(t.Context(), old, `select ruvector_register_agent_full('{"name": "late", "metadata": {"description": "a song"}, "embedding": [1, 2]}')`); stateOf(err) != "40001" {
		t.Errorf("an embedding of a space that is no more in force: %v", err)
	}
	do(t, old, `rollback`)
	if got := dimensions(t, old); got != n {
		t.Errorf("its next transaction: %d dimensions, want %d", got, n)
	}
	if got := pgtest.One[string](t, other, whoTakesTexts); got != "coder poet" {
		t.Errorf("requests go to %s", got)
	}
	// Agents lie in the space of requests.
	if got, want := pgtest.One[string](t, other, embeddings), fmt.Sprintf("both:0 coder:%d poet:%d", n, n); got != want {
		t.Errorf("agents: %s, want %s", got, want)
	}
	if !pgtest.One[bool](t, other, ofTheirs) {
		t.Error("agents are not described by the embedder in force")
	}
	version := pgtest.One[int64](t, conn, `select version from ruvector_models() where state = 'serving'`)
	do(t, other, `select ruvector_decide(null, request => 'love and the sea')`)
	if got := pgtest.One[bool](t, other, `select embedder = $1 and embedding = ruvector_embed(request) and policy_version = $1 from tinydancer.decisions order by decision_id desc limit 1`, version); !got {
		t.Error("the decision does not say of which space it is")
	}
	if err := try(t.Context(), other, `select ruvector_decide(array_fill(0.5::float4, array[384]))`); stateOf(err) != "22000" {
		t.Errorf("an embedding of the old space: %v", err)
	}

	// A new agent that is described like one that is known starts from that.
	do(t, other, `select ruvector_register_agent_full('{"name": "scribe", "performance": {"quality_score": 0.85}, "metadata": {"description": "a song, a sonnet of love and snow"}}')`)
	expected := func(text string) float64 {
		t.Helper()
		return pgtest.One[float64](t, other, `select expected_quality from ruvector_explain(ruvector_embed($1), 'quality') where agent_name = 'scribe'`, text)
	}
	// Who starts from what it declares is expected to be as good at both.
	if verse, code := expected(aVerse), expected(aCode); verse < 0.85 || verse-code < 0.03 {
		t.Errorf("a new poet is expected to be %.2f at verse, %.2f at code, want it to be better at verse", verse, code)
	}
	do(t, other, `select ruvector_remove_agent('scribe')`)
	if got := pgtest.One[string](t, other, whoTakesTexts); got != "coder poet" {
		t.Errorf("removed, requests go to %s", got)
	}

	// What is learned next is learned of the space in force, and goes on with its embedder.
	converse(t, conn, 200)
	answer = fit(t, conn, `ruvector_learn(promote => false)`)
	if answer["decisions"] != 200.0 || answer["skipped"] != 1201.0 {
		t.Errorf("of two spaces %v decisions are learned from, %v left out, want 200 and 1201", answer["decisions"], answer["skipped"])
	}
	second := int64(answer["version"].(float64))
	if !pgtest.One[bool](t, conn, `select a.embedder = b.embedder and a.embedder_name = b.embedder_name from tinydancer.models a, tinydancer.models b where a.version = $1 and b.version = $2`, version, second) {
		t.Error("the next model has another embedder")
	}
	was := pgtest.One[string](t, conn, `select string_agg(ctid::text, ' ') from tinydancer.agents`)
	do(t, conn, `select ruvector_promote($1)`, second)
	if got := pgtest.One[string](t, conn, `select string_agg(ctid::text, ' ') from tinydancer.agents`); got != was {
		t.Error("agents are embedded anew though the embedder is the same")
	}
	converse(t, conn, 40)
	if got := pgtest.One[int64](t, conn, `select embedder from tinydancer.decisions order by decision_id desc limit 1`); got != second {
		t.Errorf("decided by the embedder of version %d, want %d", got, second)
	}
	if answer = fit(t, conn, `ruvector_learn(promote => false)`); answer["decisions"] != 240.0 {
		t.Errorf("of both versions %v decisions are learned from, want 240", answer["decisions"])
	}

	// Back to it, and back to none.
	if got := pgtest.One[int64](t, conn, `select ruvector_rollback()`); got != version || dimensions(t, other) != n {
		t.Errorf("rolled back to %d", got)
	}
	// An embedder that is fitted beside one in force: the model that serves is
	// asked in its own space, and the same log shows no more than it knows.
	answer = fit(t, conn, `ruvector_learn(fit_embedder => true, promote => false)`)
	over, ok := answer["over_present"].(map[string]any)
	if answer["decisions"] != 1441.0 && answer["decisions"] != 1440.0 || !ok || math.Abs(over["mean"].(float64)) > 0.1 {
		t.Errorf("over the model that serves: %v, of %v decisions", answer["over_present"], answer["decisions"])
	}

	do(t, conn, `begin`)
	do(t, conn, `select ruvector_rollback()`)
	if got := dimensions(t, conn); got != 384 {
		t.Errorf("in the transaction that rolled back to none: %d dimensions", got)
	}
	if got := dimensions(t, other); got != n {
		t.Errorf("another session, before the commit: %d dimensions, want %d", got, n)
	}
	do(t, conn, `commit`)
	for _, q := range []pgtest.Querier{conn, other} {
		if got := dimensions(t, q); got != 384 {
			t.Errorf("rolled back to none: %d dimensions", got)
		}
		do(t, q, whoTakesTexts)
	}
	if got := pgtest.One[string](t, conn, embeddings); got != "both:0 coder:0 poet:0" {
		t.Errorf("rolled back to none: %s", got)
	}
}

// What callers had embedded agents by is given back when no fitted embedder is in
// force; and who has no description is in the way of another embedder.
func TestAgentsFollowTheEmbedder(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	talkers(t, db)
	conn := db.Connect(t)
	do(t, conn, `set tinydancer.exploration_floor = 0.9`)
	converse(t, conn, 1200)
	for _, name := range []string{"coder", "both"} {
		do(t, conn, `select ruvector_set_agent_embedding($1, ruvector_embed('whatever '||$1))`, name)
	}
	const theirs = `select string_agg(name || embedding::text, ' ' order by name) from tinydancer.agents`
	before := pgtest.One[string](t, conn, theirs)

	answer := fit(t, conn, `ruvector_learn(fit_embedder => true)`)
	if answer["state"] != "candidate" || answer["promote"] != true || !strings.Contains(fmt.Sprint(answer["not_promoted"]), `1 agent with an embedding has no description to embed anew: "both"`) {
		t.Fatalf("an agent is in the way: %v", answer)
	}
	if !strings.Contains(fmt.Sprint(answer["hint"]), "ruvector_promote(1)") {
		t.Errorf("hint: %v", answer["hint"])
	}
	if got := pgtest.One[string](t, conn, theirs); got != before || dimensions(t, conn) != 384 {
		t.Errorf("what was not promoted has left something: %s", got)
	}
	for i := range 4 {
		do(t, conn, `select ruvector_register_agent_full(jsonb_build_object('name', 'z' || $1::int, 'embedding', to_jsonb(ruvector_embed('z'))))`, i)
	}
	err := db.Error(t, `select ruvector_promote(1)`)
	if err.Code != "22000" || !strings.Contains(err.Message, `5 agents with an embedding have no description to embed anew: "both", "z0", "z1" and others`) || !strings.Contains(err.Hint, "description") {
		t.Errorf("%s: %s (%s)", err.Code, err.Message, err.Hint)
	}
	do(t, conn, `select ruvector_remove_agent('z' || i) from generate_series(0, 3) i`)
	do(t, conn, `select ruvector_update_agent('both', '{"metadata": {"description": "anything at all, a poem or a program"}}')`)
	if got := pgtest.One[string](t, conn, theirs+` where removed_at is null`); got != before {
		t.Error("an embedding that was not made of the description changed with it")
	}
	do(t, conn, `select ruvector_promote(1)`)
	if n := dimensions(t, conn); !pgtest.One[bool](t, conn, ofTheirs) || pgtest.One[string](t, conn, embeddings) != fmt.Sprintf("both:%d coder:%d poet:%d", n, n, n) {
		t.Errorf("promoted: %s", pgtest.One[string](t, conn, embeddings))
	}

	// New agents start from their description; one that changes goes with it.
	do(t, conn, `select ruvector_register_agent_full('{"name": "new", "metadata": {"description": "love, rhyme and sea"}}')`)
	do(t, conn, `select ruvector_update_agent('new', '{"metadata": {"description": "compile the binary"}}')`)
	do(t, conn, `select ruvector_update_agent('new', '{"is_active": false}')`)
	if !pgtest.One[bool](t, conn, ofTheirs) {
		t.Error("an agent does not go with its description")
	}
	do(t, conn, `select ruvector_update_agent('new', '{"embedding": null}')`)
	if pgtest.One[bool](t, conn, `select embedding is not null from tinydancer.agents where name = 'new'`) {
		t.Error("an embedding that was taken away is there")
	}
	do(t, conn, `select ruvector_update_agent('new', '{"metadata": {"description": "a garden"}}')`)
	if !pgtest.One[bool](t, conn, ofTheirs) {
		t.Error("a description that came later is not embedded")
	}
	do(t, conn, `select ruvector_register_agent_full('{"name": "mute", "metadata": {"description": "…"}}'), ruvector_remove_agent('new')`)

	do(t, conn, `select ruvector_rollback()`)
	if got := pgtest.One[string](t, conn, theirs+` where name in ('coder', 'both')`); got != before {
		t.Errorf("rolled back, agents have other embeddings than before: %s", pgtest.One[string](t, conn, embeddings))
	}
	if got := pgtest.One[int](t, conn, `select count(*)::int from tinydancer.own_embeddings`); got != 0 {
		t.Errorf("%d embeddings are kept on", got)
	}
}

// Where no embedder is fitted, a description is hashed if those of others are.
func TestDescriptionsWithoutAFittedEmbedder(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	const add = `select ruvector_register_agent_full(jsonb_build_object('name', $1::text, 'metadata', '{"description": "a rhyme"}'::jsonb))`
	has := func(name string) bool {
		t.Helper()
		return pgtest.One[bool](t, db, `select coalesce(embedding = ruvector_embed('a rhyme'), false) from tinydancer.agents where name = $1`, name)
	}
	do(t, db, `select ruvector_register_agent_full('{"name": "theirs", "metadata": {"description": "a rhyme"}, "embedding": [1, 2, 3]}')`)
	do(t, db, add, "a")
	if has("a") {
		t.Error("a description is hashed beside embeddings of the caller's own")
	}
	do(t, db, `select ruvector_route('{1,0,0}')`)
	do(t, db, `select ruvector_set_agent_embedding('theirs', null)`)
	do(t, db, `select ruvector_set_agent_embedding('theirs', ruvector_embed('a rhyme'))`)
	do(t, db, add, "b")
	if !has("b") {
		t.Error("a description is not hashed beside one that is")
	}
}

// Too few texts, and a log of another space, are said so.
func TestFitEmbedderWantsTexts(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	talkers(t, db)
	conn := db.Connect(t)
	converse(t, conn, 50)
	do(t, conn, `select ruvector_feedback((ruvector_decide('{1,0,0}') ->> 'decision_id')::uuid, success => true) from generate_series(1, 40)`)
	for sql, want := range map[string]string{
		`select ruvector_learn(fit_embedder => true)`: "got 50 decisions with an outcome and the text of the request, want at least 64 (40 have no text)",
		`select ruvector_learn(fit_embedder => null)`: "fit_embedder: got NULL",
	} {
		if err := db.Error(t, sql); !strings.Contains(err.Message, want) || err.Code != "55000" && err.Code != "22004" {
			t.Errorf("%s: %s %s, want %s", sql, err.Code, err.Message, want)
		}
	}
	do(t, conn, `select ruvector_feedback((ruvector_decide('{1,0,0}', request => '   ') ->> 'decision_id')::uuid, success => true) from generate_series(1, 40)`)
	if err := db.Error(t, `select ruvector_learn(fit_embedder => true)`); err.Code != "55000" || !strings.Contains(err.Message, "50 texts have features, want at least 64") {
		t.Errorf("texts with nothing in them: %s %s", err.Code, err.Message)
	}
	if got := pgtest.One[int](t, conn, `select count(*)::int from tinydancer.models`); got != 0 {
		t.Errorf("%d models came of it", got)
	}
}

func TestFitEmbedderIsCancelled(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	talkers(t, db)
	conn := db.Connect(t)
	do(t, conn, `set tinydancer.exploration_floor = 0.9`)
	converse(t, conn, 2000)
	for _, after := range []string{"5ms", "150ms", "400ms", "900ms"} {
		do(t, conn, `set statement_timeout = '`+after+`'`)
		begun := time.Now()
		if err := try(t.Context(), conn, `select ruvector_learn(fit_embedder => true)`); stateOf(err) != "57014" {
			t.Errorf("after %s: %v", after, err)
		}
		if took := time.Since(begun); took > hang {
			t.Errorf("after %s: the cancel took %v", after, took)
		}
	}
	do(t, conn, `set statement_timeout = 0`)
	if got := pgtest.One[int](t, conn, `select count(*)::int from tinydancer.models`); got != 0 || dimensions(t, conn) != 384 {
		t.Errorf("%d models left by what was cancelled", got)
	}
}

// A model serves with the embedder that it was learned with, and no other: not
// one of another name, nor of another dimension. On a standby, and after a dump,
// it is the same.
func TestModelKeepsItsEmbedder(t *testing.T) {
	t.Parallel()
	primary := pgtest.Start(t, pgtest.Config{})
	db := primary.Database(t)
	talkers(t, db)
	conn := db.Connect(t)
	do(t, conn, `set tinydancer.exploration_floor = 0.9`)
	converse(t, conn, 300)
	standby := primary.Standby(t, nil)
	replica := standby.Open(t, db.Name).Connect(t)
	if got := dimensions(t, replica); got != 384 {
		t.Errorf("on a standby, before: %d dimensions", got)
	}
	do(t, conn, `select ruvector_learn(fit_embedder => true, promote => false)`)
	do(t, conn, `select ruvector_learn(fit_embedder => true, promote => false, seed => 2)`)
	do(t, conn, `select ruvector_learn(promote => false)`)

	copies := `insert into tinydancer.models (dimensions, model, embedder, embedder_name, report) select %s, m.model, %s, %s, '{}' from tinydancer.models m, tinydancer.models n, tinydancer.models own where m.version = 1 and n.version = 2 and own.version = 3 returning version`
	names := pgtest.All[string](t, conn, `select embedder_name from tinydancer.models order by version`)
	if names[0] == names[1] || names[2] != "own" {
		t.Fatalf("names: %v", names)
	}
	for name, c := range map[string]struct{ dimensions, embedder, embedderName, want string }{
		"another embedder":        {"m.dimensions", "n.embedder", "n.embedder_name", "got embeddings of " + names[1] + ", the model reads those of " + names[0]},
		"another, under its name": {"m.dimensions", "n.embedder", "m.embedder_name", "got embeddings of " + names[1] + ", the model reads those of " + names[0]},
		"no embedder":             {"m.dimensions", "null", "'own'", "got embeddings of the caller's own, the model reads those of " + names[0]},
		"another name":            {"m.dimensions", "m.embedder", "'fitted-0'", "the embedder: got " + names[0] + ", want fitted-0"},
		"another dimension":       {"m.dimensions + 1", "m.embedder", "m.embedder_name", "dimensions, the model reads"},
		"not an embedder":         {"m.dimensions", "'nonsense'::bytea", "m.embedder_name", "it begins with"},
	} {
		version := pgtest.One[int64](t, conn, fmt.Sprintf(copies, c.dimensions, c.embedder, c.embedderName))
		err := db.Error(t, fmt.Sprintf(`select ruvector_promote(%d)`, version))
		if err.Code != "22000" || !strings.Contains(err.Message, c.want) {
			t.Errorf("%s: %s %s, want %s", name, err.Code, err.Message, c.want)
		}
		// Where it serves all the same, it does not.
		do(t, conn, `begin`)
		do(t, conn, `update tinydancer.models set state = 'serving' where version = $1`, version)
		if got := dimensions(t, conn); got != 384 {
			t.Errorf("%s: it serves, with embeddings of %d dimensions", name, got)
		}
		do(t, conn, `rollback`)
	}

	do(t, conn, `select ruvector_promote(1)`)
	const vector = `select ruvector_embed('` + aVerse + `')::text`
	want := pgtest.One[string](t, conn, vector)
	standby.CatchUp(t)
	if got := pgtest.One[string](t, replica, vector); got != want {
		t.Errorf("on a standby it is %.60s, want %.60s", got, want)
	}
	restored := copied(t, db, primary)
	if got := pgtest.One[string](t, restored, vector); got != want {
		t.Errorf("restored it is %.60s, want %.60s", got, want)
	}
	if got := pgtest.One[string](t, restored, `select count(*) || ' ' || min(embedder) || ' ' || count(request) from tinydancer.decisions`); got != "300 0 300" {
		t.Errorf("restored: %s", got)
	}

	// Spaces are told apart by their embedder, not by their dimension.
	converse(t, conn, 30)
	do(t, conn, `select ruvector_promote(2)`)
	if pgtest.One[int](t, conn, `select count(distinct dimensions)::int from tinydancer.models where version < 3`) != 1 {
		t.Error("the two embedders differ by their dimension: nothing is tested")
	}
	converse(t, conn, 20)
	if answer := fit(t, conn, `ruvector_learn(promote => false)`); answer["decisions"] != 20.0 || answer["skipped"] != 330.0 {
		t.Errorf("of the space in force %v decisions are learned from, %v are left out, want 20 and 330", answer["decisions"], answer["skipped"])
	}
	if got := pgtest.One[string](t, conn, vector); got == want || !pgtest.One[bool](t, conn, ofTheirs) {
		t.Error("from one fitted embedder to another, agents do not go along")
	}
	do(t, conn, `select ruvector_rollback()`)
	standby.CatchUp(t)
	for name, q := range map[string]*pgx.Conn{"here": conn, "on a standby": replica} {
		if got := pgtest.One[string](t, q, vector); got != want || !pgtest.One[bool](t, q, ofTheirs) {
			t.Errorf("rolled back, %s it is %.60s, want %.60s", name, got, want)
		}
	}
}

// A parallel worker embeds by the model that its leader sees.
func TestParallelWorkersEmbed(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	talkers(t, db)
	conn := db.Connect(t)
	converse(t, conn, 100)
	do(t, conn, `create table texts as select 'moon ' || i as said from generate_series(1, 300) i`)
	do(t, conn, `select ruvector_learn(fit_embedder => true, promote => false)`)
	do(t, conn, `begin`)
	do(t, conn, `select ruvector_promote(1)`)
	want := pgtest.One[string](t, conn, `select sum((ruvector_embed(said))[1]::numeric)::text from texts`)
	do(t, conn, `commit`)
	setting := `force_parallel_mode`
	if pgtest.One[int](t, conn, `select current_setting('server_version_num')::int`) >= 160000 {
		setting = `debug_parallel_query`
	}
	do(t, conn, `set `+setting+` = on`)
	if n := launched(t, conn, `select ruvector_embed('moon')`); n != 1 {
		t.Fatalf("%d workers ran, want 1", n)
	}
	if got := pgtest.One[string](t, conn, `select sum((ruvector_embed(said))[1]::numeric)::text from texts`); got != want {
		t.Errorf("a worker embeds otherwise than the leader: %s, want %s", got, want)
	}
}

package extension_test

import (
	"testing"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// A vector type of another extension reaches us by its own implicit cast to
// real[], as pgvector's does: no dependency on it, nothing to write at a call.
func TestTypesThatCastToArrays(t *testing.T) {
	t.Parallel()
	for name, declare := range map[string]string{
		"domain": `create domain vector as float4[]`,
		"type with an implicit cast": `create type vector as (elements float4[]);
			create function to_array(vector) returns float4[] language sql immutable as 'select $1.elements';
			create function to_vector(float4[]) returns vector language sql immutable as 'select row($1)::vector';
			create cast (vector as float4[]) with function to_array as implicit;
			create cast (float4[] as vector) with function to_vector as assignment`,
	} {
		t.Run(name, func(t *testing.T) {
			db := pgtest.Shared(t).Database(t)
			db.Exec(t, declare)
			db.Exec(t, `select ruvector_register_agent_full('{"name": "left", "embedding": [1, 0]}'),
				ruvector_register_agent_full('{"name": "right", "embedding": [1, 0]}')`)
			db.Exec(t, `create table requests (id int, embedding vector);
				insert into requests values (1, array[0, 1]::float4[]::vector), (2, array[1, 0]::float4[]::vector)`)
			db.Exec(t, `select ruvector_set_agent_embedding('right', embedding) from requests where id = 1`)
			for id, want := range map[int]string{1: "right", 2: "left"} {
				for _, ask := range []string{
					`select ruvector_route(embedding) ->> 'agent_name' from requests where id = $1`,
					`select ruvector_route(embedding, 'balanced', null) ->> 'agent_name' from requests where id = $1`,
					`select decision ->> 'agent_name' from requests, ruvector_route_batch(embedding) where id = $1`,
					`select agent_name from requests, ruvector_route_table(embedding) where id = $1 and rank = 1`,
					`select agent_name from requests, ruvector_explain(embedding) where id = $1 and rank = 1`,
				} {
					if got := pgtest.One[string](t, db, ask, id); got != want {
						t.Errorf("%s: got %q for %d, want %q", ask, got, id, want)
					}
				}
			}
		})
	}
}

package extension_test

const (
	// toldOf is what was told of agents since their metrics were reset: outcomes
	// as they are known now, and observations.
	toldOf = `with reports as materialized (
		  select decision_id, (array_agg(latency_ms order by f.id desc) filter (where latency_ms is not null))[1] as latency_ms,
		         (array_agg(success order by f.id desc) filter (where success is not null))[1] as success,
		         (array_agg(quality order by f.id desc) filter (where quality is not null))[1] as quality
		    from tinydancer.feedback f join tinydancer.decisions d using (decision_id) left join tinydancer.estimates e using (agent_id)
		   group by 1 having bool_or(pg_visible_in_snapshot(f.xid, e.reset_snap)) is not true),
		outcomes as materialized (select * from tinydancer.decisions join reports using (decision_id)),
		told as materialized (
		  select agent_id, latency_ms, coalesce(success, case when quality is not null then true end) as success, quality from outcomes
		  union all
		  select o.agent_id, o.latency_ms, o.success, o.quality from tinydancer.observations o left join tinydancer.estimates e using (agent_id)
		   where pg_visible_in_snapshot(o.xid, e.reset_snap) is not true
		  union all
		  select agent_id, null, null, null from tinydancer.estimates) `

	// figuresOff is the agents whose figures, published and not, are not those.
	// Sums may be off by what rounding takes from the largest number among them.
	figuresOff = toldOf + `, anew as materialized (select agent_id, count(success) as requests, count(*) filter (where success) as successes,
		       count(quality) filter (where success) as rated_successes, count(quality) filter (where not success) as rated_failures,
		       coalesce(sum(quality) filter (where success), 0) as good, coalesce(sum(quality) filter (where not success), 0) as bad,
		       count(latency_ms) as latencies, coalesce(sum(latency_ms), 0) as latency_sum from told group by 1),
		observed as materialized (select * from tinydancer.observed),
		buckets as materialized (select agent_id, bucket, sum(n) as n from (select * from tinydancer.latency_histogram union all select * from tinydancer.tail_histogram
		       union all select agent_id, tinydancer.latency_bucket(latency_ms), -1 from told where latency_ms is not null) as h group by 1, 2)
		select coalesce(string_agg(format('%s: %s, not %s', agent_id, o, a), '; '), '') from anew a full join observed o using (agent_id)
		 where (a.requests, a.successes, a.rated_successes, a.rated_failures, a.latencies)
		       is distinct from (o.requests, o.successes, o.rated_successes, o.rated_failures, o.latencies)
		    or abs(a.good - o.success_quality_sum) + abs(a.bad - o.failure_quality_sum) > 1e-9
		    or abs(a.latency_sum - o.latency_sum) > 1e-10 * (1 + (select coalesce(sum(latency_ms), 0) from tinydancer.feedback) + (select coalesce(sum(latency_ms), 0) from tinydancer.observations))
		    or exists (select from buckets b where b.agent_id = o.agent_id and b.n <> 0)`

	// sumsOff is [offBy] and [nearbyOff], of what was not forgotten since: by a
	// reset, or an alarm, after which sums are no longer of everything. What is left of
	// a challenge that has ended nobody reads.
	sumsOff = toldOf + `, judged as (
		  select o.agent_id, m.version as policy_version, o.policy_version = 0 as near, tinydancer.correct(null, o.decision_id, o.features, o.model_quality,
		         coalesce(o.quality, case when o.success then tinydancer.success_worth(m.before) else 0 end),
		         coalesce(o.success, true), o.quality is not null, false, false, o.policy_version = 0 order by o.decision_id) as told
		    from outcomes o join tinydancer.models m on m.version = case o.policy_version when 0 then o.challenger else o.policy_version end
		   where o.features is not null and (o.success is not null or o.quality is not null) and (o.policy_version > 0 or m.state = 'challenger')
		   group by 1, 2, 3),
		kept as (select *, policy_version in (select version from tinydancer.models where state = 'challenger') as near from tinydancer.corrections
		        where cardinality(state) <> 463 or policy_version in (select version from tinydancer.models where state = 'challenger')),
		sums as (
		  select agent_id, k.state[18:187] as kept, null::float8[] as began, j.told[19:188] as anew from kept k full join judged j using (agent_id, policy_version, near)
		   where not near and (agent_id, policy_version) not in (select agent_id, policy_version from tinydancer.alarm_log)
		  union all
		  select agent_id, k.state[1:2] || k.state[5:], b.state[1:2] || b.state[5:], j.told[2:3] || j.told[6:]
		    from kept k full join judged j using (agent_id, policy_version, near) full join began b using (agent_id, policy_version) where near is not false)
		select coalesce(max(abs(coalesce(x, 0) - coalesce(y, 0) - coalesce(z, 0))), 0)::float8 from sums, unnest(kept, began, anew) as u(x, y, z)`

	// answersOff is how many answers to a request do not fit those of explain, or
	// are no probabilities.
	answersOff = `select count(*) from unnest('{cost,latency,quality,balanced}'::text[]) as t,
		lateral (select ruvector_route($1::text::float4[], t) as r, ruvector_decide($1::text::float4[], t) as d) as a,
		lateral (select * from ruvector_explain($1::text::float4[], t) where rank = 1) as x, tinydancer.agents g
		where g.name = d ->> 'agent_name' and g.removed_at is null and not coalesce(g.is_active and r ->> 'agent_name' = x.agent_name
		  and (r ->> 'confidence')::float8 between 0 and 1 and (r ->> 'expected_quality')::float8 = x.expected_quality and x.expected_quality between 0 and 1
		  and (d ->> 'propensity')::float8 > 0 and (d ->> 'propensity')::float8 <= 1 and (d -> 'explored')::boolean = (d ->> 'agent_name' <> x.agent_name)
		  and (d ->> 'policy_version')::bigint = coalesce((select version from tinydancer.models where state = 'serving'), 0)
		  and abs((select sum(value::float8) from jsonb_each_text(x.contributions)) - x.score) < 1e-9, false)`

	// someDecisions makes functions: of a request of one of two kinds the text, and
	// the embedding in the space in force; and n decisions about those, which differ
	// in who is good at them, told of in all the ways there are.
	someDecisions = `
		create function a_text(kind int) returns text language sql as $$
			select format('please %%s item %%s', (array['prove the theorem of', 'debug the code of'])[1 + kind], floor(40 * random())) $$;
		create function an_embedding(kind int) returns float4[] language sql as $$
			select case when %[1]t or exists (select from tinydancer.models where state = 'serving' and embedder is not null) then ruvector_embed(a_text(kind))
			            else (array[random() + 1e-3, 5 * kind, random() - 0.5, -1, random()]::float4[])[:coalesce((select dimensions from tinydancer.models where state = 'serving'),
			                 (select max(cardinality(embedding)) from tinydancer.agents where removed_at is null), (select dimensions from began_with))] end $$;
		create function pick(variadic of float8[]) returns float8 language sql as $$ select "of"[1 + floor(cardinality("of") * random())::int] $$;
		create function some_decisions(seed float8, n int) returns void language plpgsql as $$
			declare e float4[]; d jsonb; id uuid; kind int; good boolean; begin
			perform setseed(seed);
			for i in 1..n loop
				kind := i %% 2;
				e := an_embedding(kind);
				d := ruvector_decide(case when random() < 0.05 then array[e, an_embedding(1 - kind)] else e end, (array['quality', 'balanced', 'cost', 'latency'])[pick(1, 1, 1, 2, 3, 4)],
				                     case when random() < 0.1 then '{"on_no_match": "null", "required_capabilities": ["code"]}'::jsonb end,
				                     case when random() < seed then 's' || i / 9 end, request => case when random() < 0.9 then a_text(kind) end);
				continue when d is null;
				id := (d ->> 'decision_id')::uuid;
				good := random() < case abs(hashtext(d ->> 'agent_name') + kind) %% 2 when 0 then 0.9 else 0.2 end;
				for told in 1..pick(0, 1, 1, 1, 2) loop
					perform ruvector_feedback(id, pick(null, 0, 0.25, 50, 3000, 1e9), case when random() < 0.8 then good end,
					                          pick(null, null, null, 0, 0.25, 1), pick(null, 0, 0.01, 1e12), 0);
					good := random() < 0.5;
				end loop;
			end loop; end $$`

	// rememberBegan keeps what a learn left its challenger, while there is one.
	rememberBegan = `do $$ begin
		if exists (select from tinydancer.models where state = 'challenger' and version not in (select version from of_challenger)) then
			delete from began; delete from of_challenger;
			insert into began select c.* from tinydancer.corrections c join tinydancer.models m on version = policy_version where m.state = 'challenger';
			insert into of_challenger select version from tinydancer.models where state = 'challenger';
		elsif not exists (select from tinydancer.models where state = 'challenger') then
			delete from began;
		end if; end $$`
)

-- What the tables let in can be added up and averaged without an error:
-- latencies end at 31 years, and what is next to nothing is 0. Apart from the
-- tables, because an upgrade makes the constraints anew. Constants have the
-- type of their column, so that no other operator fits them better.

ALTER TABLE tinydancer.agents
    ADD CONSTRAINT agents_name_check CHECK (name ~ '\S' AND octet_length(name) <= 255),
    ADD CONSTRAINT agents_type_check CHECK (agent_type ~ '\S' AND octet_length(agent_type) <= 255),
    ADD CONSTRAINT agents_capabilities_check CHECK (array_position(capabilities, NULL::text) IS NULL),
    ADD CONSTRAINT agents_cost_per_request_check CHECK (cost_per_request >= float8 '0' AND cost_per_request < float8 'Infinity'),
    ADD CONSTRAINT agents_cost_per_token_check CHECK (cost_per_token >= float8 '0' AND cost_per_token < float8 'Infinity'),
    ADD CONSTRAINT agents_monthly_fixed_check CHECK (monthly_fixed >= float8 '0' AND monthly_fixed < float8 'Infinity'),
    ADD CONSTRAINT agents_latency_check CHECK (declared_latency_ms = float8 '0' OR declared_latency_ms BETWEEN float8 '1e-100' AND float8 '1e12'),
    ADD CONSTRAINT agents_p95_check CHECK (declared_p95_ms = float8 '0' OR declared_p95_ms BETWEEN float8 '1e-100' AND float8 '1e12'),
    ADD CONSTRAINT agents_p99_check CHECK (declared_p99_ms = float8 '0' OR declared_p99_ms BETWEEN float8 '1e-100' AND float8 '1e12'),
    ADD CONSTRAINT agents_quality_check CHECK (declared_quality = float8 '0' OR declared_quality BETWEEN float8 '1e-100' AND float8 '1'),
    ADD CONSTRAINT agents_success_rate_check CHECK (declared_success_rate = float8 '0' OR declared_success_rate BETWEEN float8 '1e-100' AND float8 '1'),
    ADD CONSTRAINT agents_requests_check CHECK (declared_requests BETWEEN bigint '0' AND bigint '1000000000000000'),
    ADD CONSTRAINT agents_embedding_check CHECK (tinydancer.is_embedding(embedding)),
    ADD CONSTRAINT agents_metadata_check CHECK (jsonb_typeof(metadata) = 'object');

ALTER TABLE tinydancer.observations
    ADD CONSTRAINT observations_latency_check CHECK (latency_ms = float8 '0' OR latency_ms BETWEEN float8 '1e-100' AND float8 '1e12'),
    ADD CONSTRAINT observations_quality_check CHECK (quality = float8 '0' OR quality BETWEEN float8 '1e-100' AND float8 '1');

ALTER TABLE tinydancer.row_security
    ADD CONSTRAINT row_security_required_check CHECK (required);

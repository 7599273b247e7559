/*
 * decide: route's logged twin. It explores, records the decision with the
 * probability that it had, and returns its id.
 */
#include "tinydancer.h"

#include <time.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

/*
 * Random bytes, drawn for some decisions at a time: asking OpenSSL costs 2 µs,
 * for eight bytes as for hundreds. What was handed out is wiped.
 */
static void
draw_random(unsigned char *to, int n)
{
	static unsigned char pool[512];
	static int	left = 0;

	if (left < n)
	{
		left = 0;
		if (!pg_strong_random(pool, sizeof(pool)))
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg("tinydancer: no random bytes for a decision_id")));
		left = sizeof(pool);
	}
	left -= n;
	memcpy(to, pool + left, n);
	memset(pool + left, 0, n);
}

/*
 * A UUIDv7 (RFC 9562): 48 bits of milliseconds, version, 12 bits of what is
 * left of the millisecond, variant, 62 random bits. Within a session they go
 * up, if the clock does.
 */
static pg_uuid_t *
new_id(void)
{
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));
	struct timespec now;
	uint64		ms;
	uint32		fraction;

	clock_gettime(CLOCK_REALTIME, &now);
	ms = (uint64) now.tv_sec * 1000 + now.tv_nsec / 1000000;
	fraction = (uint32) ((now.tv_nsec % 1000000) * UINT64CONST(4096) / 1000000);
	for (int i = 0; i < 6; i++)
		id->data[i] = (unsigned char) (ms >> (8 * (5 - i)));
	draw_random(id->data + 8, UUID_LEN - 8);
	id->data[6] = (unsigned char) (0x70 | (fraction >> 8));
	id->data[7] = (unsigned char) fraction;
	id->data[8] = (unsigned char) (0x80 | (id->data[8] & 0x3f));
	return id;
}

/* ---- the record ---- */

enum
{
	DECISION_ID, AGENT_ID, PROPENSITY, POLICY_VERSION, EXPLORED, OPTIMIZE_FOR, CONSTRAINTS, SESSION,
	EMBEDDING, ELIGIBLE, EXPECTED_QUALITY, ESTIMATED_COST, ESTIMATED_LATENCY, ROLE,
	PREVIOUS, HEARD, STATE, REQUEST, EMBEDDER, FEATURES, MODEL_QUALITY, CHALLENGER, COLUMNS
};

static void
insert_decision(Datum *values, const char *nulls)
{
	static SPIPlanPtr plan = NULL;

	if (plan == NULL)
	{
		static Oid	types[COLUMNS] = {
			UUIDOID, INT8OID, FLOAT8OID, INT8OID, BOOLOID, TEXTOID, JSONBOID, TEXTOID,
			FLOAT4ARRAYOID, INT8ARRAYOID, FLOAT8OID, FLOAT8OID, FLOAT8OID, NAMEOID,
			UUIDOID, FLOAT8ARRAYOID, FLOAT4ARRAYOID, TEXTOID, INT8OID,
			FLOAT4ARRAYOID, FLOAT8OID, INT8OID
		};

		plan = SPI_prepare("INSERT INTO tinydancer.decisions VALUES"
						   " ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)",
						   COLUMNS, types);
		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "tinydancer: cannot prepare: %s", SPI_result_code_string(SPI_result));
	}
	if (SPI_execute_plan(plan, values, nulls, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "tinydancer: cannot record a decision");
}

/* What the tape of a decision begins with: values of columns, then jsonb. */
static Datum
next(td_tape *tape)
{
	bool		isnull;

	return td_tape_datum(tape, &isnull);
}

static ArrayType *
next_ids(td_tape *tape)
{
	int64		n = DatumGetInt64(next(tape));
	Datum	   *elements = palloc(n * sizeof(Datum));

	for (int64 i = 0; i < n; i++)
		elements[i] = next(tape);
	return construct_array(elements, n, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
}

/* The features of the request, and what the model expected; none of either. */
static void
next_features(td_tape *tape, Datum *values, char *nulls)
{
	int64		n = DatumGetInt64(next(tape));
	Datum	   *elements = palloc(n * sizeof(Datum));

	for (int64 i = 0; i < n; i++)
		elements[i] = Float4GetDatum((float4) DatumGetFloat8(next(tape)));
	if (n == 0)
	{
		values[FEATURES] = values[MODEL_QUALITY] = (Datum) 0;
		nulls[FEATURES] = nulls[MODEL_QUALITY] = 'n';
		return;
	}
	values[FEATURES] = PointerGetDatum(construct_array(elements, n, FLOAT4OID, sizeof(float4), true, TYPALIGN_INT));
	values[MODEL_QUALITY] = next(tape);
}

static ArrayType *
array_of(const double *numbers, int n)
{
	Datum	   *elements = palloc(n * sizeof(Datum));

	for (int i = 0; i < n; i++)
		elements[i] = Float8GetDatum(numbers[i]);
	return construct_array(elements, n, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
}

/* As much of a text as the embedder reads: embed.MaxTextBytes. */
#define MAX_REQUEST (128 * 1024)

static text *
request_text(text *request)
{
	int			n = VARSIZE_ANY_EXHDR(request);

	if (n <= MAX_REQUEST)
		return request;
	return cstring_to_text_with_len(VARDATA_ANY(request), pg_mbcliplen(VARDATA_ANY(request), n, MAX_REQUEST));
}

static Datum
decide(FunctionCallInfo fcinfo)
{
	td_reply   *reply = td_scratch_reply();
	td_request	request;
	td_tape		tape;
	Datum		values[COLUMNS],
				result;
	char		nulls[COLUMNS + 1];
	NameData	role;
	pg_uuid_t  *id = new_id();
	text	   *words = PG_ARGISNULL(4) ? NULL : request_text(PG_GETARG_TEXT_PP(4));
	ArrayType  *embedding;
	MemoryContext outer = CurrentMemoryContext;
	td_turn		turn = {.found = false};
	bool		isnull;

	memset(nulls, ' ', COLUMNS);
	nulls[COLUMNS] = '\0';
	td_begin_to_decide();
	if (!PG_ARGISNULL(3))
		td_check_session(PG_GETARG_TEXT_PP(3));
	if (!PG_ARGISNULL(0))
		embedding = PG_GETARG_ARRAYTYPE_P(0);
	else if (words != NULL)
		embedding = td_embedding_of("request", words);
	else
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("request embedding: got NULL, want an array of numbers, or the text of the request"),
				 errhint("Does the row that it was selected from exist, and has it been embedded?")));
	namestrcpy(&role, GetUserNameFromId(td_caller_id(), false));
	td_read_request_of(fcinfo, embedding, &request);
	if (!PG_ARGISNULL(3))
	{
		td_continue_session(PG_GETARG_TEXT_PP(3), &role, id, &request, &turn);
		request.router = td_current_router();	/* a query has run since */
	}
	request.decision_id = id->data;
	TD_CALL(reply, decide, &request, reply);
	if (reply->len == 0)
	{
		fcinfo->isnull = true;	/* "on_no_match": "null" */
		return (Datum) 0;
	}
	tape = (td_tape) {reply->data, reply->data + reply->len};

	values[DECISION_ID] = UUIDPGetDatum(id);
	values[AGENT_ID] = next(&tape);
	values[PROPENSITY] = next(&tape);
	values[POLICY_VERSION] = next(&tape);
	values[EXPLORED] = next(&tape);
	values[OPTIMIZE_FOR] = next(&tape);
	values[EXPECTED_QUALITY] = next(&tape);
	values[ESTIMATED_COST] = next(&tape);
	values[ESTIMATED_LATENCY] = next(&tape);
	values[ELIGIBLE] = PointerGetDatum(next_ids(&tape));
	next_features(&tape, values, nulls);
	values[CHALLENGER] = next(&tape);
	values[EMBEDDER] = next(&tape);
	values[STATE] = td_tape_floats(&tape, &isnull);
	if (isnull)
		nulls[STATE] = 'n';
	if (turn.found)
	{
		values[PREVIOUS] = UUIDPGetDatum(&turn.previous);
		values[HEARD] = PointerGetDatum(array_of(turn.heard, TD_HEARD));
	}
	else
		nulls[PREVIOUS] = nulls[HEARD] = 'n';
	values[EMBEDDING] = PointerGetDatum(embedding);
	values[REQUEST] = PointerGetDatum(words);
	if (words == NULL)
		nulls[REQUEST] = 'n';
	for (int argument = 2; argument <= 3; argument++)
	{
		int			column = argument == 2 ? CONSTRAINTS : SESSION;

		values[column] = PG_ARGISNULL(argument) ? (Datum) 0 : PG_GETARG_DATUM(argument);
		if (PG_ARGISNULL(argument))
			nulls[column] = 'n';
	}
	values[ROLE] = NameGetDatum(&role);
	result = td_tape_jsonb(&tape);

	SPI_connect();
	insert_decision(values, nulls);
	SPI_finish();
	MemoryContextSwitchTo(outer);
	return result;
}

/* decide(embedding, optimize_for, constraints, session, request). */
PG_FUNCTION_INFO_V1(td_decide);
Datum
td_decide(PG_FUNCTION_ARGS)
{
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("ruvector_decide records its decision, which a standby cannot do"),
				 errhint("ruvector_route answers here, and records nothing.")));
	if (XactReadOnly)
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("ruvector_decide records its decision, which a read-only transaction cannot do"),
				 errhint("ruvector_route answers here, and records nothing.")));
	return td_as_owner(decide, fcinfo, td_owner_id());
}
